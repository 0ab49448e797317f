//! TLS: what the server shows, what it asks of clients, and changing both without a restart.
//!
//! TLS 1.2 and 1.3 by rustls with ring; ALPN offers h2 and http/1.1. Client certificates are requested and optional.
//! The handshake only makes sure that the client holds the key of what it shows; who issued it is looked at by the x509
//! authenticator. That is upstream's way (Go's `RequestClientCert`): a certificate nobody trusts is answered 401 and
//! seen by the audit log, while one that can't be parsed ends the handshake. As upstream does, the server names the CAs
//! it knows, and Go clients show nothing when theirs is not among them.
//!
//! Each connection takes the configuration current at its start, so [`Tls::replace`] reaches new connections at once
//! and leaves the others alone.

use std::sync::{Arc, PoisonError, RwLock};

use rustls::client::danger::HandshakeSignatureValid;
use rustls::crypto::{CryptoProvider, verify_tls12_signature, verify_tls13_signature};
use rustls::server::ParsedCertificate;
use rustls::server::danger::{ClientCertVerified, ClientCertVerifier};
use rustls::{DigitallySignedStruct, DistinguishedName, RootCertStore, ServerConfig, SignatureScheme};
use rustls_pki_types::{CertificateDer, PrivateKeyDer, UnixTime};

/// What a server shows, and whom it expects.
#[derive(Debug)]
pub struct Identity {
    /// The serving certificate, followed by intermediates.
    pub chain: Vec<CertificateDer<'static>>,
    /// The serving certificate's key.
    pub key: PrivateKeyDer<'static>,
    /// The CAs of client certificates, named to clients in the handshake. None: any certificate may be shown.
    pub client_authorities: Vec<CertificateDer<'static>>,
}

/// Why an identity can't be served.
#[derive(Debug, thiserror::Error)]
pub enum TlsError {
    /// The key does not fit the certificate, or one can't be read.
    #[error("the serving certificate or its key can't be used")]
    Identity(#[source] rustls::Error),
    /// A client CA can't be read.
    #[error("a client CA's certificate can't be read")]
    ClientAuthority(#[source] rustls::Error),
}

/// The current TLS configuration, shared by the listener and whoever renews certificates.
#[derive(Debug)]
pub struct Tls {
    current: RwLock<Arc<ServerConfig>>,
}

impl Tls {
    /// Serves `identity`.
    ///
    /// # Errors
    /// When it can't be used.
    pub fn new(identity: Identity) -> Result<Arc<Self>, TlsError> {
        Ok(Arc::new(Self { current: RwLock::new(configure(identity)?) }))
    }

    /// Serves `identity` to all connections that begin from now on.
    ///
    /// # Errors
    /// When it can't be used; the one before stays.
    pub fn replace(&self, identity: Identity) -> Result<(), TlsError> {
        let config = configure(identity)?;
        // A poisoned lock holds a whole Arc nevertheless.
        *self.current.write().unwrap_or_else(PoisonError::into_inner) = config;
        Ok(())
    }

    pub(super) fn current(&self) -> Arc<ServerConfig> {
        Arc::clone(&self.current.read().unwrap_or_else(PoisonError::into_inner))
    }
}

fn configure(identity: Identity) -> Result<Arc<ServerConfig>, TlsError> {
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let mut authorities = RootCertStore::empty();
    for authority in identity.client_authorities {
        authorities.add(authority).map_err(TlsError::ClientAuthority)?;
    }
    let verifier = AnyHolder { names: authorities.subjects(), provider: Arc::clone(&provider) };
    let mut config = ServerConfig::builder_with_provider(provider)
        .with_protocol_versions(&[&rustls::version::TLS13, &rustls::version::TLS12])
        .map_err(TlsError::Identity)?
        .with_client_cert_verifier(Arc::new(verifier))
        .with_single_cert(identity.chain, identity.key)
        .map_err(TlsError::Identity)?;
    config.alpn_protocols = vec![b"h2".to_vec(), b"http/1.1".to_vec()];
    Ok(Arc::new(config))
}

/// Accepts every certificate whose key the client holds.
#[derive(Debug)]
struct AnyHolder {
    names: Vec<DistinguishedName>,
    provider: Arc<CryptoProvider>,
}

impl ClientCertVerifier for AnyHolder {
    fn client_auth_mandatory(&self) -> bool {
        false
    }

    fn root_hint_subjects(&self) -> &[DistinguishedName] {
        &self.names
    }

    fn verify_client_cert(
        &self,
        end_entity: &CertificateDer<'_>,
        _intermediates: &[CertificateDer<'_>],
        _now: UnixTime,
    ) -> Result<ClientCertVerified, rustls::Error> {
        ParsedCertificate::try_from(end_entity).map(|_| ClientCertVerified::assertion())
    }

    fn verify_tls12_signature(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signed: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, rustls::Error> {
        verify_tls12_signature(message, certificate, signed, &self.provider.signature_verification_algorithms)
    }

    fn verify_tls13_signature(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signed: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, rustls::Error> {
        verify_tls13_signature(message, certificate, signed, &self.provider.signature_verification_algorithms)
    }

    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        self.provider.signature_verification_algorithms.supported_schemes()
    }
}
