//! The rules of a Service: upstream's `ValidateServiceCreate`, `ValidateServiceUpdate` and `ValidateServiceStatusUpdate`.
//!
//! The order in which errors are found is upstream's, since clients see it. Addresses and families: [`cluster_ip`].

use k8s_openapi::api::core::v1::{Service, ServicePort, ServiceSpec, SessionAffinityConfig};
use k8s_openapi::apimachinery::pkg::util::intstr::IntOrString;
use serde_json::{Value, json};

use super::cluster_ip::{self, is_headless};
use super::spec::{externally_accessible, kind, needs_health_check, texts};
use crate::kind::access::{integer, invalid_each, is_same};
use crate::kind::endpoints::endpoint_ip;
use crate::kind::generic::{at, list, text};
use crate::validation::label::labels;
use crate::validation::meta::{name_is_dns_label, object_meta, object_meta_update};
use crate::validation::name::{
    is_dns1123_label, is_dns1123_subdomain, is_qualified_name, is_valid_port_name, is_valid_port_num,
};
use crate::validation::net::{is_valid_cidr_for_legacy_field, is_valid_ip_for_legacy_field, parse_ip_sloppy};
use crate::validation::{Errors, FieldError, FieldPath};

const AFFINITIES: [&str; 2] = ["ClientIP", "None"];
const TYPES: [&str; 4] = ["ClusterIP", "ExternalName", "LoadBalancer", "NodePort"];
const PROTOCOLS: [&str; 3] = ["SCTP", "TCP", "UDP"];
const TRAFFIC_POLICIES: [&str; 2] = ["Cluster", "Local"];
const DISTRIBUTIONS: [&str; 3] = ["PreferClose", "PreferSameZone", "PreferSameNode"];
const INGRESS_MODES: [&str; 2] = ["Proxy", "VIP"];
/// The longest affinity to one endpoint: a day, in seconds.
const MOST_AFFINITY_SECONDS: i32 = 86_400;
const SOURCE_RANGES: &str = "service.beta.kubernetes.io/load-balancer-source-ranges";
const ONLY_LOAD_BALANCER: &str = "may only be used when `type` is 'LoadBalancer'";

/// All that is wrong with a new Service.
pub(super) fn create(object: &Value, service: &Service) -> Errors {
    let mut errors = object_meta(&service.metadata, true, name_is_dns_label, &FieldPath::new("metadata"));
    errors.extend(all(object, None, service, None));
    errors
}

/// All that is wrong with an update.
pub(super) fn update(object: &Value, old: &Value, service: &Service, old_service: &Service) -> Errors {
    let mut errors = object_meta_update(&service.metadata, &old_service.metadata, &FieldPath::new("metadata"));
    errors.extend(cluster_ip::validate_update(object, old));
    errors.extend(cluster_ip::validate_families_update(object, old));
    let path = FieldPath::new("spec");
    if kind(object) == "LoadBalancer"
        && kind(old) == "LoadBalancer"
        && !is_same(object, old, &["spec", "loadBalancerClass"])
    {
        let class = at(object, &["spec", "loadBalancerClass"]).cloned().unwrap_or(Value::Null);
        errors.push(FieldError::invalid(&path.child("loadBalancerClass"), class, "may not change once set"));
    }
    errors.extend(load_balancer_class(object));
    let port = ["spec", "healthCheckNodePort"];
    if needs_health_check(old) && needs_health_check(object) && integer(old, &port) != integer(object, &port) {
        errors.push(FieldError::forbidden(&path.child("healthCheckNodePort"), "field is immutable"));
    }
    errors.extend(all(object, Some(old), service, Some(old_service)));
    errors
}

/// All that is wrong with an update of the status.
pub(super) fn update_status(object: &Value, old: &Value, service: &Service, old_service: &Service) -> Errors {
    let mut errors = object_meta_update(&service.metadata, &old_service.metadata, &FieldPath::new("metadata"));
    let status = FieldPath::new("status");
    let load_balancer = status.child("loadBalancer");
    let path = load_balancer.child("ingress");
    let ingresses = |of| list(of, &["status", "loadBalancer", "ingress"]);
    if kind(object) != "LoadBalancer" && !ingresses(object).is_empty() {
        errors.push(FieldError::forbidden(&path, "may only be used when `spec.type` is 'LoadBalancer'"));
        return errors;
    }
    let existing: Vec<&str> = ingresses(old).iter().map(|ingress| text(ingress, &["ip"])).collect();
    for (at, ingress) in ingresses(object).iter().enumerate() {
        load_balancer_ingress(ingress, &existing, &path.index(at), &mut errors);
    }
    errors
}

fn load_balancer_ingress(ingress: &Value, existing: &[&str], path: &FieldPath<'_>, errors: &mut Errors) {
    let (ip, hostname) = (text(ingress, &["ip"]), text(ingress, &["hostname"]));
    if !ip.is_empty() {
        errors.extend(is_valid_ip_for_legacy_field(&path.child("ip"), ip, existing));
    }
    let mode_path = path.child("ipMode");
    match at(ingress, &["ipMode"]).and_then(Value::as_str) {
        None if ip.is_empty() => {}
        None => errors.push(FieldError::required(&mode_path, "must be specified when `ip` is set")),
        Some(_) if ip.is_empty() => {
            errors.push(FieldError::forbidden(&mode_path, "may not be specified when `ip` is not set"));
        }
        Some(mode) if !INGRESS_MODES.contains(&mode) => {
            errors.push(FieldError::not_supported(&mode_path, mode, &INGRESS_MODES));
        }
        Some(_) => {}
    }
    if !hostname.is_empty() {
        let path = path.child("hostname");
        errors.extend(invalid_each(&path, hostname, is_dns1123_subdomain(hostname)));
        if parse_ip_sloppy(hostname).is_some() {
            errors.push(FieldError::invalid(&path, hostname, "must be a DNS name, not an IP address"));
        }
    }
}

/// What create and update check alike.
fn all(object: &Value, old: Option<&Value>, service: &Service, old_service: Option<&Service>) -> Errors {
    let mut errors = Errors::new();
    let empty = ServiceSpec::default();
    let spec = service.spec.as_ref().unwrap_or(&empty);
    let path = FieldPath::new("spec");
    let ports = spec.ports.as_deref().unwrap_or_default();
    let ports_path = path.child("ports");
    let is_headless = is_headless(object);
    let kind = kind(object);

    errors.extend(topology_annotations(service));
    if ports.is_empty() && !is_headless && kind != "ExternalName" {
        errors.push(FieldError::required(&ports_path, ""));
    }
    match kind {
        "LoadBalancer" | "NodePort" if is_headless => {
            let ips_path = path.child("clusterIPs");
            let detail = format!("may not be set to 'None' for {kind} services");
            errors.push(FieldError::invalid(&ips_path.index(0), super::spec::NONE, detail));
        }
        "ExternalName" => external_name(spec, &path, &mut errors),
        _ => {}
    }
    let mut names = Vec::new();
    for (at, one) in ports.iter().enumerate() {
        port(one, ports.len() > 1, &mut names, &ports_path.index(at), &mut errors);
    }
    if let Some(selector) = &spec.selector {
        errors.extend(labels(selector, &path.child("selector")));
    }
    session_affinity(spec, &path, &mut errors);
    errors.extend(cluster_ip::validate(object, old));
    external_ips(object, old, &path, &mut errors);

    let type_path = path.child("type");
    if kind.is_empty() {
        errors.push(FieldError::required(&type_path, ""));
    } else if !TYPES.contains(&kind) {
        errors.push(FieldError::not_supported(&type_path, kind, &TYPES));
    }
    port_numbers(ports, kind, &ports_path, &mut errors);
    source_ranges(service, old_service, kind, &path, &mut errors);
    match spec.allocate_load_balancer_node_ports {
        Some(_) if kind != "LoadBalancer" => {
            errors.push(FieldError::forbidden(&path.child("allocateLoadBalancerNodePorts"), ONLY_LOAD_BALANCER));
        }
        None if kind == "LoadBalancer" => {
            errors.push(FieldError::required(&FieldPath::new("allocateLoadBalancerNodePorts"), ""));
        }
        _ => {}
    }
    errors.extend(load_balancer_class(object));
    traffic(object, spec, &path, &mut errors);
    errors
}

fn topology_annotations(service: &Service) -> Errors {
    let of = |name: &str| service.metadata.annotations.as_ref().and_then(|annotations| annotations.get(name));
    let (mode, hints) = ("service.kubernetes.io/topology-mode", "service.kubernetes.io/topology-aware-hints");
    match (of(mode), of(hints)) {
        (Some(value), Some(other)) if value != other => {
            let metadata = FieldPath::new("metadata");
            let annotations = metadata.child("annotations");
            let detail = format!("must match annotations[{hints}] when both are specified");
            vec![FieldError::invalid(&annotations.key(mode), value.as_str(), detail)]
        }
        _ => Errors::new(),
    }
}

fn external_name(spec: &ServiceSpec, path: &FieldPath<'_>, errors: &mut Errors) {
    let forbidden = "may not be set for ExternalName services";
    if spec.cluster_ips.iter().flatten().next().is_some() {
        errors.push(FieldError::forbidden(&path.child("clusterIPs"), forbidden));
    }
    if spec.ip_families.iter().flatten().next().is_some() {
        errors.push(FieldError::forbidden(&path.child("ipFamilies"), forbidden));
    }
    if spec.ip_family_policy.is_some() {
        errors.push(FieldError::forbidden(&path.child("ipFamilyPolicy"), forbidden));
    }
    let name = spec.external_name.as_deref().unwrap_or_default();
    let name = name.strip_suffix('.').unwrap_or(name);
    let path = path.child("externalName");
    if name.is_empty() {
        errors.push(FieldError::required(&path, ""));
    } else {
        errors.extend(invalid_each(&path, name, is_dns1123_subdomain(name)));
    }
}

fn port<'s>(
    port: &'s ServicePort,
    requires_name: bool,
    names: &mut Vec<&'s str>,
    path: &FieldPath<'_>,
    errors: &mut Errors,
) {
    let name_path = path.child("name");
    match port.name.as_deref().unwrap_or_default() {
        "" if requires_name => errors.push(FieldError::required(&name_path, "")),
        "" => {}
        name => {
            errors.extend(invalid_each(&name_path, name, is_dns1123_label(name)));
            if names.contains(&name) {
                errors.push(FieldError::duplicate(&name_path, name));
            } else {
                names.push(name);
            }
        }
    }
    port_number(i64::from(port.port), &path.child("port"), errors);
    protocol(port.protocol.as_deref().unwrap_or_default(), &path.child("protocol"), errors);
    let target_path = path.child("targetPort");
    match &port.target_port {
        Some(IntOrString::String(name)) => errors.extend(invalid_each(&target_path, name, is_valid_port_name(name))),
        Some(IntOrString::Int(number)) => port_number(i64::from(*number), &target_path, errors),
        None => port_number(0, &target_path, errors),
    }
    if let Some(protocol) = &port.app_protocol {
        errors.extend(invalid_each(&path.child("appProtocol"), protocol, is_qualified_name(protocol)));
    }
}

/// What is wrong with a port's number.
pub(in crate::kind) fn port_number(number: i64, path: &FieldPath<'_>, errors: &mut Errors) {
    errors.extend(is_valid_port_num(number).into_iter().map(|detail| FieldError::invalid(path, number, detail)));
}

/// What is wrong with a port's protocol.
pub(in crate::kind) fn protocol(protocol: &str, path: &FieldPath<'_>, errors: &mut Errors) {
    if protocol.is_empty() {
        errors.push(FieldError::required(path, ""));
    } else if !PROTOCOLS.contains(&protocol) {
        errors.push(FieldError::not_supported(path, protocol, &PROTOCOLS));
    }
}

fn session_affinity(spec: &ServiceSpec, path: &FieldPath<'_>, errors: &mut Errors) {
    let affinity = spec.session_affinity.as_deref().unwrap_or_default();
    let affinity_path = path.child("sessionAffinity");
    let config_path = path.child("sessionAffinityConfig");
    if affinity.is_empty() {
        errors.push(FieldError::required(&affinity_path, ""));
    } else if !AFFINITIES.contains(&affinity) {
        errors.push(FieldError::not_supported(&affinity_path, affinity, &AFFINITIES));
    }
    match affinity {
        "ClientIP" => client_ip(spec.session_affinity_config.as_ref(), &config_path, errors),
        "None" if spec.session_affinity_config.is_some() => {
            errors.push(FieldError::forbidden(&config_path, "must not be set when session affinity is None"));
        }
        _ => {}
    }
}

fn client_ip(config: Option<&SessionAffinityConfig>, path: &FieldPath<'_>, errors: &mut Errors) {
    let detail = "when session affinity type is ClientIP";
    let ip_path = path.child("clientIP");
    let seconds_path = ip_path.child("timeoutSeconds");
    match config.map(|config| config.client_ip.as_ref().map(|ip| ip.timeout_seconds)) {
        None => errors.push(FieldError::required(path, detail)),
        Some(None) => errors.push(FieldError::required(&ip_path, detail)),
        Some(Some(None)) => errors.push(FieldError::required(&seconds_path, detail)),
        Some(Some(Some(seconds))) if !(1..=MOST_AFFINITY_SECONDS).contains(&seconds) => {
            let detail = format!("must be greater than 0 and less than {MOST_AFFINITY_SECONDS}");
            errors.push(FieldError::invalid(&seconds_path, seconds, detail));
        }
        _ => {}
    }
}

fn external_ips(object: &Value, old: Option<&Value>, path: &FieldPath<'_>, errors: &mut Errors) {
    let path = path.child("externalIPs");
    let existing = old.map(|old| texts(old, "externalIPs")).unwrap_or_default();
    for (at, ip) in texts(object, "externalIPs").into_iter().enumerate() {
        let path = path.index(at);
        let found = is_valid_ip_for_legacy_field(&path, ip, &existing);
        errors.extend(if found.is_empty() { endpoint_ip(&path, ip) } else { found });
    }
}

/// Node ports where they have no place, and ports that stand twice.
fn port_numbers(ports: &[ServicePort], kind: &str, path: &FieldPath<'_>, errors: &mut Errors) {
    let of = |port: &ServicePort| (port.node_port.unwrap_or_default(), port.protocol.clone().unwrap_or_default());
    if kind == "ClusterIP" {
        for (at, _) in ports.iter().enumerate().filter(|(_, port)| of(port).0 != 0) {
            let detail = "may not be used when `type` is 'ClusterIP'";
            errors.push(FieldError::forbidden(&path.index(at).child("nodePort"), detail));
        }
    }
    for (at, port) in ports.iter().enumerate().filter(|(_, port)| of(port).0 != 0) {
        if ports[..at].iter().any(|other| of(other) == of(port)) {
            errors.push(FieldError::duplicate(&path.index(at).child("nodePort"), of(port).0));
        }
    }
    for (at, port) in ports.iter().enumerate() {
        let (_, protocol) = of(port);
        if ports[..at].iter().any(|other| other.port == port.port && of(other).1 == protocol) {
            // Upstream shows its internal struct, with only these two members filled.
            let shown = json!({
                "Name": "", "Protocol": protocol, "AppProtocol": null, "Port": port.port, "TargetPort": 0, "NodePort": 0,
            });
            errors.push(FieldError::duplicate(&path.index(at), shown));
        }
    }
}

fn source_ranges(service: &Service, old: Option<&Service>, kind: &str, path: &FieldPath<'_>, errors: &mut Errors) {
    let of = |service: &Service| {
        let spec = service.spec.as_ref();
        spec.and_then(|spec| spec.load_balancer_source_ranges.clone()).unwrap_or_default()
    };
    let annotation = |service: &Service| {
        let annotations = service.metadata.annotations.as_ref();
        annotations.and_then(|annotations| annotations.get(SOURCE_RANGES)).cloned()
    };
    let ranges = of(service);
    if !ranges.is_empty() {
        // Upstream's path has the capital letter.
        let path = path.child("LoadBalancerSourceRanges");
        if kind != "LoadBalancer" {
            errors.push(FieldError::forbidden(&path, ONLY_LOAD_BALANCER));
        }
        let existing = old.map(of).unwrap_or_default();
        let existing: Vec<&str> = existing.iter().map(|range| range.trim()).collect();
        for (at, range) in ranges.iter().enumerate() {
            errors.extend(is_valid_cidr_for_legacy_field(&path.index(at), range.trim(), &existing));
        }
    } else if let Some(value) = annotation(service) {
        let metadata = FieldPath::new("metadata");
        let annotations = metadata.child("annotations");
        let path = annotations.key(SOURCE_RANGES);
        if kind != "LoadBalancer" {
            errors.push(FieldError::forbidden(&path, ONLY_LOAD_BALANCER));
        }
        let has_changed = old.is_none_or(|old| annotation(old).unwrap_or_default() != value);
        if has_changed && !value.trim().is_empty() {
            for range in value.trim().split(',') {
                errors.extend(is_valid_cidr_for_legacy_field(&path, range.trim(), &[]));
            }
        }
    }
}

fn load_balancer_class(object: &Value) -> Errors {
    let spec = FieldPath::new("spec");
    let path = spec.child("loadBalancerClass");
    match at(object, &["spec", "loadBalancerClass"]).and_then(Value::as_str) {
        Some(class) if kind(object) == "LoadBalancer" => invalid_each(&path, class, is_qualified_name(class)),
        Some(_) => vec![FieldError::forbidden(&path, ONLY_LOAD_BALANCER)],
        None => Errors::new(),
    }
}

fn traffic(object: &Value, spec: &ServiceSpec, path: &FieldPath<'_>, errors: &mut Errors) {
    let policy = spec.external_traffic_policy.as_deref().unwrap_or_default();
    let policy_path = path.child("externalTrafficPolicy");
    if !externally_accessible(object) {
        if !policy.is_empty() {
            let detail = "may only be set for externally-accessible services";
            errors.push(FieldError::invalid(&policy_path, policy, detail));
        }
    } else if policy.is_empty() {
        errors.push(FieldError::required(&policy_path, ""));
    } else if !TRAFFIC_POLICIES.contains(&policy) {
        errors.push(FieldError::not_supported(&policy_path, policy, &TRAFFIC_POLICIES));
    }
    let port = spec.health_check_node_port.unwrap_or_default();
    let port_path = path.child("healthCheckNodePort");
    if needs_health_check(object) {
        if port == 0 {
            errors.push(FieldError::required(&port_path, ""));
        } else {
            port_number(i64::from(port), &port_path, errors);
        }
    } else if port != 0 {
        let detail = "may only be set when `type` is 'LoadBalancer' and `externalTrafficPolicy` is 'Local'";
        errors.push(FieldError::invalid(&port_path, port, detail));
    }
    let internal_path = path.child("internalTrafficPolicy");
    match spec.internal_traffic_policy.as_deref() {
        None if matches!(kind(object), "NodePort" | "LoadBalancer" | "ClusterIP") => {
            errors.push(FieldError::required(&internal_path, ""));
        }
        Some(policy) if !TRAFFIC_POLICIES.contains(&policy) => {
            errors.push(FieldError::not_supported(&internal_path, policy, &TRAFFIC_POLICIES));
        }
        _ => {}
    }
    if let Some(distribution) = spec.traffic_distribution.as_deref()
        && !DISTRIBUTIONS.contains(&distribution)
    {
        errors.push(FieldError::not_supported(&path.child("trafficDistribution"), distribution, &DISTRIBUTIONS));
    }
}
