//! The canonical writer: the bytes that Go's encoder would make of the object.

use serde_json::{Map, Number, Value};

use crate::go::write_float;
use crate::schema::{Either, Field, List, Node, Raw, Shape, Struct};
use crate::tree;

/// Writes `value` as what `node` describes, in canonical form: fields in Go's order, map keys sorted, no blanks. What
/// `omitempty` drops is left out. Fields that the schema doesn't have follow the others.
///
/// Zero values that nobody set are not added; [`tree::normalise`] does that.
#[must_use]
pub fn encode(value: &Value, node: &Node) -> Vec<u8> {
    let mut writer = Writer { out: Vec::with_capacity(2048) };
    writer.value(value, node);
    writer.out
}

/// Writes `value` without a schema, as Go writes an unstructured object: all keys sorted.
#[must_use]
pub fn encode_any(value: &Value) -> Vec<u8> {
    let mut writer = Writer { out: Vec::with_capacity(2048) };
    writer.any(value);
    writer.out
}

/// Writes `value` with its keys as they stand, as Go writes JSON that it holds as text.
#[must_use]
pub fn encode_raw(value: &Value) -> Vec<u8> {
    let mut writer = Writer { out: Vec::with_capacity(2048) };
    writer.raw(value);
    writer.out
}

struct Writer {
    out: Vec<u8>,
}

impl Writer {
    fn value(&mut self, value: &Value, node: &Node) {
        match (&node.shape, value) {
            (Shape::Struct(of), Value::Object(map)) => self.structure(map, of.get()),
            (Shape::Map(of), Value::Object(map)) => {
                let entries = sorted(map).into_iter();
                self.object(entries, |writer, value| writer.value(value, &of.value));
            }
            (Shape::List(List { element, .. }), Value::Array(list)) => {
                self.list(list, |writer, value| writer.value(value, element));
            }
            (Shape::Either(Either::SchemaOrBool(of) | Either::SchemaOrArray(of) | Either::SchemaOrStrings(of)), _) => {
                match value {
                    Value::Object(map) => self.structure(map, of.get()),
                    Value::Array(list) => self.list(list, |writer, value| match value {
                        Value::Object(map) => writer.structure(map, of.get()),
                        value => writer.raw(value),
                    }),
                    value => self.raw(value),
                }
            }
            (Shape::Raw(Raw::Any), value) => self.any(value),
            (Shape::Raw(_), value) => self.raw(value),
            (_, value) => self.any(value),
        }
    }

    fn structure(&mut self, map: &Map<String, Value>, of: &Struct) {
        let mut entries = Vec::with_capacity(map.len());
        let mut expected = 0;
        for (name, value) in map {
            let found = of.position_from(expected, name);
            expected = found.map_or(expected, |at| at + 1);
            match found {
                Some(at) if tree::is_omitted(value, &of.fields[at]) => {}
                at => entries.push((at.unwrap_or(usize::MAX), name, value)),
            }
        }
        // What was read or normalised mostly stands in order already. Unknown fields come last, ordered by name.
        let in_order = |a: &(usize, &String, &Value), b: &(usize, &String, &Value)| (a.0, a.1) <= (b.0, b.1);
        if !entries.is_sorted_by(in_order) {
            entries.sort_unstable_by(|a, b| (a.0, a.1).cmp(&(b.0, b.1)));
        }
        self.out.push(b'{');
        for (index, (at, name, value)) in entries.into_iter().enumerate() {
            self.key(index, name);
            match of.fields.get(at) {
                Some(Field { node, .. }) => self.value(value, node),
                None => self.any(value),
            }
        }
        self.out.push(b'}');
    }

    /// Without a schema: keys sorted.
    fn any(&mut self, value: &Value) {
        match value {
            Value::Object(map) => self.object(sorted(map).into_iter(), Self::any),
            Value::Array(list) => self.list(list, Self::any),
            value => self.scalar(value),
        }
    }

    /// Raw JSON: keys as they stand.
    fn raw(&mut self, value: &Value) {
        match value {
            Value::Object(map) => self.object(map.iter(), Self::raw),
            Value::Array(list) => self.list(list, Self::raw),
            // A float that was written with a point keeps it, as the raw text would.
            Value::Number(number) if number.is_f64() => self.out.extend_from_slice(number.to_string().as_bytes()),
            value => self.scalar(value),
        }
    }

    fn object<'v>(
        &mut self,
        entries: impl Iterator<Item = (&'v String, &'v Value)>,
        mut write: impl FnMut(&mut Self, &Value),
    ) {
        self.out.push(b'{');
        for (index, (name, value)) in entries.enumerate() {
            self.key(index, name);
            write(self, value);
        }
        self.out.push(b'}');
    }

    fn list(&mut self, list: &[Value], mut write: impl FnMut(&mut Self, &Value)) {
        self.out.push(b'[');
        for (index, value) in list.iter().enumerate() {
            if index > 0 {
                self.out.push(b',');
            }
            write(self, value);
        }
        self.out.push(b']');
    }

    fn key(&mut self, index: usize, name: &str) {
        if index > 0 {
            self.out.push(b',');
        }
        self.string(name);
        self.out.push(b':');
    }

    fn scalar(&mut self, value: &Value) {
        match value {
            Value::Null | Value::Object(_) | Value::Array(_) => self.out.extend_from_slice(b"null"),
            Value::Bool(true) => self.out.extend_from_slice(b"true"),
            Value::Bool(false) => self.out.extend_from_slice(b"false"),
            Value::Number(number) => self.number(number),
            Value::String(text) => self.string(text),
        }
    }

    fn number(&mut self, number: &Number) {
        match number.as_f64() {
            Some(value) if number.is_f64() => write_float(&mut self.out, value),
            _ => self.out.extend_from_slice(number.to_string().as_bytes()),
        }
    }

    /// Go's escapes: control characters, and what HTML or JavaScript would trip over.
    fn string(&mut self, text: &str) {
        self.out.push(b'"');
        let bytes = text.as_bytes();
        let mut done = 0;
        for (at, byte) in bytes.iter().enumerate() {
            let short: &[u8] = match byte {
                b'"' => b"\\\"",
                b'\\' => b"\\\\",
                b'\n' => b"\\n",
                b'\r' => b"\\r",
                b'\t' => b"\\t",
                8 => b"\\b",
                12 => b"\\f",
                b'<' => b"\\u003c",
                b'>' => b"\\u003e",
                b'&' => b"\\u0026",
                // U+2028 and U+2029 are E2 80 A8 and E2 80 A9.
                0xe2 if bytes[at..].starts_with(&[0xe2, 0x80, 0xa8]) => b"\\u2028",
                0xe2 if bytes[at..].starts_with(&[0xe2, 0x80, 0xa9]) => b"\\u2029",
                0..0x20 => b"",
                _ => continue,
            };
            self.out.extend_from_slice(&bytes[done..at]);
            if short.is_empty() {
                self.out.extend_from_slice(format!("\\u{byte:04x}").as_bytes());
            } else {
                self.out.extend_from_slice(short);
            }
            done = if *byte == 0xe2 { at + 3 } else { at + 1 };
        }
        self.out.extend_from_slice(&bytes[done..]);
        self.out.push(b'"');
    }
}

fn sorted(map: &Map<String, Value>) -> Vec<(&String, &Value)> {
    let mut entries: Vec<_> = map.iter().collect();
    if !entries.is_sorted_by(|a, b| a.0 <= b.0) {
        entries.sort_unstable_by(|a, b| a.0.cmp(b.0));
    }
    entries
}
