//! The names of resources that containers and pods ask for, and what the names say of the amounts.

use super::message::qualified_name;
use crate::validation::name::is_qualified_name;
use crate::validation::{Errors, FieldError, FieldPath};

const HUGE_PAGES: &str = "hugepages-";
const REQUESTS: &str = "requests.";
const REQUESTED_HUGE_PAGES: &str = "requests.hugepages-";

const OF_CONTAINERS: [&str; 3] = ["cpu", "memory", "ephemeral-storage"];
/// What a pod as a whole may ask for, in the order of the sentence.
const OF_PODS: [&str; 3] = ["cpu", HUGE_PAGES, "memory"];
/// Resources that are counted.
const COUNTED: [&str; 9] = [
    "pods",
    "resourcequotas",
    "services",
    "replicationcontrollers",
    "secrets",
    "configmaps",
    "persistentvolumeclaims",
    "services.nodeports",
    "services.loadbalancers",
];
/// Resources that are measured.
const MEASURED: [&str; 11] = [
    "cpu",
    "memory",
    "ephemeral-storage",
    "requests.cpu",
    "requests.memory",
    "requests.ephemeral-storage",
    "limits.cpu",
    "limits.memory",
    "limits.ephemeral-storage",
    "storage",
    "requests.storage",
];

/// The page's size in the name of huge pages.
pub(super) fn huge_page_size(name: &str) -> Option<&str> {
    name.strip_prefix(HUGE_PAGES)
}

/// Whether the name is one of Kubernetes' own: without a domain, or in its domain.
pub(super) fn is_native(name: &str) -> bool {
    !name.contains('/') || name.contains("kubernetes.io/")
}

/// Whether requests may differ from limits.
pub(super) fn is_overcommit_allowed(name: &str) -> bool {
    is_native(name) && huge_page_size(name).is_none()
}

/// Whether amounts are whole numbers.
pub(super) fn is_integer(name: &str) -> bool {
    COUNTED.contains(&name) || is_extended(name)
}

fn is_extended(name: &str) -> bool {
    !is_native(name) && !name.starts_with(REQUESTS) && is_qualified_name(&format!("{REQUESTS}{name}")).is_empty()
}

fn resource_name(name: &str, path: &FieldPath<'_>) -> Errors {
    let mut errors = qualified_name(name, path);
    let standard = COUNTED.contains(&name)
        || MEASURED.contains(&name)
        || name.starts_with(HUGE_PAGES)
        || name.starts_with(REQUESTED_HUGE_PAGES);
    if errors.is_empty() && !name.contains('/') && !standard {
        errors.push(FieldError::invalid(path, name, "must be a standard resource type or fully qualified"));
    }
    errors
}

/// All that is wrong with the name of a resource of a container.
pub(crate) fn container_resource_name(name: &str, path: &FieldPath<'_>) -> Errors {
    let mut errors = resource_name(name, path);
    if !name.contains('/') {
        if !OF_CONTAINERS.contains(&name) && huge_page_size(name).is_none() {
            errors.push(FieldError::invalid(path, name, "must be a standard resource for containers"));
        }
    } else if !is_native(name) && !is_extended(name) {
        errors.push(FieldError::invalid(path, name, "doesn't follow extended resource name standard"));
    }
    errors
}

/// All that is wrong with the name of a resource of a pod as a whole.
pub(crate) fn pod_resource_name(name: &str, path: &FieldPath<'_>) -> Errors {
    let mut errors = resource_name(name, path);
    if errors.is_empty() && !OF_PODS.contains(&name) && huge_page_size(name).is_none() {
        errors.push(FieldError::not_supported(path, name, &OF_PODS));
    }
    errors
}
