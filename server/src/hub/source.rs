//! What the hub needs of the store: the seam behind which tests put feeds of their own.

use futures_util::future::BoxFuture;
use howdah_api::{Key, KeyPrefix};
use howdah_store::{At, Change, List, Page, ReadError, Revision, Store, Watch, WatchError};

use bytes::Bytes;

/// One change, as the feed brings it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct FeedEvent {
    /// The object's key.
    pub key: Key,
    /// The write's revision.
    pub revision: Revision,
    /// What the write did.
    pub change: Change,
    /// The object's JSON with its resourceVersion; of a deleted object the last state with the deletion's.
    pub json: Bytes,
}

/// Where objects and their changes come from.
pub trait Source: Send + Sync + 'static {
    /// All objects below a prefix, in one snapshot.
    fn list(&self, prefix: KeyPrefix, at: At) -> BoxFuture<'_, Result<Page, ReadError>>;
    /// The newest revision at some moment during the call.
    fn revision(&self) -> BoxFuture<'_, Result<Revision, ReadError>>;
    /// Every change behind a revision.
    fn watch(&self, after: Revision) -> Box<dyn Feed>;
}

/// A sequence of changes.
pub trait Feed: Send {
    /// The next changes, in order, at least one. Cancelling the wait loses nothing.
    fn next(&mut self) -> BoxFuture<'_, Result<Vec<FeedEvent>, WatchError>>;
    /// The revision up to which everything was given.
    fn position(&self) -> Revision;
}

impl Source for Store {
    fn list(&self, prefix: KeyPrefix, at: At) -> BoxFuture<'_, Result<Page, ReadError>> {
        Box::pin(Self::list(self, List { prefix, at, after: None, limit: None }))
    }

    fn revision(&self) -> BoxFuture<'_, Result<Revision, ReadError>> {
        Box::pin(Self::revision(self))
    }

    fn watch(&self, after: Revision) -> Box<dyn Feed> {
        Box::new(Self::watch(self, after))
    }
}

impl Feed for Watch {
    fn next(&mut self) -> BoxFuture<'_, Result<Vec<FeedEvent>, WatchError>> {
        Box::pin(async {
            let events = Self::next(self).await?;
            let taken = |event: &howdah_store::WatchEvent| FeedEvent {
                key: event.key.clone(),
                revision: event.revision,
                change: event.change,
                json: event.wire.clone(),
            };
            Ok(events.iter().map(|event| taken(event)).collect())
        })
    }

    fn position(&self) -> Revision {
        Self::position(self)
    }
}
