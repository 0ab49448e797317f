//! Between core `v1` events, which are stored, and `events.k8s.io/v1`: the same content under other names.
//!
//! Facts: pkg/apis/events/v1/conversion.go. Entries of managedFields stay as they are; each names the version that it
//! speaks of.

use serde_json::{Map, Value};

use crate::schema::builtin;
use crate::tree;

/// Core's names and those of `events.k8s.io/v1`.
const NAMES: [(&str, &str); 7] = [
    ("involvedObject", "regarding"),
    ("message", "note"),
    ("source", "deprecatedSource"),
    ("firstTimestamp", "deprecatedFirstTimestamp"),
    ("lastTimestamp", "deprecatedLastTimestamp"),
    ("count", "deprecatedCount"),
    ("reportingComponent", "reportingController"),
];

/// The stored event as `events.k8s.io/v1` shows it, in normal form.
#[must_use]
pub fn to_new(event: Value) -> Value {
    convert(event, "events.k8s.io", |name| NAMES.iter().find(|(core, _)| *core == name).map(|(_, new)| *new))
}

/// An event of `events.k8s.io/v1` in the form that is stored, in normal form.
#[must_use]
pub fn to_core(event: Value) -> Value {
    convert(event, "", |name| NAMES.iter().find(|(_, new)| *new == name).map(|(core, _)| *core))
}

fn convert(event: Value, group: &str, other_name: impl Fn(&str) -> Option<&'static str>) -> Value {
    let Value::Object(event) = event else { return event };
    let renamed = |(name, value): (String, Value)| (other_name(&name).map_or(name, str::to_owned), value);
    let mut event: Map<String, Value> = event.into_iter().map(renamed).collect();
    let api_version = if group.is_empty() { "v1" } else { "events.k8s.io/v1" };
    event.insert("apiVersion".to_owned(), api_version.into());
    let mut event = Value::Object(event);
    let node = builtin::kind(group, "v1", "Event").expect("both versions of Event have a schema");
    tree::normalise(&mut event, node);
    event
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn both_forms_carry_the_same() {
        let core = json!({
            "apiVersion": "v1", "kind": "Event",
            "metadata": {"name": "a", "namespace": "b", "creationTimestamp": null},
            "involvedObject": {"kind": "Pod", "name": "p", "namespace": "b"},
            "reason": "Started", "message": "m", "source": {"component": "kubelet"},
            "firstTimestamp": "2026-01-02T03:04:05Z", "lastTimestamp": null, "count": 2, "type": "Normal",
            "eventTime": null, "series": {"count": 3, "lastObservedTime": "2026-01-02T03:04:05.000000Z"},
            "related": {"kind": "Node", "name": "n"},
            "reportingComponent": "kubelet", "reportingInstance": "n",
        });
        let mut normal = core.clone();
        tree::normalise(&mut normal, builtin::kind("", "v1", "Event").unwrap());
        let new = to_new(normal.clone());
        let expected = json!({
            "apiVersion": "events.k8s.io/v1", "kind": "Event",
            "metadata": normal["metadata"], "eventTime": null,
            "series": {"count": 3, "lastObservedTime": "2026-01-02T03:04:05.000000Z"},
            "reportingController": "kubelet", "reportingInstance": "n", "reason": "Started",
            "regarding": {"kind": "Pod", "name": "p", "namespace": "b"}, "related": {"kind": "Node", "name": "n"},
            "note": "m", "type": "Normal", "deprecatedSource": {"component": "kubelet"},
            "deprecatedFirstTimestamp": "2026-01-02T03:04:05Z", "deprecatedLastTimestamp": null, "deprecatedCount": 2,
        });
        assert_eq!(new, expected);
        assert_eq!(to_core(new), normal);
    }

    #[test]
    fn what_go_writes_unset_is_there_in_both() {
        let new = to_new(json!({"kind": "Event", "metadata": {"name": "a"}}));
        assert_eq!(
            (&new["regarding"], &new["deprecatedSource"], &new["eventTime"]),
            (&json!({}), &json!({}), &Value::Null)
        );
        let core = to_core(new);
        assert_eq!((&core["involvedObject"], &core["source"]), (&json!({}), &json!({})));
        assert_eq!((&core["reportingComponent"], &core["reportingInstance"]), (&json!(""), &json!("")));
    }
}
