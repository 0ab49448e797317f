//! What pods use of a quota.

use std::collections::{BTreeMap, BTreeSet};

use howdah_api::kind::pod::qos;
use howdah_api::quantity::Quantity;
use howdah_api::time::{Layout, Time};
use k8s_openapi::api::core::v1::PodSpec;
use serde::Deserialize;
use serde_json::Value;

use super::evaluator::Scope;
use crate::admission::resource_list::{self, Counting, Half, ResourceList, parse};
use crate::admission::tree::{at, items, text};

/// What a quota may name of pods, besides what is named by prefix.
const MEASURED: [&str; 11] = [
    "count/pods",
    "cpu",
    "memory",
    "ephemeral-storage",
    "requests.cpu",
    "requests.memory",
    "requests.ephemeral-storage",
    "limits.cpu",
    "limits.memory",
    "limits.ephemeral-storage",
    "pods",
];
/// What every container must tell where a quota counts it.
const REQUIRED: [&str; 6] = ["cpu", "memory", "requests.cpu", "requests.memory", "limits.cpu", "limits.memory"];
const COUNTING: Counting = Counting { status: true, overhead: true, huge_pages_of_pod: true };
/// Resources of devices, by their class.
const DEVICE_CLASS: &str = "deviceclass.resource.kubernetes.io/";

/// Whether a quota's resource is one of pods.
pub(super) fn is_measured(name: &str) -> bool {
    MEASURED.contains(&name)
        || name.starts_with("hugepages-")
        || name.starts_with("requests.hugepages-")
        || name.strip_prefix("requests.").is_some_and(|rest| !is_native(name) || rest.starts_with(DEVICE_CLASS))
}

fn is_native(name: &str) -> bool {
    !name.contains('/') || name.contains("kubernetes.io/")
}

/// Resources that a vendor or a device class names.
fn is_extended(name: &str) -> bool {
    (!is_native(name) && !name.starts_with("requests.")) || name.starts_with(DEVICE_CLASS)
}

/// Whether the pod is meant to end: it has a deadline.
pub(super) fn has_deadline(pod: &Value) -> bool {
    at(pod, &["spec", "activeDeadlineSeconds"]).as_i64().is_some_and(|seconds| seconds >= 0)
}

/// Whether the pod is in the scope.
pub(super) fn is_in(scope: &Scope, pod: &Value) -> bool {
    match scope.name.as_str() {
        "Terminating" => has_deadline(pod),
        "NotTerminating" => !has_deadline(pod),
        "BestEffort" => is_best_effort(pod),
        "NotBestEffort" => !is_best_effort(pod),
        "PriorityClass" => {
            scope.holds(Some(text(pod, &["spec", "priorityClassName"])).filter(|class| !class.is_empty()))
        }
        "CrossNamespacePodAffinity" => minds_other_namespaces(pod),
        _ => false,
    }
}

fn is_best_effort(pod: &Value) -> bool {
    match text(pod, &["status", "qosClass"]) {
        "" => PodSpec::deserialize(at(pod, &["spec"])).is_ok_and(|spec| qos::class(&spec) == "BestEffort"),
        class => class == "BestEffort",
    }
}

fn minds_other_namespaces(pod: &Value) -> bool {
    let minds = |term: &Value| !items(term, &["namespaces"]).is_empty() || !at(term, &["namespaceSelector"]).is_null();
    ["podAffinity", "podAntiAffinity"].into_iter().any(|kind| {
        let affinity = at(pod, &["spec", "affinity", kind]);
        items(affinity, &["requiredDuringSchedulingIgnoredDuringExecution"]).iter().any(minds)
            || items(affinity, &["preferredDuringSchedulingIgnoredDuringExecution"])
                .iter()
                .any(|weighted| minds(at(weighted, &["podAffinityTerm"])))
    })
}

/// What containers don't tell though it is required, as a sentence.
pub(super) fn missing(required: &BTreeSet<String>, pod: &Value) -> Option<String> {
    let own = ["requests", "limits"].map(|half| parse(at(pod, &["spec", "resources", half])));
    let is_told_by_pod = own
        .iter()
        .flat_map(ResourceList::keys)
        .any(|name| matches!(name.as_str(), "cpu" | "memory") || name.starts_with("hugepages-"));
    if is_told_by_pod {
        return None;
    }
    let mut lacking: BTreeMap<&str, BTreeSet<&str>> = BTreeMap::new();
    for container in ["containers", "initContainers"].iter().flat_map(|list| items(pod, &["spec", list])) {
        let half = |half: &str| parse(at(container, &["resources", half]));
        let told = compute(&half("requests"), &half("limits"));
        for name in required.iter().filter(|name| REQUIRED.contains(&name.as_str()) && !told.contains_key(*name)) {
            lacking.entry(name).or_default().insert(text(container, &["name"]));
        }
    }
    let told: Vec<String> = lacking
        .iter()
        .map(|(name, containers)| format!("{name} for: {}", containers.iter().copied().collect::<Vec<_>>().join(",")))
        .collect();
    (!told.is_empty()).then(|| format!("must specify {}", told.join("; ")))
}

/// What the pod uses. One that has ended, or should have long ago, only counts as an object.
pub(super) fn usage(pod: &Value, now: i64) -> ResourceList {
    let mut usage = ResourceList::from([("count/pods".to_owned(), Quantity::new(1))]);
    if is_alive(pod, now) {
        let half = |half| resource_list::pod(pod, half, COUNTING);
        resource_list::add(&mut usage, &compute(&half(Half::Requests), &half(Half::Limits)));
    }
    usage
}

fn is_alive(pod: &Value, now: i64) -> bool {
    let deletion = Time::parse(text(pod, &["metadata", "deletionTimestamp"]), Layout::Seconds).ok();
    let grace = at(pod, &["metadata", "deletionGracePeriodSeconds"]).as_i64();
    let is_overdue = deletion.zip(grace).is_some_and(|(deletion, grace)| now > deletion.seconds.saturating_add(grace));
    !matches!(text(pod, &["status", "phase"]), "Failed" | "Succeeded") && !is_overdue
}

/// Requests and limits under the names that quotas have for them.
fn compute(requests: &ResourceList, limits: &ResourceList) -> ResourceList {
    let mut usage = ResourceList::from([("pods".to_owned(), Quantity::new(1))]);
    for name in ["cpu", "memory", "ephemeral-storage"] {
        if let Some(request) = requests.get(name) {
            usage.insert(name.to_owned(), *request);
            usage.insert(format!("requests.{name}"), *request);
        }
        if let Some(limit) = limits.get(name) {
            usage.insert(format!("limits.{name}"), *limit);
        }
    }
    for (name, request) in requests {
        let is_huge_page = name.starts_with("hugepages-");
        if is_huge_page {
            usage.insert(name.clone(), *request);
        }
        if is_huge_page || is_extended(name) {
            usage.insert(format!("requests.{name}"), *request);
        }
    }
    usage
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::admission::resource_list::tree;

    #[test]
    fn pods_use_what_they_ask_for() {
        let resources = json!({"requests": {"cpu": "1", "memory": "1Gi", "hugepages-2Mi": "2Mi", "example.com/gpu": "3"},
            "limits": {"cpu": "2"}});
        let mut pod = json!({"spec": {"containers": [{"name": "a", "resources": resources}]}});
        let alive = json!({"count/pods": "1", "cpu": "1", "hugepages-2Mi": "2Mi", "limits.cpu": "2", "memory": "1Gi",
            "pods": "1", "requests.cpu": "1", "requests.example.com/gpu": "3", "requests.hugepages-2Mi": "2Mi",
            "requests.memory": "1Gi"});
        assert_eq!(tree(&usage(&pod, 0)), alive);
        pod["metadata"] = json!({"deletionTimestamp": "1970-01-01T00:00:10Z", "deletionGracePeriodSeconds": 5});
        assert_eq!(tree(&usage(&pod, 15)), alive);
        assert_eq!(tree(&usage(&pod, 16)), json!({"count/pods": "1"}));
        pod["metadata"] = json!({});
        pod["status"] = json!({"phase": "Succeeded"});
        assert_eq!(tree(&usage(&pod, 0)), json!({"count/pods": "1"}));
    }

    #[test]
    fn quotas_name_what_pods_use() {
        for (name, expected) in [
            ("cpu", true),
            ("requests.example.com/gpu", true),
            ("requests.hugepages-2Mi", true),
            ("requests.deviceclass.resource.kubernetes.io/gpu", true),
            ("requests.storage", false),
            ("example.com/gpu", false),
            ("services", false),
        ] {
            assert_eq!(is_measured(name), expected, "{name}");
        }
    }

    #[test]
    fn scopes() {
        let scope = |name: &str, operator: &str, values: &[&str]| Scope {
            name: name.to_owned(),
            operator: operator.to_owned(),
            values: values.iter().map(|&value| value.to_owned()).collect(),
        };
        let plain = json!({"spec": {"containers": [{"name": "a"}]}});
        let burstable = json!({"spec": {"activeDeadlineSeconds": 5, "priorityClassName": "high",
            "containers": [{"name": "a", "resources": {"requests": {"cpu": "1"}}}],
            "affinity": {"podAntiAffinity": {"preferredDuringSchedulingIgnoredDuringExecution": [
                {"weight": 1, "podAffinityTerm": {"topologyKey": "t", "namespaceSelector": {}}}]}}}});
        let rows = [
            (scope("Terminating", "Exists", &[]), false, true),
            (scope("NotTerminating", "Exists", &[]), true, false),
            (scope("BestEffort", "Exists", &[]), true, false),
            (scope("NotBestEffort", "Exists", &[]), false, true),
            (scope("PriorityClass", "Exists", &[]), false, true),
            (scope("PriorityClass", "DoesNotExist", &[]), true, false),
            (scope("PriorityClass", "In", &["high", "low"]), false, true),
            (scope("PriorityClass", "NotIn", &["high"]), true, false),
            (scope("CrossNamespacePodAffinity", "Exists", &[]), false, true),
            (scope("Other", "Exists", &[]), false, false),
        ];
        for (scope, of_plain, of_burstable) in rows {
            assert_eq!((is_in(&scope, &plain), is_in(&scope, &burstable)), (of_plain, of_burstable), "{scope:?}");
        }
    }

    #[test]
    fn containers_tell_what_is_required() {
        let required: BTreeSet<String> = ["limits.memory", "cpu", "pods"].map(str::to_owned).into();
        let pod = json!({"spec": {"containers": [{"name": "b"}, {"name": "a", "resources": {"requests": {"cpu": "1"}}}],
            "initContainers": [{"name": "i"}]}});
        assert_eq!(missing(&required, &pod).unwrap(), "must specify cpu for: b,i; limits.memory for: a,b,i");
        let mut of_pod = pod.clone();
        of_pod["spec"]["resources"] = json!({"requests": {"cpu": "1"}});
        assert_eq!(missing(&required, &of_pod), None);
    }
}
