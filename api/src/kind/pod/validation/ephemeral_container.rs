//! Ephemeral containers: started in a running pod to look into it, so without all that makes a pod's work reliable.

use std::collections::BTreeSet;

use k8s_openapi::api::core::v1::{Container, EphemeralContainer};

use super::container::{container_common, image_without_blanks};
use super::context::PodContext;
use crate::validation::{Errors, FieldError, FieldPath};

const FORBIDDEN: &str = "cannot be set for an Ephemeral Container";

/// All that is wrong with the ephemeral containers; their names may not be those of the others.
pub(crate) fn ephemeral_containers(
    ephemeral: &[EphemeralContainer],
    containers: &[Container],
    init: &[Container],
    context: &PodContext<'_>,
    path: &FieldPath<'_>,
) -> Errors {
    let others: BTreeSet<&str> = containers.iter().chain(init).map(|container| container.name.as_str()).collect();
    let mut names = others.clone();
    let mut errors = Errors::new();
    for (at, container) in ephemeral.iter().enumerate() {
        let path = path.index(at);
        errors.extend(container_common(&as_container(container), context, &path));
        errors.extend(image_without_blanks(container.image.as_deref(), &path));
        if !names.insert(container.name.as_str()) {
            errors.push(FieldError::duplicate(&path.child("name"), container.name.as_str()));
        }
        let target = container.target_container_name.as_deref().unwrap_or_default();
        if !target.is_empty() && !others.contains(target) {
            errors.push(FieldError::not_found(&path.child("targetContainerName"), target));
        }
        errors.extend(forbidden_fields(container, &path));
        errors.extend(sub_paths(container, &path.child("volumeMounts")));
    }
    errors
}

/// The fields that only other containers may have, in upstream's order.
fn forbidden_fields(container: &EphemeralContainer, path: &FieldPath<'_>) -> Errors {
    let resources = container.resources.as_ref();
    let fields = [
        ("ports", container.ports.is_some()),
        ("resources", resources.is_some_and(|resources| *resources != Default::default())),
        ("resizePolicy", container.resize_policy.is_some()),
        ("restartPolicy", container.restart_policy.is_some()),
        ("restartPolicyRules", container.restart_policy_rules.is_some()),
        ("livenessProbe", container.liveness_probe.is_some()),
        ("readinessProbe", container.readiness_probe.is_some()),
        ("startupProbe", container.startup_probe.is_some()),
        ("lifecycle", container.lifecycle.is_some()),
    ];
    let set = fields.into_iter().filter(|(_, set)| *set);
    set.map(|(field, _)| FieldError::forbidden(&path.child(field), FORBIDDEN)).collect()
}

fn sub_paths(container: &EphemeralContainer, path: &FieldPath<'_>) -> Errors {
    let mut errors = Errors::new();
    for (at, mount) in container.volume_mounts.iter().flatten().enumerate() {
        for (field, value) in [("subPath", &mount.sub_path), ("subPathExpr", &mount.sub_path_expr)] {
            if value.as_deref().is_some_and(|value| !value.is_empty()) {
                errors.push(FieldError::forbidden(&path.index(at).child(field), FORBIDDEN));
            }
        }
    }
    errors
}

/// The container as the rules of all containers see it.
pub(crate) fn as_container(ephemeral: &EphemeralContainer) -> Container {
    // Every field is named, so that a new one is not forgotten.
    let EphemeralContainer {
        args,
        command,
        env,
        env_from,
        image,
        image_pull_policy,
        lifecycle,
        liveness_probe,
        name,
        ports,
        readiness_probe,
        resize_policy,
        resources,
        restart_policy,
        restart_policy_rules,
        security_context,
        startup_probe,
        stdin,
        stdin_once,
        target_container_name: _,
        termination_message_path,
        termination_message_policy,
        tty,
        volume_devices,
        volume_mounts,
        working_dir,
    } = ephemeral.clone();
    Container {
        args,
        command,
        env,
        env_from,
        image,
        image_pull_policy,
        lifecycle,
        liveness_probe,
        name,
        ports,
        readiness_probe,
        resize_policy,
        resources,
        restart_policy,
        restart_policy_rules,
        security_context,
        startup_probe,
        stdin,
        stdin_once,
        termination_message_path,
        termination_message_policy,
        tty,
        volume_devices,
        volume_mounts,
        working_dir,
    }
}
