//! The pod's security context, and its agreement with the annotations that came before the fields.

use k8s_openapi::api::core::v1::{AppArmorProfile, PodSecurityContext, PodSpec, SeccompProfile};

use super::super::visit;
use super::annotation::{
    APP_ARMOR, Annotations, DOCKER_DEFAULT, LOCALHOST, RUNTIME_DEFAULT, SECCOMP_CONTAINER, SECCOMP_POD, UNCONFINED,
};
use super::options::Options;
use super::security_context::{app_armor_profile, seccomp_profile};
use super::sysctl::sysctls;
use super::windows_options::windows_options;
use crate::validation::name::{is_valid_group_id, is_valid_user_id};
use crate::validation::{Errors, FieldError, FieldPath};

/// A pod's security context; `None` is valid.
pub(super) fn pod_security_context(spec: &PodSpec, options: &Options, path: &FieldPath<'_>) -> Errors {
    let mut errors = Errors::new();
    let Some(context) = &spec.security_context else { return errors };
    errors.extend(ids(context, path));
    if let Some(list) = context.sysctls.as_ref().filter(|list| !list.is_empty()) {
        errors.extend(sysctls(list, spec, options, &path.child("sysctls")));
    }
    let at = path.child("fsGroupChangePolicy");
    errors.extend(one_of(context.fs_group_change_policy.as_deref(), &["Always", "OnRootMismatch"], &at));
    errors.extend(seccomp_profile(context.seccomp_profile.as_ref(), &path.child("seccompProfile")));
    errors.extend(windows_options(context.windows_options.as_ref(), &path.child("windowsOptions")));
    errors.extend(app_armor_profile(context.app_armor_profile.as_ref(), &path.child("appArmorProfile")));
    let at = path.child("supplementalGroupsPolicy");
    errors.extend(one_of(context.supplemental_groups_policy.as_deref(), &["Merge", "Strict"], &at));
    let at = path.child("seLinuxChangePolicy");
    errors.extend(one_of(context.se_linux_change_policy.as_deref(), &["MountOption", "Recursive"], &at));
    errors
}

fn one_of(value: Option<&str>, known: &[&str], path: &FieldPath<'_>) -> Option<FieldError> {
    let value = value.filter(|value| !known.contains(value))?;
    Some(FieldError::not_supported(path, value, known))
}

fn ids(context: &PodSecurityContext, path: &FieldPath<'_>) -> Errors {
    let mut errors = Errors::new();
    let mut check = |id: i64, messages: Vec<String>, path: &FieldPath<'_>| {
        errors.extend(messages.into_iter().map(|message| FieldError::invalid(path, id, message)));
    };
    if let Some(id) = context.fs_group {
        check(id, is_valid_group_id(id), &path.child("fsGroup"));
    }
    if let Some(id) = context.run_as_user {
        check(id, is_valid_user_id(id), &path.child("runAsUser"));
    }
    if let Some(id) = context.run_as_group {
        check(id, is_valid_group_id(id), &path.child("runAsGroup"));
    }
    let groups = path.child("supplementalGroups");
    for (index, id) in context.supplemental_groups.iter().flatten().enumerate() {
        check(*id, is_valid_group_id(*id), &groups.index(index));
    }
    errors
}

/// Where a seccomp profile is told by field and annotation, both must say the same.
pub(super) fn seccomp_agrees(annotations: &Annotations, spec: &PodSpec, path: &FieldPath<'_>) -> Errors {
    let mut errors = Errors::new();
    let of_pod = spec.security_context.as_ref().and_then(|context| context.seccomp_profile.as_ref());
    if let (Some(profile), Some(annotation)) = (of_pod, annotations.get(SECCOMP_POD)) {
        let at = path.child("securityContext");
        errors.extend(seccomp_mismatch(annotation, profile, &at.child("seccompProfile")));
    }
    for container in visit::containers(spec) {
        let profile = container.security_context.and_then(|context| context.seccomp_profile.as_ref());
        let key = format!("{SECCOMP_CONTAINER}{}", container.name);
        if let (Some(profile), Some(annotation)) = (profile, annotations.get(&key)) {
            let at = path.child(container.list);
            let at = at.index(container.index);
            let at = at.child("securityContext");
            errors.extend(seccomp_mismatch(annotation, profile, &at.child("seccompProfile")));
        }
    }
    errors
}

fn seccomp_mismatch(annotation: &str, profile: &SeccompProfile, path: &FieldPath<'_>) -> Option<FieldError> {
    let agrees = match profile.type_.as_str() {
        "Unconfined" => annotation == UNCONFINED,
        "RuntimeDefault" => matches!(annotation, RUNTIME_DEFAULT | DOCKER_DEFAULT),
        "Localhost" => match annotation.strip_prefix(LOCALHOST) {
            Some(file) if profile.localhost_profile.as_deref() != Some(file) => {
                let detail = "seccomp profile in annotation and field must match";
                return Some(FieldError::forbidden(&path.child("localhostProfile"), detail));
            }
            found => found.is_some(),
        },
        _ => true,
    };
    (!agrees).then(|| FieldError::forbidden(&path.child("type"), "seccomp type in annotation and field must match"))
}

/// Where an AppArmor profile is told by field and annotation, both must say the same.
pub(super) fn app_armor_agrees(annotations: &Annotations, spec: &PodSpec, path: &FieldPath<'_>) -> Errors {
    let mut errors = Errors::new();
    if spec.os.as_ref().is_some_and(|os| os.name == "windows") {
        return errors;
    }
    let of_pod = spec.security_context.as_ref().and_then(|context| context.app_armor_profile.as_ref());
    for container in visit::containers(spec) {
        let own = container.security_context.and_then(|context| context.app_armor_profile.as_ref());
        let key = format!("{APP_ARMOR}{}", container.name);
        if let (Some(profile), Some(annotation)) = (own.or(of_pod), annotations.get(&key)) {
            let at = path.child(container.list);
            let at = at.index(container.index);
            let at = at.child("securityContext");
            errors.extend(app_armor_mismatch(annotation, profile, &at.child("appArmorProfile")));
        }
    }
    errors
}

fn app_armor_mismatch(annotation: &str, profile: &AppArmorProfile, path: &FieldPath<'_>) -> Option<FieldError> {
    let agrees = match profile.type_.as_str() {
        "Unconfined" => annotation == UNCONFINED,
        "RuntimeDefault" => annotation == RUNTIME_DEFAULT,
        "Localhost" => match annotation.strip_prefix(LOCALHOST) {
            Some(file) if profile.localhost_profile.as_deref() != Some(file) => {
                let detail = "apparmor profile in annotation and field must match";
                return Some(FieldError::forbidden(&path.child("localhostProfile"), detail));
            }
            found => found.is_some(),
        },
        _ => true,
    };
    (!agrees).then(|| FieldError::forbidden(&path.child("type"), "apparmor type in annotation and field must match"))
}
