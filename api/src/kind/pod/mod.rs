//! Pods: what is filled in, what may be set and changed, and by which subresource.
//!
//! The strategy sends each subresource its way:
//!
//! | subresource | may change | rules |
//! |---|---|---|
//! | (none) | metadata, a few fields of the spec | `validation::update` |
//! | `status` | status, metadata | `validation::status` |
//! | `ephemeralcontainers` | `spec.ephemeralContainers`, by adding | `validation::update` |
//! | `resize` | resources and resize policies | `validation::resize` |
//!
//! `binding` and `eviction` are not updates of a pod: [`binding`] and [`eviction`] have their pure parts.
//!
//! `defaulting` fills in what upstream fills in by code, `disabled` drops fields whose feature gates are off,
//! `prepare` does what the server does to a pod, `warning` tells what is surely not meant. `template` is what
//! other kinds use. Deliberately absent: everything that looks at other objects (admission) or talks to nodes
//! (`log`, `exec`, `attach`, `portforward`, `proxy`).

mod access;
mod app_armor;
pub mod binding;
mod condition;
pub(crate) mod defaulting;
mod difference;
mod disabled;
pub(crate) mod equality;
pub mod eviction;
mod image_name;
pub(crate) mod internal_form;
mod pod_level;
mod prepare;
pub mod qos;
mod resource_sum;
pub(crate) mod template;
pub(crate) mod validation;
mod visit;
mod warning;

use k8s_openapi::api::core::v1::Pod;
use serde::Deserialize;
use serde_json::Value;

use super::{Request, Strategy};
use crate::validation::{Errors, FieldError, FieldPath};
use validation::update::Change;

/// The strategy of pods.
#[derive(Debug, Clone, Copy)]
pub struct PodStrategy;

/// The typed view. Trees are checked when they are decoded, so that it fails is nothing that a client does.
fn view(tree: &Value) -> Result<Pod, Errors> {
    Pod::deserialize(tree).map_err(|error| vec![FieldError::internal(&FieldPath::new(""), error.to_string())])
}

impl Strategy for PodStrategy {
    fn default(&self, object: &mut Value) {
        defaulting::pod(object);
    }

    fn prepare_for_create(&self, request: &Request<'_>, object: &mut Value) {
        prepare::create(object, request.now);
    }

    fn prepare_for_update(&self, request: &Request<'_>, object: &mut Value, old: &Value) {
        match request.subresource {
            "status" => prepare::status(object, old),
            "ephemeralcontainers" => prepare::ephemeral_containers(object, old),
            "resize" => prepare::resize(object, old),
            _ => prepare::update(object, old),
        }
    }

    fn validate(&self, _request: &Request<'_>, object: &Value) -> Errors {
        match view(object) {
            Ok(pod) => validation::pod::create(&pod),
            Err(errors) => errors,
        }
    }

    fn validate_update(&self, request: &Request<'_>, object: &Value, old: &Value) -> Errors {
        let (new_view, old_view) = match (view(object), view(old)) {
            (Ok(new), Ok(old)) => (new, old),
            (Err(errors), _) | (_, Err(errors)) => return errors,
        };
        let change = Change { new: &new_view, old: &old_view, tree: object, old_tree: old };
        match request.subresource {
            "status" => validation::status::status_update(change),
            "ephemeralcontainers" => validation::update::ephemeral_containers_update(change),
            "resize" => validation::resize::resize(change),
            _ => validation::update::update(change),
        }
    }

    fn warnings(&self, request: &Request<'_>, object: &Value, old: Option<&Value>) -> Vec<String> {
        let Ok(pod) = view(object) else { return Vec::new() };
        match (request.subresource, old, &pod.status) {
            ("", None, _) => warning::create(&pod),
            ("status", Some(_), Some(status)) => warning::status(status),
            // Updates of pods are frequent, and no person makes them.
            _ => Vec::new(),
        }
    }

    fn grace_period(&self, object: &Value, requested: Option<i64>) -> Option<i64> {
        let spec = object.get("spec").unwrap_or(&Value::Null);
        let own = || spec.get("terminationGracePeriodSeconds").and_then(Value::as_i64).unwrap_or(0);
        let phase = object.get("status").map_or("", |status| access::text(status, "phase"));
        let is_idle = access::text(spec, "nodeName").is_empty() || matches!(phase, "Failed" | "Succeeded");
        let period = if is_idle { 0 } else { requested.unwrap_or_else(own) };
        Some(if period < 0 { 1 } else { period })
    }

    fn reset_fields(&self, subresource: &str) -> &'static [&'static str] {
        match subresource {
            "" => &["status"],
            "status" => &["spec", "metadata.deletionTimestamp", "metadata.ownerReferences"],
            _ => &[],
        }
    }
}

#[cfg(test)]
mod tests;
