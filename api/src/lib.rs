//! Howdah's vocabulary: the names and rules of the Kubernetes API that every other room shares.
//!
//! Pure: no IO, no clock, no async runtime. Where to look:
//!
//! - [`Key`]: where an object lives in the store.
//! - [`schema`]: what the API says about every field.
//! - [`resource`]: which resources there are, and their names, verbs and subresources.
//! - [`tree`]: the object tree, and the form in which it is answered.
//! - [`codec`]: JSON, YAML and protobuf.
//! - [`kind`]: what is particular to each kind: defaults, rules, strategies; [`validation`] is what they share.
//! - [`selector`], [`patch`], [`apply`]: selecting and changing objects.
//! - [`quantity`], [`time`], [`go`]: the texts of quantities, times and durations, and Go's ways of writing.

pub mod apply;
pub mod codec;
pub mod go;
mod key;
pub mod kind;
pub mod patch;
pub mod quantity;
pub mod resource;
pub mod schema;
pub mod selector;
pub mod time;
pub mod tree;
pub mod validation;

pub use key::{Key, KeyError, KeyPrefix};
