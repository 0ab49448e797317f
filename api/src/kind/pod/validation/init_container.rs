//! Init containers, and the sidecars among them: those that are always restarted.

use std::collections::BTreeSet;
use std::slice;

use k8s_openapi::api::core::v1::Container;

use super::container::container_common;
use super::context::PodContext;
use super::lifecycle::lifecycle;
use super::port::accumulate_unique_host_ports;
use super::probe::probes;
use super::restart_policy::{ALWAYS, RESTART_CONTAINER, init_container_restart_policy};
use crate::validation::{Errors, FieldError, FieldPath};

/// All that is wrong with the init containers; their names may not be those of `regular` ones.
pub(crate) fn init_containers(
    containers: &[Container],
    regular: &[Container],
    context: &PodContext<'_>,
    path: &FieldPath<'_>,
) -> Errors {
    let mut names: BTreeSet<&str> = regular.iter().map(|container| container.name.as_str()).collect();
    let mut errors = Errors::new();
    for (at, container) in containers.iter().enumerate() {
        let own = path.index(at);
        errors.extend(container_common(container, context, &own));
        errors.extend(init_container_restart_policy(container, &own));
        let name = container.name.as_str();
        if names.contains(name) {
            errors.push(FieldError::duplicate(&own.child("name"), name));
        } else if !name.is_empty() {
            names.insert(name);
        }
        // Init containers run one by one, so each is looked at alone; upstream calls each of them the first.
        errors.extend(accumulate_unique_host_ports(slice::from_ref(container), &mut BTreeSet::new(), path));
        if container.restart_policy.as_deref() == Some(ALWAYS) {
            if let Some(hooks) = &container.lifecycle {
                errors.extend(lifecycle(hooks, context, &own.child("lifecycle")));
            }
            errors.extend(probes(container, context.grace_period, &own));
        } else {
            errors.extend(only_for_sidecars(container, &own));
            if !context.leniency.restart_container_init {
                errors.extend(resize_restarts(container, &own.child("resizePolicy")));
            }
        }
    }
    errors
}

fn only_for_sidecars(container: &Container, path: &FieldPath<'_>) -> Errors {
    let fields = [
        ("lifecycle", container.lifecycle.is_some()),
        ("livenessProbe", container.liveness_probe.is_some()),
        ("readinessProbe", container.readiness_probe.is_some()),
        ("startupProbe", container.startup_probe.is_some()),
    ];
    let detail = "may not be set for init containers without restartPolicy=Always";
    let set = fields.into_iter().filter(|(_, set)| *set);
    set.map(|(field, _)| FieldError::forbidden(&path.child(field), detail)).collect()
}

fn resize_restarts(container: &Container, path: &FieldPath<'_>) -> Errors {
    let policies = container.resize_policy.iter().flatten().enumerate();
    let detail = "must not be set to 'RestartContainer' for non-sidecar initContainers";
    policies
        .filter(|(_, policy)| policy.restart_policy == RESTART_CONTAINER)
        .map(|(at, _)| FieldError::invalid(&path.index(at).child("restartPolicy"), RESTART_CONTAINER, detail))
        .collect()
}
