//! Endpoints: the addresses behind a Service, as the older kind holds them.
//!
//! Facts: upstream's `ValidateEndpoints` and `pkg/registry/core/endpoint`. [`endpoint_ip`] serves EndpointSlices and
//! Services' external addresses too.

use std::net::IpAddr;

use k8s_openapi::api::core::v1::{EndpointAddress, EndpointPort, EndpointSubset, Endpoints};
use serde_json::Value;

use super::access::{default_text, invalid_each, is_same, list_mut};
use super::generic::{check, check_update, list, text};
use super::service::{port_number, protocol};
use super::{Request, Strategy};
use crate::validation::meta::{name_is_dns_subdomain, object_meta, object_meta_update};
use crate::validation::name::{is_dns1123_label, is_qualified_name};
use crate::validation::net::{is_valid_ip_for_legacy_field, parse_ip_sloppy, warnings_for_ip};
use crate::validation::{Errors, FieldError, FieldPath};

/// The strategy of Endpoints.
#[derive(Debug, Clone, Copy)]
pub struct EndpointsStrategy;

impl Strategy for EndpointsStrategy {
    fn default(&self, object: &mut Value) {
        for subset in list_mut(object, &["subsets"]) {
            for port in list_mut(subset, &["ports"]).filter_map(Value::as_object_mut) {
                default_text(port, "protocol", "TCP");
            }
        }
    }

    fn prepare_for_create(&self, _request: &Request<'_>, _object: &mut Value) {}

    fn prepare_for_update(&self, _request: &Request<'_>, _object: &mut Value, _old: &Value) {}

    fn validate(&self, _request: &Request<'_>, object: &Value) -> Errors {
        check(object, |endpoints: &Endpoints| all(endpoints, true))
    }

    fn validate_update(&self, _request: &Request<'_>, object: &Value, old: &Value) -> Errors {
        check_update(object, old, |new: &Endpoints, old_endpoints: &Endpoints| {
            let path = FieldPath::new("metadata");
            let mut errors = object_meta_update(&new.metadata, &old_endpoints.metadata, &path);
            // Older servers took other addresses: what stands may stay.
            errors.extend(all(new, !is_same(object, old, &["subsets"])));
            errors
        })
    }

    fn warnings(&self, _request: &Request<'_>, object: &Value, _old: Option<&Value>) -> Vec<String> {
        let mut warnings = Vec::new();
        if text(object, &["metadata", "labels", "endpoints.kubernetes.io/managed-by"]) == "endpoint-controller" {
            return warnings;
        }
        let path = FieldPath::new("subsets");
        for (at, subset) in list(object, &["subsets"]).iter().enumerate() {
            let path = path.index(at);
            for field in ["addresses", "notReadyAddresses"] {
                let path = path.child(field);
                for (at, address) in list(subset, &[field]).iter().enumerate() {
                    warnings.extend(warnings_for_ip(&path.index(at).child("ip"), text(address, &["ip"])));
                }
            }
        }
        warnings
    }

    fn allows_create_on_update(&self) -> bool {
        true
    }
}

fn all(endpoints: &Endpoints, looks_at_subsets: bool) -> Errors {
    let mut errors = object_meta(&endpoints.metadata, true, name_is_dns_subdomain, &FieldPath::new("metadata"));
    if looks_at_subsets {
        let path = FieldPath::new("subsets");
        for (at, one) in endpoints.subsets.iter().flatten().enumerate() {
            subset(one, &path.index(at), &mut errors);
        }
    }
    errors
}

fn subset(subset: &EndpointSubset, path: &FieldPath<'_>, errors: &mut Errors) {
    let ready = subset.addresses.as_deref().unwrap_or_default();
    let not_ready = subset.not_ready_addresses.as_deref().unwrap_or_default();
    let ports = subset.ports.as_deref().unwrap_or_default();
    if ready.is_empty() && not_ready.is_empty() {
        errors.push(FieldError::required(path, "must specify `addresses` or `notReadyAddresses`"));
    }
    for (field, addresses) in [("addresses", ready), ("notReadyAddresses", not_ready)] {
        let path = path.child(field);
        for (at, one) in addresses.iter().enumerate() {
            address(one, &path.index(at), errors);
        }
    }
    let path = path.child("ports");
    for (at, one) in ports.iter().enumerate() {
        port(one, ports.len() > 1, &path.index(at), errors);
    }
}

fn address(address: &EndpointAddress, path: &FieldPath<'_>, errors: &mut Errors) {
    let ip_path = path.child("ip");
    errors.extend(is_valid_ip_for_legacy_field(&ip_path, &address.ip, &[]));
    if let Some(hostname) = address.hostname.as_deref().filter(|hostname| !hostname.is_empty()) {
        errors.extend(invalid_each(&path.child("hostname"), hostname, is_dns1123_label(hostname)));
    }
    if let Some(node) = &address.node_name {
        errors.extend(invalid_each(&path.child("nodeName"), node, name_is_dns_subdomain(node, false)));
    }
    errors.extend(endpoint_ip(&ip_path, &address.ip));
}

fn port(port: &EndpointPort, requires_name: bool, path: &FieldPath<'_>, errors: &mut Errors) {
    let name_path = path.child("name");
    match port.name.as_deref().unwrap_or_default() {
        "" if requires_name => errors.push(FieldError::required(&name_path, "")),
        "" => {}
        name => errors.extend(invalid_each(&name_path, name, is_dns1123_label(name))),
    }
    port_number(i64::from(port.port), &path.child("port"), errors);
    protocol(port.protocol.as_deref().unwrap_or_default(), &path.child("protocol"), errors);
    if let Some(protocol) = &port.app_protocol {
        errors.extend(invalid_each(&path.child("appProtocol"), protocol, is_qualified_name(protocol)));
    }
}

/// `ValidateEndpointIP`: no address that can't be anybody's endpoint.
pub(super) fn endpoint_ip(path: &FieldPath<'_>, value: &str) -> Errors {
    let Some(address) = parse_ip_sloppy(value) else {
        return vec![FieldError::invalid(path, value, "must be a valid IP address")];
    };
    let (is_link_local, is_link_local_multicast) = match address {
        IpAddr::V4(address) => (address.is_link_local(), address.octets()[..3] == [224, 0, 0]),
        IpAddr::V6(address) => {
            let octets = address.octets();
            (address.is_unicast_link_local(), octets[0] == 0xff && octets[1] & 0x0f == 0x02)
        }
    };
    let unspecified = format!("may not be unspecified ({value})");
    let rules = [
        (address.is_unspecified(), unspecified.as_str()),
        (address.is_loopback(), "may not be in the loopback range (127.0.0.0/8, ::1/128)"),
        (is_link_local, "may not be in the link-local range (169.254.0.0/16, fe80::/10)"),
        (is_link_local_multicast, "may not be in the link-local multicast range (224.0.0.0/24, ff02::/10)"),
    ];
    let broken = rules.into_iter().filter(|(is_broken, _)| *is_broken);
    broken.map(|(_, detail)| FieldError::invalid(path, value, detail)).collect()
}

#[cfg(test)]
mod tests;
