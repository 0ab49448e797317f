//! Evictions and requests for them.

use serde_json::Value;

use super::column::{self, AGE, Column, NAME};
use super::kind::Kind;
use super::view::View;
use super::{human, row};

const TARGET: Column = column::text("Target", "What is to be evicted.");
const TARGET_TYPE: Column = column::text("Target Type", "The kind of what is to be evicted.");
const STATUS: Column = column::text("Status", "How far it is.");

pub(super) const EVICTION_REQUEST: Kind = Kind {
    columns: &[
        NAME,
        TARGET,
        TARGET_TYPE,
        STATUS,
        column::text("Requester", "Who asks."),
        column::text("Intent", "Whether the eviction is still wanted."),
        AGE,
    ],
    cells: |request| {
        let (target, kind) = target(request);
        row![
            request.name(),
            target,
            kind,
            status(request),
            request.text("spec.requester"),
            request.text("spec.intent"),
            request.age(),
        ]
    },
    conditions: None,
};

pub(super) const EVICTION: Kind = Kind {
    columns: &[
        NAME,
        TARGET,
        TARGET_TYPE,
        STATUS,
        column::text("Active Responder", "Who is carrying it out, and how many have been at it."),
        column::text("Responder Status", "How far the responder is."),
        column::text("Responder Expected Finish", "When the responder means to be done."),
        column::text("Requesters", "Who asks."),
        AGE,
        column::wide("Responder Heartbeat", "How long ago the responder was last heard of."),
        column::wide("Responder Status Message", "What the responder says."),
    ],
    cells: eviction,
    conditions: None,
};

fn target(of: View<'_>) -> (&str, &'static str) {
    let pod = of.at("spec.target.pod");
    if pod.is_some() { (pod.text("name"), "Pod") } else { ("<unset>", "<unset>") }
}

fn status(of: View<'_>) -> String {
    for kind in ["TargetEvicted", "Failed"] {
        match of.condition("status.conditions", kind) {
            Some(condition) if condition.text("status") == "True" => {
                return format!("{kind} ({})", condition.text("reason"));
            }
            _ => {}
        }
    }
    if of.int("status.observedGeneration") > 0 { "Progressing" } else { "Pending" }.to_owned()
}

/// What is told of a responder.
struct Progress<'a> {
    status: String,
    finish: String,
    heartbeat: String,
    message: &'a str,
}

fn eviction(eviction: View<'_>) -> Vec<Value> {
    let (target, kind) = target(eviction);
    let has = |responder: &View<'_>, states: &[&str]| states.contains(&responder.text("state"));
    let past = ["Canceled", "Interrupted", "Completed"];
    let responders = || eviction.list("status.targetResponders");
    let begun = responders().filter(|responder| has(responder, &past) || has(responder, &["Active"])).count();
    let active = responders().rfind(|responder| has(responder, &["Active"]));
    let active = active.or_else(|| responders().rfind(|responder| has(responder, &past)));
    let name = active.map_or("<unset>", |responder| responder.text("name"));
    let progress = progress(eviction, active);
    row![
        eviction.name(),
        target,
        kind,
        status(eviction),
        format!("{name} ({begun}/{})", responders().len()),
        progress.status,
        progress.finish,
        requesters(eviction),
        eviction.age(),
        progress.heartbeat,
        progress.message,
    ]
}

fn progress<'a>(eviction: View<'a>, active: Option<View<'a>>) -> Progress<'a> {
    let unset = || "<unset>".to_owned();
    let mut progress =
        Progress { status: unset(), finish: "<unknown>".to_owned(), heartbeat: unset(), message: "<unset>" };
    let Some(active) = active else { return progress };
    let mut responders = eviction.list("status.responders");
    let Some(responder) = responders.find(|responder| responder.text("name") == active.text("name")) else {
        return progress;
    };
    let state = active.text("state");
    state.clone_into(&mut progress.status);
    if state == "Active" {
        if responder.has("startTime") {
            progress.status = format!("Started ({} ago)", responder.since("startTime"));
            if let Some(expected) = responder.time("expectedCompletionTime") {
                let now = eviction.now();
                progress.finish = if expected > now {
                    format!("in {}", human::since(now, expected))
                } else {
                    format!("{} ago", human::since(expected, now))
                };
            }
        }
    } else {
        "-".clone_into(&mut progress.finish);
        if state == "Completed" && responder.has("completionTime") {
            progress.status = format!("{state} ({} ago)", responder.since("completionTime"));
        }
    }
    if responder.has("heartbeatTime") {
        progress.heartbeat = format!("{} ago", responder.since("heartbeatTime"));
    }
    let message = responder.text("message").trim();
    if !message.is_empty() {
        progress.message = message;
    }
    progress
}

fn requesters(eviction: View<'_>) -> String {
    let standing = eviction.list("status.requesters").filter(|requester| requester.text("intent") != "Withdrawn");
    let mut names: Vec<String> = standing.map(|requester| requester.text("name").to_owned()).collect();
    names.sort_unstable();
    match (names.is_empty(), eviction.count("status.requesters")) {
        (true, 0) => "<none>".to_owned(),
        (true, _) => "<withdrawn>".to_owned(),
        (false, _) => human::shortened_or_unset(&names, 1),
    }
}
