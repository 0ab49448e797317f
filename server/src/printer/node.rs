//! Nodes and runtime classes.

use std::collections::BTreeSet;

use serde_json::Value;

use super::column::{self, AGE, NAME};
use super::kind::Kind;
use super::row;
use super::view::View;

pub(super) const NODE: Kind = Kind {
    columns: &[
        NAME,
        column::text("Status", "Whether the node is ready, and whether pods may be scheduled on it."),
        column::text("Roles", "The node's roles."),
        AGE,
        column::text("Version", "The kubelet's version."),
        column::wide("Internal-IP", "The first address inside the cluster."),
        column::wide("External-IP", "The first address outside the cluster."),
        column::wide("OS-Image", "The operating system."),
        column::wide("Kernel-Version", "The kernel's version, and the architecture."),
        column::wide("Container-Runtime", "The container runtime and its version."),
    ],
    cells: node,
    conditions: None,
};

pub(super) const RUNTIME_CLASS: Kind = Kind {
    columns: &[NAME, column::text("Handler", "The runtime's configuration that pods of this class use."), AGE],
    cells: |class| row![class.name(), class.text("handler"), class.age()],
    conditions: None,
};

fn node(node: View<'_>) -> Vec<Value> {
    // Of several conditions of a type the last one counts here.
    let ready = node.list("status.conditions").rev().find(|condition| condition.text("type") == "Ready");
    let mut status = match ready.map(|ready| ready.text("status")) {
        Some("True") => "Ready",
        Some(_) => "NotReady",
        None => "Unknown",
    }
    .to_owned();
    if node.flag("spec.unschedulable") {
        status.push_str(",SchedulingDisabled");
    }
    let info = node.at("status.nodeInfo");
    let mut kernel = info.text_or("kernelVersion", "<unknown>").to_owned();
    let architecture = info.text("architecture");
    if !architecture.is_empty() {
        kernel.push_str(&format!(" ({architecture})"));
    }
    row![
        node.name(),
        status,
        roles(node),
        node.age(),
        info.text("kubeletVersion"),
        address(node, "InternalIP"),
        address(node, "ExternalIP"),
        info.text_or("osImage", "<unknown>"),
        kernel,
        info.text_or("containerRuntimeVersion", "<unknown>"),
    ]
}

fn address<'a>(node: View<'a>, kind: &str) -> &'a str {
    let found = node.list("status.addresses").find(|address| address.text("type") == kind);
    found.map_or("<none>", |address| address.text("address"))
}

/// From labels: `node-role.kubernetes.io/ROLE`, and the older `kubernetes.io/role=ROLE`.
fn roles(node: View<'_>) -> String {
    let labels = node.map("metadata.labels").into_iter().flatten();
    let roles: BTreeSet<&str> = labels
        .filter_map(|(key, value)| match key.strip_prefix("node-role.kubernetes.io/") {
            None if key == "kubernetes.io/role" => value.as_str(),
            role => role,
        })
        .filter(|role| !role.is_empty())
        .collect();
    if roles.is_empty() { "<none>".to_owned() } else { roles.into_iter().collect::<Vec<_>>().join(",") }
}
