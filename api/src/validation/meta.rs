//! The rules of metadata, the same for all kinds, and the rules that kinds choose from for their names.
//!
//! The pipeline applies [`object_meta`] and [`object_meta_update`] to every object with [`path_segment_name`] as the
//! rule of the name; kinds apply them again with their own rule, as upstream does, so an update's error in metadata may
//! stand twice in a `Status`'s causes. On create the general rules only run where the kind found nothing.
//!
//! Facts: k8s.io/apimachinery/pkg/api/validation, k8s.io/apimachinery/pkg/apis/meta/v1/validation. The declarative rules
//! of metadata are in upstream's alpha stage, so these here decide.

use std::collections::{BTreeMap, BTreeSet};

use k8s_openapi::apimachinery::pkg::apis::meta::v1::{ManagedFieldsEntry, ObjectMeta, OwnerReference};
use serde::Serialize;
use serde_json::{Value, json};

use super::name::{
    is_dns1035_label, is_dns1123_label, is_dns1123_subdomain, is_qualified_name, is_valid_path_segment_name,
    is_valid_path_segment_prefix,
};
use super::{Errors, FieldError, FieldPath, label};

/// What annotations may take in all, keys and values, in bytes.
pub const TOTAL_ANNOTATION_SIZE_LIMIT: usize = 256 << 10;
/// What a field manager's name may take, in bytes.
pub const FIELD_MANAGER_MAX_LENGTH: usize = 128;

const SUBRESOURCE_MAX_LENGTH: usize = 256;
const ORPHAN: &str = "orphan";
const FOREGROUND: &str = "foregroundDeletion";

/// A rule of names: what is wrong with a name, or (`true`) with what a generated name begins with.
pub type NameRule = fn(&str, bool) -> Vec<String>;

/// Metadata of a new object, or the part of an update's that doesn't depend on the old.
#[must_use]
pub fn object_meta(meta: &ObjectMeta, requires_namespace: bool, name_rule: NameRule, path: &FieldPath<'_>) -> Errors {
    let mut errors = Errors::new();
    let at = path.child("generateName");
    let prefix = text(meta.generate_name.as_ref());
    if !prefix.is_empty() {
        errors.extend(name_rule(prefix, true).into_iter().map(|wrong| FieldError::invalid(&at, prefix, wrong)));
    }
    let at = path.child("name");
    let name = text(meta.name.as_ref());
    if name.is_empty() {
        errors.push(FieldError::required(&at, "name or generateName is required"));
    } else {
        errors.extend(name_rule(name, false).into_iter().map(|wrong| FieldError::invalid(&at, name, wrong)));
    }
    let at = path.child("namespace");
    let namespace = text(meta.namespace.as_ref());
    match (requires_namespace, namespace.is_empty()) {
        (true, true) => errors.push(FieldError::required(&at, "")),
        (true, false) => {
            let wrong = name_is_dns_label(namespace, false).into_iter();
            errors.extend(wrong.map(|wrong| FieldError::invalid(&at, namespace, wrong)));
        }
        (false, true) => {}
        (false, false) => errors.push(FieldError::forbidden(&at, "not allowed on this type")),
    }
    errors.extend(non_negative(meta.generation.unwrap_or_default(), &path.child("generation")));
    errors.extend(label::labels(&or_empty(meta.labels.as_ref()), &path.child("labels")));
    errors.extend(annotations(&or_empty(meta.annotations.as_ref()), &path.child("annotations")));
    let owners = meta.owner_references.as_deref().unwrap_or_default();
    errors.extend(owner_references(owners, &path.child("ownerReferences")));
    errors.extend(finalizers(meta.finalizers.as_deref().unwrap_or_default(), &path.child("finalizers")));
    let managed = meta.managed_fields.as_deref().unwrap_or_default();
    errors.extend(managed_fields(managed, &path.child("managedFields")));
    errors
}

/// What an update may not do to metadata.
#[must_use]
pub fn object_meta_update(new: &ObjectMeta, old: &ObjectMeta, path: &FieldPath<'_>) -> Errors {
    let mut errors = Errors::new();
    if old.deletion_timestamp.is_some() {
        let (new, old) = (new.finalizers.as_deref(), old.finalizers.as_deref());
        let at = path.child("finalizers");
        errors.extend(no_new_finalizers(new.unwrap_or_default(), old.unwrap_or_default(), &at));
    }
    if text(new.resource_version.as_ref()).is_empty() {
        let words = "must be specified for an update";
        errors.push(FieldError::invalid(&path.child("resourceVersion"), "", words));
    }
    let at = path.child("generation");
    let (generation, before) = (new.generation.unwrap_or_default(), old.generation.unwrap_or_default());
    errors.extend(non_negative(generation, &at));
    if generation < before {
        errors.push(FieldError::invalid(&at, generation, "must not be decremented"));
    }
    let mut immutable = |name: &str, new: Option<&String>, old: Option<&String>| {
        errors.extend(immutable_field(&text(new), &text(old), &path.child(name)));
    };
    immutable("name", new.name.as_ref(), old.name.as_ref());
    immutable("namespace", new.namespace.as_ref(), old.namespace.as_ref());
    immutable("uid", new.uid.as_ref(), old.uid.as_ref());
    let at = path.child("creationTimestamp");
    errors.extend(immutable_field(&new.creation_timestamp, &old.creation_timestamp, &at));
    let at = path.child("deletionTimestamp");
    errors.extend(immutable_field(&new.deletion_timestamp, &old.deletion_timestamp, &at));
    let at = path.child("deletionGracePeriodSeconds");
    errors.extend(immutable_field(&new.deletion_grace_period_seconds, &old.deletion_grace_period_seconds, &at));
    errors.extend(label::labels(&or_empty(new.labels.as_ref()), &path.child("labels")));
    errors.extend(annotations(&or_empty(new.annotations.as_ref()), &path.child("annotations")));
    let owners = new.owner_references.as_deref().unwrap_or_default();
    errors.extend(owner_references(owners, &path.child("ownerReferences")));
    let managed = new.managed_fields.as_deref().unwrap_or_default();
    errors.extend(managed_fields(managed, &path.child("managedFields")));
    errors
}

/// Annotations: their keys, in small letters, are qualified names; together they have a size.
#[must_use]
pub fn annotations(annotations: &BTreeMap<String, String>, path: &FieldPath<'_>) -> Errors {
    let mut errors = Errors::new();
    for key in annotations.keys() {
        let wrong = is_qualified_name(&key.to_lowercase()).into_iter();
        errors.extend(wrong.map(|wrong| FieldError::invalid(path, key.as_str(), wrong)));
    }
    if annotations.iter().map(|(key, value)| key.len() + value.len()).sum::<usize>() > TOTAL_ANNOTATION_SIZE_LIMIT {
        errors.push(FieldError::too_long(path, TOTAL_ANNOTATION_SIZE_LIMIT));
    }
    errors
}

/// Owner references: whole, not to Events, one controller at most.
#[must_use]
pub fn owner_references(owners: &[OwnerReference], path: &FieldPath<'_>) -> Errors {
    let mut errors = Errors::new();
    let mut controller: Option<String> = None;
    for (at, owner) in owners.iter().enumerate() {
        errors.extend(owner_reference(owner, &path.index(at)));
        if owner.controller != Some(true) {
            continue;
        }
        let name = format!("{}/{}", owner.kind, owner.name);
        match &controller {
            Some(first) => {
                let words = format!(
                    "Only one reference can have Controller set to true. Found \"true\" in references for {first} and {name}"
                );
                let owners: Vec<Value> = owners.iter().map(owner_value).collect();
                errors.push(FieldError::invalid(path, owners, words));
            }
            None => controller = Some(name),
        }
    }
    errors
}

fn owner_reference(owner: &OwnerReference, path: &FieldPath<'_>) -> Errors {
    let mut errors = Errors::new();
    let api_version = owner.api_version.as_str();
    let parts: Vec<&str> = api_version.split('/').collect();
    let (group, version) = match parts.as_slice() {
        [version] => ("", *version),
        [group, version] => (*group, *version),
        _ => ("", ""),
    };
    if api_version.is_empty() {
        errors.push(FieldError::required(&path.child("apiVersion"), "must not be empty"));
    } else if version.is_empty() {
        let words = "must be <group>/<version> or <version>";
        errors.push(FieldError::invalid(&path.child("apiVersion"), api_version, words));
    }
    for (name, value) in [("kind", &owner.kind), ("name", &owner.name), ("uid", &owner.uid)] {
        if value.is_empty() {
            errors.push(FieldError::required(&path.child(name), "must not be empty"));
        }
    }
    if group.is_empty() && version == "v1" && owner.kind == "Event" {
        let words = "/v1, Kind=Event is disallowed from being an owner";
        errors.push(FieldError::invalid(path, owner_value(owner), words));
    }
    errors
}

/// The reference with its fields in Go's order.
fn owner_value(owner: &OwnerReference) -> Value {
    let mut value = json!({
        "apiVersion": owner.api_version, "kind": owner.kind, "name": owner.name, "uid": owner.uid,
    });
    if let Some(controller) = owner.controller {
        value["controller"] = controller.into();
    }
    if let Some(block) = owner.block_owner_deletion {
        value["blockOwnerDeletion"] = block.into();
    }
    value
}

/// Finalizers: qualified names, and not both ways of deleting dependents.
#[must_use]
pub fn finalizers(finalizers: &[String], path: &FieldPath<'_>) -> Errors {
    let mut errors: Errors = finalizers.iter().flat_map(|finalizer| finalizer_name(finalizer, path)).collect();
    let has = |name: &str| finalizers.iter().any(|finalizer| finalizer == name);
    if has(ORPHAN) && has(FOREGROUND) {
        let words = format!("finalizer {ORPHAN} and {FOREGROUND} cannot be both set");
        errors.push(FieldError::invalid(path, finalizers, words));
    }
    errors
}

/// The name of a finalizer.
#[must_use]
pub fn finalizer_name(name: &str, path: &FieldPath<'_>) -> Errors {
    is_qualified_name(name).into_iter().map(|wrong| FieldError::invalid(path, name, wrong)).collect()
}

/// An object that is being deleted gets no further finalizers.
#[must_use]
pub fn no_new_finalizers(new: &[String], old: &[String], path: &FieldPath<'_>) -> Errors {
    let extra: BTreeSet<&String> = new.iter().filter(|name| !old.contains(name)).collect();
    if extra.is_empty() {
        return Errors::new();
    }
    let extra: Vec<String> = extra.into_iter().map(|name| crate::go::quote(name)).collect();
    let words = "no new finalizers can be added if the object is being deleted, found new finalizers []string";
    vec![FieldError::forbidden(path, format!("{words}{{{}}}", extra.join(", ")))]
}

/// The entries of `managedFields`.
#[must_use]
pub fn managed_fields(entries: &[ManagedFieldsEntry], path: &FieldPath<'_>) -> Errors {
    let mut errors = Errors::new();
    for (at, entry) in entries.iter().enumerate() {
        let path = path.index(at);
        let at = path.child("operation");
        match text(entry.operation.as_ref()) {
            "" => errors.push(FieldError::required(&at, "must not be empty")),
            "Apply" | "Update" => {}
            other => errors.push(FieldError::not_supported(&at, other, &["Apply", "Update"])),
        }
        let fields_type = text(entry.fields_type.as_ref());
        if !matches!(fields_type, "" | "FieldsV1") {
            errors.push(FieldError::invalid(&path.child("fieldsType"), fields_type, "must be `FieldsV1`"));
        }
        errors.extend(field_manager(text(entry.manager.as_ref()), &path.child("manager")));
        if text(entry.subresource.as_ref()).len() > SUBRESOURCE_MAX_LENGTH {
            errors.push(FieldError::too_long(&path.child("subresource"), SUBRESOURCE_MAX_LENGTH));
        }
    }
    errors
}

/// The name of a field manager: at most 128 bytes, printable. An empty one stands for none.
#[must_use]
pub fn field_manager(manager: &str, path: &FieldPath<'_>) -> Errors {
    let mut errors = Errors::new();
    if manager.len() > FIELD_MANAGER_MAX_LENGTH {
        errors.push(FieldError::too_long(path, FIELD_MANAGER_MAX_LENGTH));
    }
    for (at, c) in manager.char_indices() {
        if !crate::go::is_printable(c) {
            let words = format!("invalid character U+{:04X} (at position {at})", u32::from(c));
            errors.push(FieldError::invalid(path, manager, words));
        }
    }
    errors
}

/// A value that an update may not change.
#[must_use]
pub fn immutable_field<T: Serialize + PartialEq>(new: &T, old: &T, path: &FieldPath<'_>) -> Errors {
    if new == old {
        return Errors::new();
    }
    let value = serde_json::to_value(new).unwrap_or_default();
    vec![FieldError::invalid(path, value, "field is immutable")]
}

/// A number that may not be negative.
#[must_use]
pub fn non_negative(value: i64, path: &FieldPath<'_>) -> Errors {
    if value < 0 {
        return vec![FieldError::invalid(path, value, "must be greater than or equal to 0")];
    }
    Errors::new()
}

/// A name that is a subdomain: the rule of most kinds.
#[must_use]
pub fn name_is_dns_subdomain(name: &str, is_prefix: bool) -> Vec<String> {
    is_dns1123_subdomain(&completed(name, is_prefix))
}

/// A name that is a label of RFC 1123: namespaces, pods' host names.
#[must_use]
pub fn name_is_dns_label(name: &str, is_prefix: bool) -> Vec<String> {
    is_dns1123_label(&completed(name, is_prefix))
}

/// A name that is a label of RFC 1035.
#[must_use]
pub fn name_is_dns1035_label(name: &str, is_prefix: bool) -> Vec<String> {
    is_dns1035_label(&completed(name, is_prefix))
}

/// A name that can stand in a path: the rule of RBAC's kinds, and of all others at least.
#[must_use]
pub fn path_segment_name(name: &str, is_prefix: bool) -> Vec<String> {
    if is_prefix { is_valid_path_segment_prefix(name) } else { is_valid_path_segment_name(name) }
}

/// What a generated name begins with, its last dash replaced by something that may stand at an end; upstream drops the
/// character in front of the dash, too.
fn completed(name: &str, is_prefix: bool) -> std::borrow::Cow<'_, str> {
    match name.strip_suffix('-') {
        Some(rest) if is_prefix && !rest.is_empty() => {
            let end = rest.char_indices().next_back().map_or(0, |(at, _)| at);
            format!("{}a", &rest[..end]).into()
        }
        _ => name.into(),
    }
}

fn text(value: Option<&String>) -> &str {
    value.map_or("", String::as_str)
}

fn or_empty(map: Option<&BTreeMap<String, String>>) -> std::borrow::Cow<'_, BTreeMap<String, String>> {
    map.map_or_else(|| std::borrow::Cow::Owned(BTreeMap::new()), std::borrow::Cow::Borrowed)
}
