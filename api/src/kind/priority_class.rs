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

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::kind::testing::{complete, create_errors, update_errors};

    const GROUP: &str = "scheduling.k8s.io";

    #[test]
    fn wrong_classes_are_refused() {
        let system = "metadata.name: Forbidden: priority class names with 'system-' prefix are reserved for system use \
                      only. error: ";
        let rows = [
            (json!({"metadata": {"name": "a"}, "value": HIGHEST}), vec![]),
            (json!({"metadata": {"name": "system-node-critical"}, "value": 2_000_001_000}), vec![]),
            (json!({"metadata": {"name": "system-cluster-critical"}, "value": 2_000_000_000}), vec![]),
            (
                json!({"metadata": {"name": "a"}, "value": HIGHEST + 1}),
                vec!["value: Forbidden: maximum allowed value of a user defined priority is 1000000000".to_owned()],
            ),
            (
                json!({"metadata": {"name": "system-x"}}),
                vec![format!("{system}system-x is not a known system priority class")],
            ),
            (
                json!({"metadata": {"name": "system-node-critical"}, "value": 1}),
                vec![format!("{system}value of system-node-critical PriorityClass must be 2000001000")],
            ),
            (
                json!({"metadata": {"name": "system-cluster-critical"}, "value": 2_000_000_000, "globalDefault": true}),
                vec![format!("{system}globalDefault of system-cluster-critical PriorityClass must be false")],
            ),
            (
                json!({"metadata": {"name": "a"}, "preemptionPolicy": "x"}),
                vec![
                    "preemptionPolicy: Unsupported value: \"x\": supported values: \"PreemptLowerPriority\", \"Never\""
                        .to_owned(),
                ],
            ),
        ];
        for (object, expected) in rows {
            assert_eq!(create_errors(GROUP, "priorityclasses", object), expected);
        }
    }

    #[test]
    fn value_and_policy_stay() {
        let old = json!({"metadata": {"name": "a"}, "value": 1});
        assert_eq!(complete(GROUP, "priorityclasses", old.clone())["preemptionPolicy"], "PreemptLowerPriority");
        let new = json!({"metadata": {"name": "a"}, "value": 2, "preemptionPolicy": "Never"});
        let expected = [
            "value: Forbidden: may not be changed in an update.",
            "preemptionPolicy: Invalid value: \"Never\": field is immutable",
        ];
        assert_eq!(update_errors(GROUP, "priorityclasses", "", new, old), expected);
    }
}
