//! Controllers of long-running pods, their revisions, scales and autoscalers.

use serde_json::Value;

use super::column::{self, AGE, CONTAINERS, Column, IMAGES, NAME, SELECTOR};
use super::kind::Kind;
use super::view::View;
use super::{human, row};

const DESIRED: Column = column::integer("Desired", "How many pods there should be.");
const CURRENT: Column = column::integer("Current", "How many pods there are.");
const READY: Column = column::integer("Ready", "How many pods are ready.");
const READY_OF: Column = column::text("Ready", "How many pods are ready, of how many there should be.");

pub(super) const REPLICATION_CONTROLLER: Kind = Kind {
    columns: &[NAME, DESIRED, CURRENT, READY, AGE, CONTAINERS, IMAGES, SELECTOR],
    cells: |object| replicated(object, human::labels(object.map("spec.selector"))),
    conditions: None,
};

pub(super) const REPLICA_SET: Kind = Kind {
    cells: |object| replicated(object, human::selector_cell(object.at("spec.selector"))),
    ..REPLICATION_CONTROLLER
};

pub(super) const DAEMON_SET: Kind = Kind {
    columns: &[
        NAME,
        column::integer("Desired", "How many nodes should run a pod of it."),
        column::integer("Current", "How many nodes that should run a pod of it have one."),
        column::integer("Ready", "How many nodes have a ready pod of it."),
        column::integer("Up-to-date", "How many nodes run a pod of the present template."),
        column::integer("Available", "How many nodes have an available pod of it."),
        column::text("Node Selector", "Labels of the nodes that run it."),
        AGE,
        CONTAINERS,
        IMAGES,
        SELECTOR,
    ],
    cells: |set| {
        let (names, images) = human::containers(set, "spec.template.spec.containers");
        row![
            set.name(),
            set.int("status.desiredNumberScheduled"),
            set.int("status.currentNumberScheduled"),
            set.int("status.numberReady"),
            set.int("status.updatedNumberScheduled"),
            set.int("status.numberAvailable"),
            human::labels(set.map("spec.template.spec.nodeSelector")),
            set.age(),
            names,
            images,
            human::selector_cell(set.at("spec.selector")),
        ]
    },
    conditions: None,
};

pub(super) const DEPLOYMENT: Kind = Kind {
    columns: &[
        NAME,
        READY_OF,
        column::text("Up-to-date", "How many pods are of the present template."),
        column::text("Available", "How many pods are available."),
        AGE,
        CONTAINERS,
        IMAGES,
        SELECTOR,
    ],
    cells: |deployment| {
        let (names, images) = human::containers(deployment, "spec.template.spec.containers");
        row![
            deployment.name(),
            ready_of(deployment),
            deployment.int("status.updatedReplicas"),
            deployment.int("status.availableReplicas"),
            deployment.age(),
            names,
            images,
            human::selector(deployment.at("spec.selector")).unwrap_or_else(|| "<invalid>".to_owned()),
        ]
    },
    conditions: None,
};

pub(super) const STATEFUL_SET: Kind = Kind {
    columns: &[NAME, READY_OF, AGE, CONTAINERS, IMAGES],
    cells: |set| {
        let (names, images) = human::containers(set, "spec.template.spec.containers");
        row![set.name(), ready_of(set), set.age(), names, images]
    },
    conditions: None,
};

pub(super) const CONTROLLER_REVISION: Kind = Kind {
    columns: &[
        NAME,
        column::text("Controller", "What the revision belongs to."),
        column::text("Revision", "The revision's number."),
        AGE,
    ],
    cells: |revision| {
        let owner = revision.list("metadata.ownerReferences").find(|owner| owner.flag("controller"));
        let controller = owner.map_or_else(|| "<none>".to_owned(), controller);
        row![revision.name(), controller, revision.int("revision"), revision.age()]
    },
    conditions: None,
};

pub(super) const SCALE: Kind = Kind {
    columns: &[
        Column { format: "", ..NAME },
        column::integer("Desired", "How many pods there should be."),
        column::integer("Available", "How many pods there are."),
        AGE,
    ],
    cells: |scale| row![scale.name(), scale.int("spec.replicas"), scale.int("status.replicas"), scale.age()],
    conditions: None,
};

pub(super) const HORIZONTAL_POD_AUTOSCALER: Kind = Kind {
    columns: &[
        NAME,
        column::text("Reference", "What is scaled."),
        column::text("Targets", "Present and wanted values of the metrics."),
        column::text("MinPods", "The least number of pods."),
        column::text("MaxPods", "The greatest number of pods."),
        column::text("Replicas", "How many pods there are."),
        AGE,
    ],
    cells: |scaler| {
        let target = scaler.at("spec.scaleTargetRef");
        let least = scaler.maybe_int("spec.minReplicas");
        row![
            scaler.name(),
            format!("{}/{}", target.text("kind"), target.text("name")),
            metrics(scaler),
            least.map_or_else(|| "<unset>".to_owned(), |least| least.to_string()),
            scaler.int("spec.maxReplicas"),
            scaler.int("status.currentReplicas"),
            scaler.age(),
        ]
    },
    conditions: None,
};

fn replicated(object: View<'_>, selector: String) -> Vec<Value> {
    let (names, images) = human::containers(object, "spec.template.spec.containers");
    row![
        object.name(),
        object.int("spec.replicas"),
        object.int("status.replicas"),
        object.int("status.readyReplicas"),
        object.age(),
        names,
        images,
        selector,
    ]
}

fn ready_of(object: View<'_>) -> String {
    format!("{}/{}", object.int("status.readyReplicas"), object.int("spec.replicas"))
}

/// `replicaset.apps/name`.
fn controller(owner: View<'_>) -> String {
    let (kind, name) = (owner.text("kind").to_lowercase(), owner.text("name"));
    match owner.text("apiVersion").split_once('/') {
        Some((group, _)) => format!("{kind}.{}/{name}", group.to_lowercase()),
        None => format!("{kind}/{name}"),
    }
}

fn metrics(scaler: View<'_>) -> String {
    let statuses: Vec<_> = scaler.list("status.currentMetrics").collect();
    let metric = |(index, spec): (usize, View<'_>)| metric(spec, statuses.get(index).copied());
    let texts: Vec<String> = scaler.list("spec.metrics").enumerate().map(metric).collect();
    if texts.is_empty() { "<none>".to_owned() } else { human::shortened(&texts, 2, ", ") }
}

fn metric(spec: View<'_>, status: Option<View<'_>>) -> String {
    let source = match spec.text("type") {
        "External" => "external",
        "Pods" => "pods",
        "Object" => "object",
        "Resource" => "resource",
        "ContainerResource" => "containerResource",
        _ => return "<unknown type>".to_owned(),
    };
    let target = spec.at(source).at("target");
    let current =
        status.map(|status| status.at(source)).filter(|found| found.is_some()).map(|found| found.at("current"));
    let unknown = || "<unknown>".to_owned();
    // A current value that is present and a quantity that is unset print as 0, as Go's zero quantity does.
    let value = |field: &str| current.map_or_else(unknown, |current| current.quantity(field).to_owned());
    let known = |field: &str| match current {
        Some(current) if current.has(field) => current.quantity(field).to_owned(),
        _ => unknown(),
    };
    let averaged = target.has("averageValue");
    match source {
        "pods" => format!("{}/{}", value("averageValue"), target.quantity("averageValue")),
        "external" | "object" if averaged => {
            format!("{}/{} (avg)", known("averageValue"), target.quantity("averageValue"))
        }
        "external" | "object" => format!("{}/{}", value("value"), target.quantity("value")),
        _ => {
            let name = spec.at(source).text("name");
            if averaged {
                return format!("{name}: {}/{}", value("averageValue"), target.quantity("averageValue"));
            }
            let percent = |of: View<'_>| of.maybe_int("averageUtilization").map(|percent| format!("{percent}%"));
            let now = current.and_then(percent).unwrap_or_else(unknown);
            let wanted = percent(target).unwrap_or_else(|| "<auto>".to_owned());
            format!("{name}: {now}/{wanted}")
        }
    }
}
