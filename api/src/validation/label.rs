//! The rules of labels and of label selectors as fields of objects.
//!
//! Facts: k8s.io/apimachinery/pkg/apis/meta/v1/validation. The selectors of requests' queries are another matter
//! ([`crate::selector`]).

use std::collections::BTreeMap;

use k8s_openapi::apimachinery::pkg::apis::meta::v1::{LabelSelector, LabelSelectorRequirement};

use super::name::{is_qualified_name, is_valid_label_value};
use super::{Errors, FieldError, FieldPath};

/// What a kind lets selectors do that they normally may not.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct SelectorOptions {
    /// Values that are no label values, since the stored object has some already.
    pub allow_invalid_label_value: bool,
    /// Operators that nobody knows.
    pub allow_unknown_operator: bool,
}

/// Keys and values of labels.
#[must_use]
pub fn labels(labels: &BTreeMap<String, String>, path: &FieldPath<'_>) -> Errors {
    let mut errors = Errors::new();
    for (key, value) in labels {
        errors.extend(label_name(key, path));
        let wrong = is_valid_label_value(value).into_iter();
        errors.extend(wrong.map(|wrong| FieldError::invalid(path, value.as_str(), wrong)));
    }
    errors
}

/// The key of a label.
#[must_use]
pub fn label_name(name: &str, path: &FieldPath<'_>) -> Errors {
    is_qualified_name(name).into_iter().map(|wrong| FieldError::invalid(path, name, wrong)).collect()
}

/// A label selector.
#[must_use]
pub fn label_selector(selector: &LabelSelector, options: SelectorOptions, path: &FieldPath<'_>) -> Errors {
    let mut errors = Errors::new();
    if let Some(wanted) = &selector.match_labels {
        errors.extend(labels(wanted, &path.child("matchLabels")));
    }
    let expressions = path.child("matchExpressions");
    for (at, requirement) in selector.match_expressions.iter().flatten().enumerate() {
        errors.extend(label_selector_requirement(requirement, options, &expressions.index(at)));
    }
    errors
}

/// One expression of a label selector.
#[must_use]
pub fn label_selector_requirement(
    requirement: &LabelSelectorRequirement,
    options: SelectorOptions,
    path: &FieldPath<'_>,
) -> Errors {
    let mut errors = Errors::new();
    let values = requirement.values.as_deref().unwrap_or_default();
    let at = path.child("values");
    match requirement.operator.as_str() {
        "In" | "NotIn" if values.is_empty() => {
            errors.push(FieldError::required(&at, "must be specified when `operator` is 'In' or 'NotIn'"));
        }
        "Exists" | "DoesNotExist" if !values.is_empty() => {
            let words = "may not be specified when `operator` is 'Exists' or 'DoesNotExist'";
            errors.push(FieldError::forbidden(&at, words));
        }
        "In" | "NotIn" | "Exists" | "DoesNotExist" => {}
        _ if options.allow_unknown_operator => {}
        other => errors.push(FieldError::invalid(&path.child("operator"), other, "not a valid selector operator")),
    }
    errors.extend(label_name(&requirement.key, &path.child("key")));
    if !options.allow_invalid_label_value {
        for (index, value) in values.iter().enumerate() {
            let at = at.index(index);
            let wrong = is_valid_label_value(value).into_iter();
            errors.extend(wrong.map(|wrong| FieldError::invalid(&at, value.as_str(), wrong)));
        }
    }
    errors
}

/// Whether an expression of the selector has a value that is no label value.
#[must_use]
pub fn has_invalid_label_value(selector: &LabelSelector) -> bool {
    let requirements = selector.match_expressions.iter().flatten();
    let mut values = requirements.flat_map(|requirement| requirement.values.iter().flatten());
    values.any(|value| !is_valid_label_value(value).is_empty())
}
