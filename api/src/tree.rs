//! The object tree, and the form in which upstream would answer it.
//!
//! **The tree is [`serde_json::Value`]**, with insertion order kept. Reasons: the libraries around (JSON Patch, CEL,
//! typed views by `serde`) speak it; raw JSON inside objects (a ControllerRevision's data, a schema's defaults) keeps
//! the order in which it was sent, which upstream's controllers compare; integers are exact up to 64 bits, and
//! everything else is a float in Go too. Canonical bytes do not depend on the order: the schema gives the fields', and
//! map keys are sorted. A smaller enum of our own would take a third of the memory while a request is worked on; what
//! is kept for long is bytes, not trees.
//!
//! **Lossless.** A tree holds what was sent: nulls, empty lists, `0.5` for a quantity. [`normalise`] brings it into the
//! form that a round trip through Go's types would give: zero values where Go writes them always (`"resources": {}`),
//! nothing where `omitempty` drops it, canonical quantities and times. Reading, creating and updating want that;
//! server-side apply must not have it before the applied fields are known.

use serde_json::{Map, Value};

use crate::quantity;
use crate::schema::{Either, Field, Node, Presence, Scalar, Shape, Struct};
use crate::time::{Layout, Time, format_duration, parse_duration};

/// Brings `value` into the form that upstream answers: what Go's decoder and encoder would make of it.
///
/// What doesn't fit the schema stays as it is, as do unknown fields, behind the known ones. Fields of custom resources
/// ([`Presence::AsIs`]) are kept and nothing is added to them.
pub fn normalise(value: &mut Value, node: &Node) {
    settle(value, node, true);
}

/// `is_go`: whether Go holds a value of this type here, so that null can't be told from zero. In custom resources it
/// can.
fn settle(value: &mut Value, node: &Node, is_go: bool) {
    if value.is_null() {
        if is_go {
            *value = zero(node);
        }
        return;
    }
    match &node.shape {
        Shape::Struct(of) => {
            if let Value::Object(map) = value {
                structure(map, of.get());
            }
        }
        Shape::Map(of) => {
            if let Value::Object(map) = value {
                map.values_mut().for_each(|value| settle(value, &of.value, is_go));
            }
        }
        Shape::List(of) => {
            if let Value::Array(list) = value {
                list.iter_mut().for_each(|value| settle(value, &of.element, is_go));
            }
        }
        Shape::Scalar(of) => scalar(value, *of),
        Shape::Either(of) => either(value, of),
        Shape::Raw(_) => {}
    }
}

/// Whether Go's encoder leaves the field out when it has this value.
#[must_use]
pub fn is_omitted(value: &Value, field: &Field) -> bool {
    match field.presence {
        Presence::Always | Presence::AsIs => false,
        Presence::OmitEmpty | Presence::OmitZero if field.node.pointer => value.is_null(),
        Presence::OmitEmpty => is_empty(value, &field.node),
        Presence::OmitZero => value.is_null() || is_empty(value, &field.node),
    }
}

/// Go's idea of empty, for what is not a pointer: structs never are.
fn is_empty(value: &Value, node: &Node) -> bool {
    let can_be_empty = match &node.shape {
        Shape::Scalar(scalar) => !matches!(
            scalar,
            Scalar::Quantity | Scalar::Time | Scalar::MicroTime | Scalar::Duration | Scalar::IntOrString
        ),
        Shape::Map(_) | Shape::List(_) => true,
        Shape::Struct(_) | Shape::Raw(_) | Shape::Either(_) => false,
    };
    can_be_empty
        && match value {
            Value::Null => true,
            Value::Bool(value) => !value,
            Value::Number(number) => number.as_f64() == Some(0.0),
            Value::String(text) => text.is_empty(),
            Value::Array(list) => list.is_empty(),
            Value::Object(map) => map.is_empty(),
        }
}

/// The value of what nobody set, as Go writes it: `{}` with its own zero values, `""`, 0, null.
#[must_use]
pub fn zero(node: &Node) -> Value {
    if node.pointer {
        return Value::Null;
    }
    match &node.shape {
        Shape::Struct(of) => {
            let mut map = Map::new();
            structure(&mut map, of.get());
            Value::Object(map)
        }
        Shape::Scalar(Scalar::String) => Value::from(""),
        Shape::Scalar(Scalar::Bool) => Value::from(false),
        Shape::Scalar(Scalar::Int32 | Scalar::Int64 | Scalar::Float64 | Scalar::IntOrString) => Value::from(0),
        Shape::Scalar(Scalar::Quantity) => Value::from("0"),
        Shape::Scalar(Scalar::Duration) => Value::from("0s"),
        Shape::Either(Either::SchemaOrBool(_)) => Value::from(false),
        Shape::Scalar(Scalar::Time | Scalar::MicroTime | Scalar::Bytes)
        | Shape::Map(_)
        | Shape::List(_)
        | Shape::Raw(_)
        | Shape::Either(_) => Value::Null,
    }
}

fn structure(map: &mut Map<String, Value>, of: &Struct) {
    let mut slots: Vec<Option<(String, Value)>> = Vec::new();
    slots.resize_with(of.fields.len(), || None);
    let mut unknown = Vec::new();
    let mut expected = 0;
    for (name, value) in std::mem::take(map) {
        match of.position_from(expected, &name) {
            Some(at) => {
                slots[at] = Some((name, value));
                expected = at + 1;
            }
            None => unknown.push((name, value)),
        }
    }
    for (slot, field) in slots.into_iter().zip(&of.fields) {
        let (name, mut value) = match slot {
            Some(entry) => entry,
            None if adds(field) => (field.name.clone().into_owned(), zero(&field.node)),
            None => continue,
        };
        settle(&mut value, &field.node, field.presence != Presence::AsIs);
        if !is_omitted(&value, field) {
            map.insert(name, value);
        }
    }
    map.extend(unknown);
}

/// Whether Go writes a field that nobody set.
fn adds(field: &Field) -> bool {
    match field.presence {
        Presence::Always => true,
        Presence::OmitZero | Presence::AsIs => false,
        Presence::OmitEmpty => !field.node.pointer && !is_empty(&Value::Null, &field.node),
    }
}

fn scalar(value: &mut Value, scalar: Scalar) {
    let text = match (scalar, &*value) {
        (Scalar::Quantity, Value::Number(number)) => Some(number.to_string()),
        (Scalar::Bytes, Value::String(text)) if text.contains(['\r', '\n']) => {
            Some(text.chars().filter(|c| !matches!(c, '\r' | '\n')).collect())
        }
        (Scalar::Time | Scalar::MicroTime, Value::String(text)) => {
            let layout = if scalar == Scalar::Time { Layout::Seconds } else { Layout::Micros };
            let Ok(time) = Time::parse(text, layout) else { return };
            if time.is_zero() {
                *value = Value::Null;
                return;
            }
            Some(time.format(layout))
        }
        (Scalar::Duration, Value::String(text)) => parse_duration(text).map(format_duration),
        _ => None,
    };
    if let Some(text) = text {
        *value = Value::String(text);
    }
    if let (Scalar::Quantity, Value::String(text)) = (scalar, &mut *value)
        && let Ok(canonical) = quantity::canonical(text)
        && *canonical != **text
    {
        let canonical = canonical.into_owned();
        *text = canonical;
    }
}

fn either(value: &mut Value, of: &Either) {
    let (Either::SchemaOrBool(schema) | Either::SchemaOrArray(schema) | Either::SchemaOrStrings(schema)) = of;
    match value {
        Value::Object(map) => structure(map, schema.get()),
        Value::Array(list) if list.is_empty() => *value = Value::Null,
        Value::Array(list) => {
            for value in list {
                match (value, of) {
                    (Value::Object(map), _) => structure(map, schema.get()),
                    (value @ Value::Null, Either::SchemaOrStrings(_)) => *value = Value::from(""),
                    (value @ Value::Null, _) => {
                        let mut map = Map::new();
                        structure(&mut map, schema.get());
                        *value = Value::Object(map);
                    }
                    _ => {}
                }
            }
        }
        _ => {}
    }
}
