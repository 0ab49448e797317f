//! Services: a union discriminated by `spec.type`, whose fields name addresses and ports that the server allocates.
//!
//! The flow differs from other kinds' in one step: before `prepare_*`, the registry asks [`allocation`] what the Service
//! needs, allocates it and hands it back, so that validation sees it. Defaults: [`default`]; rules: [`validation`] and
//! [`cluster_ip`]; what a client is told: [`warning`]. Facts: upstream's `pkg/registry/core/service`.

pub mod allocation;
mod cluster_ip;
mod default;
mod spec;
mod validation;
mod warning;

pub(super) use self::validation::{port_number, protocol};

use k8s_openapi::api::core::v1::Service;
use serde::Deserialize;
use serde_json::Value;

use self::spec::{externally_accessible, needs_health_check, needs_node_port};
use super::access::{integer, is_same, list_mut};
use super::generic::{at, check, check_update, remove, reset, restore, text};
use super::{Request, Strategy};
use crate::validation::Errors;

/// The strategy of Services.
#[derive(Debug, Clone, Copy)]
pub struct ServiceStrategy;

impl Strategy for ServiceStrategy {
    fn default(&self, object: &mut Value) {
        default::service(object);
    }

    fn prepare_for_create(&self, _request: &Request<'_>, object: &mut Value) {
        reset(object, "status");
    }

    fn prepare_for_update(&self, request: &Request<'_>, object: &mut Value, old: &Value) {
        if request.subresource == "status" {
            restore(object, old, &["spec"]);
        } else {
            restore(object, old, &["status"]);
            drop_type_dependent_fields(object, old);
        }
    }

    fn validate(&self, _request: &Request<'_>, object: &Value) -> Errors {
        check(object, |service: &Service| validation::create(object, service))
    }

    fn validate_update(&self, request: &Request<'_>, object: &Value, old: &Value) -> Errors {
        check_update(object, old, |service: &Service, old_service: &Service| {
            if request.subresource == "status" {
                validation::update_status(object, old, service, old_service)
            } else {
                validation::update(object, old, service, old_service)
            }
        })
    }

    fn canonicalise(&self, object: &mut Value) {
        // Upstream stores it and leaves it out of what it answers.
        if text(object, &["spec", "type"]) == "ExternalName" {
            remove(object, &["spec", "internalTrafficPolicy"]);
        }
    }

    fn warnings(&self, request: &Request<'_>, object: &Value, _old: Option<&Value>) -> Vec<String> {
        if request.subresource == "status" {
            return warning::of_status(object);
        }
        Service::deserialize(object).map_or_else(|_| Vec::new(), |service| warning::of(&service))
    }

    fn allows_create_on_update(&self) -> bool {
        true
    }

    fn reset_fields(&self, subresource: &str) -> &'static [&'static str] {
        if subresource == "status" { &["spec"] } else { &["status"] }
    }
}

/// Clears what the new type has no use for, where the client did not change it: those fields are mostly allocated or
/// defaulted, and the client only meant to change the type.
fn drop_type_dependent_fields(object: &mut Value, old: &Value) {
    let is_external_name = |service: &Value| text(service, &["spec", "type"]) == "ExternalName";
    let is_load_balancer = |service: &Value| text(service, &["spec", "type"]) == "LoadBalancer";

    if !is_external_name(old) && is_external_name(object) {
        if is_same(old, object, &["spec", "clusterIP"]) && is_same(old, object, &["spec", "clusterIPs"]) {
            remove(object, &["spec", "clusterIP"]);
            remove(object, &["spec", "clusterIPs"]);
        }
        for field in ["ipFamilies", "ipFamilyPolicy"] {
            if is_same(old, object, &["spec", field]) {
                remove(object, &["spec", field]);
            }
        }
    }
    if needs_node_port(old) && !needs_node_port(object) {
        let of_old = spec::node_ports(old);
        if spec::node_ports(object).iter().all(|port| of_old.contains(port)) {
            list_mut(object, &["spec", "ports"]).for_each(|port| remove(port, &["nodePort"]));
        }
    }
    let health_check = ["spec", "healthCheckNodePort"];
    if needs_health_check(old)
        && !needs_health_check(object)
        && integer(old, &health_check) == integer(object, &health_check)
    {
        remove(object, &health_check);
    }
    if is_load_balancer(old) && !is_load_balancer(object) {
        let allocate = ["spec", "allocateLoadBalancerNodePorts"];
        if at(object, &allocate).is_some() && is_same(old, object, &allocate) {
            remove(object, &allocate);
        }
        if is_same(old, object, &["spec", "loadBalancerClass"]) {
            remove(object, &["spec", "loadBalancerClass"]);
        }
    }
    let policy = ["spec", "externalTrafficPolicy"];
    if externally_accessible(old) && !externally_accessible(object) && is_same(old, object, &policy) {
        remove(object, &policy);
    }
    if !is_load_balancer(object) {
        remove(object, &["status", "loadBalancer", "ingress"]);
    }
}

#[cfg(test)]
mod tests;
