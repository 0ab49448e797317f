//! A pod's quality of service: what it may expect of a node that runs out of cpu or memory.
//!
//! `Guaranteed` where every container's requests of both equal its limits, `BestEffort` where none asks for either,
//! else `Burstable`. Resources of the pod itself decide alone. Source: upstream's `pkg/apis/core/helper/qos`.

use k8s_openapi::api::core::v1::{PodSpec, ResourceRequirements};

use super::resource_sum::{is_pod_level, parse};
use crate::quantity::Quantity;

/// The class of a pod with this spec.
#[must_use]
pub fn class(spec: &PodSpec) -> &'static str {
    if let Some(resources) = spec.resources.as_ref().filter(|resources| sets_pod_level(resources)) {
        return of(Some(resources));
    }
    let containers = spec.init_containers.iter().flatten().chain(&spec.containers);
    containers.map(|container| of(container.resources.as_ref())).reduce(combine).unwrap_or(BEST_EFFORT)
}

const GUARANTEED: &str = "Guaranteed";
const BURSTABLE: &str = "Burstable";
const BEST_EFFORT: &str = "BestEffort";

fn combine(a: &'static str, b: &'static str) -> &'static str {
    if a == b { a } else { BURSTABLE }
}

fn sets_pod_level(resources: &ResourceRequirements) -> bool {
    let names = resources.requests.iter().flatten().chain(resources.limits.iter().flatten());
    names.into_iter().any(|(name, _)| is_pod_level(name))
}

fn of(resources: Option<&ResourceRequirements>) -> &'static str {
    let Some(resources) = resources else { return BEST_EFFORT };
    let requests = parse(resources.requests.as_ref());
    let limits = parse(resources.limits.as_ref());
    let one = |name| {
        let request = requests.get(name).copied().unwrap_or(Quantity::ZERO);
        let limit = limits.get(name).copied().unwrap_or(Quantity::ZERO);
        if request != limit {
            BURSTABLE
        } else if request.is_zero() {
            BEST_EFFORT
        } else {
            GUARANTEED
        }
    };
    combine(one("cpu"), one("memory"))
}

#[cfg(test)]
mod tests {
    use serde::Deserialize;
    use serde_json::json;

    use super::*;

    #[test]
    fn classes() {
        let both = json!({"cpu": "1", "memory": "1Gi"});
        let equal = json!({"cpu": "1000m", "memory": "1024Mi"});
        let rows = [
            (json!({"containers": []}), "BestEffort"),
            (json!({"containers": [{"name": "a"}]}), "BestEffort"),
            (json!({"containers": [{"name": "a", "resources": {"requests": both, "limits": equal}}]}), "Guaranteed"),
            (json!({"containers": [{"name": "a", "resources": {"requests": both}}]}), "Burstable"),
            (json!({"containers": [{"name": "a", "resources": {"limits": both}}]}), "Burstable"),
            (
                json!({"containers": [{"name": "a", "resources": {"requests": {"cpu": "1"}, "limits": {"cpu": "1"}}}]}),
                "Burstable",
            ),
            (json!({"containers": [{"name": "a", "resources": {"requests": {"cpu": "0"}}}]}), "BestEffort"),
            (json!({"containers": [{"name": "a", "resources": {"requests": {"example.com/gpu": "1"}}}]}), "BestEffort"),
            (
                json!({"containers": [
                    {"name": "a", "resources": {"requests": both, "limits": both}}, {"name": "b"}]}),
                "Burstable",
            ),
            (
                json!({"initContainers": [{"name": "i"}],
                    "containers": [{"name": "a", "resources": {"requests": both, "limits": both}}]}),
                "Burstable",
            ),
            (json!({"resources": {"requests": both, "limits": both}, "containers": [{"name": "a"}]}), "Guaranteed"),
            (
                json!({"resources": {}, "containers": [{"name": "a", "resources": {"requests": {"cpu": "1"}}}]}),
                "Burstable",
            ),
            (
                json!({"resources": {"requests": {"hugepages-2Mi": "2Mi"}},
                    "containers": [{"name": "a", "resources": {"requests": {"cpu": "1"}}}]}),
                "BestEffort",
            ),
        ];
        for (spec, expected) in rows {
            assert_eq!(class(&PodSpec::deserialize(&spec).unwrap()), expected, "{spec}");
        }
    }
}
