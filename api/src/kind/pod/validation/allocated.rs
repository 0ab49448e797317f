//! The health of devices that containers were given, as their statuses tell it.

use std::collections::BTreeSet;

use k8s_openapi::api::core::v1::{Container, ContainerStatus, PodStatus, ResourceHealth};

use crate::quantity::Quantity;
use crate::validation::{Errors, FieldError, FieldPath};

const HEALTH: [&str; 3] = ["Healthy", "Unhealthy", "Unknown"];
const MAX_MESSAGE: usize = 1024;

/// `allocatedResourcesStatus` of one list of statuses.
pub(super) fn allocated_resources(
    statuses: &[ContainerStatus],
    containers: &[Container],
    pod: &PodStatus,
    path: &FieldPath<'_>,
) -> Errors {
    let mut errors = Errors::new();
    for (index, status) in statuses.iter().enumerate() {
        let at = path.index(index);
        let at = at.child("allocatedResourcesStatus");
        // A status without a container is let be.
        let container = containers.iter().find(|container| container.name == status.name);
        for (index, resource) in status.allocated_resources_status.iter().flatten().enumerate() {
            let at = at.index(index);
            if let Some(detail) = container.and_then(|container| unrequested(&resource.name, container, pod)) {
                errors.push(FieldError::invalid(&at.child("name"), resource.name.as_str(), detail));
            }
            let resources = resource.resources.as_deref().unwrap_or_default();
            errors.extend(devices(resources, &at.child("resources")));
        }
    }
    errors
}

/// Ephemeral containers have no resources.
pub(super) fn no_allocated_resources(statuses: &[ContainerStatus], path: &FieldPath<'_>) -> Errors {
    let mut errors = Errors::new();
    for (index, status) in statuses.iter().enumerate() {
        if status.allocated_resources_status.as_ref().is_some_and(|list| !list.is_empty()) {
            let at = path.index(index);
            let detail = "must not be specified in container status";
            errors.push(FieldError::forbidden(&at.child("allocatedResourcesStatus"), detail));
        }
    }
    errors
}

fn unrequested(name: &str, container: &Container, pod: &PodStatus) -> Option<&'static str> {
    let resources = container.resources.as_ref();
    let requests = resources.and_then(|resources| resources.requests.as_ref());
    let Some(claim) = name.strip_prefix("claim:") else {
        let requested = requests.is_some_and(|requests| requests.contains_key(name));
        return (!requested).then_some("must match one of the container's resource requests");
    };
    let claims = resources.and_then(|resources| resources.claims.as_deref()).unwrap_or_default();
    let claimed = claims.iter().any(|own| match own.request.as_deref().unwrap_or_default() {
        "" => claim == own.name,
        request => claim.split_once('/') == Some((own.name.as_str(), request)),
    });
    let extended = || {
        let status = pod.extended_resource_claim_status.as_ref()?;
        let (_, request) = claim.split_once('/').filter(|(name, _)| *name == status.resource_claim_name)?;
        let mut mappings = status.request_mappings.iter();
        mappings.find(|mapping| {
            let quantity = requests.and_then(|requests| requests.get(&mapping.resource_name));
            mapping.container_name == container.name
                && !request.is_empty()
                && mapping.request_name == request
                && quantity.is_some_and(|text| Quantity::parse(&text.0).is_ok_and(|quantity| !quantity.is_zero()))
        })
    };
    (!claimed && extended().is_none()).then_some(
        "must match one of the container's resource claims as 'claim:<claimName>/<requestName>' when \
         container.resources.claims[*].request is set or 'claim:<claimName>' when it is empty",
    )
}

fn devices(devices: &[ResourceHealth], path: &FieldPath<'_>) -> Errors {
    let mut errors = Errors::new();
    let mut seen = BTreeSet::new();
    for (index, device) in devices.iter().enumerate() {
        let at = path.index(index);
        let health = device.health.as_deref().unwrap_or_default();
        if !HEALTH.contains(&health) {
            errors.push(FieldError::not_supported(&at.child("health"), health, &HEALTH));
        }
        match device.message.as_deref() {
            Some("") => errors.push(FieldError::required(&at.child("message"), "must be non-empty if specified")),
            Some(message) if message.len() > MAX_MESSAGE => {
                errors.push(FieldError::too_long(&at.child("message"), MAX_MESSAGE));
            }
            _ => {}
        }
        if !seen.insert(device.resource_id.as_str()) {
            errors.push(FieldError::duplicate(&at.child("resourceID"), device.resource_id.as_str()));
        }
    }
    errors
}
