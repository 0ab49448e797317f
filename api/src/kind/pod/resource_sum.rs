//! What a pod's containers request or may use together.
//!
//! Regular containers and sidecars run side by side, so theirs add up; init containers run one after the other beside
//! the sidecars started so far, so the largest moment counts. Source: KEP 753, upstream's
//! `component-helpers/resource`. Deliberately absent: what the status says of resizes, overhead, resources of claims.

use std::collections::BTreeMap;

use k8s_openapi::api::core::v1::{Container, PodSpec, ResourceRequirements};
use k8s_openapi::apimachinery::pkg::api::resource::Quantity as Text;

use crate::quantity::Quantity;

/// Resources by name.
pub(super) type Sum = BTreeMap<String, Quantity>;

/// One half of resource requirements.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Half {
    /// `requests`.
    Requests,
    /// `limits`.
    Limits,
}

impl Half {
    /// This half of the requirements.
    pub(super) fn of(self, resources: &ResourceRequirements) -> Option<&BTreeMap<String, Text>> {
        match self {
            Self::Requests => resources.requests.as_ref(),
            Self::Limits => resources.limits.as_ref(),
        }
    }
}

/// What the containers need together. Quantities that are none count as nothing.
pub(super) fn aggregate(spec: &PodSpec, half: Half) -> Sum {
    let of = |container: &Container| container.resources.as_ref().map_or_else(Sum::new, |all| parse(half.of(all)));
    let mut result = Sum::new();
    for container in &spec.containers {
        add(&mut result, &of(container));
    }
    let mut sidecars = Sum::new();
    let mut largest = Sum::new();
    for container in spec.init_containers.iter().flatten() {
        let mut moment = of(container);
        if container.restart_policy.as_deref() == Some("Always") {
            add(&mut result, &moment);
            add(&mut sidecars, &moment);
            moment.clone_from(&sidecars);
        } else {
            add(&mut moment, &sidecars);
        }
        raise(&mut largest, &moment);
    }
    raise(&mut result, &largest);
    result
}

/// A resource list as numbers.
pub(super) fn parse(list: Option<&BTreeMap<String, Text>>) -> Sum {
    list.into_iter().flatten().filter_map(|(name, text)| Some((name.clone(), Quantity::parse(&text.0).ok()?))).collect()
}

/// Whether a pod can carry this resource at its own level.
pub(super) fn is_pod_level(name: &str) -> bool {
    matches!(name, "cpu" | "memory") || is_huge_page(name)
}

/// Whether this is memory in pages of a certain size.
pub(super) fn is_huge_page(name: &str) -> bool {
    name.starts_with("hugepages-")
}

/// Whether a request may be smaller than the limit.
pub(super) fn allows_overcommit(name: &str) -> bool {
    (!name.contains('/') || name.contains("kubernetes.io/")) && !is_huge_page(name)
}

fn add(into: &mut Sum, other: &Sum) {
    for (name, quantity) in other {
        into.entry(name.clone()).and_modify(|sum| *sum += *quantity).or_insert(*quantity);
    }
}

fn raise(into: &mut Sum, other: &Sum) {
    for (name, quantity) in other {
        into.entry(name.clone()).and_modify(|sum| *sum = (*sum).max(*quantity)).or_insert(*quantity);
    }
}
