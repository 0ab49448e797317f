//! What a container may do on its node. What the pod's context has in common with it is here too.
//!
//! Privileged containers are always allowed here, as with upstream's `--allow-privileged`, which its installers set.

use k8s_openapi::api::core::v1::{AppArmorProfile, SeccompProfile, SecurityContext};
use serde_json::{Value, json};

use super::leniency::Leniency;
use super::local_path::local_descending_path;
use super::message::each_invalid;
use super::windows_options::windows_options;
use crate::validation::name::{is_valid_group_id, is_valid_user_id};
use crate::validation::{Errors, FieldError, FieldPath};

const LOCALHOST: &str = "Localhost";
const PROFILES: [&str; 3] = [LOCALHOST, "RuntimeDefault", "Unconfined"];
const UNMASKED: &str = "Unmasked";
const PROC_MOUNTS: [&str; 2] = ["Default", UNMASKED];
/// The longest path of an AppArmor profile, in bytes.
const MAX_PROFILE_PATH: usize = 4095;

/// All that is wrong with a container's security context. `host_users`: whether the pod shares the host's users.
pub(crate) fn security_context(
    context: &SecurityContext,
    host_users: bool,
    leniency: Leniency,
    path: &FieldPath<'_>,
) -> Errors {
    let mut errors = Errors::new();
    if let Some(user) = context.run_as_user {
        errors.extend(each_invalid(&path.child("runAsUser"), user, is_valid_user_id(user)));
    }
    if let Some(group) = context.run_as_group {
        errors.extend(each_invalid(&path.child("runAsGroup"), group, is_valid_group_id(group)));
    }
    if let Some(mount) = context.proc_mount.as_deref() {
        let path = path.child("procMount");
        if !PROC_MOUNTS.contains(&mount) {
            errors.push(FieldError::not_supported(&path, mount, &PROC_MOUNTS));
        }
        if host_users && mount == UNMASKED {
            errors.push(FieldError::invalid(&path, mount, "`hostUsers` must be false to use `Unmasked`"));
        }
    }
    errors.extend(seccomp_profile(context.seccomp_profile.as_ref(), &path.child("seccompProfile")));
    if context.allow_privilege_escalation == Some(false) {
        errors.extend(escalation(context, leniency, path));
    }
    errors.extend(windows_options(context.windows_options.as_ref(), &path.child("windowsOptions")));
    errors.extend(app_armor_profile(context.app_armor_profile.as_ref(), &path.child("appArmorProfile")));
    errors
}

/// What a container may not have if it may not escalate its privileges.
fn escalation(context: &SecurityContext, leniency: Leniency, path: &FieldPath<'_>) -> Errors {
    let mut errors = Errors::new();
    if context.privileged == Some(true) {
        let detail = "cannot set `allowPrivilegeEscalation` to false and `privileged` to true";
        errors.push(FieldError::invalid(path, context_value(context), detail));
    }
    if !leniency.sys_admin_without_escalation {
        let added = context.capabilities.iter().filter_map(|capabilities| capabilities.add.as_ref()).flatten();
        for _ in added.filter(|name| *name == "CAP_SYS_ADMIN") {
            let detail = "cannot set `allowPrivilegeEscalation` to false and `capabilities.Add` CAP_SYS_ADMIN";
            errors.push(FieldError::invalid(path, context_value(context), detail));
        }
    }
    errors
}

/// All that is wrong with a seccomp profile, a container's or a pod's.
pub(crate) fn seccomp_profile(profile: Option<&SeccompProfile>, path: &FieldPath<'_>) -> Errors {
    let Some(profile) = profile else { return Errors::new() };
    let mut errors = Errors::new();
    let kind = profile.type_.as_str();
    if kind.is_empty() {
        errors.push(FieldError::required(&path.child("type"), "type is required when seccompProfile is set"));
    } else if !PROFILES.contains(&kind) {
        errors.push(FieldError::not_supported(&path.child("type"), kind, &PROFILES));
    }
    let path = path.child("localhostProfile");
    match (kind == LOCALHOST, &profile.localhost_profile) {
        (true, Some(file)) => errors.extend(local_descending_path(file, &path)),
        (true, None) => {
            errors.push(FieldError::required(&path, "must be set when seccomp type is Localhost"));
        }
        (false, Some(_)) => {
            let detail = "can only be set when seccomp type is Localhost";
            errors.push(FieldError::invalid(&path, seccomp_value(profile), detail));
        }
        (false, None) => {}
    }
    errors
}

/// All that is wrong with an AppArmor profile, a container's or a pod's.
pub(crate) fn app_armor_profile(profile: Option<&AppArmorProfile>, path: &FieldPath<'_>) -> Errors {
    let Some(profile) = profile else { return Errors::new() };
    let name = profile.localhost_profile.as_deref();
    let (type_path, path) = (path.child("type"), path.child("localhostProfile"));
    match (profile.type_.as_str(), name) {
        (LOCALHOST, None) => vec![FieldError::required(&path, "must be set when AppArmor type is Localhost")],
        (LOCALHOST, Some(name)) => local_app_armor_profile(name, &path),
        ("RuntimeDefault" | "Unconfined", Some(name)) => {
            vec![FieldError::invalid(&path, name, "can only be set when AppArmor type is Localhost")]
        }
        ("RuntimeDefault" | "Unconfined", None) => Errors::new(),
        ("", _) => vec![FieldError::required(&type_path, "type is required when appArmorProfile is set")],
        (other, _) => vec![FieldError::not_supported(&type_path, other, &PROFILES)],
    }
}

fn local_app_armor_profile(name: &str, path: &FieldPath<'_>) -> Errors {
    let mut errors = Errors::new();
    if name.trim() != name {
        errors.push(FieldError::invalid(path, name, "must not be padded with whitespace"));
    } else if name.is_empty() {
        errors.push(FieldError::required(path, "must be set when AppArmor type is Localhost"));
    }
    if name.len() > MAX_PROFILE_PATH {
        errors.push(FieldError::too_long(path, MAX_PROFILE_PATH));
    }
    errors
}

/// The context as upstream's sentence shows it: under the names of its internal type.
fn context_value(context: &SecurityContext) -> Value {
    json!({
        "Capabilities": context.capabilities.as_ref().map(|capabilities| json!({
            "Add": capabilities.add,
            "Drop": capabilities.drop,
        })),
        "Privileged": context.privileged,
        "SELinuxOptions": context.se_linux_options.as_ref().map(|options| json!({
            "User": options.user.as_deref().unwrap_or_default(),
            "Role": options.role.as_deref().unwrap_or_default(),
            "Type": options.type_.as_deref().unwrap_or_default(),
            "Level": options.level.as_deref().unwrap_or_default(),
        })),
        "WindowsOptions": context.windows_options.as_ref().map(|options| json!({
            "GMSACredentialSpecName": options.gmsa_credential_spec_name,
            "GMSACredentialSpec": options.gmsa_credential_spec,
            "RunAsUserName": options.run_as_user_name,
            "HostProcess": options.host_process,
        })),
        "RunAsUser": context.run_as_user,
        "RunAsGroup": context.run_as_group,
        "RunAsNonRoot": context.run_as_non_root,
        "ReadOnlyRootFilesystem": context.read_only_root_filesystem,
        "AllowPrivilegeEscalation": context.allow_privilege_escalation,
        "ProcMount": context.proc_mount,
        "SeccompProfile": context.seccomp_profile.as_ref().map(seccomp_value),
        "AppArmorProfile": context.app_armor_profile.as_ref().map(|profile| json!({
            "Type": profile.type_,
            "LocalhostProfile": profile.localhost_profile,
        })),
    })
}

fn seccomp_value(profile: &SeccompProfile) -> Value {
    json!({ "Type": profile.type_, "LocalhostProfile": profile.localhost_profile })
}
