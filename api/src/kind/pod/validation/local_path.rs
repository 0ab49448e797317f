//! Paths inside volumes: relative, and never out of the volume.

use crate::validation::{Errors, FieldError, FieldPath};

/// `target` may have no `..` among its elements.
pub(super) fn no_backsteps(target: &str, path: &FieldPath<'_>) -> Errors {
    if target.split('/').any(|element| element == "..") {
        vec![FieldError::invalid(path, target, "must not contain '..'")]
    } else {
        Errors::new()
    }
}

/// `target` must be relative, without `..` among its elements.
pub(super) fn local_descending_path(target: &str, path: &FieldPath<'_>) -> Errors {
    let mut errors = Errors::new();
    if target.starts_with('/') {
        errors.push(FieldError::invalid(path, target, "must be a relative path"));
    }
    errors.extend(no_backsteps(target, path));
    errors
}

/// As [`local_descending_path`], and `target` may not begin with `..` either: such names are the kubelet's own.
pub(super) fn local_non_reserved_path(target: &str, path: &FieldPath<'_>) -> Errors {
    let mut errors = local_descending_path(target, path);
    if target.starts_with("..") && !target.starts_with("../") {
        errors.push(FieldError::invalid(path, target, "must not start with '..'"));
    }
    errors
}
