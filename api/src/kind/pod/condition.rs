//! Conditions of a pod's status.

use serde_json::{Value, json};

use super::access::{Object, object_or_new, text};
use crate::time::{Layout, Time};

/// What a condition is set to.
#[derive(Debug, Clone, Copy)]
pub(super) struct Condition<'a> {
    /// Its type.
    pub(super) kind: &'a str,
    /// `True`, `False` or `Unknown`.
    pub(super) status: &'a str,
    /// Why, in one word; may be empty.
    pub(super) reason: &'a str,
    /// Why, in a sentence; may be empty.
    pub(super) message: &'a str,
}

/// Sets a condition, replacing the one of its type as a whole. The time of transition stays where the status does.
pub(super) fn set(pod: &mut Object, condition: Condition<'_>, now: Time) {
    let Some(status) = object_or_new(pod, "status") else { return };
    let conditions = status.entry("conditions").or_insert(Value::Null);
    if !conditions.is_array() {
        *conditions = Value::Array(Vec::new());
    }
    let Some(conditions) = conditions.as_array_mut() else { return };
    let mut value = json!({
        "type": condition.kind,
        "status": condition.status,
        "lastProbeTime": null,
        "lastTransitionTime": now.format(Layout::Seconds),
    });
    for (key, text) in [("reason", condition.reason), ("message", condition.message)] {
        if !text.is_empty() {
            value[key] = Value::from(text);
        }
    }
    match conditions.iter_mut().find(|other| text(other, "type") == condition.kind) {
        Some(other) => {
            if text(other, "status") == condition.status
                && let Some(time) = other.get("lastTransitionTime")
            {
                value["lastTransitionTime"] = time.clone();
            }
            *other = value;
        }
        None => conditions.push(value),
    }
}
