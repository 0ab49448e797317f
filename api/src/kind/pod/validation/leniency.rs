//! What an update may leave wrong because the old object was wrong already.
//!
//! Rules that were added after objects could be stored would otherwise make those objects impossible to change.
//! Upstream's `GetValidationOptionsFromPodSpecAndMeta`, as far as containers and volumes are concerned, with the feature
//! gates of v1.37 at their defaults.

use k8s_openapi::api::core::v1::{Container, PodSpec, ResourceRequirements, SecurityContext};

use super::local_path::local_non_reserved_path;
use super::resource::is_indivisible_huge_page;
use crate::validation::FieldPath;

/// The rules that are not applied.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(crate) struct Leniency {
    /// Huge pages need not be whole multiples of the page.
    pub(crate) indivisible_huge_pages: bool,
    /// A projected token's path may leave the volume.
    pub(crate) non_local_token_path: bool,
    /// An init container that isn't a sidecar may ask to be restarted on a resize.
    pub(crate) restart_container_init: bool,
    /// An image volume may name no image.
    pub(crate) empty_image_reference: bool,
    /// A container may have `CAP_SYS_ADMIN` although it may not escalate its privileges.
    pub(crate) sys_admin_without_escalation: bool,
}

impl Leniency {
    /// What an update of `old` may leave wrong; nothing for a new object.
    pub(crate) fn of(old: Option<&PodSpec>) -> Self {
        let Some(spec) = old else { return Self::default() };
        Self {
            indivisible_huge_pages: indivisible_huge_pages(spec),
            non_local_token_path: non_local_token_path(spec),
            restart_container_init: restart_container_init(spec),
            empty_image_reference: empty_image_reference(spec),
            sys_admin_without_escalation: container_parts(spec).any(|(_, context)| context.is_some_and(sys_admin)),
        }
    }
}

type Parts<'a> = (Option<&'a ResourceRequirements>, Option<&'a SecurityContext>);

/// Resources and security context of every container, the ephemeral ones included.
fn container_parts(spec: &PodSpec) -> impl Iterator<Item = Parts<'_>> {
    fn parts(container: &Container) -> Parts<'_> {
        (container.resources.as_ref(), container.security_context.as_ref())
    }
    let init = spec.init_containers.iter().flatten().map(parts);
    let ephemeral = spec.ephemeral_containers.iter().flatten();
    init.chain(spec.containers.iter().map(parts))
        .chain(ephemeral.map(|container| (container.resources.as_ref(), container.security_context.as_ref())))
}

fn indivisible_huge_pages(spec: &PodSpec) -> bool {
    let of_containers = container_parts(spec)
        .filter_map(|(resources, _)| resources)
        .flat_map(|resources| resources.limits.iter().chain(&resources.requests))
        .flatten();
    of_containers.chain(spec.overhead.iter().flatten()).any(|(name, quantity)| is_indivisible_huge_page(name, quantity))
}

fn non_local_token_path(spec: &PodSpec) -> bool {
    let volumes = spec.volumes.iter().flatten();
    volumes
        .filter_map(|volume| volume.projected.as_ref()?.sources.as_deref())
        .flatten()
        .filter_map(|source| source.service_account_token.as_ref())
        .any(|token| !local_non_reserved_path(&token.path, &FieldPath::new("path")).is_empty())
}

fn restart_container_init(spec: &PodSpec) -> bool {
    spec.init_containers
        .iter()
        .flatten()
        .filter(|container| container.restart_policy.as_deref() != Some("Always"))
        .flat_map(|container| container.resize_policy.iter().flatten())
        .any(|policy| policy.restart_policy == "RestartContainer")
}

fn empty_image_reference(spec: &PodSpec) -> bool {
    let images = spec.volumes.iter().flatten().filter_map(|volume| volume.image.as_ref());
    images.into_iter().any(|image| image.reference.as_deref().unwrap_or_default().is_empty())
}

fn sys_admin(context: &SecurityContext) -> bool {
    let added = context.capabilities.as_ref().and_then(|capabilities| capabilities.add.as_deref()).unwrap_or_default();
    context.allow_privilege_escalation != Some(true) && added.iter().any(|name| name == "CAP_SYS_ADMIN")
}
