//! Containers: what is common to all of them, and the regular ones.

use std::collections::BTreeSet;

use k8s_openapi::api::core::v1::Container;

use super::context::PodContext;
use super::env::{env, env_from};
use super::lifecycle::lifecycle;
use super::message::dns1123_label;
use super::port::{accumulate_unique_host_ports, container_ports};
use super::probe::probes;
use super::resource::container_resource_requirements;
use super::restart_policy::{container_restart_policy, resize_policy};
use super::security_context::security_context;
use super::volume_mount::{volume_devices, volume_mounts};
use crate::validation::{Errors, FieldError, FieldPath};

const PULL_POLICIES: [&str; 3] = ["Always", "IfNotPresent", "Never"];
const MESSAGE_POLICIES: [&str; 2] = ["File", "FallbackToLogsOnError"];

/// All that is wrong with the regular containers.
pub(crate) fn containers(containers: &[Container], context: &PodContext<'_>, path: &FieldPath<'_>) -> Errors {
    if containers.is_empty() {
        return vec![FieldError::required(path, "")];
    }
    let mut names = BTreeSet::new();
    let mut errors = Errors::new();
    for (at, container) in containers.iter().enumerate() {
        let path = path.index(at);
        errors.extend(container_common(container, context, &path));
        if !names.insert(container.name.as_str()) {
            errors.push(FieldError::duplicate(&path.child("name"), container.name.as_str()));
        }
        if let Some(hooks) = &container.lifecycle {
            errors.extend(lifecycle(hooks, context, &path.child("lifecycle")));
        }
        errors.extend(probes(container, context.grace_period, &path));
        errors.extend(container_restart_policy(container, &path));
    }
    errors.extend(accumulate_unique_host_ports(containers, &mut BTreeSet::new(), path));
    errors
}

/// What holds for regular, init and ephemeral containers; `path` is the container's.
pub(super) fn container_common(container: &Container, context: &PodContext<'_>, path: &FieldPath<'_>) -> Errors {
    let name_path = path.child("name");
    let mut errors = Errors::new();
    if container.name.is_empty() {
        errors.push(FieldError::required(&name_path, ""));
    } else {
        errors.extend(dns1123_label(&container.name, &name_path));
    }
    if container.image.as_deref().unwrap_or_default().is_empty() {
        errors.push(FieldError::required(&path.child("image"), ""));
    }
    errors.extend(one_of(
        container.termination_message_policy.as_deref(),
        &MESSAGE_POLICIES,
        &path.child("terminationMessagePolicy"),
    ));
    errors.extend(container_ports(container.ports.as_deref().unwrap_or_default(), &path.child("ports")));
    errors.extend(env(container.env.as_deref().unwrap_or_default(), &path.child("env")));
    errors.extend(env_from(container.env_from.as_deref().unwrap_or_default(), &path.child("envFrom")));
    errors.extend(volume_mounts(container, &context.volumes, &path.child("volumeMounts")));
    errors.extend(volume_devices(container, &context.volumes, &path.child("volumeDevices")));
    errors.extend(pull_policy(container.image_pull_policy.as_deref(), &path.child("imagePullPolicy")));
    if let Some(resources) = &container.resources {
        let path = path.child("resources");
        errors.extend(container_resource_requirements(resources, &context.claims, context.leniency, &path));
    }
    let policies = container.resize_policy.as_deref().unwrap_or_default();
    errors.extend(resize_policy(policies, context.restart_policy, &path.child("resizePolicy")));
    if let Some(security) = &container.security_context {
        let path = path.child("securityContext");
        errors.extend(security_context(security, context.host_users, context.leniency, &path));
    }
    errors
}

/// When an image is pulled.
pub(crate) fn pull_policy(policy: Option<&str>, path: &FieldPath<'_>) -> Errors {
    one_of(policy, &PULL_POLICIES, path).into_iter().collect()
}

fn one_of(value: Option<&str>, supported: &[&str], path: &FieldPath<'_>) -> Option<FieldError> {
    let value = value.unwrap_or_default();
    if value.is_empty() {
        Some(FieldError::required(path, ""))
    } else if supported.contains(&value) {
        None
    } else {
        Some(FieldError::not_supported(path, value, supported))
    }
}

/// What holds for the containers of pods, and not for those of templates.
pub(crate) fn containers_only_for_pod(containers: &[Container], path: &FieldPath<'_>) -> Errors {
    let images = containers.iter().enumerate();
    images.filter_map(|(at, container)| image_without_blanks(container.image.as_deref(), &path.index(at))).collect()
}

/// Blanks around an image; `path` is the container's.
pub(super) fn image_without_blanks(image: Option<&str>, path: &FieldPath<'_>) -> Option<FieldError> {
    let image = image.unwrap_or_default();
    let detail = "must not have leading or trailing whitespace";
    (image.trim() != image).then(|| FieldError::invalid(&path.child("image"), image, detail))
}
