//! Validation shared by all kinds: the errors, the paths that they name, and the rules of names and metadata.
//!
//! A kind's own rules stand with the kind, in [`crate::kind`]. Everything here is pure and speaks upstream's sentences
//! (k8s.io/apimachinery/pkg/util/validation, k8s.io/apimachinery/pkg/api/validation).

mod error;
pub mod name;
mod path;

pub use error::{ErrorKind, Errors, FieldError};
pub use path::FieldPath;
