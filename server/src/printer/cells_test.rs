//! Cells of every kind, as upstream prints them.

use serde_json::{Value, json};

use super::*;
use howdah_api::resource::{Resource, by_plural, resources};
use howdah_api::time::Layout;

/// A quarter past noon; objects below are created at noon.
fn now() -> Time {
    Time::parse("2026-03-01T12:15:00Z", Layout::Seconds).unwrap()
}

fn find(api: &str, plural: &str) -> &'static Resource {
    let (group, version) = api.split_once('/').unwrap_or(("", api));
    by_plural(group, version, plural).unwrap()
}

/// The object with a name and a time of creation.
fn object(mut body: Value) -> Value {
    let metadata = body.as_object_mut().unwrap().entry("metadata").or_insert_with(|| json!({}));
    let metadata = metadata.as_object_mut().unwrap();
    metadata.entry("name").or_insert_with(|| json!("x"));
    metadata.entry("creationTimestamp").or_insert_with(|| json!("2026-03-01T12:00:00Z"));
    body
}

#[track_caller]
fn prints(api: &str, plural: &str, body: Value, expected: Value) {
    let resource = find(api, plural);
    let printed = cells(resource, &object(body.clone()), now());
    assert_eq!(Value::Array(printed), expected, "{plural}: {body}");
}

fn status(name: &str, state: Value) -> Value {
    json!({"name": name, "restartCount": 0, "ready": false, "state": state})
}

fn running(name: &str) -> Value {
    json!({"name": name, "restartCount": 0, "ready": true, "started": true, "state": {"running": {}}})
}

#[test]
fn pods_are_summed_up() {
    let two = json!([{"name": "a"}, {"name": "b"}]);
    let one = json!([{"name": "a"}]);
    let init = json!([{"name": "i"}, {"name": "j"}]);
    let sidecar = json!([{"name": "s", "restartPolicy": "Always"}, {"name": "i"}]);
    let exited = |code: i64, reason: &str| json!({"terminated": {"exitCode": code, "reason": reason}});
    let signalled = json!({"terminated": {"exitCode": 137, "signal": 9}});
    let waiting = |reason: &str| json!({"waiting": {"reason": reason}});
    let ready = json!([{"type": "Ready", "status": "True"}]);
    let deleted = json!({"deletionTimestamp": "2026-03-01T12:14:00Z"});
    let rows: Vec<(Value, &str, &str, &str)> = vec![
        (json!({"spec": {"containers": two}, "status": {"phase": "Pending"}}), "0/2", "Pending", "0"),
        (
            json!({"spec": {"containers": two}, "status": {"phase": "Failed", "reason": "Evicted"}}),
            "0/2",
            "Evicted",
            "0",
        ),
        (
            json!({"spec": {"containers": one}, "status": {"phase": "Pending", "conditions":
                [{"type": "PodScheduled", "status": "False", "reason": "SchedulingGated"}]}}),
            "0/1",
            "SchedulingGated",
            "0",
        ),
        (
            json!({"spec": {"containers": two}, "status": {"phase": "Running",
                "containerStatuses": [running("a"), running("b")]}}),
            "2/2",
            "Running",
            "0",
        ),
        (
            json!({"spec": {"containers": one}, "status": {"phase": "Pending",
                "containerStatuses": [status("a", waiting("ContainerCreating"))]}}),
            "0/1",
            "ContainerCreating",
            "0",
        ),
        (
            json!({"spec": {"containers": one}, "status": {"phase": "Running", "containerStatuses": [{"name": "a",
                "restartCount": 4, "ready": false, "state": waiting("CrashLoopBackOff"),
                "lastState": {"terminated": {"exitCode": 1, "finishedAt": "2026-03-01T12:10:00Z"}}}]}}),
            "0/1",
            "CrashLoopBackOff",
            "4 (5m ago)",
        ),
        (
            json!({"spec": {"containers": one}, "status": {"phase": "Succeeded",
                "containerStatuses": [status("a", exited(0, "Completed"))]}}),
            "0/1",
            "Completed",
            "0",
        ),
        (
            json!({"spec": {"containers": one}, "status": {"phase": "Failed",
                "containerStatuses": [status("a", exited(3, ""))]}}),
            "0/1",
            "ExitCode:3",
            "0",
        ),
        (
            json!({"spec": {"containers": one}, "status": {"phase": "Failed",
                "containerStatuses": [status("a", signalled.clone())]}}),
            "0/1",
            "Signal:9",
            "0",
        ),
        // The first container that has something to say is told.
        (
            json!({"spec": {"containers": two}, "status": {"phase": "Running", "containerStatuses":
                [status("a", exited(1, "Error")), status("b", exited(0, "OOMKilled"))]}}),
            "0/2",
            "Error",
            "0",
        ),
        // Completed beside others: running and ready, failed, running but not ready.
        (
            json!({"spec": {"containers": two}, "status": {"phase": "Running", "conditions": ready,
                "containerStatuses": [status("a", exited(0, "Completed")), running("b")]}}),
            "1/2",
            "Running",
            "0",
        ),
        (
            json!({"spec": {"containers": two}, "status": {"phase": "Running",
                "containerStatuses": [status("a", exited(0, "Completed")), running("b")]}}),
            "1/2",
            "NotReady",
            "0",
        ),
        (
            json!({"spec": {"containers": two}, "status": {"phase": "Running", "containerStatuses":
                [status("a", exited(0, "Completed")), status("b", exited(1, "Error"))]}}),
            "0/2",
            "Error",
            "0",
        ),
        // Init containers.
        (
            json!({"spec": {"containers": one, "initContainers": init}, "status": {"phase": "Pending",
                "initContainerStatuses": [status("i", json!({"running": {}})), status("j", waiting("PodInitializing"))]}}),
            "0/1",
            "Init:0/2",
            "0",
        ),
        (
            json!({"spec": {"containers": one, "initContainers": init}, "status": {"phase": "Pending",
                "initContainerStatuses":
                    [status("i", exited(0, "Completed")), status("j", waiting("PodInitializing"))]}}),
            "0/1",
            "Init:1/2",
            "0",
        ),
        (
            json!({"spec": {"containers": one, "initContainers": init}, "status": {"phase": "Pending",
                "initContainerStatuses": [status("i", exited(1, ""))]}}),
            "0/1",
            "Init:ExitCode:1",
            "0",
        ),
        (
            json!({"spec": {"containers": one, "initContainers": init}, "status": {"phase": "Pending",
                "initContainerStatuses": [status("i", signalled)]}}),
            "0/1",
            "Init:Signal:9",
            "0",
        ),
        (
            json!({"spec": {"containers": one, "initContainers": init}, "status": {"phase": "Pending",
                "initContainerStatuses": [status("i", exited(1, "Error"))]}}),
            "0/1",
            "Init:Error",
            "0",
        ),
        (
            json!({"spec": {"containers": one, "initContainers": init}, "status": {"phase": "Pending",
                "initContainerStatuses": [{"name": "i", "restartCount": 2, "ready": false,
                    "state": waiting("CrashLoopBackOff"),
                    "lastState": {"terminated": {"exitCode": 1, "finishedAt": "2026-03-01T12:14:30Z"}}}]}}),
            "0/1",
            "Init:CrashLoopBackOff",
            "2 (30s ago)",
        ),
        // Sidecars count as containers, and their restarts go on counting.
        (
            json!({"spec": {"containers": one, "initContainers": sidecar}, "status": {"phase": "Pending",
                "initContainerStatuses": [running("s"), status("i", json!({"running": {}}))]}}),
            "1/2",
            "Init:1/2",
            "0",
        ),
        (
            json!({"spec": {"containers": one, "initContainers": sidecar}, "status": {"phase": "Running",
                "initContainerStatuses": [
                    {"name": "s", "restartCount": 1, "ready": true, "started": true, "state": {"running": {}}},
                    {"name": "i", "restartCount": 5, "ready": true, "state": exited(0, "Completed")}],
                "containerStatuses": [running("a")]}}),
            "2/2",
            "Running",
            "1",
        ),
        // A sidecar that fails after the pod is initialised doesn't hide the containers.
        (
            json!({"spec": {"containers": one, "initContainers": sidecar}, "status": {"phase": "Running",
                "conditions": [{"type": "Initialized", "status": "True"}],
                "initContainerStatuses": [status("s", exited(1, "Error"))], "containerStatuses": [running("a")]}}),
            "1/2",
            "Init:Error",
            "0",
        ),
        // Pods on their way out.
        (
            json!({"metadata": deleted, "spec": {"containers": one}, "status": {"phase": "Running",
                "containerStatuses": [running("a")]}}),
            "1/1",
            "Terminating",
            "0",
        ),
        (
            json!({"metadata": deleted, "spec": {"containers": one},
                "status": {"phase": "Running", "reason": "NodeLost"}}),
            "0/1",
            "Unknown",
            "0",
        ),
        (
            json!({"metadata": deleted, "spec": {"containers": one}, "status": {"phase": "Succeeded",
                "containerStatuses": [status("a", exited(0, "Completed"))]}}),
            "0/1",
            "Completed",
            "0",
        ),
        (json!({}), "0/0", "", "0"),
    ];
    for (body, ready, status, restarts) in rows {
        let printed = cells(find("v1", "pods"), &object(body.clone()), now());
        let expected = json!(["x", ready, status, restarts, "15m", "<none>", "<none>", "<none>", "<none>"]);
        assert_eq!(Value::Array(printed), expected, "{body}");
    }
    prints(
        "v1",
        "pods",
        json!({
            "spec": {"nodeName": "n", "containers": [{}], "readinessGates": [{"conditionType": "a"}, {"conditionType": "b"}]},
            "status": {"phase": "Running", "podIPs": [{"ip": "10.0.0.1"}, {"ip": "fd00::1"}], "nominatedNodeName": "m",
                "conditions": [{"type": "a", "status": "True"}, {"type": "b", "status": "False"}]},
        }),
        json!(["x", "0/1", "Running", "0", "15m", "10.0.0.1", "n", "m", "1/2"]),
    );
}

#[test]
fn kinds_of_the_core_group() {
    prints("v1", "namespaces", json!({"status": {"phase": "Active"}}), json!(["x", "Active", "15m"]));
    prints("v1", "configmaps", json!({"data": {"a": "1"}, "binaryData": {"b": ""}}), json!(["x", 2, "15m"]));
    prints("v1", "secrets", json!({"type": "Opaque", "data": {"a": ""}}), json!(["x", "Opaque", 1, "15m"]));
    prints("v1", "serviceaccounts", json!({}), json!(["x", "15m"]));
    prints("v1", "limitranges", json!({}), json!(["x", "2026-03-01T12:00:00Z"]));
    prints(
        "v1",
        "resourcequotas",
        json!({"status": {"hard": {"pods": "4", "limits.cpu": "2", "requests.cpu": "1"}, "used": {"pods": "1", "limits.cpu": "500m"}}}),
        json!(["x", "pods: 1/4, requests.cpu: 0/1", "limits.cpu: 500m/2", "15m"]),
    );
    prints(
        "v1",
        "componentstatuses",
        json!({"conditions": [{"type": "Healthy", "status": "False", "message": "m", "error": "e"}]}),
        json!(["x", "Unhealthy", "m", "e"]),
    );
    prints(
        "v1",
        "podtemplates",
        json!({"template": {"metadata": {"labels": {"b": "2", "a": "1"}}, "spec": {"containers":
            [{"name": "c", "image": "i"}, {"name": "d", "image": "j"}]}}}),
        json!(["x", "c,d", "i,j", "a=1,b=2"]),
    );
    prints(
        "v1",
        "replicationcontrollers",
        json!({"spec": {"replicas": 3, "selector": {"a": "b"}, "template": {"spec": {"containers": [{"name": "c", "image": "i"}]}}},
            "status": {"replicas": 2, "readyReplicas": 1}}),
        json!(["x", 3, 2, 1, "15m", "c", "i", "a=b"]),
    );
}

#[test]
fn nodes() {
    let info = json!({"kubeletVersion": "v1.37.0", "kernelVersion": "6.1", "architecture": "amd64",
        "osImage": "Linux", "containerRuntimeVersion": "howdah://1"});
    let addresses =
        json!([{"type": "ExternalIP", "address": "1.2.3.4"}, {"type": "InternalIP", "address": "10.0.0.1"}]);
    prints(
        "v1",
        "nodes",
        json!({
            "metadata": {"labels": {"node-role.kubernetes.io/worker": "", "node-role.kubernetes.io/control-plane": "",
                "kubernetes.io/role": "old"}},
            "spec": {"unschedulable": true},
            "status": {"conditions": [{"type": "Ready", "status": "True"}], "nodeInfo": info, "addresses": addresses},
        }),
        json!([
            "x",
            "Ready,SchedulingDisabled",
            "control-plane,old,worker",
            "15m",
            "v1.37.0",
            "10.0.0.1",
            "1.2.3.4",
            "Linux",
            "6.1 (amd64)",
            "howdah://1"
        ]),
    );
    let bare = |status: &str| {
        json!(["x", status, "<none>", "15m", "", "<none>", "<none>", "<unknown>", "<unknown>", "<unknown>"])
    };
    prints("v1", "nodes", json!({}), bare("Unknown"));
    let condition = json!({"status": {"conditions": [{"type": "Ready", "status": "Unknown"}]}});
    prints("v1", "nodes", condition, bare("NotReady"));
    prints("node.k8s.io/v1", "runtimeclasses", json!({"handler": "h"}), json!(["x", "h", "15m"]));
}

#[test]
fn services_and_endpoints() {
    let service = |kind: &str, extra: Value| {
        let mut spec = json!({"type": kind, "clusterIPs": ["10.0.0.1"], "ports": [{"port": 80, "protocol": "TCP"},
            {"port": 53, "nodePort": 30053, "protocol": "UDP"}], "selector": {"a": "b"}});
        spec.as_object_mut().unwrap().extend(extra.as_object().unwrap().clone());
        spec
    };
    let row =
        |kind: &str, external: &str| json!(["x", kind, "10.0.0.1", external, "80/TCP,53:30053/UDP", "15m", "a=b"]);
    let ingress = json!({"loadBalancer": {"ingress": [{"ip": "9.9.9.9"}, {"hostname": "h"}, {"ip": "1.1.1.1"}]}});
    let external = json!({"externalIPs": ["8.8.8.8"]});
    for (spec, status, expected) in [
        (service("ClusterIP", json!({})), json!({}), row("ClusterIP", "<none>")),
        (service("NodePort", external.clone()), json!({}), row("NodePort", "8.8.8.8")),
        (service("LoadBalancer", json!({})), json!({}), row("LoadBalancer", "<pending>")),
        (service("LoadBalancer", json!({})), ingress.clone(), row("LoadBalancer", "1.1.1.1,9.9.9.9,h")),
        (service("LoadBalancer", external), ingress, row("LoadBalancer", "1.1.1.1,9.9.9.9,h,8.8.8.8")),
        (service("ExternalName", json!({"externalName": "e.org"})), json!({}), row("ExternalName", "e.org")),
    ] {
        prints("v1", "services", json!({"spec": spec, "status": status}), expected);
    }
    let bare = json!({"spec": {"type": "ExternalName", "externalName": "e.org"}});
    prints("v1", "services", bare, json!(["x", "ExternalName", "<none>", "e.org", "<none>", "15m", "<none>"]));

    let address = |ip: &str| json!({"ip": ip});
    prints("v1", "endpoints", json!({}), json!(["x", "<none>", "15m"]));
    prints(
        "v1",
        "endpoints",
        json!({"subsets": [{"addresses": [address("10.0.0.1"), address("fd00::1")], "ports": [{"port": 80}, {"port": 81}]}]}),
        json!(["x", "10.0.0.1:80,[fd00::1]:80,10.0.0.1:81 + 1 more...", "15m"]),
    );
    prints(
        "v1",
        "endpoints",
        json!({"subsets": [{"addresses": [address("10.0.0.1")]}]}),
        json!(["x", "10.0.0.1", "15m"]),
    );
    prints(
        "discovery.k8s.io/v1",
        "endpointslices",
        json!({"addressType": "IPv4", "ports": [{"port": 80}, {"name": "n"}, {}],
            "endpoints": [{"addresses": ["1", "2"]}, {"addresses": ["3", "4"]}]}),
        json!(["x", "IPv4", "80,n,*", "1,2,3 + 1 more...", "15m"]),
    );
    let empty = json!({"addressType": "IPv6"});
    prints("discovery.k8s.io/v1", "endpointslices", empty, json!(["x", "IPv6", "<unset>", "<unset>", "15m"]));
}

#[test]
fn events_of_both_groups() {
    let times = json!({"metadata": {"name": "x"}, "type": "Normal", "reason": "Started", "message": " hi \n",
        "involvedObject": {"kind": "Pod", "name": "p", "fieldPath": "spec"}, "source": {"component": "kubelet", "host": "n"},
        "firstTimestamp": "2026-03-01T12:10:00Z", "lastTimestamp": "2026-03-01T12:14:00Z", "count": 3});
    let expected = json!(["60s", "Normal", "Started", "pod/p", "spec", "kubelet, n", "hi", "5m", 3, "x"]);
    prints("v1", "events", times.clone(), expected.clone());
    prints("events.k8s.io/v1", "events", times, expected);
    let series = json!({"eventTime": "2026-03-01T12:10:00.000000Z", "involvedObject": {"kind": "Node"},
        "reportingComponent": "c", "series": {"count": 7, "lastObservedTime": "2026-03-01T12:14:59.000000Z"}});
    prints("v1", "events", series, json!(["1s", "", "", "node", "", "c", "", "5m", 7, "x"]));
    let single = json!({"eventTime": "2026-03-01T12:10:00.000000Z", "firstTimestamp": null, "involvedObject": {}});
    prints("v1", "events", single, json!(["5m", "", "", "", "", "", "", "5m", 1, "x"]));
    prints("v1", "events", json!({}), json!(["<unknown>", "", "", "", "", "", "", "<unknown>", 1, "x"]));
}

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

#[test]
fn networking() {
    let ingress = json!({"spec": {"ingressClassName": "c", "rules": [{"host": "a"}, {"host": "b"}, {"host": "c"}, {"host": "d"}],
        "tls": [{}]}, "status": {"loadBalancer": {"ingress": [{"ip": "1.1.1.1"}]}}});
    let expected = json!(["x", "c", "a,b,c + 1 more...", "1.1.1.1", "80, 443", "15m"]);
    prints("networking.k8s.io/v1", "ingresses", ingress, expected);
    prints("networking.k8s.io/v1", "ingresses", json!({}), json!(["x", "<none>", "*", "", "80", "15m"]));
    let class = json!({"metadata": {"annotations": {"ingressclass.kubernetes.io/is-default-class": "true"}},
        "spec": {"controller": "k", "parameters": {"apiGroup": "g", "kind": "K", "name": "n"}}});
    prints("networking.k8s.io/v1", "ingressclasses", class, json!(["x (default)", "k", "K.g/n", "15m"]));
    let policy = json!({"spec": {"podSelector": {"matchLabels": {"a": "b"}}}});
    prints("networking.k8s.io/v1", "networkpolicies", policy, json!(["x", "a=b", "15m"]));
    prints(
        "networking.k8s.io/v1",
        "networkpolicies",
        json!({"spec": {"podSelector": {}}}),
        json!(["x", "<none>", "15m"]),
    );
    let cidr = json!({"spec": {"cidrs": ["10.0.0.0/8", "fd00::/64"]}});
    prints("networking.k8s.io/v1", "servicecidrs", cidr, json!(["x", "10.0.0.0/8,fd00::/64", "15m"]));
    let address = json!({"spec": {"parentRef": {"resource": "services", "namespace": "ns", "name": "s"}}});
    prints("networking.k8s.io/v1", "ipaddresses", address, json!(["x", "services/ns/s", "15m"]));
}

#[test]
fn storage() {
    let volume = json!({"spec": {"capacity": {"storage": "1Gi"}, "accessModes": ["ReadWriteMany", "ReadWriteOnce"],
        "persistentVolumeReclaimPolicy": "Retain", "claimRef": {"namespace": "ns", "name": "c"},
        "storageClassName": "s", "volumeMode": "Block"}, "status": {"phase": "Bound"}});
    let expected = json!(["x", "1Gi", "RWO,RWX", "Retain", "Bound", "ns/c", "s", "<unset>", "", "15m", "Block"]);
    prints("v1", "persistentvolumes", volume, expected);
    let claim = json!({"metadata": {"annotations": {"volume.beta.kubernetes.io/storage-class": "beta"}},
        "spec": {"volumeName": "v", "storageClassName": "s"},
        "status": {"phase": "Bound", "capacity": {"storage": "1Gi"}, "accessModes": ["ReadWriteOncePod"]}});
    let expected = json!(["x", "Bound", "v", "1Gi", "RWOP", "beta", "<unset>", "15m", "<unset>"]);
    prints("v1", "persistentvolumeclaims", claim, expected);
    let pending = json!({"metadata": {"deletionTimestamp": "2026-03-01T12:14:00Z"}, "status": {"phase": "Pending"}});
    let expected = json!(["x", "Terminating", "", "", "", "", "<unset>", "15m", "<unset>"]);
    prints("v1", "persistentvolumeclaims", pending, expected);
    let class = json!({"provisioner": "p", "allowVolumeExpansion": true});
    prints("storage.k8s.io/v1", "storageclasses", class, json!(["x", "p", "Delete", "Immediate", true, "15m"]));
    let attachment = json!({"spec": {"attacher": "a", "nodeName": "n", "source": {"persistentVolumeName": "v"}},
        "status": {"attached": true}});
    prints("storage.k8s.io/v1", "volumeattachments", attachment, json!(["x", "a", "v", "n", true, "15m"]));
    prints("storage.k8s.io/v1", "csinodes", json!({"spec": {"drivers": [{}, {}]}}), json!(["x", 2, "15m"]));
    let driver = json!({"spec": {"tokenRequests": [{"audience": "a"}, {"audience": "b"}], "volumeLifecycleModes": ["Ephemeral"]}});
    let expected = json!(["x", true, false, false, "a,b", false, "Ephemeral", "15m"]);
    prints("storage.k8s.io/v1", "csidrivers", driver, expected);
    prints("storage.k8s.io/v1", "csistoragecapacities", json!({}), json!(["x", "2026-03-01T12:00:00Z"]));
    prints("storage.k8s.io/v1", "volumeattributesclasses", json!({"driverName": "d"}), json!(["x", "d", "15m"]));
    let version = json!({"status": {"commonEncodingVersion": "v1", "storageVersions": [{"apiServerID": "a", "encodingVersion": "v1"}]}});
    prints("internal.apiserver.k8s.io/v1alpha1", "storageversions", version, json!(["x", "v1", "a=v1", "15m"]));
    let migration = json!({"spec": {"resource": {"group": "apps", "resource": "deployments"}},
        "status": {"conditions": [{"type": "Running", "status": "False"}, {"type": "Succeeded", "status": "True"}]}});
    let expected = json!(["x", "deployments.apps", "Succeeded"]);
    prints("storagemigration.k8s.io/v1beta1", "storageversionmigrations", migration, expected);
}

#[test]
fn policies_roles_and_leases() {
    let budget = json!({"spec": {"minAvailable": "50%"}, "status": {"disruptionsAllowed": 1}});
    prints("policy/v1", "poddisruptionbudgets", budget, json!(["x", "50%", "N/A", 1, "15m"]));
    let budget = json!({"spec": {"maxUnavailable": 1}});
    prints("policy/v1", "poddisruptionbudgets", budget, json!(["x", "N/A", "1", 0, "15m"]));
    let binding = json!({"roleRef": {"kind": "Role", "name": "r"}, "subjects": [{"kind": "User", "name": "u"},
        {"kind": "Group", "name": "g"}, {"kind": "Group", "name": "h"},
        {"kind": "ServiceAccount", "namespace": "ns", "name": "s"}]});
    let expected = json!(["x", "Role/r", "15m", "u", "g, h", "ns/s"]);
    prints("rbac.authorization.k8s.io/v1", "rolebindings", binding.clone(), expected.clone());
    prints("rbac.authorization.k8s.io/v1", "clusterrolebindings", binding, expected);
    for plural in ["roles", "clusterroles"] {
        prints("rbac.authorization.k8s.io/v1", plural, json!({}), json!(["x", "2026-03-01T12:00:00Z"]));
    }
    prints("coordination.k8s.io/v1", "leases", json!({"spec": {"holderIdentity": "h"}}), json!(["x", "h", "15m"]));
    let candidate = json!({"spec": {"leaseName": "l", "binaryVersion": "1.37", "emulationVersion": "1.36"}});
    prints("coordination.k8s.io/v1beta1", "leasecandidates", candidate, json!(["x", "l", "1.37", "1.36", "15m"]));
    let class = json!({"value": 100, "globalDefault": true, "preemptionPolicy": "Never"});
    prints("scheduling.k8s.io/v1", "priorityclasses", class, json!(["x", 100, true, "15m", "Never"]));
}

#[test]
fn admission_certificates_and_flow_control() {
    let hooks = json!({"webhooks": [{}, {}]});
    prints("admissionregistration.k8s.io/v1", "mutatingwebhookconfigurations", hooks, json!(["x", 2, "15m"]));
    let policy = json!({"spec": {"validations": [{}], "paramKind": {"apiVersion": "v1", "kind": "ConfigMap"}}});
    let expected = json!(["x", 1, "v1/ConfigMap", "15m"]);
    prints("admissionregistration.k8s.io/v1", "validatingadmissionpolicies", policy, expected);
    let binding = |of: Value| json!({"spec": {"policyName": "p", "paramRef": of}});
    for (of, expected) in [
        (json!(null), "<unset>"),
        (json!({"name": "n"}), "*/n"),
        (json!({"name": "n", "namespace": "ns"}), "ns/n"),
        (
            json!({"selector": {"matchLabels": {"a": "b"}}}),
            "&LabelSelector{MatchLabels:map[string]string{a: b,},MatchExpressions:[]LabelSelectorRequirement{},}",
        ),
    ] {
        let expected = json!(["x", "p", expected, "15m"]);
        prints("admissionregistration.k8s.io/v1", "validatingadmissionpolicybindings", binding(of), expected);
    }
    let api = json!({"status": {"conditions": [{"type": "Available", "status": "False", "reason": "Gone"}]},
        "spec": {"service": {"namespace": "ns", "name": "s"}}});
    prints("apiregistration.k8s.io/v1", "apiservices", api, json!(["x", "ns/s", "False (Gone)", "15m"]));
    prints("apiregistration.k8s.io/v1", "apiservices", json!({}), json!(["x", "Local", "Unknown", "15m"]));
    prints("apiextensions.k8s.io/v1", "customresourcedefinitions", json!({}), json!(["x", "2026-03-01T12:00:00Z"]));

    let request = |conditions: Value, certificate: &str| {
        json!({"spec": {"signerName": "s", "username": "u", "expirationSeconds": 3600},
        "status": {"conditions": conditions, "certificate": certificate}})
    };
    for (body, state) in [
        (request(json!([]), ""), "Pending"),
        (request(json!([{"type": "Approved"}]), "Zg=="), "Approved,Issued"),
        (request(json!([{"type": "Approved"}, {"type": "Failed"}]), ""), "Approved,Failed"),
        (request(json!([{"type": "Approved"}, {"type": "Denied"}]), ""), "Denied"),
    ] {
        let expected = json!(["x", "15m", "s", "u", "60m", state]);
        prints("certificates.k8s.io/v1", "certificatesigningrequests", body, expected);
    }
    prints("certificates.k8s.io/v1beta1", "clustertrustbundles", json!({}), json!(["x", "<none>"]));
    let schema = json!({"spec": {"matchingPrecedence": 5, "priorityLevelConfiguration": {"name": "p"},
        "distinguisherMethod": {"type": "ByUser"}}, "status": {"conditions": [{"type": "Dangling", "status": "False"}]}});
    let expected = json!(["x", "p", 5, "ByUser", "15m", "False"]);
    prints("flowcontrol.apiserver.k8s.io/v1", "flowschemas", schema, expected);
    let level = json!({"spec": {"type": "Limited", "limited": {"nominalConcurrencyShares": 5, "limitResponse": {"queuing": {"queues": 4}}}}});
    let expected = json!(["x", "Limited", 5, 4, 0, 0, "15m"]);
    prints("flowcontrol.apiserver.k8s.io/v1", "prioritylevelconfigurations", level, expected);
    let exempt = json!(["x", "Exempt", "<none>", "<none>", "<none>", "<none>", "15m"]);
    prints(
        "flowcontrol.apiserver.k8s.io/v1",
        "prioritylevelconfigurations",
        json!({"spec": {"type": "Exempt"}}),
        exempt,
    );
}

#[test]
fn devices_groups_and_evictions() {
    let claim = json!({"status": {"allocation": {}, "reservedFor": [{}]}});
    prints("resource.k8s.io/v1", "resourceclaims", claim, json!(["x", "allocated,reserved", "15m"]));
    prints("resource.k8s.io/v1", "resourceclaims", json!({}), json!(["x", "pending", "15m"]));
    prints("resource.k8s.io/v1", "deviceclasses", json!({}), json!(["x", "15m"]));
    let slice = json!({"spec": {"nodeName": "n", "driver": "d", "pool": {"name": "p"}}});
    prints("resource.k8s.io/v1", "resourceslices", slice, json!(["x", "n", "d", "p", "15m"]));
    let rule = json!({"spec": {"taint": {"key": "k", "value": "v", "effect": "NoExecute", "timeAdded": "2026-03-01T12:14:00Z"}}});
    prints("resource.k8s.io/v1", "devicetaintrules", rule, json!(["x", "k", "v", "NoExecute", "60s", "15m"]));
    let pools = json!({"spec": {"driver": "d"}, "status": {"poolCount": 3, "pools":
        [{"totalDevices": 4, "availableDevices": 1, "allocatedDevices": 3}, {"totalDevices": 1, "validationError": "e"}],
        "conditions": [{"type": "Complete", "status": "True", "lastTransitionTime": "2026-03-01T12:14:00Z"}]}});
    let expected = json!(["x", "d", "5", "1", "3", "0", "1", 3, "Complete (2/3 pools)", "60s"]);
    prints("resource.k8s.io/v1alpha3", "resourcepoolstatusrequests", pools, expected);
    let expected = json!(["x", "", "-", "-", "-", "-", "-", 0, "Pending", "<none>"]);
    prints("resource.k8s.io/v1alpha3", "resourcepoolstatusrequests", json!({}), expected);
    let group = json!({"spec": {"schedulingPolicy": {"gang": {}}, "workloadRef": {"workloadName": "w"}},
        "status": {"conditions": [{"type": "PodGroupInitiallyScheduled", "status": "True"}]}});
    prints("scheduling.k8s.io/v1beta1", "podgroups", group, json!(["x", "Gang", "w", "Scheduled", "15m"]));
    prints("scheduling.k8s.io/v1alpha3", "compositepodgroups", json!({}), json!(["x", "Basic", "<none>", "15m"]));
    let request = json!({"spec": {"target": {"pod": {"name": "p"}}, "requester": "r", "intent": "Eviction"},
        "status": {"observedGeneration": 1}});
    let expected = json!(["x", "p", "Pod", "Progressing", "r", "Eviction", "15m"]);
    prints("lifecycle.k8s.io/v1alpha1", "evictionrequests", request, expected);
    let eviction = json!({"spec": {"target": {"pod": {"name": "p"}}}, "status": {
        "targetResponders": [{"name": "a", "state": "Completed"}, {"name": "b", "state": "Active"}, {"name": "c", "state": "Inactive"}],
        "responders": [{"name": "b", "startTime": "2026-03-01T12:10:00Z", "expectedCompletionTime": "2026-03-01T12:20:00Z",
            "heartbeatTime": "2026-03-01T12:14:50Z", "message": " busy "}],
        "requesters": [{"name": "r", "intent": "Eviction"}, {"name": "q", "intent": "Eviction"}]}});
    let expected = json!([
        "x",
        "p",
        "Pod",
        "Pending",
        "b (2/3)",
        "Started (5m ago)",
        "in 5m",
        "q + 1 more...",
        "15m",
        "10s ago",
        "busy"
    ]);
    prints("lifecycle.k8s.io/v1alpha1", "evictions", eviction, expected);
}

#[test]
fn every_resource_has_a_cell_for_each_column_and_prints_nonsense() {
    for resource in resources() {
        let columns = columns(&resource.group, &resource.version, &resource.plural);
        let names = columns.iter().filter(|column| column.name == "Name" && column.format == "name").count();
        assert_eq!(names, usize::from(&*resource.plural != "storageversionmigrations"), "{}", resource.plural);
        // IPAddresses print an age that no column is for, as upstream's do.
        let extra = usize::from(&*resource.plural == "ipaddresses");
        for object in
            [json!({}), json!(null), json!({"metadata": 1, "spec": [], "status": "x", "subsets": {}, "data": 3})]
        {
            assert_eq!(cells(resource, &object, now()).len(), columns.len() + extra, "{}", resource.plural);
        }
        assert!(columns.iter().all(|column| !column.description.is_empty()));
    }
}

fn options(include: IncludeObject) -> Options {
    Options { version: TableVersion::V1, include, now: now() }
}

fn parsed(table: &[u8]) -> Value {
    serde_json::from_slice(table).unwrap()
}

#[test]
fn tables_of_lists() {
    let printer = Printer::of(find("v1", "namespaces"), "");
    let tree = object(json!({"status": {"phase": "Active"}}));
    let wire = br#"{"kind":"Namespace","apiVersion":"v1"}
"#;
    let head = Head { resource_version: "7", continue_token: "c", remaining: Some(2) };
    let item = Item { tree: &tree, wire };
    let text = String::from_utf8(list_table(printer, &head, [item, item], &options(IncludeObject::Metadata))).unwrap();
    let begins = r#"{"kind":"Table","apiVersion":"meta.k8s.io/v1","metadata":{"resourceVersion":"7","continue":"c","remainingItemCount":2},"columnDefinitions":[{"name":"Name","type":"string","format":"name","description":"#;
    assert!(text.starts_with(begins), "{text}");
    let table = parsed(text.as_bytes());
    let metadata =
        json!({"kind": "PartialObjectMetadata", "apiVersion": "meta.k8s.io/v1", "metadata": tree["metadata"]});
    assert_eq!(
        table["rows"],
        json!([{"cells": ["x", "Active", "15m"], "object": metadata.clone()},
        {"cells": ["x", "Active", "15m"], "object": metadata}])
    );

    let whole = parsed(&list_table(printer, &head, [item], &options(IncludeObject::Object)));
    assert_eq!(whole["rows"][0]["object"], json!({"kind": "Namespace", "apiVersion": "v1"}));
    let older = Options { version: TableVersion::V1beta1, ..options(IncludeObject::None) };
    let empty = parsed(&list_table(printer, &Head::default(), [], &older));
    assert_eq!(
        (&empty["apiVersion"], &empty["metadata"], &empty["rows"]),
        (&json!("meta.k8s.io/v1beta1"), &json!({}), &json!([]))
    );
}

#[test]
fn tables_of_events_name_columns_once() {
    let printer = Printer::of(find("v1", "pods"), "");
    let tree = object(json!({"metadata": {"resourceVersion": "9"}, "status": {"phase": "Failed"}}));
    let item = Item { tree: &tree, wire: b"" };
    let first = parsed(&event_table(printer, item, true, &options(IncludeObject::None)));
    assert_eq!(first["columnDefinitions"].as_array().unwrap().len(), 9);
    assert_eq!(first["metadata"], json!({"resourceVersion": "9"}));
    let conditions = json!([{"type": "Completed", "status": "True", "reason": "Failed", "message": "The pod failed."}]);
    assert_eq!((&first["rows"][0]["conditions"], &first["rows"][0]["object"]), (&conditions, &json!(null)));
    let second = parsed(&event_table(printer, item, false, &options(IncludeObject::None)));
    assert_eq!((second.get("columnDefinitions"), &second["rows"]), (Some(&json!(null)), &first["rows"]));

    let end = json!({"metadata": {"resourceVersion": "9", "annotations": {"k8s.io/initial-events-end": "true"}}});
    let bookmark = parsed(&event_table(printer, Item { tree: &end, wire: b"" }, false, &options(IncludeObject::None)));
    assert_eq!(bookmark["rows"][0]["object"]["metadata"], end["metadata"]);
}

#[test]
fn lists_mark_the_default_class_and_order_flow_schemas() {
    let class = |name: &str, created: &str, default: &str| {
        object(json!({"metadata": {"name": name, "creationTimestamp": created,
            "annotations": {"storageclass.kubernetes.io/is-default-class": default}}}))
    };
    let (early, late) = ("2026-03-01T11:00:00Z", "2026-03-01T12:00:00Z");
    let classes =
        [class("a", early, "true"), class("c", late, "true"), class("b", late, "true"), class("d", late, "false")];
    let names = |resource: &Resource, trees: &[Value]| {
        let items = trees.iter().map(|tree| Item { tree, wire: b"" });
        let table = list_table(Printer::of(resource, ""), &Head::default(), items, &options(IncludeObject::None));
        let rows = parsed(&table)["rows"].as_array().unwrap().clone();
        rows.iter().map(|row| row["cells"][0].as_str().unwrap().to_owned()).collect::<Vec<_>>()
    };
    assert_eq!(names(find("storage.k8s.io/v1", "storageclasses"), &classes), ["a", "c", "b (default)", "d"]);
    let schema = |name: &str, precedence: i64| {
        object(json!({"metadata": {"name": name}, "spec": {"matchingPrecedence": precedence}}))
    };
    let schemas = [schema("z", 5), schema("b", 9), schema("a", 9), schema("y", 1)];
    assert_eq!(names(find("flowcontrol.apiserver.k8s.io/v1", "flowschemas"), &schemas), ["y", "z", "a", "b"]);
}

#[test]
fn include_object_is_one_of_three() {
    assert_eq!(IncludeObject::parse(None).unwrap(), IncludeObject::Metadata);
    assert_eq!(IncludeObject::parse(Some("None")).unwrap(), IncludeObject::None);
    assert_eq!(IncludeObject::parse(Some("Object")).unwrap(), IncludeObject::Object);
    let refused = IncludeObject::parse(Some("x")).unwrap_err().status();
    let sentence = "Unable to convert to Table as requested: includeObject: Invalid value: \"x\": must be 'Metadata', 'Object', 'None', or empty";
    assert_eq!((refused.code, refused.message.as_deref()), (Some(400), Some(sentence)));
}
