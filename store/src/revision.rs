//! The cluster's revision: dense, in commit order, written as `resourceVersion` on the wire.

use std::fmt;

/// A point in the history of the store. Zero is the empty store; the first write makes one.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Default)]
pub struct Revision(i64);

impl Revision {
    /// The empty store, before the first write.
    pub const ZERO: Self = Self(0);

    /// Beyond every revision that can be.
    pub(crate) const MAX: Self = Self(i64::MAX);

    /// The revision `number`, or `None` where it is negative.
    #[must_use]
    pub const fn new(number: i64) -> Option<Self> {
        if number < 0 { None } else { Some(Self(number)) }
    }

    /// The revision as a number; never negative.
    #[must_use]
    pub const fn get(self) -> i64 {
        self.0
    }

    /// The revision that the next write will make.
    #[must_use]
    pub const fn next(self) -> Self {
        Self(self.0 + 1)
    }

    /// A revision read from the database, whose constraints keep it from being negative.
    pub(crate) const fn from_db(number: i64) -> Self {
        Self(number)
    }
}

impl fmt::Display for Revision {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}
