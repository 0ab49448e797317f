//! Certificates with their keys: making, reading, judging.

use std::collections::BTreeSet;
use std::net::IpAddr;

use k8s_openapi::jiff::{SignedDuration, Timestamp};
use rcgen::{
    BasicConstraints, CertificateParams, DistinguishedName, DnType, ExtendedKeyUsagePurpose, IsCa, KeyPair,
    KeyUsagePurpose, PKCS_ECDSA_P256_SHA256, SanType, SerialNumber,
};
use rustls_pki_types::pem::PemObject as _;
use rustls_pki_types::{CertificateDer, PrivateKeyDer};
use time::OffsetDateTime;
use x509_parser::certificate::X509Certificate;
use x509_parser::extensions::{GeneralName, ParsedExtension};
use x509_parser::prelude::FromDer as _;

use super::KeyStoreError;
use super::profile::{Profile, Usage};
use super::renewal::{Validity, is_due};

const DAY: SignedDuration = SignedDuration::from_hours(24);
const AUTHORITY_DAYS: i32 = 3650;
const LEAF_DAYS: i32 = 365;
/// How far clocks may differ before a new certificate is taken for one of the future.
const SKEW: SignedDuration = SignedDuration::from_mins(5);

/// Something about the cluster's keys failed.
#[derive(Debug, thiserror::Error)]
pub enum PkiError {
    /// The place where they live.
    #[error("the key store failed")]
    Store(#[source] KeyStoreError),
    /// Making one.
    #[error("can't make the certificate or key of {name}")]
    Make {
        /// Whose.
        name: String,
        /// The cause.
        source: rcgen::Error,
    },
    /// An entry is not what it should be.
    #[error("the entry {entry} can't be read: {reason}")]
    Unreadable {
        /// The entry.
        entry: String,
        /// What is wrong with it; holds nothing secret.
        reason: String,
    },
    /// An entry kept changing.
    #[error("the entry {0} keeps being changed by others")]
    Unsettled(String),
    /// What was made can't be served.
    #[error("the certificate can't be served")]
    Serve(#[source] crate::listener::TlsError),
}

/// A certificate and its key, in PEM, as one text.
#[derive(Clone, PartialEq, Eq)]
pub struct Bundle {
    entry: String,
    pem: String,
}

impl std::fmt::Debug for Bundle {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter.debug_struct("Bundle").field("entry", &self.entry).finish_non_exhaustive()
    }
}

impl Bundle {
    pub(super) fn parse(entry: &str, bytes: &[u8]) -> Result<Self, PkiError> {
        let unreadable = |reason: &str| PkiError::Unreadable { entry: entry.to_owned(), reason: reason.to_owned() };
        let pem = String::from_utf8(bytes.to_vec()).map_err(|_| unreadable("it is no text"))?;
        let bundle = Self { entry: entry.to_owned(), pem };
        if bundle.chain()?.is_empty() {
            return Err(unreadable("it holds no certificate"));
        }
        bundle.key()?;
        Ok(bundle)
    }

    /// A new authority with a key of its own.
    pub(super) fn authority(common_name: &str, now: Timestamp) -> Result<Self, PkiError> {
        let failed = |source| PkiError::Make { name: common_name.to_owned(), source };
        let key = KeyPair::generate_for(&PKCS_ECDSA_P256_SHA256).map_err(failed)?;
        Self::self_signed(common_name, &key, now)
    }

    /// The same authority for another term: same key, same name.
    pub(super) fn renewed_authority(&self, now: Timestamp) -> Result<Self, PkiError> {
        let der = self.leaf()?;
        let parsed = self.read(&der)?;
        let name = parsed.subject().iter_common_name().next().and_then(|name| name.as_str().ok());
        Self::self_signed(name.unwrap_or_default(), &self.key_pair()?, now)
    }

    fn self_signed(common_name: &str, key: &KeyPair, now: Timestamp) -> Result<Self, PkiError> {
        let failed = |source| PkiError::Make { name: common_name.to_owned(), source };
        let mut params = params(common_name, &[], now, now + DAY * AUTHORITY_DAYS);
        params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        params.key_usages =
            vec![KeyUsagePurpose::DigitalSignature, KeyUsagePurpose::KeyCertSign, KeyUsagePurpose::CrlSign];
        let certificate = params.self_signed(key).map_err(failed)?;
        Ok(Self { entry: common_name.to_owned(), pem: certificate.pem() + &key.serialize_pem() })
    }

    /// Issues a certificate of `profile`, signed by this authority.
    pub(super) fn issue(&self, profile: &Profile, now: Timestamp) -> Result<Self, PkiError> {
        let failed = |source| PkiError::Make { name: profile.entry.clone(), source };
        let key = KeyPair::generate_for(&PKCS_ECDSA_P256_SHA256).map_err(failed)?;
        let end = (now + DAY * LEAF_DAYS).min(self.validity()?.not_after);
        let mut params = params(&profile.common_name, &profile.organizations, now, end);
        params.key_usages = vec![KeyUsagePurpose::DigitalSignature];
        params.use_authority_key_identifier_extension = true;
        params.is_ca = IsCa::ExplicitNoCa;
        match &profile.usage {
            Usage::Client => params.extended_key_usages = vec![ExtendedKeyUsagePurpose::ClientAuth],
            Usage::Server { names, addresses } => {
                params.extended_key_usages = vec![ExtendedKeyUsagePurpose::ServerAuth];
                for name in names {
                    let name = name.as_str().try_into().map_err(failed)?;
                    params.subject_alt_names.push(SanType::DnsName(name));
                }
                params.subject_alt_names.extend(addresses.iter().copied().map(SanType::IpAddress));
            }
        }
        let issuer = rcgen::Issuer::from_ca_cert_der(&self.leaf()?, self.key_pair()?).map_err(failed)?;
        let certificate = params.signed_by(&key, &issuer).map_err(failed)?;
        Ok(Self { entry: profile.entry.clone(), pem: certificate.pem() + &key.serialize_pem() })
    }

    /// Whether this certificate may go on serving `profile`: not due, of this authority, and saying the same.
    pub(super) fn serves(&self, profile: &Profile, authority: &Self, now: Timestamp) -> Result<bool, PkiError> {
        if is_due(self.validity()?, now) {
            return Ok(false);
        }
        let (der, authority_der) = (self.leaf()?, authority.leaf()?);
        let (own, issuer) = (self.read(&der)?, authority.read(&authority_der)?);
        let key_id = |certificate: &X509Certificate<'_>| {
            certificate.extensions().iter().find_map(|extension| match extension.parsed_extension() {
                ParsedExtension::SubjectKeyIdentifier(id) => Some(id.0.to_vec()),
                _ => None,
            })
        };
        let issued_by = own.extensions().iter().find_map(|extension| match extension.parsed_extension() {
            ParsedExtension::AuthorityKeyIdentifier(id) => id.key_identifier.as_ref().map(|id| id.0.to_vec()),
            _ => None,
        });
        let texts =
            |attributes: Vec<Option<&str>>| attributes.into_iter().map(|t| t.unwrap_or_default().to_owned()).collect();
        let names: Vec<String> = texts(own.subject().iter_common_name().map(|name| name.as_str().ok()).collect());
        let groups: Vec<String> = texts(own.subject().iter_organization().map(|name| name.as_str().ok()).collect());
        let alternatives = alternative_names(&own);
        let wanted = match &profile.usage {
            Usage::Client => (BTreeSet::new(), BTreeSet::new()),
            Usage::Server { names, addresses } => (names.clone(), addresses.clone()),
        };
        Ok(issued_by.is_some()
            && issued_by == key_id(&issuer)
            && names == [profile.common_name.as_str()]
            && groups == profile.organizations
            && alternatives == wanted)
    }

    /// From when to when the certificate is valid.
    ///
    /// # Errors
    /// When it can't be read.
    pub fn validity(&self) -> Result<Validity, PkiError> {
        let der = self.leaf()?;
        let parsed = self.read(&der)?;
        let at = |seconds| Timestamp::from_second(seconds).map_err(|error| self.unreadable(&error.to_string()));
        Ok(Validity {
            not_before: at(parsed.validity().not_before.timestamp())?,
            not_after: at(parsed.validity().not_after.timestamp())?,
        })
    }

    /// The whole text: certificates, then the key. Secret.
    #[must_use]
    pub fn pem(&self) -> &str {
        &self.pem
    }

    /// The certificates' part of the text.
    #[must_use]
    pub fn certificate_pem(&self) -> &str {
        self.pem.split_once("-----BEGIN PRIVATE KEY").map_or(self.pem.as_str(), |(certificates, _)| certificates)
    }

    /// The key's part of the text. Secret.
    #[must_use]
    pub fn key_pem(&self) -> &str {
        &self.pem[self.certificate_pem().len()..]
    }

    /// The certificates, its own first.
    ///
    /// # Errors
    /// When they can't be read.
    pub fn chain(&self) -> Result<Vec<CertificateDer<'static>>, PkiError> {
        let all: Result<Vec<_>, _> = CertificateDer::pem_slice_iter(self.pem.as_bytes()).collect();
        all.map_err(|error| self.unreadable(&error.to_string()))
    }

    /// The key. Secret.
    ///
    /// # Errors
    /// When it can't be read.
    pub fn key(&self) -> Result<PrivateKeyDer<'static>, PkiError> {
        PrivateKeyDer::from_pem_slice(self.pem.as_bytes()).map_err(|error| self.unreadable(&error.to_string()))
    }

    fn key_pair(&self) -> Result<KeyPair, PkiError> {
        KeyPair::from_pem(self.key_pem()).map_err(|source| PkiError::Make { name: self.entry.clone(), source })
    }

    fn leaf(&self) -> Result<CertificateDer<'static>, PkiError> {
        self.chain()?.into_iter().next().ok_or_else(|| self.unreadable("it holds no certificate"))
    }

    fn read<'a>(&self, der: &'a CertificateDer<'_>) -> Result<X509Certificate<'a>, PkiError> {
        X509Certificate::from_der(der).map(|(_, parsed)| parsed).map_err(|error| self.unreadable(&error.to_string()))
    }

    fn unreadable(&self, reason: &str) -> PkiError {
        PkiError::Unreadable { entry: self.entry.clone(), reason: reason.to_owned() }
    }
}

fn alternative_names(certificate: &X509Certificate<'_>) -> (BTreeSet<String>, BTreeSet<IpAddr>) {
    let (mut names, mut addresses) = (BTreeSet::new(), BTreeSet::new());
    for extension in certificate.extensions() {
        let ParsedExtension::SubjectAlternativeName(alternatives) = extension.parsed_extension() else { continue };
        for alternative in &alternatives.general_names {
            match alternative {
                GeneralName::DNSName(name) => drop(names.insert((*name).to_owned())),
                GeneralName::IPAddress(bytes) => {
                    let v4 = <[u8; 4]>::try_from(*bytes).map(IpAddr::from);
                    let address = v4.or_else(|_| <[u8; 16]>::try_from(*bytes).map(IpAddr::from));
                    addresses.extend(address.ok());
                }
                _ => {}
            }
        }
    }
    (names, addresses)
}

fn params(common_name: &str, organizations: &[String], now: Timestamp, end: Timestamp) -> CertificateParams {
    let mut params = CertificateParams::default();
    params.distinguished_name = DistinguishedName::new();
    for organization in organizations {
        params.distinguished_name.push(DnType::OrganizationName, organization.as_str());
    }
    params.distinguished_name.push(DnType::CommonName, common_name);
    params.not_before = date(now - SKEW);
    params.not_after = date(end);
    // Random: an authority's second certificate has the first one's key.
    params.serial_number = Some(SerialNumber::from_slice(uuid::Uuid::new_v4().as_bytes()));
    params
}

fn date(at: Timestamp) -> OffsetDateTime {
    OffsetDateTime::from_unix_timestamp(at.as_second()).unwrap_or(OffsetDateTime::UNIX_EPOCH)
}

/// A key that signs ServiceAccount tokens (ECDSA P-256, ES256).
#[derive(Clone)]
pub struct SigningKey {
    pem: String,
}

impl std::fmt::Debug for SigningKey {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter.write_str("SigningKey(secret)")
    }
}

impl SigningKey {
    pub(super) fn generate() -> Result<Self, PkiError> {
        let failed = |source| PkiError::Make { name: "service-account".to_owned(), source };
        Ok(Self { pem: KeyPair::generate_for(&PKCS_ECDSA_P256_SHA256).map_err(failed)?.serialize_pem() })
    }

    pub(super) fn parse_all(entry: &str, bytes: &[u8]) -> Result<Vec<Self>, PkiError> {
        let unreadable = |reason: String| PkiError::Unreadable { entry: entry.to_owned(), reason };
        let text = std::str::from_utf8(bytes).map_err(|error| unreadable(error.to_string()))?;
        let end = "-----END PRIVATE KEY-----";
        let mut keys = Vec::new();
        for part in text.split_inclusive(end).filter(|part| !part.trim().is_empty()) {
            let pem = format!("{}\n", part.trim());
            KeyPair::from_pem(&pem).map_err(|error| unreadable(error.to_string()))?;
            keys.push(Self { pem });
        }
        if keys.is_empty() { Err(unreadable("it holds no key".to_owned())) } else { Ok(keys) }
    }

    /// The private key in PKCS#8 PEM. Secret.
    #[must_use]
    pub fn pem(&self) -> &str {
        &self.pem
    }

    /// The private key in PKCS#8 DER. Secret.
    ///
    /// # Errors
    /// When it can't be read.
    pub fn der(&self) -> Result<PrivateKeyDer<'static>, PkiError> {
        PrivateKeyDer::from_pem_slice(self.pem.as_bytes())
            .map_err(|error| PkiError::Unreadable { entry: "service-account".to_owned(), reason: error.to_string() })
    }
}
