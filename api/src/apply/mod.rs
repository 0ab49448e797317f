//! Server-side apply: field sets, `managedFields`, and the merge along the schema tree (KEP-555).
//!
//! **Job.** [`apply`] lays what an applier sent over the live object, takes out what it no longer sends and nobody else
//! owns, and finds conflicts; [`update`] works out what any other write changed and who owns it from then on. Both
//! are pure: objects are trees, the time comes with the [`Manager`].
//!
//! **Flow.** `managed` reads `metadata.managedFields` into field sets by owner; `updater` works on them with the operations
//! of `typed`; the steps around it (`chain`) cap the number of owners, begin tracking, drop what nobody may own and take
//! over from client-side apply (`last_applied`); `managed` writes the result back.
//!
//! **Where the pieces are.** [`FieldSet`] and [`PathElement`] are the vocabulary, with their JSON; `typed` walks values
//! along the schema (see there for what the schema leaves open); [`equal_but_timestamps`] tells a write that changes
//! nothing; [`scale`] carries ownership between an object and its scale.
//!
//! **Invariants.** After a write no owner's entry is empty. `fieldsV1` has upstream's keys in upstream's order. Absent:
//! conversion between versions that differ in form; entries in versions that the caller doesn't name are dropped, as
//! upstream drops those of versions that it no longer knows.

mod chain;
mod conflict;
mod element;
mod equality;
mod field_set;
mod field_set_json;
mod last_applied;
mod managed;
pub mod scale;
mod typed;
mod updater;
mod value;

pub use chain::{apply, update};
pub use conflict::{Cause, Conflicts};
pub use element::{ElementError, Path, PathElement};
pub use equality::equal_but_timestamps;
pub use field_set::FieldSet;
pub use field_set_json::FieldSetError;
pub use managed::{ManagedFieldsError, check_managed_fields, keep_reset};

use crate::schema::Node;
use crate::time::Time;

/// How somebody writes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Operation {
    /// Server-side apply.
    Apply,
    /// Everything else: create, update, the other patches.
    Update,
}

/// Who writes, how and when.
#[derive(Debug, Clone, Copy)]
pub struct Manager<'a> {
    /// The field manager's name; an empty one counts as `unknown`.
    pub name: &'a str,
    /// How it writes.
    pub operation: Operation,
    /// The request's group and version: `apps/v1`.
    pub api_version: &'a str,
    /// The request's kind.
    pub kind: &'a str,
    /// The subresource that is written; empty for the object itself.
    pub subresource: &'a str,
    /// When it writes; cut to seconds.
    pub time: Time,
    /// Other versions of the kind whose objects have the same form but for `apiVersion`, with their schemas. Owners'
    /// entries in versions that are neither the request's nor among these are dropped.
    pub siblings: &'a [(&'a str, &'a Node)],
}

/// Which fields a write by this resource or subresource does not take effect on, and therefore does not own:
/// upstream's reset fields. Paths are dotted.
#[derive(Debug, Clone, Copy)]
pub enum Reset<'a> {
    /// These fields and all below them: `status`.
    Fields(&'a [&'a str]),
    /// All but these fields, what is below them and what is above them; `*` stands for any one step
    /// (`spec.containers.*.resources`).
    AllBut(&'a [&'a str]),
}

/// Why an applied configuration was not applied. Display is the message for the client.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum ApplyError {
    /// Others own fields that it would change (409).
    #[error("{0}")]
    Conflicts(Conflicts),
    /// It is of another kind or version than the request (400).
    #[error("invalid object type: {0}")]
    WrongKind(String),
    /// It has `metadata.managedFields` (400).
    #[error("metadata.managedFields must be nil")]
    ManagedFields,
    /// It doesn't fit the schema (500, as upstream answers it).
    #[error("failed to create typed patch object ({object}): {errors}")]
    Patch {
        /// Namespace, name and kind.
        object: String,
        /// What doesn't fit.
        errors: String,
    },
    /// The live object, which has no owners yet, doesn't fit the schema (500).
    #[error(
        "failed to create manager for existing fields: failed to convert new object ({object}) to smd typed: {errors}"
    )]
    Existing {
        /// Namespace, name and kind.
        object: String,
        /// What doesn't fit.
        errors: String,
    },
    /// The live object doesn't fit the schema (500).
    #[error("failed to create typed live object ({object}): {errors}")]
    Live {
        /// Namespace, name and kind.
        object: String,
        /// What doesn't fit.
        errors: String,
    },
    /// The live object's managedFields can't be read (500).
    #[error("failed to decode managed fields: {0}")]
    Decode(ManagedFieldsError),
}
