//! Controllers of pods, jobs, autoscalers.

use super::*;

#[test]
fn workloads() {
    let template = json!({"spec": {"containers": [{"name": "c", "image": "i"}], "nodeSelector": {"d": "e"}}});
    let selector = json!({"matchLabels": {"b": "1"}, "matchExpressions": [
        {"key": "a", "operator": "In", "values": ["z", "y"]}, {"key": "c", "operator": "DoesNotExist"}]});
    let spec = json!({"replicas": 3, "selector": selector, "template": template});
    let text = "a in (y,z),b=1,!c";
    let status = json!({"replicas": 3, "readyReplicas": 2, "updatedReplicas": 1, "availableReplicas": 2});
    let body = json!({"spec": spec, "status": status});
    prints("apps/v1", "deployments", body.clone(), json!(["x", "2/3", 1, 2, "15m", "c", "i", text]));
    prints("apps/v1", "replicasets", body.clone(), json!(["x", 3, 3, 2, "15m", "c", "i", text]));
    prints("apps/v1", "statefulsets", body, json!(["x", "2/3", "15m", "c", "i"]));
    let broken = json!({"spec": {"selector": {"matchExpressions": [{"key": "a", "operator": "In"}]}}});
    prints("apps/v1", "deployments", broken.clone(), json!(["x", "0/0", 0, 0, "15m", "", "", "<invalid>"]));
    prints("apps/v1", "replicasets", broken, json!(["x", 0, 0, 0, "15m", "", "", "<error>"]));
    let daemons = json!({"spec": spec, "status": {"desiredNumberScheduled": 5, "currentNumberScheduled": 4,
        "numberReady": 3, "updatedNumberScheduled": 2, "numberAvailable": 1}});
    prints("apps/v1", "daemonsets", daemons, json!(["x", 5, 4, 3, 2, 1, "d=e", "15m", "c", "i", text]));
    let revision = json!({"metadata": {"ownerReferences": [{"kind": "X", "name": "no"},
        {"apiVersion": "apps/v1", "kind": "StatefulSet", "name": "s", "controller": true}]}, "revision": 2});
    prints("apps/v1", "controllerrevisions", revision, json!(["x", "statefulset.apps/s", 2, "15m"]));
    prints("apps/v1", "controllerrevisions", json!({"revision": 1}), json!(["x", "<none>", 1, "15m"]));

    let scale = Printer::of(find("apps/v1", "deployments"), "scale");
    let body = object(json!({"spec": {"replicas": 3}, "status": {"replicas": 2}}));
    assert_eq!(scale.cells(&body, now()), [json!("x"), json!(3), json!(2), json!("15m")]);
    assert_eq!(
        scale.columns().iter().map(|column| column.name).collect::<Vec<_>>(),
        ["Name", "Desired", "Available", "Age"]
    );
}

#[test]
fn autoscalers_show_their_metrics() {
    let scaler = |spec: Value, current: Value| {
        json!({"spec": {"scaleTargetRef": {"kind": "Deployment", "name": "d"}, "maxReplicas": 9, "metrics": spec},
            "status": {"currentReplicas": 2, "currentMetrics": current}})
    };
    let resource = |target: Value| json!({"type": "Resource", "resource": {"name": "cpu", "target": target}});
    let now = |current: Value| json!([{"type": "Resource", "resource": {"name": "cpu", "current": current}}]);
    let external = |target: Value| json!({"type": "External", "external": {"metric": {"name": "m"}, "target": target}});
    for (spec, current, expected) in [
        (json!([]), json!([]), "<none>"),
        (json!([resource(json!({"averageUtilization": 80}))]), json!([]), "cpu: <unknown>/80%"),
        (json!([resource(json!({"averageUtilization": 80}))]), now(json!({"averageUtilization": 20})), "cpu: 20%/80%"),
        (json!([resource(json!({}))]), json!([]), "cpu: <unknown>/<auto>"),
        (json!([resource(json!({"averageValue": "1"}))]), now(json!({"averageValue": "500m"})), "cpu: 500m/1"),
        (json!([external(json!({"value": "5"}))]), json!([]), "<unknown>/5"),
        (
            json!([external(json!({"averageValue": "5"}))]),
            json!([{"type": "External", "external": {"metric": {"name": "m"}, "current": {"averageValue": "3"}}}]),
            "3/5 (avg)",
        ),
        (
            json!([{"type": "Pods", "pods": {"target": {"averageValue": "5"}}}, external(json!({"value": "1"})), {"type": "?"}]),
            json!([]),
            "<unknown>/5, <unknown>/1 + 1 more...",
        ),
    ] {
        let expected = json!(["x", "Deployment/d", expected, "<unset>", 9, 2, "15m"]);
        prints("autoscaling/v2", "horizontalpodautoscalers", scaler(spec, current), expected);
    }
}

#[test]
fn jobs() {
    let job = |spec: Value, status: Value| json!({"spec": spec, "status": status});
    let row = |status: &str, completions: &str, duration: &str| {
        json!(["x", status, completions, duration, "15m", "", "", "<none>"])
    };
    let is = |kind: &str| json!([{"type": kind, "status": "True"}]);
    let times = json!({"succeeded": 1, "startTime": "2026-03-01T12:00:00Z", "completionTime": "2026-03-01T12:00:09Z",
        "conditions": is("Complete")});
    for (body, expected) in [
        (job(json!({"completions": 3}), json!({})), row("Running", "0/3", "")),
        (job(json!({"completions": 1}), times), row("Complete", "1/1", "9s")),
        (job(json!({"parallelism": 4}), json!({"succeeded": 2})), row("Running", "2/1 of 4", "")),
        (job(json!({"parallelism": 1}), json!({"startTime": "2026-03-01T12:00:00Z"})), row("Running", "0/1", "15m")),
        (job(json!({}), json!({"conditions": is("Failed")})), row("Failed", "0/1", "")),
        (job(json!({}), json!({"conditions": is("Suspended")})), row("Suspended", "0/1", "")),
        (job(json!({}), json!({"conditions": is("FailureTarget")})), row("FailureTarget", "0/1", "")),
        (job(json!({}), json!({"conditions": is("SuccessCriteriaMet")})), row("SuccessCriteriaMet", "0/1", "")),
        (json!({"metadata": {"deletionTimestamp": "2026-03-01T12:14:00Z"}}), row("Terminating", "0/1", "")),
    ] {
        prints("batch/v1", "jobs", body, expected);
    }
    let cron = json!({"spec": {"schedule": "* * * * *", "timeZone": "Etc/UTC", "suspend": false},
        "status": {"active": [{}], "lastScheduleTime": "2026-03-01T12:14:00Z"}});
    let expected = json!(["x", "* * * * *", "Etc/UTC", "False", 1, "60s", "15m", "", "", "<none>"]);
    prints("batch/v1", "cronjobs", cron, expected);
    let expected = json!(["x", "", "<none>", "<unset>", 0, "<none>", "15m", "", "", "<none>"]);
    prints("batch/v1", "cronjobs", json!({}), expected);
}
