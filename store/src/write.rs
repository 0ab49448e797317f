//! What a caller asks of the store: single writes, and transactions of several.

use std::time::Duration;

use howdah_api::Key;

use crate::{Payload, Revision};

/// One write, decided by comparing the key's present revision with what the caller saw.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Write {
    /// The object's key.
    pub key: Key,
    /// What is to happen to it.
    pub operation: Operation,
}

/// What a write does, and on which condition.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Operation {
    /// Makes the object; the condition is that it does not exist.
    Create(Payload),
    /// Replaces the object; the condition is that it stands at `expected`.
    Update {
        /// The revision that the caller saw.
        expected: Revision,
        /// The new state.
        payload: Payload,
    },
    /// Deletes the object and keeps its last state as the tombstone's; the condition is that it stands at `expected`.
    Delete {
        /// The revision that the caller saw.
        expected: Revision,
    },
    /// Writes nothing; the condition is that the object stands at `expected`, or does not exist where that is zero.
    Check {
        /// The revision that the caller saw; zero for none.
        expected: Revision,
    },
}

impl Operation {
    /// The revision at which the object must stand for the operation to be applied; zero for no object.
    #[must_use]
    pub const fn expected(&self) -> Revision {
        match self {
            Self::Create(_) => Revision::ZERO,
            Self::Update { expected, .. } | Self::Delete { expected } | Self::Check { expected } => *expected,
        }
    }

    /// The state that the operation brings, where it brings one.
    #[must_use]
    pub const fn payload(&self) -> Option<&Payload> {
        match self {
            Self::Create(payload) | Self::Update { payload, .. } => Some(payload),
            Self::Delete { .. } | Self::Check { .. } => None,
        }
    }
}

/// How long a caller waits for the outcome of a write.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Deadline(pub(crate) tokio::time::Instant);

impl Deadline {
    /// The moment `timeout` from now.
    #[must_use]
    pub fn after(timeout: Duration) -> Self {
        Self(tokio::time::Instant::now() + timeout)
    }
}
