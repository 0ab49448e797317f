//! The strategy against tables of what upstream's v1.37.2 answers, and what it makes of pods.

use serde::Deserialize;
use serde_json::{Value, json};

use super::super::{Request, Strategy};
use super::{PodStrategy, template};
use crate::time::{Layout, Time};
use crate::validation::FieldPath;

const CREATE: &str = include_str!("testdata/create.txt");
const UPDATE: &str = include_str!("testdata/update.txt");
const TEMPLATE: &str = include_str!("testdata/template.txt");

fn request(subresource: &str) -> Request<'_> {
    Request { subresource, now: Time::parse("2026-01-02T03:04:05Z", Layout::Seconds).unwrap() }
}

/// Rows: a line, and the lines indented below it, as errors and warnings.
fn rows(table: &str) -> Vec<(&str, Vec<String>, Vec<String>)> {
    let mut rows: Vec<(&str, Vec<String>, Vec<String>)> = Vec::new();
    for line in table.lines().filter(|line| !line.starts_with('#')) {
        match (line.strip_prefix("  "), rows.last_mut()) {
            (Some(text), Some((_, errors, warnings))) => {
                let text = text.replace("\\n", "\n");
                match text.strip_prefix("~ ") {
                    Some(warning) => warnings.push(warning.to_owned()),
                    None => errors.push(text),
                }
            }
            (_, _) => rows.push((line, Vec::new(), Vec::new())),
        }
    }
    rows
}

fn good() -> Value {
    json!({"apiVersion": "v1", "kind": "Pod", "metadata": {"name": "web", "namespace": "default"},
        "spec": {"containers": [{"name": "c", "image": "i:1"}]}, "status": {}})
}

/// As the pipeline would hand it to the strategy.
fn decoded(value: &Value) -> Value {
    let node = crate::schema::builtin::kind("", "v1", "Pod").unwrap();
    let mut value = value.clone();
    crate::tree::normalise(&mut value, node);
    super::super::declared_default::apply(&mut value, node);
    PodStrategy.default(&mut value);
    value
}

fn merged(base: &Value, overlay: &str) -> Value {
    let mut value = base.clone();
    value = crate::patch::merge(&value, &serde_json::from_str(overlay).unwrap());
    value
}

fn sentences<T: ToString>(list: &[T]) -> Vec<String> {
    list.iter().map(ToString::to_string).collect()
}

#[test]
fn new_pods() {
    let rows = rows(CREATE);
    assert!(rows.len() > 150);
    for (overlay, errors, warnings) in rows {
        let mut pod = decoded(&merged(&good(), overlay));
        PodStrategy.prepare_for_create(&request(""), &mut pod);
        assert_eq!(sentences(&PodStrategy.validate(&request(""), &pod)), errors, "{overlay}");
        assert_eq!(PodStrategy.warnings(&request(""), &pod, None), warnings, "{overlay}");
    }
}

#[test]
fn updates() {
    let base = merged(
        &good(),
        r#"{"metadata": {"resourceVersion": "5", "generation": 3, "uid": "u"},
            "status": {"phase": "Running", "qosClass": "BestEffort"}}"#,
    );
    let rows = rows(UPDATE);
    assert!(rows.len() > 100);
    for (row, errors, warnings) in rows {
        let (subresource, overlays) = row.split_once(' ').unwrap();
        let request = request(if subresource == "-" { "" } else { subresource });
        let overlays: [Value; 2] = serde_json::from_str(overlays).unwrap();
        let old = merged(&base, &overlays[0].to_string());
        let mut new = decoded(&merged(&old, &overlays[1].to_string()));
        let old = decoded(&old);
        PodStrategy.prepare_for_update(&request, &mut new, &old);
        assert_eq!(sentences(&PodStrategy.validate_update(&request, &new, &old)), errors, "{row}");
        assert_eq!(PodStrategy.warnings(&request, &new, Some(&old)), warnings, "{row}");
    }
}

#[test]
fn templates() {
    let rows = rows(TEMPLATE);
    assert!(rows.len() > 10);
    for (overlay, errors, warnings) in rows {
        let mut pod = merged(&good(), overlay);
        pod["metadata"].as_object_mut().unwrap().retain(|key, _| matches!(key.as_str(), "labels" | "annotations"));
        let node = crate::schema::builtin::kind("", "v1", "PodTemplate").unwrap().child("template").unwrap();
        let mut one = json!({"metadata": pod["metadata"], "spec": pod["spec"]});
        crate::tree::normalise(&mut one, node);
        template::default(&mut one);
        template::drop_disabled(&mut one, None);
        let view = k8s_openapi::api::core::v1::PodTemplateSpec::deserialize(&one).unwrap();
        let path = FieldPath::new("template");
        assert_eq!(sentences(&template::validate(&view, None, &path)), errors, "{overlay}");
        assert_eq!(template::warnings(&view, None, &path), warnings, "{overlay}");
    }
}

#[test]
fn a_new_pod_is_pending() {
    let overlay = r#"{"metadata": {"labels": {"app": "x"}, "generation": 7}, "status": {"phase": "Running"},
        "spec": {"schedulingGates": [{"name": "g"}], "schedulingGroup": {"podGroupName": "p"},
            "affinity": {"podAffinity": {"requiredDuringSchedulingIgnoredDuringExecution": [
                {"topologyKey": "z", "labelSelector": {}, "matchLabelKeys": ["app", "gone"], "mismatchLabelKeys": ["app"]},
                {"topologyKey": "z", "matchLabelKeys": ["app"]}]}},
            "topologySpreadConstraints": [{"maxSkew": 1, "topologyKey": "z", "whenUnsatisfiable": "DoNotSchedule",
                "labelSelector": {"matchLabels": {"a": "b"}}, "matchLabelKeys": ["app"]}]}}"#;
    let mut pod = decoded(&merged(&good(), overlay));
    PodStrategy.prepare_for_create(&request(""), &mut pod);
    assert_eq!(pod["metadata"]["generation"], 1);
    assert_eq!(
        pod["status"],
        json!({
            "phase": "Pending", "qosClass": "BestEffort",
            "conditions": [{"type": "PodScheduled", "status": "False", "reason": "SchedulingGated",
                "message": "Scheduling is blocked due to non-empty scheduling gates",
                "lastProbeTime": null, "lastTransitionTime": "2026-01-02T03:04:05Z"}]
        })
    );
    assert_eq!(pod["spec"].get("schedulingGroup"), None);
    let terms = &pod["spec"]["affinity"]["podAffinity"]["requiredDuringSchedulingIgnoredDuringExecution"];
    assert_eq!(
        terms[0]["labelSelector"],
        json!({"matchExpressions": [
        {"key": "app", "operator": "In", "values": ["x"]}, {"key": "app", "operator": "NotIn", "values": ["x"]}]})
    );
    assert_eq!(terms[1].get("labelSelector"), None);
    assert_eq!(
        pod["spec"]["topologySpreadConstraints"][0]["labelSelector"],
        json!({"matchLabels": {"a": "b"}, "matchExpressions": [{"key": "app", "operator": "In", "values": ["x"]}]})
    );
}

#[test]
fn each_subresource_changes_its_part() {
    let old = decoded(&merged(
        &good(),
        r#"{"metadata": {"generation": 3, "ownerReferences": [{"name": "o"}]},
            "spec": {"resources": {"requests": {"cpu": "1"}}},
            "status": {"phase": "Running", "qosClass": "Burstable", "observedGeneration": 3,
                "conditions": [{"type": "Ready", "status": "True", "observedGeneration": 2}]}}"#,
    ));
    let change = r#"{"metadata": {"generation": 9, "labels": {"a": "b"}, "ownerReferences": null},
        "spec": {"containers": [{"name": "c", "image": "j", "resources": {"limits": {"cpu": "2"}}}], "resources": null,
            "ephemeralContainers": [{"name": "e", "image": "e"}]},
        "status": {"phase": "Failed", "qosClass": null, "observedGeneration": null,
            "conditions": [{"type": "Ready", "status": "False"}]}}"#;
    let prepared = |subresource| {
        let mut new = merged(&old, change);
        PodStrategy.prepare_for_update(&request(subresource), &mut new, &old);
        new
    };

    let new = prepared("");
    assert_eq!(new["status"], old["status"]);
    assert_eq!(new["metadata"]["generation"], 4);
    assert_eq!(new["metadata"]["labels"], json!({"a": "b"}));
    assert_eq!(new["spec"]["resources"], old["spec"]["resources"]);

    let new = prepared("status");
    assert_eq!(new["spec"], old["spec"]);
    assert_eq!(new["metadata"]["generation"], 3);
    assert_eq!(new["metadata"]["labels"], json!({"a": "b"}));
    assert_eq!(new["metadata"]["ownerReferences"], old["metadata"]["ownerReferences"]);
    assert_eq!(
        new["status"],
        json!({"phase": "Failed", "qosClass": "Burstable", "observedGeneration": 3,
        "conditions": [{"type": "Ready", "status": "False", "observedGeneration": 2}]})
    );

    let new = prepared("ephemeralcontainers");
    assert_eq!(new["spec"]["containers"], old["spec"]["containers"]);
    assert_eq!(new["spec"]["ephemeralContainers"], json!([{"name": "e", "image": "e"}]));
    assert_eq!((&new["metadata"]["generation"], new["metadata"].get("labels")), (&json!(4), None));
    assert_eq!(new["status"], old["status"]);

    let new = prepared("resize");
    assert_eq!(new["spec"]["containers"][0]["image"], "i:1");
    assert_eq!(new["spec"]["containers"][0]["resources"], json!({"limits": {"cpu": "2"}}));
    assert_eq!(new["spec"].get("ephemeralContainers"), None);
    assert_eq!(new["metadata"]["generation"], 4);
}

#[test]
fn an_unchanged_spec_keeps_its_generation() {
    let old = decoded(&merged(
        &good(),
        r#"{"metadata": {"generation": 3}, "spec": {"overhead": {"cpu": "1"}, "nodeSelector": {}}}"#,
    ));
    let mut new = merged(&old, r#"{"spec": {"overhead": {"cpu": "1000m"}, "nodeSelector": null}}"#);
    PodStrategy.prepare_for_update(&request(""), &mut new, &old);
    assert_eq!(new["metadata"]["generation"], 3);
}

#[test]
fn deletes_wait_for_pods_that_run() {
    let rows = [
        (json!({"spec": {"nodeName": "n", "terminationGracePeriodSeconds": 30}}), None, 30),
        (json!({"spec": {"nodeName": "n", "terminationGracePeriodSeconds": 30}}), Some(5), 5),
        (json!({"spec": {"nodeName": "n", "terminationGracePeriodSeconds": 30}}), Some(0), 0),
        (json!({"spec": {"nodeName": "n"}}), None, 0),
        (json!({"spec": {"nodeName": "n", "terminationGracePeriodSeconds": -3}}), None, 1),
        (json!({"spec": {"nodeName": "n"}}), Some(-1), 1),
        (json!({"spec": {"terminationGracePeriodSeconds": 30}}), Some(9), 0),
        (json!({"spec": {"nodeName": "n"}, "status": {"phase": "Succeeded"}}), Some(9), 0),
        (json!({"spec": {"nodeName": "n"}, "status": {"phase": "Failed"}}), Some(9), 0),
    ];
    for (pod, requested, period) in rows {
        assert_eq!(PodStrategy.grace_period(&pod, requested), Some(period), "{pod} {requested:?}");
    }
}
