//! The encodings: bytes to tree and tree to bytes.
//!
//! The tree is [`serde_json::Value`]; [`crate::tree`] says why. [`json`] reads strictly (every unknown and duplicate
//! field is found on the way) and writes canonically; [`yaml`] reads to the same tree; [`protobuf`] turns upstream's
//! messages into the tree and back. All three are driven by the schema tree, so that kinds differ in data only.
//!
//! None of them panics, overflows the stack or takes memory out of proportion, whatever the bytes: depth, the number
//! of values and lengths are bounded ([`MAX_DEPTH`], [`MAX_VALUES`]). How many bytes a request may have is the
//! caller's to bound.

pub mod json;
pub mod protobuf;
pub mod yaml;

/// How deep objects and lists, or messages, may stand in each other. Upstream's JSON reader goes to 10,000 on Go's
/// growing stacks; threads here have 2 MiB. Real objects stay below 100.
pub const MAX_DEPTH: usize = 200;

/// How many values a document may have. A list of a million empty objects is a bomb, not an object: it takes 3 MB on
/// the wire and fifty times that in memory.
pub const MAX_VALUES: usize = 1 << 20;
