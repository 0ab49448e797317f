//! How a pod's kind is spread over topology domains.

use k8s_openapi::api::core::v1::TopologySpreadConstraint;

use super::options::Options;
use super::selector;
use crate::validation::{Errors, FieldError, FieldPath};

const POSITIVE: &str = "must be greater than zero";

/// All constraints of a spec.
pub(super) fn topology_spread_constraints(
    constraints: &[TopologySpreadConstraint],
    options: &Options,
    path: &FieldPath<'_>,
) -> Errors {
    let constraint = |(index, one)| constraint(one, &constraints[index + 1..], options, &path.index(index));
    constraints.iter().enumerate().flat_map(constraint).collect()
}

fn constraint(
    one: &TopologySpreadConstraint,
    rest: &[TopologySpreadConstraint],
    options: &Options,
    path: &FieldPath<'_>,
) -> Errors {
    let mut errors = Errors::new();
    if one.max_skew <= 0 {
        errors.push(FieldError::invalid(&path.child("maxSkew"), one.max_skew, POSITIVE));
    }
    if one.topology_key.is_empty() {
        errors.push(FieldError::required(&path.child("topologyKey"), "can not be empty"));
    }
    let action = one.when_unsatisfiable.as_str();
    if !matches!(action, "DoNotSchedule" | "ScheduleAnyway") {
        let at = path.child("whenUnsatisfiable");
        errors.push(FieldError::not_supported(&at, action, &["DoNotSchedule", "ScheduleAnyway"]));
    }
    if rest.iter().any(|other| other.topology_key == one.topology_key && other.when_unsatisfiable == action) {
        let pair = format!("{{{}, {action}}}", one.topology_key);
        errors.push(FieldError::duplicate(&path.child("{topologyKey, whenUnsatisfiable}"), pair));
    }
    if let Some(domains) = one.min_domains {
        let at = path.child("minDomains");
        if domains <= 0 {
            errors.push(FieldError::invalid(&at, domains, POSITIVE));
        }
        if action != "DoNotSchedule" {
            let detail = format!("can only use minDomains if whenUnsatisfiable=DoNotSchedule, not {action}");
            errors.push(FieldError::invalid(&at, domains, detail));
        }
    }
    for (name, policy) in
        [("nodeAffinityPolicy", &one.node_affinity_policy), ("nodeTaintsPolicy", &one.node_taints_policy)]
    {
        if let Some(policy) = policy.as_deref()
            && !matches!(policy, "Honor" | "Ignore")
        {
            errors.push(FieldError::not_supported(&path.child(name), policy, &["Honor", "Ignore"]));
        }
    }
    let keys = one.match_label_keys.as_deref().unwrap_or_default();
    let label_selector = one.label_selector.as_ref();
    if options.legacy_match_label_keys {
        errors.extend(selector::legacy_match_label_keys(keys, label_selector, &path.child("matchLabelKeys")));
    } else {
        errors.extend(selector::match_label_keys(keys, &[], label_selector, path));
    }
    if !options.invalid_spread_selector {
        errors.extend(selector::label_selector(label_selector, false, &path.child("labelSelector")));
    }
    errors
}
