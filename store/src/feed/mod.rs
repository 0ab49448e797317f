//! The feed: every change of the store, in order, for any number of watchers in this process.
//!
//! Flow: a commit of our own is handed over by the batcher as it is acknowledged, without a read ([`Feed::append`]);
//! changes of other replicas are read from the log by the [`reader`], which a LISTEN connection ([`listener`]) wakes.
//! Recent events stand in a ring bounded by bytes; a [`Watch`] keeps a position and pulls, from the ring or, when it
//! has fallen behind it, from the log. So a slow watcher costs no memory and is never cut off by others' speed.
//!
//! Invariants: an entry is appended only where it follows the last one (dense revisions, or a recorded skip); every
//! read of the log begins with the last entry seen and compares its batch, so that a history which was replaced below
//! us is noticed by whoever reads next. A generation counts such replacements: watchers of an older one end.
//!
//! Deliberately absent: queues per watcher, and any trust in NOTIFY beyond a wake-up.

pub(crate) mod listener;
pub(crate) mod log;
pub(crate) mod reader;
mod watch;

use std::collections::VecDeque;
use std::sync::{Arc, Mutex, MutexGuard};

use tokio::sync::{Notify, watch as signal};

use crate::metrics::Metrics;
use crate::row::LogEntry;
use crate::{BatchId, Revision, WatchEvent};

pub use watch::Watch;

/// A point of the history that was seen, with the identity that it must still carry.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Mark {
    /// The revision.
    pub(crate) revision: Revision,
    /// The commit that made it; none at revision zero.
    pub(crate) batch: Option<BatchId>,
}

impl Mark {
    /// The empty store.
    pub(crate) const START: Self = Self { revision: Revision::ZERO, batch: None };
}

/// Where the feed stands, told to watchers.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Standing {
    /// How often the history was replaced below us.
    pub(crate) generation: u64,
    /// The newest revision in the feed.
    pub(crate) revision: Revision,
    /// Whether the store was closed.
    pub(crate) closed: bool,
}

/// What became of entries that were offered to the feed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Appended {
    /// All of them are in the feed.
    Whole,
    /// Something lies between the feed and the entries.
    Gap,
    /// They belong to a history that was replaced meanwhile.
    Stale,
}

/// The feed of one store.
#[derive(Debug)]
pub(crate) struct Feed {
    state: Mutex<State>,
    standing: signal::Sender<Standing>,
    /// Wakes the reader: somebody else committed, or a hand-over left a gap.
    pub(crate) behind: Notify,
    /// Wakes the batcher: the history must be checked by attaching anew.
    pub(crate) doubted: Notify,
    metrics: Arc<Metrics>,
}

#[derive(Debug)]
struct State {
    generation: u64,
    last: Mark,
    /// The newest revision known to have been handed out to anybody, by acknowledgement or by this feed.
    known: Mark,
    own: Revision,
    ring: Ring,
    reset_wanted: bool,
}

/// The newest events, bounded by bytes. Every event behind `base` up to the feed's last is in it.
#[derive(Debug)]
struct Ring {
    events: VecDeque<Arc<WatchEvent>>,
    base: Revision,
    bytes: usize,
    capacity: usize,
}

impl Feed {
    /// A feed that stands nowhere yet; attaching gives it its place.
    pub(crate) fn new(ring_bytes: usize, metrics: Arc<Metrics>) -> Self {
        let ring = Ring { events: VecDeque::new(), base: Revision::ZERO, bytes: 0, capacity: ring_bytes };
        let state = State {
            generation: 0,
            last: Mark::START,
            known: Mark::START,
            own: Revision::ZERO,
            ring,
            reset_wanted: true,
        };
        let standing = Standing { generation: 0, revision: Revision::ZERO, closed: false };
        Self {
            state: Mutex::new(state),
            standing: signal::Sender::new(standing),
            behind: Notify::new(),
            doubted: Notify::new(),
            metrics,
        }
    }

    /// The generation and the last entry.
    pub(crate) fn last(&self) -> (u64, Mark) {
        let state = self.lock();
        (state.generation, state.last)
    }

    /// The newest point of the history that this process has told anybody about.
    pub(crate) fn known(&self) -> Mark {
        self.lock().known
    }

    /// The newest revision that this process itself committed.
    pub(crate) fn own(&self) -> Revision {
        self.lock().own
    }

    /// Notes that `mark`, of this process' own making, is acknowledged, whether or not the feed has reached it.
    pub(crate) fn acknowledge(&self, mark: Mark) {
        let mut state = self.lock();
        state.own = state.own.max(mark.revision);
        if mark.revision > state.known.revision {
            state.known = mark;
        }
    }

    /// Appends entries read or committed while the feed was in `generation`. Those already seen are passed over.
    pub(crate) fn append(&self, generation: u64, entries: Vec<LogEntry>) -> Appended {
        let mut state = self.lock();
        if state.generation != generation {
            return Appended::Stale;
        }
        let mut outcome = Appended::Whole;
        for entry in entries {
            if entry.revision() <= state.last.revision {
                continue;
            }
            if !entry.follows(state.last.revision) {
                outcome = Appended::Gap;
                break;
            }
            state.last = Mark { revision: entry.revision(), batch: Some(entry.batch()) };
            match entry {
                LogEntry::Event(event) => state.ring.push(event),
                LogEntry::Skip { revision, .. } => state.ring.jump(revision),
            }
        }
        if state.last.revision > state.known.revision {
            state.known = state.last;
        }
        self.publish(&state);
        outcome
    }

    /// Asks for the history to be checked, after which the feed starts over: what it saw last is no longer there.
    pub(crate) fn doubt(&self, generation: u64) {
        let mut state = self.lock();
        if state.generation == generation {
            state.reset_wanted = true;
            self.doubted.notify_one();
        }
    }

    /// Takes note of an attachment at `mark`. Where the history known before is `void`, or was doubted, the feed
    /// starts over from there and every watcher ends.
    pub(crate) fn attached(&self, mark: Mark, void: bool) {
        let mut state = self.lock();
        if void || state.reset_wanted {
            // The very first attachment replaces nothing.
            if state.last != Mark::START {
                state.generation += 1;
            }
            state.reset_wanted = false;
            state.last = mark;
            state.known = mark;
            state.ring.clear(mark.revision);
            self.publish(&state);
        } else if mark.revision > state.last.revision {
            self.behind.notify_one();
        }
    }

    /// Ends every watcher.
    pub(crate) fn close(&self) {
        self.standing.send_modify(|standing| standing.closed = true);
    }

    fn publish(&self, state: &State) {
        self.metrics.revision.set(state.last.revision.get());
        self.metrics.ring_bytes.set(i64::try_from(state.ring.bytes).unwrap_or(i64::MAX));
        self.standing.send_if_modified(|standing| {
            let now = Standing { generation: state.generation, revision: state.last.revision, ..*standing };
            std::mem::replace(standing, now) != now
        });
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().expect("no code panics while it holds the feed")
    }
}

impl Ring {
    fn push(&mut self, event: Arc<WatchEvent>) {
        self.bytes += weight(&event);
        self.events.push_back(event);
        while self.bytes > self.capacity {
            let Some(oldest) = self.events.pop_front() else { break };
            self.bytes -= weight(&oldest);
            self.base = oldest.revision;
        }
    }

    /// The revision jumped to `revision`: positions within the jump must not be taken for known ones.
    fn jump(&mut self, revision: Revision) {
        self.clear(revision);
    }

    fn clear(&mut self, base: Revision) {
        self.events.clear();
        self.bytes = 0;
        self.base = base;
    }

    /// Up to `most` events behind `position`, or `None` where the ring no longer reaches back to it.
    fn after(&self, position: Revision, most: usize) -> Option<Vec<Arc<WatchEvent>>> {
        if position < self.base {
            return None;
        }
        let start = self.events.partition_point(|event| event.revision <= position);
        Some(self.events.iter().skip(start).take(most).cloned().collect())
    }
}

/// What an event weighs in the ring, in bytes.
fn weight(event: &WatchEvent) -> usize {
    const OVERHEAD: usize = 160;
    event.wire.len() + event.key.as_str().len() + OVERHEAD
}

#[cfg(test)]
mod tests;
