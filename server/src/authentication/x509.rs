//! Client certificates: the common name is the user, the organizations are its groups.
//!
//! A certificate counts when a chain leads from it, over the intermediates that came with it, to one of the roots,
//! everything in it is valid now (the root as well), and its extended key usage, where it has one, allows client
//! authentication. Source: <https://kubernetes.io/docs/reference/access-authn-authz/authentication/#x509-client-certificates>.

use std::collections::{BTreeMap, HashMap, VecDeque};
use std::fmt::Write as _;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use k8s_openapi::jiff::Timestamp;
use ring::digest::{Context, SHA256, digest};
use rustls_pki_types::{CertificateDer, TrustAnchor, UnixTime};
use webpki::{ALL_VERIFICATION_ALGS, EndEntityCert, KeyUsage, anchor_from_trusted_cert};
use x509_parser::certificate::X509Certificate;
use x509_parser::prelude::FromDer;

use super::user::{CREDENTIAL_ID_KEY, UserInfo};
use super::{Authenticated, AuthenticationError, Evidence, Outcome};

const COMMON_NAME: &str = "2.5.4.3";
const ORGANIZATION: &str = "2.5.4.10";
/// Kubernetes' own attribute for a user's uid (beta and on by default since v1.33).
const USER_UID: &str = "1.3.6.1.4.1.57683.2";

/// How many verified chains are remembered.
const REMEMBERED: usize = 4_096;

/// A set of certificate authorities, and the chains that it has verified. Clones share both.
#[derive(Clone)]
pub struct ClientCas {
    roots: Arc<[Root]>,
    verified: Arc<Mutex<Verified>>,
}

struct Root {
    anchor: TrustAnchor<'static>,
    window: Window,
}

/// From when to when something is valid, in seconds since the epoch, both included.
#[derive(Clone, Copy)]
struct Window {
    from: i64,
    until: i64,
}

/// Chains that lead to a root, by digest, each with the time in which all of it is valid: signatures do not change, so
/// that a connection's chain is verified at its first request and compared with the clock at the others. Bounded: a
/// full memory forgets what it learned first.
#[derive(Default)]
struct Verified {
    windows: HashMap<Digest, Window>,
    order: VecDeque<Digest>,
}

type Digest = [u8; 32];

/// A root that is no certificate.
#[derive(Debug, thiserror::Error)]
#[error("certificate authority number {index} can't be read: {reason}")]
pub struct RootError {
    index: usize,
    reason: String,
}

impl ClientCas {
    /// The authorities whose certificates are accepted; any number, several during a rotation.
    ///
    /// # Errors
    /// When one of them can't be parsed.
    pub fn new(certificates: &[CertificateDer<'_>]) -> Result<Self, RootError> {
        let mut roots = Vec::with_capacity(certificates.len());
        for (index, certificate) in certificates.iter().enumerate() {
            let failed = |reason: String| RootError { index, reason };
            let anchor = anchor_from_trusted_cert(certificate).map_err(|error| failed(error.to_string()))?.to_owned();
            let window = Window::of(certificate).map_err(failed)?;
            roots.push(Root { anchor, window });
        }
        Ok(Self { roots: roots.into(), verified: Arc::default() })
    }

    /// Verifies the client's certificates, the first of which is its own.
    ///
    /// # Errors
    /// When no chain to a root is valid at `now`.
    pub fn verify(&self, certificates: &[CertificateDer<'_>], now: Timestamp) -> Result<(), AuthenticationError> {
        let digest = chain_digest(certificates);
        let known = self.verified.lock().unwrap_or_else(PoisonError::into_inner).windows.get(&digest).copied();
        if known.is_some_and(|window| window.contains(now)) {
            return Ok(());
        }
        let window = self.verify_anew(certificates, now)?;
        self.verified.lock().unwrap_or_else(PoisonError::into_inner).remember(digest, window);
        Ok(())
    }

    /// Verifies the signatures, and gives the time in which the whole chain is valid.
    fn verify_anew(&self, certificates: &[CertificateDer<'_>], now: Timestamp) -> Result<Window, AuthenticationError> {
        let Some((leaf, intermediates)) = certificates.split_first() else {
            return Err(AuthenticationError::new("there is no certificate"));
        };
        let failed = |reason: String| AuthenticationError(format!("verifying certificate failed: x509: {reason}"));
        let refused = |error: webpki::Error| failed(error.to_string());
        let valid: Vec<&Root> = self.roots.iter().filter(|root| root.window.contains(now)).collect();
        let anchors: Vec<TrustAnchor<'_>> = valid.iter().map(|root| root.anchor.clone()).collect();
        let seconds = u64::try_from(now.as_second()).unwrap_or_default();
        let time = UnixTime::since_unix_epoch(Duration::from_secs(seconds));
        let end = EndEntityCert::try_from(leaf).map_err(refused)?;
        let usage = KeyUsage::client_auth();
        let path = end
            .verify_for_usage(ALL_VERIFICATION_ALGS, &anchors, intermediates, time, usage, None, None)
            .map_err(refused)?;
        let mut window = Window::of(leaf).map_err(failed)?;
        for intermediate in path.intermediate_certificates() {
            window = window.and(Window::of(&intermediate.der()).map_err(failed)?);
        }
        let roots = valid.iter().filter(|root| root.anchor == *path.anchor());
        Ok(roots.fold(window, |window, root| window.and(root.window)))
    }
}

impl Window {
    fn of(certificate: &CertificateDer<'_>) -> Result<Self, String> {
        let (_, parsed) = X509Certificate::from_der(certificate).map_err(|error| error.to_string())?;
        let validity = parsed.validity();
        Ok(Self { from: validity.not_before.timestamp(), until: validity.not_after.timestamp() })
    }

    fn and(self, other: Self) -> Self {
        Self { from: self.from.max(other.from), until: self.until.min(other.until) }
    }

    fn contains(self, now: Timestamp) -> bool {
        (self.from..=self.until).contains(&now.as_second())
    }
}

impl Verified {
    fn remember(&mut self, digest: Digest, window: Window) {
        if self.windows.insert(digest, window).is_some() {
            return;
        }
        self.order.push_back(digest);
        if self.order.len() > REMEMBERED
            && let Some(oldest) = self.order.pop_front()
        {
            self.windows.remove(&oldest);
        }
    }
}

/// One digest of all certificates, where they end included.
fn chain_digest(certificates: &[CertificateDer<'_>]) -> Digest {
    let mut context = Context::new(&SHA256);
    for certificate in certificates {
        context.update(&certificate.len().to_be_bytes());
        context.update(certificate);
    }
    let mut digest = Digest::default();
    digest.copy_from_slice(context.finish().as_ref());
    digest
}

/// Recognises the request's client certificate.
///
/// # Errors
/// When there is a certificate that does not verify, or whose subject is no user. A certificate without a common name
/// is no opinion.
pub fn authenticate(authorities: &ClientCas, evidence: &Evidence<'_>) -> Outcome {
    let Some(leaf) = evidence.certificates.first() else { return Ok(None) };
    authorities.verify(evidence.certificates, evidence.now)?;
    let Some(mut user) = user_of(leaf)? else { return Ok(None) };
    let mut id = String::from("X509SHA256=");
    for byte in digest(&SHA256, leaf).as_ref() {
        write!(id, "{byte:02x}").expect("writing to a String does not fail");
    }
    user.extra = BTreeMap::from([(CREDENTIAL_ID_KEY.to_owned(), vec![id])]);
    Ok(Some(Authenticated::new(user)))
}

/// The common name of a certificate, for those who compare nothing else; empty when there is none.
pub(super) fn common_name(certificate: &CertificateDer<'_>) -> Result<String, AuthenticationError> {
    Ok(user_of(certificate)?.map(|user| user.name).unwrap_or_default())
}

fn user_of(certificate: &CertificateDer<'_>) -> Result<Option<UserInfo>, AuthenticationError> {
    let (_, parsed) = X509Certificate::from_der(certificate)
        .map_err(|error| AuthenticationError(format!("the certificate can't be read: {error}")))?;
    let mut user = UserInfo::default();
    let mut uids = Vec::new();
    for attribute in parsed.subject().iter_attributes() {
        let text = || attribute.as_str().map(str::to_owned).ok();
        match attribute.attr_type().to_id_string().as_str() {
            // The last one counts, as Go has it.
            COMMON_NAME => user.name = text().unwrap_or_default(),
            ORGANIZATION => user.groups.extend(text()),
            USER_UID => {
                uids.push(text().ok_or_else(|| AuthenticationError::new("unable to parse UID into a string"))?);
            }
            _ => {}
        }
    }
    if user.name.is_empty() {
        return Ok(None);
    }
    match uids.as_slice() {
        [] => {}
        [uid] if uid.is_empty() => return Err(AuthenticationError::new("UID cannot be an empty string")),
        [uid] => user.uid.clone_from(uid),
        several => {
            let text = format!("expected 1 UID, but found multiple: [{}]", several.join(" "));
            return Err(AuthenticationError(text));
        }
    }
    Ok(Some(user))
}

#[cfg(test)]
#[path = "x509_test.rs"]
mod tests;
