//! ClusterRoles: as Roles, with non-resource URLs and aggregation.
//!
//! Facts: upstream's `ValidateClusterRole`, `pkg/registry/rbac/clusterrole`. Absent: escalation checks, which look at
//! other objects.

use k8s_openapi::api::rbac::v1::ClusterRole;
use serde_json::Value;

use super::access::supersede;
use super::generic::{check, check_update};
use super::role::{declared_rules, policy_rules, rbac_name};
use super::{Request, Strategy};
use crate::selector::LabelSelector;
use crate::validation::label::{SelectorOptions, has_invalid_label_value, label_selector};
use crate::validation::meta::{object_meta, object_meta_update};
use crate::validation::{Errors, FieldError, FieldPath};

/// The strategy of ClusterRoles.
#[derive(Debug, Clone, Copy)]
pub struct ClusterRoleStrategy;

impl Strategy for ClusterRoleStrategy {
    fn default(&self, _object: &mut Value) {}

    fn prepare_for_create(&self, _request: &Request<'_>, _object: &mut Value) {}

    fn prepare_for_update(&self, _request: &Request<'_>, _object: &mut Value, _old: &Value) {}

    fn validate(&self, _request: &Request<'_>, object: &Value) -> Errors {
        check(object, |role: &ClusterRole| {
            let rules = role.rules.as_deref().unwrap_or_default();
            supersede(all(role, SelectorOptions::default()), declared_rules(rules, object, None))
        })
    }

    fn validate_update(&self, _request: &Request<'_>, object: &Value, old: &Value) -> Errors {
        check_update(object, old, |role: &ClusterRole, old_role: &ClusterRole| {
            let aggregation = old_role.aggregation_rule.as_ref();
            let mut selectors = aggregation.into_iter().flat_map(|rule| rule.cluster_role_selectors.iter().flatten());
            let options = SelectorOptions {
                allow_invalid_label_value: selectors.any(has_invalid_label_value),
                ..SelectorOptions::default()
            };
            let mut errors = all(role, options);
            errors.extend(object_meta_update(&role.metadata, &old_role.metadata, &FieldPath::new("metadata")));
            supersede(errors, declared_rules(role.rules.as_deref().unwrap_or_default(), object, Some(old)))
        })
    }

    fn allows_create_on_update(&self) -> bool {
        true
    }
}

fn all(role: &ClusterRole, options: SelectorOptions) -> Errors {
    let mut errors = object_meta(&role.metadata, false, rbac_name, &FieldPath::new("metadata"));
    policy_rules(role.rules.as_deref().unwrap_or_default(), false, &mut errors);
    let Some(aggregation) = &role.aggregation_rule else { return errors };
    let selectors = aggregation.cluster_role_selectors.as_deref().unwrap_or_default();
    let rule = FieldPath::new("aggregationRule");
    let path = rule.child("clusterRoleSelectors");
    if selectors.is_empty() {
        let detail = "at least one clusterRoleSelector required if aggregationRule is non-nil";
        errors.push(FieldError::required(&path, detail));
    }
    for (at, selector) in selectors.iter().enumerate() {
        let path = path.index(at);
        errors.extend(label_selector(selector, options, &path));
        if LabelSelector::from_object(selector).is_err() {
            // Upstream shows the selector that it could not make: nothing.
            errors.push(FieldError::invalid(&path, Value::Null, "invalid label selector."));
        }
    }
    errors
}
