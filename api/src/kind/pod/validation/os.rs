//! What depends on the operating system, and on how much of the node a pod shares.

use k8s_openapi::api::core::v1::{PodSecurityContext, PodSpec, SecurityContext};

use super::super::visit;
use super::options::Options;
use crate::validation::{Errors, FieldError, FieldPath};

const LINUX: &str = "windows options cannot be set for a linux pod";
const WINDOWS: &str = "cannot be set for a windows pod";
const WITH_USER_NAMESPACE: &str = "when `hostUsers` is false";

/// `spec.os`, and what the system named there doesn't know. `path` is the spec's.
pub(super) fn os(spec: &PodSpec, path: &FieldPath<'_>) -> Errors {
    let Some(os) = &spec.os else { return Errors::new() };
    let at = path.child("os");
    match os.name.as_str() {
        "linux" => linux(spec, path),
        "windows" => windows(spec, path),
        "" => vec![FieldError::required(&at.child("name"), "")],
        other => vec![FieldError::not_supported(&at, other, &["linux", "windows"])],
    }
}

fn linux(spec: &PodSpec, path: &FieldPath<'_>) -> Errors {
    let mut errors = Errors::new();
    if spec.security_context.as_ref().is_some_and(|context| context.windows_options.is_some()) {
        let at = path.child("securityContext");
        errors.push(FieldError::forbidden(&at.child("windowsOptions"), LINUX));
    }
    for container in visit::containers(spec) {
        if container.security_context.is_some_and(|context| context.windows_options.is_some()) {
            let at = path.child(container.list);
            let at = at.index(container.index);
            let at = at.child("securityContext");
            errors.push(FieldError::forbidden(&at.child("windowsOptions"), LINUX));
        }
    }
    errors
}

fn windows(spec: &PodSpec, path: &FieldPath<'_>) -> Errors {
    let mut errors = Errors::new();
    if let Some(context) = &spec.security_context {
        let at = path.child("securityContext");
        errors.extend(forbidden(&set_for_pod(context), &at));
    }
    let set = [
        ("hostUsers", spec.host_users.is_some()),
        ("hostPID", spec.host_pid == Some(true)),
        ("hostIPC", spec.host_ipc == Some(true)),
        ("shareProcessNamespace", spec.share_process_namespace.is_some()),
    ];
    errors.extend(forbidden(&set, path));
    for container in visit::containers(spec) {
        if let Some(context) = container.security_context {
            let at = path.child(container.list);
            let at = at.index(container.index);
            errors.extend(forbidden(&set_for_container(context), &at.child("securityContext")));
        }
    }
    errors
}

fn forbidden(fields: &[(&str, bool)], path: &FieldPath<'_>) -> Errors {
    let set = fields.iter().filter(|(_, is_set)| *is_set);
    set.map(|(name, _)| FieldError::forbidden(&path.child(name), WINDOWS)).collect()
}

fn set_for_pod(context: &PodSecurityContext) -> [(&'static str, bool); 11] {
    [
        ("appArmorProfile", context.app_armor_profile.is_some()),
        ("seLinuxOptions", context.se_linux_options.is_some()),
        ("seccompProfile", context.seccomp_profile.is_some()),
        ("fsGroup", context.fs_group.is_some()),
        ("fsGroupChangePolicy", context.fs_group_change_policy.is_some()),
        ("sysctls", context.sysctls.as_ref().is_some_and(|sysctls| !sysctls.is_empty())),
        ("runAsUser", context.run_as_user.is_some()),
        ("runAsGroup", context.run_as_group.is_some()),
        ("supplementalGroups", context.supplemental_groups.is_some()),
        ("supplementalGroupsPolicy", context.supplemental_groups_policy.is_some()),
        ("seLinuxChangePolicy", context.se_linux_change_policy.is_some()),
    ]
}

fn set_for_container(context: &SecurityContext) -> [(&'static str, bool); 10] {
    [
        ("appArmorProfile", context.app_armor_profile.is_some()),
        ("seLinuxOptions", context.se_linux_options.is_some()),
        ("seccompProfile", context.seccomp_profile.is_some()),
        ("capabilities", context.capabilities.is_some()),
        ("readOnlyRootFilesystem", context.read_only_root_filesystem.is_some()),
        ("privileged", context.privileged.is_some()),
        ("allowPrivilegeEscalation", context.allow_privilege_escalation.is_some()),
        ("procMount", context.proc_mount.is_some()),
        ("runAsUser", context.run_as_user.is_some()),
        ("runAsGroup", context.run_as_group.is_some()),
    ]
}

/// Windows containers that run as processes of the node: all of a pod's or none. `path` is the spec's.
pub(super) fn host_process(spec: &PodSpec, path: &FieldPath<'_>) -> Errors {
    let mut errors = Errors::new();
    let of_pod = spec.security_context.as_ref().and_then(|context| context.windows_options.as_ref()?.host_process);
    let (mut all, mut on_host) = (0, 0);
    for container in visit::containers(spec) {
        all += 1;
        let own = container.security_context.and_then(|context| context.windows_options.as_ref()?.host_process);
        if let (Some(of_pod), Some(own)) = (of_pod, own)
            && of_pod != own
        {
            let at = path.child(container.list);
            let at = at.index(container.index);
            let at = at.child("securityContext");
            let at = at.child("windowsOptions");
            let detail = format!("pod hostProcess value must be identical if both are specified, was {of_pod}");
            errors.push(FieldError::invalid(&at.child("hostProcess"), own, detail));
        }
        if own.or(of_pod) == Some(true) {
            on_host += 1;
        }
    }
    if on_host > 0 {
        if on_host != all {
            let detail =
                "If pod contains any hostProcess containers then all containers must be HostProcess containers";
            errors.push(FieldError::invalid(path, "", detail));
        }
        if spec.host_network != Some(true) {
            let detail = "hostNetwork must be true if pod contains any hostProcess containers";
            errors.push(FieldError::invalid(&path.child("hostNetwork"), false, detail));
        }
    }
    errors
}

/// A pod with users of its own can't share other namespaces with the node. `path` is the spec's.
pub(super) fn host_users(spec: &PodSpec, options: &Options, path: &FieldPath<'_>) -> Errors {
    let mut errors = Errors::new();
    if spec.host_users != Some(false) {
        return errors;
    }
    // The fields' names begin with capitals in upstream's answers, too.
    let shared = [
        ("hostNetwork", spec.host_network == Some(true) && !options.host_network_in_user_namespace),
        ("HostPID", spec.host_pid == Some(true)),
        ("HostIPC", spec.host_ipc == Some(true)),
    ];
    for (name, _) in shared.into_iter().filter(|(_, is_shared)| *is_shared) {
        errors.push(FieldError::forbidden(&path.child(name), WITH_USER_NAMESPACE));
    }
    if !options.devices_in_user_namespace {
        for container in visit::containers(spec).filter(|container| !container.volume_devices.is_empty()) {
            let at = path.child(container.list);
            let at = at.index(container.index);
            errors.push(FieldError::forbidden(&at.child("volumeDevices"), WITH_USER_NAMESPACE));
        }
    }
    errors
}

/// On the node's network a container's ports are the node's. `path` is the spec's.
pub(super) fn host_network_ports(spec: &PodSpec, options: &Options, path: &FieldPath<'_>) -> Errors {
    let mut errors = Errors::new();
    if spec.host_network != Some(true) {
        return errors;
    }
    let containers = path.child("containers");
    for (index, container) in spec.containers.iter().enumerate() {
        let at = containers.index(index);
        let ports = at.child("ports");
        for (index, port) in container.ports.iter().flatten().enumerate() {
            let host_port = port.host_port.unwrap_or(0);
            // A template may leave it to the pod's defaults.
            if (options.is_pod || host_port != 0) && host_port != port.container_port {
                let at = ports.index(index);
                let detail = "must match `containerPort` when `hostNetwork` is true";
                errors.push(FieldError::invalid(&at.child("hostPort"), host_port, detail));
            }
        }
    }
    errors
}
