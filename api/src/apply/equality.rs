//! Whether two objects are the same but for when their owners wrote.

use serde_json::Value;

use super::value::equal;

/// Whether two objects of one kind, both in the answered form, are equal, timestamps in `managedFields` aside: then a
/// write changed nothing, and the stored object stays.
#[must_use]
pub fn equal_but_timestamps(a: &Value, b: &Value) -> bool {
    but(a, b, &["metadata", "managedFields"])
}

/// Equality, with what is below `path` compared entry by entry without `time`.
fn but(a: &Value, b: &Value, path: &[&str]) -> bool {
    match (path, a, b) {
        ([name, rest @ ..], Value::Object(a), Value::Object(b)) => {
            a.len() == b.len()
                && a.iter()
                    .all(|(key, a)| b.get(key).is_some_and(|b| if key == name { but(a, b, rest) } else { equal(a, b) }))
        }
        ([], Value::Array(a), Value::Array(b)) => a.len() == b.len() && a.iter().zip(b).all(|(a, b)| entry(a, b)),
        (_, a, b) => equal(a, b),
    }
}

fn entry(a: &Value, b: &Value) -> bool {
    let (Value::Object(a), Value::Object(b)) = (a, b) else { return equal(a, b) };
    let mut keys = a.keys().chain(b.keys()).filter(|key| *key != "time");
    keys.all(|key| matches!((a.get(key), b.get(key)), (Some(a), Some(b)) if equal(a, b)))
}
