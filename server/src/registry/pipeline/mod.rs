//! The writes: one way for all resources.
//!
//! [`create`] makes an object; [`change`] is the loop in which updates, patches and subresources run, from what stands to
//! what shall stand; [`delete`] plans ([`deletion`]) and executes; [`prepare`] holds the steps that all kinds share. The
//! pure parts (`prepare`, `deletion`, `patching`) know neither store nor clock.
//!
//! The loop: decide on what the cache holds, write under the condition that it still stands, and on a conflict decide
//! anew on what the store holds. An error, or a decision not to write, counts only once the store has confirmed what it
//! rests on. It ends with the request's deadline.

mod change;
mod collection;
mod create;
mod delete;
mod deletion;
mod patch;
mod patching;
mod prepare;
mod step;

pub(super) use change::{Change, CreateRule, Write, change};
pub(super) use collection::delete_collection;
pub(super) use create::create;
pub(super) use delete::{delete, remove};
pub(super) use patch::{patch, update};
pub(super) use patching::{Patch, check_patch_type};
pub(super) use prepare::{check_name, ensure_namespace};
pub(super) use step::{admit, expected, judge, tree};
