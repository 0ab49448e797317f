//! The client's side of TLS, from a kubeconfig.

use std::sync::Arc;

use anyhow::{Context as _, Result, ensure};
use rustls::client::danger::{HandshakeSignatureValid, ServerCertVerified, ServerCertVerifier};
use rustls::crypto::{CryptoProvider, ring, verify_tls12_signature, verify_tls13_signature};
use rustls::{ClientConfig, DigitallySignedStruct, Error, RootCertStore, SignatureScheme};
use rustls_pki_types::pem::PemObject as _;
use rustls_pki_types::{CertificateDer, PrivateKeyDer, ServerName, UnixTime};

use super::kubeconfig::{Kubeconfig, Trust};

/// The configuration for `kubeconfig`; `protocol` is asked for by ALPN.
///
/// # Errors
/// Where a certificate or a key is none.
pub(crate) fn configuration(kubeconfig: &Kubeconfig, protocol: &[u8]) -> Result<ClientConfig> {
    let provider = Arc::new(ring::default_provider());
    let builder = ClientConfig::builder_with_provider(Arc::clone(&provider))
        .with_safe_default_protocol_versions()
        .context("choosing TLS versions")?;
    let builder = match &kubeconfig.trust {
        Trust::Authority(pem) => {
            let mut roots = RootCertStore::empty();
            for certificate in certificates(pem).context("reading the certificate authority")? {
                roots.add(certificate).context("reading the certificate authority")?;
            }
            builder.with_root_certificates(roots)
        }
        Trust::Anybody => builder.dangerous().with_custom_certificate_verifier(Arc::new(Unverified { provider })),
    };
    let mut configuration = match &kubeconfig.certificate {
        Some((chain, key)) => {
            let chain = certificates(chain).context("reading the client's certificate")?;
            let key = PrivateKeyDer::from_pem_slice(key).context("reading the client's key")?;
            builder.with_client_auth_cert(chain, key).context("using the client's certificate")?
        }
        None => builder.with_no_client_auth(),
    };
    configuration.alpn_protocols = vec![protocol.to_vec()];
    Ok(configuration)
}

fn certificates(pem: &[u8]) -> Result<Vec<CertificateDer<'static>>> {
    let certificates = CertificateDer::pem_slice_iter(pem).collect::<Result<Vec<_>, _>>()?;
    ensure!(!certificates.is_empty(), "there is no certificate");
    Ok(certificates)
}

/// Believes that any certificate is the server's, which a kubeconfig may ask for; the key has to be the certificate's.
#[derive(Debug)]
struct Unverified {
    provider: Arc<CryptoProvider>,
}

impl ServerCertVerifier for Unverified {
    fn verify_server_cert(
        &self,
        _: &CertificateDer<'_>,
        _: &[CertificateDer<'_>],
        _: &ServerName<'_>,
        _: &[u8],
        _: UnixTime,
    ) -> Result<ServerCertVerified, Error> {
        Ok(ServerCertVerified::assertion())
    }

    fn verify_tls12_signature(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signature: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        let algorithms = &self.provider.signature_verification_algorithms;
        verify_tls12_signature(message, certificate, signature, algorithms)
    }

    fn verify_tls13_signature(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signature: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        let algorithms = &self.provider.signature_verification_algorithms;
        verify_tls13_signature(message, certificate, signature, algorithms)
    }

    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        self.provider.signature_verification_algorithms.supported_schemes()
    }
}
