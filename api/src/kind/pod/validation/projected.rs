//! Projected volumes: several sources in one directory, no two of them at one path.

use std::collections::BTreeSet;

use k8s_openapi::api::core::v1::{
    DownwardAPIProjection, KeyToPath, ProjectedVolumeSource, ServiceAccountTokenProjection, VolumeProjection,
};

use super::leniency::Leniency;
use super::local_path::local_non_reserved_path;
use super::message::required;
use super::volume_file::{file_mode, key_to_path, user};
use super::{downward_api, projected_certificate};
use crate::validation::{Errors, FieldError, FieldPath};

/// The shortest life of a projected token, in seconds.
const MIN_TOKEN_SECONDS: i64 = 10 * 60;
/// The longest, in seconds.
const MAX_TOKEN_SECONDS: i64 = 1 << 32;

/// The paths that are taken in one volume.
pub(super) struct TakenPaths<'p> {
    volume: &'p FieldPath<'p>,
    taken: BTreeSet<String>,
}

impl TakenPaths<'_> {
    /// Takes `target`. Where it is taken already, the error shows `shown`.
    pub(super) fn take(&mut self, target: &str, shown: &str) -> Option<FieldError> {
        let fresh = self.taken.insert(target.to_owned());
        (!fresh).then(|| FieldError::invalid(self.volume, shown, "conflicting duplicate paths"))
    }
}

/// All that is wrong with a projected volume.
pub(super) fn volume(source: &ProjectedVolumeSource, leniency: Leniency, path: &FieldPath<'_>) -> Errors {
    let mut errors = Errors::new();
    errors.extend(file_mode(source.default_mode, &path.child("defaultMode")));
    errors.extend(user(source.default_user, &path.child("defaultUser")));
    let mut taken = TakenPaths { volume: path, taken: BTreeSet::new() };
    for (at, projection) in source.sources.iter().flatten().enumerate() {
        errors.extend(one_projection(projection, leniency, &mut taken, &path.child("sources").index(at)));
    }
    errors
}

fn one_projection(
    projection: &VolumeProjection,
    leniency: Leniency,
    taken: &mut TakenPaths<'_>,
    path: &FieldPath<'_>,
) -> Errors {
    let mut errors = Errors::new();
    let mut sources = 0;
    if let Some(secret) = &projection.secret {
        sources += 1;
        let items = secret.items.as_deref().unwrap_or_default();
        errors.extend(keys(&secret.name, items, taken, &path.child("secret")));
    }
    if let Some(config_map) = &projection.config_map {
        sources += 1;
        let items = config_map.items.as_deref().unwrap_or_default();
        errors.extend(keys(&config_map.name, items, taken, &path.child("configMap")));
    }
    if let Some(downward) = &projection.downward_api {
        sources += 1;
        errors.extend(files(downward, taken, &path.child("downwardAPI")));
    }
    if let Some(token) = &projection.service_account_token {
        sources += 1;
        errors.extend(service_account_token(token, leniency, taken.volume, &path.child("serviceAccountToken")));
    }
    if let Some(bundle) = &projection.cluster_trust_bundle {
        sources += 1;
        let path = path.child("clusterTrustBundle");
        errors.extend(projected_certificate::cluster_trust_bundle(bundle, taken, &path));
    }
    if let Some(certificate) = &projection.pod_certificate {
        sources += 1;
        let path = path.child("podCertificate");
        errors.extend(projected_certificate::pod_certificate(certificate, taken, &path));
    }
    if sources > 1 {
        errors.push(FieldError::forbidden(path, "may not specify more than 1 volume type per source"));
    }
    errors
}

fn keys(name: &str, items: &[KeyToPath], taken: &mut TakenPaths<'_>, path: &FieldPath<'_>) -> Errors {
    let mut errors = Errors::new();
    errors.extend(required(name, &path.child("name")));
    for (at, item) in items.iter().enumerate() {
        errors.extend(key_to_path(item, &path.child("items").index(at)));
        if !item.path.is_empty() {
            errors.extend(taken.take(&item.path, name));
        }
    }
    errors
}

fn files(source: &DownwardAPIProjection, taken: &mut TakenPaths<'_>, path: &FieldPath<'_>) -> Errors {
    let mut errors = Errors::new();
    for item in source.items.iter().flatten() {
        errors.extend(downward_api::file(item, path));
        if !item.path.is_empty() {
            errors.extend(taken.take(&item.path, &item.path));
        }
    }
    errors
}

/// Upstream names the volume, not the source, where the token's path is wrong, and lets two tokens share one.
fn service_account_token(
    token: &ServiceAccountTokenProjection,
    leniency: Leniency,
    volume: &FieldPath<'_>,
    path: &FieldPath<'_>,
) -> Errors {
    let expiration = path.child("expirationSeconds");
    let mut errors = Errors::new();
    match token.expiration_seconds {
        None => errors.push(FieldError::required(&expiration, "")),
        Some(seconds) if seconds < MIN_TOKEN_SECONDS => {
            let detail = "may not specify a duration less than 10 minutes";
            errors.push(FieldError::invalid(&expiration, seconds, detail));
        }
        Some(seconds) if seconds > MAX_TOKEN_SECONDS => {
            let detail = "may not specify a duration larger than 2^32 seconds";
            errors.push(FieldError::invalid(&expiration, seconds, detail));
        }
        Some(_) => {}
    }
    if token.path.is_empty() {
        errors.push(FieldError::required(&volume.child("path"), ""));
    } else if !leniency.non_local_token_path {
        errors.extend(local_non_reserved_path(&token.path, &volume.child("path")));
    }
    errors.extend(user(token.user, &path.child("user")));
    errors
}
