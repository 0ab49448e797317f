//! Reading and writing object trees by path, for what works on trees rather than on typed views.
//!
//! All functions take trees as they come: where something has the wrong type, there is simply nothing there.

use serde_json::{Map, Value};

/// An object's fields.
pub(super) type Object = Map<String, Value>;

/// The object at `key`, if one stands there.
pub(super) fn object<'a>(of: &'a mut Object, key: &str) -> Option<&'a mut Object> {
    of.get_mut(key)?.as_object_mut()
}

/// The object at `key`, made if nothing stands there. `None` where something else does.
pub(super) fn object_or_new<'a>(of: &'a mut Object, key: &str) -> Option<&'a mut Object> {
    let value = of.entry(key).or_insert(Value::Null);
    if value.is_null() {
        *value = Value::Object(Map::new());
    }
    value.as_object_mut()
}

/// The objects of the list at `key`.
pub(super) fn items<'a>(of: &'a mut Object, key: &str) -> impl Iterator<Item = &'a mut Object> {
    of.get_mut(key).and_then(Value::as_array_mut).into_iter().flatten().filter_map(Value::as_object_mut)
}

/// The values of the list at `key`.
pub(super) fn list<'a>(of: &'a Value, key: &str) -> &'a [Value] {
    of.get(key).and_then(Value::as_array).map_or(&[], Vec::as_slice)
}

/// The text at `key`; empty where there is none.
pub(super) fn text<'a>(of: &'a Value, key: &str) -> &'a str {
    of.get(key).and_then(Value::as_str).unwrap_or_default()
}

/// Whether something stands at `key`, be it zero.
pub(super) fn is_set(of: &Object, key: &str) -> bool {
    of.get(key).is_some_and(|value| !value.is_null())
}

/// Sets what Go holds as a pointer, if it is nil.
pub(super) fn set_if_nil(of: &mut Object, key: &str, value: impl Into<Value>) {
    if !is_set(of, key) {
        of.insert(key.to_owned(), value.into());
    }
}

/// Sets what Go holds as a value, if it is zero.
pub(super) fn set_if_zero(of: &mut Object, key: &str, value: impl Into<Value>) {
    if of.get(key).is_none_or(is_zero) {
        of.insert(key.to_owned(), value.into());
    }
}

/// Whether this is Go's zero value of a scalar, list or map.
pub(super) fn is_zero(value: &Value) -> bool {
    match value {
        Value::Null => true,
        Value::Bool(value) => !value,
        Value::Number(number) => number.as_f64() == Some(0.0),
        Value::String(text) => text.is_empty(),
        Value::Array(list) => list.is_empty(),
        Value::Object(map) => map.is_empty(),
    }
}

/// Puts `of[key]` into the state that `from[key]` has: the same value, or none.
pub(super) fn put_back(of: &mut Object, from: &Value, key: &str) {
    match from.get(key) {
        Some(value) => {
            of.insert(key.to_owned(), value.clone());
        }
        None => {
            of.remove(key);
        }
    }
}
