//! Pods and pod templates.

use std::collections::HashMap;

use serde_json::{Value, json};

use super::column::{self, AGE, NAME};
use super::kind::Kind;
use super::row;
use super::view::View;
use super::{Column, human};

pub(super) const POD: Kind = Kind {
    columns: &[
        NAME,
        column::text("Ready", "How many of the pod's containers are ready."),
        column::text("Status", "What the pod is doing, summed up from its containers."),
        column::text("Restarts", "How often containers restarted, and how long ago the last one did."),
        AGE,
        column::wide("IP", "The pod's address."),
        column::wide("Node", "The node that runs the pod."),
        column::wide("Nominated Node", "The node on which others are being preempted for the pod."),
        column::wide("Readiness Gates", "How many of the pod's readiness gates are passed."),
    ],
    cells: pod,
    conditions: Some(conditions),
};

pub(super) const POD_TEMPLATE: Kind = Kind {
    columns: &[
        NAME,
        // Unlike other kinds' these are not for wide output only.
        Column { priority: 0, ..column::CONTAINERS },
        Column { priority: 0, ..column::IMAGES },
        column::text("Pod Labels", "The labels of pods made from the template."),
    ],
    cells: |template| {
        let (names, images) = human::containers(template, "template.spec.containers");
        row![template.name(), names, images, human::labels(template.map("template.metadata.labels"))]
    },
    conditions: None,
};

/// A row's conditions: whether the pod is through.
fn conditions(pod: View<'_>) -> Option<Value> {
    let (reason, message) = match pod.text("status.phase") {
        "Succeeded" => ("Succeeded", "The pod has completed successfully."),
        "Failed" => ("Failed", "The pod failed."),
        _ => return None,
    };
    Some(json!([{"type": "Completed", "status": "True", "reason": reason, "message": message}]))
}

/// Restarts, and when the last one was.
#[derive(Default, Clone, Copy)]
struct Restarts {
    count: i64,
    last: Option<howdah_api::time::Time>,
}

impl Restarts {
    fn add(&mut self, status: View<'_>) {
        self.count += status.int("restartCount");
        // An absent time orders before any.
        self.last = self.last.max(status.time("lastState.terminated.finishedAt"));
    }

    fn text(self, now: howdah_api::time::Time) -> String {
        match self.last {
            Some(last) if self.count != 0 => format!("{} ({} ago)", self.count, human::since(last, now)),
            _ => self.count.to_string(),
        }
    }
}

/// What a pod's containers sum up to.
struct Summary {
    status: String,
    ready: i64,
    total: i64,
    restarts: Restarts,
}

fn pod(pod: View<'_>) -> Vec<Value> {
    let summary = summarise(pod);
    let address = pod.list("status.podIPs").next().map_or("", |address| address.text("ip"));
    row![
        pod.name(),
        format!("{}/{}", summary.ready, summary.total),
        summary.status,
        summary.restarts.text(pod.now()),
        pod.age(),
        if address.is_empty() { "<none>" } else { address },
        pod.text_or("spec.nodeName", "<none>"),
        pod.text_or("status.nominatedNodeName", "<none>"),
        readiness_gates(pod),
    ]
}

fn readiness_gates(pod: View<'_>) -> String {
    let gates = pod.list("spec.readinessGates");
    let total = gates.len();
    if total == 0 {
        return "<none>".to_owned();
    }
    let passed = gates.filter(|gate| is_true(pod, gate.text("conditionType"))).count();
    format!("{passed}/{total}")
}

/// Whether the first condition of this type is true.
fn is_true(pod: View<'_>, condition: &str) -> bool {
    pod.condition("status.conditions", condition).is_some_and(|found| found.text("status") == "True")
}

fn summarise(pod: View<'_>) -> Summary {
    let phase = pod.text("status.phase");
    let mut summary = Summary {
        status: pod.text_or("status.reason", phase).to_owned(),
        ready: 0,
        total: pod.count("spec.containers"),
        restarts: Restarts::default(),
    };
    let gated =
        |condition: View<'_>| condition.text("type") == "PodScheduled" && condition.text("reason") == "SchedulingGated";
    if pod.list("status.conditions").any(gated) {
        "SchedulingGated".clone_into(&mut summary.status);
    }
    let initialising = init_containers(pod, &mut summary);
    if !initialising || is_true(pod, "Initialized") {
        containers(pod, &mut summary);
    }
    if pod.is_deleted() {
        if pod.text("status.reason") == "NodeLost" {
            "Unknown".clone_into(&mut summary.status);
        } else if !matches!(phase, "Succeeded" | "Failed") {
            "Terminating".clone_into(&mut summary.status);
        }
    }
    summary
}

/// Goes through the init containers up to the one that is not done; tells whether there is one. Leaves in
/// `summary.restarts` what counts while the pod initialises if so, else the restarts of sidecars alone.
fn init_containers(pod: View<'_>, summary: &mut Summary) -> bool {
    let specs: HashMap<&str, View<'_>> =
        pod.list("spec.initContainers").map(|container| (container.text("name"), container)).collect();
    let is_sidecar = |container: &View<'_>| container.text("restartPolicy") == "Always";
    let total = pod.list("spec.initContainers");
    let count = total.len();
    let sidecars = total.filter(is_sidecar).count();
    summary.total += i64::try_from(sidecars).unwrap_or(i64::MAX);

    let mut all = Restarts::default();
    let mut of_sidecars = Restarts::default();
    let mut initialising = false;
    for (index, status) in pod.list("status.initContainerStatuses").enumerate() {
        all.add(status);
        let sidecar = specs.get(status.text("name")).is_some_and(is_sidecar);
        if sidecar {
            of_sidecars.add(status);
        }
        let terminated = status.at("state.terminated");
        let waiting = status.text("state.waiting.reason");
        if terminated.is_some() && terminated.int("exitCode") == 0 {
            continue;
        }
        if sidecar && status.flag("started") {
            summary.ready += i64::from(status.flag("ready"));
            continue;
        }
        summary.status = if terminated.is_some() {
            format!("Init:{}", ending(terminated))
        } else if !waiting.is_empty() && waiting != "PodInitializing" {
            format!("Init:{waiting}")
        } else {
            format!("Init:{index}/{count}")
        };
        initialising = true;
        break;
    }
    let counted = !initialising || is_true(pod, "Initialized");
    summary.restarts = if counted { of_sidecars } else { all };
    initialising
}

/// How a container ended: its reason, signal or exit code.
fn ending(terminated: View<'_>) -> String {
    let (reason, signal) = (terminated.text("reason"), terminated.int("signal"));
    if !reason.is_empty() {
        reason.to_owned()
    } else if signal != 0 {
        format!("Signal:{signal}")
    } else {
        format!("ExitCode:{}", terminated.int("exitCode"))
    }
}

/// Goes through the containers, the last one first: so the first one's state is what is told in the end.
fn containers(pod: View<'_>, summary: &mut Summary) {
    let mut running = false;
    let mut failure = String::new();
    for status in pod.list("status.containerStatuses").rev() {
        summary.restarts.add(status);
        let waiting = status.text("state.waiting.reason");
        let terminated = status.at("state.terminated");
        if !waiting.is_empty() {
            waiting.clone_into(&mut summary.status);
        } else if terminated.is_some() {
            summary.status = ending(terminated);
            if terminated.int("exitCode") != 0 {
                failure.clone_from(&summary.status);
            }
        } else if status.flag("ready") && status.has("state.running") {
            running = true;
            summary.ready += 1;
        }
    }
    // Some containers are done and others still run: the pod as a whole is not completed.
    if summary.status == "Completed" {
        // Any condition of the type counts here, not only the first.
        let ready = |condition: View<'_>| condition.text("type") == "Ready" && condition.text("status") == "True";
        if running && pod.list("status.conditions").any(ready) {
            "Running".clone_into(&mut summary.status);
        } else if !failure.is_empty() {
            summary.status = failure;
        } else if running {
            "NotReady".clone_into(&mut summary.status);
        }
    }
}
