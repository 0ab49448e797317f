//! Validation shared by all kinds: the errors, the paths that they name, and the rules of names and metadata.
//!
//! A kind's own rules stand with the kind, in [`crate::kind`]. Everything here is pure and speaks upstream's sentences
//! (k8s.io/apimachinery/pkg/util/validation, k8s.io/apimachinery/pkg/api/validation). Where upstream walks a map in no
//! order, the keys are taken in theirs.
//!
//! - [`name`]: rules of single texts and numbers, which give sentences.
//! - [`net`]: rules of addresses and domains, which give errors with their field.
//! - [`label`]: labels and label selectors. [`meta`]: metadata, and rules for objects' names. [`resource_name`]: resources.

mod error;
pub mod label;
pub mod meta;
pub mod name;
pub mod net;
mod path;
pub mod resource_name;

pub use error::{ErrorKind, Errors, FieldError};
pub use path::FieldPath;
