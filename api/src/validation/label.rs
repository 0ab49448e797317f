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

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn wrong_selectors_are_told() {
        let rows = [
            (json!({"matchLabels": {"a/b": "c"}, "matchExpressions": [{"key": "a", "operator": "Exists"}]}), vec![]),
            (
                json!({"matchExpressions": [
                    {"key": "a", "operator": "In"}, {"key": "a", "operator": "Exists", "values": ["b"]},
                    {"key": "a", "operator": "Like"},
                ]}),
                vec![
                    "s.matchExpressions[0].values: Required value: must be specified when `operator` is 'In' or 'NotIn'",
                    "s.matchExpressions[1].values: Forbidden: may not be specified when `operator` is 'Exists' or \
                     'DoesNotExist'",
                    "s.matchExpressions[2].operator: Invalid value: \"Like\": not a valid selector operator",
                ],
            ),
            (
                json!({"matchLabels": {"a": "-"}, "matchExpressions": [{"key": "", "operator": "In", "values": ["x "]}]}),
                vec![
                    "s.matchLabels: Invalid value: \"-\": a valid label must be an empty string or consist of alphanumeric \
                     characters, '-', '_' or '.', and must start and end with an alphanumeric character (e.g. 'MyValue',  \
                     or 'my_value',  or '12345', regex used for validation is '(([A-Za-z0-9][-A-Za-z0-9_.]*)?[A-Za-z0-9])?')",
                    "s.matchExpressions[0].key: Invalid value: \"\": name part must be non-empty",
                    "s.matchExpressions[0].key: Invalid value: \"\": name part must consist of alphanumeric characters, \
                     '-', '_' or '.', and must start and end with an alphanumeric character (e.g. 'MyName',  or 'my.name',  \
                     or '123-abc', regex used for validation is '([A-Za-z0-9][-A-Za-z0-9_.]*)?[A-Za-z0-9]')",
                    "s.matchExpressions[0].values[0]: Invalid value: \"x \": a valid label must be an empty string or \
                     consist of alphanumeric characters, '-', '_' or '.', and must start and end with an alphanumeric \
                     character (e.g. 'MyValue',  or 'my_value',  or '12345', regex used for validation is \
                     '(([A-Za-z0-9][-A-Za-z0-9_.]*)?[A-Za-z0-9])?')",
                ],
            ),
        ];
        for (selector, expected) in rows {
            let selector: LabelSelector = serde_json::from_value(selector).unwrap();
            let told: Vec<String> = label_selector(&selector, SelectorOptions::default(), &FieldPath::new("s"))
                .iter()
                .map(ToString::to_string)
                .collect();
            assert_eq!(told, expected);
        }
    }

    #[test]
    fn stored_values_may_stay() {
        let selector = json!({"matchExpressions": [{"key": "a", "operator": "Like", "values": ["x "]}]});
        let selector: LabelSelector = serde_json::from_value(selector).unwrap();
        assert!(has_invalid_label_value(&selector));
        let options = SelectorOptions { allow_invalid_label_value: true, allow_unknown_operator: true };
        assert_eq!(label_selector(&selector, options, &FieldPath::new("s")), []);
    }
}
