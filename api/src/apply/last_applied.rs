//! From client-side to server-side apply: kubectl's annotation with the last applied configuration.
//!
//! What client-side apply wrote is owned by an update of kubectl's. When kubectl applies on the server, conflicts over
//! fields that are still as the annotation has them are its own, and are forced; and as long as the annotation is
//! there it follows what is applied, so that the way back is open.

use serde_json::{Map, Value};

use super::field_set::FieldSet;
use super::typed::{Duplicates, Type, compare, field_set, validate};
use crate::codec::json::encode_any;

/// kubectl's annotation.
const ANNOTATION: &str = "kubectl.kubernetes.io/last-applied-configuration";

/// How many bytes an object's annotations may have, keys and values together.
const MAX_ANNOTATIONS: usize = 256 * 1024;

fn annotation(object: &Value) -> Option<&str> {
    let annotations = object.get("metadata")?.get("annotations")?.as_object()?;
    annotations.values().all(Value::is_string).then_some(())?;
    annotations.get(ANNOTATION)?.as_str().filter(|text| !text.is_empty())
}

/// The fields that client-side apply set last and that still are as it set them; `None` where that can't be told.
pub(super) fn unchanged(live: &Value, of: Type<'_>, api_version: &str, kind: &str) -> Option<FieldSet> {
    let last: Value = serde_json::from_str(annotation(live)?).ok()?;
    let is = |name: &str, expected: &str| last.get(name).and_then(Value::as_str) == Some(expected);
    if !is("apiVersion", api_version) || !is("kind", kind) {
        return None;
    }
    validate(live, of, Duplicates::Refused).ok()?;
    validate(&last, of, Duplicates::Refused).ok()?;
    let changes = compare(&last, live, of);
    let fields = field_set(&last, of);
    Some(fields.difference(&changes.modified).difference(&changes.added).difference(&changes.removed))
}

/// Sets the annotation to the applied configuration, if the object has it. It goes if it has become too long.
pub(super) fn follow(object: &mut Value, applied: &Value) {
    if annotation(object).is_none() {
        return;
    }
    let mut applied = applied.clone();
    if let Some(Value::Object(metadata)) = applied.get_mut("metadata")
        && let Some(annotations) = metadata.get_mut("annotations")
    {
        match annotations.as_object_mut().filter(|map| map.values().all(Value::is_string)) {
            Some(annotations) => drop(annotations.shift_remove(ANNOTATION)),
            None => drop(metadata.shift_remove("annotations")),
        }
    }
    let mut text = String::from_utf8_lossy(&encode_any(&applied)).into_owned();
    text.push('\n');
    let Some(Value::Object(annotations)) = object.pointer_mut("/metadata/annotations") else { return };
    annotations.insert(ANNOTATION.to_owned(), Value::String(text));
    if size(annotations) > MAX_ANNOTATIONS {
        annotations.shift_remove(ANNOTATION);
    }
}

fn size(annotations: &Map<String, Value>) -> usize {
    annotations.iter().map(|(key, value)| key.len() + value.as_str().map_or(0, str::len)).sum()
}
