//! Messages to the tree.

use serde_json::{Map, Number, Value};

use super::error::{ProtobufError, WireError};
use super::wire::{BYTES, FIXED64, VARINT, Wire, expect};
use crate::codec::{MAX_DEPTH, MAX_VALUES, json};
use crate::go::encode_base64;
use crate::quantity::{self, QuantityError};
use crate::schema::{Either, Field, Node, Scalar, Shape, Struct, StructRef};
use crate::time::{Layout, Time, format_duration};
use crate::tree;

/// Reads the message of a kind as a normalised tree, without apiVersion and kind.
///
/// # Errors
/// [`ProtobufError::Wire`] with the message and field at which the bytes stop making sense.
pub fn decode(message: &[u8], node: &Node) -> Result<Value, ProtobufError> {
    let mut map = Map::new();
    if let Some(of) = node.as_struct() {
        Decoder { depth: 0, values: 0 }.message(message, of, &mut map)?;
    }
    let mut value = Value::Object(map);
    tree::normalise(&mut value, node);
    Ok(value)
}

struct Decoder {
    depth: usize,
    values: usize,
}

impl Decoder {
    /// Reads members into `map`, which may hold what an earlier piece of the message brought.
    fn message(&mut self, bytes: &[u8], of: &Struct, map: &mut Map<String, Value>) -> Result<(), ProtobufError> {
        self.depth += 1;
        if self.depth > MAX_DEPTH {
            return Err(WireError::Depth.into());
        }
        let mut wire = Wire::new(bytes);
        while !wire.is_empty() {
            let here = |problem: WireError| ProtobufError::from(problem).within(&of.name);
            let (number, kind) = wire.tag().map_err(here)?;
            match of.member(number) {
                None => wire.skip(kind).map_err(here)?,
                Some(member) if member.is_embedded => {
                    expect(kind, BYTES).map_err(here)?;
                    let embedded = of.embedded[usize::from(member.index)].of.get();
                    self.message(wire.bytes().map_err(here)?, embedded, map)?;
                }
                Some(member) => {
                    let field = &of.fields[usize::from(member.index)];
                    self.field(&mut wire, kind, field, map).map_err(|error| error.at(of, field))?;
                }
            }
        }
        self.depth -= 1;
        Ok(())
    }

    fn field(
        &mut self,
        wire: &mut Wire<'_>,
        kind: u8,
        field: &Field,
        map: &mut Map<String, Value>,
    ) -> Result<(), ProtobufError> {
        // Scalars are set; the others may come in pieces.
        let before = match &field.node.shape {
            Shape::Scalar(_) => None,
            _ => map.get_mut(&*field.name),
        };
        match &field.node.shape {
            Shape::List(list) => {
                let mut added = Vec::new();
                if list.wrapped {
                    expect(kind, BYTES)?;
                    self.items(wire.bytes()?, &list.element, &mut added)?;
                } else {
                    self.element(wire, kind, &list.element, &mut added)?;
                }
                match before {
                    Some(Value::Array(list)) => list.append(&mut added),
                    _ => drop(map.insert(field.name.clone().into_owned(), Value::Array(added))),
                }
            }
            Shape::Map(of) => {
                expect(kind, BYTES)?;
                let (key, value) = self.entry(wire.bytes()?, &of.value)?;
                match before {
                    Some(Value::Object(map)) => drop(map.insert(key, value)),
                    _ => {
                        let entries = Map::from_iter([(key, value)]);
                        map.insert(field.name.clone().into_owned(), Value::Object(entries));
                    }
                }
            }
            _ => {
                let before = before.map(Value::take);
                let value = self.single(wire, kind, &field.node, before)?;
                map.insert(field.name.clone().into_owned(), value);
            }
        }
        Ok(())
    }

    /// One element of a list, or several where numbers are packed.
    fn element(
        &mut self,
        wire: &mut Wire<'_>,
        kind: u8,
        node: &Node,
        list: &mut Vec<Value>,
    ) -> Result<(), ProtobufError> {
        let plain = match node.shape {
            Shape::Scalar(Scalar::Bool | Scalar::Int32 | Scalar::Int64) => VARINT,
            Shape::Scalar(Scalar::Float64) => FIXED64,
            _ => BYTES,
        };
        if kind == BYTES && plain != BYTES {
            let mut packed = Wire::new(wire.bytes()?);
            while !packed.is_empty() {
                list.push(self.single(&mut packed, plain, node, None)?);
            }
            return Ok(());
        }
        list.push(self.single(wire, kind, node, None)?);
        Ok(())
    }

    /// The items of a wrapped list.
    fn items(&mut self, bytes: &[u8], node: &Node, list: &mut Vec<Value>) -> Result<(), ProtobufError> {
        let mut wire = Wire::new(bytes);
        while !wire.is_empty() {
            match wire.tag()? {
                (1, kind) => self.element(&mut wire, kind, node, list)?,
                (_, kind) => wire.skip(kind)?,
            }
        }
        Ok(())
    }

    fn entry(&mut self, bytes: &[u8], node: &Node) -> Result<(String, Value), ProtobufError> {
        let mut wire = Wire::new(bytes);
        let (mut key, mut value) = (String::new(), None);
        while !wire.is_empty() {
            match wire.tag()? {
                (1, kind) => {
                    expect(kind, BYTES)?;
                    key = String::from_utf8_lossy(wire.bytes()?).into_owned();
                }
                (2, kind) => {
                    value = Some(match &node.shape {
                        Shape::List(list) if list.wrapped => {
                            expect(kind, BYTES)?;
                            let mut items = Vec::new();
                            self.items(wire.bytes()?, &list.element, &mut items)?;
                            Value::Array(items)
                        }
                        _ => self.single(&mut wire, kind, node, None)?,
                    });
                }
                (_, kind) => wire.skip(kind)?,
            }
        }
        let empty = || match node.shape {
            Shape::Scalar(Scalar::Bytes) => Value::from(""),
            _ => tree::zero(node),
        };
        Ok((key, value.unwrap_or_else(empty)))
    }

    /// One value that is no list and no map.
    fn single(
        &mut self,
        wire: &mut Wire<'_>,
        kind: u8,
        node: &Node,
        before: Option<Value>,
    ) -> Result<Value, ProtobufError> {
        self.values += 1;
        if self.values > MAX_VALUES {
            return Err(WireError::Values.into());
        }
        match &node.shape {
            Shape::Scalar(scalar @ (Scalar::Bool | Scalar::Int32 | Scalar::Int64)) => {
                expect(kind, VARINT)?;
                let value = wire.varint()?;
                Ok(match scalar {
                    Scalar::Bool => Value::from(value != 0),
                    Scalar::Int32 => Value::from(int32(value)),
                    _ => Value::from(value.cast_signed()),
                })
            }
            Shape::Scalar(Scalar::Float64) => {
                expect(kind, FIXED64)?;
                // JSON has no infinities; Go fails to write them, here they become null.
                Ok(Number::from_f64(f64::from_bits(wire.fixed64()?)).map_or(Value::Null, Value::Number))
            }
            shape => {
                expect(kind, BYTES)?;
                let bytes = wire.bytes()?;
                match shape {
                    Shape::Scalar(scalar) => Ok(special(*scalar, bytes)?),
                    Shape::Struct(of) => self.structure(bytes, of, before),
                    Shape::Either(of) => self.either(bytes, of),
                    _ => raw(bytes),
                }
            }
        }
    }

    fn structure(&mut self, bytes: &[u8], of: &StructRef, before: Option<Value>) -> Result<Value, ProtobufError> {
        let mut map = match before {
            Some(Value::Object(map)) => map,
            _ => Map::new(),
        };
        self.message(bytes, of.get(), &mut map)?;
        Ok(Value::Object(map))
    }

    fn either(&mut self, bytes: &[u8], of: &Either) -> Result<Value, ProtobufError> {
        let (Either::SchemaOrBool(schema) | Either::SchemaOrArray(schema) | Either::SchemaOrStrings(schema)) = of;
        let (at, other) = if matches!(of, Either::SchemaOrBool(_)) { (2, 1) } else { (1, 2) };
        let mut wire = Wire::new(bytes);
        let (mut found, mut allows, mut list) = (None, false, Vec::new());
        while !wire.is_empty() {
            let (number, kind) = wire.tag()?;
            if number == at {
                expect(kind, BYTES)?;
                found = Some(self.structure(wire.bytes()?, schema, found)?);
            } else if number == other {
                match of {
                    Either::SchemaOrBool(_) => {
                        expect(kind, VARINT)?;
                        allows = wire.varint()? != 0;
                    }
                    Either::SchemaOrArray(_) => {
                        expect(kind, BYTES)?;
                        list.push(self.structure(wire.bytes()?, schema, None)?);
                    }
                    Either::SchemaOrStrings(_) => {
                        expect(kind, BYTES)?;
                        list.push(Value::from(String::from_utf8_lossy(wire.bytes()?)));
                    }
                }
            } else {
                wire.skip(kind)?;
            }
        }
        Ok(match (found, of) {
            _ if !list.is_empty() => Value::Array(list),
            (Some(schema), _) => schema,
            (None, Either::SchemaOrBool(_)) => Value::from(allows),
            (None, _) => Value::Null,
        })
    }
}

/// What Go makes of a varint that should be an int32.
#[expect(clippy::cast_possible_truncation, reason = "as Go does")]
fn int32(value: u64) -> i32 {
    value as i32
}

/// The scalars that are strings, bytes or small messages.
fn special(scalar: Scalar, bytes: &[u8]) -> Result<Value, WireError> {
    let text = |bytes: &[u8]| Value::from(String::from_utf8_lossy(bytes));
    match scalar {
        Scalar::Bytes => return Ok(Value::from(encode_base64(bytes))),
        Scalar::Quantity | Scalar::Time | Scalar::MicroTime | Scalar::Duration | Scalar::IntOrString => {}
        _ => return Ok(text(bytes)),
    }
    // Each of them has at most three members: two numbers and a string.
    let (mut first, mut second, mut string) = (0, 0, &[][..]);
    let mut wire = Wire::new(bytes);
    while !wire.is_empty() {
        match (wire.tag()?, scalar) {
            ((1, kind), Scalar::Quantity) | ((3, kind), Scalar::IntOrString) => {
                expect(kind, BYTES)?;
                string = wire.bytes()?;
            }
            ((1, kind), _) => {
                expect(kind, VARINT)?;
                first = wire.varint()?;
            }
            ((2, kind), Scalar::Time | Scalar::MicroTime | Scalar::IntOrString) => {
                expect(kind, VARINT)?;
                second = wire.varint()?;
            }
            ((_, kind), _) => wire.skip(kind)?,
        }
    }
    Ok(match scalar {
        Scalar::Quantity if string.is_empty() => Value::from("0"),
        Scalar::Quantity => {
            let quantity = std::str::from_utf8(string).map_err(|_| QuantityError::Format)?;
            quantity::canonical(quantity)?;
            Value::from(quantity)
        }
        Scalar::Duration => Value::from(format_duration(first.cast_signed())),
        Scalar::IntOrString if first == 0 => Value::from(int32(second)),
        Scalar::IntOrString => text(string),
        _ if bytes.is_empty() => Value::Null,
        _ => {
            let layout = if scalar == Scalar::Time { Layout::Seconds } else { Layout::Micros };
            let nanos = u32::try_from(int32(second)).unwrap_or(0).min(999_999_999);
            let time = Time { seconds: first.cast_signed(), nanos };
            if !time.has_text() {
                return Err(WireError::Time { seconds: time.seconds });
            }
            Value::from(time.format(layout))
        }
    })
}

/// Raw JSON in its message.
fn raw(bytes: &[u8]) -> Result<Value, ProtobufError> {
    let mut wire = Wire::new(bytes);
    let mut found = Value::Null;
    while !wire.is_empty() {
        match wire.tag()? {
            (1, kind) => {
                expect(kind, BYTES)?;
                let text = wire.bytes()?;
                // Go holds no JSON for an empty raw message, and shows null.
                found = match text {
                    [] => Value::Null,
                    text => json::decode_any(text).map_err(|_| WireError::Raw)?.value,
                };
            }
            (_, kind) => wire.skip(kind)?,
        }
    }
    Ok(found)
}
