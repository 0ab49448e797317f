//! What a claim asks for: as the template of an ephemeral volume, and as the spec of a PersistentVolumeClaim.

use k8s_openapi::api::core::v1::{
    PersistentVolumeClaimSpec, PersistentVolumeClaimTemplate, TypedLocalObjectReference, TypedObjectReference,
};
use k8s_openapi::apimachinery::pkg::apis::meta::v1::ObjectMeta;
use serde_json::json;

use super::message::{each_invalid, required};
use super::resource::parsed;
use crate::validation::label::{SelectorOptions, label_selector, labels};
use crate::validation::meta::{annotations, name_is_dns_subdomain};
use crate::validation::name::{is_dns1123_label, is_dns1123_subdomain};
use crate::validation::{Errors, FieldError, FieldPath};

const EXCLUSIVE_MODE: &str = "ReadWriteOncePod";
const ACCESS_MODES: [&str; 4] = ["ReadOnlyMany", "ReadWriteMany", "ReadWriteOnce", EXCLUSIVE_MODE];
const VOLUME_MODES: [&str; 2] = ["Block", "Filesystem"];

/// The template of the claim that an ephemeral volume is given.
pub(super) fn claim_template(template: &PersistentVolumeClaimTemplate, path: &FieldPath<'_>) -> Errors {
    let mut errors = Errors::new();
    if let Some(meta) = &template.metadata {
        errors.extend(template_metadata(meta, &path.child("metadata")));
    }
    errors.extend(persistent_volume_claim_spec(&template.spec, &path.child("spec")));
    errors
}

/// A template's metadata may have labels and annotations, and nothing else.
fn template_metadata(meta: &ObjectMeta, path: &FieldPath<'_>) -> Errors {
    let filled = |text: &Option<String>| text.as_deref().is_some_and(|text| !text.is_empty());
    // Upstream's order, and its spelling of "uid".
    let others = [
        ("name", filled(&meta.name)),
        ("generateName", filled(&meta.generate_name)),
        ("namespace", filled(&meta.namespace)),
        ("selfLink", filled(&meta.self_link)),
        ("uID", filled(&meta.uid)),
        ("resourceVersion", filled(&meta.resource_version)),
        ("generation", meta.generation.is_some_and(|generation| generation != 0)),
        ("creationTimestamp", meta.creation_timestamp.is_some()),
        ("deletionTimestamp", meta.deletion_timestamp.is_some()),
        ("deletionGracePeriodSeconds", meta.deletion_grace_period_seconds.is_some()),
        ("ownerReferences", meta.owner_references.is_some()),
        ("finalizers", meta.finalizers.is_some()),
        ("managedFields", meta.managed_fields.is_some()),
    ];
    let mut errors = Errors::new();
    if let Some(given) = &meta.annotations {
        errors.extend(annotations(given, &path.child("annotations")));
    }
    if let Some(given) = &meta.labels {
        errors.extend(labels(given, &path.child("labels")));
    }
    let set = others.into_iter().filter(|(_, set)| *set);
    errors.extend(set.map(|(field, _)| FieldError::forbidden(&path.child(field), "cannot be set")));
    errors
}

/// All that is wrong with what a claim asks for.
pub(crate) fn persistent_volume_claim_spec(spec: &PersistentVolumeClaimSpec, path: &FieldPath<'_>) -> Errors {
    let modes = spec.access_modes.as_deref().unwrap_or_default();
    let mut errors = Errors::new();
    if modes.is_empty() {
        errors.push(FieldError::required(&path.child("accessModes"), "at least 1 access mode is required"));
    }
    if let Some(selector) = &spec.selector {
        errors.extend(label_selector(selector, SelectorOptions::default(), &path.child("selector")));
    }
    errors.extend(access_modes(modes, &path.child("accessModes")));
    errors.extend(storage(spec, &path.child("resources").key("storage")));
    errors.extend(class_name(spec.storage_class_name.as_deref(), &path.child("storageClassName")));
    if let Some(mode) = spec.volume_mode.as_deref().filter(|mode| !VOLUME_MODES.contains(mode)) {
        errors.push(FieldError::not_supported(&path.child("volumeMode"), mode, &VOLUME_MODES));
    }
    if let Some(source) = &spec.data_source {
        errors.extend(data_source(Source::from(source), &path.child("dataSource")));
    }
    if let Some(source) = &spec.data_source_ref {
        let path = path.child("dataSourceRef");
        errors.extend(data_source(Source::from(source), &path));
        if let Some(namespace) = source.namespace.as_deref().filter(|namespace| !namespace.is_empty()) {
            errors.extend(each_invalid(&path.child("namespace"), namespace, is_dns1123_label(namespace)));
        }
    }
    if let (Some(source), Some(reference)) = (&spec.data_source, &spec.data_source_ref) {
        // The value that upstream's sentence shows is a path, which it writes as an empty object.
        if reference.namespace.as_deref().is_some_and(|namespace| !namespace.is_empty()) {
            let detail = "may not be specified when dataSourceRef.namespace is specified";
            errors.push(FieldError::invalid(path, json!({}), detail));
        } else if Source::from(source) != Source::from(reference) {
            errors.push(FieldError::invalid(path, json!({}), "must match dataSourceRef"));
        }
    }
    errors.extend(class_name(spec.volume_attributes_class_name.as_deref(), &path.child("volumeAttributesClassName")));
    errors
}

fn access_modes(modes: &[String], path: &FieldPath<'_>) -> Errors {
    let unknown = modes.iter().map(String::as_str).filter(|mode| !ACCESS_MODES.contains(mode));
    let mut errors: Errors = unknown.map(|mode| FieldError::not_supported(path, mode, &ACCESS_MODES)).collect();
    let exclusive = modes.iter().any(|mode| mode == EXCLUSIVE_MODE);
    let shared = modes.iter().any(|mode| mode != EXCLUSIVE_MODE && ACCESS_MODES.contains(&mode.as_str()));
    if exclusive && shared {
        errors.push(FieldError::forbidden(path, "may not use ReadWriteOncePod with other access modes"));
    }
    errors
}

fn storage(spec: &PersistentVolumeClaimSpec, path: &FieldPath<'_>) -> Option<FieldError> {
    let requests = spec.resources.as_ref().and_then(|resources| resources.requests.as_ref());
    let Some(storage) = requests.and_then(|requests| requests.get("storage")).map(parsed) else {
        return Some(FieldError::required(path, ""));
    };
    (!storage.is_positive()).then(|| FieldError::invalid(path, storage.to_string(), "must be greater than zero"))
}

fn class_name(name: Option<&str>, path: &FieldPath<'_>) -> Errors {
    let name = name.unwrap_or_default();
    if name.is_empty() { Errors::new() } else { each_invalid(path, name, name_is_dns_subdomain(name, false)) }
}

/// What the two kinds of data source have in common.
#[derive(Clone, Copy, PartialEq)]
struct Source<'a> {
    group: Option<&'a str>,
    kind: &'a str,
    name: &'a str,
}

impl<'a> From<&'a TypedLocalObjectReference> for Source<'a> {
    fn from(source: &'a TypedLocalObjectReference) -> Self {
        Self { group: source.api_group.as_deref(), kind: &source.kind, name: &source.name }
    }
}

impl<'a> From<&'a TypedObjectReference> for Source<'a> {
    fn from(source: &'a TypedObjectReference) -> Self {
        Self { group: source.api_group.as_deref(), kind: &source.kind, name: &source.name }
    }
}

fn data_source(source: Source<'_>, path: &FieldPath<'_>) -> Errors {
    let group = source.group.unwrap_or_default();
    let mut errors = Errors::new();
    errors.extend(required(source.name, &path.child("name")));
    errors.extend(required(source.kind, &path.child("kind")));
    if group.is_empty() && source.kind != "PersistentVolumeClaim" {
        let detail = "must be 'PersistentVolumeClaim' when referencing the default apiGroup";
        errors.push(FieldError::invalid(path, source.kind, detail));
    }
    if !group.is_empty() {
        errors.extend(each_invalid(&path.child("apiGroup"), group, is_dns1123_subdomain(group)));
    }
    errors
}
