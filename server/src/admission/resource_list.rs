//! Quantities by resource name, and what a pod's containers need together.
//!
//! Regular containers and sidecars run side by side, so theirs add up; init containers run one after the other beside
//! the sidecars started so far, so the largest moment counts. Source: KEP 753, upstream's `component-helpers/resource`.
//! Quantities that are none count as nothing: validation refuses them.

use std::collections::BTreeMap;

use howdah_api::quantity::Quantity;
use k8s_openapi::apimachinery::pkg::api::resource::Quantity as Text;
use serde_json::{Map, Value};

use super::tree::{at, items, text};

/// Quantities by resource name.
pub type ResourceList = BTreeMap<String, Quantity>;

/// One half of resource requirements.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Half {
    Requests,
    Limits,
}

impl Half {
    pub(super) const fn name(self) -> &'static str {
        match self {
            Self::Requests => "requests",
            Self::Limits => "limits",
        }
    }
}

/// A list as it stands in a tree.
pub(super) fn parse(list: &Value) -> ResourceList {
    let entries = list.as_object().into_iter().flatten();
    entries.filter_map(|(name, value)| Some((name.clone(), quantity(value)?))).collect()
}

/// A list as it stands in a typed view.
pub(super) fn parse_texts(list: Option<&BTreeMap<String, Text>>) -> ResourceList {
    let entries = list.into_iter().flatten();
    entries.filter_map(|(name, text)| Some((name.clone(), Quantity::parse(&text.0).ok()?))).collect()
}

/// A quantity as it stands in a tree: a text, or a number in bodies that are not normalised.
fn quantity(value: &Value) -> Option<Quantity> {
    match value {
        Value::String(text) => Quantity::parse(text).ok(),
        Value::Number(number) => Quantity::parse(&number.to_string()).ok(),
        _ => None,
    }
}

/// A list as it is stored.
pub(super) fn tree(list: &ResourceList) -> Value {
    Value::Object(
        list.iter().map(|(name, quantity)| (name.clone(), quantity.to_string().into())).collect::<Map<_, _>>(),
    )
}

/// Adds another list.
pub(super) fn add(into: &mut ResourceList, other: &ResourceList) {
    for (name, quantity) in other {
        into.entry(name.clone()).and_modify(|sum| *sum += *quantity).or_insert(*quantity);
    }
}

/// Takes the larger quantity of each name.
pub(super) fn raise(into: &mut ResourceList, other: &ResourceList) {
    for (name, quantity) in other {
        into.entry(name.clone()).and_modify(|most| *most = (*most).max(*quantity)).or_insert(*quantity);
    }
}

/// `one` less `other`, zero where that is negative; with the names of both.
pub(super) fn increase(one: &ResourceList, other: &ResourceList) -> ResourceList {
    let names = one.keys().chain(other.keys());
    let of = |list: &ResourceList, name: &str| list.get(name).copied().unwrap_or(Quantity::ZERO);
    names
        .map(|name| {
            let difference = of(one, name) - of(other, name);
            (name.clone(), if difference.is_positive() { difference } else { Quantity::ZERO })
        })
        .collect()
}

/// How a pod's needs are counted.
#[derive(Debug, Clone, Copy)]
pub(super) struct Counting {
    /// What the status tells of resizes counts too, where it is more.
    pub(super) status: bool,
    /// The pod's own overhead counts.
    pub(super) overhead: bool,
    /// Huge pages may be set for the pod as a whole, as cpu and memory may.
    pub(super) huge_pages_of_pod: bool,
}

/// What a pod needs.
pub(super) fn pod(pod: &Value, half: Half, counting: Counting) -> ResourceList {
    let is_pod_level =
        |name: &str| matches!(name, "cpu" | "memory") || (counting.huge_pages_of_pod && name.starts_with("hugepages-"));
    let mut result = if counting.status { with_status(pod, half) } else { aggregate(pod, half, &of_spec) };
    for (name, quantity) in parse(at(pod, &["spec", "resources", half.name()])) {
        if is_pod_level(&name) {
            result.insert(name, quantity);
        }
    }
    if counting.overhead {
        let overhead = parse(at(pod, &["spec", "overhead"]));
        match half {
            Half::Requests => add(&mut result, &overhead),
            Half::Limits => {
                for (name, quantity) in overhead {
                    if let Some(limit) = result.get_mut(&name).filter(|limit| !limit.is_zero()) {
                        *limit += quantity;
                    }
                }
            }
        }
    }
    result
}

/// Where one container's needs are read: from the container, its status and half.
type Pick<'p> = &'p dyn Fn(&Value, &Value, Half) -> ResourceList;

fn of_spec(container: &Value, _status: &Value, half: Half) -> ResourceList {
    parse(at(container, &["resources", half.name()]))
}

/// The most of what is asked for, allotted and in force.
fn with_status(pod: &Value, half: Half) -> ResourceList {
    let is_infeasible = items(pod, &["status", "conditions"])
        .iter()
        .find(|condition| text(condition, &["type"]) == "PodResizePending")
        .is_some_and(|condition| text(condition, &["reason"]) == "Infeasible");
    let asked = |container: &Value, half: Half| match is_infeasible {
        true => ResourceList::new(),
        false => of_spec(container, &Value::Null, half),
    };
    let allotted = |container: &Value, status: &Value, half: Half| match at(status, &["allocatedResources"]) {
        Value::Object(list) => parse(&Value::Object(list.clone())),
        _ => asked(container, half),
    };
    let in_force = |container: &Value, status: &Value, half: Half| match at(status, &["resources", half.name()]) {
        list @ Value::Object(_) => parse(list),
        _ if half == Half::Requests => allotted(container, status, half),
        _ => asked(container, half),
    };
    let mut result = aggregate(pod, half, &in_force);
    if half == Half::Requests {
        raise(&mut result, &aggregate(pod, half, &allotted));
    }
    if !is_infeasible {
        raise(&mut result, &aggregate(pod, half, &of_spec));
    }
    result
}

fn aggregate(pod: &Value, half: Half, pick: Pick<'_>) -> ResourceList {
    let statuses = ["containerStatuses", "initContainerStatuses"].map(|list| items(pod, &["status", list]));
    let of = |container: &Value| {
        let name = text(container, &["name"]);
        let status = statuses.iter().flat_map(|list| list.iter()).find(|status| text(status, &["name"]) == name);
        pick(container, status.unwrap_or(&Value::Null), half)
    };
    let mut result = ResourceList::new();
    for container in items(pod, &["spec", "containers"]) {
        add(&mut result, &of(container));
    }
    let (mut sidecars, mut largest) = (ResourceList::new(), ResourceList::new());
    for container in items(pod, &["spec", "initContainers"]) {
        let mut moment = of(container);
        if text(container, &["restartPolicy"]) == "Always" {
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

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    const ALL: Counting = Counting { status: true, overhead: true, huge_pages_of_pod: true };

    #[test]
    fn pods_need_the_largest_moment() {
        let requests = |cpu: &str| json!({"requests": {"cpu": cpu}, "limits": {"cpu": cpu}});
        let rows = [
            (
                json!({"spec": {"containers": [{"name": "a", "resources": requests("1")}, {"name": "b", "resources": requests("500m")}]}}),
                "1500m",
                "1500m",
            ),
            (
                json!({"spec": {"containers": [{"name": "a", "resources": requests("1")}], "initContainers": [{"name": "i", "resources": requests("3")}]}}),
                "3",
                "3",
            ),
            (
                json!({"spec": {"containers": [{"name": "a", "resources": requests("1")}], "initContainers": [
                {"name": "s", "restartPolicy": "Always", "resources": requests("1")}, {"name": "i", "resources": requests("2")}]}}),
                "3",
                "3",
            ),
            (
                json!({"spec": {"overhead": {"cpu": "250m"}, "containers": [{"name": "a", "resources": requests("1")}]}}),
                "1250m",
                "1250m",
            ),
            (
                json!({"spec": {"resources": requests("4"), "containers": [{"name": "a", "resources": requests("1")}]}}),
                "4",
                "4",
            ),
            (
                json!({"spec": {"containers": [{"name": "a", "resources": requests("1")}]},
                "status": {"containerStatuses": [{"name": "a", "allocatedResources": {"cpu": "2"}, "resources": requests("3")}]}}),
                "3",
                "3",
            ),
            (
                json!({"spec": {"containers": [{"name": "a", "resources": requests("9")}]},
                "status": {"conditions": [{"type": "PodResizePending", "reason": "Infeasible"}],
                    "containerStatuses": [{"name": "a", "allocatedResources": {"cpu": "2"}, "resources": requests("1")}]}}),
                "2",
                "1",
            ),
        ];
        for (tree, requested, limited) in rows {
            assert_eq!(pod(&tree, Half::Requests, ALL)["cpu"].to_string(), requested, "{tree}");
            assert_eq!(pod(&tree, Half::Limits, ALL)["cpu"].to_string(), limited, "{tree}");
        }
    }

    #[test]
    fn increases_are_never_negative() {
        let list = |value: Value| parse(&value);
        let increase = increase(&list(json!({"a": "3", "b": "1"})), &list(json!({"a": "1", "b": "2", "c": "1"})));
        assert_eq!(tree(&increase), json!({"a": "2", "b": "0", "c": "0"}));
    }
}
