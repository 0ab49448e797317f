//! When a container is restarted: after it has ended, and when its resources change.

use std::collections::BTreeSet;

use k8s_openapi::api::core::v1::{Container, ContainerResizePolicy, ContainerRestartRule};

use crate::validation::{Errors, FieldError, FieldPath};

/// The policy that makes a sidecar of an init container.
pub(super) const ALWAYS: &str = "Always";
/// The policy that restarts a container whose resources change.
pub(super) const RESTART_CONTAINER: &str = "RestartContainer";

const RESTART_POLICIES: [&str; 3] = [ALWAYS, "Never", "OnFailure"];
const RULE_ACTIONS: [&str; 2] = ["Restart", "RestartAllContainers"];
const EXIT_CODE_OPERATORS: [&str; 2] = ["In", "NotIn"];
const MAX_RULES: usize = 20;
const MAX_EXIT_CODES: usize = 255;

const RESIZABLE: [&str; 2] = ["cpu", "memory"];
const NOT_REQUIRED: &str = "NotRequired";
const RESIZE_POLICIES: [&str; 2] = [NOT_REQUIRED, RESTART_CONTAINER];

/// All that is wrong with the container's own restart policy and its rules; `path` is the container's.
pub(super) fn container_restart_policy(container: &Container, path: &FieldPath<'_>) -> Errors {
    let rules = container.restart_policy_rules.as_deref().unwrap_or_default();
    let policy_path = path.child("restartPolicy");
    let mut errors = Errors::new();
    match container.restart_policy.as_deref() {
        None if rules.is_empty() => return errors,
        None => errors.push(rules_without_policy(&policy_path)),
        Some(policy) if !RESTART_POLICIES.contains(&policy) => {
            errors.push(FieldError::not_supported(&policy_path, policy, &RESTART_POLICIES));
        }
        Some(_) => {}
    }
    let path = path.child("restartPolicyRules");
    if rules.len() > MAX_RULES {
        errors.push(FieldError::too_many(&path, rules.len(), MAX_RULES));
    }
    errors.extend(rules.iter().enumerate().flat_map(|(at, rule)| restart_rule(rule, &path.index(at))));
    errors
}

/// As [`container_restart_policy`], for an init container: rules without a policy aren't looked at any further.
pub(super) fn init_container_restart_policy(container: &Container, path: &FieldPath<'_>) -> Errors {
    let has_rules = container.restart_policy_rules.as_ref().is_some_and(|rules| !rules.is_empty());
    match &container.restart_policy {
        None if has_rules => vec![rules_without_policy(&path.child("restartPolicy"))],
        _ => container_restart_policy(container, path),
    }
}

fn rules_without_policy(path: &FieldPath<'_>) -> FieldError {
    FieldError::required(path, "must specify restartPolicy when restart rules are used")
}

fn restart_rule(rule: &ContainerRestartRule, path: &FieldPath<'_>) -> Errors {
    let mut errors = Errors::new();
    let action = rule.action.as_str();
    if !RULE_ACTIONS.contains(&action) {
        errors.push(FieldError::not_supported(&path.child("action"), action, &RULE_ACTIONS));
    }
    let path = path.child("exitCodes");
    let Some(codes) = &rule.exit_codes else {
        errors.push(FieldError::required(&path, "must be specified"));
        return errors;
    };
    let operator = codes.operator.as_str();
    if !EXIT_CODE_OPERATORS.contains(&operator) {
        errors.push(FieldError::not_supported(&path.child("operator"), operator, &EXIT_CODE_OPERATORS));
    }
    let count = codes.values.as_ref().map_or(0, Vec::len);
    if count > MAX_EXIT_CODES {
        errors.push(FieldError::too_many(&path.child("values"), count, MAX_EXIT_CODES));
    }
    errors
}

/// All that is wrong with what is done when resources change. Upstream names the list where it means an element.
pub(super) fn resize_policy(policies: &[ContainerResizePolicy], restart_policy: &str, path: &FieldPath<'_>) -> Errors {
    let mut seen = BTreeSet::new();
    let mut errors = Errors::new();
    for (at, policy) in policies.iter().enumerate() {
        let (resource, restart) = (policy.resource_name.as_str(), policy.restart_policy.as_str());
        if !seen.insert(resource) {
            errors.push(FieldError::duplicate(&path.index(at), resource));
        }
        errors.extend(one_of(resource, &RESIZABLE, path));
        errors.extend(one_of(restart, &RESIZE_POLICIES, path));
        if restart_policy == "Never" && restart != NOT_REQUIRED {
            let detail = "must be 'NotRequired' when pod `restartPolicy` is 'Never'";
            errors.push(FieldError::invalid(path, restart, detail));
        }
    }
    errors
}

fn one_of(value: &str, supported: &[&str], path: &FieldPath<'_>) -> Option<FieldError> {
    if value.is_empty() {
        Some(FieldError::required(path, ""))
    } else if supported.contains(&value) {
        None
    } else {
        Some(FieldError::not_supported(path, value, supported))
    }
}
