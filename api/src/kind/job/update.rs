//! What an update of a Job may not change. While it is suspended and has no pods, its template's placement and resources
//! may change.
//!
//! Facts: upstream's `ValidateJobSpecUpdate`; the gates MutablePodResourcesForSuspendedJobs and
//! MutableSchedulingDirectivesForSuspendedJobs are on.

use k8s_openapi::api::batch::v1::{PodFailurePolicy, SuccessPolicy};
use serde::Deserialize;
use serde_json::{Value, json};

use super::policy::{shown_failure, shown_success};
use super::status::is_true;
use crate::kind::access::{integer, is_same, shown};
use crate::kind::generic::{at, at_mut, list, means_the_same, remove, restore, schema, set, text};
use crate::kind::pod::internal_form::internal;
use crate::kind::workload_template::{immutable, immutable_selector};
use crate::validation::{Errors, FieldError, FieldPath};

/// What is wrong with a change of the spec.
pub(super) fn spec(object: &Value, old: &Value) -> Errors {
    let spec = FieldPath::new("spec");
    let of = |field: &str| at(object, &["spec", field]).cloned().unwrap_or(Value::Null);
    let mut errors = completions(object, old);
    errors.extend(immutable_selector(object, old));
    errors.extend(template(object, old));
    errors.extend(immutable(object, old, "completionMode"));
    if !is_same(object, old, &["spec", "podFailurePolicy"]) {
        let shown = shown_failure(PodFailurePolicy::deserialize(of("podFailurePolicy")).ok().as_ref());
        errors.push(FieldError::invalid(&spec.child("podFailurePolicy"), shown, "field is immutable"));
    }
    errors.extend(immutable(object, old, "backoffLimitPerIndex"));
    errors.extend(immutable(object, old, "managedBy"));
    if !is_same(object, old, &["spec", "successPolicy"]) {
        let shown = shown_success(SuccessPolicy::deserialize(of("successPolicy")).ok().as_ref());
        errors.push(FieldError::invalid(&spec.child("successPolicy"), shown, "field is immutable"));
    }
    errors
}

fn completions(object: &Value, old: &Value) -> Errors {
    if text(object, &["spec", "completionMode"]) != "Indexed" {
        return immutable(object, old, "completions");
    }
    let completions = at(object, &["spec", "completions"]);
    let is_unchanged = is_same(object, old, &["spec", "completions"]);
    match completions.filter(|_| !is_unchanged) {
        Some(completions) if Some(completions) != at(object, &["spec", "parallelism"]) => {
            let spec = FieldPath::new("spec");
            let detail = "can only be modified in tandem with spec.parallelism";
            vec![FieldError::invalid(&spec.child("completions"), completions.clone(), detail)]
        }
        _ => Errors::new(),
    }
}

/// Whether the Job has no pods that a change of its template could miss.
fn is_at_rest(old: &Value) -> bool {
    let is_suspended = at(old, &["spec", "suspend"]) == Some(&json!(true));
    let has_no_pods = at(old, &["status", "startTime"]).is_none() || is_true(old, "Suspended");
    is_suspended && has_no_pods && integer(old, &["status", "active"]) == 0
}

fn template(object: &Value, old: &Value) -> Errors {
    let path = FieldPath::new("spec");
    let template_path = path.child("template");
    let empty = json!({});
    let new = at(object, &["spec", "template"]).unwrap_or(&empty);
    let mut before = at(old, &["spec", "template"]).unwrap_or(&empty).clone();
    let may_change = is_at_rest(old);
    if may_change {
        allow_placement(new, &mut before);
        allow_resources(new, &mut before);
    }
    let node = schema(object).and_then(|node| node.child("spec")).and_then(|node| node.child("template"));
    let node = if may_change { node.and_then(|node| node.child("spec")) } else { node };
    let part = |template: &Value| if may_change { template["spec"].clone() } else { template.clone() };
    let (after, before) = (part(new), part(&before));
    if node.map_or(after == before, |node| means_the_same(&after, &before, node)) {
        return Errors::new();
    }
    let pod = internal(at(new, &["spec"]).unwrap_or(&Value::Null), "PodSpec");
    if may_change {
        return vec![FieldError::invalid(&template_path.child("spec"), pod, "field is immutable")];
    }
    let mut shown = shown(object, &["spec", "template", "metadata"]);
    set(&mut shown, &["Spec"], pod);
    vec![FieldError::invalid(&template_path, shown, "field is immutable")]
}

/// Makes the old template's placement the new one's.
fn allow_placement(new: &Value, old: &mut Value) {
    let affinity = ["spec", "affinity"];
    let node_affinity = ["spec", "affinity", "nodeAffinity"];
    match (at(new, &affinity).is_some(), at(old, &affinity).is_some()) {
        (false, true) => {
            remove(old, &node_affinity);
            if at(old, &affinity) == Some(&json!({})) {
                remove(old, &affinity);
            }
        }
        (true, had_affinity) => {
            if !had_affinity {
                set(old, &affinity, json!({}));
            }
            restore(old, new, &node_affinity);
        }
        (false, false) => {}
    }
    for path in [
        &["spec", "nodeSelector"],
        &["spec", "tolerations"],
        &["spec", "schedulingGates"],
        &["metadata", "annotations"],
        &["metadata", "labels"],
    ] {
        restore(old, new, path);
    }
}

/// Makes the old template's resources the new one's, container by container.
fn allow_resources(new: &Value, old: &mut Value) {
    for field in ["containers", "initContainers"] {
        let after = list(new, &["spec", field]);
        let Some(Value::Array(before)) = at_mut(old, &["spec", field]) else { continue };
        if before.len() != after.len() {
            continue;
        }
        for (before, after) in before.iter_mut().zip(after).filter(|(before, after)| before["name"] == after["name"]) {
            restore(before, after, &["resources"]);
        }
    }
}
