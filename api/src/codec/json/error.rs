//! What can be wrong with a JSON document. The sentences are Go's, for clients see them.

use serde_json::Value;

use crate::go::{Base64Error, quote};
use crate::quantity::QuantityError;
use crate::time::TimeError;

/// A document that is not JSON, or goes beyond a bound.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{message}")]
pub struct SyntaxError {
    pub(super) message: String,
    /// The offset in bytes at which reading stopped.
    pub offset: usize,
}

/// A value that doesn't fit where it stands: `json: cannot unmarshal string into Go struct field
/// PodSpec.spec.containers of type []v1.Container`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TypeError {
    /// What was found: `string`, `number 1.5`.
    pub found: String,
    /// Go's type that was expected.
    pub expected: String,
    /// Go's name of the innermost struct around it; empty outside of any.
    pub structure: String,
    /// The path from the root, without indices and map keys, as Go gives it.
    pub field: String,
}

impl std::fmt::Display for TypeError {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let Self { found, expected, structure, field } = self;
        if structure.is_empty() && field.is_empty() {
            return write!(f, "json: cannot unmarshal {found} into Go value of type {expected}");
        }
        write!(f, "json: cannot unmarshal {found} into Go struct field {structure}.{field} of type {expected}")
    }
}

impl std::error::Error for TypeError {}

/// Why a document can't be read as a kind. Display is upstream's sentence.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum DecodeError {
    /// The document is not JSON.
    #[error(transparent)]
    Syntax(#[from] SyntaxError),
    /// A value has the wrong type.
    #[error(transparent)]
    Type(#[from] TypeError),
    /// A quantity is none.
    #[error(transparent)]
    Quantity(#[from] QuantityError),
    /// A time is none.
    #[error(transparent)]
    Time(#[from] TimeError),
    /// A duration is none.
    #[error("time: invalid duration {}", quote(.0))]
    Duration(String),
    /// Bytes are not base64.
    #[error(transparent)]
    Base64(#[from] Base64Error),
    /// Neither a boolean nor a schema.
    #[error("boolean or JSON schema expected")]
    SchemaOrBool,
}

/// A finding of strict field validation; Display is upstream's sentence.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub enum StrictError {
    /// A field that the schema doesn't have, by its path with indices and keys: `unknown field "spec.x"`.
    Unknown(String),
    /// A field that stands twice: `duplicate field "spec.x"`.
    Duplicate(String),
    /// Keys that stand twice in YAML, as one sentence over several lines.
    Yaml(String),
}

impl std::fmt::Display for StrictError {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Unknown(path) => write!(f, "unknown field {}", quote(path)),
            Self::Duplicate(path) => write!(f, "duplicate field {}", quote(path)),
            Self::Yaml(sentence) => f.write_str(sentence),
        }
    }
}

impl std::error::Error for StrictError {}

/// Go's word for the type of a JSON value, as sentences about values that don't fit have it.
#[must_use]
pub const fn go_word(value: &Value) -> &'static str {
    match value {
        Value::Null => "null",
        Value::Bool(_) => "bool",
        Value::Number(_) => "number",
        Value::String(_) => "string",
        Value::Array(_) => "array",
        Value::Object(_) => "object",
    }
}
