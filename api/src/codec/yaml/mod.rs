//! YAML, as upstream reads and writes it: YAML 1.1's idea of plain scalars, and JSON behind it.
//!
//! [`decode`] does what upstream's server does: the first document becomes JSON (with sorted keys), and that is read as
//! JSON is. So `yes`, `on` and `y` are booleans, `0777` is 511, `1.0` is the integer 1, dates stay strings, and keys
//! that are numbers or booleans become strings. Keys that stand twice are one finding of strict validation, and the
//! later one counts otherwise. Merge keys (`<<`) and aliases are followed, aliases within bounds.
//!
//! [`encode`] writes what upstream's tools print: sorted keys, lists not indented, literal blocks for texts of several
//! lines, quotes only where a plain text would be taken for something else.
//!
//! Structure is scanned by `saphyr-parser` (YAML 1.2). Where it is broken, `problem` gives upstream's sentence, as far as
//! both find the same fault.

mod build;
mod problem;
mod resolve;
mod write;

pub use build::{YamlError, to_json};
pub use write::encode;

use super::json::{self, DecodeError, Decoded, StrictError};
use crate::schema::Node;

/// Why a YAML document can't be read as a kind.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Error {
    /// The document is not YAML, or has no form in JSON.
    #[error(transparent)]
    Yaml(#[from] YamlError),
    /// A value has the wrong type.
    #[error(transparent)]
    Decode(#[from] DecodeError),
}

/// Reads the first YAML document as what `node` describes. The finding about keys that stand twice comes first.
///
/// # Errors
/// [`Error`]: not YAML, or a value doesn't fit.
pub fn decode(text: &[u8], node: &Node) -> Result<Decoded, Error> {
    let read = to_json(text)?;
    let mut decoded = json::decode(&json::encode_any(&read.value), node)?;
    if !read.duplicates.is_empty() {
        let lines: String = read.duplicates.iter().map(|line| format!("\n  {line}")).collect();
        decoded.strict.insert(0, StrictError::Yaml(format!("yaml: unmarshal errors:{lines}")));
    }
    Ok(decoded)
}
