//! Resizing a running pod: cpu and memory of its containers, or its own, and nothing else.
//!
//! Source: upstream's `ValidatePodResize`.

use std::collections::BTreeMap;

use k8s_openapi::api::core::v1::{Container, Pod, PodSpec, ResourceRequirements};
use k8s_openapi::apimachinery::pkg::api::resource::Quantity as Text;
use serde_json::{Map, Value};

use super::super::access::{list, object_or_new, put_back};
use super::super::equality::equal;
use super::super::qos;
use super::annotation::MIRROR;
use super::options::Options;
use super::pod::or_default;
use super::update::{Change, common};
use crate::validation::{Errors, FieldError, FieldPath};

const ONLY_CPU_AND_MEMORY: &str = "only cpu and memory resources are mutable";

/// An update of `resize`.
pub(crate) fn resize(change: Change<'_>) -> Errors {
    let options = Options::for_pod(Some(change.old));
    let mut errors = common(change, &options);
    let root = FieldPath::new("");
    let new = or_default(change.new.spec.as_ref());
    let old = or_default(change.old.spec.as_ref());
    if change.old.metadata.annotations.as_ref().is_some_and(|annotations| annotations.contains_key(MIRROR)) {
        return vec![FieldError::forbidden(&root, "static pods cannot be resized")];
    }
    if old.os.as_ref().is_some_and(|os| os.name == "windows") {
        return vec![FieldError::forbidden(&root, "windows pods cannot be resized")];
    }
    let path = FieldPath::new("spec");
    let stored = change.old.status.as_ref().and_then(|status| status.qos_class.as_deref()).filter(|c| !c.is_empty());
    if stored.unwrap_or_else(|| qos::class(&old)) != qos::class(&new) {
        let class = change.new.status.as_ref().and_then(|status| status.qos_class.as_deref()).unwrap_or_default();
        errors.push(FieldError::invalid(&path, class, "Pod QOS Class may not change as a result of resizing"));
    }
    if !node_can_resize(change.old) {
        errors.push(FieldError::forbidden(&path, "Pod running on node without support for resize"));
    }
    let trees = (change.tree.get("spec"), change.old_tree.get("spec"));
    let (Some(Value::Object(tree)), Some(old_tree)) = trees else { return errors };
    let mut rest = tree.clone();
    if has_pod_level(&old) || has_pod_level(&new) {
        errors.extend(pod_level(&new, &old, &mut rest, old_tree, &path));
    }
    let order = container_order(&new, &old, &path);
    if !order.is_empty() {
        errors.extend(order);
        return errors;
    }
    errors.extend(removals(&new, &old, &path));
    errors.extend(container_rest(&mut rest, tree, old_tree, &path));
    if !equal(tree.get("volumes"), old_tree.get("volumes")) {
        let detail = "volumes are immutable on resize when InPlacePodVerticalScalingMemoryBackedVolumes feature gate \
                      is disabled";
        errors.push(FieldError::forbidden(&path.child("volumes"), detail));
    }
    if errors.is_empty() && !equal(Some(&Value::Object(rest)), Some(old_tree)) {
        errors.push(FieldError::forbidden(&path, ONLY_CPU_AND_MEMORY));
    }
    errors
}

/// Nodes that can resize tell their containers' resources.
fn node_can_resize(pod: &Pod) -> bool {
    let statuses = pod.status.iter().flat_map(|status| status.container_statuses.iter().flatten());
    let running = |state: &k8s_openapi::api::core::v1::ContainerStatus| {
        state.state.as_ref().is_some_and(|state| state.running.is_some())
    };
    statuses.into_iter().find(|status| running(status)).is_none_or(|status| status.resources.is_some())
}

fn has_pod_level(spec: &PodSpec) -> bool {
    let is_set = |list: Option<&BTreeMap<String, Text>>| list.is_some_and(|list| !list.is_empty());
    spec.resources
        .as_ref()
        .is_some_and(|resources| is_set(resources.requests.as_ref()) || is_set(resources.limits.as_ref()))
}

fn pod_level(
    new: &PodSpec,
    old: &PodSpec,
    rest: &mut Map<String, Value>,
    old_tree: &Value,
    path: &FieldPath<'_>,
) -> Errors {
    let mut errors = Errors::new();
    let at = path.child("resources");
    match (&new.resources, &old.resources) {
        (None, Some(_)) => return vec![FieldError::forbidden(&at, "pod-level resources cannot be removed")],
        (Some(new), Some(old)) => {
            if is_removed(new.requests.as_ref(), old.requests.as_ref()) {
                let detail = "pod-level resource requests cannot be removed";
                errors.push(FieldError::forbidden(&at.child("requests"), detail));
            }
            if is_removed(new.limits.as_ref(), old.limits.as_ref()) {
                let detail = "pod-level resource limits cannot be removed";
                errors.push(FieldError::forbidden(&at.child("limits"), detail));
            }
        }
        (_, None) => {}
    }
    let none = Value::Null;
    let old_one = old_tree.get("resources");
    if let Some(resources) = rest.get_mut("resources").and_then(Value::as_object_mut) {
        put_back_cpu_and_memory(resources, old_one.unwrap_or(&none));
        if old_one.is_none() && resources.is_empty() {
            rest.shift_remove("resources");
        }
    }
    if !equal(rest.get("resources"), old_one) {
        errors.push(FieldError::forbidden(path, "only cpu and memory resources are mutable at pod-level"));
    }
    errors
}

fn container_order(new: &PodSpec, old: &PodSpec, path: &FieldPath<'_>) -> Errors {
    let mut errors = Errors::new();
    let lists: [(&str, &[Container], &[Container]); 2] = [
        ("containers", &new.containers, &old.containers),
        (
            "initContainers",
            new.init_containers.as_deref().unwrap_or_default(),
            old.init_containers.as_deref().unwrap_or_default(),
        ),
    ];
    for (name, new, old) in lists {
        let at = path.child(name);
        if new.len() != old.len() {
            errors.push(FieldError::forbidden(&at, format!("{name} may not be added or removed on resize")));
            continue;
        }
        for (index, _) in new.iter().zip(old).enumerate().filter(|(_, (new, old))| new.name != old.name) {
            let at = at.index(index);
            let detail = format!("{name} may not be renamed or reordered on resize");
            errors.push(FieldError::forbidden(&at.child("name"), detail));
        }
    }
    errors
}

fn removals(new: &PodSpec, old: &PodSpec, path: &FieldPath<'_>) -> Errors {
    let mut errors = Errors::new();
    let init = (new.init_containers.as_deref().unwrap_or_default(), old.init_containers.as_deref().unwrap_or_default());
    let lists: [(&str, &[Container], &[Container]); 2] =
        [("initContainers", init.0, init.1), ("containers", &new.containers, &old.containers)];
    for (name, new, old) in lists {
        let at = path.child(name);
        for (index, (new, old)) in new.iter().zip(old).enumerate() {
            let at = at.index(index);
            let at = at.child("resources");
            let none = ResourceRequirements::default();
            let new = new.resources.as_ref().unwrap_or(&none);
            let old = old.resources.as_ref().unwrap_or(&none);
            if is_removed(new.requests.as_ref(), old.requests.as_ref()) {
                errors.push(FieldError::forbidden(&at.child("requests"), "resource requests cannot be removed"));
            }
            if is_removed(new.limits.as_ref(), old.limits.as_ref()) {
                errors.push(FieldError::forbidden(&at.child("limits"), "resource limits cannot be removed"));
            }
        }
    }
    errors
}

fn is_removed(new: Option<&BTreeMap<String, Text>>, old: Option<&BTreeMap<String, Text>>) -> bool {
    old.into_iter().flatten().any(|(name, _)| !new.is_some_and(|new| new.contains_key(name)))
}

/// Puts cpu and memory back and compares each container.
fn container_rest(
    rest: &mut Map<String, Value>,
    tree: &Map<String, Value>,
    old_tree: &Value,
    path: &FieldPath<'_>,
) -> Errors {
    let mut errors = Errors::new();
    let containers = rest.get_mut("containers").and_then(Value::as_array_mut).into_iter().flatten();
    for (container, old) in containers.zip(list(old_tree, "containers")) {
        put_back_container(container, old);
        if !equal(Some(container), Some(old)) {
            errors.push(FieldError::forbidden(path, ONLY_CPU_AND_MEMORY));
        }
    }
    let at = path.child("initContainers");
    let sent = tree.get("initContainers").and_then(Value::as_array).map_or(&[][..], Vec::as_slice);
    let containers = rest.get_mut("initContainers").and_then(Value::as_array_mut).into_iter().flatten();
    for (index, (container, old)) in containers.zip(list(old_tree, "initContainers")).enumerate() {
        let at = at.index(index);
        let is_changed = !equal(sent.get(index), Some(old));
        let is_sidecar = container.get("restartPolicy").and_then(Value::as_str) == Some("Always");
        put_back_container(container, old);
        if !equal(Some(container), Some(old)) {
            let detail = "only cpu and memory resources for init or sidecar containers are mutable";
            errors.push(FieldError::forbidden(&at, detail));
        }
        if is_changed && !is_sidecar {
            let restarts =
                |policy: &&Value| policy.get("restartPolicy").and_then(Value::as_str) == Some("RestartContainer");
            for _ in list(container, "resizePolicy").iter().filter(restarts) {
                let detail = "non-sidecar init containers with a resize policy of RestartContainer cannot be resized";
                errors.push(FieldError::forbidden(&at, detail));
            }
        }
    }
    errors
}

fn put_back_container(container: &mut Value, old: &Value) {
    if container.get("resources").is_none() && old.get("resources").is_none() {
        return;
    }
    let Some(resources) = container.as_object_mut().and_then(|container| object_or_new(container, "resources")) else {
        return;
    };
    put_back_cpu_and_memory(resources, old.get("resources").unwrap_or(&Value::Null));
}

fn put_back_cpu_and_memory(resources: &mut Map<String, Value>, old: &Value) {
    for half in ["requests", "limits"] {
        let none = Value::Null;
        let old = old.get(half).unwrap_or(&none);
        if let Some(list) = object_or_new(resources, half) {
            put_back(list, old, "cpu");
            put_back(list, old, "memory");
            if list.is_empty() {
                resources.shift_remove(half);
            }
        }
    }
}
