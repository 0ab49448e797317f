//! EndpointSlices: the addresses behind a Service, in slices.
//!
//! Some rules are declared upstream: for an update's unchanged parts they are not asked, and where they find what the
//! handwritten ones find, their (shorter) sentence is told, last. Facts: `pkg/apis/discovery`,
//! `pkg/registry/discovery/endpointslice`.

use std::collections::BTreeSet;

use k8s_openapi::api::discovery::v1::{Endpoint, EndpointHints, EndpointPort, EndpointSlice};
use serde_json::Value;

use super::access::{count_generation_if, default_absent, invalid_each, is_same, list_mut, supersede};
use super::endpoints::endpoint_ip;
use super::generic::{at, check, first_generation, list, remove, set, text};
use super::service::protocol;
use super::{Request, Strategy};
use crate::validation::label::labels;
use crate::validation::meta::{name_is_dns_subdomain, object_meta};
use crate::validation::name::{is_dns1123_label, is_qualified_name, is_valid_label_value};
use crate::validation::net::{
    is_fully_qualified_domain_name, is_valid_ip, is_valid_ip_for_legacy_field, parse_ip_sloppy, warnings_for_ip,
};
use crate::validation::{Errors, FieldError, FieldPath};

const ADDRESS_TYPES: [&str; 3] = ["FQDN", "IPv4", "IPv6"];
const MOST_TOPOLOGY_LABELS: usize = 16;
const MOST_ADDRESSES: usize = 100;
const MOST_PORTS: usize = 20_000;
const MOST_ENDPOINTS: usize = 1_000;
const MOST_HINTS: usize = 8;
const ZONE: &str = "topology.kubernetes.io/zone";
const HOSTNAME: &str = "kubernetes.io/hostname";

/// The strategy of EndpointSlices.
#[derive(Debug, Clone, Copy)]
pub struct EndpointSliceStrategy;

impl Strategy for EndpointSliceStrategy {
    fn default(&self, object: &mut Value) {
        for port in list_mut(object, &["ports"]).filter_map(Value::as_object_mut) {
            default_absent(port, "name", "");
            default_absent(port, "protocol", "TCP");
        }
    }

    fn prepare_for_create(&self, _request: &Request<'_>, object: &mut Value) {
        first_generation(object);
        drop_topology(object, None);
    }

    fn prepare_for_update(&self, _request: &Request<'_>, object: &mut Value, old: &Value) {
        let members = ["addressType", "endpoints", "ports"];
        let has_changed = members.iter().any(|member| !is_same(object, old, &[member]));
        let has_changed = has_changed || !is_same(object, old, &["metadata", "labels"]);
        count_generation_if(object, old, has_changed);
        drop_topology(object, Some(old));
    }

    fn validate(&self, _request: &Request<'_>, object: &Value) -> Errors {
        check(object, |slice: &EndpointSlice| supersede(all(slice, true), declared(slice, object, None)))
    }

    fn validate_update(&self, _request: &Request<'_>, object: &Value, old: &Value) -> Errors {
        // The handwritten rule of updates looks at the metadata as if it were new.
        check(object, |slice: &EndpointSlice| {
            // Older servers took other addresses: what stands may stay.
            let mut errors = all(slice, !is_same(object, old, &["endpoints"]));
            if !is_same(object, old, &["addressType"]) {
                let path = FieldPath::new("addressType");
                errors.push(FieldError::invalid(&path, slice.address_type.as_str(), "field is immutable"));
            }
            supersede(errors, declared(slice, object, Some(old)))
        })
    }

    fn warnings(&self, _request: &Request<'_>, object: &Value, old: Option<&Value>) -> Vec<String> {
        let mut warnings = Vec::new();
        if old.is_none() && text(object, &["addressType"]) == "FQDN" {
            warnings.push("spec.addressType: FQDN endpoints are deprecated".to_owned());
        }
        let manager = text(object, &["metadata", "labels", "endpointslice.kubernetes.io/managed-by"]);
        if matches!(manager, "endpointslice-controller.k8s.io" | "endpointslicemirroring-controller.k8s.io") {
            return warnings;
        }
        let path = FieldPath::new("endpoints");
        for (at, endpoint) in list(object, &["endpoints"]).iter().enumerate() {
            let path = path.index(at);
            let path = path.child("addresses");
            for (at, address) in list(endpoint, &["addresses"]).iter().enumerate() {
                warnings.extend(warnings_for_ip(&path.index(at), address.as_str().unwrap_or_default()));
            }
        }
        warnings
    }
}

/// `deprecatedTopology` is only written through v1beta1, which is not served. A node's name in it that stood in the old
/// object moves to `nodeName`.
fn drop_topology(object: &mut Value, old: Option<&Value>) {
    if old.is_some_and(|old| is_same(object, old, &["endpoints"])) {
        return;
    }
    let node_of = |endpoint: &Value| text(endpoint, &["deprecatedTopology", HOSTNAME]).to_owned();
    let known: BTreeSet<String> =
        old.map(|old| list(old, &["endpoints"]).iter().map(node_of).collect()).unwrap_or_default();
    for endpoint in list_mut(object, &["endpoints"]) {
        let node = node_of(endpoint);
        let is_kept = known.contains(&node) && name_is_dns_subdomain(&node, false).is_empty();
        if at(endpoint, &["nodeName"]).is_none() && !node.is_empty() && is_kept {
            set(endpoint, &["nodeName"], node.into());
        }
        remove(endpoint, &["deprecatedTopology"]);
    }
}

/// The handwritten rules that create and update share.
fn all(slice: &EndpointSlice, looks_at_endpoints: bool) -> Errors {
    let mut errors = object_meta(&slice.metadata, true, name_is_dns_subdomain, &FieldPath::new("metadata"));
    let path = FieldPath::new("addressType");
    if slice.address_type.is_empty() {
        errors.push(FieldError::required(&path, ""));
    } else if !ADDRESS_TYPES.contains(&slice.address_type.as_str()) {
        errors.push(FieldError::not_supported(&path, slice.address_type.as_str(), &ADDRESS_TYPES));
    }
    ports(slice.ports.as_deref().unwrap_or_default(), &mut errors);
    if looks_at_endpoints {
        endpoints(slice.endpoints.as_deref().unwrap_or_default(), &slice.address_type, &mut errors);
    }
    errors
}

/// What the declared rules find: required and immutable address types, lengths of address lists.
fn declared(slice: &EndpointSlice, object: &Value, old: Option<&Value>) -> Errors {
    let mut errors = Errors::new();
    let path = FieldPath::new("addressType");
    if old.is_none_or(|old| !is_same(object, old, &["addressType"])) {
        if slice.address_type.is_empty() {
            errors.push(FieldError::required(&path, ""));
        }
        if old.is_some() {
            errors.push(FieldError::invalid(&path, Value::Null, "field is immutable"));
        }
        if errors.is_empty() && !ADDRESS_TYPES.contains(&slice.address_type.as_str()) {
            errors.push(FieldError::not_supported(&path, slice.address_type.as_str(), &ADDRESS_TYPES));
        }
    }
    if old.is_some_and(|old| is_same(object, old, &["endpoints"])) {
        return errors;
    }
    let path = FieldPath::new("endpoints");
    for (at, endpoint) in slice.endpoints.iter().flatten().enumerate() {
        let path = path.index(at);
        let path = path.child("addresses");
        if endpoint.addresses.is_empty() {
            errors.push(FieldError::required(&path, ""));
        }
        if endpoint.addresses.len() > MOST_ADDRESSES {
            errors.push(FieldError::too_many(&path, endpoint.addresses.len(), MOST_ADDRESSES));
        }
    }
    errors
}

fn ports(ports: &[EndpointPort], errors: &mut Errors) {
    let path = FieldPath::new("ports");
    if ports.len() > MOST_PORTS {
        errors.push(FieldError::too_many(&path, ports.len(), MOST_PORTS));
        return;
    }
    let mut names = BTreeSet::new();
    for (at, port) in ports.iter().enumerate() {
        let path = path.index(at);
        let name_path = path.child("name");
        let name = port.name.as_deref().unwrap_or_default();
        if !name.is_empty() {
            errors.extend(invalid_each(&name_path, name, is_dns1123_label(name)));
        }
        if !names.insert(name) {
            errors.push(FieldError::duplicate(&name_path, name));
        }
        match port.protocol.as_deref() {
            // An empty text that was sent is no absence here: it is refused as a value.
            Some("") => {
                let supported = ["SCTP", "TCP", "UDP"];
                errors.push(FieldError::not_supported(&path.child("protocol"), "", &supported));
            }
            sent => protocol(sent.unwrap_or_default(), &path.child("protocol"), errors),
        }
        if let Some(protocol) = &port.app_protocol {
            errors.extend(invalid_each(&path.child("appProtocol"), protocol, is_qualified_name(protocol)));
        }
    }
}

fn endpoints(endpoints: &[Endpoint], address_type: &str, errors: &mut Errors) {
    let path = FieldPath::new("endpoints");
    if endpoints.len() > MOST_ENDPOINTS {
        errors.push(FieldError::too_many(&path, endpoints.len(), MOST_ENDPOINTS));
        return;
    }
    for (at, one) in endpoints.iter().enumerate() {
        endpoint(one, address_type, &path.index(at), errors);
    }
}

fn endpoint(endpoint: &Endpoint, address_type: &str, path: &FieldPath<'_>, errors: &mut Errors) {
    let addresses_path = path.child("addresses");
    if endpoint.addresses.is_empty() {
        errors.push(FieldError::required(&addresses_path, "must contain at least 1 address"));
    } else if endpoint.addresses.len() > MOST_ADDRESSES {
        errors.push(FieldError::too_many(&addresses_path, endpoint.addresses.len(), MOST_ADDRESSES));
    }
    for (at, one) in endpoint.addresses.iter().enumerate() {
        address(one, address_type, &addresses_path, at, errors);
    }
    if let Some(node) = &endpoint.node_name {
        errors.extend(invalid_each(&path.child("nodeName"), node, name_is_dns_subdomain(node, false)));
    }
    let topology_path = path.child("deprecatedTopology");
    if let Some(topology) = &endpoint.deprecated_topology {
        if topology.len() > MOST_TOPOLOGY_LABELS {
            errors.push(FieldError::too_many(&topology_path, topology.len(), MOST_TOPOLOGY_LABELS));
        }
        errors.extend(labels(topology, &topology_path));
        if topology.contains_key(ZONE) {
            let detail = "reserved key was not removed in conversion";
            errors.push(FieldError::internal(&topology_path.key(ZONE), detail));
        }
    }
    if let Some(hostname) = &endpoint.hostname {
        errors.extend(invalid_each(&path.child("hostname"), hostname, is_dns1123_label(hostname)));
    }
    if let Some(given) = &endpoint.hints {
        hints(given, &path.child("hints"), errors);
    }
}

fn address(address: &str, address_type: &str, path: &FieldPath<'_>, at: usize, errors: &mut Errors) {
    let element = path.index(at);
    let found = match address_type {
        "IPv4" => is_valid_ip_for_legacy_field(&element, address, &[]),
        "IPv6" => is_valid_ip(&element, address),
        "FQDN" => {
            errors.extend(is_fully_qualified_domain_name(&element, address));
            return;
        }
        _ => return,
    };
    if !found.is_empty() {
        errors.extend(found);
        return;
    }
    if parse_ip_sloppy(address).is_none_or(|ip| ip.is_ipv4() != (address_type == "IPv4")) {
        errors.push(FieldError::invalid(path, address, format!("must be an {address_type} address")));
    }
    errors.extend(endpoint_ip(&element, address));
}

fn hints(hints: &EndpointHints, path: &FieldPath<'_>, errors: &mut Errors) {
    let zones: Vec<&str> = hints.for_zones.iter().flatten().map(|zone| zone.name.as_str()).collect();
    let nodes: Vec<&str> = hints.for_nodes.iter().flatten().map(|node| node.name.as_str()).collect();
    let node_rule = |name: &str| name_is_dns_subdomain(name, false);
    if hints_for(&zones, is_valid_label_value, &path.child("forZones"), errors) {
        hints_for(&nodes, node_rule, &path.child("forNodes"), errors);
    }
}

/// Whether there were few enough of them to go on.
fn hints_for(names: &[&str], rule: fn(&str) -> Vec<String>, path: &FieldPath<'_>, errors: &mut Errors) -> bool {
    if names.len() > MOST_HINTS {
        errors.push(FieldError::too_many(path, names.len(), MOST_HINTS));
        return false;
    }
    for (at, name) in names.iter().enumerate() {
        let path = path.index(at);
        let path = path.child("name");
        if names[..at].contains(name) {
            errors.push(FieldError::duplicate(&path, *name));
        }
        errors.extend(invalid_each(&path, name, rule(name)));
    }
    true
}

#[cfg(test)]
mod tests;
