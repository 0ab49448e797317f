//! Priority classes.
//!
//! Facts: pkg/registry/scheduling/priorityclass/strategy.go, pkg/apis/scheduling.

use k8s_openapi::api::scheduling::v1::PriorityClass;
use serde_json::Value;

use super::generic::{at, check, check_update, first_generation, set};
use super::{Request, Strategy};
use crate::validation::meta::{immutable_field, name_is_dns_subdomain, object_meta, object_meta_update};
use crate::validation::{Errors, FieldError, FieldPath};

const SYSTEM_PREFIX: &str = "system-";
/// The highest priority that is not the system's.
const HIGHEST: i32 = 1_000_000_000;
/// The system's classes and their values.
const SYSTEM: [(&str, i32); 2] =
    [("system-node-critical", 2 * HIGHEST + 1000), ("system-cluster-critical", 2 * HIGHEST)];

/// Priority classes.
#[derive(Debug)]
pub struct PriorityClassStrategy;

impl Strategy for PriorityClassStrategy {
    fn default(&self, object: &mut Value) {
        if at(object, &["preemptionPolicy"]).is_none() {
            set(object, &["preemptionPolicy"], "PreemptLowerPriority".into());
        }
    }

    fn prepare_for_create(&self, _request: &Request<'_>, object: &mut Value) {
        first_generation(object);
    }

    fn prepare_for_update(&self, _request: &Request<'_>, _object: &mut Value, _old: &Value) {}

    fn validate(&self, _request: &Request<'_>, object: &Value) -> Errors {
        check(object, validate)
    }

    fn validate_update(&self, _request: &Request<'_>, object: &Value, old: &Value) -> Errors {
        check_update(object, old, |new: &PriorityClass, old: &PriorityClass| {
            let mut errors = object_meta_update(&new.metadata, &old.metadata, &FieldPath::new("metadata"));
            if new.value.unwrap_or_default() != old.value.unwrap_or_default() {
                let words = "may not be changed in an update.";
                errors.push(FieldError::forbidden(&FieldPath::new("value"), words));
            }
            let path = FieldPath::new("preemptionPolicy");
            errors.extend(immutable_field(&new.preemption_policy, &old.preemption_policy, &path));
            errors
        })
    }
}

fn validate(class: &PriorityClass) -> Errors {
    let metadata = FieldPath::new("metadata");
    let mut errors = object_meta(&class.metadata, false, name_is_dns_subdomain, &metadata);
    let name = class.metadata.name.as_deref().unwrap_or_default();
    if name.starts_with(SYSTEM_PREFIX) {
        if let Some(wrong) = system_class(name, class) {
            let words = "priority class names with 'system-' prefix are reserved for system use only. error: ";
            errors.push(FieldError::forbidden(&metadata.child("name"), format!("{words}{wrong}")));
        }
    } else if class.value.unwrap_or_default() > HIGHEST {
        let words = format!("maximum allowed value of a user defined priority is {HIGHEST}");
        errors.push(FieldError::forbidden(&FieldPath::new("value"), words));
    }
    let path = FieldPath::new("preemptionPolicy");
    match class.preemption_policy.as_deref() {
        None | Some("PreemptLowerPriority" | "Never") => {}
        Some("") => errors.push(FieldError::required(&path, "")),
        Some(other) => errors.push(FieldError::not_supported(&path, other, &["PreemptLowerPriority", "Never"])),
    }
    errors
}

/// Why this is not one of the system's classes.
fn system_class(name: &str, class: &PriorityClass) -> Option<String> {
    let Some((_, value)) = SYSTEM.iter().find(|(known, _)| *known == name) else {
        return Some(format!("{name} is not a known system priority class"));
    };
    if class.value.unwrap_or_default() != *value {
        return Some(format!("value of {name} PriorityClass must be {value}"));
    }
    let is_default = class.global_default == Some(true);
    is_default.then(|| format!("globalDefault of {name} PriorityClass must be false"))
}
