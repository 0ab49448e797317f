//! Howdah's vocabulary: the names and rules of the Kubernetes API that every other room shares.
//!
//! Pure: no IO, no clock, no async runtime. Where to look:
//!
//! - [`Key`]: where an object lives in the store.
//! - [`schema`]: what the API says about every field.
//! - [`resource`]: which resources there are, and their names, verbs and subresources.
//! - [`tree`]: the object tree, and the form in which it is answered.
//! - [`codec`]: JSON, YAML and protobuf.
//! - [`quantity`], [`time`]: the texts of quantities, times and durations.
//!
//! Deliberately absent so far: defaulting by code, validation, patches, typed views.

pub mod codec;
mod go;
mod key;
pub mod quantity;
pub mod resource;
pub mod schema;
pub mod time;
pub mod tree;

pub use go::Base64Error;
pub use key::{Key, KeyError, KeyPrefix};
