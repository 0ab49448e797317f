//! What the strategies of workloads, Services and RBAC share on top of [`generic`](super::generic): defaults of members,
//! comparison by path, and how declared rules take the place of handwritten ones.
//!
//! Nothing here relies on valid content: what has another shape than expected reads as absent and is left alone.

use serde_json::{Map, Value};

use super::generic::{at, means_the_same, remove, schema, set};
use crate::codec::json;
use crate::schema::Node;
use crate::validation::{Errors, FieldError, FieldPath};

/// The integer at the path, 0 where there is none.
pub(super) fn integer(object: &Value, path: &[&str]) -> i64 {
    at(object, path).and_then(Value::as_i64).unwrap_or_default()
}

/// The elements of the list at the path, to be changed.
pub(super) fn list_mut<'v>(object: &'v mut Value, path: &[&str]) -> impl Iterator<Item = &'v mut Value> {
    let list = path.iter().try_fold(object, |value, name| value.get_mut(name)).and_then(Value::as_array_mut);
    list.into_iter().flatten()
}

/// The map at the path. Maps on the way are made; `None` where something else stands in it.
pub(super) fn map_mut<'v>(object: &'v mut Value, path: &[&str]) -> Option<&'v mut Map<String, Value>> {
    let mut value = object;
    for name in path {
        let slot = value.as_object_mut()?.entry(*name).or_insert(Value::Null);
        if slot.is_null() {
            *slot = Value::Object(Map::new());
        }
        value = slot;
    }
    value.as_object_mut()
}

/// Sets a pointer's default: only absence (or null) is filled.
pub(super) fn default_absent(map: &mut Map<String, Value>, name: &str, value: impl Into<Value>) {
    let slot = map.entry(name).or_insert(Value::Null);
    if slot.is_null() {
        *slot = value.into();
    }
}

/// Sets a text's default: absence and the empty text are filled.
pub(super) fn default_text(map: &mut Map<String, Value>, name: &str, value: &str) {
    let slot = map.entry(name).or_insert(Value::Null);
    if slot.is_null() || slot.as_str() == Some("") {
        *slot = value.into();
    }
}

/// Whether both objects, of one kind, mean the same at the path: upstream's semantic equality.
pub(super) fn is_same(object: &Value, old: &Value, path: &[&str]) -> bool {
    let of = |object| path.iter().try_fold(object, |value: &Value, name| value.get(name)).unwrap_or(&Value::Null);
    match node_at(object, path) {
        Some(node) => means_the_same(of(object), of(old), node),
        None => of(object) == of(old),
    }
}

fn node_at(object: &Value, path: &[&str]) -> Option<&'static Node> {
    schema(object).and_then(|node| path.iter().try_fold(node, |node, name| node.child(name)))
}

/// What stands at the path as an error shows it: fields in Go's order, maps sorted; null where there is nothing.
pub(super) fn shown(object: &Value, path: &[&str]) -> Value {
    let Some(value) = at(object, path) else { return Value::Null };
    let ordered = node_at(object, path).map(|node| json::encode(value, node));
    ordered.and_then(|bytes| serde_json::from_slice(&bytes).ok()).unwrap_or_else(|| value.clone())
}

/// Takes the old generation, or the next where something changed that counts.
pub(super) fn count_generation_if(object: &mut Value, old: &Value, has_changed: bool) {
    let path = ["metadata", "generation"];
    match integer(old, &path) + i64::from(has_changed) {
        0 => remove(object, &path),
        generation => set(object, &path, generation.into()),
    }
}

/// One `Invalid` for each sentence.
pub(super) fn invalid_each(path: &FieldPath<'_>, value: &str, sentences: Vec<String>) -> Errors {
    sentences.into_iter().map(|sentence| FieldError::invalid(path, value, sentence)).collect()
}

/// What declarative validation makes of handwritten errors: where it finds the same (by kind and field), its sentence
/// takes the place of the handwritten one, behind all the others.
pub(super) fn supersede(mut handwritten: Errors, declared: Errors) -> Errors {
    handwritten
        .retain(|error| !declared.iter().any(|declared| declared.kind == error.kind && declared.field == error.field));
    handwritten.extend(declared);
    handwritten
}
