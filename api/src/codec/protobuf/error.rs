//! What can be wrong with protobuf bytes, or with a tree that shall become some.

use super::envelope::MAGIC;
use crate::quantity::QuantityError;
use crate::schema::{Field, Struct};

/// What is wrong with the bytes at one place.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum WireError {
    /// The bytes end within a value.
    #[error("unexpected EOF")]
    Truncated,
    /// A length goes beyond the message around it.
    #[error("proto: a length of {length} goes beyond the {left} bytes that are left")]
    Length {
        /// The length as given.
        length: u64,
        /// What the message has left.
        left: usize,
    },
    /// A varint is longer than 64 bits.
    #[error("proto: integer overflow")]
    Overflow,
    /// The wire type is not the one that the member has.
    #[error("proto: wrong wireType = {found}, expected {expected}")]
    WireType {
        /// The wire type found.
        found: u8,
        /// The one expected.
        expected: u8,
    },
    /// A tag is none: number 0, an unknown wire type, or the end of a group that didn't begin.
    #[error("proto: illegal tag {number} (wire type {wire})")]
    Tag {
        /// The member's number.
        number: u64,
        /// The wire type.
        wire: u8,
    },
    /// Messages stand in each other too deep.
    #[error("proto: messages are nested too deep")]
    Depth,
    /// There are too many values.
    #[error("proto: the message has too many values")]
    Values,
    /// Raw JSON is none.
    #[error("raw data is not JSON")]
    Raw,
    /// A quantity is none; the sentence is upstream's.
    #[error(transparent)]
    Quantity(#[from] QuantityError),
    /// A time lies outside of the years that its text can have.
    #[error("proto: a time {seconds} seconds from 1970 is outside of the years 0 to 9999")]
    Time {
        /// The seconds as given.
        seconds: i64,
    },
}

/// Why protobuf can't be read or written. `place` is `Message.field`; empty outside of any.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum ProtobufError {
    /// The magic bytes are missing; the sentence is upstream's.
    #[error("provided data does not appear to be a protobuf message, expected prefix {MAGIC:?}")]
    Magic,
    /// The bytes are not the message.
    #[error("{place}{}{problem}", if .place.is_empty() { "" } else { ": " })]
    Wire {
        /// Where.
        place: String,
        /// What is wrong there.
        problem: WireError,
    },
    /// A value of the tree doesn't fit its field.
    #[error("{place}: a {expected} can't be written from this value")]
    Value {
        /// Where.
        place: String,
        /// Go's type of what was expected.
        expected: String,
    },
    /// An object without kind or apiVersion can't be put into an envelope.
    #[error("an object without apiVersion and kind can't be written as protobuf")]
    Untyped,
}

impl From<WireError> for ProtobufError {
    fn from(problem: WireError) -> Self {
        Self::Wire { place: String::new(), problem }
    }
}

impl ProtobufError {
    /// The same error at this field, unless it names a place within already.
    pub(super) fn at(self, of: &Struct, field: &Field) -> Self {
        let here = || format!("{}.{}", of.name, field.name);
        match self {
            Self::Wire { place, problem } if place.is_empty() => Self::Wire { place: here(), problem },
            Self::Value { place, expected } if place.is_empty() => Self::Value { place: here(), expected },
            error => error,
        }
    }
}
