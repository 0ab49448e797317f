//! A container that has ended may only run again where its restart policy lets it.

use k8s_openapi::api::core::v1::{Container, ContainerStatus, PodSpec};

use crate::validation::{Errors, FieldError, FieldPath};

const DETAIL: &str = "may not be transitioned to non-terminated state";

/// The changes of state of one list of containers.
pub(super) fn transitions(
    new: &[ContainerStatus],
    old: &[ContainerStatus],
    containers: &[Container],
    spec: &PodSpec,
    path: &FieldPath<'_>,
) -> Errors {
    if restarts_all(spec) {
        return Errors::new();
    }
    revived(new, old, path, |name, exit_code| {
        let container = containers.iter().find(|container| container.name == name);
        container.is_some_and(|container| should_restart(container, spec, exit_code))
    })
}

/// The changes of state of ephemeral containers, which are never restarted.
pub(super) fn ephemeral_transitions(new: &[ContainerStatus], old: &[ContainerStatus], path: &FieldPath<'_>) -> Errors {
    revived(new, old, path, |_, _| false)
}

fn revived(
    new: &[ContainerStatus],
    old: &[ContainerStatus],
    path: &FieldPath<'_>,
    may_restart: impl Fn(&str, i32) -> bool,
) -> Errors {
    let ended = |status: &ContainerStatus| status.state.as_ref().and_then(|state| state.terminated.clone());
    let mut errors = Errors::new();
    for (index, status) in old.iter().enumerate() {
        let Some(terminated) = ended(status) else { continue };
        let lives = new.iter().any(|other| other.name == status.name && ended(other).is_none());
        if lives && !may_restart(&status.name, terminated.exit_code) {
            let at = path.index(index);
            errors.push(FieldError::forbidden(&at.child("state"), DETAIL));
        }
    }
    errors
}

/// Whether some container's end can restart them all.
fn restarts_all(spec: &PodSpec) -> bool {
    let containers = spec.init_containers.iter().flatten().chain(&spec.containers);
    containers
        .flat_map(|container| container.restart_policy_rules.iter().flatten())
        .any(|rule| rule.action == "RestartAllContainers")
}

/// Whether a container that ended so is started again: by its rules, its own policy, the pod's.
fn should_restart(container: &Container, spec: &PodSpec, exit_code: i32) -> bool {
    let by_policy = |policy: &str| match policy {
        "Always" => Some(true),
        "OnFailure" => Some(exit_code != 0),
        "Never" => Some(false),
        _ => None,
    };
    if let Some(policy) = &container.restart_policy {
        let rule = container.restart_policy_rules.iter().flatten().find(|rule| {
            rule.exit_codes.as_ref().is_some_and(|codes| {
                let has = codes.values.iter().flatten().any(|code| *code == exit_code);
                match codes.operator.as_str() {
                    "In" => has,
                    "NotIn" => !has,
                    _ => false,
                }
            })
        });
        if rule.is_some_and(|rule| matches!(rule.action.as_str(), "Restart" | "RestartAllContainers")) {
            return true;
        }
        if let Some(restart) = by_policy(policy) {
            return restart;
        }
    }
    by_policy(spec.restart_policy.as_deref().unwrap_or_default()).unwrap_or(true)
}
