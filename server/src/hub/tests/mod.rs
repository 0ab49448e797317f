//! The hub over a feed that the tests write themselves: what watchers are told, when, and how it ends.

mod feed;
mod watching;
