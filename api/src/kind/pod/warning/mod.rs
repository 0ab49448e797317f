//! What clients are warned of: fields that no longer do anything, and settings that surely aren't meant.
//!
//! Warnings are sentences that name the field. Source: upstream's `pkg/api/pod/warnings.go`, `pkg/api/node/util.go`.

mod container;
mod overlap;
mod volume;

use std::collections::{BTreeMap, BTreeSet};

use k8s_openapi::api::core::v1::{NodeSelectorTerm, Pod, PodAffinityTerm, PodSpec, PodStatus};

use crate::go::quote;
use crate::quantity::Quantity;
use crate::validation::FieldPath;
use crate::validation::name::{is_dns1123_label, is_valid_label_value};
use crate::validation::net::warnings_for_ip;

use super::validation::annotation::Annotations;

const REQUIRED: &str = "requiredDuringSchedulingIgnoredDuringExecution";
const PREFERRED: &str = "preferredDuringSchedulingIgnoredDuringExecution";
const NULL_SELECTOR: &str = "a null labelSelector results in matching no pod";
/// Annotations that no longer do anything.
const DEAD_ANNOTATIONS: [(&str, &str); 3] = [
    (
        "scheduler.alpha.kubernetes.io/critical-pod",
        r#"non-functional in v1.16+; use the "priorityClassName" field instead"#,
    ),
    ("security.alpha.kubernetes.io/sysctls", r#"non-functional in v1.11+; use the "sysctls" field instead"#),
    ("security.alpha.kubernetes.io/unsafe-sysctls", r#"non-functional in v1.11+; use the "sysctls" field instead"#),
];

/// For a new pod.
pub(super) fn create(pod: &Pod) -> Vec<String> {
    let mut warnings = Vec::new();
    let messages = is_dns1123_label(pod.metadata.name.as_deref().unwrap_or_default());
    if !messages.is_empty() {
        warnings.push(format!(
            "metadata.name: this is used in the Pod's hostname, which can result in surprising behavior; a DNS label \
             is recommended: [{}]",
            messages.join(" ")
        ));
    }
    if let Some(spec) = &pod.spec {
        warnings.extend(self::warnings(spec, pod.metadata.annotations.as_ref(), None));
    }
    warnings
}

/// For a new status.
pub(super) fn status(status: &PodStatus) -> Vec<String> {
    let path = FieldPath::new("status");
    let pods = status.pod_ips.iter().flatten().map(|address| address.ip.as_str());
    let hosts = status.host_ips.iter().flatten().map(|address| address.ip.as_str());
    let mut warnings = Vec::new();
    for (name, addresses) in [("podIPs", pods.collect::<Vec<_>>()), ("hostIPs", hosts.collect())] {
        let at = path.child(name);
        for (index, address) in addresses.into_iter().enumerate() {
            let at = at.index(index);
            warnings.extend(warnings_for_ip(&at.child("ip"), address));
        }
    }
    warnings
}

/// For a spec with the annotations beside it. `root` is the path of the template that both stand in; a pod has none.
pub(super) fn warnings(spec: &PodSpec, annotations: Option<&Annotations>, root: Option<&FieldPath<'_>>) -> Vec<String> {
    let no_annotations = BTreeMap::new();
    let annotations = annotations.unwrap_or(&no_annotations);
    let spec_path = root.map_or_else(|| FieldPath::new("spec"), |root| root.child("spec"));
    let metadata = root.map_or_else(|| FieldPath::new("metadata"), |root| root.child("metadata"));
    let annotation_path = metadata.child("annotations");
    let path = &spec_path;

    let mut warnings = placement(spec, path);
    for (key, message) in DEAD_ANNOTATIONS.iter().filter(|(key, _)| annotations.contains_key(*key)) {
        warnings.push(format!("{}: {message}", annotation_path.key(key)));
    }
    warnings.extend(volume::volumes(spec, path));
    warnings.extend(overlap::overlapping_paths(spec.volumes.as_deref().unwrap_or_default()));
    warnings.extend(duplicates(spec, path));
    let overhead = path.child("overhead");
    for name in ["memory", "ephemeral-storage"] {
        let text = spec.overhead.as_ref().and_then(|overhead| overhead.get(name)).map(|text| text.0.as_str());
        warnings.extend(fractional(text, &overhead.key(name)));
    }
    warnings.extend(container::containers(spec, annotations, root.is_some(), path, &annotation_path));
    if spec.termination_grace_period_seconds.is_some_and(|seconds| seconds < 0) {
        let at = path.child("terminationGracePeriodSeconds");
        warnings.push(format!("{at}: must be >= 0; negative values are invalid and will be treated as 1"));
    }
    warnings.extend(pod_affinity(spec, path));
    warnings.extend(addresses(spec, path));
    warnings
}

/// Labels of nodes that have other names by now, or none.
fn deprecated_label(key: &str) -> Option<&'static str> {
    Some(match key {
        "beta.kubernetes.io/arch" => r#"deprecated since v1.14; use "kubernetes.io/arch" instead"#,
        "beta.kubernetes.io/os" => r#"deprecated since v1.14; use "kubernetes.io/os" instead"#,
        "failure-domain.beta.kubernetes.io/region" => {
            r#"deprecated since v1.17; use "topology.kubernetes.io/region" instead"#
        }
        "failure-domain.beta.kubernetes.io/zone" => {
            r#"deprecated since v1.17; use "topology.kubernetes.io/zone" instead"#
        }
        "beta.kubernetes.io/instance-type" => {
            r#"deprecated since v1.17; use "node.kubernetes.io/instance-type" instead"#
        }
        "app.kubernetes.io/created-by" => "deprecated since v1.9",
        "scheduler.alpha.kubernetes.io/preferAvoidPods" => "deprecated since v1.22; use Taints and Tolerations instead",
        "node-role.kubernetes.io/master" => r#"use "node-role.kubernetes.io/control-plane" instead"#,
        _ => return None,
    })
}

/// Node selectors, node affinity, topology spread.
fn placement(spec: &PodSpec, path: &FieldPath<'_>) -> Vec<String> {
    let mut warnings = Vec::new();
    let at = path.child("nodeSelector");
    for key in spec.node_selector.iter().flatten().map(|(key, _)| key) {
        if let Some(message) = deprecated_label(key) {
            warnings.push(format!("{}: {message}", at.key(key)));
        }
    }
    if let Some(affinity) = spec.affinity.as_ref().and_then(|affinity| affinity.node_affinity.as_ref()) {
        let at = path.child("affinity");
        let at = at.child("nodeAffinity");
        let required = at.child(REQUIRED);
        let required = required.child("nodeSelectorTerms");
        let terms = affinity.required_during_scheduling_ignored_during_execution.as_ref();
        for (index, term) in terms.iter().flat_map(|selector| &selector.node_selector_terms).enumerate() {
            warnings.extend(node_selector_term(term, false, &required.index(index)));
        }
        let preferred = at.child(PREFERRED);
        let terms = affinity.preferred_during_scheduling_ignored_during_execution.iter().flatten();
        for (index, term) in terms.enumerate() {
            let at = preferred.index(index);
            warnings.extend(node_selector_term(&term.preference, true, &at.child("preference")));
        }
    }
    let at = path.child("topologySpreadConstraints");
    for (index, constraint) in spec.topology_spread_constraints.iter().flatten().enumerate() {
        let at = at.index(index);
        if let Some(message) = deprecated_label(&constraint.topology_key) {
            warnings.push(format!("{}: {} is {message}", at.child("topologyKey"), constraint.topology_key));
        }
        if constraint.label_selector.is_none() {
            warnings.push(format!("{}: {NULL_SELECTOR}", at.child("labelSelector")));
        }
    }
    warnings
}

fn node_selector_term(term: &NodeSelectorTerm, checks_values: bool, path: &FieldPath<'_>) -> Vec<String> {
    let mut warnings = Vec::new();
    let path = path.child("matchExpressions");
    for (index, expression) in term.match_expressions.iter().flatten().enumerate() {
        let at = path.index(index);
        if let Some(message) = deprecated_label(&expression.key) {
            warnings.push(format!("{}: {} is {message}", at.child("key"), expression.key));
        }
        let at = at.child("values");
        for (index, value) in expression.values.iter().flatten().enumerate().filter(|_| checks_values) {
            for message in is_valid_label_value(value) {
                warnings.push(format!("{}: {value} is invalid, {message}", at.index(index)));
            }
        }
    }
    warnings
}

/// Host aliases and pull secrets that stand twice, and pull secrets without a name.
fn duplicates(spec: &PodSpec, path: &FieldPath<'_>) -> Vec<String> {
    let mut warnings = Vec::new();
    let mut seen = BTreeSet::new();
    let at = path.child("hostAliases");
    for (index, alias) in spec.host_aliases.iter().flatten().enumerate() {
        if !seen.insert(alias.ip.as_str()) {
            let at = at.index(index);
            warnings.push(format!("{}: duplicate ip {}", at.child("ip"), quote(&alias.ip)));
        }
    }
    let mut seen = BTreeSet::new();
    let at = path.child("imagePullSecrets");
    let secrets: Vec<&str> = spec.image_pull_secrets.iter().flatten().map(|secret| secret.name.as_str()).collect();
    for (index, name) in secrets.iter().enumerate() {
        if !seen.insert(*name) {
            let at = at.index(index);
            warnings.push(format!("{}: duplicate name {}", at.child("name"), quote(name)));
        }
    }
    for (index, name) in secrets.iter().enumerate().filter(|(_, name)| name.is_empty()) {
        let at = at.index(index);
        warnings.push(format!("{}: invalid empty name {}", at.child("name"), quote(name)));
    }
    warnings
}

/// Bytes come whole.
fn fractional(text: Option<&str>, path: &FieldPath<'_>) -> Option<String> {
    let quantity = Quantity::parse(text?).ok()?;
    (quantity.milli_value() % 1000 != 0).then(|| {
        format!("{path}: fractional byte value {} is invalid, must be an integer", quote(&quantity.to_string()))
    })
}

fn pod_affinity(spec: &PodSpec, path: &FieldPath<'_>) -> Vec<String> {
    let mut warnings = Vec::new();
    let Some(affinity) = &spec.affinity else { return warnings };
    let path = path.child("affinity");
    let mut warn = |term: &PodAffinityTerm, at: &FieldPath<'_>| {
        if term.label_selector.is_none() {
            warnings.push(format!("{}: {NULL_SELECTOR}", at.child("labelSelector")));
        }
    };
    let kinds = [
        affinity.pod_affinity.as_ref().map(|affinity| {
            (
                "podAffinity",
                &affinity.required_during_scheduling_ignored_during_execution,
                &affinity.preferred_during_scheduling_ignored_during_execution,
            )
        }),
        affinity.pod_anti_affinity.as_ref().map(|affinity| {
            (
                "podAntiAffinity",
                &affinity.required_during_scheduling_ignored_during_execution,
                &affinity.preferred_during_scheduling_ignored_during_execution,
            )
        }),
    ];
    for (name, required, preferred) in kinds.into_iter().flatten() {
        let path = path.child(name);
        let at = path.child(REQUIRED);
        for (index, term) in required.iter().flatten().enumerate() {
            warn(term, &at.index(index));
        }
        let at = path.child(PREFERRED);
        for (index, weighted) in preferred.iter().flatten().enumerate() {
            let at = at.index(index);
            warn(&weighted.pod_affinity_term, &at.child("podAffinityTerm"));
        }
    }
    warnings
}

fn addresses(spec: &PodSpec, path: &FieldPath<'_>) -> Vec<String> {
    let mut warnings = Vec::new();
    let at = path.child("dnsConfig");
    let at = at.child("nameservers");
    let servers = spec.dns_config.iter().flat_map(|config| config.nameservers.iter().flatten());
    for (index, server) in servers.enumerate() {
        warnings.extend(warnings_for_ip(&at.index(index), server));
    }
    let at = path.child("hostAliases");
    for (index, alias) in spec.host_aliases.iter().flatten().enumerate() {
        let at = at.index(index);
        warnings.extend(warnings_for_ip(&at.child("ip"), &alias.ip));
    }
    warnings
}
