//! Dynamic resource allocation: claims, slices, taints, pools.

use serde_json::Value;

use super::column::{self, AGE, NAME};
use super::kind::Kind;
use super::row;
use super::view::View;

pub(super) const CLAIM: Kind = Kind {
    columns: &[NAME, column::text("State", "Whether it is pending, allocated, reserved, deleted."), AGE],
    cells: |claim| row![claim.name(), claim_state(claim), claim.age()],
    conditions: None,
};

pub(super) const SLICE: Kind = Kind {
    columns: &[
        NAME,
        column::text("Node", "The node that has the devices."),
        column::text("Driver", "The driver of the devices."),
        column::text("Pool", "The pool that the devices belong to."),
        AGE,
    ],
    cells: |slice| {
        row![
            slice.name(),
            slice.text("spec.nodeName"),
            slice.text("spec.driver"),
            slice.text("spec.pool.name"),
            slice.age(),
        ]
    },
    conditions: None,
};

pub(super) const TAINT_RULE: Kind = Kind {
    columns: &[
        NAME,
        column::text("Key", "The taint's key."),
        column::text("Value", "The taint's value."),
        column::text("Effect", "What the taint does to pods."),
        column::text("TimeAdded", "How long ago the taint was added."),
        AGE,
    ],
    cells: |rule| {
        let taint = rule.at("spec.taint");
        let added = if taint.has("timeAdded") { taint.since("timeAdded") } else { String::new() };
        row![rule.name(), taint.text("key"), taint.text("value"), taint.text("effect"), added, rule.age()]
    },
    conditions: None,
};

pub(super) const POOL_STATUS_REQUEST: Kind = Kind {
    columns: &[
        NAME,
        column::text("Driver", "The driver whose pools are asked about."),
        column::text("Total", "How many devices there are."),
        column::text("Available", "How many devices are free."),
        column::text("Allocated", "How many devices are allocated."),
        column::text("Unavailable", "How many devices can't be used."),
        column::text("Errors", "How many pools are invalid."),
        column::integer("Pools", "How many pools there are."),
        column::text("Status", "Whether the request is answered."),
        column::text("Completed", "How long ago it was answered."),
    ],
    cells: pool_status_request,
    conditions: None,
};

fn claim_state(claim: View<'_>) -> String {
    let deleted = claim.is_deleted();
    let allocated = claim.has("status.allocation");
    let reserved = allocated && claim.count("status.reservedFor") > 0;
    let states =
        [(deleted, "deleted"), (!allocated && !deleted, "pending"), (allocated, "allocated"), (reserved, "reserved")];
    states.iter().filter(|(holds, _)| *holds).map(|(_, state)| *state).collect::<Vec<_>>().join(",")
}

fn pool_status_request(request: View<'_>) -> Vec<Value> {
    let ended = request.list("status.conditions").find(|condition| {
        matches!(condition.text("type"), "Complete" | "Failed") && condition.text("status") == "True"
    });
    let state = ended.map_or("Pending", |condition| condition.text("type"));
    let total = request.int("status.poolCount");
    let listed = request.count("status.pools");
    // Not all pools fit into the answer.
    let shortened = state == "Complete" && total > listed;
    let status = if shortened { format!("Complete ({listed}/{total} pools)") } else { state.to_owned() };
    let counted = request.has("status") && state != "Failed";
    let sum = |field: &str| match counted {
        true => request.list("status.pools").map(|pool| pool.int(field)).sum::<i64>().to_string(),
        false => "-".to_owned(),
    };
    let errors = request.list("status.pools").filter(|pool| pool.has("validationError")).count();
    let completed = ended.filter(|condition| condition.text("type") == "Complete");
    row![
        request.name(),
        request.text("spec.driver"),
        sum("totalDevices"),
        sum("availableDevices"),
        sum("allocatedDevices"),
        sum("unavailableDevices"),
        if counted { errors.to_string() } else { "-".to_owned() },
        total,
        status,
        completed.map_or_else(|| "<none>".to_owned(), |condition| condition.since("lastTransitionTime")),
    ]
}
