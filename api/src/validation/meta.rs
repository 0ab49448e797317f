//! The rules of metadata, the same for all kinds, and the rules that kinds choose from for their names.
//!
//! The pipeline applies [`generic_object_meta`] and [`generic_object_meta_update`] to every object with
//! [`path_segment_name`] as the rule of the name; kinds apply rules again with their own one for the name, as upstream
//! does, so an update's error in metadata may stand twice in a `Status`'s causes. On create the pipeline's only run where
//! the kind found nothing. Most kinds take [`object_meta`] and [`object_meta_update`], which look at finalizers once
//! more; Leases and what configures admission take the generic ones.
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
const KUBERNETES: &str = "kubernetes";
const ORPHAN: &str = "orphan";
const FOREGROUND: &str = "foregroundDeletion";

/// A rule of names: what is wrong with a name, or (`true`) with what a generated name begins with.
pub type NameRule = fn(&str, bool) -> Vec<String>;

/// Metadata of a new object, or the part of an update's that doesn't depend on the old, of most kinds.
#[must_use]
pub fn object_meta(meta: &ObjectMeta, requires_namespace: bool, name_rule: NameRule, path: &FieldPath<'_>) -> Errors {
    let mut errors = generic_object_meta(meta, requires_namespace, name_rule, path);
    errors.extend(known_finalizers(meta, path));
    errors
}

/// What an update may not do to metadata, of most kinds.
#[must_use]
pub fn object_meta_update(new: &ObjectMeta, old: &ObjectMeta, path: &FieldPath<'_>) -> Errors {
    let mut errors = generic_object_meta_update(new, old, path);
    errors.extend(known_finalizers(new, path));
    errors
}

fn known_finalizers(meta: &ObjectMeta, path: &FieldPath<'_>) -> Errors {
    let at = path.child("finalizers");
    let finalizers = meta.finalizers.as_deref().unwrap_or_default().iter().enumerate();
    finalizers.flat_map(|(index, name)| known_finalizer(name, &at.index(index))).collect()
}

/// A finalizer is one of upstream's own, or has a domain.
#[must_use]
pub fn known_finalizer(name: &str, path: &FieldPath<'_>) -> Errors {
    if name.contains('/') || [KUBERNETES, ORPHAN, FOREGROUND].contains(&name) {
        return Errors::new();
    }
    let words = "name is neither a standard finalizer name nor is it fully qualified";
    vec![FieldError::invalid(path, name, words)]
}

/// Metadata of a new object, or the part of an update's that doesn't depend on the old, of any kind.
#[must_use]
pub fn generic_object_meta(
    meta: &ObjectMeta,
    requires_namespace: bool,
    name_rule: NameRule,
    path: &FieldPath<'_>,
) -> Errors {
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

/// What an update may not do to metadata, of any kind.
#[must_use]
pub fn generic_object_meta_update(new: &ObjectMeta, old: &ObjectMeta, path: &FieldPath<'_>) -> Errors {
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

#[cfg(test)]
mod tests {
    use super::*;

    fn meta(value: Value) -> ObjectMeta {
        serde_json::from_value(value).unwrap()
    }

    fn told(errors: &Errors) -> Vec<String> {
        errors.iter().map(ToString::to_string).collect()
    }

    fn create(value: Value) -> Vec<String> {
        let mut value = value;
        for (name, default) in [("name", "a"), ("namespace", "b")] {
            if value.get(name).is_none() {
                value[name] = default.into();
            }
        }
        told(&object_meta(&meta(value), true, name_is_dns_subdomain, &FieldPath::new("metadata")))
    }

    #[test]
    fn new_metadata_is_judged() {
        let owner = json!({"apiVersion": "a/v1", "kind": "K", "name": "n", "uid": "u", "controller": true});
        let shown = r#"{"apiVersion":"a/v1","kind":"K","name":"n","uid":"u","controller":true}"#;
        let rows = [
            (json!({}), vec![]),
            (json!({"name": ""}), vec!["metadata.name: Required value: name or generateName is required".to_owned()]),
            (json!({"generateName": "a-"}), vec![]),
            (json!({"namespace": "a.b"}), vec!["metadata.namespace: Invalid value: \"a.b\": must not contain dots".to_owned()]),
            (
                json!({"generation": -1}),
                vec!["metadata.generation: Invalid value: -1: must be greater than or equal to 0".to_owned()],
            ),
            (json!({"annotations": {"UPPER.case/K": "v"}}), vec![]),
            (
                json!({"annotations": {"a": "x".repeat(TOTAL_ANNOTATION_SIZE_LIMIT)}}),
                vec!["metadata.annotations: Too long: may not be more than 262144 bytes".to_owned()],
            ),
            (
                json!({"ownerReferences": [owner, owner]}),
                vec![format!(
                    "metadata.ownerReferences: Invalid value: [{shown},{shown}]: Only one reference can have Controller set \
                     to true. Found \"true\" in references for K/n and K/n"
                )],
            ),
            (
                json!({"ownerReferences": [{"apiVersion": "", "kind": "", "name": "", "uid": ""}]}),
                ["apiVersion", "kind", "name", "uid"]
                    .map(|name| format!("metadata.ownerReferences[0].{name}: Required value: must not be empty"))
                    .to_vec(),
            ),
            (
                json!({"ownerReferences": [{"apiVersion": "a/b/c", "kind": "K", "name": "n", "uid": "u"}]}),
                vec![
                    "metadata.ownerReferences[0].apiVersion: Invalid value: \"a/b/c\": must be <group>/<version> or <version>"
                        .to_owned(),
                ],
            ),
            (
                json!({"ownerReferences": [{"apiVersion": "v1", "kind": "Event", "name": "n", "uid": "u"}]}),
                vec![
                    "metadata.ownerReferences[0]: Invalid value: {\"apiVersion\":\"v1\",\"kind\":\"Event\",\"name\":\"n\",\
                     \"uid\":\"u\"}: /v1, Kind=Event is disallowed from being an owner"
                        .to_owned(),
                ],
            ),
            (
                json!({"finalizers": ["orphan", "foregroundDeletion"]}),
                vec![
                    "metadata.finalizers: Invalid value: [\"orphan\",\"foregroundDeletion\"]: finalizer orphan and \
                     foregroundDeletion cannot be both set"
                        .to_owned(),
                ],
            ),
            (
                json!({"managedFields": [
                    {"operation": "Apply", "fieldsType": "FieldsV1", "manager": "m"},
                    {"operation": "", "fieldsType": "x", "manager": "a\u{7}"},
                    {"operation": "x", "manager": "x".repeat(129), "subresource": "x".repeat(257)},
                ]}),
                vec![
                    "metadata.managedFields[1].operation: Required value: must not be empty".to_owned(),
                    "metadata.managedFields[1].fieldsType: Invalid value: \"x\": must be `FieldsV1`".to_owned(),
                    "metadata.managedFields[1].manager: Invalid value: \"a\\a\": invalid character U+0007 (at position 1)"
                        .to_owned(),
                    "metadata.managedFields[2].operation: Unsupported value: \"x\": supported values: \"Apply\", \"Update\""
                        .to_owned(),
                    "metadata.managedFields[2].manager: Too long: may not be more than 128 bytes".to_owned(),
                    "metadata.managedFields[2].subresource: Too long: may not be more than 256 bytes".to_owned(),
                ],
            ),
        ];
        for (value, expected) in rows {
            assert_eq!(create(value.clone()), expected, "{value}");
        }
        assert_eq!(create(json!({"labels": {"a b": "c"}})).len(), 1);
        assert_eq!(create(json!({"finalizers": ["a b"]})).len(), 2);
        let unknown = "metadata.finalizers[1]: Invalid value: \"mine\": name is neither a standard finalizer name nor is it \
                       fully qualified";
        assert_eq!(create(json!({"finalizers": ["orphan", "mine", "kubernetes", "a.b/c"]})), [unknown]);
        assert_eq!(create(json!({"generateName": "a_"})).len(), 1);
    }

    #[test]
    fn updates_keep_what_is_the_servers() {
        let old = json!({
            "name": "a", "namespace": "b", "uid": "u", "generation": 3, "finalizers": ["x/y"],
            "creationTimestamp": "2026-01-02T03:04:05Z", "deletionTimestamp": "2026-01-02T03:04:05Z",
            "deletionGracePeriodSeconds": 30, "resourceVersion": "1",
        });
        let path = FieldPath::new("metadata");
        let update = |new: Value| told(&object_meta_update(&meta(new), &meta(old.clone()), &path));
        assert_eq!(update(old.clone()), [""; 0]);
        let new = json!({
            "name": "c", "namespace": "b", "uid": "v", "generation": 2, "finalizers": ["x/z", "x/y", "a/b"],
            "creationTimestamp": "2026-01-02T03:04:06Z", "deletionGracePeriodSeconds": 0,
        });
        let expected = [
            "metadata.finalizers: Forbidden: no new finalizers can be added if the object is being deleted, found new \
             finalizers []string{\"a/b\", \"x/z\"}",
            "metadata.resourceVersion: Invalid value: \"\": must be specified for an update",
            "metadata.generation: Invalid value: 2: must not be decremented",
            "metadata.name: Invalid value: \"c\": field is immutable",
            "metadata.uid: Invalid value: \"v\": field is immutable",
            "metadata.creationTimestamp: Invalid value: \"2026-01-02T03:04:06Z\": field is immutable",
            "metadata.deletionTimestamp: Invalid value: null: field is immutable",
            "metadata.deletionGracePeriodSeconds: Invalid value: 0: field is immutable",
        ];
        assert_eq!(update(new), expected);
    }

    #[test]
    fn beginnings_of_names_may_end_in_a_dash() {
        let rules: [(NameRule, &str, &str); 4] = [
            (name_is_dns_subdomain, "a.b-", "a_-x"),
            (name_is_dns_label, "ab-", "a.b-"),
            (name_is_dns1035_label, "ab-", "1b-"),
            (path_segment_name, "..", "a/"),
        ];
        for (rule, good, bad) in rules {
            assert_eq!(rule(good, true), [""; 0], "{good}");
            assert_ne!(rule(good, false), [""; 0], "{good}");
            assert_ne!(rule(bad, true), [""; 0], "{bad}");
        }
        // Upstream takes away the character in front of the dash, whatever it is.
        assert_eq!(name_is_dns_label("a_-", true), [""; 0]);
        assert_ne!(name_is_dns_label("-", true), [""; 0]);
    }
}
