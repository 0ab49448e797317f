//! What can be wrong with protobuf bytes, or with a tree that shall become some. The sentences about bytes are those of
//! upstream's generated code, for clients see them.

use std::fmt;

use super::envelope::MAGIC;
use crate::quantity::QuantityError;
use crate::schema::{Field, Struct};

/// What is wrong with the bytes at one place.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum WireError {
    /// The bytes end within a value.
    Truncated,
    /// A length goes beyond the message around it.
    Length {
        /// The length as given.
        length: u64,
        /// What the message has left.
        left: usize,
    },
    /// A varint is longer than 64 bits.
    Overflow,
    /// The wire type is not the one that the member has.
    WireType {
        /// The wire type found.
        found: u8,
        /// The one expected.
        expected: u8,
    },
    /// A tag is none: number 0, an unknown wire type, or the end of a group that didn't begin.
    Tag {
        /// The member's number.
        number: u64,
        /// The wire type.
        wire: u8,
    },
    /// Messages stand in each other too deep.
    Depth,
    /// There are too many values.
    Values,
    /// Raw JSON is none.
    Raw,
    /// A quantity is none; the sentence is upstream's.
    Quantity(QuantityError),
    /// A time lies outside of the years that its text can have.
    Time {
        /// The seconds as given.
        seconds: i64,
    },
}

/// Why protobuf can't be read or written.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum ProtobufError {
    /// There is nothing at all.
    #[error("empty data")]
    Nothing,
    /// The magic bytes are missing.
    #[error("provided data does not appear to be a protobuf message, expected prefix [{}]", magic())]
    Magic,
    /// There are the magic bytes and nothing else.
    #[error("empty body")]
    Empty,
    /// The bytes are not the message.
    #[error("{}", Sentence { message, field, problem: *problem })]
    Wire {
        /// Go's name of the innermost message.
        message: String,
        /// Go's name of its field; empty outside of any.
        field: String,
        /// What is wrong there.
        problem: WireError,
    },
    /// A value of the tree doesn't fit its field.
    #[error("{place}: a {expected} can't be written from this value")]
    Value {
        /// Where: `Message.field`.
        place: String,
        /// Go's type of what was expected.
        expected: String,
    },
    /// An object without kind or apiVersion can't be put into an envelope.
    #[error("an object without apiVersion and kind can't be written as protobuf")]
    Untyped,
}

/// The magic bytes as Go prints them.
fn magic() -> String {
    MAGIC.map(|byte| byte.to_string()).join(" ")
}

struct Sentence<'e> {
    message: &'e str,
    field: &'e str,
    problem: WireError,
}

impl fmt::Display for Sentence<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        const END_GROUP: u8 = 4;
        let Self { message, field, problem } = self;
        match problem {
            WireError::Length { length, .. } if *length > i64::MAX.cast_unsigned() => {
                f.write_str("proto: negative length found during unmarshaling")
            }
            WireError::Truncated | WireError::Length { .. } => f.write_str("unexpected EOF"),
            WireError::Overflow => f.write_str("proto: integer overflow"),
            WireError::WireType { found, .. } => write!(f, "proto: wrong wireType = {found} for field {field}"),
            WireError::Tag { wire: END_GROUP, .. } => write!(f, "proto: {message}: wiretype end group for non-group"),
            WireError::Tag { number: 0, wire } => write!(f, "proto: {message}: illegal tag 0 (wire type {wire})"),
            WireError::Tag { wire: 0..=5, number } => write!(f, "proto: {message}: illegal tag {number}"),
            WireError::Tag { wire, .. } => write!(f, "proto: illegal wireType {wire}"),
            WireError::Depth => f.write_str("proto: messages are nested too deep"),
            WireError::Values => f.write_str("proto: the message has too many values"),
            WireError::Raw => f.write_str("raw data is not JSON"),
            WireError::Quantity(error) => error.fmt(f),
            WireError::Time { seconds } => {
                write!(f, "proto: a time {seconds} seconds from 1970 is outside of the years 0 to 9999")
            }
        }
    }
}

impl From<QuantityError> for WireError {
    fn from(error: QuantityError) -> Self {
        Self::Quantity(error)
    }
}

impl From<WireError> for ProtobufError {
    fn from(problem: WireError) -> Self {
        Self::Wire { message: String::new(), field: String::new(), problem }
    }
}

impl ProtobufError {
    /// The same error in this message, unless it names one within already.
    pub(super) fn within(self, message: &str) -> Self {
        match self {
            Self::Wire { message: own, field, problem } if own.is_empty() => {
                Self::Wire { message: message.to_owned(), field, problem }
            }
            error => error,
        }
    }

    /// The same error at this field, unless it names a place within already.
    pub(super) fn at(self, of: &Struct, field: &Field) -> Self {
        match self {
            Self::Wire { message, problem, .. } if message.is_empty() => {
                Self::Wire { message: of.name.clone().into_owned(), field: go_name(field), problem }
            }
            Self::Value { place, expected } if place.is_empty() => {
                Self::Value { place: format!("{}.{}", of.name, field.name), expected }
            }
            error => error,
        }
    }
}

/// The name that a field has in Go. It isn't in the tables: it is the name in JSON with a capital, but for abbreviations
/// and for the metadata, which is embedded.
fn go_name(field: &Field) -> String {
    const ABBREVIATIONS: [&str; 18] = [
        "api", "csi", "dns", "fc", "fs", "http", "id", "ip", "iscsi", "nfs", "pid", "rbd", "tcp", "tls", "ttl", "uid",
        "uri", "url",
    ];
    if let ("metadata", Some(of)) = (&*field.name, field.node.as_struct()) {
        return of.name.clone().into_owned();
    }
    let end = field.name.find(|sign: char| !sign.is_ascii_lowercase()).unwrap_or(field.name.len());
    let (first, rest) = field.name.split_at(end);
    if ABBREVIATIONS.contains(&first) {
        return format!("{}{rest}", first.to_ascii_uppercase());
    }
    let (capital, small) = first.split_at(first.len().min(1));
    format!("{}{small}{rest}", capital.to_ascii_uppercase())
}
