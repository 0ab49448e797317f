//! Rules of names as errors of a field.

use serde_json::Value;

use crate::validation::name::{is_dns1123_label, is_dns1123_subdomain, is_qualified_name};
use crate::validation::{Errors, FieldError, FieldPath};

/// One error a message: all say that `value` is invalid.
pub(super) fn each_invalid(path: &FieldPath<'_>, value: impl Into<Value>, messages: Vec<String>) -> Errors {
    if messages.is_empty() {
        return Errors::new();
    }
    let value = value.into();
    messages.into_iter().map(|message| FieldError::invalid(path, value.clone(), message)).collect()
}

/// `value` must be a DNS label.
pub(super) fn dns1123_label(value: &str, path: &FieldPath<'_>) -> Errors {
    each_invalid(path, value, is_dns1123_label(value))
}

/// `value` must be a DNS subdomain.
pub(super) fn dns1123_subdomain(value: &str, path: &FieldPath<'_>) -> Errors {
    each_invalid(path, value, is_dns1123_subdomain(value))
}

/// `value` must be a qualified name.
pub(super) fn qualified_name(value: &str, path: &FieldPath<'_>) -> Errors {
    each_invalid(path, value, is_qualified_name(value))
}

/// An error where `value` is empty.
pub(super) fn required(value: &str, path: &FieldPath<'_>) -> Option<FieldError> {
    value.is_empty().then(|| FieldError::required(path, ""))
}
