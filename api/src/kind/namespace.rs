//! Namespaces: their finalizer, their phase, and the label that carries their name.
//!
//! A namespace's deletion (the phase `Terminating`, the wait for its content) is the pipeline's business.
//!
//! Facts: pkg/registry/core/namespace/strategy.go, pkg/apis/core/v1/defaults.go.

use k8s_openapi::api::core::v1::Namespace;
use serde_json::Value;

use super::generic::{check, check_update, list, reset, restore, set, text};
use super::{Request, Strategy};
use crate::validation::meta::{finalizer_name, name_is_dns_label, object_meta, object_meta_update};
use crate::validation::{Errors, FieldError, FieldPath};

/// The finalizer that holds a namespace until its content is gone.
const KUBERNETES: &str = "kubernetes";
const NAME_LABEL: &str = "kubernetes.io/metadata.name";

/// Namespaces, with their subresources `status` and `finalize`.
#[derive(Debug)]
pub struct NamespaceStrategy;

impl Strategy for NamespaceStrategy {
    fn default(&self, object: &mut Value) {
        // A generated name isn't known yet; `canonicalise` comes after it.
        if !text(object, &["metadata", "name"]).is_empty() {
            label_with_name(object);
        }
        if text(object, &["status", "phase"]).is_empty() {
            set(object, &["status", "phase"], "Active".into());
        }
    }

    fn prepare_for_create(&self, _request: &Request<'_>, object: &mut Value) {
        reset(object, "status");
        set(object, &["status", "phase"], "Active".into());
        let mut finalizers = list(object, &["spec", "finalizers"]).to_vec();
        if !finalizers.iter().any(|finalizer| finalizer == KUBERNETES) {
            finalizers.push(KUBERNETES.into());
            set(object, &["spec", "finalizers"], finalizers.into());
        }
    }

    fn prepare_for_update(&self, request: &Request<'_>, object: &mut Value, old: &Value) {
        match request.subresource {
            "status" => restore(object, old, &["spec"]),
            "finalize" => restore(object, old, &["status"]),
            _ => {
                restore(object, old, &["spec", "finalizers"]);
                restore(object, old, &["status"]);
            }
        }
    }

    fn validate(&self, _request: &Request<'_>, object: &Value) -> Errors {
        check(object, validate)
    }

    fn validate_update(&self, request: &Request<'_>, object: &Value, old: &Value) -> Errors {
        let metadata = FieldPath::new("metadata");
        check_update(object, old, |new: &Namespace, old: &Namespace| {
            let meta = object_meta_update(&new.metadata, &old.metadata, &metadata);
            let mut errors = Errors::new();
            match request.subresource {
                "status" => {
                    errors.extend(meta);
                    errors.extend(phase(new));
                }
                "finalize" => {
                    errors.extend(meta);
                    let spec = FieldPath::new("spec");
                    let path = spec.child("finalizers");
                    for (at, finalizer) in finalizers(new).iter().enumerate() {
                        errors.extend(namespace_finalizer(finalizer, &path.index(at)));
                    }
                }
                _ => {
                    errors.extend(validate(new));
                    errors.extend(meta);
                }
            }
            errors
        })
    }

    fn canonicalise(&self, object: &mut Value) {
        label_with_name(object);
    }

    fn reset_fields(&self, subresource: &str) -> &'static [&'static str] {
        if subresource == "status" { &["spec"] } else { &["status"] }
    }
}

fn label_with_name(object: &mut Value) {
    let name = text(object, &["metadata", "name"]).to_owned();
    set(object, &["metadata", "labels", NAME_LABEL], name.into());
}

fn finalizers(namespace: &Namespace) -> &[String] {
    namespace.spec.as_ref().and_then(|spec| spec.finalizers.as_deref()).unwrap_or_default()
}

fn validate(namespace: &Namespace) -> Errors {
    let mut errors = object_meta(&namespace.metadata, false, name_is_dns_label, &FieldPath::new("metadata"));
    let spec = FieldPath::new("spec");
    let path = spec.child("finalizers");
    errors.extend(finalizers(namespace).iter().flat_map(|finalizer| namespace_finalizer(finalizer, &path)));
    errors
}

fn namespace_finalizer(name: &str, path: &FieldPath<'_>) -> Errors {
    let mut errors = finalizer_name(name, path);
    if !name.contains('/') && !matches!(name, KUBERNETES | "orphan" | "foregroundDeletion") {
        let words = "name is neither a standard finalizer name nor is it fully qualified";
        errors.push(FieldError::invalid(path, name, words));
    }
    errors
}

fn phase(namespace: &Namespace) -> Option<FieldError> {
    let status = FieldPath::new("status");
    let phase = namespace.status.as_ref().and_then(|status| status.phase.as_deref()).unwrap_or_default();
    let (expected, words) = if namespace.metadata.deletion_timestamp.is_none() {
        ("Active", "may only be 'Active' if `deletionTimestamp` is empty")
    } else {
        ("Terminating", "may only be 'Terminating' if `deletionTimestamp` is not empty")
    };
    (phase != expected).then(|| FieldError::invalid(&status.child("Phase"), phase, words))
}
