//! A Service's defaults: upstream's `SetDefaults_Service`.
//!
//! Absent: addresses, families and their policy, which depend on the cluster and come with
//! [`allocation`](super::allocation).

use serde_json::{Value, json};

use super::spec::externally_accessible;
use crate::kind::access::{default_absent, default_text, list_mut, map_mut};
use crate::kind::generic::{at, remove, set, text};

/// How long a client's connections go to one endpoint with ClientIP affinity: three hours, in seconds.
const AFFINITY_SECONDS: i32 = 10_800;

/// Fills in a Service's defaults.
pub(super) fn service(object: &mut Value) {
    let Some(spec) = map_mut(object, &["spec"]) else { return };
    default_text(spec, "sessionAffinity", "None");
    default_text(spec, "type", "ClusterIP");
    match text(object, &["spec", "sessionAffinity"]) {
        "None" => remove(object, &["spec", "sessionAffinityConfig"]),
        "ClientIP" if at(object, &["spec", "sessionAffinityConfig", "clientIP", "timeoutSeconds"]).is_none() => {
            let config = json!({"clientIP": {"timeoutSeconds": AFFINITY_SECONDS}});
            set(object, &["spec", "sessionAffinityConfig"], config);
        }
        _ => {}
    }
    for port in list_mut(object, &["spec", "ports"]).filter_map(Value::as_object_mut) {
        default_text(port, "protocol", "TCP");
        let number = port.get("port").filter(|port| port.is_i64()).cloned().unwrap_or_else(|| json!(0));
        let target = port.entry("targetPort").or_insert(Value::Null);
        if target.is_null() || target.as_i64() == Some(0) || target.as_str() == Some("") {
            *target = number;
        }
    }
    let is_accessible = externally_accessible(object);
    let kind = text(object, &["spec", "type"]).to_owned();
    let Some(spec) = map_mut(object, &["spec"]) else { return };
    if is_accessible {
        default_text(spec, "externalTrafficPolicy", "Cluster");
    }
    if matches!(kind.as_str(), "NodePort" | "LoadBalancer" | "ClusterIP") {
        default_absent(spec, "internalTrafficPolicy", "Cluster");
    }
    if kind == "LoadBalancer" {
        default_absent(spec, "allocateLoadBalancerNodePorts", true);
        let ingresses = list_mut(object, &["status", "loadBalancer", "ingress"]).filter_map(Value::as_object_mut);
        for ingress in ingresses.filter(|ingress| ingress.get("ip").is_some_and(|ip| ip != "" && !ip.is_null())) {
            default_absent(ingress, "ipMode", "VIP");
        }
    }
}
