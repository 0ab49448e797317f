//! JSON: a strict reader guided by the schema, and a canonical writer.
//!
//! [`decode`] reads in one pass what upstream reads in several: syntax (with Go's sentences), types (with Go's
//! sentences), unknown and duplicate fields (collected, for the caller decides whether they are errors, warnings or
//! nothing). Unknown fields are left out of the tree, as upstream's typed decoding does; everything else stays as it
//! was sent, nulls included. [`crate::tree::normalise`] then brings the tree into the form that upstream answers.
//!
//! [`encode`] writes what Go's encoder would: fields in Go's order, map keys sorted, Go's escapes and numbers, what
//! `omitempty` drops dropped. No newline follows; upstream's answers end in one.
//!
//! Known to differ from upstream: nesting deeper than [`MAX_DEPTH`](super::MAX_DEPTH) is refused; a JSON list of
//! numbers is not taken for base64; of several type errors the first one in the document is named even where Go's
//! custom decoders would abort earlier ones.

mod error;
mod path;
mod read;
mod scan;
mod typed;
mod write;

pub use error::{DecodeError, StrictError, SyntaxError, TypeError};
pub use read::{Decoded, decode, decode_any};
pub use write::{encode, encode_any};
