//! One resource's objects, as they stand, with what lets lists and watches begin.
//!
//! Flow: a cache is asked for and begins to fill: from then on the dispatcher hands it its resource's events, which wait;
//! one list brings the objects; the events behind the list's revision are applied; it is ready. Every event then
//! replaces an entry, joins the window and goes to the channels of those who watch.
//!
//! Invariants. Entries are exactly the state at [`State::revision`], and at every later revision up to the hub's
//! position. A watcher's beginning (snapshot or window, and cursor) is taken under the lock that applying takes, so
//! nothing lies between them. When the history breaks off, everything is dropped, watchers end, and it fills again.
//!
//! Deliberately absent: writing; lists at old revisions (the store's); deadlines of requests.

use std::collections::BTreeMap;
use std::fmt;
use std::ops::Bound;
use std::sync::{Arc, Mutex, PoisonError, RwLock, RwLockReadGuard};
use std::time::Duration;

use howdah_api::{Key, KeyPrefix};
use howdah_store::{At, Change, Page, ReadError, Revision};
use tokio::sync::watch as signal;
use tokio::time::{Instant, timeout_at};

use super::channel::{Channel, Cursor, Ending};
use super::entry::Entry;
use super::error::{CacheError, warn};
use super::event::Event;
use super::filter::{Filter, Keys};
use super::metrics::Metrics;
use super::routes::{Route, Routes};
use super::source::{FeedEvent, Source};
use super::subscription::Subscription;
use super::watcher::{WatchOptions, Watcher};
use super::window::Window;

/// How long upstream waits for a revision before it says that it is too large.
pub const FRESHNESS_TIMEOUT: Duration = Duration::from_secs(3);
/// The most events that wait while a cache fills; with more, it lists again.
const MOST_WAITING: usize = 100_000;

/// How new an answer must be.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Freshness {
    /// As new as the cache is (`resourceVersion=0`).
    Any,
    /// As new as the database is at some moment during the call (no resourceVersion).
    Newest,
    /// Not older than this.
    AtLeast(Revision),
}

/// What a list gives.
#[derive(Debug, Clone)]
pub struct Listing {
    /// The revision as of which it is given.
    pub revision: Revision,
    /// The objects in the order of their keys.
    pub entries: Vec<Arc<Entry>>,
}

/// A part of a list.
#[derive(Debug, Clone)]
pub struct CachePage {
    /// The revision as of which it is given.
    pub revision: Revision,
    /// The objects in the order of their keys.
    pub entries: Vec<Arc<Entry>>,
    /// Whether more of the list's keys lie behind, selected or not.
    pub more: bool,
}

/// One stored resource.
pub struct Cache {
    pub(super) group: Box<str>,
    pub(super) plural: Box<str>,
    pub(super) version: Box<str>,
    pub(super) namespaced: bool,
    pub(super) prefix: KeyPrefix,
    pub(super) source: Arc<dyn Source>,
    pub(super) metrics: Arc<Metrics>,
    state: RwLock<State>,
    /// Whether it is filled.
    ready: signal::Sender<bool>,
    /// Up to where the hub's caches have everything.
    position: signal::Receiver<Revision>,
}

#[derive(Debug, Default)]
struct State {
    /// Counts the times that the history broke off.
    generation: u64,
    filled: bool,
    entries: BTreeMap<Key, Arc<Entry>>,
    /// The newest event applied, or the list.
    revision: Revision,
    window: Window,
    /// Events that came while filling.
    waiting: Vec<FeedEvent>,
    overflowed: bool,
    /// Behind a lock of its own, for watchers begin under a shared lock.
    routes: Mutex<Routes>,
}

/// Objects and a cursor behind them.
#[derive(Debug)]
pub(super) struct Snapshot {
    pub(super) revision: Revision,
    pub(super) entries: Vec<Arc<Entry>>,
    pub(super) cursor: Cursor,
}

/// How a watch from a revision can begin.
#[derive(Debug)]
pub(super) enum Resumed {
    /// With these events, and then the cursor's.
    Live(Vec<Arc<Event>>, Cursor),
    /// Not from here: the window begins later.
    TooOld,
    /// The cache is not filled.
    Unready,
}

impl Cache {
    pub(super) fn new(
        resource: &howdah_api::resource::Resource,
        prefix: KeyPrefix,
        source: Arc<dyn Source>,
        position: signal::Receiver<Revision>,
        metrics: Arc<Metrics>,
    ) -> Arc<Self> {
        Arc::new(Self {
            group: (&*resource.storage.group).into(),
            plural: (&*resource.plural).into(),
            version: (&*resource.storage.version).into(),
            namespaced: resource.namespaced,
            prefix,
            source,
            metrics,
            state: RwLock::default(),
            ready: signal::Sender::new(false),
            position,
        })
    }

    /// Waits until the cache is filled and as new as asked for; gives the revision at which it then stands.
    ///
    /// # Errors
    /// [`CacheError::Unready`] and [`CacheError::TooLarge`] when the deadline passes, [`CacheError::Database`] where the
    /// newest revision can't be learned.
    pub async fn fresh(&self, how: Freshness, deadline: Instant) -> Result<Revision, CacheError> {
        let asked = match how {
            Freshness::Any => Revision::ZERO,
            Freshness::AtLeast(revision) => revision,
            Freshness::Newest => match timeout_at(deadline, self.source.revision()).await {
                Ok(Ok(revision)) => revision,
                Ok(Err(ReadError::Closed)) => return Err(CacheError::Closed),
                Ok(Err(source)) => return Err(CacheError::Database { source }),
                Err(_) => return Err(CacheError::Unready),
            },
        };
        let mut ready = self.ready.subscribe();
        // What `wait_for` gives holds the channel's lock, which nothing below may wait for: dropped at once.
        match timeout_at(deadline, ready.wait_for(|ready| *ready)).await.map(|waited| waited.map(drop)) {
            Ok(Ok(())) => {}
            Ok(Err(_)) => return Err(CacheError::Closed),
            Err(_) => return Err(CacheError::Unready),
        }
        let current = self.revision();
        if current >= asked {
            return Ok(current);
        }
        let mut position = self.position.clone();
        let waited = timeout_at(deadline, position.wait_for(|position| *position >= asked)).await;
        match waited.map(|waited| waited.map(drop)) {
            Ok(Ok(())) => Ok(self.revision()),
            Ok(Err(_)) => Err(CacheError::Closed),
            Err(_) => Err(CacheError::TooLarge { asked, current: self.revision() }),
        }
    }

    /// The revision as of which the cache stands.
    #[must_use]
    pub fn revision(&self) -> Revision {
        self.current(&self.read())
    }

    /// The object at `key`; nothing while the cache fills.
    #[must_use]
    pub fn get(&self, key: &Key) -> Option<Arc<Entry>> {
        self.read().entries.get(key).cloned()
    }

    /// All objects below `prefix`.
    #[must_use]
    pub fn list(&self, prefix: &KeyPrefix) -> Listing {
        let state = self.read();
        let entries = below(&state.entries, prefix, None).map(|(_, entry)| Arc::clone(entry)).collect();
        Listing { revision: self.current(&state), entries }
    }

    /// Up to `limit` of the objects below `prefix` and behind `after` that `filter` selects.
    #[must_use]
    pub fn page(&self, prefix: &KeyPrefix, after: Option<&Key>, limit: usize, filter: &Filter) -> CachePage {
        let state = self.read();
        let mut rest = below(&state.entries, prefix, after);
        let selected = rest.by_ref().filter(|(_, entry)| filter.matches(entry));
        let entries: Vec<_> = selected.take(limit).map(|(_, entry)| Arc::clone(entry)).collect();
        CachePage { revision: self.current(&state), entries, more: rest.next().is_some() }
    }

    /// Begins a watch. What goes wrong is told in the stream, as upstream does.
    pub async fn watch(self: &Arc<Self>, options: WatchOptions) -> Watcher {
        Watcher::start(Arc::clone(self), options).await
    }

    /// All objects, and then every change, for use within the process.
    #[must_use]
    pub fn subscribe(self: &Arc<Self>) -> Subscription {
        Subscription::new(Arc::clone(self))
    }

    /// The prefix of all its keys.
    #[must_use]
    pub const fn prefix(&self) -> &KeyPrefix {
        &self.prefix
    }

    /// Waits until it is filled.
    pub(super) async fn filled(&self) {
        // The sender lives in the cache itself.
        let _never_closed = self.ready.subscribe().wait_for(|ready| *ready).await.map(drop);
    }

    /// How far the hub is.
    pub(super) fn progress(&self) -> Revision {
        *self.position.borrow()
    }

    /// The objects that are wanted, and a cursor behind them; nothing while the cache fills.
    pub(super) fn snapshot(&self, keys: &Keys, filter: &Filter, route: &Route) -> Option<Snapshot> {
        let state = self.read();
        if !state.filled {
            return None;
        }
        let cursor = state.attach(route);
        let entries: Vec<_> = match keys {
            Keys::Prefix(prefix) => below(&state.entries, prefix, None).map(|(_, entry)| Arc::clone(entry)).collect(),
            Keys::One(key) => state.entries.get(key).cloned().into_iter().collect(),
            Keys::None => Vec::new(),
        };
        let revision = self.current(&state);
        drop(state);
        // Selecting may read the objects: not under the lock.
        let entries = entries.into_iter().filter(|entry| filter.matches(entry)).collect();
        Some(Snapshot { revision, entries, cursor })
    }

    /// A beginning behind `position`.
    pub(super) fn resume(&self, position: Revision, route: &Route) -> Resumed {
        let state = self.read();
        if !state.filled {
            return Resumed::Unready;
        }
        let Some(events) = state.window.after(position) else { return Resumed::TooOld };
        let events = events.cloned().collect();
        Resumed::Live(events, state.attach(route))
    }

    /// Applies events of this resource, in order. Channels that are to be flushed are added to `waiting`.
    pub(super) fn apply(&self, events: Vec<FeedEvent>, waiting: &mut Vec<Arc<Channel>>) {
        self.metrics.received(self, events.len());
        let mut state = self.state.write().unwrap_or_else(PoisonError::into_inner);
        if state.filled {
            events.into_iter().for_each(|event| state.apply(event, waiting));
            self.metrics.stands(self, state.revision, state.window.len());
        } else if state.waiting.len() + events.len() > MOST_WAITING {
            state.waiting.clear();
            state.overflowed = true;
        } else {
            state.waiting.extend(events);
        }
    }

    /// Lists until the cache is filled, or its history has broken off (then another fill is under way). It waits until
    /// the feed has begun.
    pub(super) async fn fill(self: Arc<Self>, mut begun: signal::Receiver<bool>) {
        const FIRST_PAUSE: Duration = Duration::from_millis(20);
        const LONGEST_PAUSE: Duration = Duration::from_secs(2);
        if begun.wait_for(|begun| *begun).await.is_err() {
            return; // The hub stopped.
        }
        let generation = self.read().generation;
        let mut pause = FIRST_PAUSE;
        loop {
            match self.source.list(self.prefix.clone(), At::Newest).await {
                Ok(page) => {
                    if self.complete(generation, page) {
                        return;
                    }
                }
                Err(ReadError::Closed) => return,
                Err(error) => {
                    warn("a cache could not be filled; trying again", &error);
                    tokio::time::sleep(pause).await;
                    pause = (pause * 2).min(LONGEST_PAUSE);
                }
            }
            if self.read().generation != generation {
                return;
            }
        }
    }

    /// Takes a list in. False where it is too old for the events that came since, or for the cache.
    fn complete(&self, generation: u64, page: Page) -> bool {
        // Made before the lock is taken.
        let entries: BTreeMap<_, _> =
            page.objects.into_iter().map(|object| (object.key.clone(), Arc::new(Entry::from(object)))).collect();
        let mut state = self.state.write().unwrap_or_else(PoisonError::into_inner);
        if state.generation != generation || std::mem::take(&mut state.overflowed) {
            return false;
        }
        state.entries = entries;
        state.revision = page.revision;
        state.window = Window::behind(page.revision);
        state.filled = true;
        let waiting = std::mem::take(&mut state.waiting);
        // Nobody can watch what was not filled.
        waiting.into_iter().for_each(|event| state.apply(event, &mut Vec::new()));
        drop(state);
        self.metrics.initialized(self);
        self.ready.send_replace(true);
        true
    }

    /// Drops everything and ends all watchers. The caller fills it again.
    pub(super) fn reset(&self) {
        self.ready.send_replace(false);
        let mut state = self.state.write().unwrap_or_else(PoisonError::into_inner);
        let generation = state.generation + 1;
        let old = std::mem::replace(&mut *state, State { generation, ..State::default() });
        drop(state);
        old.routes.into_inner().unwrap_or_else(PoisonError::into_inner).end(Ending::HistoryLost);
    }

    /// Ends all watchers for good.
    pub(super) fn stop(&self) {
        let state = self.read();
        state.routes.lock().unwrap_or_else(PoisonError::into_inner).end(Ending::Stopped);
    }

    fn read(&self) -> RwLockReadGuard<'_, State> {
        self.state.read().unwrap_or_else(PoisonError::into_inner)
    }

    fn current(&self, state: &State) -> Revision {
        state.revision.max(*self.position.borrow())
    }
}

impl fmt::Debug for Cache {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Cache").field("prefix", &self.prefix).finish_non_exhaustive()
    }
}

impl State {
    fn apply(&mut self, event: FeedEvent, waiting: &mut Vec<Arc<Channel>>) {
        let FeedEvent { key, revision, change, json } = event;
        if revision <= self.revision {
            return; // The list had it.
        }
        self.revision = revision;
        let object = Arc::new(Entry::new(key.clone(), revision, json));
        let previous = match change {
            Change::Created | Change::Updated => self.entries.insert(key, Arc::clone(&object)),
            Change::Deleted => self.entries.remove(&key),
        };
        let event = Arc::new(Event::new(change, object, previous));
        self.window.push(&event);
        self.routes.get_mut().unwrap_or_else(PoisonError::into_inner).push(&event, waiting);
    }

    fn attach(&self, route: &Route) -> Cursor {
        let mut routes = self.routes.lock().unwrap_or_else(PoisonError::into_inner);
        // Under the lock, so that the channel can't be taken for an idle one in between.
        routes.channel(route.clone()).attach()
    }
}

/// The entries below a prefix and behind a key.
fn below<'m>(
    entries: &'m BTreeMap<Key, Arc<Entry>>,
    prefix: &'m KeyPrefix,
    after: Option<&Key>,
) -> impl Iterator<Item = (&'m Key, &'m Arc<Entry>)> {
    let start = after.map_or(prefix.as_str(), Key::as_str);
    entries.range::<str, _>((Bound::Excluded(start), Bound::Unbounded)).take_while(move |(key, _)| key.is_below(prefix))
}
