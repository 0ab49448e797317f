//! Label and field selectors: the parsers of their texts, the form inside objects, and matching.
//!
//! The grammar and the sentences are upstream's (apimachinery, `pkg/labels` and `pkg/fields`). A selector that was
//! parsed is valid; matching asks a closure for values, so that caches need not build maps.

mod field;
mod label;
mod label_parser;

pub use field::{FieldRequirement, FieldSelector};
pub use label::{LabelOperator, LabelRequirement, LabelSelector};

/// A text that is not a selector. Display is upstream's sentence.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{0}")]
pub struct SelectorError(pub(crate) String);
