//! Events of both groups; what is stored, and read here, is the core group's form.

use serde_json::Value;

use super::column::{self, Column, NAME};
use super::kind::Kind;
use super::row;
use super::view::View;

pub(super) const EVENT: Kind = Kind {
    columns: &[
        column::text("Last Seen", "How long ago it happened last."),
        column::text("Type", "Normal, Warning, or another type."),
        column::text("Reason", "Why it happened, in one word."),
        column::text("Object", "What it is about."),
        column::wide("Subobject", "Which part of the object it is about."),
        column::wide("Source", "Who reports it."),
        column::text("Message", "What happened."),
        column::wide("First Seen", "How long ago it happened first."),
        column::wide("Count", "How often it happened."),
        Column { priority: 1, ..NAME },
    ],
    cells: event,
    conditions: None,
};

fn event(event: View<'_>) -> Vec<Value> {
    let first = if event.time("firstTimestamp").is_some() { "firstTimestamp" } else { "eventTime" };
    let first = event.since(first);
    let series = event.at("series");
    let last = if series.is_some() {
        series.since("lastObservedTime")
    } else if event.time("lastTimestamp").is_some() {
        event.since("lastTimestamp")
    } else {
        first.clone()
    };
    let count = match (series.is_some(), event.int("count")) {
        (true, _) => series.int("count"),
        // One that was reported once has no count in the newer API.
        (false, 0) => 1,
        (false, count) => count,
    };
    let (kind, name) = (event.text("involvedObject.kind").to_lowercase(), event.text("involvedObject.name"));
    let component = event.text_or("source.component", event.text("reportingComponent"));
    let instance = event.text_or("source.host", event.text("reportingInstance"));
    row![
        last,
        event.text("type"),
        event.text("reason"),
        if name.is_empty() { kind } else { format!("{kind}/{name}") },
        event.text("involvedObject.fieldPath"),
        if instance.is_empty() { component.to_owned() } else { format!("{component}, {instance}") },
        event.text("message").trim(),
        first,
        count,
        event.name(),
    ]
}
