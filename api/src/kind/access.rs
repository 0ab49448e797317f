//! Reading and writing trees by path, and comparing them as upstream does: what strategies of this folder share.
//!
//! Nothing here relies on valid content: what has another shape than expected reads as absent and is left alone.

use serde::de::DeserializeOwned;
use serde_json::{Map, Value};

use crate::validation::{Errors, FieldError, FieldPath};

/// What stands at the path; null is nothing.
pub(super) fn at<'v>(object: &'v Value, path: &[&str]) -> Option<&'v Value> {
    path.iter().try_fold(object, |value, name| value.get(name)).filter(|value| !value.is_null())
}

/// The text at the path, empty where there is none.
pub(super) fn text<'v>(object: &'v Value, path: &[&str]) -> &'v str {
    at(object, path).and_then(Value::as_str).unwrap_or_default()
}

/// The integer at the path, 0 where there is none.
pub(super) fn integer(object: &Value, path: &[&str]) -> i64 {
    at(object, path).and_then(Value::as_i64).unwrap_or_default()
}

/// The list at the path, empty where there is none.
pub(super) fn list<'v>(object: &'v Value, path: &[&str]) -> &'v [Value] {
    at(object, path).and_then(Value::as_array).map_or(&[], Vec::as_slice)
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

/// Sets what stands at the path; its last step names the member.
pub(super) fn set(object: &mut Value, path: &[&str], value: impl Into<Value>) {
    if let Some((name, parents)) = path.split_last()
        && let Some(map) = map_mut(object, parents)
    {
        map.insert((*name).to_owned(), value.into());
    }
}

/// Removes what stands at the path. Nothing is made on the way.
pub(super) fn remove(object: &mut Value, path: &[&str]) {
    if let Some((name, parents)) = path.split_last() {
        let parent = parents.iter().try_fold(object, |value, name| value.get_mut(name));
        if let Some(map) = parent.and_then(Value::as_object_mut) {
            map.shift_remove(*name);
        }
    }
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

/// Makes the path's value what it was in the old object, absent where it was absent.
pub(super) fn put_back(object: &mut Value, old: &Value, path: &[&str]) {
    match path.iter().try_fold(old, |value, name| value.get(name)) {
        Some(value) => set(object, path, value.clone()),
        None => remove(object, path),
    }
}

/// Whether both have the same at the path, as upstream's semantic equality sees it.
pub(super) fn is_same(a: &Value, b: &Value, path: &[&str]) -> bool {
    is_equal(at(a, path).unwrap_or(&Value::Null), at(b, path).unwrap_or(&Value::Null))
}

/// Semantic equality of trees in normal form: an empty list is the same as none. (Empty maps are not: they may be structs
/// behind pointers, and empty maps of the other kind don't occur in normal form.)
pub(super) fn is_equal(a: &Value, b: &Value) -> bool {
    match (a, b) {
        (Value::Object(a), Value::Object(b)) => {
            a.iter().all(|(name, value)| is_equal(value, b.get(name).unwrap_or(&Value::Null)))
                && b.iter().all(|(name, value)| a.contains_key(name) || is_equal(&Value::Null, value))
        }
        (Value::Array(a), Value::Array(b)) => a.len() == b.len() && a.iter().zip(b).all(|(a, b)| is_equal(a, b)),
        (Value::Array(list), Value::Null) | (Value::Null, Value::Array(list)) => list.is_empty(),
        _ => a == b,
    }
}

/// Sets `metadata.generation` to one more than the old object's.
pub(super) fn count_generation_up(object: &mut Value, old: &Value) {
    let generation = integer(old, &["metadata", "generation"]) + 1;
    set(object, &["metadata", "generation"], generation);
}

/// The typed view of a tree. What the decoder let through fits; if it should not, that is one error.
pub(super) fn view<T: DeserializeOwned>(object: &Value) -> Result<T, Errors> {
    T::deserialize(object).map_err(|error| vec![FieldError::internal(&FieldPath::new(""), error.to_string())])
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
