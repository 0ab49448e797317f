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
//! Known to differ from upstream: nesting deeper than [`MAX_DEPTH`](super::MAX_DEPTH) is refused; raw JSON inside an
//! object is a tree as well, so that of a key that stands twice in it only the later one is kept, and escapes are
//! written anew; a list that stands twice is replaced and not merged element by element; a time of 0001-01-01 in a
//! field that may be absent makes it absent.

mod error;
mod path;
mod read;
mod scan;
mod typed;
mod write;

pub use error::{DecodeError, StrictError, SyntaxError, TypeError, go_word};
pub use read::{Decoded, decode, decode_any};
pub use write::{encode, encode_any, encode_raw};
