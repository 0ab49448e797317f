//! Howdah's vocabulary: the names and rules of the Kubernetes API that every other room shares.
//!
//! Pure: no IO, no clock, no async runtime. Deliberately absent so far: the types, the resource table, the schema
//! tree and the codecs, which arrive with the API server; the store needs [`Key`] alone.

mod key;

pub use key::{Key, KeyError, KeyPrefix};
