//! When certificates are renewed, and doing so for a running listener.

use std::sync::Arc;
use std::time::Duration;

use k8s_openapi::jiff::Timestamp;
use tokio::time::sleep;

use super::profile::{Issuer, Profile};
use super::{Bundle, Pki, PkiError};
use crate::listener::{Identity, Tls};

/// How often a running server looks whether a certificate is due, or another server has renewed the authority.
const LOOK_EVERY: Duration = Duration::from_secs(600);

/// From when to when a certificate is valid.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Validity {
    /// The first moment.
    pub not_before: Timestamp,
    /// The last moment.
    pub not_after: Timestamp,
}

/// Whether two thirds of a certificate's life have passed. One that isn't valid yet is due as well: its clock was wrong.
#[must_use]
pub fn is_due(validity: Validity, now: Timestamp) -> bool {
    let life = validity.not_after.duration_since(validity.not_before);
    now < validity.not_before || now >= validity.not_before + life * 2 / 3
}

/// What a listener serves for `profile` now.
///
/// # Errors
/// When the key store fails.
pub async fn identity(pki: &Pki, profile: &Profile, now: Timestamp) -> Result<(Bundle, Identity), PkiError> {
    let bundle = pki.bundle(profile, now).await?;
    let mut client_authorities = pki.trusted(Issuer::Cluster, now).await?;
    client_authorities.extend(pki.trusted(Issuer::FrontProxy, now).await?);
    let identity = Identity { chain: bundle.chain()?, key: bundle.key()?, client_authorities };
    Ok((bundle, identity))
}

/// Looks once, and lets the listener serve what has changed. Returns what it serves from now on.
///
/// # Errors
/// When the key store fails, or what it holds can't be served; the listener goes on with what it has.
pub async fn refresh(
    pki: &Pki,
    profile: &Profile,
    tls: &Tls,
    served: &Bundle,
    now: Timestamp,
) -> Result<Bundle, PkiError> {
    let (bundle, identity) = identity(pki, profile, now).await?;
    if bundle != *served {
        tls.replace(identity).map_err(PkiError::Serve)?;
        tracing::info!(entry = %profile.entry, "the serving certificate was renewed");
    }
    Ok(bundle)
}

/// Keeps a listener's certificate renewed, for as long as the future is polled.
pub async fn keep_serving(pki: Pki, profile: Profile, tls: Arc<Tls>, mut served: Bundle, clock: fn() -> Timestamp) {
    loop {
        sleep(LOOK_EVERY).await;
        match refresh(&pki, &profile, &tls, &served, clock()).await {
            Ok(bundle) => served = bundle,
            Err(error) => tracing::error!(%error, "the serving certificate could not be renewed"),
        }
    }
}
