//! The containers of a spec, of all three lists, in upstream's order: init, regular, ephemeral.

use k8s_openapi::api::core::v1::{ContainerPort, EnvVar, PodSpec, ResourceRequirements, SecurityContext, VolumeDevice};

/// What containers of all lists have in common.
#[derive(Debug, Clone, Copy)]
pub(super) struct Visited<'a> {
    /// The list's field.
    pub(super) list: &'static str,
    /// The place in the list.
    pub(super) index: usize,
    /// The container's name.
    pub(super) name: &'a str,
    /// Its security context.
    pub(super) security_context: Option<&'a SecurityContext>,
    /// Its environment.
    pub(super) env: &'a [EnvVar],
    /// Its ports.
    pub(super) ports: &'a [ContainerPort],
    /// Its devices.
    pub(super) volume_devices: &'a [VolumeDevice],
    /// Its resources.
    pub(super) resources: Option<&'a ResourceRequirements>,
}

/// All containers of a spec.
pub(super) fn containers(spec: &PodSpec) -> impl Iterator<Item = Visited<'_>> {
    macro_rules! visited {
        ($list:literal) => {
            |(index, container)| Visited {
                list: $list,
                index,
                name: &container.name,
                security_context: container.security_context.as_ref(),
                env: container.env.as_deref().unwrap_or_default(),
                ports: container.ports.as_deref().unwrap_or_default(),
                volume_devices: container.volume_devices.as_deref().unwrap_or_default(),
                resources: container.resources.as_ref(),
            }
        };
    }
    let init = spec.init_containers.iter().flatten().enumerate().map(visited!("initContainers"));
    let regular = spec.containers.iter().enumerate().map(visited!("containers"));
    let ephemeral = spec.ephemeral_containers.iter().flatten().enumerate().map(visited!("ephemeralContainers"));
    init.chain(regular).chain(ephemeral)
}
