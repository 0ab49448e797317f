//! What a Service's spec means: which of the things that the server allocates its type asks for.
//!
//! All read the tree, so that defaulting, allocation and validation agree whatever the tree's state.

use serde_json::Value;

use crate::kind::access::integer;
use crate::kind::generic::{at, list, text};

/// The value of `clusterIP` that asks for no address.
pub(super) const NONE: &str = "None";

/// `spec.type`.
pub(super) fn kind(service: &Value) -> &str {
    text(service, &["spec", "type"])
}

/// Whether traffic from outside reaches the Service: `externalTrafficPolicy` means something.
pub(super) fn externally_accessible(service: &Value) -> bool {
    match kind(service) {
        "LoadBalancer" | "NodePort" => true,
        "ClusterIP" => !list(service, &["spec", "externalIPs"]).is_empty(),
        _ => false,
    }
}

/// Whether a load balancer checks nodes' health on a port of its own.
pub(super) fn needs_health_check(service: &Value) -> bool {
    kind(service) == "LoadBalancer" && text(service, &["spec", "externalTrafficPolicy"]) == "Local"
}

/// Whether the type has node ports.
pub(super) fn needs_node_port(service: &Value) -> bool {
    matches!(kind(service), "NodePort" | "LoadBalancer")
}

/// Whether node ports are to be allocated where none is asked for.
pub(super) fn allocates_node_ports(service: &Value) -> bool {
    match kind(service) {
        "NodePort" => true,
        "LoadBalancer" => {
            at(service, &["spec", "allocateLoadBalancerNodePorts"]).and_then(Value::as_bool).unwrap_or(true)
        }
        _ => false,
    }
}

/// The node ports that stand in the spec, in order.
pub(super) fn node_ports(service: &Value) -> Vec<i64> {
    list(service, &["spec", "ports"])
        .iter()
        .map(|port| integer(port, &["nodePort"]))
        .filter(|port| *port != 0)
        .collect()
}

/// Texts of a list in the spec.
pub(super) fn texts<'v>(service: &'v Value, field: &str) -> Vec<&'v str> {
    list(service, &["spec", field]).iter().filter_map(Value::as_str).collect()
}
