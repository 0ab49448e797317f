//! A watcher that begins before its cache's window: it reads the store's log until the window reaches back to it.
//!
//! Where the watcher selects, it must know each object's previous state: the objects as they stood at its beginning are
//! listed, and replayed along. What the store no longer keeps is upstream's `too old resource version`.

use std::collections::HashMap;
use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use howdah_api::{Key, KeyPrefix};
use howdah_store::{At, Change, ReadError, Revision, WatchError};

use super::cache::{Cache, Resumed};
use super::channel::Cursor;
use super::entry::Entry;
use super::error::CacheError;
use super::event::Event;
use super::filter::Keys;
use super::routes::Route;
use super::source::{Feed, FeedEvent};
use super::watcher::expired;
use crate::status::ApiError;

/// How long the log may bring nothing before the window is looked at again.
const PATIENCE: Duration = Duration::from_secs(1);

/// What the log gave.
#[derive(Debug)]
pub(super) enum Caught {
    /// Events of the resource, perhaps none.
    Events(Vec<Arc<Event>>),
    /// The window reaches back to here: these events, then the cursor's.
    Live(Vec<Arc<Event>>, Cursor),
    /// The watch can't go on.
    Failed(ApiError),
}

/// A reader of the log.
pub(super) struct Catching {
    cache: Arc<Cache>,
    from: Revision,
    feed: Box<dyn Feed>,
    states: States,
}

/// The objects as they stood at the position, where they are needed.
enum States {
    Unneeded,
    Unknown,
    Known(HashMap<Key, Arc<Entry>>),
}

impl Catching {
    /// A reader behind `from`, which keeps previous states where they are needed.
    pub(super) fn new(cache: Arc<Cache>, from: Revision, states: bool) -> Self {
        let feed = cache.source.watch(from);
        let states = if states { States::Unknown } else { States::Unneeded };
        Self { cache, from, feed, states }
    }

    /// The next events, or the way back to the cache. Cancelling loses nothing.
    pub(super) async fn next(&mut self, route: &Route, keys: &Keys) -> Caught {
        if let States::Unknown = self.states {
            match list(&self.cache, self.from, keys).await {
                Ok(states) => self.states = States::Known(states),
                Err(error) => return Caught::Failed(error),
            }
        }
        match self.cache.resume(self.feed.position(), route) {
            Resumed::Live(events, cursor) => return Caught::Live(events, cursor),
            Resumed::TooOld => {}
            Resumed::Unready => return Caught::Failed(CacheError::Unready.into()),
        }
        match tokio::time::timeout(PATIENCE, self.feed.next()).await {
            Err(_) => Caught::Events(Vec::new()),
            Ok(Ok(events)) => {
                let own = events.into_iter().filter(|event| keys.contains(&event.key));
                Caught::Events(own.map(|event| self.states.event(event)).collect())
            }
            Ok(Err(error)) => Caught::Failed(self.failed(error)),
        }
    }

    fn failed(&self, error: WatchError) -> ApiError {
        match error {
            WatchError::Compacted { floor, .. } => expired(self.from, floor),
            WatchError::Future { current, .. } => expired(self.from, current),
            WatchError::HistoryReplaced => expired(self.from, self.cache.revision()),
            WatchError::Closed => CacheError::Closed.into(),
            WatchError::Database { source } => CacheError::Database { source: ReadError::Database { source } }.into(),
        }
    }
}

impl States {
    fn event(&mut self, event: FeedEvent) -> Arc<Event> {
        let FeedEvent { key, revision, change, json } = event;
        let object = Arc::new(Entry::new(key.clone(), revision, json));
        let previous = match self {
            Self::Known(states) if change == Change::Deleted => states.remove(&key),
            Self::Known(states) => states.insert(key, Arc::clone(&object)),
            Self::Unneeded | Self::Unknown => None,
        };
        Arc::new(Event::new(change, object, previous))
    }
}

/// The objects as they stood at a revision.
async fn list(cache: &Cache, at: Revision, keys: &Keys) -> Result<HashMap<Key, Arc<Entry>>, ApiError> {
    let prefix = match keys {
        Keys::Prefix(prefix) => prefix.clone(),
        Keys::One(key) => around(key, cache),
        Keys::None => return Ok(HashMap::new()),
    };
    match cache.source.list(prefix, At::Exact(at)).await {
        Ok(page) => {
            let objects = page.objects.into_iter();
            Ok(objects.map(|object| (object.key.clone(), Arc::new(Entry::from(object)))).collect())
        }
        Err(ReadError::Compacted { floor, .. }) => Err(expired(at, floor)),
        Err(ReadError::Closed) => Err(CacheError::Closed.into()),
        Err(source) => Err(CacheError::Database { source }.into()),
    }
}

/// The prefix of the keys around a key: its namespace, or its resource.
fn around(key: &Key, cache: &Cache) -> KeyPrefix {
    let namespace = key.as_str().strip_prefix(cache.prefix.as_str()).and_then(|rest| rest.split_once('/'));
    namespace
        .and_then(|(namespace, _)| KeyPrefix::new(&cache.group, &cache.plural, Some(namespace)).ok())
        .unwrap_or_else(|| cache.prefix.clone())
}

impl fmt::Debug for Catching {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Catching").field("from", &self.from).field("position", &self.feed.position()).finish()
    }
}
