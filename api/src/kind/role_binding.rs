//! RoleBindings, and the rules of subjects and role references, which ClusterRoleBindings share.
//!
//! Facts: upstream's `ValidateRoleBinding`, `pkg/registry/rbac/rolebinding`, `pkg/apis/rbac/v1/defaults.go`. That names
//! are required is declared upstream: those errors are told last, unless an update leaves that part as it was.

use k8s_openapi::api::rbac::v1::{RoleBinding, RoleRef, Subject};
use serde_json::{Value, json};

use super::access::{default_text, invalid_each, is_same, list_mut, map_mut, supersede};
use super::generic::{check, check_update, text};
use super::role::rbac_name;
use super::{Request, Strategy};
use crate::validation::meta::{name_is_dns_subdomain, object_meta, object_meta_update};
use crate::validation::{Errors, FieldError, FieldPath};

const GROUP: &str = "rbac.authorization.k8s.io";
const SUBJECT_KINDS: [&str; 3] = ["ServiceAccount", "User", "Group"];

/// The strategy of RoleBindings.
#[derive(Debug, Clone, Copy)]
pub struct RoleBindingStrategy;

impl Strategy for RoleBindingStrategy {
    fn default(&self, object: &mut Value) {
        binding(object);
    }

    fn prepare_for_create(&self, _request: &Request<'_>, _object: &mut Value) {}

    fn prepare_for_update(&self, _request: &Request<'_>, _object: &mut Value, _old: &Value) {}

    fn validate(&self, _request: &Request<'_>, object: &Value) -> Errors {
        check(object, |binding: &RoleBinding| {
            let subjects = binding.subjects.as_deref().unwrap_or_default();
            supersede(all(binding), declared(&binding.role_ref, subjects, object, None))
        })
    }

    fn validate_update(&self, _request: &Request<'_>, object: &Value, old: &Value) -> Errors {
        check_update(object, old, |binding: &RoleBinding, old_binding: &RoleBinding| {
            let mut errors = all(binding);
            errors.extend(object_meta_update(&binding.metadata, &old_binding.metadata, &FieldPath::new("metadata")));
            errors.extend(immutable_role_ref(object, old));
            let subjects = binding.subjects.as_deref().unwrap_or_default();
            supersede(errors, declared(&binding.role_ref, subjects, object, Some(old)))
        })
    }

    fn allows_create_on_update(&self) -> bool {
        true
    }
}

fn all(binding: &RoleBinding) -> Errors {
    let mut errors = object_meta(&binding.metadata, true, rbac_name, &FieldPath::new("metadata"));
    role_ref(&binding.role_ref, &["Role", "ClusterRole"], &mut errors);
    subjects(binding.subjects.as_deref().unwrap_or_default(), true, &mut errors);
    errors
}

/// The defaults of both bindings: API groups.
pub(super) fn binding(object: &mut Value) {
    if let Some(role_ref) = map_mut(object, &["roleRef"]) {
        default_text(role_ref, "apiGroup", GROUP);
    }
    for subject in list_mut(object, &["subjects"]) {
        if matches!(text(subject, &["kind"]), "User" | "Group")
            && let Some(subject) = subject.as_object_mut()
        {
            default_text(subject, "apiGroup", GROUP);
        }
    }
}

/// The rules of a reference to a role of one of the kinds.
pub(super) fn role_ref(role: &RoleRef, kinds: &[&str], errors: &mut Errors) {
    let path = FieldPath::new("roleRef");
    let group = role.api_group.as_deref().unwrap_or_default();
    if group != GROUP {
        errors.push(FieldError::not_supported(&path.child("apiGroup"), group, &[GROUP]));
    }
    if !kinds.contains(&role.kind.as_str()) {
        errors.push(FieldError::not_supported(&path.child("kind"), role.kind.as_str(), kinds));
    }
    let name_path = path.child("name");
    if role.name.is_empty() {
        errors.push(FieldError::required(&name_path, ""));
    } else {
        errors.extend(invalid_each(&name_path, &role.name, rbac_name(&role.name, false)));
    }
}

/// The handwritten rules of subjects.
pub(super) fn subjects(subjects: &[Subject], is_namespaced: bool, errors: &mut Errors) {
    let path = FieldPath::new("subjects");
    for (at, one) in subjects.iter().enumerate() {
        subject(one, is_namespaced, &path.index(at), errors);
    }
}

fn subject(subject: &Subject, is_namespaced: bool, path: &FieldPath<'_>, errors: &mut Errors) {
    let (name_path, group_path) = (path.child("name"), path.child("apiGroup"));
    let group = subject.api_group.as_deref().unwrap_or_default();
    if subject.name.is_empty() {
        errors.push(FieldError::required(&name_path, ""));
    }
    match subject.kind.as_str() {
        "ServiceAccount" => {
            if !subject.name.is_empty() {
                let sentences = name_is_dns_subdomain(&subject.name, false);
                errors.extend(invalid_each(&name_path, &subject.name, sentences));
            }
            if !group.is_empty() {
                errors.push(FieldError::not_supported(&group_path, group, &[""]));
            }
            if !is_namespaced && subject.namespace.as_deref().unwrap_or_default().is_empty() {
                errors.push(FieldError::required(&path.child("namespace"), ""));
            }
        }
        "User" | "Group" => {
            if group != GROUP {
                errors.push(FieldError::not_supported(&group_path, group, &[GROUP]));
            }
        }
        kind => errors.push(FieldError::not_supported(&path.child("kind"), kind, &SUBJECT_KINDS)),
    }
}

/// A binding's role may not be changed: bindings are deleted and made anew instead.
pub(super) fn immutable_role_ref(object: &Value, old: &Value) -> Errors {
    if is_same(object, old, &["roleRef"]) {
        return Errors::new();
    }
    // Upstream shows its internal struct.
    let of = |field| text(object, &["roleRef", field]);
    let shown = json!({"APIGroup": of("apiGroup"), "Kind": of("kind"), "Name": of("name")});
    vec![FieldError::invalid(&FieldPath::new("roleRef"), shown, "field is immutable")]
}

/// The declared rules of a binding: names are required. A changed role reference is only refused as such.
pub(super) fn declared(role: &RoleRef, subjects: &[Subject], object: &Value, old: Option<&Value>) -> Errors {
    let mut errors = Errors::new();
    if old.is_none_or(|old| !is_same(object, old, &["subjects"])) {
        let path = FieldPath::new("subjects");
        let without = subjects.iter().enumerate().filter(|(_, subject)| subject.name.is_empty());
        errors.extend(without.map(|(at, _)| FieldError::required(&path.index(at).child("name"), "")));
    }
    if old.is_none() && role.name.is_empty() {
        errors.push(FieldError::required(&FieldPath::new("roleRef").child("name"), ""));
    }
    errors
}

#[cfg(test)]
mod tests;
