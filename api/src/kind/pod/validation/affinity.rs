//! Where a pod may run: affinity to nodes and to other pods.

use k8s_openapi::api::core::v1::{
    Affinity, NodeAffinity, NodeSelector, NodeSelectorRequirement, NodeSelectorTerm, PodAffinityTerm,
    PreferredSchedulingTerm, WeightedPodAffinityTerm,
};

use super::options::Options;
use super::selector;
use crate::validation::label::label_name;
use crate::validation::name::{is_dns1123_label, is_dns1123_subdomain, is_valid_label_value};
use crate::validation::{Errors, FieldError, FieldPath};

const REQUIRED: &str = "requiredDuringSchedulingIgnoredDuringExecution";
const PREFERRED: &str = "preferredDuringSchedulingIgnoredDuringExecution";

/// An affinity; `None` is valid.
pub(super) fn affinity(affinity: Option<&Affinity>, options: &Options, path: &FieldPath<'_>) -> Errors {
    let mut errors = Errors::new();
    let Some(affinity) = affinity else { return errors };
    if let Some(affinity) = &affinity.node_affinity {
        errors.extend(node_affinity(affinity, options, &path.child("nodeAffinity")));
    }
    if let Some(affinity) = &affinity.pod_affinity {
        errors.extend(pod_affinity(
            affinity.required_during_scheduling_ignored_during_execution.as_deref().unwrap_or_default(),
            affinity.preferred_during_scheduling_ignored_during_execution.as_deref().unwrap_or_default(),
            options,
            &path.child("podAffinity"),
        ));
    }
    if let Some(affinity) = &affinity.pod_anti_affinity {
        errors.extend(pod_affinity(
            affinity.required_during_scheduling_ignored_during_execution.as_deref().unwrap_or_default(),
            affinity.preferred_during_scheduling_ignored_during_execution.as_deref().unwrap_or_default(),
            options,
            &path.child("podAntiAffinity"),
        ));
    }
    errors
}

fn node_affinity(affinity: &NodeAffinity, options: &Options, path: &FieldPath<'_>) -> Errors {
    let mut errors = Errors::new();
    if let Some(required) = &affinity.required_during_scheduling_ignored_during_execution {
        errors.extend(node_selector(required, options.invalid_node_affinity_value, &path.child(REQUIRED)));
    }
    let path = path.child(PREFERRED);
    for (index, term) in affinity.preferred_during_scheduling_ignored_during_execution.iter().flatten().enumerate() {
        errors.extend(preferred(term, &path.index(index)));
    }
    errors
}

fn preferred(term: &PreferredSchedulingTerm, path: &FieldPath<'_>) -> Errors {
    let mut errors = weight(term.weight, path);
    // Invalid values pass: what is only preferred can succeed without them.
    errors.extend(node_selector_term(&term.preference, true, &path.child("preference")));
    errors
}

fn weight(weight: i32, path: &FieldPath<'_>) -> Errors {
    if (1..=100).contains(&weight) {
        return Errors::new();
    }
    vec![FieldError::invalid(&path.child("weight"), weight, "must be in the range 1-100")]
}

/// A node selector. `lenient`: invalid values pass.
pub(crate) fn node_selector(selector: &NodeSelector, lenient: bool, path: &FieldPath<'_>) -> Errors {
    let path = path.child("nodeSelectorTerms");
    if selector.node_selector_terms.is_empty() {
        return vec![FieldError::required(&path, "must have at least one node selector term")];
    }
    let terms = selector.node_selector_terms.iter().enumerate();
    terms.flat_map(|(index, term)| node_selector_term(term, lenient, &path.index(index))).collect()
}

/// A term of a node selector. `lenient`: invalid values pass.
pub(crate) fn node_selector_term(term: &NodeSelectorTerm, lenient: bool, path: &FieldPath<'_>) -> Errors {
    let mut errors = Errors::new();
    let expressions = path.child("matchExpressions");
    for (index, requirement) in term.match_expressions.iter().flatten().enumerate() {
        errors.extend(expression(requirement, lenient, &expressions.index(index)));
    }
    let fields = path.child("matchFields");
    for (index, requirement) in term.match_fields.iter().flatten().enumerate() {
        errors.extend(field(requirement, &fields.index(index)));
    }
    errors
}

fn expression(requirement: &NodeSelectorRequirement, lenient: bool, path: &FieldPath<'_>) -> Errors {
    let mut errors = Errors::new();
    let values = requirement.values.as_deref().unwrap_or_default();
    let at = path.child("values");
    match requirement.operator.as_str() {
        "In" | "NotIn" if values.is_empty() => {
            errors.push(FieldError::required(&at, "must be specified when `operator` is 'In' or 'NotIn'"));
        }
        "Exists" | "DoesNotExist" if !values.is_empty() => {
            let detail = "may not be specified when `operator` is 'Exists' or 'DoesNotExist'";
            errors.push(FieldError::forbidden(&at, detail));
        }
        "Gt" | "Lt" if values.len() != 1 => {
            let detail = "must be specified single value when `operator` is 'Lt' or 'Gt'";
            errors.push(FieldError::required(&at, detail));
        }
        "In" | "NotIn" | "Exists" | "DoesNotExist" | "Gt" | "Lt" => {}
        other => errors.push(FieldError::invalid(&path.child("operator"), other, "not a valid selector operator")),
    }
    errors.extend(label_name(&requirement.key, &path.child("key")));
    if !lenient {
        for (index, value) in values.iter().enumerate() {
            for message in is_valid_label_value(value) {
                errors.push(FieldError::invalid(&at.index(index), value.as_str(), message));
            }
        }
    }
    errors
}

/// A requirement on a field of the node; only its name can be selected by.
fn field(requirement: &NodeSelectorRequirement, path: &FieldPath<'_>) -> Errors {
    let mut errors = Errors::new();
    let values = requirement.values.as_deref().unwrap_or_default();
    let at = path.child("values");
    match requirement.operator.as_str() {
        "In" | "NotIn" if values.len() != 1 => {
            let detail = "must be only one value when `operator` is 'In' or 'NotIn' for node field selector";
            errors.push(FieldError::required(&at, detail));
        }
        "In" | "NotIn" => {}
        other => errors.push(FieldError::invalid(&path.child("operator"), other, "not a valid selector operator")),
    }
    if requirement.key == "metadata.name" {
        for (index, value) in values.iter().enumerate() {
            for message in is_dns1123_subdomain(value) {
                errors.push(FieldError::invalid(&at.index(index), value.as_str(), message));
            }
        }
    } else {
        let detail = "not a valid field selector key";
        errors.push(FieldError::invalid(&path.child("key"), requirement.key.as_str(), detail));
    }
    errors
}

fn pod_affinity(
    required: &[PodAffinityTerm],
    preferred: &[WeightedPodAffinityTerm],
    options: &Options,
    path: &FieldPath<'_>,
) -> Errors {
    let mut errors = Errors::new();
    let at = path.child(REQUIRED);
    for (index, term) in required.iter().enumerate() {
        errors.extend(pod_affinity_term(term, options, &at.index(index)));
    }
    let at = path.child(PREFERRED);
    for (index, term) in preferred.iter().enumerate() {
        let at = at.index(index);
        errors.extend(weight(term.weight, &at));
        errors.extend(pod_affinity_term(&term.pod_affinity_term, options, &at.child("podAffinityTerm")));
    }
    errors
}

fn pod_affinity_term(term: &PodAffinityTerm, options: &Options, path: &FieldPath<'_>) -> Errors {
    let mut errors = selector::of_affinity_term(term, options.invalid_affinity_value, path);
    for name in term.namespaces.iter().flatten() {
        for message in is_dns1123_label(name) {
            errors.push(FieldError::invalid(&path.child("namespace"), name.as_str(), message));
        }
    }
    errors.extend(selector::match_label_keys(
        term.match_label_keys.as_deref().unwrap_or_default(),
        term.mismatch_label_keys.as_deref().unwrap_or_default(),
        term.label_selector.as_ref(),
        path,
    ));
    let at = path.child("topologyKey");
    if term.topology_key.is_empty() {
        errors.push(FieldError::required(&at, "can not be empty"));
    }
    errors.extend(label_name(&term.topology_key, &at));
    errors
}
