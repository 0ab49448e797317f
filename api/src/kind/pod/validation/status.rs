//! What a pod's status may say, and how it may change.
//!
//! Source: upstream's `ValidatePodStatusUpdate`.

use std::collections::BTreeSet;
use std::net::IpAddr;

use k8s_openapi::api::core::v1::{
    Container, ContainerStatus, PodCondition, PodExtendedResourceClaimStatus, PodResourceClaimStatus, PodSpec,
    PodStatus,
};
use serde_json::{Value, json};

use super::allocated::{allocated_resources, no_allocated_resources};
use super::container_state::{ephemeral_transitions, transitions};
use super::message::{dns1123_label, dns1123_subdomain, qualified_name};
use super::options::Options;
use super::pod::or_default;
use super::update::{Change, annotation_changes};
use crate::quantity::Quantity;
use crate::validation::meta::{immutable_field, object_meta_update};
use crate::validation::name::is_valid_group_id;
use crate::validation::net::{is_valid_ip_for_legacy_field, parse_ip_sloppy};
use crate::validation::{Errors, FieldError, FieldPath};

const NON_NEGATIVE: &str = "must be a non-negative integer";
const ONE_PER_FAMILY: &str = "may specify no more than one IP for each IP family";

/// An update of the status.
pub(crate) fn status_update(change: Change<'_>) -> Errors {
    let options = Options::for_pod(Some(change.old));
    let path = FieldPath::new("metadata");
    let mut errors = object_meta_update(&change.new.metadata, &change.old.metadata, &path);
    errors.extend(annotation_changes(change, &options));
    let spec = or_default(change.new.spec.as_ref());
    let old_spec = or_default(change.old.spec.as_ref());
    let new = or_default(change.new.status.as_ref());
    let old = or_default(change.old.status.as_ref());
    let path = FieldPath::new("status");
    errors.extend(conditions(new.conditions.as_deref().unwrap_or_default(), &path.child("conditions")));
    if spec.node_name != old_spec.node_name {
        errors.push(FieldError::forbidden(&path.child("nodeName"), "may not be changed directly"));
    }
    errors.extend(nominated_node(&new, &old, &old_spec, &path));
    if let Some(generation) = new.observed_generation.filter(|generation| *generation < 0) {
        errors.push(FieldError::invalid(&path.child("observedGeneration"), generation, NON_NEGATIVE));
    }
    let class = |status: &PodStatus| status.qos_class.clone().unwrap_or_default();
    errors.extend(immutable_field(&class(&new), &class(&old), &path.child("qosClass")));

    errors.extend(state_changes(&new, &old, &old_spec, &path));
    let claims = new.resource_claim_statuses.as_deref().unwrap_or_default();
    errors.extend(resource_claims(claims, &spec, &path.child("resourceClaimStatuses")));
    if let Some(status) = &new.extended_resource_claim_status {
        errors.extend(extended_resource_claim(status, &spec, &path.child("extendedResourceClaimStatus")));
    }
    let at = path.child("nodeAllocatableResourceClaimStatuses");
    errors.extend(node_allocatable_claims(&new, &spec, &at));
    errors.extend(pod_ips(&new, &old, &path.child("podIPs")));
    errors.extend(host_ips(&new, &old, &path.child("hostIPs")));

    let os = spec.os.as_ref().map_or("linux", |os| os.name.as_str());
    for (name, statuses) in lists(&new) {
        errors.extend(users(statuses, os, &path.child(name)));
    }
    let init = spec.init_containers.as_deref().unwrap_or_default();
    let allocated: [(&str, &[ContainerStatus], &[Container]); 2] = [
        ("containerStatuses", new.container_statuses.as_deref().unwrap_or_default(), &spec.containers),
        ("initContainerStatuses", new.init_container_statuses.as_deref().unwrap_or_default(), init),
    ];
    for (name, statuses, containers) in allocated {
        errors.extend(allocated_resources(statuses, containers, &new, &path.child(name)));
    }
    let ephemeral = new.ephemeral_container_statuses.as_deref().unwrap_or_default();
    errors.extend(no_allocated_resources(ephemeral, &path.child("ephemeralContainerStatuses")));
    errors
}

/// The lists of containers' statuses, in upstream's order.
fn lists(status: &PodStatus) -> [(&'static str, &[ContainerStatus]); 3] {
    [
        ("containerStatuses", status.container_statuses.as_deref().unwrap_or_default()),
        ("initContainerStatuses", status.init_container_statuses.as_deref().unwrap_or_default()),
        ("ephemeralContainerStatuses", status.ephemeral_container_statuses.as_deref().unwrap_or_default()),
    ]
}

fn state_changes(new: &PodStatus, old: &PodStatus, spec: &PodSpec, path: &FieldPath<'_>) -> Errors {
    let [(name, regular), (init_name, init), (ephemeral_name, ephemeral)] = lists(new);
    let [(_, old_regular), (_, old_init), (_, old_ephemeral)] = lists(old);
    let init_containers = spec.init_containers.as_deref().unwrap_or_default();
    let mut errors = transitions(regular, old_regular, &spec.containers, spec, &path.child(name));
    errors.extend(transitions(init, old_init, init_containers, spec, &path.child(init_name)));
    errors.extend(ephemeral_transitions(ephemeral, old_ephemeral, &path.child(ephemeral_name)));
    errors
}

fn conditions(conditions: &[PodCondition], path: &FieldPath<'_>) -> Errors {
    let mut errors = Errors::new();
    for (index, condition) in conditions.iter().enumerate() {
        let at = path.index(index);
        if let Some(generation) = condition.observed_generation.filter(|generation| *generation < 0) {
            errors.push(FieldError::invalid(&at.child("observedGeneration"), generation, NON_NEGATIVE));
        }
        if !matches!(condition.type_.as_str(), "PodScheduled" | "Ready" | "Initialized") {
            errors.extend(qualified_name(&condition.type_, &at.child("Type")));
        }
    }
    errors
}

fn nominated_node(new: &PodStatus, old: &PodStatus, old_spec: &PodSpec, path: &FieldPath<'_>) -> Errors {
    let mut errors = Errors::new();
    let name = new.nominated_node_name.as_deref().unwrap_or_default();
    if name.is_empty() || name == old.nominated_node_name.as_deref().unwrap_or_default() {
        return errors;
    }
    let at = path.child("nominatedNodeName");
    errors.extend(dns1123_subdomain(name, &at));
    if old_spec.node_name.as_ref().is_some_and(|node| !node.is_empty()) {
        errors.push(FieldError::forbidden(&at, "may not be set on pods that are already bound to a node"));
    }
    errors
}

fn resource_claims(statuses: &[PodResourceClaimStatus], spec: &PodSpec, path: &FieldPath<'_>) -> Errors {
    let mut errors = Errors::new();
    let mut seen = BTreeSet::new();
    for (index, status) in statuses.iter().enumerate() {
        let at = path.index(index);
        let at_name = at.child("name");
        let name = status.name.as_str();
        if !spec.resource_claims.iter().flatten().any(|claim| claim.name == name) {
            let detail = "must match the name of an entry in `spec.resourceClaims`";
            errors.push(FieldError::invalid(&at_name, name, detail));
        }
        if !seen.insert(name) {
            errors.push(FieldError::duplicate(&at_name, name));
        }
        if let Some(claim) = &status.resource_claim_name {
            errors.extend(dns1123_subdomain(claim, &at.child("resourceClaimName")));
        }
    }
    errors
}

fn extended_resource_claim(status: &PodExtendedResourceClaimStatus, spec: &PodSpec, path: &FieldPath<'_>) -> Errors {
    let mut errors = Errors::new();
    let mappings = path.child("requestMappings");
    if status.request_mappings.is_empty() {
        errors.push(FieldError::required(&mappings, "at least one request mapping is required"));
    }
    let mut seen = BTreeSet::new();
    for (index, mapping) in status.request_mappings.iter().enumerate() {
        let at = mappings.index(index);
        let container = spec
            .containers
            .iter()
            .chain(spec.init_containers.iter().flatten())
            .find(|container| container.name == mapping.container_name);
        match container {
            None => {
                let detail = "must match the name of an entry in spec.initContainers.name or spec.containers.name";
                let name = mapping.container_name.as_str();
                errors.push(FieldError::invalid(&at.child("containerName"), name, detail));
            }
            Some(container) => {
                let requests = container.resources.as_ref().and_then(|resources| resources.requests.as_ref());
                if !requests.is_some_and(|requests| requests.contains_key(&mapping.resource_name)) {
                    let detail = "must match the extended resource name of an entry in \
                                  spec.initContainers.resources.requests or spec.containers.resources.requests";
                    let name = mapping.resource_name.as_str();
                    errors.push(FieldError::invalid(&at.child("resourceName"), name, detail));
                }
            }
        }
        errors.extend(dns1123_label(&mapping.request_name, &path.child("requestName")));
        let key = (&mapping.container_name, &mapping.resource_name, &mapping.request_name);
        if !seen.insert(key) {
            errors.push(FieldError::duplicate(&at.child("containerName"), mapping.container_name.as_str()));
            errors.push(FieldError::duplicate(&at.child("resourceName"), mapping.resource_name.as_str()));
            errors.push(FieldError::duplicate(&at.child("requestName"), mapping.request_name.as_str()));
        }
    }
    let at = path.child("resourceClaimName");
    if status.resource_claim_name.is_empty() {
        errors.push(FieldError::required(&at, ""));
    } else {
        errors.extend(dns1123_subdomain(&status.resource_claim_name, &at));
    }
    errors
}

/// Only objects that had these before their gate went off still have some.
fn node_allocatable_claims(status: &PodStatus, spec: &PodSpec, path: &FieldPath<'_>) -> Errors {
    let mut errors = Errors::new();
    for (index, claim) in status.node_allocatable_resource_claim_statuses.iter().flatten().enumerate() {
        let name = claim.resource_claim_name.as_str();
        if name.is_empty() {
            continue;
        }
        let at = path.index(index);
        let in_spec = spec.resource_claims.iter().flatten().filter_map(|claim| claim.resource_claim_name.as_deref());
        let made =
            status.resource_claim_statuses.iter().flatten().filter_map(|claim| claim.resource_claim_name.as_deref());
        if !in_spec.chain(made).any(|known| known == name) {
            let detail = "no mapping found in pod reference";
            errors.push(FieldError::invalid(&at.child("resourceClaimName"), name, detail));
        }
        for (index, item) in claim.mapping.iter().flatten().enumerate() {
            let at = at.child("mapping");
            let at = at.index(index);
            errors.extend(node_allocatable(&item.name, &at));
            errors.extend(non_negative(Some(&item.quantity.0), &at.child("quantity")));
        }
        for (index, item) in claim.overhead.iter().flatten().enumerate() {
            let at = at.child("overhead");
            let at = at.index(index);
            errors.extend(node_allocatable(&item.name, &at));
            if item.per_pod.is_none() && item.per_container.is_none() {
                errors.push(FieldError::invalid(&at, "", "at least one of perPod or perContainer must be set"));
            }
            let quantity = item.per_pod.as_ref().map(|quantity| quantity.0.as_str());
            errors.extend(non_negative(quantity, &at.child("perPod")));
            let quantity = item.per_container.as_ref().map(|quantity| quantity.0.as_str());
            errors.extend(non_negative(quantity, &at.child("perContainer")));
        }
    }
    errors
}

fn node_allocatable(name: &str, path: &FieldPath<'_>) -> Option<FieldError> {
    let is_known = super::super::resource_sum::is_pod_level(name);
    let detail = "must be a node allocatable resource name";
    (!is_known).then(|| FieldError::invalid(&path.child("name"), name, detail))
}

fn non_negative(quantity: Option<&str>, path: &FieldPath<'_>) -> Option<FieldError> {
    let quantity = quantity?;
    let is_negative = Quantity::parse(quantity).is_ok_and(Quantity::is_negative);
    is_negative.then(|| FieldError::invalid(path, quantity, "must be non-negative"))
}

fn pod_ips(new: &PodStatus, old: &PodStatus, path: &FieldPath<'_>) -> Errors {
    let texts = |status: &PodStatus| -> Vec<String> {
        status.pod_ips.iter().flatten().map(|address| address.ip.clone()).collect()
    };
    let (addresses, before) = (texts(new), texts(old));
    let mut errors = valid_addresses(&addresses, &before, path);
    errors.extend(one_per_family(&addresses, path));
    let single = new.pod_ip.as_deref().unwrap_or_default();
    match addresses.first() {
        None if !single.is_empty() => {
            let detail = "podIP and podIPs must either both be set or both be unset";
            errors.push(FieldError::invalid(path, Value::Null, detail));
        }
        Some(_) if single.is_empty() => {
            let detail = "podIP and podIPs must either both be set or both be unset";
            errors.push(FieldError::invalid(path, shown(&addresses), detail));
        }
        Some(first) if first != single => {
            let at = path.index(0);
            errors.push(FieldError::invalid(&at.child("ip"), first.as_str(), "must be equal to `podIP`"));
        }
        _ => {}
    }
    errors
}

fn host_ips(new: &PodStatus, old: &PodStatus, path: &FieldPath<'_>) -> Errors {
    let texts = |status: &PodStatus| -> Vec<String> {
        status.host_ips.iter().flatten().map(|address| address.ip.clone()).collect()
    };
    let (addresses, before) = (texts(new), texts(old));
    let mut errors = Errors::new();
    let Some(first) = addresses.first() else { return errors };
    if first != new.host_ip.as_deref().unwrap_or_default() {
        let at = path.index(0);
        errors.push(FieldError::invalid(&at.child("ip"), first.as_str(), "must be equal to `hostIP`"));
    }
    errors.extend(valid_addresses(&addresses, &before, path));
    errors.extend(one_per_family(&addresses, path));
    errors
}

fn valid_addresses(addresses: &[String], before: &[String], path: &FieldPath<'_>) -> Errors {
    let before: Vec<&str> = before.iter().map(String::as_str).collect();
    let one = |(index, address): (usize, &String)| is_valid_ip_for_legacy_field(&path.index(index), address, &before);
    addresses.iter().enumerate().flat_map(one).collect()
}

/// Two addresses must be of both families; there can't be more.
fn one_per_family(addresses: &[String], path: &FieldPath<'_>) -> Errors {
    let mut errors = Errors::new();
    if addresses.len() < 2 {
        return errors;
    }
    let parsed: Vec<Option<IpAddr>> = addresses.iter().map(|address| parse_ip_sloppy(address)).collect();
    if let Some(index) = parsed.iter().position(Option::is_none) {
        let address = &addresses[index];
        let detail = format!("failed to check for dual stack with error:invalid IP[{index}]: {address}");
        errors.push(FieldError::internal(path, detail));
    }
    let is_dual = parsed.iter().all(Option::is_some)
        && parsed.iter().flatten().any(IpAddr::is_ipv4)
        && parsed.iter().flatten().any(IpAddr::is_ipv6);
    if !is_dual || addresses.len() > 2 {
        errors.push(FieldError::invalid(path, shown(addresses), ONE_PER_FAMILY));
    }
    errors
}

fn shown(addresses: &[String]) -> Value {
    addresses.iter().map(|address| json!({"IP": address})).collect()
}

fn users(statuses: &[ContainerStatus], os: &str, path: &FieldPath<'_>) -> Errors {
    let mut errors = Errors::new();
    for (index, status) in statuses.iter().enumerate() {
        let Some(user) = status.user.as_ref().and_then(|user| user.linux.as_ref()) else { continue };
        let at = path.index(index);
        let at = at.child("user");
        let at = at.child("linux");
        match os {
            "windows" => errors.push(FieldError::forbidden(&at, "cannot be set for a windows pod")),
            "linux" => {
                if !(0..=i64::from(u32::MAX)).contains(&user.uid) {
                    let detail = format!("must be between 0 and {}, inclusive", u32::MAX);
                    errors.push(FieldError::invalid(&at.child("uid"), user.uid, detail));
                }
                for message in is_valid_group_id(user.gid) {
                    errors.push(FieldError::invalid(&at.child("gid"), user.gid, message));
                }
                let groups = at.child("supplementalGroups");
                for (index, group) in user.supplemental_groups.iter().flatten().enumerate() {
                    for message in is_valid_group_id(*group) {
                        errors.push(FieldError::invalid(&groups.index(index), *group, message));
                    }
                }
            }
            _ => {}
        }
    }
    errors
}
