//! Field sets as JSON: the `fieldsV1` of an entry of `managedFields`.
//!
//! A key is a path element; its value holds what is below it, and `".": {}` says that the element is a member itself,
//! which an empty object says too. Keys stand in the order of path elements.

use serde_json::{Map, Value};

use super::element::{ElementError, PathElement, write_string};
use super::field_set::FieldSet;

/// Why JSON is not a field set.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum FieldSetError {
    /// Something else than an object or null stands where a set belongs.
    #[error("ReadMapCB: expect {{ or n, but found {0}")]
    NotAnObject(String),
    /// A key is no path element.
    #[error("parsing key as path element: {0}")]
    Element(ElementError),
}

impl FieldSet {
    /// The set as a tree, keys in order.
    #[must_use]
    pub fn to_value(&self) -> Value {
        Value::Object(self.to_map(false))
    }

    fn to_map(&self, is_member: bool) -> Map<String, Value> {
        let mut map = Map::with_capacity(self.entries().len() + 1);
        if is_member && !self.is_empty() {
            map.insert(".".to_owned(), Value::Object(Map::new()));
        }
        for entry in self.entries() {
            map.insert(entry.element.encode(), Value::Object(entry.children.to_map(entry.member)));
        }
        map
    }

    /// The bytes that upstream writes for the set, without blanks.
    #[must_use]
    pub fn to_json(&self) -> String {
        let mut out = String::new();
        self.write(false, &mut out);
        out
    }

    fn write(&self, is_member: bool, out: &mut String) {
        out.push('{');
        let mut first = true;
        if is_member && !self.is_empty() {
            out.push_str("\".\":{}");
            first = false;
        }
        for entry in self.entries() {
            if !first {
                out.push(',');
            }
            first = false;
            write_string(out, &entry.element.encode(), false);
            out.push(':');
            entry.children.write(entry.member, out);
        }
        out.push('}');
    }

    /// Reads a set. Keys of an unknown sort are skipped; null is the empty set.
    ///
    /// # Errors
    /// [`FieldSetError`] where a key of a known sort is malformed or a value is no object.
    pub fn from_value(value: &Value) -> Result<Self, FieldSetError> {
        read(value).map(|(set, _)| set)
    }
}

/// The set below, and whether the element itself is a member.
fn read(value: &Value) -> Result<(FieldSet, bool), FieldSetError> {
    let map = match value {
        Value::Object(map) => map,
        Value::Null => return Ok((FieldSet::new(), true)),
        other => {
            let first = other.to_string().chars().next().map(String::from).unwrap_or_default();
            return Err(FieldSetError::NotAnObject(first));
        }
    };
    let mut set = FieldSet::new();
    let mut is_member = false;
    for (name, value) in map {
        if name == "." {
            is_member = true;
            continue;
        }
        let Some(element) = PathElement::decode(name).map_err(FieldSetError::Element)? else { continue };
        let (children, member) = read(value)?;
        set.attach(element, member, children);
    }
    is_member |= set.is_empty();
    Ok((set, is_member))
}
