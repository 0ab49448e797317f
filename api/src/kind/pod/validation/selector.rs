//! Label selectors as pods have them: in pod affinity and in topology spread constraints.

use std::collections::BTreeSet;

use k8s_openapi::api::core::v1::PodAffinityTerm;
use k8s_openapi::apimachinery::pkg::apis::meta::v1::LabelSelector;

use crate::validation::label::{self, SelectorOptions, label_name};
use crate::validation::{Errors, FieldError, FieldPath};

/// A label selector; `None` is valid. `lenient`: invalid values of requirements pass.
pub(super) fn label_selector(selector: Option<&LabelSelector>, lenient: bool, path: &FieldPath<'_>) -> Errors {
    let options = SelectorOptions { allow_invalid_label_value: lenient, ..SelectorOptions::default() };
    selector.map_or_else(Errors::new, |selector| label::label_selector(selector, options, path))
}

/// Both selectors of a term of pod affinity.
pub(super) fn of_affinity_term(term: &PodAffinityTerm, lenient: bool, path: &FieldPath<'_>) -> Errors {
    let mut errors = label_selector(term.label_selector.as_ref(), lenient, &path.child("labelSelector"));
    errors.extend(label_selector(term.namespace_selector.as_ref(), lenient, &path.child("namespaceSelector")));
    errors
}

/// Keys whose values are taken from the pod's own labels. By now their requirements stand in the selector.
pub(super) fn match_label_keys(
    keys: &[String],
    mismatched: &[String],
    selector: Option<&LabelSelector>,
    path: &FieldPath<'_>,
) -> Errors {
    let mut errors = label_keys(keys, selector, &path.child("matchLabelKeys"));
    errors.extend(label_keys(mismatched, selector, &path.child("mismatchLabelKeys")));
    if let Some(selector) = selector {
        let mut seen: BTreeSet<&str> = selector.match_labels.iter().flatten().map(|(key, _)| key.as_str()).collect();
        for expression in selector.match_expressions.iter().flatten() {
            // The last of the requirements with this key was made from it; one more was there before.
            if let Some(index) = keys.iter().rposition(|key| *key == expression.key)
                && seen.contains(expression.key.as_str())
            {
                let detail = "exists in both matchLabelKeys and labelSelector";
                errors.push(FieldError::invalid(&path.index(index), expression.key.as_str(), detail));
            }
            seen.insert(&expression.key);
        }
    }
    let path = path.child("matchLabelKeys");
    for (index, key) in keys.iter().enumerate().filter(|(_, key)| mismatched.contains(key)) {
        let detail = "exists in both matchLabelKeys and mismatchLabelKeys";
        errors.push(FieldError::invalid(&path.index(index), key.as_str(), detail));
    }
    errors
}

fn label_keys(keys: &[String], selector: Option<&LabelSelector>, path: &FieldPath<'_>) -> Errors {
    if keys.is_empty() {
        return Errors::new();
    }
    if selector.is_none() {
        return vec![FieldError::forbidden(path, "must not be specified when labelSelector is not set")];
    }
    keys.iter().enumerate().flat_map(|(index, key)| label_name(key, &path.index(index))).collect()
}

/// The rule for `matchLabelKeys` that v1.33 had, before requirements were made from them.
pub(super) fn legacy_match_label_keys(
    keys: &[String],
    selector: Option<&LabelSelector>,
    path: &FieldPath<'_>,
) -> Errors {
    let mut errors = Errors::new();
    if keys.is_empty() {
        return errors;
    }
    if selector.is_none() {
        errors.push(FieldError::forbidden(path, "must not be specified when labelSelector is not set"));
    }
    let in_labels = selector.iter().flat_map(|selector| selector.match_labels.iter().flatten()).map(|(key, _)| key);
    let in_expressions =
        selector.iter().flat_map(|selector| selector.match_expressions.iter().flatten()).map(|one| &one.key);
    let selected: BTreeSet<&String> = in_labels.chain(in_expressions).collect();
    for (index, key) in keys.iter().enumerate() {
        errors.extend(label_name(key, &path.index(index)));
        if selected.contains(key) {
            let detail = "exists in both matchLabelKeys and labelSelector";
            errors.push(FieldError::invalid(&path.index(index), key.as_str(), detail));
        }
    }
    errors
}
