//! The files of a volume: their keys, paths, modes and owners.

use k8s_openapi::api::core::v1::KeyToPath;

use super::local_path::local_non_reserved_path;
use super::message::{each_invalid, required};
use crate::validation::name::is_valid_user_id;
use crate::validation::{Errors, FieldError, FieldPath};

/// A file's mode, where one is given.
pub(super) fn file_mode(mode: Option<i32>, path: &FieldPath<'_>) -> Option<FieldError> {
    let mode = mode.filter(|mode| !(0..=0o777).contains(mode))?;
    Some(FieldError::invalid(path, mode, "must be a number between 0 and 0777 (octal), both inclusive"))
}

/// A file's owner, where one is given.
pub(super) fn user(user: Option<i64>, path: &FieldPath<'_>) -> Errors {
    user.map_or_else(Errors::new, |user| each_invalid(path, user, is_valid_user_id(user)))
}

/// The keys that are put into files.
pub(super) fn keys_to_paths(items: &[KeyToPath], path: &FieldPath<'_>) -> Errors {
    items.iter().enumerate().flat_map(|(at, item)| key_to_path(item, &path.index(at))).collect()
}

/// A key that is put into a file.
pub(super) fn key_to_path(item: &KeyToPath, path: &FieldPath<'_>) -> Errors {
    let file = path.child("path");
    let mut errors = Errors::new();
    errors.extend(required(&item.key, &path.child("key")));
    errors.extend(required(&item.path, &file));
    errors.extend(local_non_reserved_path(&item.path, &file));
    errors.extend(file_mode(item.mode, &path.child("mode")));
    errors.extend(user(item.user, &path.child("user")));
    errors
}
