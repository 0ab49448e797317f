//! What upstream fills in by code where a pod, or a template of pods, says nothing.
//!
//! [`pod_spec`] is for every PodSpec, wherever it stands; [`pod`] adds what only pods get, so that templates don't
//! change when a default is added. Both are idempotent and take trees as they come: what has the wrong type is left
//! for decoding and validation to refuse. A few of the values are declared in the schema, too; they are set here all
//! the same, so that this module stands alone.
//!
//! Source: upstream's `pkg/apis/core/v1/defaults.go`, with the feature gates' defaults of v1.37.

mod container;
mod quantity;
mod volume;

use serde_json::{Value, json};

use super::access::{Object, is_zero, items, object, set_if_nil, set_if_zero};
use quantity::round_up_list;

/// Fills in a PodSpec.
pub(crate) fn pod_spec(spec: &mut Value) {
    if let Value::Object(spec) = spec {
        spec_fields(spec);
    }
}

fn spec_fields(spec: &mut Object) {
    if spec.get("serviceAccountName").is_none_or(is_zero)
        && let Some(alias) = spec.get("serviceAccount").filter(|name| !is_zero(name)).cloned()
    {
        spec.insert("serviceAccountName".to_owned(), alias);
    }
    match spec.get("serviceAccountName").filter(|name| !is_zero(name)).cloned() {
        Some(name) => {
            spec.insert("serviceAccount".to_owned(), name);
        }
        None => {
            spec.remove("serviceAccount");
        }
    }
    set_if_zero(spec, "dnsPolicy", "ClusterFirst");
    set_if_zero(spec, "restartPolicy", "Always");
    set_if_nil(spec, "securityContext", json!({}));
    set_if_nil(spec, "terminationGracePeriodSeconds", 30);
    set_if_zero(spec, "schedulerName", "default-scheduler");
    items(spec, "volumes").for_each(volume::volume);
    for list in ["initContainers", "containers", "ephemeralContainers"] {
        items(spec, list).for_each(container::container);
    }
    round_up_list(spec, "overhead");
    if let Some(resources) = object(spec, "resources") {
        quantity::round_up_requirements(resources);
    }
}

/// Fills in a Pod.
pub(crate) fn pod(pod: &mut Value) {
    let Value::Object(pod) = pod else { return };
    if let Some(spec) = object(pod, "spec") {
        pod_only(spec);
        spec_fields(spec);
    }
    if let Some(status) = object(pod, "status") {
        self::status(status);
    }
}

/// What only pods get, not templates.
fn pod_only(spec: &mut Object) {
    if spec.get("terminationGracePeriodSeconds").and_then(Value::as_i64).is_some_and(|seconds| seconds < 0) {
        spec.insert("terminationGracePeriodSeconds".to_owned(), json!(1));
    }
    for list in ["containers", "initContainers"] {
        items(spec, list).filter_map(|container| object(container, "resources")).for_each(container::requests);
    }
    set_if_nil(spec, "enableServiceLinks", true);
    if spec.get("hostNetwork").and_then(Value::as_bool) == Some(true) {
        for list in ["containers", "initContainers"] {
            items(spec, list).for_each(container::host_ports);
        }
    }
}

/// Keeps `podIP` and `podIPs` in step; the singular field wins, since old clients know only that one.
fn status(status: &mut Object) {
    let single = status.get("podIP").and_then(Value::as_str).unwrap_or_default().to_owned();
    let first = status.get("podIPs").and_then(Value::as_array).and_then(|list| list.first());
    match first.map(|first| first.get("ip").and_then(Value::as_str).unwrap_or_default().to_owned()) {
        None if !single.is_empty() => {
            status.insert("podIPs".to_owned(), json!([{"ip": single}]));
        }
        Some(first) if single.is_empty() => {
            status.insert("podIP".to_owned(), Value::String(first));
        }
        Some(first) if first != single => {
            status.insert("podIPs".to_owned(), json!([{"ip": single}]));
        }
        _ => {}
    }
    for list in ["initContainerStatuses", "containerStatuses", "ephemeralContainerStatuses"] {
        items(status, list).for_each(allocated);
    }
    allocated(status);
}

fn allocated(of: &mut Object) {
    round_up_list(of, "allocatedResources");
    if let Some(resources) = object(of, "resources") {
        quantity::round_up_requirements(resources);
    }
}

#[cfg(test)]
mod tests;
