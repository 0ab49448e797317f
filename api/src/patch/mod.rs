//! Patches: JSON Patch (RFC 6902), JSON Merge Patch (RFC 7396), and strategic merge patch along the schema tree.
//!
//! Each is a pure function from what stands and a patch to what shall stand; upstream's libraries decide where the RFCs
//! and they differ (evanphx/json-patch 4, apimachinery `pkg/util/strategicpatch`), for their answers are what clients
//! know. The result is a tree that has not been checked against the schema.

mod json;
mod merge;
mod strategic;
mod strategic_order;

pub use json::json;
pub use merge::merge;
pub use strategic::strategic;

/// Why a patch can't be applied; the text is upstream's.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum PatchError {
    /// The patch can't be read: 400.
    #[error("{0}")]
    BadRequest(String),
    /// The patch has too many operations: 413.
    #[error("{0}")]
    TooLarge(String),
    /// The patch does not fit what stands: 422.
    #[error("{0}")]
    Invalid(String),
    /// What upstream answers 500, although it is the patch's fault.
    #[error("{0}")]
    Internal(String),
}
