//! The envelope around a message: the magic bytes and `runtime.Unknown`; and the frames of a watch.

use serde_json::{Map, Value};

use super::error::{ProtobufError, WireError};
use super::wire::{BYTES, Back, Wire, expect};
use super::{decode, encode};
use crate::schema::Node;

/// What every protobuf body begins with: `k8s` and a zero byte.
pub const MAGIC: [u8; 4] = *b"k8s\0";

/// `runtime.Unknown`, which says what the message is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Envelope<'b> {
    /// `apps/v1`.
    pub api_version: &'b str,
    /// `Deployment`.
    pub kind: &'b str,
    /// The message, or whatever else `content_type` says.
    pub raw: &'b [u8],
    /// How `raw` is compressed; upstream knows none.
    pub content_encoding: &'b str,
    /// What `raw` is; empty for protobuf.
    pub content_type: &'b str,
}

impl<'b> Envelope<'b> {
    /// Opens a body.
    ///
    /// # Errors
    /// [`ProtobufError`] where the magic bytes are missing, or what follows them is nothing or no envelope.
    pub fn read(body: &'b [u8]) -> Result<Self, ProtobufError> {
        let message = match body.strip_prefix(&MAGIC) {
            None if body.is_empty() => return Err(ProtobufError::Nothing),
            None => return Err(ProtobufError::Magic),
            Some([]) => return Err(ProtobufError::Empty),
            Some(message) => message,
        };
        Self::read_message(message).map_err(|error| error.within("Unknown"))
    }

    fn read_message(message: &'b [u8]) -> Result<Self, ProtobufError> {
        let mut wire = Wire::new(message);
        let mut envelope = Self::default();
        while !wire.is_empty() {
            let (number, kind) = wire.tag()?;
            if !(1..=4).contains(&number) {
                wire.skip(kind)?;
                continue;
            }
            expect(kind, BYTES)?;
            let bytes = wire.bytes()?;
            match number {
                1 => envelope.type_meta(bytes)?,
                2 => envelope.raw = bytes,
                3 => envelope.content_encoding = text(bytes)?,
                _ => envelope.content_type = text(bytes)?,
            }
        }
        Ok(envelope)
    }

    fn type_meta(&mut self, bytes: &'b [u8]) -> Result<(), ProtobufError> {
        let mut wire = Wire::new(bytes);
        while !wire.is_empty() {
            let (number, kind) = wire.tag()?;
            match number {
                1 | 2 => {
                    expect(kind, BYTES)?;
                    let text = text(wire.bytes()?)?;
                    *(if number == 1 { &mut self.api_version } else { &mut self.kind }) = text;
                }
                _ => wire.skip(kind)?,
            }
        }
        Ok(())
    }

    /// Makes a body.
    #[must_use]
    pub fn write(&self) -> Vec<u8> {
        let mut out = Back::new();
        out.bytes(4, self.content_type.as_bytes());
        out.bytes(3, self.content_encoding.as_bytes());
        out.bytes(2, self.raw);
        let mark = out.len();
        out.bytes(2, self.kind.as_bytes());
        out.bytes(1, self.api_version.as_bytes());
        out.close(1, mark);
        out.put(&MAGIC);
        out.finish()
    }
}

/// Names of kinds and versions are text.
fn text(bytes: &[u8]) -> Result<&str, WireError> {
    std::str::from_utf8(bytes).map_err(|_| WireError::Raw)
}

/// Reads the envelope and the message in it as the kind that `node` finds for its apiVersion and kind; the tree has
/// both. `None` where `node` knows no such kind.
///
/// # Errors
/// [`ProtobufError`] where the body is not protobuf.
pub fn decode_object<'n>(
    body: &[u8],
    node: impl FnOnce(&Envelope<'_>) -> Option<&'n Node>,
) -> Result<Option<Value>, ProtobufError> {
    let envelope = Envelope::read(body)?;
    let Some(node) = node(&envelope) else { return Ok(None) };
    let Value::Object(members) = decode(envelope.raw, node)? else { return Ok(None) };
    let mut map = Map::new();
    // Go's order: kind, then apiVersion.
    if node.child("kind").is_some() && node.child("apiVersion").is_some() {
        for (key, value) in [("kind", envelope.kind), ("apiVersion", envelope.api_version)] {
            if !value.is_empty() {
                map.insert(key.to_owned(), Value::from(value));
            }
        }
    }
    map.extend(members);
    Ok(Some(Value::Object(map)))
}

/// Writes an object with its envelope, whose apiVersion and kind are the tree's.
///
/// # Errors
/// [`ProtobufError::Untyped`] where the tree has neither, [`ProtobufError::Value`] where a value doesn't fit.
pub fn encode_object(value: &Value, node: &Node) -> Result<Vec<u8>, ProtobufError> {
    let text = |key: &str| value.get(key).and_then(Value::as_str);
    let (Some(api_version), Some(kind)) = (text("apiVersion"), text("kind")) else {
        return Err(ProtobufError::Untyped);
    };
    let raw = encode(value, node)?;
    Ok(Envelope { api_version, kind, raw: &raw, ..Envelope::default() }.write())
}

/// A frame of a watch: four bytes of length, then `WatchEvent` {type 1, object {raw 1} 2}, whose raw is `object`, a
/// body with its envelope.
#[must_use]
pub fn encode_watch_event(kind: &str, object: &[u8]) -> Vec<u8> {
    let mut out = Back::new();
    let mark = out.len();
    out.bytes(1, object);
    out.close(2, mark);
    out.bytes(1, kind.as_bytes());
    // Objects are far smaller than four gigabytes; what is not could not be framed.
    let length = u32::try_from(out.len()).unwrap_or(u32::MAX);
    out.put(&length.to_be_bytes());
    out.finish()
}
