//! Defaults of resources that a pod has as a whole.
//!
//! They follow from the containers', so they are set when admission has made the pod complete, not while decoding:
//! limits of huge pages from the containers' limits, then requests from the containers' requests and the pod's limits,
//! then limits where every container has one. A pod without resources of its own gets none.
//! Source: upstream's `DefaultPodLevelResources`; KEP 2837.

use k8s_openapi::api::core::v1::PodSpec;
use serde::Deserialize;
use serde_json::Value;

use super::access::{Object, is_set, object_or_new};
use super::resource_sum::{Half, Sum, aggregate, allows_overcommit, is_huge_page, is_pod_level};
use super::visit;
use crate::quantity::Quantity;

/// Fills in `spec.resources`, if the pod has some.
pub(super) fn default(pod: &mut Value) {
    let Some(spec) = pod.get("spec").and_then(|spec| PodSpec::deserialize(spec).ok()) else { return };
    let Some(resources) = pod.pointer_mut("/spec/resources").and_then(Value::as_object_mut) else { return };
    if is_empty(resources, "requests") && is_empty(resources, "limits") {
        return;
    }
    let limits = aggregate(&spec, Half::Limits);
    let pages: Sum = limits
        .iter()
        .filter(|(name, _)| is_huge_page(name) && !has(resources, "requests", name))
        .map(|(name, sum)| (name.clone(), *sum))
        .collect();
    fill(resources, "limits", &pages);
    let requests = aggregate(&spec, Half::Requests).into_iter();
    let requests: Sum = requests.filter(|(name, _)| is_pod_level(name) && allows_overcommit(name)).collect();
    fill(resources, "requests", &requests);
    fill(resources, "requests", &own(resources, "limits"));
    let limited: Sum = own(resources, "requests")
        .into_iter()
        .filter(|(name, _)| all_limited(&spec, name))
        .filter_map(|(name, request)| {
            let sum = limits.get(&name).copied()?;
            Some((name, request.max(sum)))
        })
        .collect();
    fill(resources, "limits", &limited);
}

fn is_empty(resources: &Object, half: &str) -> bool {
    resources.get(half).and_then(Value::as_object).is_none_or(Object::is_empty)
}

fn has(resources: &Object, half: &str, name: &str) -> bool {
    resources.get(half).and_then(Value::as_object).is_some_and(|list| is_set(list, name))
}

/// The pod's own quantities, of what it can have.
fn own(resources: &Object, half: &str) -> Sum {
    let list = resources.get(half).and_then(Value::as_object).into_iter().flatten();
    list.filter(|(name, _)| is_pod_level(name))
        .filter_map(|(name, text)| Some((name.clone(), Quantity::parse(text.as_str()?).ok()?)))
        .collect()
}

fn fill(resources: &mut Object, half: &str, with: &Sum) {
    if with.is_empty() {
        return;
    }
    let Some(list) = object_or_new(resources, half) else { return };
    for (name, quantity) in with {
        if !is_set(list, name) {
            list.insert(name.clone(), Value::String(quantity.to_string()));
        }
    }
}

/// Whether every container, ephemeral ones too, has a limit.
fn all_limited(spec: &PodSpec, name: &str) -> bool {
    visit::containers(spec).all(|container| {
        let limits = container.resources.and_then(|resources| resources.limits.as_ref());
        limits.is_some_and(|limits| limits.contains_key(name))
    })
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn requests_and_limits_follow_the_containers() {
        let container = |requests: Value, limits: Value| json!([{"name": "a", "resources": {"requests": requests, "limits": limits}}]);
        let rows = [
            (json!({}), container(json!({"cpu": "1"}), json!({})), json!({})),
            (
                json!({"limits": {"cpu": "2"}}),
                container(json!({"cpu": "500m", "memory": "1Gi"}), json!({})),
                json!({"limits": {"cpu": "2"}, "requests": {"cpu": "500m", "memory": "1Gi"}}),
            ),
            (
                json!({"limits": {"cpu": "2"}}),
                json!([{"name": "a"}]),
                json!({"limits": {"cpu": "2"}, "requests": {"cpu": "2"}}),
            ),
            (
                json!({"requests": {"cpu": "2"}}),
                container(json!({"cpu": "1"}), json!({"cpu": "1"})),
                json!({"requests": {"cpu": "2"}, "limits": {"cpu": "2"}}),
            ),
            (
                json!({"requests": {"cpu": "1"}}),
                container(json!({"hugepages-2Mi": "4Mi"}), json!({"hugepages-2Mi": "4Mi"})),
                json!({"requests": {"cpu": "1", "hugepages-2Mi": "4Mi"}, "limits": {"hugepages-2Mi": "4Mi"}}),
            ),
        ];
        for (resources, containers, expected) in rows {
            let mut pod = json!({"spec": {"resources": resources, "containers": containers}});
            default(&mut pod);
            assert_eq!(pod["spec"]["resources"], expected, "{resources} {containers}");
        }
    }
}
