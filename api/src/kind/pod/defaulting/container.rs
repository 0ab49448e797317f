//! Defaults of containers, of all three lists.

use serde_json::{Value, json};

use super::super::access::{Object, is_set, items, object, object_or_new, set_if_nil, set_if_zero};
use super::super::image_name::is_latest;
use super::quantity::round_up_requirements;

/// Fills in a container.
pub(super) fn container(container: &mut Object) {
    let image = container.get("image").and_then(Value::as_str).unwrap_or_default();
    let policy = pull_policy(image);
    set_if_zero(container, "imagePullPolicy", policy);
    set_if_zero(container, "terminationMessagePath", "/dev/termination-log");
    set_if_zero(container, "terminationMessagePolicy", "File");
    for port in items(container, "ports") {
        set_if_zero(port, "protocol", "TCP");
    }
    for source in items(container, "env").filter_map(|variable| object(variable, "valueFrom")) {
        if let Some(field) = object(source, "fieldRef") {
            field_ref(field);
        }
        if let Some(key) = object(source, "fileKeyRef") {
            set_if_nil(key, "optional", false);
        }
    }
    if let Some(resources) = object(container, "resources") {
        round_up_requirements(resources);
    }
    for name in ["livenessProbe", "readinessProbe", "startupProbe"] {
        if let Some(probe) = object(container, name) {
            self::probe(probe);
        }
    }
    if let Some(lifecycle) = object(container, "lifecycle") {
        for name in ["postStart", "preStop"] {
            if let Some(action) = object(lifecycle, name).and_then(|handler| object(handler, "httpGet")) {
                http_get(action);
            }
        }
    }
}

/// `Always` for an image whose tag is `latest`, said or implied.
pub(super) fn pull_policy(image: &str) -> &'static str {
    if is_latest(image) { "Always" } else { "IfNotPresent" }
}

/// Fills in a reference to a field of the pod.
pub(super) fn field_ref(field: &mut Object) {
    set_if_zero(field, "apiVersion", "v1");
}

fn probe(probe: &mut Object) {
    set_if_zero(probe, "timeoutSeconds", 1);
    set_if_zero(probe, "periodSeconds", 10);
    set_if_zero(probe, "successThreshold", 1);
    set_if_zero(probe, "failureThreshold", 3);
    if let Some(action) = object(probe, "httpGet") {
        http_get(action);
    }
    if let Some(action) = object(probe, "grpc") {
        set_if_nil(action, "service", "");
    }
}

fn http_get(action: &mut Object) {
    set_if_zero(action, "path", "/");
    set_if_zero(action, "scheme", "HTTP");
}

/// A limit without a request is the request, too.
pub(super) fn requests(resources: &mut Object) {
    let Some(Value::Object(limits)) = resources.get("limits") else { return };
    if limits.is_empty() {
        return;
    }
    let limits = limits.clone();
    let Some(requests) = object_or_new(resources, "requests") else { return };
    for (name, limit) in limits {
        if !is_set(requests, &name) {
            requests.insert(name, limit);
        }
    }
}

/// On the node's own network a container's ports are the node's.
pub(super) fn host_ports(container: &mut Object) {
    for port in items(container, "ports") {
        if let Some(number) = port.get("containerPort").and_then(Value::as_i64) {
            set_if_zero(port, "hostPort", json!(number));
        }
    }
}
