//! Whether those who follow a resource see its changes: what writers were told ([`History`]), what a watcher saw
//! ([`Step`]), and the judgement ([`check`]), which is a pure function of the two.
//!
//! Deliberately absent: time. Only revisions and the order within one watch count.

mod checker;
mod history;

#[cfg(test)]
mod tests;

pub use checker::{Summary, check};
pub use history::{History, Sighting, State, Step, Version};
