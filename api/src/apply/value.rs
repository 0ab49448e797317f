//! Values as field sets compare, order and name them.
//!
//! The order is that of the published form of `managedFields`: numbers before strings, booleans, lists, maps and null;
//! whole numbers and floats are compared as numbers. Text is Go's, for it stands in the sentences about conflicts and
//! about values of the wrong type.

use std::cmp::Ordering;

use serde_json::{Map, Number, Value};

use crate::go;

/// A number, as Go would hold it.
enum Figure {
    Int(i64),
    Float(f64),
}

fn figure(number: &Number) -> Figure {
    // What exceeds 64 signed bits is a float in Go too.
    number.as_i64().map_or_else(|| Figure::Float(number.as_f64().unwrap_or(f64::NAN)), Figure::Int)
}

fn compare_numbers(a: &Number, b: &Number) -> Ordering {
    #[expect(clippy::cast_precision_loss, reason = "upstream compares a whole number with a float as floats")]
    match (figure(a), figure(b)) {
        (Figure::Int(a), Figure::Int(b)) => a.cmp(&b),
        (Figure::Int(a), Figure::Float(b)) => (a as f64).total_cmp(&b),
        (Figure::Float(a), Figure::Int(b)) => a.total_cmp(&(b as f64)),
        (Figure::Float(a), Figure::Float(b)) => a.total_cmp(&b),
    }
}

/// Whether two values are the same: the order of keys and how a number is written do not matter.
pub(super) fn equal(a: &Value, b: &Value) -> bool {
    match (a, b) {
        (Value::Number(a), Value::Number(b)) => compare_numbers(a, b).is_eq(),
        (Value::Array(a), Value::Array(b)) => a.len() == b.len() && a.iter().zip(b).all(|(a, b)| equal(a, b)),
        (Value::Object(a), Value::Object(b)) => {
            a.len() == b.len() && a.iter().all(|(key, a)| b.get(key).is_some_and(|b| equal(a, b)))
        }
        (a, b) => a == b,
    }
}

/// The order of values in a field set.
pub(super) fn compare(a: &Value, b: &Value) -> Ordering {
    match (a, b) {
        (Value::Number(a), Value::Number(b)) => compare_numbers(a, b),
        (Value::String(a), Value::String(b)) => a.cmp(b),
        (Value::Bool(a), Value::Bool(b)) => a.cmp(b),
        (Value::Array(a), Value::Array(b)) => {
            let first = a.iter().zip(b).map(|(a, b)| compare(a, b)).find(|order| order.is_ne());
            first.unwrap_or_else(|| a.len().cmp(&b.len()))
        }
        (Value::Object(a), Value::Object(b)) => compare_maps(a, b),
        (a, b) => rank(a).cmp(&rank(b)),
    }
}

fn compare_maps(a: &Map<String, Value>, b: &Map<String, Value>) -> Ordering {
    let (a, b) = (sorted(a), sorted(b));
    for ((name, value), (other_name, other)) in a.iter().zip(&b) {
        // A map that has a key which the other lacks comes behind it.
        let order = other_name.cmp(name).then_with(|| compare(value, other));
        if order.is_ne() {
            return order;
        }
    }
    a.len().cmp(&b.len())
}

fn sorted(map: &Map<String, Value>) -> Vec<(&String, &Value)> {
    let mut entries: Vec<_> = map.iter().collect();
    entries.sort_unstable_by_key(|(key, _)| *key);
    entries
}

fn rank(value: &Value) -> u8 {
    match value {
        Value::Number(_) => 0,
        Value::String(_) => 1,
        Value::Bool(_) => 2,
        Value::Array(_) => 3,
        Value::Object(_) => 4,
        Value::Null => 5,
    }
}

/// A value inside a path: strings quoted, the rest plain.
pub(super) fn in_path(value: &Value) -> String {
    match value {
        Value::Null => "null".to_owned(),
        Value::Bool(value) => value.to_string(),
        Value::Number(number) => number_text(number),
        Value::String(text) => go::quote(text),
        Value::Array(list) => format!("[{}]", list.iter().map(in_path).collect::<Vec<_>>().join(",")),
        Value::Object(map) => map.iter().map(|(key, value)| format!("{key}={}", in_path(value))).collect(),
    }
}

/// Go's `%v`.
pub(super) fn plain(value: &Value) -> String {
    match value {
        Value::Null => "<nil>".to_owned(),
        Value::Bool(value) => value.to_string(),
        Value::Number(number) => number_text(number),
        Value::String(text) => text.clone(),
        Value::Array(list) => format!("[{}]", list.iter().map(plain).collect::<Vec<_>>().join(" ")),
        Value::Object(map) => {
            let entries: Vec<_> =
                sorted(map).into_iter().map(|(key, value)| format!("{key}:{}", plain(value))).collect();
            format!("map[{}]", entries.join(" "))
        }
    }
}

/// Go's `%#v`.
pub(super) fn in_syntax(value: &Value) -> String {
    match value {
        Value::Null => "interface {}(nil)".to_owned(),
        Value::String(text) => go::quote(text),
        Value::Array(list) => {
            format!("[]interface {{}}{{{}}}", list.iter().map(in_syntax).collect::<Vec<_>>().join(", "))
        }
        Value::Object(map) => {
            let entries = sorted(map).into_iter();
            let entries: Vec<_> =
                entries.map(|(key, value)| format!("{}:{}", go::quote(key), in_syntax(value))).collect();
            format!("map[string]interface {{}}{{{}}}", entries.join(", "))
        }
        value => plain(value),
    }
}

/// Go's `%T`.
pub(super) fn type_name(value: &Value) -> &'static str {
    match value {
        Value::Null => "<nil>",
        Value::Bool(_) => "bool",
        Value::Number(number) if number.as_i64().is_some() => "int64",
        Value::Number(_) => "float64",
        Value::String(_) => "string",
        Value::Array(_) => "[]interface {}",
        Value::Object(_) => "map[string]interface {}",
    }
}

fn number_text(number: &Number) -> String {
    match figure(number) {
        Figure::Int(value) => value.to_string(),
        Figure::Float(value) => general(value),
    }
}

/// Go's shortest general form: an exponent below -4 and from 6 on.
fn general(value: f64) -> String {
    let scientific = format!("{value:e}");
    let Some((mantissa, exponent)) = scientific.split_once('e') else { return value.to_string() };
    let exponent: i32 = exponent.parse().unwrap_or(0);
    if (-4..6).contains(&exponent) {
        return value.to_string();
    }
    let sign = if exponent < 0 { '-' } else { '+' };
    format!("{mantissa}e{sign}{:02}", exponent.abs())
}
