//! Pods: what their containers sum up to.

use super::*;

#[expect(clippy::needless_pass_by_value, reason = "tables read better with values")]
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
