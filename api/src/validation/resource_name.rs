//! The rules of resources' names (`cpu`, `hugepages-2Mi`, `example.com/gpu`) and of their amounts.
//!
//! Facts: pkg/apis/core/helper and pkg/apis/core/validation of upstream.

use super::name::is_qualified_name;
use super::{Errors, FieldError, FieldPath};
use crate::quantity::Quantity;

const HUGE_PAGES: &str = "hugepages-";
const REQUESTS: &str = "requests.";

/// Whether it names huge pages.
#[must_use]
pub fn is_huge_pages(name: &str) -> bool {
    name.starts_with(HUGE_PAGES)
}

/// Whether it is in Kubernetes' own namespace; names without a prefix are.
#[must_use]
pub fn is_native(name: &str) -> bool {
    !name.contains('/') || name.contains("kubernetes.io/")
}

/// Whether it is a resource of somebody else's: with a prefix that isn't Kubernetes'.
#[must_use]
pub fn is_extended(name: &str) -> bool {
    !is_native(name) && !name.starts_with(REQUESTS) && is_qualified_name(&format!("{REQUESTS}{name}")).is_empty()
}

/// Whether a container's limit may differ from its request.
#[must_use]
pub fn is_overcommit_allowed(name: &str) -> bool {
    is_native(name) && !is_huge_pages(name)
}

/// Whether containers can ask for it without a prefix.
#[must_use]
pub fn is_standard_for_containers(name: &str) -> bool {
    matches!(name, "cpu" | "memory" | "ephemeral-storage") || is_huge_pages(name)
}

/// Whether quotas know it.
#[must_use]
pub fn is_standard_for_quota(name: &str) -> bool {
    name != "storage" && is_standard(name)
}

/// Whether Kubernetes knows it, in pods, nodes or quotas.
#[must_use]
pub fn is_standard(name: &str) -> bool {
    is_counted(name)
        || is_huge_pages(name.strip_prefix(REQUESTS).unwrap_or(name))
        || matches!(
            name,
            "cpu"
                | "memory"
                | "storage"
                | "ephemeral-storage"
                | "requests.cpu"
                | "requests.memory"
                | "requests.storage"
                | "requests.ephemeral-storage"
                | "limits.cpu"
                | "limits.memory"
                | "limits.ephemeral-storage"
        )
}

/// Whether only whole numbers of it make sense.
#[must_use]
pub fn is_integer(name: &str) -> bool {
    is_counted(name) || is_extended(name)
}

/// What quotas count objects of.
fn is_counted(name: &str) -> bool {
    matches!(
        name,
        "pods"
            | "resourcequotas"
            | "services"
            | "replicationcontrollers"
            | "secrets"
            | "configmaps"
            | "persistentvolumeclaims"
            | "services.nodeports"
            | "services.loadbalancers"
    )
}

/// A resource's name: a qualified one, and a known one where it has no prefix.
#[must_use]
pub fn resource_name(name: &str, path: &FieldPath<'_>) -> Errors {
    let wrong = is_qualified_name(name);
    if !wrong.is_empty() {
        return wrong.into_iter().map(|wrong| FieldError::invalid(path, name, wrong)).collect();
    }
    if !name.contains('/') && !is_standard(name) {
        return vec![FieldError::invalid(path, name, "must be a standard resource type or fully qualified")];
    }
    Errors::new()
}

/// The name of a resource that containers can ask for.
#[must_use]
pub fn container_resource_name(name: &str, path: &FieldPath<'_>) -> Errors {
    let mut errors = resource_name(name, path);
    if !name.contains('/') {
        if !is_standard_for_containers(name) {
            errors.push(FieldError::invalid(path, name, "must be a standard resource for containers"));
        }
    } else if !is_native(name) && !is_extended(name) {
        errors.push(FieldError::invalid(path, name, "doesn't follow extended resource name standard"));
    }
    errors
}

/// The name of a resource that quotas can bound.
#[must_use]
pub fn quota_resource_name(name: &str, path: &FieldPath<'_>) -> Errors {
    let mut errors = resource_name(name, path);
    if !name.contains('/') && !is_standard_for_quota(name) {
        errors.push(FieldError::invalid(path, name, "must be a standard resource for quota"));
    }
    errors
}

/// An amount that may not be negative.
#[must_use]
pub fn non_negative_quantity(value: Quantity, path: &FieldPath<'_>) -> Errors {
    if value.is_negative() {
        return vec![FieldError::invalid(path, value.to_string(), "must be greater than or equal to 0")];
    }
    Errors::new()
}

/// An amount of the resource `name`: not negative, and whole where it is counted.
#[must_use]
pub fn resource_quantity_value(name: &str, value: Quantity, path: &FieldPath<'_>) -> Errors {
    let mut errors = non_negative_quantity(value, path);
    if is_integer(name) && value.milli_value() % 1000 != 0 {
        errors.push(FieldError::invalid(path, value.to_string(), "must be an integer"));
    }
    errors
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_sorted_out() {
        for (name, standard, quota, container, integer) in [
            ("cpu", true, true, true, false),
            ("storage", true, false, false, false),
            ("requests.storage", true, true, false, false),
            ("pods", true, true, false, true),
            ("hugepages-2Mi", true, true, true, false),
            ("requests.hugepages-2Mi", true, true, false, false),
            ("limits.hugepages-2Mi", false, false, false, false),
            ("example.com/gpu", false, false, false, true),
            ("requests.example.com/gpu", false, false, false, false),
            ("kubernetes.io/thing", false, false, false, false),
        ] {
            let found =
                (is_standard(name), is_standard_for_quota(name), is_standard_for_containers(name), is_integer(name));
            assert_eq!(found, (standard, quota, container, integer), "{name}");
        }
        assert!(is_overcommit_allowed("cpu") && !is_overcommit_allowed("hugepages-1Gi"));
        assert!(!is_overcommit_allowed("example.com/gpu") && is_overcommit_allowed("kubernetes.io/x"));
    }

    #[test]
    fn wrong_names_are_told() {
        let path = FieldPath::new("x");
        let told = |errors: Errors| errors.iter().map(FieldError::body).collect::<Vec<_>>();
        let words = |name: &str, words: &str| format!("Invalid value: \"{name}\": {words}");
        let standard = "must be a standard resource type or fully qualified";
        assert_eq!(told(resource_name("disk", &path)), [words("disk", standard)]);
        let container = "must be a standard resource for containers";
        assert_eq!(told(container_resource_name("disk", &path)), [words("disk", standard), words("disk", container)]);
        assert_eq!(told(container_resource_name("pods", &path)), [words("pods", container)]);
        assert_eq!(
            told(container_resource_name("requests.example.com/gpu", &path)),
            [words("requests.example.com/gpu", "doesn't follow extended resource name standard")]
        );
        assert_eq!(told(container_resource_name("example.com/gpu", &path)), [""; 0]);
    }
}
