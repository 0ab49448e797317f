//! JSON Merge Patch (RFC 7396). Beyond the RFC, nulls inside the objects of a new list are dropped, as upstream does.
//!
//! Objects that the patch touches come out with their keys sorted and the others as they stood, for upstream holds the
//! former as Go maps and the latter as text: refusals show the patched document.

use serde_json::{Map, Value};

/// `target` with `patch` merged in: null removes, objects merge, everything else replaces.
#[must_use]
pub fn merge(target: &Value, patch: &Value) -> Value {
    match (target, patch) {
        (Value::Object(target), Value::Object(patch)) => {
            let mut merged = target.clone();
            merge_objects(&mut merged, patch);
            Value::Object(merged)
        }
        (_, Value::Object(_)) => without_nulls(patch),
        (_, other) => other.clone(),
    }
}

fn merge_objects(target: &mut Map<String, Value>, patch: &Map<String, Value>) {
    for (name, value) in patch {
        match (target.get_mut(name), value) {
            (_, Value::Null) => drop(target.shift_remove(name)),
            (Some(Value::Object(target)), Value::Object(patch)) => merge_objects(target, patch),
            // What stands is an object, so this replaces it as it is.
            (Some(target @ Value::Object(_)), value) => *target = value.clone(),
            (Some(target), value) => *target = without_nulls(value),
            (None, value) => drop(target.insert(name.clone(), without_nulls(value))),
        }
    }
    target.sort_keys();
}

/// Without the fields that are null; elements of lists stay.
fn without_nulls(value: &Value) -> Value {
    match value {
        Value::Object(map) => {
            let kept = map.iter().filter(|(_, value)| !value.is_null());
            let mut kept: Map<_, _> = kept.map(|(name, value)| (name.clone(), without_nulls(value))).collect();
            kept.sort_keys();
            Value::Object(kept)
        }
        Value::Array(list) => Value::Array(list.iter().map(without_nulls).collect()),
        other => other.clone(),
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn the_rfcs_examples() {
        let rows = [
            (json!({"a": "b"}), json!({"a": "c"}), json!({"a": "c"})),
            (json!({"a": "b"}), json!({"b": "c"}), json!({"a": "b", "b": "c"})),
            (json!({"a": "b"}), json!({"a": null}), json!({})),
            (json!({"a": "b", "b": "c"}), json!({"a": null}), json!({"b": "c"})),
            (json!({"a": ["b"]}), json!({"a": "c"}), json!({"a": "c"})),
            (json!({"a": "c"}), json!({"a": ["b"]}), json!({"a": ["b"]})),
            (json!({"a": {"b": "c"}}), json!({"a": {"b": "d", "c": null}}), json!({"a": {"b": "d"}})),
            (json!({"a": [{"b": "c"}]}), json!({"a": [1]}), json!({"a": [1]})),
            (json!({"e": null}), json!({"a": 1}), json!({"e": null, "a": 1})),
            (json!({}), json!({"a": {"bb": {"ccc": null}}}), json!({"a": {"bb": {}}})),
            // Upstream's own: nulls inside lists' objects.
            (json!({}), json!({"a": [{"b": null, "c": 1}, null]}), json!({"a": [{"c": 1}, null]})),
            (json!({"a": {"b": 1}}), json!({"a": [{"b": null}]}), json!({"a": [{"b": null}]})),
        ];
        for (target, patch, expected) in rows {
            assert_eq!(merge(&target, &patch), expected, "{target} {patch}");
        }
    }

    #[test]
    fn what_is_touched_is_sorted() {
        let target = json!({"b": {"z": 1, "y": 2}, "a": {"z": {"d": 1, "c": 2}, "y": 2}});
        let patch = json!({"a": {"x": {"q": 1, "p": [{"n": 1, "m": 2}]}}});
        let merged = r#"{"a":{"x":{"p":[{"m":2,"n":1}],"q":1},"y":2,"z":{"d":1,"c":2}},"b":{"z":1,"y":2}}"#;
        assert_eq!(merge(&target, &patch).to_string(), merged);
    }
}
