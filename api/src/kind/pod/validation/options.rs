//! What an update may keep wrong, because the old object had it, and what depends on where a PodSpec stands.
//!
//! Rules have become stricter over the years. An object that was valid once must stay updatable, so each of these
//! says of the old object whether it breaks a rule; if so, the rule doesn't hold for the new one either. Flags of
//! upstream's that v1.37's feature gates decide alone are not here.

use std::collections::BTreeMap;

use k8s_openapi::api::core::v1::{Pod, PodAffinityTerm, PodSpec, PodTemplateSpec};

use super::super::visit;
use super::annotation::deletion_cost_is_valid;
use super::leniency::Leniency;
use super::selector;
use super::sysctl::host_sysctl;
use crate::validation::FieldPath;
use crate::validation::name::is_valid_label_value;

/// How a PodSpec is validated.
#[derive(Debug, Clone, Copy, Default)]
pub(crate) struct Options {
    /// What containers and volumes may keep.
    pub(crate) leniency: Leniency,
    /// Whether the spec is a Pod's own and not a template's.
    pub(crate) is_pod: bool,
    /// The deletion cost may be no number.
    pub(crate) invalid_deletion_cost: bool,
    /// Selectors of pod affinity may have invalid values.
    pub(crate) invalid_affinity_value: bool,
    /// Required node affinity may have invalid values.
    pub(crate) invalid_node_affinity_value: bool,
    /// Selectors of topology spread constraints may be invalid.
    pub(crate) invalid_spread_selector: bool,
    /// `matchLabelKeys` of topology spread constraints are held to the rules of v1.33.
    pub(crate) legacy_match_label_keys: bool,
    /// Sysctls of namespaces that the pod shares with the node are allowed.
    pub(crate) sysctls_of_host: bool,
    /// Tolerations may compare (`Lt`, `Gt`).
    pub(crate) comparing_tolerations: bool,
    /// Pods with a user namespace may use block devices.
    pub(crate) devices_in_user_namespace: bool,
    /// Pods with a user namespace may use the node's network.
    pub(crate) host_network_in_user_namespace: bool,
}

impl Options {
    /// For a pod; `old` where it is updated.
    pub(crate) fn for_pod(old: Option<&Pod>) -> Self {
        let spec = old.and_then(|old| old.spec.as_ref());
        Self { is_pod: true, ..Self::of(spec, old.and_then(|old| old.metadata.annotations.as_ref())) }
    }

    /// For a template; `old` where the object that holds it is updated.
    pub(crate) fn for_template(old: Option<&PodTemplateSpec>) -> Self {
        let annotations = old.and_then(|old| old.metadata.as_ref()?.annotations.as_ref());
        Self::of(old.and_then(|old| old.spec.as_ref()), annotations)
    }

    fn of(old: Option<&PodSpec>, annotations: Option<&BTreeMap<String, String>>) -> Self {
        let leniency = Leniency::of(old);
        let Some(old) = old else { return Self { leniency, ..Self::default() } };
        let has_user_namespace = old.host_users == Some(false);
        Self {
            leniency,
            is_pod: false,
            invalid_deletion_cost: annotations.is_some_and(|annotations| !deletion_cost_is_valid(annotations)),
            invalid_affinity_value: has_invalid_affinity(old),
            invalid_node_affinity_value: has_invalid_node_affinity(old),
            invalid_spread_selector: has_invalid_spread_selector(old),
            legacy_match_label_keys: has_invalid_match_label_keys(old),
            sysctls_of_host: has_sysctls_of_host(old),
            comparing_tolerations: old
                .tolerations
                .iter()
                .flatten()
                .any(|toleration| matches!(toleration.operator.as_deref(), Some("Lt" | "Gt"))),
            devices_in_user_namespace: has_user_namespace
                && visit::containers(old).any(|container| !container.volume_devices.is_empty()),
            host_network_in_user_namespace: has_user_namespace && old.host_network == Some(true),
        }
    }
}

/// All terms of pod affinity and anti-affinity.
pub(super) fn affinity_terms(spec: &PodSpec) -> impl Iterator<Item = &PodAffinityTerm> {
    let affinity = spec.affinity.as_ref();
    let pod = affinity.and_then(|affinity| affinity.pod_affinity.as_ref());
    let anti = affinity.and_then(|affinity| affinity.pod_anti_affinity.as_ref());
    let required = [
        pod.and_then(|affinity| affinity.required_during_scheduling_ignored_during_execution.as_ref()),
        anti.and_then(|affinity| affinity.required_during_scheduling_ignored_during_execution.as_ref()),
    ];
    let preferred = [
        pod.and_then(|affinity| affinity.preferred_during_scheduling_ignored_during_execution.as_ref()),
        anti.and_then(|affinity| affinity.preferred_during_scheduling_ignored_during_execution.as_ref()),
    ];
    let required = required.into_iter().flatten().flatten();
    required.chain(preferred.into_iter().flatten().flatten().map(|weighted| &weighted.pod_affinity_term))
}

fn has_invalid_affinity(spec: &PodSpec) -> bool {
    let path = FieldPath::new("");
    affinity_terms(spec).any(|term| !selector::of_affinity_term(term, false, &path).is_empty())
}

fn has_invalid_node_affinity(spec: &PodSpec) -> bool {
    let required = spec
        .affinity
        .as_ref()
        .and_then(|affinity| affinity.node_affinity.as_ref())
        .and_then(|affinity| affinity.required_during_scheduling_ignored_during_execution.as_ref());
    required
        .iter()
        .flat_map(|required| &required.node_selector_terms)
        .flat_map(|term| term.match_expressions.iter().flatten())
        .flat_map(|expression| expression.values.iter().flatten())
        .any(|value| !is_valid_label_value(value).is_empty())
}

fn has_invalid_spread_selector(spec: &PodSpec) -> bool {
    let path = FieldPath::new("");
    spec.topology_spread_constraints
        .iter()
        .flatten()
        .any(|constraint| !selector::label_selector(constraint.label_selector.as_ref(), false, &path).is_empty())
}

fn has_invalid_match_label_keys(spec: &PodSpec) -> bool {
    let path = FieldPath::new("");
    spec.topology_spread_constraints.iter().flatten().any(|constraint| {
        let keys = constraint.match_label_keys.as_deref().unwrap_or_default();
        !selector::match_label_keys(keys, &[], constraint.label_selector.as_ref(), &path).is_empty()
    })
}

fn has_sysctls_of_host(spec: &PodSpec) -> bool {
    let path = FieldPath::new("");
    let sysctls = spec.security_context.as_ref().and_then(|context| context.sysctls.as_ref());
    sysctls.into_iter().flatten().any(|sysctl| host_sysctl(&sysctl.name, spec, &path).is_some())
}
