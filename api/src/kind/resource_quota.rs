//! Resource quotas: what a namespace may hold, and for which pods and claims it counts.
//!
//! Facts: pkg/registry/core/resourcequota/strategy.go, pkg/apis/core/validation.

use std::collections::{BTreeMap, BTreeSet};

use k8s_openapi::api::core::v1::{ResourceQuota, ResourceQuotaSpec, ResourceQuotaStatus};
use k8s_openapi::apimachinery::pkg::api::resource::Quantity as QuantityText;
use serde_json::{Value, json};

use super::generic::{check, check_update, reset, restore, round_resources, text};
use super::{Request, Strategy};
use crate::quantity::Quantity;
use crate::validation::meta::{name_is_dns_subdomain, object_meta, object_meta_update};
use crate::validation::resource_name::{is_standard_for_quota, quota_resource_name, resource_quantity_value};
use crate::validation::{Errors, FieldError, FieldPath};

/// Resource quotas, with their subresource `status`.
#[derive(Debug)]
pub struct ResourceQuotaStrategy;

impl Strategy for ResourceQuotaStrategy {
    fn default(&self, object: &mut Value) {
        for path in [["spec", "hard"], ["status", "hard"], ["status", "used"]] {
            round_resources(object, &path);
        }
    }

    fn prepare_for_create(&self, _request: &Request<'_>, object: &mut Value) {
        reset(object, "status");
    }

    fn prepare_for_update(&self, request: &Request<'_>, object: &mut Value, old: &Value) {
        restore(object, old, if request.subresource == "status" { &["spec"] } else { &["status"] });
    }

    fn validate(&self, _request: &Request<'_>, object: &Value) -> Errors {
        check(object, |quota: &ResourceQuota| {
            let mut errors = object_meta(&quota.metadata, true, name_is_dns_subdomain, &FieldPath::new("metadata"));
            errors.extend(quota.spec.as_ref().map(spec).unwrap_or_default());
            errors.extend(quota.status.as_ref().map(status).unwrap_or_default());
            errors
        })
    }

    fn validate_update(&self, request: &Request<'_>, object: &Value, old: &Value) -> Errors {
        check_update(object, old, |new: &ResourceQuota, old: &ResourceQuota| {
            let mut errors = object_meta_update(&new.metadata, &old.metadata, &FieldPath::new("metadata"));
            if request.subresource == "status" {
                if new.metadata.resource_version.as_ref().is_none_or(String::is_empty) {
                    errors.push(FieldError::required(&FieldPath::new("resourceVersion"), ""));
                }
                errors.extend(new.status.as_ref().map(status).unwrap_or_default());
                return errors;
            }
            let (new, old) = (new.spec.clone().unwrap_or_default(), old.spec.clone().unwrap_or_default());
            errors.extend(spec(&new));
            let scopes =
                |spec: &ResourceQuotaSpec| -> BTreeSet<String> { spec.scopes.iter().flatten().cloned().collect() };
            if scopes(&new) != scopes(&old) {
                let path = FieldPath::new("spec");
                errors.push(FieldError::invalid(&path.child("scopes"), shown_scopes(&new), "field is immutable"));
            }
            errors
        })
    }

    fn warnings(&self, _request: &Request<'_>, object: &Value, old: Option<&Value>) -> Vec<String> {
        if old.is_some() {
            return Vec::new();
        }
        let hard = |name: &str| Quantity::parse(text(object, &["spec", "hard", name])).ok();
        let mut warnings = Vec::new();
        for resource in ["cpu", "memory", "storage", "ephemeral-storage"] {
            let (request_name, limit_name) = (format!("requests.{resource}"), format!("limits.{resource}"));
            let mut request = hard(&request_name).map(|amount| (request_name.as_str(), amount));
            if request.is_none() && matches!(resource, "cpu" | "memory") {
                request = hard(resource).map(|amount| (resource, amount));
            }
            if let (Some((name, request)), Some(limit)) = (request, hard(&limit_name))
                && request > limit
            {
                let words = format!("should be less than {limit_name} ({limit})");
                warnings.push(format!("ResourceQuota {name} ({request}) {words}"));
            }
        }
        warnings
    }

    fn reset_fields(&self, subresource: &str) -> &'static [&'static str] {
        if subresource == "status" { &["spec"] } else { &["status"] }
    }
}

fn amounts(list: &Option<BTreeMap<String, QuantityText>>, path: &FieldPath<'_>) -> Errors {
    let mut errors = Errors::new();
    for (name, amount) in list.iter().flatten() {
        let path = path.key(name);
        errors.extend(quota_resource_name(name, &path));
        // What is no quantity has been refused by the decoder.
        if let Ok(amount) = Quantity::parse(&amount.0) {
            errors.extend(resource_quantity_value(name, amount, &path));
        }
    }
    errors
}

fn status(status: &ResourceQuotaStatus) -> Errors {
    let path = FieldPath::new("status");
    let mut errors = amounts(&status.hard, &path.child("hard"));
    errors.extend(amounts(&status.used, &path.child("used")));
    errors
}

fn spec(spec: &ResourceQuotaSpec) -> Errors {
    let path = FieldPath::new("spec");
    let mut errors = amounts(&spec.hard, &path.child("hard"));
    errors.extend(scopes(spec, &path));
    errors.extend(scope_selector(spec, &path.child("scopeSelector")));
    errors
}

/// Scopes as an error shows them.
fn shown_scopes(spec: &ResourceQuotaSpec) -> Value {
    spec.scopes.as_ref().filter(|scopes| !scopes.is_empty()).map_or(Value::Null, |scopes| json!(scopes))
}

fn scopes(spec: &ResourceQuotaSpec, path: &FieldPath<'_>) -> Errors {
    let path = path.child("scopes");
    let scopes: Vec<&str> = spec.scopes.iter().flatten().map(String::as_str).collect();
    let mut errors = Errors::new();
    let mut wrong = |words: &str| errors.push(FieldError::invalid(&path, shown_scopes(spec), words));
    for scope in &scopes {
        if !is_standard_scope(scope) {
            wrong("unsupported scope");
        }
        (0..misapplied(spec, scope)).for_each(|_| wrong("unsupported scope applied to resource"));
    }
    (0..conflicts(&scopes)).for_each(|_| wrong("conflicting scopes"));
    errors
}

fn scope_selector(spec: &ResourceQuotaSpec, path: &FieldPath<'_>) -> Errors {
    let Some(selector) = &spec.scope_selector else { return Errors::new() };
    let path = path.child("matchExpressions");
    let requirements = selector.match_expressions.as_deref().unwrap_or_default();
    let mut errors = Errors::new();
    for requirement in requirements {
        let (scope, operator) = (requirement.scope_name.as_str(), requirement.operator.as_str());
        if !is_standard_scope(scope) {
            errors.push(FieldError::invalid(&path.child("scopeName"), scope, "unsupported scope"));
        }
        for _ in 0..misapplied(spec, scope) {
            let shown: Vec<Value> = requirements
                .iter()
                .map(|of| json!({"ScopeName": of.scope_name, "Operator": of.operator, "Values": of.values}))
                .collect();
            let words = "unsupported scope applied to resource";
            errors.push(FieldError::invalid(&path, json!({ "MatchExpressions": shown }), words));
        }
        let at = path.child("operator");
        if is_standard_scope(scope)
            && !matches!(scope, "PriorityClass" | "VolumeAttributesClass")
            && operator != "Exists"
        {
            let words = "must be 'Exists' when scope is any of ResourceQuotaScopeTerminating, \
                         ResourceQuotaScopeNotTerminating, ResourceQuotaScopeBestEffort, ResourceQuotaScopeNotBestEffort \
                         or ResourceQuotaScopeCrossNamespacePodAffinity";
            errors.push(FieldError::invalid(&at, operator, words));
        }
        let values = requirement.values.as_deref().unwrap_or_default();
        match operator {
            "In" | "NotIn" if values.is_empty() => {
                let words = "must be at least one value when `operator` is 'In' or 'NotIn' for scope selector";
                errors.push(FieldError::required(&path.child("values"), words));
            }
            "Exists" | "DoesNotExist" if !values.is_empty() => {
                let words = "must be no value when `operator` is 'Exist' or 'DoesNotExist' for scope selector";
                errors.push(FieldError::invalid(&path.child("values"), values, words));
            }
            "In" | "NotIn" | "Exists" | "DoesNotExist" => {}
            other => errors.push(FieldError::invalid(&at, other, "not a valid selector operator")),
        }
    }
    let named: Vec<&str> = requirements.iter().map(|requirement| requirement.scope_name.as_str()).collect();
    for _ in 0..conflicts(&named) {
        errors.push(FieldError::invalid(&path, shown_scopes(spec), "conflicting scopes"));
    }
    errors
}

fn is_standard_scope(scope: &str) -> bool {
    let cross = scope == "CrossNamespacePodAffinity";
    cross
        || matches!(scope, "PriorityClass" | "VolumeAttributesClass")
        || matches!(scope, "Terminating" | "NotTerminating" | "BestEffort" | "NotBestEffort")
}

/// How many of the bounded resources the scope doesn't apply to.
fn misapplied(spec: &ResourceQuotaSpec, scope: &str) -> usize {
    let names = spec.hard.iter().flatten().map(|(name, _)| name.as_str());
    names.filter(|name| is_standard_for_quota(name) && !applies(scope, name)).count()
}

fn applies(scope: &str, resource: &str) -> bool {
    let compute = ["cpu", "memory", "limits.cpu", "limits.memory", "requests.cpu", "requests.memory"];
    match scope {
        "Terminating" | "NotTerminating" | "NotBestEffort" | "PriorityClass" | "CrossNamespacePodAffinity" => {
            resource == "pods" || compute.contains(&resource)
        }
        "BestEffort" => resource == "pods",
        "VolumeAttributesClass" => matches!(resource, "persistentvolumeclaims" | "requests.storage"),
        _ => true,
    }
}

/// How many pairs of scopes exclude each other.
fn conflicts(scopes: &[&str]) -> usize {
    let pairs = [("BestEffort", "NotBestEffort"), ("Terminating", "NotTerminating")];
    pairs.iter().filter(|(one, other)| scopes.contains(one) && scopes.contains(other)).count()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::kind::testing::{create_errors, of, request, update_errors};

    fn quota(spec: &Value) -> Value {
        json!({"metadata": {"name": "a", "namespace": "b"}, "spec": spec})
    }

    #[test]
    fn wrong_quotas_are_refused() {
        let misapplied = r#"spec.scopes: Invalid value: ["BestEffort"]: unsupported scope applied to resource"#;
        let rows = [
            (json!({"hard": {"cpu": "100", "requests.hugepages-2Mi": "4Mi", "count/jobs.batch": "3"}}), vec![]),
            (json!({"hard": {"pods": "10"}, "scopes": ["BestEffort"]}), vec![]),
            (
                json!({"hard": {"cpu": "-1", "pods": "1500m", "nothing": "1", "storage": "1"}}),
                vec![
                    r#"spec.hard[cpu]: Invalid value: "-1": must be greater than or equal to 0"#,
                    r#"spec.hard[nothing]: Invalid value: "nothing": must be a standard resource type or fully qualified"#,
                    r#"spec.hard[nothing]: Invalid value: "nothing": must be a standard resource for quota"#,
                    r#"spec.hard[pods]: Invalid value: "1500m": must be an integer"#,
                    r#"spec.hard[storage]: Invalid value: "storage": must be a standard resource for quota"#,
                ],
            ),
            (json!({"hard": {"cpu": "1", "memory": "1"}, "scopes": ["BestEffort"]}), vec![misapplied, misapplied]),
            (
                json!({"scopes": ["Terminating", "NotTerminating", "x"]}),
                vec![
                    r#"spec.scopes: Invalid value: ["Terminating","NotTerminating","x"]: unsupported scope"#,
                    r#"spec.scopes: Invalid value: ["Terminating","NotTerminating","x"]: conflicting scopes"#,
                ],
            ),
            (
                json!({
                    "hard": {"cpu": "1"},
                    "scopeSelector": {"matchExpressions": [
                        {"scopeName": "BestEffort", "operator": "In", "values": ["a"]},
                    ]},
                }),
                vec![
                    r#"spec.scopeSelector.matchExpressions: Invalid value: {"MatchExpressions":[{"ScopeName":"BestEffort","Operator":"In","Values":["a"]}]}: unsupported scope applied to resource"#,
                    "spec.scopeSelector.matchExpressions.operator: Invalid value: \"In\": must be 'Exists' when scope is any \
                     of ResourceQuotaScopeTerminating, ResourceQuotaScopeNotTerminating, ResourceQuotaScopeBestEffort, \
                     ResourceQuotaScopeNotBestEffort or ResourceQuotaScopeCrossNamespacePodAffinity",
                ],
            ),
            (
                json!({"scopeSelector": {"matchExpressions": [
                    {"scopeName": "PriorityClass", "operator": "In"},
                    {"scopeName": "PriorityClass", "operator": "Exists", "values": ["a"]},
                    {"scopeName": "x", "operator": "y"},
                ]}}),
                vec![
                    "spec.scopeSelector.matchExpressions.values: Required value: must be at least one value when `operator` \
                     is 'In' or 'NotIn' for scope selector",
                    "spec.scopeSelector.matchExpressions.values: Invalid value: [\"a\"]: must be no value when `operator` is \
                     'Exist' or 'DoesNotExist' for scope selector",
                    "spec.scopeSelector.matchExpressions.scopeName: Invalid value: \"x\": unsupported scope",
                    "spec.scopeSelector.matchExpressions.operator: Invalid value: \"y\": not a valid selector operator",
                ],
            ),
        ];
        for (spec, expected) in rows {
            assert_eq!(create_errors("", "resourcequotas", quota(&spec)), expected);
        }
    }

    #[test]
    fn scopes_stay_and_status_is_its_own() {
        let old = quota(&json!({"hard": {"pods": "1"}, "scopes": ["BestEffort"]}));
        let errors = update_errors("", "resourcequotas", "", quota(&json!({"hard": {"pods": "2"}})), old.clone());
        assert_eq!(errors, ["spec.scopes: Invalid value: null: field is immutable"]);
        let mut new = old.clone();
        new["spec"] = json!({});
        new["status"] = json!({"used": {"pods": "-1"}});
        let errors = update_errors("", "resourcequotas", "status", new.clone(), old.clone());
        assert_eq!(errors, [r#"status.used[pods]: Invalid value: "-1": must be greater than or equal to 0"#]);
        of("", "resourcequotas").prepare_for_update(&request("status"), &mut new, &old);
        assert_eq!(new["spec"], old["spec"]);
    }

    #[test]
    fn requests_above_limits_are_warned_of() {
        let object =
            quota(&json!({"hard": {"cpu": "3", "limits.cpu": "2", "requests.memory": "1Gi", "limits.memory": "1Gi"}}));
        let warnings = of("", "resourcequotas").warnings(&request(""), &object, None);
        assert_eq!(warnings, ["ResourceQuota cpu (3) should be less than limits.cpu (2)"]);
    }
}
