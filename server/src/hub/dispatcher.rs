//! The one reader of the feed: hands every event to its resource's cache, and wakes watchers at their pace.
//!
//! Flow: batches come from the feed; each resource that has a cache gets its part in order; then the hub's position is
//! moved, which says that all caches have everything up to there. Channels whose events are held back are flushed when
//! they are due.
//!
//! Invariant: the feed begins at a revision learned before any cache lists, so what a list lacks comes as an event.
//! Where the feed says that the history broke off, all caches are reset and filled behind a new beginning.

use std::collections::HashMap;
use std::sync::{Arc, PoisonError, RwLock};
use std::time::Duration;

use howdah_store::{ReadError, Revision, WatchError};
use tokio::sync::watch as signal;
use tokio::time::{Instant, MissedTickBehavior, interval, sleep, sleep_until};

use super::cache::Cache;
use super::channel::Channel;
use super::error::warn;
use super::source::{Feed, FeedEvent, Source};

/// How often the position is moved although nothing came: past what is no event.
const TICK: Duration = Duration::from_secs(1);
const FIRST_PAUSE: Duration = Duration::from_millis(20);
const LONGEST_PAUSE: Duration = Duration::from_secs(2);

/// The caches, by the beginning of their keys.
pub(super) type Caches = RwLock<HashMap<Box<str>, Arc<Cache>>>;

/// The reader of the feed.
pub(super) struct Dispatcher {
    pub(super) source: Arc<dyn Source>,
    pub(super) caches: Arc<Caches>,
    pub(super) position: signal::Sender<Revision>,
    /// Whether the feed has begun: no cache lists before.
    pub(super) begun: signal::Sender<bool>,
    /// Channels that wait for their pace.
    pub(super) later: Vec<(Instant, Arc<Channel>)>,
}

/// Why following the feed came to an end.
enum Stop {
    /// The store is closed.
    Closed,
    /// The history broke off.
    HistoryLost,
}

impl Dispatcher {
    /// Follows the feed until the store is closed or the task aborted.
    pub(super) async fn run(mut self) {
        let mut first = true;
        loop {
            let Some(start) = self.newest().await else { break };
            self.position.send_replace(start);
            let feed = self.source.watch(start);
            // Behind the beginning: what they list is not older.
            if !std::mem::take(&mut first) {
                self.refill();
            }
            self.begun.send_replace(true);
            match self.follow(feed).await {
                Stop::Closed => break,
                Stop::HistoryLost => tracing::warn!("the history broke off; every watch cache is filled anew"),
            }
        }
        self.all().iter().for_each(|cache| cache.stop());
    }

    async fn follow(&mut self, mut feed: Box<dyn Feed>) -> Stop {
        let mut pause = FIRST_PAUSE;
        let mut tick = interval(TICK);
        tick.set_missed_tick_behavior(MissedTickBehavior::Delay);
        loop {
            let due = self.later.iter().map(|(due, _)| *due).min();
            let outcome = tokio::select! {
                biased;
                events = feed.next() => Some(events),
                () = sleep_until(due.unwrap_or_else(Instant::now)), if due.is_some() => None,
                _ = tick.tick() => None,
            };
            match outcome {
                None => self.reach(feed.position()),
                Some(Ok(events)) => {
                    pause = FIRST_PAUSE;
                    let reached = events.last().map_or(feed.position(), |event| event.revision);
                    self.dispatch(events);
                    self.reach(reached);
                }
                Some(Err(WatchError::Closed)) => return Stop::Closed,
                Some(Err(error @ WatchError::Database { .. })) => {
                    warn("the feed could not be read; trying again", &error);
                    sleep(pause).await;
                    pause = (pause * 2).min(LONGEST_PAUSE);
                    feed = self.source.watch(feed.position());
                }
                Some(Err(WatchError::HistoryReplaced | WatchError::Compacted { .. } | WatchError::Future { .. })) => {
                    return Stop::HistoryLost;
                }
            }
            self.flush();
        }
    }

    /// Hands events to the caches of their resources.
    fn dispatch(&mut self, events: Vec<FeedEvent>) {
        let mut parts: Vec<(Arc<Cache>, Vec<FeedEvent>)> = Vec::new();
        {
            let caches = self.caches.read().unwrap_or_else(PoisonError::into_inner);
            for event in events {
                let Some(cache) = caches.get(beginning(event.key.as_str())) else { continue };
                match parts.iter_mut().find(|(known, _)| Arc::ptr_eq(known, cache)) {
                    Some((_, part)) => part.push(event),
                    None => parts.push((Arc::clone(cache), vec![event])),
                }
            }
        }
        let mut waiting = Vec::new();
        for (cache, part) in parts {
            cache.apply(part, &mut waiting);
        }
        let now = Instant::now();
        self.later.extend(waiting.into_iter().map(|channel| (channel.due(now), channel)));
    }

    /// Everything up to `revision` is in the caches.
    fn reach(&self, revision: Revision) {
        self.position.send_if_modified(|position| {
            let moves = revision > *position;
            if moves {
                *position = revision;
            }
            moves
        });
    }

    /// Flushes the channels that are due.
    fn flush(&mut self) {
        let now = Instant::now();
        self.later.retain_mut(|(due, channel)| {
            if *due > now {
                // Much may have come meanwhile.
                *due = (*due).min(channel.due(now));
            }
            let is_due = *due <= now;
            if is_due {
                channel.flush(now);
            }
            !is_due
        });
    }

    /// Resets the caches and fills them.
    fn refill(&self) {
        for cache in self.all() {
            cache.reset();
            tokio::spawn(cache.fill(self.begun.subscribe()));
        }
    }

    fn all(&self) -> Vec<Arc<Cache>> {
        self.caches.read().unwrap_or_else(PoisonError::into_inner).values().cloned().collect()
    }

    /// The newest revision, however long it takes to learn; `None` once the store is closed.
    async fn newest(&self) -> Option<Revision> {
        let mut pause = FIRST_PAUSE;
        loop {
            match self.source.revision().await {
                Ok(revision) => return Some(revision),
                Err(ReadError::Closed) => return None,
                Err(error) => {
                    warn("the newest revision could not be learned; trying again", &error);
                    sleep(pause).await;
                    pause = (pause * 2).min(LONGEST_PAUSE);
                }
            }
        }
    }
}

/// A key's group and resource, with the slash behind them.
fn beginning(key: &str) -> &str {
    let end = key.match_indices('/').nth(1).map_or(key.len(), |(at, _)| at + 1);
    &key[..end]
}
