//! ControllerRevisions: what a StatefulSet's or DaemonSet's template was.
//!
//! Facts: upstream's `ValidateControllerRevisionCreate` and `…Update`, `pkg/registry/apps/controllerrevision`.

use k8s_openapi::api::apps::v1::ControllerRevision;
use serde_json::Value;

use super::access::integer;
use super::generic::{at, check, check_update};
use super::{Request, Strategy};
use crate::validation::meta::{name_is_dns_subdomain, non_negative, object_meta, object_meta_update};
use crate::validation::{Errors, FieldError, FieldPath};

/// The strategy of ControllerRevisions.
#[derive(Debug, Clone, Copy)]
pub struct ControllerRevisionStrategy;

impl Strategy for ControllerRevisionStrategy {
    fn default(&self, _object: &mut Value) {}

    fn prepare_for_create(&self, _request: &Request<'_>, _object: &mut Value) {}

    fn prepare_for_update(&self, _request: &Request<'_>, _object: &mut Value, _old: &Value) {}

    fn validate(&self, _request: &Request<'_>, object: &Value) -> Errors {
        check(object, |revision: &ControllerRevision| {
            let mut errors = all(revision, object);
            let path = FieldPath::new("data");
            match at(object, &["data"]) {
                None => errors.push(FieldError::required(&path, "data is mandatory")),
                Some(Value::Object(_)) => {}
                Some(_) => errors.push(FieldError::required(&path, "data must be a valid JSON object")),
            }
            errors
        })
    }

    fn validate_update(&self, _request: &Request<'_>, object: &Value, old: &Value) -> Errors {
        check_update(object, old, |new: &ControllerRevision, old_revision: &ControllerRevision| {
            let mut errors = object_meta_update(&new.metadata, &old_revision.metadata, &FieldPath::new("metadata"));
            errors.extend(all(new, object));
            let of = |object: &Value| at(object, &["data"]).cloned().unwrap_or(Value::Null);
            // Upstream compares bytes: the order of keys counts.
            let text = |object| of(object).to_string();
            if text(object) != text(old) {
                errors.push(FieldError::invalid(&FieldPath::new("data"), of(object), "field is immutable"));
            }
            errors
        })
    }
}

fn all(revision: &ControllerRevision, object: &Value) -> Errors {
    let mut errors = object_meta(&revision.metadata, true, name_is_dns_subdomain, &FieldPath::new("metadata"));
    errors.extend(non_negative(integer(object, &["revision"]), &FieldPath::new("revision")));
    errors
}

#[cfg(test)]
mod tests;
