//! What the server sets and puts back before a pod is validated.
//!
//! `metadata.generation` counts changes of the spec, whichever subresource makes them. A pod starts `Pending`, with its
//! quality of service; that class never changes. Source: upstream's `pkg/registry/core/pod/strategy.go`.

use k8s_openapi::api::core::v1::PodSpec;
use serde::Deserialize;
use serde_json::{Value, json};

use super::access::{Object, is_zero, items, list, object, object_or_new, put_back, text};
use super::condition::{self, Condition};
use super::disabled::drop_from_pod;
use super::equality::equal;
use super::{app_armor, pod_level, qos};
use crate::time::Time;

/// Metadata that only an update of the object itself may change.
const METADATA: [&str; 6] = ["deletionTimestamp", "selfLink", "labels", "annotations", "finalizers", "ownerReferences"];

/// Prepares a new pod.
pub(super) fn create(pod: &mut Value, now: Time) {
    let Some(fields) = pod.as_object_mut() else { return };
    if let Some(metadata) = object_or_new(fields, "metadata") {
        metadata.insert("generation".to_owned(), json!(1));
    }
    fields.insert("status".to_owned(), json!({"phase": "Pending"}));
    drop_from_pod(pod, None);
    let labels = pod["metadata"]["labels"].clone();
    let is_gated = !list(&pod["spec"], "schedulingGates").is_empty();
    let Some(fields) = pod.as_object_mut() else { return };
    if is_gated {
        let gated = Condition {
            kind: "PodScheduled",
            status: "False",
            reason: "SchedulingGated",
            message: "Scheduling is blocked due to non-empty scheduling gates",
        };
        condition::set(fields, gated, now);
    }
    if let Some(spec) = object(fields, "spec") {
        affinity(spec, &labels);
        items(spec, "topologySpreadConstraints").for_each(|constraint| label_keys(constraint, &labels));
    }
    app_armor::sync(pod);
    pod_level::default(pod);
    let class = pod.get("spec").and_then(|spec| PodSpec::deserialize(spec).ok()).map(|spec| qos::class(&spec));
    if let (Some(class), Some(status)) = (class, pod.get_mut("status").and_then(Value::as_object_mut)) {
        status.insert("qosClass".to_owned(), class.into());
    }
}

/// Makes requirements of `matchLabelKeys` in all terms of pod affinity.
fn affinity(spec: &mut Object, labels: &Value) {
    let Some(affinity) = object(spec, "affinity") else { return };
    for kind in ["podAffinity", "podAntiAffinity"] {
        let Some(affinity) = object(affinity, kind) else { continue };
        for weighted in items(affinity, "preferredDuringSchedulingIgnoredDuringExecution") {
            if let Some(term) = object(weighted, "podAffinityTerm") {
                label_keys(term, labels);
            }
        }
        for term in items(affinity, "requiredDuringSchedulingIgnoredDuringExecution") {
            label_keys(term, labels);
        }
    }
}

/// Adds a requirement to the selector for each of the keys that the pod has a label for.
fn label_keys(of: &mut Object, labels: &Value) {
    let mut added = Vec::new();
    for (field, operator) in [("matchLabelKeys", "In"), ("mismatchLabelKeys", "NotIn")] {
        for key in of.get(field).and_then(Value::as_array).into_iter().flatten().filter_map(Value::as_str) {
            if let Some(value) = labels.get(key) {
                added.push(json!({"key": key, "operator": operator, "values": [value]}));
            }
        }
    }
    // No selector selects nothing, and stays so.
    if let Some(selector) = object(of, "labelSelector").filter(|_| !added.is_empty())
        && let Value::Array(expressions) = selector.entry("matchExpressions").or_insert_with(|| json!([]))
    {
        expressions.append(&mut added);
    }
}

/// Prepares an update of the pod itself.
pub(super) fn update(pod: &mut Value, old: &Value) {
    let Some(fields) = pod.as_object_mut() else { return };
    put_back(fields, old, "status");
    keep_resources(fields, old);
    drop_from_pod(pod, Some(old));
    count_generation(pod, old);
}

/// Clients that don't know `spec.resources` don't mean to remove it.
fn keep_resources(pod: &mut Object, old: &Value) {
    let Some(old) = old.get("spec") else { return };
    if let Some(spec) = object(pod, "spec")
        && spec.get("resources").is_none_or(Value::is_null)
    {
        put_back(spec, old, "resources");
    }
}

fn count_generation(pod: &mut Value, old: &Value) {
    let is_changed = !equal(pod.get("spec"), old.get("spec"));
    let generation = old.get("metadata").and_then(|metadata| metadata.get("generation")).and_then(Value::as_i64);
    let generation = generation.unwrap_or(0) + i64::from(is_changed);
    let Some(metadata) = pod.get_mut("metadata").and_then(Value::as_object_mut) else { return };
    if generation == 0 {
        metadata.shift_remove("generation");
    } else {
        metadata.insert("generation".to_owned(), json!(generation));
    }
}

/// Prepares an update of the status.
pub(super) fn status(pod: &mut Value, old: &Value) {
    let none = Value::Null;
    let Some(fields) = pod.as_object_mut() else { return };
    put_back(fields, old, "spec");
    let old_metadata = old.get("metadata").unwrap_or(&none);
    if let Some(metadata) = object(fields, "metadata") {
        metadata.shift_remove("deletionTimestamp");
        put_back(metadata, old_metadata, "ownerReferences");
        put_back(metadata, old_metadata, "generation");
    }
    let old_status = old.get("status").unwrap_or(&none);
    if let Some(status) = object_or_new(fields, "status") {
        // What clients may not know, and what is set once.
        for name in [
            "qosClass",
            "resourceClaimStatuses",
            "extendedResourceClaimStatus",
            "nodeAllocatableResourceClaimStatuses",
            "observedGeneration",
        ] {
            if status.get(name).is_none_or(is_zero) {
                put_back(status, old_status, name);
            }
        }
        condition_generations(status, old_status);
    }
    drop_from_pod(pod, Some(old));
}

/// A condition without `observedGeneration` keeps the one that it had; there can be several of a type.
fn condition_generations(status: &mut Object, old: &Value) {
    let mut before: Vec<&Value> = list(old, "conditions").iter().collect();
    for condition in items(status, "conditions") {
        let kind = condition.get("type").and_then(Value::as_str).unwrap_or_default();
        let Some(at) = before.iter().position(|old| text(old, "type") == kind) else { continue };
        let old = before.remove(at);
        if condition.get("observedGeneration").is_none_or(is_zero) {
            put_back(condition, old, "observedGeneration");
        }
    }
}

/// Puts back what only an update of the object itself may change.
fn reset_metadata(pod: &mut Object, old: &Value) {
    let none = Value::Null;
    let old = old.get("metadata").unwrap_or(&none);
    if let Some(metadata) = object(pod, "metadata") {
        for name in METADATA {
            put_back(metadata, old, name);
        }
    }
}

/// Prepares an update of `ephemeralcontainers`.
pub(super) fn ephemeral_containers(pod: &mut Value, old: &Value) {
    let Some(fields) = pod.as_object_mut() else { return };
    let sent = fields.get("spec").and_then(|spec| spec.get("ephemeralContainers")).cloned();
    put_back(fields, old, "spec");
    put_back(fields, old, "status");
    reset_metadata(fields, old);
    if let Some(spec) = object(fields, "spec") {
        match sent {
            Some(sent) => {
                spec.insert("ephemeralContainers".to_owned(), sent);
            }
            None => {
                spec.shift_remove("ephemeralContainers");
            }
        }
    }
    drop_from_pod(pod, Some(old));
    count_generation(pod, old);
}

/// Prepares an update of `resize`. Containers that were added, removed, renamed or moved are left for validation.
pub(super) fn resize(pod: &mut Value, old: &Value) {
    let Some(fields) = pod.as_object_mut() else { return };
    if let (Some(spec), Some(old_spec)) = (fields.get("spec").cloned(), old.get("spec"))
        && ["containers", "initContainers"].iter().all(|name| list(&spec, name).len() == list(old_spec, name).len())
    {
        put_back(fields, old, "spec");
        put_back(fields, old, "status");
        reset_metadata(fields, old);
        if let Some(merged) = object(fields, "spec") {
            put_back(merged, &spec, "resources");
            for name in ["containers", "initContainers"] {
                resized(merged, &spec, name);
            }
        }
    }
    keep_resources(fields, old);
    let has_resources = fields.get("spec").and_then(|spec| spec.get("resources")).is_some();
    if has_resources {
        pod_level::default(pod);
    }
    drop_from_pod(pod, Some(old));
    count_generation(pod, old);
}

/// Takes resources and resize policies of `sent`; all of it where a name differs.
fn resized(into: &mut Object, sent: &Value, name: &str) {
    let sent = list(sent, name);
    let names = |list: &[Value]| -> Vec<String> { list.iter().map(|one| text(one, "name").to_owned()).collect() };
    let Some(Value::Array(containers)) = into.get_mut(name) else { return };
    if names(containers) != names(sent) {
        *containers = sent.to_vec();
        return;
    }
    for (container, sent) in containers.iter_mut().zip(sent) {
        if let Some(container) = container.as_object_mut() {
            put_back(container, sent, "resources");
            put_back(container, sent, "resizePolicy");
        }
    }
}
