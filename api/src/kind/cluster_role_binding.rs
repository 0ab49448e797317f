//! ClusterRoleBindings: as RoleBindings, to ClusterRoles only, with service accounts of any namespace.
//!
//! Facts: upstream's `ValidateClusterRoleBinding`, `pkg/registry/rbac/clusterrolebinding`.

use k8s_openapi::api::rbac::v1::ClusterRoleBinding;
use serde_json::Value;

use super::access::supersede;
use super::generic::{check, check_update};
use super::role::rbac_name;
use super::role_binding::{binding, declared, immutable_role_ref, role_ref, subjects};
use super::{Request, Strategy};
use crate::validation::meta::{object_meta, object_meta_update};
use crate::validation::{Errors, FieldPath};

/// The strategy of ClusterRoleBindings.
#[derive(Debug, Clone, Copy)]
pub struct ClusterRoleBindingStrategy;

impl Strategy for ClusterRoleBindingStrategy {
    fn default(&self, object: &mut Value) {
        binding(object);
    }

    fn prepare_for_create(&self, _request: &Request<'_>, _object: &mut Value) {}

    fn prepare_for_update(&self, _request: &Request<'_>, _object: &mut Value, _old: &Value) {}

    fn validate(&self, _request: &Request<'_>, object: &Value) -> Errors {
        check(object, |binding: &ClusterRoleBinding| {
            let subjects = binding.subjects.as_deref().unwrap_or_default();
            supersede(all(binding), declared(&binding.role_ref, subjects, object, None))
        })
    }

    fn validate_update(&self, _request: &Request<'_>, object: &Value, old: &Value) -> Errors {
        check_update(object, old, |binding: &ClusterRoleBinding, old_binding: &ClusterRoleBinding| {
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

fn all(binding: &ClusterRoleBinding) -> Errors {
    let mut errors = object_meta(&binding.metadata, false, rbac_name, &FieldPath::new("metadata"));
    role_ref(&binding.role_ref, &["ClusterRole"], &mut errors);
    subjects(binding.subjects.as_deref().unwrap_or_default(), false, &mut errors);
    errors
}
