//! Roles, and the rules of policy rules, which ClusterRoles share.
//!
//! Facts: upstream's `pkg/apis/rbac/validation`, `pkg/registry/rbac/role`. That rules must have verbs is declared
//! upstream: it is told last, without reason, unless an update leaves all rules as they were. Absent: escalation checks,
//! which look at other objects and belong to the server.

use k8s_openapi::api::rbac::v1::{PolicyRule, Role};
use serde_json::{Value, json};

use super::access::{is_same, supersede};
use super::generic::{check, check_update};
use super::{Request, Strategy};
use crate::validation::meta::{object_meta, object_meta_update};
use crate::validation::name::is_valid_path_segment_name;
use crate::validation::{Errors, FieldError, FieldPath};

/// The strategy of Roles.
#[derive(Debug, Clone, Copy)]
pub struct RoleStrategy;

impl Strategy for RoleStrategy {
    fn default(&self, _object: &mut Value) {}

    fn prepare_for_create(&self, _request: &Request<'_>, _object: &mut Value) {}

    fn prepare_for_update(&self, _request: &Request<'_>, _object: &mut Value, _old: &Value) {}

    fn validate(&self, _request: &Request<'_>, object: &Value) -> Errors {
        check(object, |role: &Role| {
            let rules = role.rules.as_deref().unwrap_or_default();
            supersede(all(role), declared_rules(rules, object, None))
        })
    }

    fn validate_update(&self, _request: &Request<'_>, object: &Value, old: &Value) -> Errors {
        check_update(object, old, |role: &Role, old_role: &Role| {
            let mut errors = all(role);
            errors.extend(object_meta_update(&role.metadata, &old_role.metadata, &FieldPath::new("metadata")));
            supersede(errors, declared_rules(role.rules.as_deref().unwrap_or_default(), object, Some(old)))
        })
    }

    fn allows_create_on_update(&self) -> bool {
        true
    }
}

fn all(role: &Role) -> Errors {
    let mut errors = object_meta(&role.metadata, true, rbac_name, &FieldPath::new("metadata"));
    policy_rules(role.rules.as_deref().unwrap_or_default(), true, &mut errors);
    errors
}

/// The rule of RBAC's names: whatever can stand in a path. Generated names are held to it from their first part on.
pub(super) fn rbac_name(name: &str, _is_prefix: bool) -> Vec<String> {
    is_valid_path_segment_name(name)
}

/// The handwritten rules of an object's policy rules.
pub(super) fn policy_rules(rules: &[PolicyRule], is_namespaced: bool, errors: &mut Errors) {
    let path = FieldPath::new("rules");
    for (at, rule) in rules.iter().enumerate() {
        policy_rule(rule, is_namespaced, &path.index(at), errors);
    }
}

fn policy_rule(rule: &PolicyRule, is_namespaced: bool, path: &FieldPath<'_>, errors: &mut Errors) {
    let has = |list: &Option<Vec<String>>| list.iter().flatten().next().is_some();
    if rule.verbs.is_empty() {
        errors.push(FieldError::required(&path.child("verbs"), "verbs must contain at least one value"));
    }
    if has(&rule.non_resource_urls) {
        let path = path.child("nonResourceURLs");
        let urls = json!(rule.non_resource_urls);
        if is_namespaced {
            let detail = "namespaced rules cannot apply to non-resource URLs";
            errors.push(FieldError::invalid(&path, urls.clone(), detail));
        }
        if has(&rule.api_groups) || has(&rule.resources) || has(&rule.resource_names) {
            let detail = "rules cannot apply to both regular resources and non-resource URLs";
            errors.push(FieldError::invalid(&path, urls, detail));
        }
        return;
    }
    if !has(&rule.api_groups) {
        let detail = "resource rules must supply at least one api group";
        errors.push(FieldError::required(&path.child("apiGroups"), detail));
    }
    if !has(&rule.resources) {
        let detail = "resource rules must supply at least one resource";
        errors.push(FieldError::required(&path.child("resources"), detail));
    }
}

/// The declared rules of an object's policy rules: verbs are required, unless an update leaves all rules as they were.
pub(super) fn declared_rules(rules: &[PolicyRule], object: &Value, old: Option<&Value>) -> Errors {
    if old.is_some_and(|old| is_same(object, old, &["rules"])) {
        return Errors::new();
    }
    let path = FieldPath::new("rules");
    let without = rules.iter().enumerate().filter(|(_, rule)| rule.verbs.is_empty());
    without.map(|(at, _)| FieldError::required(&path.index(at).child("verbs"), "")).collect()
}

#[cfg(test)]
mod tests;
