//! Binding: a pod gets its node, once.
//!
//! [`validate`] looks at the Binding that was sent, [`bind`] changes the pod. Reading, preconditions and writing are
//! the caller's; binding passes by the strategy, as upstream's does, so generation and observers see a plain change of
//! `spec.nodeName`. Source: upstream's `pkg/registry/core/pod/storage`.

use serde_json::Value;

use super::access::{Object, list, object_or_new, text};
use super::condition::{self, Condition};
use super::disabled::drop_init_container_annotations;
use crate::go::quote;
use crate::time::Time;
use crate::validation::name::is_dns1123_subdomain;
use crate::validation::{Errors, FieldError, FieldPath};

/// Why a pod can't be bound. The server answers a conflict on `pods/binding` with this sentence.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum BindError {
    /// The pod is being deleted.
    #[error("pod {pod} is being deleted, cannot be assigned to a host")]
    BeingDeleted {
        /// The pod's name.
        pod: String,
    },
    /// The pod has a node.
    #[error("pod {pod} is already assigned to node {}", quote(.node))]
    Assigned {
        /// The pod's name.
        pod: String,
        /// Its node.
        node: String,
    },
    /// Something still holds the pod back.
    #[error("pod {pod} has non-empty .spec.schedulingGates")]
    Gated {
        /// The pod's name.
        pod: String,
    },
}

/// What is wrong with a Binding.
#[must_use]
pub fn validate(binding: &Value) -> Errors {
    let mut errors = Errors::new();
    let target = binding.get("target").unwrap_or(&Value::Null);
    let path = FieldPath::new("target");
    let kind = text(target, "kind");
    let is_node = matches!(kind, "" | "Node");
    if !is_node {
        errors.push(FieldError::not_supported(&path.child("kind"), kind, &["Node", "<empty>"]));
    }
    let name = text(target, "name");
    if name.is_empty() {
        errors.push(FieldError::required(&path.child("name"), ""));
    } else if is_node {
        for message in is_dns1123_subdomain(name) {
            errors.push(FieldError::invalid(&path.child("name"), name, message));
        }
    }
    errors
}

/// Assigns the pod to the binding's target and merges the binding's annotations and labels into the pod's.
///
/// # Errors
/// [`BindError`] where the pod can't be bound; it is unchanged then.
pub fn bind(pod: &mut Value, binding: &Value, now: Time) -> Result<(), BindError> {
    let metadata = pod.get("metadata").unwrap_or(&Value::Null);
    let name = || text(metadata, "name").to_owned();
    if metadata.get("deletionTimestamp").is_some_and(|time| !time.is_null()) {
        return Err(BindError::BeingDeleted { pod: name() });
    }
    let spec = pod.get("spec").unwrap_or(&Value::Null);
    let node = text(spec, "nodeName");
    if !node.is_empty() {
        return Err(BindError::Assigned { pod: name(), node: node.to_owned() });
    }
    if !list(spec, "schedulingGates").is_empty() {
        return Err(BindError::Gated { pod: name() });
    }
    let Some(object) = pod.as_object_mut() else { return Ok(()) };
    if let Some(spec) = object_or_new(object, "spec") {
        let target = binding.get("target").unwrap_or(&Value::Null);
        spec.insert("nodeName".to_owned(), text(target, "name").into());
    }
    if let Some(status) = object_or_new(object, "status") {
        status.shift_remove("nominatedNodeName");
    }
    if let Some(metadata) = object_or_new(object, "metadata") {
        merge(metadata, binding, "annotations");
        merge(metadata, binding, "labels");
    }
    let condition = Condition { kind: "PodScheduled", status: "True", reason: "", message: "" };
    condition::set(object, condition, now);
    drop_init_container_annotations(pod);
    Ok(())
}

/// Puts the binding's `key` over the pod's.
fn merge(metadata: &mut Object, binding: &Value, key: &str) {
    let Some(from) = binding.get("metadata").and_then(|metadata| metadata.get(key)).and_then(Value::as_object) else {
        return;
    };
    if from.is_empty() {
        return;
    }
    if let Some(into) = object_or_new(metadata, key) {
        into.extend(from.iter().map(|(key, value)| (key.clone(), value.clone())));
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::time::Layout;

    fn now() -> Time {
        Time::parse("2026-01-02T03:04:05Z", Layout::Seconds).unwrap()
    }

    #[test]
    fn binding_sets_the_node_and_the_condition() {
        let mut pod = json!({
            "metadata": {"name": "web", "annotations": {"a": "1", "pod.beta.kubernetes.io/init-containers": "x"}},
            "spec": {"containers": []},
            "status": {"phase": "Pending", "nominatedNodeName": "n0", "conditions": [
                {"type": "PodScheduled", "status": "False", "lastProbeTime": null,
                    "lastTransitionTime": "2025-01-01T00:00:00Z", "reason": "Unschedulable", "observedGeneration": 1}]}
        });
        let binding = json!({"metadata": {"name": "web", "annotations": {"a": "2"}, "labels": {"zone": "z"}},
            "target": {"kind": "Node", "name": "n1"}});
        bind(&mut pod, &binding, now()).unwrap();
        assert_eq!(
            pod,
            json!({
                "metadata": {"name": "web", "annotations": {"a": "2"}, "labels": {"zone": "z"}},
                "spec": {"containers": [], "nodeName": "n1"},
                "status": {"phase": "Pending", "conditions": [
                    {"type": "PodScheduled", "status": "True", "lastProbeTime": null,
                        "lastTransitionTime": "2026-01-02T03:04:05Z"}]}
            })
        );
    }

    #[test]
    fn a_pod_is_bound_once() {
        let rows = [
            (
                json!({"metadata": {"name": "web", "deletionTimestamp": "2025-01-01T00:00:00Z"}, "spec": {}}),
                "pod web is being deleted, cannot be assigned to a host",
            ),
            (
                json!({"metadata": {"name": "web"}, "spec": {"nodeName": "n1"}}),
                r#"pod web is already assigned to node "n1""#,
            ),
            (
                json!({"metadata": {"name": "web"}, "spec": {"schedulingGates": [{"name": "g"}]}}),
                "pod web has non-empty .spec.schedulingGates",
            ),
        ];
        for (pod, sentence) in rows {
            let mut changed = pod.clone();
            let error = bind(&mut changed, &json!({"target": {"name": "n2"}}), now()).unwrap_err();
            assert_eq!(error.to_string(), sentence);
            assert_eq!(changed, pod);
        }
    }

    #[test]
    fn bindings_are_checked() {
        let rows = [
            (json!({"target": {"kind": "Node", "name": "n1"}}), vec![]),
            (json!({"target": {"name": "n1"}}), vec![]),
            (json!({}), vec!["target.name: Required value"]),
            (
                json!({"target": {"kind": "Minion", "name": "N1"}}),
                vec![r#"target.kind: Unsupported value: "Minion": supported values: "Node", "<empty>""#],
            ),
            (
                json!({"target": {"name": "N1"}}),
                vec![concat!(
                    r#"target.name: Invalid value: "N1": a lowercase RFC 1123 subdomain must consist of lower case "#,
                    r"alphanumeric characters, '-' or '.', and must start and end with an alphanumeric character (e.g. ",
                    r"'example.com', regex used for validation is ",
                    r"'[a-z0-9]([-a-z0-9]*[a-z0-9])?(\.[a-z0-9]([-a-z0-9]*[a-z0-9])?)*')"
                )],
            ),
        ];
        for (binding, errors) in rows {
            let found: Vec<String> = validate(&binding).iter().map(ToString::to_string).collect();
            assert_eq!(found, errors, "{binding}");
        }
    }
}
