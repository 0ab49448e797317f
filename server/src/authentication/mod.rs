//! Who sent a request: credentials in, [`UserInfo`](user::UserInfo) out.
//!
//! [`Chain`] asks the authenticators in upstream's order: front proxy, client certificate, then bearer tokens
//! (in the `Authorization` header, else as a WebSocket subprotocol) against legacy ServiceAccount tokens, bound
//! ServiceAccount tokens and bootstrap tokens, behind a small cache. Each says who it is, that it has no opinion, or
//! that the credentials are wrong. One success is enough; wrong credentials without any success are a 401; a request
//! that brought none is anonymous, where that is allowed. Whoever was recognised joins `system:authenticated`.
//!
//! Time is passed in, objects come through [`service_account::ObjectGetter`]. Tokens and keys are never logged; what
//! an [`AuthenticationError`] says is for the log, the client only learns that it is unauthorized.
//!
//! Deliberately absent: OpenID Connect, webhooks and static token files.

pub mod bearer;
pub mod bootstrap_token;
mod chain;
pub mod impersonation;
pub mod request_header;
pub mod service_account;
pub mod token_cache;
pub mod user;
pub mod x509;

pub use chain::{Anonymous, Chain, TokenAuthenticators};

use k8s_openapi::jiff::Timestamp;
use rustls_pki_types::CertificateDer;
use user::UserInfo;

/// What a request brings that may tell who sent it.
#[derive(Clone, Copy)]
pub struct Evidence<'a> {
    /// The certificates that the TLS client sent, its own first; the handshake proved that it holds the key, and
    /// nothing else. Empty without TLS or without certificates.
    pub certificates: &'a [CertificateDer<'static>],
    /// The headers, names in any case, in order; values that are not text are left out.
    pub headers: &'a [(&'a str, &'a str)],
    /// The URL's path.
    pub path: &'a str,
    /// The moment to judge validity by.
    pub now: Timestamp,
}

impl<'a> Evidence<'a> {
    /// The values of a header, in order.
    pub fn values(&self, name: &str) -> impl Iterator<Item = &'a str> {
        self.headers.iter().filter(move |(own, _)| own.eq_ignore_ascii_case(name)).map(|(_, value)| *value)
    }

    /// The first value of a header.
    pub fn first(&self, name: &str) -> Option<&'a str> {
        self.values(name).next()
    }
}

/// Somebody who was recognised.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Authenticated {
    /// Who it is.
    pub user: UserInfo,
    /// The audiences for which the credential is good, among those asked for; empty when it knows no audiences.
    pub audiences: Vec<String>,
    /// Warnings for the client.
    pub warnings: Vec<String>,
    /// Annotations for the audit log, by key.
    pub annotations: Vec<(&'static str, String)>,
}

impl Authenticated {
    /// A user whose credential knows no audiences.
    pub fn new(user: UserInfo) -> Self {
        Self { user, ..Self::default() }
    }
}

/// Credentials that were brought and are wrong. The text is for the log, and holds no secret.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{0}")]
pub struct AuthenticationError(pub String);

impl AuthenticationError {
    /// An error with this text.
    pub fn new(text: impl Into<String>) -> Self {
        Self(text.into())
    }
}

/// Recognised, no opinion (`None`), or wrong credentials.
pub type Outcome = Result<Option<Authenticated>, AuthenticationError>;
