//! Projected certificates: a cluster's trust bundles, and certificates of the pod's own.

use k8s_openapi::api::core::v1::{ClusterTrustBundleProjection, PodCertificateProjection};
use k8s_openapi::apimachinery::pkg::apis::meta::v1::LabelSelector;
use serde_json::{Value, json};

use super::local_path::local_non_reserved_path;
use super::message::{each_invalid, required};
use super::projected::TakenPaths;
use super::signer_name::{is_kubernetes_signer_name, signer_name};
use super::volume_file::user;
use crate::validation::label::{SelectorOptions, label_selector};
use crate::validation::meta::{TOTAL_ANNOTATION_SIZE_LIMIT, name_is_dns_subdomain};
use crate::validation::net::is_domain_prefixed_key;
use crate::validation::{Errors, FieldError, FieldPath};

const KEY_TYPES: [&str; 6] = ["RSA3072", "RSA4096", "ECDSAP256", "ECDSAP384", "ECDSAP521", "ED25519"];
/// The least a certificate's longest life may be, in seconds.
const MIN_EXPIRATION: i32 = 3600;
/// The most it may be, in seconds.
const MAX_EXPIRATION: i32 = 91 * 24 * 60 * 60;
/// The most it may be where Kubernetes itself signs, in seconds.
const MAX_KUBERNETES_EXPIRATION: i32 = 24 * 60 * 60;

pub(super) fn cluster_trust_bundle(
    bundle: &ClusterTrustBundleProjection,
    taken: &mut TakenPaths<'_>,
    path: &FieldPath<'_>,
) -> Errors {
    let mut errors = Errors::new();
    match (&bundle.name, &bundle.signer_name) {
        (Some(_), Some(_)) => {
            let detail = "only one of name and signerName may be used";
            errors.push(FieldError::invalid(path, bundle_value(bundle), detail));
        }
        (Some(name), None) => errors.extend(named_bundle(name, bundle.label_selector.as_ref(), path)),
        (None, Some(signer)) => {
            let signer_path = path.child("signerName");
            if signer.is_empty() {
                errors.push(FieldError::required(&signer_path, "must be a valid signer name"));
            }
            errors.extend(signer_name(signer, &signer_path));
            if let Some(selector) = &bundle.label_selector {
                errors.extend(label_selector(selector, SelectorOptions::default(), &path.child("labelSelector")));
            }
        }
        (None, None) => errors.push(FieldError::required(path, "either name or signerName must be specified")),
    }
    errors.extend(required(&bundle.path, &path.child("path")));
    errors.extend(user(bundle.user, &path.child("user")));
    errors.extend(local_non_reserved_path(&bundle.path, &path.child("path")));
    errors.extend(taken.take(&bundle.path, &bundle.path));
    errors
}

fn named_bundle(name: &str, selector: Option<&LabelSelector>, path: &FieldPath<'_>) -> Errors {
    let name_path = path.child("name");
    let mut errors = Errors::new();
    if name.is_empty() {
        errors.push(FieldError::required(&name_path, "must be a valid object name"));
    }
    let messages = trust_bundle_name(name).into_iter();
    let messages = messages.map(|message| format!("not a valid clustertrustbundlename: {message}")).collect();
    errors.extend(each_invalid(&name_path, name, messages));
    if let Some(selector) = selector {
        let detail = "labelSelector must be unset if name is specified";
        errors.push(FieldError::invalid(&path.child("labelSelector"), selector_value(selector), detail));
    }
    errors
}

/// The name of a trust bundle begins with its signer's, colons for slashes; that of one without signer has no colon.
fn trust_bundle_name(name: &str) -> Vec<String> {
    let Some((signer, rest)) = name.rsplit_once(':') else { return name_is_dns_subdomain(name, false) };
    if signer.is_empty() {
        return vec!["ClusterTrustBundle without signer name must not have \":\" in its name".to_owned()];
    }
    if signer.contains('/') {
        let (signer, prefix) = (signer.replace(':', "/"), signer.replace('/', ":"));
        return vec![format!("ClusterTrustBundle for signerName {signer} must be named with prefix {prefix}:")];
    }
    name_is_dns_subdomain(rest, false)
}

pub(super) fn pod_certificate(
    certificate: &PodCertificateProjection,
    taken: &mut TakenPaths<'_>,
    path: &FieldPath<'_>,
) -> Errors {
    let signer = certificate.signer_name.as_str();
    let mut errors = signer_name(signer, &path.child("signerName"));
    if let Some(annotations) = &certificate.user_annotations {
        let path = path.child("userAnnotations");
        errors.extend(annotations.keys().flat_map(|key| is_domain_prefixed_key(&path, &key.to_lowercase())));
        let size: usize = annotations.iter().map(|(key, value)| key.len() + value.len()).sum();
        if size > TOTAL_ANNOTATION_SIZE_LIMIT {
            errors.push(FieldError::too_long(&path, TOTAL_ANNOTATION_SIZE_LIMIT));
        }
    }
    errors.extend(user(certificate.user, &path.child("user")));
    let key_type = certificate.key_type.as_str();
    if !KEY_TYPES.contains(&key_type) {
        errors.push(FieldError::not_supported(&path.child("keyType"), key_type, &KEY_TYPES));
    }
    if let Some(seconds) = certificate.max_expiration_seconds {
        let path = path.child("maxExpirationSeconds");
        let most = if is_kubernetes_signer_name(signer) { MAX_KUBERNETES_EXPIRATION } else { MAX_EXPIRATION };
        if seconds < MIN_EXPIRATION {
            let detail = format!("if provided, maxExpirationSeconds must be >= {MIN_EXPIRATION}");
            errors.push(FieldError::invalid(&path, seconds, detail));
        }
        if seconds > most {
            let detail = format!("if provided, maxExpirationSeconds must be <= {most}");
            errors.push(FieldError::invalid(&path, seconds, detail));
        }
    }
    let targets = [
        ("credentialBundlePath", &certificate.credential_bundle_path),
        ("keyPath", &certificate.key_path),
        ("certificateChainPath", &certificate.certificate_chain_path),
    ];
    let targets = targets.map(|(field, target)| (field, target.as_deref().unwrap_or_default()));
    for (field, target) in targets.iter().filter(|(_, target)| !target.is_empty()) {
        errors.extend(local_non_reserved_path(target, &path.child(field)));
        errors.extend(taken.take(target, target));
    }
    if targets.iter().all(|(_, target)| target.is_empty()) {
        let detail = "specify at least one of credentialBundlePath, keyPath, and certificateChainPath";
        errors.push(FieldError::required(path, detail));
    }
    errors
}

/// The projection as upstream's sentence shows it: under the names of its internal type.
fn bundle_value(bundle: &ClusterTrustBundleProjection) -> Value {
    json!({
        "Name": bundle.name,
        "SignerName": bundle.signer_name,
        "LabelSelector": bundle.label_selector.as_ref().map(selector_value),
        "Optional": bundle.optional,
        "Path": bundle.path,
        "User": bundle.user,
    })
}

/// A label selector in upstream's order of fields.
fn selector_value(selector: &LabelSelector) -> Value {
    let mut value = json!({});
    if let Some(labels) = selector.match_labels.as_ref().filter(|labels| !labels.is_empty()) {
        value["matchLabels"] = json!(labels);
    }
    if let Some(expressions) = selector.match_expressions.as_ref().filter(|expressions| !expressions.is_empty()) {
        value["matchExpressions"] = json!(expressions);
    }
    value
}
