//! The cluster's keys and certificates: made, kept and renewed by Howdah.
//!
//! Two authorities (the cluster's and the front proxy's), the servers' serving certificates, one client certificate for
//! each of Howdah's own components under its own least identity ([`profile`]), and the keys that sign ServiceAccount
//! tokens. They live in one place that all servers of a cluster share, behind the [`KeyStore`] seam; so far a folder.
//!
//! How it flows: [`Pki::open`] makes what is missing; [`Pki::bundle`] gives a certificate that is good *now*, issuing it
//! anew when it is past two thirds of its life, was issued by another authority, or no longer says what it should;
//! [`renewal::keep_serving`] does that over and over for a running listener.
//!
//! Invariants: a certificate and its key are one entry, so they can't come apart; entries change by compare-and-swap,
//! so of several servers starting at once one makes the authority and the others take it; every step may be the last
//! one before a crash. An authority is renewed with the same key and name: what it issued before stays valid.
//! Nothing here is `system:masters`. The time is passed in.
//!
//! Validity and names follow kubeadm: ten years for authorities, one year for the rest
//! (<https://kubernetes.io/docs/setup/best-practices/certificates/>).

mod bundle;
pub mod file_store;
pub mod kubeconfig;
pub mod profile;
pub mod renewal;
#[cfg(test)]
mod tests;

use std::sync::Arc;

use futures_util::future::BoxFuture;
use k8s_openapi::jiff::Timestamp;
use rustls_pki_types::CertificateDer;

pub use self::bundle::{Bundle, PkiError, SigningKey};
use self::profile::{Issuer, Profile};

/// Where keys live.
pub trait KeyStore: Send + Sync {
    /// What stands under a name.
    ///
    /// # Errors
    /// When the place can't be read.
    fn load<'a>(&'a self, name: &'a str) -> BoxFuture<'a, Result<Option<Vec<u8>>, KeyStoreError>>;

    /// Puts `new` under a name if `expected` or nothing stands there (`None`: nothing), all at once and durably, and returns what
    /// stands there afterwards: `new`, or what somebody else has put there meanwhile.
    ///
    /// # Errors
    /// When the place can't be written. Then either the old or the new entry stands there, whole.
    fn swap<'a>(
        &'a self,
        name: &'a str,
        expected: Option<&'a [u8]>,
        new: &'a [u8],
    ) -> BoxFuture<'a, Result<Vec<u8>, KeyStoreError>>;
}

/// The place where keys live failed.
#[derive(Debug, thiserror::Error)]
#[error("can't {action} {name}")]
pub struct KeyStoreError {
    /// What was tried.
    pub action: &'static str,
    /// The entry or file.
    pub name: String,
    /// The cause.
    pub source: std::io::Error,
}

/// The cluster's keys.
#[derive(Clone)]
pub struct Pki {
    store: Arc<dyn KeyStore>,
}

impl Pki {
    /// Opens the keys in `store`, and makes the authorities and the signing key that are missing.
    ///
    /// # Errors
    /// When the store fails, or holds something that can't be read.
    pub async fn open(store: Arc<dyn KeyStore>, now: Timestamp) -> Result<Self, PkiError> {
        let pki = Self { store };
        pki.authority(Issuer::Cluster, now).await?;
        pki.authority(Issuer::FrontProxy, now).await?;
        pki.signing_keys().await?;
        Ok(pki)
    }

    /// An authority, renewed where due.
    ///
    /// # Errors
    /// As [`Self::open`].
    pub async fn authority(&self, issuer: Issuer, now: Timestamp) -> Result<Bundle, PkiError> {
        self.settle(issuer.entry(), |present| match present {
            None => Bundle::authority(issuer.common_name(), now).map(Some),
            Some(bundle) if renewal::is_due(bundle.validity()?, now) => bundle.renewed_authority(now).map(Some),
            Some(_) => Ok(None),
        })
        .await
    }

    /// The authorities' certificates that a client or server of the cluster trusts.
    ///
    /// # Errors
    /// As [`Self::open`].
    pub async fn trusted(&self, issuer: Issuer, now: Timestamp) -> Result<Vec<CertificateDer<'static>>, PkiError> {
        self.authority(issuer, now).await?.chain()
    }

    /// The certificate and key of a profile, good now and for a third of its life at least.
    ///
    /// # Errors
    /// As [`Self::open`].
    pub async fn bundle(&self, profile: &Profile, now: Timestamp) -> Result<Bundle, PkiError> {
        let authority = self.authority(profile.issuer, now).await?;
        self.settle(&profile.entry, |present| match present {
            Some(bundle) if bundle.serves(profile, &authority, now)? => Ok(None),
            _ => authority.issue(profile, now).map(Some),
        })
        .await
    }

    /// The keys of ServiceAccount tokens: the first one signs, all of them are accepted.
    ///
    /// # Errors
    /// As [`Self::open`].
    pub async fn signing_keys(&self) -> Result<Vec<SigningKey>, PkiError> {
        let entry = "service-account";
        let stored = match self.load(entry).await? {
            Some(stored) => stored,
            None => {
                self.store.swap(entry, None, SigningKey::generate()?.pem().as_bytes()).await.map_err(PkiError::Store)?
            }
        };
        SigningKey::parse_all(entry, &stored)
    }

    /// Puts a new signing key before the present ones, which stay accepted. Returns all of them.
    ///
    /// # Errors
    /// As [`Self::open`].
    pub async fn rotate_signing_key(&self) -> Result<Vec<SigningKey>, PkiError> {
        let entry = "service-account";
        let present = self.load(entry).await?;
        let mut new = SigningKey::generate()?.pem().as_bytes().to_vec();
        new.extend_from_slice(present.as_deref().unwrap_or_default());
        let stored = self.store.swap(entry, present.as_deref(), &new).await.map_err(PkiError::Store)?;
        SigningKey::parse_all(entry, &stored)
    }

    async fn load(&self, entry: &str) -> Result<Option<Vec<u8>>, PkiError> {
        self.store.load(entry).await.map_err(PkiError::Store)
    }

    /// Brings an entry to where `next` has nothing to change. Others may be changing it at the same time: then theirs
    /// is looked at anew, a few times at most.
    async fn settle(
        &self,
        entry: &str,
        next: impl Fn(Option<&Bundle>) -> Result<Option<Bundle>, PkiError>,
    ) -> Result<Bundle, PkiError> {
        let mut stored = self.load(entry).await?;
        for _ in 0..8 {
            let present = stored.as_deref().map(|bytes| Bundle::parse(entry, bytes)).transpose()?;
            match (next(present.as_ref())?, present) {
                (None, Some(present)) => return Ok(present),
                (None, None) => break,
                (Some(new), _) => {
                    let swapped = self.store.swap(entry, stored.as_deref(), new.pem().as_bytes()).await;
                    stored = Some(swapped.map_err(PkiError::Store)?);
                }
            }
        }
        Err(PkiError::Unsettled(entry.to_owned()))
    }
}
