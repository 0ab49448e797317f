//! Numbers that may be percentages (`maxSurge: 25%`): the rules that workloads share.
//!
//! Facts: upstream's `ValidatePositiveIntOrPercent` and neighbours in `pkg/apis/apps/validation`.

use k8s_openapi::apimachinery::pkg::util::intstr::IntOrString;
use serde_json::{Value, json};

use crate::validation::meta::non_negative;
use crate::validation::name::is_valid_percent;
use crate::validation::{Errors, FieldError, FieldPath};

/// The value as an error shows it. None is Go's zero value, 0.
pub(super) fn shown(value: Option<&IntOrString>) -> Value {
    match value {
        Some(IntOrString::String(text)) => json!(text),
        Some(IntOrString::Int(number)) => json!(number),
        None => json!(0),
    }
}

/// The value must be a number that isn't negative, or a percentage.
pub(super) fn positive(value: Option<&IntOrString>, path: &FieldPath<'_>) -> Errors {
    match value {
        Some(IntOrString::String(text)) => {
            let sentences = is_valid_percent(text).into_iter();
            sentences.map(|sentence| FieldError::invalid(path, text.as_str(), sentence)).collect()
        }
        Some(IntOrString::Int(number)) => non_negative(i64::from(*number), path),
        None => Errors::new(),
    }
}

fn percentage(value: Option<&IntOrString>) -> Option<i64> {
    match value {
        // A percentage beyond all bounds reads as 0 there and as a huge one here: both are refused elsewhere or harmless.
        Some(IntOrString::String(text)) if is_valid_percent(text).is_empty() => {
            Some(text.trim_end_matches('%').parse().unwrap_or(i64::MAX))
        }
        _ => None,
    }
}

/// The number, or the number in front of the percent sign; 0 where it is neither.
pub(super) fn number(value: Option<&IntOrString>) -> i64 {
    percentage(value).unwrap_or_else(|| match value {
        Some(IntOrString::String(text)) => text.parse().unwrap_or(0),
        Some(IntOrString::Int(number)) => i64::from(*number),
        None => 0,
    })
}

/// A percentage must not be more than all.
pub(super) fn at_most_all(value: Option<&IntOrString>, path: &FieldPath<'_>) -> Errors {
    match percentage(value) {
        Some(percentage) if percentage > 100 => {
            vec![FieldError::invalid(path, shown(value), "must not be greater than 100%")]
        }
        _ => Errors::new(),
    }
}
