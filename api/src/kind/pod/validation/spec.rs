//! A PodSpec as a whole: its own fields, and the rules of its parts in upstream's order.
//!
//! Source: upstream's `ValidatePodSpec`.

use std::collections::BTreeSet;

use k8s_openapi::api::core::v1::{PodReadinessGate, PodSchedulingGate, PodSpec, ResourceRequirements};
use k8s_openapi::apimachinery::pkg::apis::meta::v1::ObjectMeta;
use serde_json::Value;

use super::affinity::affinity;
use super::container::containers;
use super::context::{PodContext, claim_names};
use super::dns::{dns_config, dns_policy, host_aliases, hostname_override};
use super::env::file_key_ref_volumes;
use super::ephemeral_container::ephemeral_containers;
use super::init_container::init_containers;
use super::message::{dns1123_label, dns1123_subdomain, qualified_name};
use super::options::Options;
use super::os::{self, host_network_ports, host_process, host_users};
use super::pod_resource::{pod_resources, resource_claims};
use super::pod_security::pod_security_context;
use super::resource::container_resource_requirements;
use super::toleration::tolerations;
use super::topology_spread::topology_spread_constraints;
use super::volume::volumes;
use crate::go::quote;
use crate::validation::label::labels;
use crate::validation::name::inclusive_range_error;
use crate::validation::{Errors, FieldError, FieldPath};

const RESTART_POLICIES: [&str; 3] = ["Always", "OnFailure", "Never"];
const PREEMPTION_POLICIES: [&str; 2] = ["PreemptLowerPriority", "Never"];

/// A PodSpec. `meta` is the pod's that it belongs to; a template's is not looked at.
pub(super) fn pod_spec(spec: &PodSpec, meta: Option<&ObjectMeta>, options: &Options, path: &FieldPath<'_>) -> Errors {
    let mut errors = Errors::new();
    if spec.termination_grace_period_seconds.is_none() {
        errors.push(FieldError::required(&path.child("terminationGracePeriodSeconds"), ""));
    }
    errors.extend(parts(spec, meta, options, path));
    errors.extend(host_network_ports(spec, options, path));
    errors.extend(restart_policy(spec.restart_policy.as_deref(), &path.child("restartPolicy")));
    errors.extend(dns_policy(spec.dns_policy.as_deref(), &path.child("dnsPolicy")));
    if let Some(selector) = &spec.node_selector {
        errors.extend(labels(selector, &path.child("nodeSelector")));
    }
    errors.extend(pod_security_context(spec, options, &path.child("securityContext")));
    if spec.share_process_namespace == Some(true) && spec.host_pid == Some(true) {
        let detail = "ShareProcessNamespace and HostPID cannot both be enabled";
        errors.push(FieldError::invalid(&path.child("shareProcessNamespace"), true, detail));
    }
    errors.extend(affinity(spec.affinity.as_ref(), options, &path.child("affinity")));
    errors.extend(dns_config(spec.dns_config.as_ref(), spec.dns_policy.as_deref(), &path.child("dnsConfig")));
    errors.extend(readiness_gates(spec.readiness_gates.as_deref().unwrap_or_default(), &path.child("readinessGates")));
    errors
        .extend(scheduling_gates(spec.scheduling_gates.as_deref().unwrap_or_default(), &path.child("schedulingGates")));
    errors.extend(topology_spread_constraints(
        spec.topology_spread_constraints.as_deref().unwrap_or_default(),
        options,
        &path.child("topologySpreadConstraints"),
    ));
    errors.extend(host_process(spec, path));
    errors.extend(host_users(spec, options, path));
    errors.extend(hostname_override(spec, path));
    errors.extend(names(spec, path));
    errors.extend(tolerations(spec.tolerations.as_deref().unwrap_or_default(), options, &path.child("tolerations")));
    errors.extend(host_aliases(spec.host_aliases.as_deref().unwrap_or_default(), &path.child("hostAliases")));
    errors.extend(classes(spec, path));
    if let Some(overhead) = &spec.overhead {
        let requirements = ResourceRequirements { limits: Some(overhead.clone()), ..ResourceRequirements::default() };
        let claims = BTreeSet::new();
        let at = path.child("overhead");
        errors.extend(container_resource_requirements(&requirements, &claims, options.leniency, &at));
    }
    errors.extend(os::os(spec, path));
    errors.extend(scheduling_group(spec, path));
    errors.extend(file_key_ref_volumes(spec, path));
    errors
}

/// Volumes, containers, resources.
fn parts(spec: &PodSpec, meta: Option<&ObjectMeta>, options: &Options, path: &FieldPath<'_>) -> Errors {
    let pod_name = meta.and_then(|meta| meta.name.as_deref()).unwrap_or_default();
    let list = spec.volumes.as_deref().unwrap_or_default();
    let (by_name, mut errors) = volumes(list, pod_name, options.leniency, &path.child("volumes"));
    let claims = spec.resource_claims.as_deref().unwrap_or_default();
    errors.extend(resource_claims(claims, meta, &path.child("resourceClaims")));
    let context = PodContext::new(spec, by_name, options.leniency);
    let init = spec.init_containers.as_deref().unwrap_or_default();
    let ephemeral = spec.ephemeral_containers.as_deref().unwrap_or_default();
    errors.extend(containers(&spec.containers, &context, &path.child("containers")));
    errors.extend(init_containers(init, &spec.containers, &context, &path.child("initContainers")));
    let at = path.child("ephemeralContainers");
    errors.extend(ephemeral_containers(ephemeral, &spec.containers, init, &context, &at));
    errors.extend(pod_resources(spec, &claim_names(spec), options.leniency, path));
    errors
}

fn restart_policy(policy: Option<&str>, path: &FieldPath<'_>) -> Option<FieldError> {
    match policy.unwrap_or_default() {
        "" => Some(FieldError::required(path, "")),
        policy if RESTART_POLICIES.contains(&policy) => None,
        policy => Some(FieldError::not_supported(path, policy, &RESTART_POLICIES)),
    }
}

fn readiness_gates(gates: &[PodReadinessGate], path: &FieldPath<'_>) -> Errors {
    let gate = |(index, gate): (usize, &PodReadinessGate)| {
        let at = path.index(index);
        qualified_name(&gate.condition_type, &at.child("conditionType"))
    };
    gates.iter().enumerate().flat_map(gate).collect()
}

fn scheduling_gates(gates: &[PodSchedulingGate], path: &FieldPath<'_>) -> Errors {
    let mut errors = Errors::new();
    let mut seen = BTreeSet::new();
    for (index, gate) in gates.iter().enumerate() {
        errors.extend(qualified_name(&gate.name, &path.index(index)));
        if !seen.insert(gate.name.as_str()) {
            errors.push(FieldError::duplicate(&path.index(index), gate.name.as_str()));
        }
    }
    errors
}

/// Service account, node, deadline, host name.
fn names(spec: &PodSpec, path: &FieldPath<'_>) -> Errors {
    let mut errors = Errors::new();
    let account = spec.service_account_name.as_deref().unwrap_or_default();
    if !account.is_empty() {
        errors.extend(dns1123_subdomain(account, &path.child("serviceAccountName")));
    }
    let deprecated = spec.service_account.as_deref().unwrap_or_default();
    if deprecated != account {
        let detail = format!("must be the same as serviceAccountName: {}", quote(account));
        errors.push(FieldError::invalid(&path.child("deprecatedServiceAccount"), deprecated, detail));
    }
    if let Some(node) = spec.node_name.as_deref().filter(|node| !node.is_empty()) {
        errors.extend(dns1123_subdomain(node, &path.child("nodeName")));
    }
    if let Some(seconds) = spec.active_deadline_seconds
        && !(1..=i64::from(i32::MAX)).contains(&seconds)
    {
        let detail = inclusive_range_error(1, i64::from(i32::MAX));
        errors.push(FieldError::invalid(&path.child("activeDeadlineSeconds"), seconds, detail));
    }
    for (field, name) in [("hostname", &spec.hostname), ("subdomain", &spec.subdomain)] {
        if let Some(name) = name.as_deref().filter(|name| !name.is_empty()) {
            errors.extend(dns1123_label(name, &path.child(field)));
        }
    }
    errors
}

/// Priority, runtime and preemption.
fn classes(spec: &PodSpec, path: &FieldPath<'_>) -> Errors {
    let mut errors = Errors::new();
    if let Some(name) = spec.priority_class_name.as_deref().filter(|name| !name.is_empty()) {
        errors.extend(dns1123_subdomain(name, &path.child("priorityClassName")));
    }
    if let Some(name) = &spec.runtime_class_name {
        errors.extend(dns1123_subdomain(name, &path.child("runtimeClassName")));
    }
    let at = path.child("preemptionPolicy");
    match spec.preemption_policy.as_deref() {
        Some("") => errors.push(FieldError::required(&at, "")),
        Some(policy) if !PREEMPTION_POLICIES.contains(&policy) => {
            errors.push(FieldError::not_supported(&at, policy, &PREEMPTION_POLICIES));
        }
        _ => {}
    }
    errors
}

/// Only objects that had a scheduling group before its gate went off still have one.
fn scheduling_group(spec: &PodSpec, path: &FieldPath<'_>) -> Errors {
    let mut errors = Errors::new();
    let Some(group) = &spec.scheduling_group else { return errors };
    let at = path.child("schedulingGroup");
    let at_name = at.child("podGroupName");
    match &group.pod_group_name {
        None => errors.push(FieldError::invalid(&at_name, Value::Null, "must specify one of: `podGroupName`")),
        Some(name) => errors.extend(dns1123_subdomain(name, &at_name)),
    }
    if spec.eviction_responders.as_ref().is_some_and(|responders| !responders.is_empty()) {
        errors.push(FieldError::forbidden(&at, "may not be set when evictionResponders is set"));
    }
    errors
}
