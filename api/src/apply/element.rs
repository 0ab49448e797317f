//! Path elements: one step from an object to a part of it.

use std::cmp::Ordering;
use std::fmt;
use std::sync::Arc;

use serde_json::{Number, Value};

use super::value;
use crate::go;

/// One step of a path. Clones share what they hold.
#[derive(Debug, Clone)]
pub enum PathElement {
    /// A field of a struct, or a key of a map (`f:`).
    Field(Arc<str>),
    /// The element of a list of objects that has these key fields, ordered by name (`k:`).
    Key(Arc<[(String, Value)]>),
    /// The element of a set that is this value (`v:`).
    Value(Arc<Value>),
    /// The element of a list at this place (`i:`).
    Index(i64),
}

/// A path from an object's root to a part of it; its text is `.spec.containers[name="a"].image`.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Path(pub Vec<PathElement>);

/// Why the name of a path element in a field set can't be read.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum ElementError {
    /// Shorter than its prefix.
    #[error("key must be 2 characters long:")]
    Short,
    /// Without a colon behind the first character.
    #[error("missing colon: {0}")]
    MissingColon(String),
    /// What follows `k:` or `v:` is not JSON of the right kind.
    #[error("{0}")]
    Json(String),
    /// What follows `i:` is not a number.
    #[error("strconv.Atoi: parsing {}: invalid syntax", go::quote(.0))]
    Index(String),
}

impl PathElement {
    /// The field or map key of this name.
    #[must_use]
    pub fn field(name: &str) -> Self {
        Self::Field(name.into())
    }

    /// The list element with these key fields, in any order.
    #[must_use]
    pub fn key(mut fields: Vec<(String, Value)>) -> Self {
        fields.sort_by(|(a, _), (b, _)| a.cmp(b));
        Self::Key(fields.into())
    }

    /// The name that it has in a field set's JSON: `f:spec`, `k:{"name":"a"}`, `v:"a"`, `i:0`.
    #[must_use]
    pub fn encode(&self) -> String {
        match self {
            Self::Field(name) => format!("f:{name}"),
            Self::Key(fields) => {
                let mut out = String::from("k:{");
                for (index, (name, value)) in fields.iter().enumerate() {
                    if index > 0 {
                        out.push(',');
                    }
                    write_string(&mut out, name, false);
                    out.push(':');
                    write_value(&mut out, value);
                }
                out.push('}');
                out
            }
            Self::Value(value) => {
                let mut out = String::from("v:");
                write_value(&mut out, value);
                out
            }
            Self::Index(index) => format!("i:{index}"),
        }
    }

    /// Reads the name that an element has in a field set's JSON. `None` where it is of a sort that we don't know: a
    /// later version may, so that it is skipped rather than refused.
    ///
    /// # Errors
    /// [`ElementError`] where it is of a known sort and malformed.
    pub fn decode(text: &str) -> Result<Option<Self>, ElementError> {
        let bytes = text.as_bytes();
        let [sort, colon, ..] = bytes else { return Err(ElementError::Short) };
        if *colon != b':' {
            return Err(ElementError::MissingColon(text.to_owned()));
        }
        // The colon is ASCII; a sort that is not leaves no character boundary behind it.
        let Some(rest) = text.get(2..) else { return Ok(None) };
        let element = match sort {
            b'f' => Self::field(rest),
            b'v' => Self::Value(Arc::new(as_floats(read_json(rest)?))),
            b'k' => match read_json(rest)? {
                Value::Object(map) => {
                    Self::key(map.into_iter().map(|(name, value)| (name, as_floats(value))).collect())
                }
                Value::Null => Self::key(Vec::new()),
                _ => return Err(ElementError::Json(format!("expect {{ or n, but found {rest}"))),
            },
            b'i' => Self::Index(rest.parse().map_err(|_| ElementError::Index(rest.to_owned()))?),
            _ => return Ok(None),
        };
        Ok(Some(element))
    }
}

fn read_json(text: &str) -> Result<Value, ElementError> {
    serde_json::from_str(text).map_err(|error| ElementError::Json(error.to_string()))
}

/// Upstream reads every number in a path element as a float.
fn as_floats(value: Value) -> Value {
    match value {
        Value::Number(number) => {
            number.as_f64().and_then(Number::from_f64).map_or(Value::Number(number), Value::Number)
        }
        Value::Array(list) => Value::Array(list.into_iter().map(as_floats).collect()),
        Value::Object(map) => Value::Object(map.into_iter().map(|(key, value)| (key, as_floats(value))).collect()),
        value => value,
    }
}

impl Ord for PathElement {
    fn cmp(&self, other: &Self) -> Ordering {
        match (self, other) {
            (Self::Field(a), Self::Field(b)) => a.cmp(b),
            (Self::Key(a), Self::Key(b)) => compare_keys(a, b),
            (Self::Value(a), Self::Value(b)) => value::compare(a, b),
            (Self::Index(a), Self::Index(b)) => a.cmp(b),
            (a, b) => a.rank().cmp(&b.rank()),
        }
    }
}

fn compare_keys(a: &[(String, Value)], b: &[(String, Value)]) -> Ordering {
    let pairs = a.iter().zip(b);
    let mut orders = pairs.map(|(a, b)| a.0.cmp(&b.0).then_with(|| value::compare(&a.1, &b.1)));
    orders.find(|order| order.is_ne()).unwrap_or_else(|| a.len().cmp(&b.len()))
}

impl PathElement {
    fn rank(&self) -> u8 {
        match self {
            Self::Field(_) => 0,
            Self::Key(_) => 1,
            Self::Value(_) => 2,
            Self::Index(_) => 3,
        }
    }
}

impl PartialOrd for PathElement {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

impl PartialEq for PathElement {
    fn eq(&self, other: &Self) -> bool {
        self.cmp(other).is_eq()
    }
}

impl Eq for PathElement {}

impl fmt::Display for PathElement {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Field(name) => write!(f, ".{name}"),
            Self::Key(fields) => {
                let fields: Vec<_> =
                    fields.iter().map(|(name, value)| format!("{name}={}", value::in_path(value))).collect();
                write!(f, "[{}]", fields.join(","))
            }
            Self::Value(value) => write!(f, "[={}]", value::in_path(value)),
            Self::Index(index) => write!(f, "[{index}]"),
        }
    }
}

impl fmt::Display for Path {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.iter().try_for_each(|element| element.fmt(f))
    }
}

/// JSON as it stands inside an element's name: `<`, `>`, `&` and two line separators escaped.
fn write_value(out: &mut String, value: &Value) {
    match value {
        Value::String(text) => write_string(out, text, true),
        Value::Number(number) => match number.as_f64() {
            Some(float) if number.as_i64().is_none() => {
                let mut bytes = Vec::new();
                go::write_float(&mut bytes, float);
                out.push_str(&String::from_utf8_lossy(&bytes));
            }
            _ => out.push_str(&number.to_string()),
        },
        Value::Null | Value::Bool(_) => out.push_str(&value.to_string()),
        Value::Array(list) => {
            out.push('[');
            for (index, value) in list.iter().enumerate() {
                if index > 0 {
                    out.push(',');
                }
                write_value(out, value);
            }
            out.push(']');
        }
        Value::Object(map) => {
            let mut entries: Vec<_> = map.iter().collect();
            entries.sort_unstable_by_key(|(key, _)| *key);
            out.push('{');
            for (index, (key, value)) in entries.into_iter().enumerate() {
                if index > 0 {
                    out.push(',');
                }
                write_string(out, key, true);
                out.push(':');
                write_value(out, value);
            }
            out.push('}');
        }
    }
}

/// A JSON string. `html`: whether what HTML would read is escaped.
pub(super) fn write_string(out: &mut String, text: &str, html: bool) {
    out.push('"');
    for c in text.chars() {
        match c {
            '"' | '\\' => out.extend(['\\', c]),
            '\n' => out.push_str("\\n"),
            '\r' => out.push_str("\\r"),
            '\t' => out.push_str("\\t"),
            '<' | '>' | '&' | '\u{2028}' | '\u{2029}' if html => out.push_str(&format!("\\u{:04x}", u32::from(c))),
            c if u32::from(c) < 0x20 => out.push_str(&format!("\\u{:04x}", u32::from(c))),
            c => out.push(c),
        }
    }
    out.push('"');
}
