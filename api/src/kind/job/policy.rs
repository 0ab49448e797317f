//! The rules of a Job's policies: which failures count, when it has succeeded, when pods are replaced.
//!
//! Facts: upstream's `validatePodFailurePolicy`, `validateSuccessPolicy`, `validatePodReplacementPolicy`.

use k8s_openapi::api::batch::v1::{
    JobSpec, PodFailurePolicy, PodFailurePolicyOnExitCodesRequirement, PodFailurePolicyOnPodConditionsPattern,
    PodFailurePolicyRule, SuccessPolicy, SuccessPolicyRule,
};
use serde_json::{Value, json};

use super::index;
use crate::go::quote_list;
use crate::kind::access::invalid_each;
use crate::validation::meta::non_negative;
use crate::validation::name::is_qualified_name;
use crate::validation::{ErrorKind, Errors, FieldError, FieldPath};

const ACTIONS: [&str; 4] = ["Count", "FailIndex", "FailJob", "Ignore"];
const OPERATORS: [&str; 2] = ["In", "NotIn"];
const STATUSES: [&str; 3] = ["False", "True", "Unknown"];
const MOST_FAILURE_RULES: usize = 20;
const MOST_SUCCESS_RULES: usize = 20;
const MOST_EXIT_CODES: usize = 255;
const MOST_CONDITIONS: usize = 20;
const MOST_INDEX_BYTES: usize = 64 * 1024;

/// An `Invalid` whose sentence shows no value.
pub(super) fn invalid_without_value(path: &FieldPath<'_>, detail: &str) -> FieldError {
    FieldError { kind: ErrorKind::Invalid, field: path.to_string(), value: None, detail: detail.to_owned() }
}

/// A policy as upstream's error shows it: its internal struct.
pub(super) fn shown_failure(policy: Option<&PodFailurePolicy>) -> Value {
    let condition =
        |pattern: &PodFailurePolicyOnPodConditionsPattern| json!({"Type": pattern.type_, "Status": pattern.status});
    let rule = |rule: &PodFailurePolicyRule| {
        json!({
            "Action": rule.action,
            "OnExitCodes": rule.on_exit_codes.as_ref().map(|codes| {
                json!({"ContainerName": codes.container_name, "Operator": codes.operator, "Values": codes.values})
            }),
            "OnPodConditions":
                rule.on_pod_conditions.as_ref().map(|patterns| patterns.iter().map(condition).collect::<Vec<_>>()),
        })
    };
    policy.map_or(Value::Null, |policy| json!({"Rules": policy.rules.iter().map(rule).collect::<Vec<_>>()}))
}

/// [`shown_failure`] of success policies.
pub(super) fn shown_success(policy: Option<&SuccessPolicy>) -> Value {
    let rule = |rule: &SuccessPolicyRule| json!({"SucceededIndexes": rule.succeeded_indexes, "SucceededCount": rule.succeeded_count});
    policy.map_or(Value::Null, |policy| json!({"Rules": policy.rules.iter().map(rule).collect::<Vec<_>>()}))
}

/// The rules of a policy about failures.
pub(super) fn failure(policy: &PodFailurePolicy, spec: &JobSpec, path: &FieldPath<'_>, errors: &mut Errors) {
    let path = path.child("rules");
    if policy.rules.len() > MOST_FAILURE_RULES {
        errors.push(FieldError::too_many(&path, policy.rules.len(), MOST_FAILURE_RULES));
    }
    for (at, rule) in policy.rules.iter().enumerate() {
        failure_rule(rule, spec, &path.index(at), errors);
    }
}

fn failure_rule(rule: &PodFailurePolicyRule, spec: &JobSpec, path: &FieldPath<'_>, errors: &mut Errors) {
    let action_path = path.child("action");
    match rule.action.as_str() {
        "" => errors.push(FieldError::required(&action_path, format!("valid values: {}", quote_list(&ACTIONS)))),
        "FailIndex" if spec.backoff_limit_per_index.is_none() => {
            errors.push(FieldError::invalid(&action_path, "FailIndex", "requires the backoffLimitPerIndex to be set"));
        }
        action if !ACTIONS.contains(&action) => {
            errors.push(FieldError::not_supported(&action_path, action, &ACTIONS));
        }
        _ => {}
    }
    let conditions = rule.on_pod_conditions.as_deref().unwrap_or_default();
    if let Some(codes) = &rule.on_exit_codes {
        exit_codes(codes, spec, &path.child("onExitCodes"), errors);
    }
    if !conditions.is_empty() {
        pod_conditions(conditions, &path.child("onPodConditions"), errors);
    }
    match (rule.on_exit_codes.is_some(), !conditions.is_empty()) {
        (true, true) => {
            let detail = "specifying both OnExitCodes and OnPodConditions is not supported";
            errors.push(invalid_without_value(path, detail));
        }
        (false, false) => {
            let detail = "specifying one of OnExitCodes and OnPodConditions is required";
            errors.push(invalid_without_value(path, detail));
        }
        _ => {}
    }
}

fn one_of(value: &str, supported: &[&str], path: &FieldPath<'_>, errors: &mut Errors) {
    if value.is_empty() {
        errors.push(FieldError::required(path, format!("valid values: {}", quote_list(supported))));
    } else if !supported.contains(&value) {
        errors.push(FieldError::not_supported(path, value, supported));
    }
}

fn pod_conditions(patterns: &[PodFailurePolicyOnPodConditionsPattern], path: &FieldPath<'_>, errors: &mut Errors) {
    if patterns.len() > MOST_CONDITIONS {
        errors.push(FieldError::too_many(path, patterns.len(), MOST_CONDITIONS));
    }
    for (at, pattern) in patterns.iter().enumerate() {
        let path = path.index(at);
        errors.extend(invalid_each(&path.child("type"), &pattern.type_, is_qualified_name(&pattern.type_)));
        one_of(pattern.status.as_deref().unwrap_or_default(), &STATUSES, &path.child("status"), errors);
    }
}

fn exit_codes(
    codes: &PodFailurePolicyOnExitCodesRequirement,
    spec: &JobSpec,
    path: &FieldPath<'_>,
    errors: &mut Errors,
) {
    one_of(&codes.operator, &OPERATORS, &path.child("operator"), errors);
    let pod = spec.template.spec.as_ref();
    let containers = pod.into_iter().flat_map(|pod| pod.containers.iter().chain(pod.init_containers.iter().flatten()));
    let names: Vec<&str> = containers.map(|container| container.name.as_str()).collect();
    if let Some(name) = codes.container_name.as_deref().filter(|name| !names.contains(name)) {
        let detail = "must be one of the container or initContainer names in the pod template";
        errors.push(FieldError::invalid(&path.child("containerName"), name, detail));
    }
    let path = path.child("values");
    let values = &codes.values;
    if values.is_empty() {
        errors.push(FieldError::invalid(&path, json!(values), "at least one value is required"));
    } else if values.len() > MOST_EXIT_CODES {
        errors.push(FieldError::too_many(&path, values.len(), MOST_EXIT_CODES));
    }
    for (at, value) in values.iter().enumerate() {
        if codes.operator == "In" && *value == 0 {
            errors.push(FieldError::invalid(&path.index(at), 0, "must not be 0 for the In operator"));
        }
        if values[..at].contains(value) {
            errors.push(FieldError::duplicate(&path.index(at), *value));
        }
    }
    if !values.is_sorted() {
        errors.push(FieldError::invalid(&path, json!(values), "must be ordered"));
    }
}

/// The rules of a policy about success.
pub(super) fn success(policy: &SuccessPolicy, spec: &JobSpec, path: &FieldPath<'_>, errors: &mut Errors) {
    if spec.completion_mode.as_deref() != Some("Indexed") {
        errors.push(FieldError::invalid(path, shown_success(Some(policy)), "requires indexed completion mode"));
        return;
    }
    let path = path.child("rules");
    if policy.rules.is_empty() {
        let detail = "at least one rules must be specified when the successPolicy is specified";
        errors.push(FieldError::required(&path, detail));
    }
    if policy.rules.len() > MOST_SUCCESS_RULES {
        errors.push(FieldError::too_many(&path, policy.rules.len(), MOST_SUCCESS_RULES));
    }
    let completions = i64::from(spec.completions.unwrap_or_default());
    for (at, rule) in policy.rules.iter().enumerate() {
        success_rule(rule, completions, &path.index(at), errors);
    }
}

fn success_rule(rule: &SuccessPolicyRule, completions: i64, path: &FieldPath<'_>, errors: &mut Errors) {
    if rule.succeeded_count.is_none() && rule.succeeded_indexes.is_none() {
        let detail = "at least one of succeededCount or succeededIndexes must be specified";
        errors.push(FieldError::required(path, detail));
    }
    let mut total = 0;
    if let Some(indexes) = &rule.succeeded_indexes {
        let path = path.child("succeededIndexes");
        if indexes.len() > MOST_INDEX_BYTES {
            errors.push(FieldError::too_long(&path, MOST_INDEX_BYTES));
        }
        match index::count(indexes, completions) {
            Ok(count) => total = count,
            Err(detail) => {
                let detail = format!("error parsing succeededIndexes: {detail}");
                errors.push(FieldError::invalid(&path, indexes.as_str(), detail));
            }
        }
    }
    if let Some(count) = rule.succeeded_count.map(i64::from) {
        let path = path.child("succeededCount");
        errors.extend(non_negative(count, &path));
        let most = "must be less than or equal to";
        if count > completions {
            let detail = format!("{most} {completions} (the number of specified completions)");
            errors.push(FieldError::invalid(&path, count, detail));
        }
        if rule.succeeded_indexes.is_some() && count > total {
            let detail = format!("{most} {total} (the number of indexes in the specified succeededIndexes field)");
            errors.push(FieldError::invalid(&path, count, detail));
        }
    }
}

/// The rule of when pods are replaced.
pub(super) fn replacement(spec: &JobSpec, path: &FieldPath<'_>, errors: &mut Errors) {
    let supported: &[&str] =
        if spec.pod_failure_policy.is_some() { &["Failed"] } else { &["Failed", "TerminatingOrFailed"] };
    if let Some(policy) = spec.pod_replacement_policy.as_deref().filter(|policy| !supported.contains(policy)) {
        errors.push(FieldError::not_supported(path, policy, supported));
    }
}
