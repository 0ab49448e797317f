//! The tree to messages.

use serde_json::{Map, Value};

use super::error::ProtobufError;
use super::wire::{Back, FIXED64};
use crate::go::decode_base64;
use crate::quantity;
use crate::schema::{Either, Map as MapOf, Node, Scalar, Shape, Struct, StructRef};
use crate::time::{Layout, Time, parse_duration};

/// Writes the message of a kind, without apiVersion and kind. What the tree lacks and Go holds by value is written as
/// zero, so the tree need not be normalised. Fields without a number are left out.
///
/// # Errors
/// [`ProtobufError::Value`] where a value doesn't fit its field.
pub fn encode(value: &Value, node: &Node) -> Result<Vec<u8>, ProtobufError> {
    let mut encoder = Encoder { out: Back::new() };
    match (value, node.as_struct()) {
        (Value::Object(map), Some(of)) => encoder.message(map, of)?,
        _ => return Err(unfit(node)),
    }
    Ok(encoder.out.finish())
}

struct Encoder {
    out: Back,
}

impl Encoder {
    /// Writes all members, the last first.
    fn message(&mut self, map: &Map<String, Value>, of: &Struct) -> Result<(), ProtobufError> {
        for member in of.members.iter().rev() {
            if member.is_embedded {
                let mark = self.out.len();
                self.message(map, of.embedded[usize::from(member.index)].of.get())?;
                self.out.close(member.number, mark);
                continue;
            }
            let field = &of.fields[usize::from(member.index)];
            let value = map.get(&*field.name).filter(|value| !value.is_null());
            self.field(member.number, value, &field.node).map_err(|error| error.at(of, field))?;
        }
        Ok(())
    }

    fn field(&mut self, number: u32, value: Option<&Value>, node: &Node) -> Result<(), ProtobufError> {
        match (&node.shape, value) {
            (Shape::List(_) | Shape::Map(_) | Shape::Scalar(Scalar::Bytes), None) => Ok(()),
            (_, None) if node.pointer => Ok(()),
            (Shape::List(list), Some(Value::Array(values))) if list.wrapped => {
                self.wrapped(number, values, &list.element)
            }
            (Shape::List(list), Some(Value::Array(values))) => {
                values.iter().rev().try_for_each(|value| self.single(number, value, &list.element))
            }
            (Shape::Map(of), Some(Value::Object(entries))) => self.map(number, entries, of),
            (_, value) => self.single(number, value.unwrap_or(&Value::Null), node),
        }
    }

    fn wrapped(&mut self, number: u32, values: &[Value], node: &Node) -> Result<(), ProtobufError> {
        let mark = self.out.len();
        values.iter().rev().try_for_each(|value| self.single(1, value, node))?;
        self.out.close(number, mark);
        Ok(())
    }

    fn map(&mut self, number: u32, entries: &Map<String, Value>, of: &MapOf) -> Result<(), ProtobufError> {
        let mut entries: Vec<_> = entries.iter().collect();
        entries.sort_unstable_by(|a, b| b.0.cmp(a.0));
        for (key, value) in entries {
            let mark = self.out.len();
            match (&of.value.shape, value) {
                (Shape::List(list), Value::Array(values)) => self.wrapped(2, values, &list.element)?,
                (Shape::List(_), Value::Null) => self.wrapped(2, &[], &of.value)?,
                // Go has no bytes there at all, which is not the same as empty ones.
                (Shape::Scalar(Scalar::Bytes), Value::Null) => {}
                (_, value) => self.single(2, value, &of.value)?,
            }
            self.out.bytes(1, key.as_bytes());
            self.out.close(number, mark);
        }
        Ok(())
    }

    /// One value that is no list and no map; null is zero.
    fn single(&mut self, number: u32, value: &Value, node: &Node) -> Result<(), ProtobufError> {
        let out = &mut self.out;
        let mark = out.len();
        match (&node.shape, value) {
            (Shape::Struct(of), Value::Object(map)) => self.message(map, of.get())?,
            (Shape::Struct(of), Value::Null) => self.message(&Map::new(), of.get())?,
            (Shape::Either(of), value) => self.either(value, of)?,
            (Shape::Raw(_), Value::Null) => {}
            (Shape::Raw(_), value) => {
                let text = serde_json::to_vec(value).map_err(|_| unfit(node))?;
                out.bytes(1, &text);
            }
            (Shape::Scalar(Scalar::String), Value::String(text)) => {
                out.bytes(number, text.as_bytes());
                return Ok(());
            }
            (Shape::Scalar(Scalar::String), Value::Null) => {
                out.bytes(number, b"");
                return Ok(());
            }
            (Shape::Scalar(Scalar::Bytes), Value::String(text)) => {
                out.bytes(number, &decode_base64(text).map_err(|_| unfit(node))?);
                return Ok(());
            }
            (Shape::Scalar(scalar @ (Scalar::Bool | Scalar::Int32 | Scalar::Int64)), value) => {
                out.number(number, integer(*scalar, value).ok_or_else(|| unfit(node))?);
                return Ok(());
            }
            (Shape::Scalar(Scalar::Float64), value) => {
                let value = if value.is_null() { Some(0.0) } else { value.as_f64() };
                out.put(&value.ok_or_else(|| unfit(node))?.to_le_bytes());
                out.tag(number, FIXED64);
                return Ok(());
            }
            (Shape::Scalar(scalar), value) => special(out, *scalar, value).ok_or_else(|| unfit(node))?,
            _ => return Err(unfit(node)),
        }
        self.out.close(number, mark);
        Ok(())
    }

    fn either(&mut self, value: &Value, of: &Either) -> Result<(), ProtobufError> {
        let message = |encoder: &mut Self,
                       map: &Map<String, Value>,
                       number: u32,
                       schema: &StructRef|
         -> Result<(), ProtobufError> {
            let mark = encoder.out.len();
            encoder.message(map, schema.get())?;
            encoder.out.close(number, mark);
            Ok(())
        };
        match (of, value) {
            (Either::SchemaOrBool(schema), Value::Object(map)) => {
                message(self, map, 2, schema)?;
                self.out.number(1, 1);
            }
            (Either::SchemaOrBool(_), value) => self.out.number(1, u64::from(value == &Value::Bool(true))),
            (Either::SchemaOrArray(schema) | Either::SchemaOrStrings(schema), Value::Object(map)) => {
                message(self, map, 1, schema)?;
            }
            (Either::SchemaOrArray(schema), Value::Array(list)) => {
                let empty = Map::new();
                for value in list.iter().rev() {
                    message(self, value.as_object().unwrap_or(&empty), 2, schema)?;
                }
            }
            (Either::SchemaOrStrings(_), Value::Array(list)) => {
                for value in list.iter().rev() {
                    self.out.bytes(2, value.as_str().unwrap_or_default().as_bytes());
                }
            }
            _ => {}
        }
        Ok(())
    }
}

fn unfit(node: &Node) -> ProtobufError {
    ProtobufError::Value { place: String::new(), expected: node.go_type() }
}

/// The varint of a number or boolean; negative numbers take ten bytes.
fn integer(scalar: Scalar, value: &Value) -> Option<u64> {
    match (scalar, value) {
        (_, Value::Null) => Some(0),
        (Scalar::Bool, Value::Bool(value)) => Some(u64::from(*value)),
        (Scalar::Int32, Value::Number(number)) => {
            Some(i64::from(i32::try_from(number.as_i64()?).ok()?).cast_unsigned())
        }
        (Scalar::Int64, Value::Number(number)) => Some(number.as_i64()?.cast_unsigned()),
        _ => None,
    }
}

/// The members of the small messages.
fn special(out: &mut Back, scalar: Scalar, value: &Value) -> Option<()> {
    match (scalar, value) {
        (Scalar::Quantity, Value::Null) => out.bytes(1, b"0"),
        (Scalar::Quantity, Value::String(text)) => out.bytes(1, quantity::canonical(text).ok()?.as_bytes()),
        (Scalar::Quantity, Value::Number(number)) => {
            out.bytes(1, quantity::canonical(&number.to_string()).ok()?.as_bytes());
        }
        (Scalar::Time | Scalar::MicroTime, Value::Null) => {}
        (Scalar::Time | Scalar::MicroTime, Value::String(text)) => {
            let layout = if scalar == Scalar::Time { Layout::Seconds } else { Layout::Micros };
            let time = Time::parse(text, layout).ok()?;
            if !time.is_zero() {
                let nanos = if scalar == Scalar::Time { 0 } else { time.nanos };
                out.number(2, u64::from(nanos));
                out.number(1, time.seconds.cast_unsigned());
            }
        }
        (Scalar::Duration, Value::Null) => out.number(1, 0),
        (Scalar::Duration, Value::String(text)) => out.number(1, parse_duration(text)?.cast_unsigned()),
        (Scalar::IntOrString, Value::String(text)) => {
            out.bytes(3, text.as_bytes());
            out.number(2, 0);
            out.number(1, 1);
        }
        (Scalar::IntOrString, value) => {
            out.bytes(3, b"");
            out.number(2, integer(Scalar::Int32, value)?);
            out.number(1, 0);
        }
        _ => return None,
    }
    Some(())
}
