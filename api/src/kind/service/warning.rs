//! What a client is warned of when it writes a Service: upstream's `GetWarningsForService`.

use k8s_openapi::api::core::v1::Service;
use serde_json::Value;

use super::spec::NONE;
use crate::kind::generic::{list, text};
use crate::validation::FieldPath;
use crate::validation::net::{warnings_for_cidr, warnings_for_ip};

/// The warnings of a create or update of the Service itself.
pub(super) fn of(service: &Service) -> Vec<String> {
    let mut warnings = Vec::new();
    let deprecated = "service.kubernetes.io/topology-aware-hints";
    if service.metadata.annotations.as_ref().is_some_and(|annotations| annotations.contains_key(deprecated)) {
        let instead = "service.kubernetes.io/topology-mode";
        warnings.push(format!("annotation {deprecated} is deprecated, please use {instead} instead"));
    }
    let Some(spec) = &service.spec else { return warnings };
    let path = FieldPath::new("spec");
    let each = |field: &'static str, values: &Option<Vec<String>>, of: fn(&FieldPath<'_>, &str) -> Vec<String>| {
        let path = path.child(field);
        let values = values.iter().flatten().enumerate();
        values.flat_map(|(at, value)| of(&path.index(at), value)).collect::<Vec<_>>()
    };
    let cluster_ip = spec.cluster_ip.as_deref().unwrap_or_default();
    let kind = spec.type_.as_deref().unwrap_or_default();
    let is_headless = kind == "ClusterIP" && cluster_ip == NONE;
    let has_external_ips = spec.external_ips.iter().flatten().next().is_some();
    let load_balancer_ip = spec.load_balancer_ip.as_deref().unwrap_or_default();

    if !matches!(cluster_ip, "" | NONE) {
        warnings.extend(each("clusterIPs", &spec.cluster_ips, warnings_for_ip));
    }
    if is_headless {
        if !load_balancer_ip.is_empty() {
            warnings.push("spec.loadBalancerIP is ignored for headless services".to_owned());
        }
        if has_external_ips {
            warnings.push("spec.externalIPs is ignored for headless services".to_owned());
        }
        if spec.session_affinity.as_deref() != Some("None") {
            warnings.push("spec.SessionAffinity is ignored for headless services".to_owned());
        }
    }
    warnings.extend(each("externalIPs", &spec.external_ips, warnings_for_ip));
    if has_external_ips && !is_headless && kind != "ExternalName" {
        warnings.push("spec.externalIPs is deprecated and may no longer be implemented in some clusters".to_owned());
    }
    if !load_balancer_ip.is_empty() {
        warnings.extend(warnings_for_ip(&path.child("loadBalancerIP"), load_balancer_ip));
    }
    warnings.extend(each("loadBalancerSourceRanges", &spec.load_balancer_source_ranges, warnings_for_cidr));
    if kind == "ExternalName" && has_external_ips {
        warnings.push("spec.externalIPs is ignored when spec.type is \"ExternalName\"".to_owned());
    }
    if kind != "ExternalName" && spec.external_name.as_deref().is_some_and(|name| !name.is_empty()) {
        warnings.push("spec.externalName is ignored when spec.type is not \"ExternalName\"".to_owned());
    }
    if spec.traffic_distribution.as_deref() == Some("PreferClose") {
        let instead = "\"PreferClose\" is deprecated; use \"PreferSameZone\"";
        warnings.push(format!("spec.trafficDistribution: {instead}"));
    }
    warnings
}

/// The warnings of an update of the status.
pub(super) fn of_status(object: &Value) -> Vec<String> {
    let status = FieldPath::new("status");
    let load_balancer = status.child("loadBalancer");
    let path = load_balancer.child("ingress");
    let ingresses = list(object, &["status", "loadBalancer", "ingress"]).iter().enumerate();
    ingresses
        .map(|(at, ingress)| (at, text(ingress, &["ip"])))
        .filter(|(_, ip)| !ip.is_empty())
        .flat_map(|(at, ip)| warnings_for_ip(&path.index(at), ip))
        .collect()
}
