//! Reading and writing trees by path. What has another shape than expected reads as absent.

use serde_json::{Map, Value};

use crate::registry::admission_seam::Attributes;

/// The value at the path; null where there is none.
pub(super) fn at<'v>(value: &'v Value, path: &[&str]) -> &'v Value {
    path.iter().try_fold(value, |value, name| value.get(name)).unwrap_or(&Value::Null)
}

/// The text at the path; empty where there is none.
pub(super) fn text<'v>(value: &'v Value, path: &[&str]) -> &'v str {
    at(value, path).as_str().unwrap_or_default()
}

/// The object's name; empty where it has none yet.
pub(super) fn name(object: &Value) -> &str {
    text(object, &["metadata", "name"])
}

/// `metadata.generation`, 0 where there is none.
pub(super) fn generation(object: &Value) -> i64 {
    at(object, &["metadata", "generation"]).as_i64().unwrap_or_default()
}

/// Whether somebody asked for the object's deletion.
pub(super) fn is_deleting(object: &Value) -> bool {
    !at(object, &["metadata", "deletionTimestamp"]).is_null()
}

/// The elements of the list at the path.
pub(super) fn items<'v>(value: &'v Value, path: &[&str]) -> &'v [Value] {
    at(value, path).as_array().map_or(&[], Vec::as_slice)
}

/// The map at the path, made where there is none.
pub(super) fn map_mut<'v>(value: &'v mut Value, path: &[&str]) -> &'v mut Map<String, Value> {
    let place = made(value, path);
    if !place.is_object() {
        *place = Value::Object(Map::new());
    }
    place.as_object_mut().expect("it was just made a map")
}

/// The list at the path, made where there is none.
pub(super) fn list_mut<'v>(value: &'v mut Value, path: &[&str]) -> &'v mut Vec<Value> {
    let place = made(value, path);
    if !place.is_array() {
        *place = Value::Array(Vec::new());
    }
    place.as_array_mut().expect("it was just made a list")
}

/// The elements of the list at the path, to be changed; none where there is no list.
pub(super) fn items_mut<'v>(value: &'v mut Value, path: &[&str]) -> &'v mut [Value] {
    let list = path.iter().try_fold(value, |value, name| value.get_mut(name)).and_then(Value::as_array_mut);
    list.map_or(&mut [], Vec::as_mut_slice)
}

fn made<'v>(value: &'v mut Value, path: &[&str]) -> &'v mut Value {
    path.iter().fold(value, |value, name| {
        if !value.is_object() {
            *value = Value::Object(Map::new());
        }
        &mut value[*name]
    })
}

/// Whether the write is about this resource, or one of its subresources.
pub(super) fn is_resource(attributes: &Attributes<'_>, group: &str, plural: &str) -> bool {
    let row = attributes.served.row;
    row.group == group && row.plural == plural
}

/// Whether the write is about objects of this core resource themselves.
pub(super) fn is_main(attributes: &Attributes<'_>, plural: &str) -> bool {
    is_resource(attributes, "", plural) && attributes.subresource.is_empty()
}
