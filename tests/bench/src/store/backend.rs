//! The seam between the measurements and the two stores under test.
//!
//! A [`Backend`] is a running store; a [`Writer`] is one client of it and a [`Feed`] one watcher. The measurements are
//! written once against these traits, so that both sides run the very same loops.
//!
//! Deliberately absent: anything that only one side can do.

use std::future::Future;

use anyhow::Result;
use bytes::Bytes;

use crate::store::document::Document;

/// One object of the key space as the load generator knows it.
pub(crate) struct Slot<K> {
    /// Its key, in the form that the store takes.
    pub(crate) key: K,
    /// The revision of its last write.
    pub(crate) revision: i64,
    /// Its present state.
    pub(crate) document: Document,
}

/// From where a watcher looks at the store.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Vantage {
    /// From a process of its own as far as the store can tell: over its own connections.
    Remote,
    /// From the process that wrote.
    Local,
}

/// One event as a watcher received it.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Seen {
    /// The revision of the write.
    pub(crate) revision: i64,
    /// The length of the object that came with it.
    pub(crate) bytes: usize,
}

/// What a list came to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Listed {
    /// The number of objects.
    pub(crate) objects: usize,
    /// The sum of their lengths.
    pub(crate) bytes: usize,
}

/// A running store.
pub(crate) trait Backend {
    /// A key in the form that the store takes.
    type Key: Clone + Send + 'static;
    /// A client that writes.
    type Writer: Writer<Key = Self::Key>;
    /// A watcher.
    type Feed: Feed;

    /// The key of the object `index` of the benchmark's key space.
    fn key(&self, index: usize) -> Result<Self::Key>;
    /// As many writers as asked for.
    async fn writers(&self, count: usize) -> Result<Vec<Self::Writer>>;
    /// The watchers of every change from now on, attached.
    async fn feeds(&self) -> Result<Vec<(Vantage, Self::Feed)>>;
    /// Creates the objects in one transaction and answers their revisions, in order.
    async fn create(&self, objects: Vec<(Self::Key, Bytes, usize)>) -> Result<Vec<i64>>;
    /// Reads every object at the newest revision: in one answer, or in pages of `page` objects at one revision.
    async fn list(&self, page: Option<usize>) -> Result<Listed>;
    /// The first process of the store; its children belong to it.
    fn pid(&self) -> Result<u32>;
}

/// A client that writes.
pub(crate) trait Writer: Send + 'static {
    /// A key in the form that the store takes.
    type Key: Send;

    /// Replaces the object if it stands at `expected`, and answers the new revision; a conflict is an error, for the
    /// writers' keys are disjoint. `splice` is the place of the resourceVersion (see [`Document`]).
    fn update(
        &mut self,
        key: &Self::Key,
        expected: i64,
        json: Bytes,
        splice: usize,
    ) -> impl Future<Output = Result<i64>> + Send;
}

/// A watcher.
pub(crate) trait Feed: Send + 'static {
    /// Waits for changes and appends them to `seen`, in order, with whole payloads read.
    fn next(&mut self, seen: &mut Vec<Seen>) -> impl Future<Output = Result<()>> + Send;
}
