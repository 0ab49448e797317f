//! The way of events from a cache to the watchers of one part of it.
//!
//! Flow: the dispatcher adds events; they wait until the channel's pace allows to wake its watchers, and then become
//! one batch in a ring. A watcher has a cursor and pulls. So a watcher costs nothing until it is woken, many events
//! make one wake-up and one piece of the body, and those who want all of the channel in one encoding share that piece.
//!
//! The pace follows the number of watchers: a single one is woken at once, a thousand at most every few
//! milliseconds. The ring is bounded by bytes and batches; a watcher that falls behind it is cut off, nobody waits.
//!
//! Invariant: `push` is called in the order of revisions and under the cache's lock, which also covers
//! [`Channel::attach`]; so a cursor sees every event pushed behind its making, and of those before at most some again.

use std::collections::VecDeque;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use bytes::{Bytes, BytesMut};
use howdah_store::Revision;
use tokio::sync::watch as signal;
use tokio::time::Instant;

use super::encoding::{EncodeError, Encoding};
use super::event::Event;
use super::filter::Filter;

/// The most bytes of events that wait in a ring for slow watchers.
const RING_BYTES: usize = 4 << 20;
/// The most batches in a ring.
const RING_BATCHES: usize = 1024;
/// Events that weigh more than this are not held back for the pace.
const FULL_BYTES: usize = 256 << 10;
/// What waking a watcher costs, for the pace.
const PER_WATCHER: Duration = Duration::from_micros(6);
/// The longest that events are held back for the pace.
const SLOWEST: Duration = Duration::from_millis(6);

/// Events that were told together.
#[derive(Debug)]
pub(super) struct Batch {
    pub(super) events: Vec<Arc<Event>>,
    bytes: usize,
    pieces: Mutex<Vec<(Encoding, Bytes)>>,
}

impl Batch {
    /// The revision of the first event.
    pub(super) fn first(&self) -> Revision {
        self.events.first().map(|event| event.revision()).unwrap_or_default()
    }

    /// The frames of all events, for those who want every one; made once, then shared.
    pub(super) fn piece(&self, encoding: &Encoding) -> Result<Bytes, EncodeError> {
        let mut pieces = self.pieces.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some((_, piece)) = pieces.iter().find(|(made, _)| made == encoding) {
            return Ok(piece.clone());
        }
        let mut out = BytesMut::new();
        for event in &self.events {
            let Some(kind) = event.seen_by(&Filter::all()) else { continue };
            event.put(&mut out, encoding, kind)?;
        }
        let piece = out.freeze();
        pieces.push((encoding.clone(), piece.clone()));
        Ok(piece)
    }
}

/// The events of one part of a cache.
#[derive(Debug)]
pub(super) struct Channel {
    state: Mutex<State>,
    /// Counts wake-ups.
    wake: signal::Sender<u64>,
}

#[derive(Debug)]
struct State {
    batches: VecDeque<Arc<Batch>>,
    /// The number of the first batch in the ring.
    first: u64,
    bytes: usize,
    pending: Vec<Arc<Event>>,
    pending_bytes: usize,
    woken: Option<Instant>,
    ended: Option<Ending>,
}

/// A watcher's place in a channel.
#[derive(Debug)]
pub(super) struct Cursor {
    channel: Arc<Channel>,
    next: u64,
    wake: signal::Receiver<u64>,
}

/// What a cursor found.
#[derive(Debug)]
pub(super) enum Pulled {
    /// Batches, perhaps none.
    Batches(Vec<Arc<Batch>>),
    /// The cursor fell behind the ring.
    Lagged,
    /// The channel ended, and everything before was pulled.
    Ended(Ending),
}

/// Why a channel ends.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Ending {
    /// The history broke off: watchers must list anew.
    HistoryLost,
    /// The hub stops.
    Stopped,
}

impl Channel {
    pub(super) fn new() -> Arc<Self> {
        let state = State {
            batches: VecDeque::new(),
            first: 0,
            bytes: 0,
            pending: Vec::new(),
            pending_bytes: 0,
            woken: None,
            ended: None,
        };
        Arc::new(Self { state: Mutex::new(state), wake: signal::Sender::new(0) })
    }

    /// A cursor behind everything that was made a batch.
    pub(super) fn attach(self: &Arc<Self>) -> Cursor {
        let wake = self.wake.subscribe();
        let state = self.lock();
        Cursor { channel: Arc::clone(self), next: state.first + state.batches.len() as u64, wake }
    }

    /// Whether nobody watches it.
    pub(super) fn is_idle(&self) -> bool {
        self.wake.receiver_count() == 0
    }

    /// Adds an event. True where it is the first to wait: then somebody must call [`Channel::due`].
    pub(super) fn push(&self, event: &Arc<Event>) -> bool {
        let mut state = self.lock();
        state.pending.push(Arc::clone(event));
        state.pending_bytes += event.weight();
        state.pending.len() == 1
    }

    /// When the waiting events are to be told.
    pub(super) fn due(&self, now: Instant) -> Instant {
        let watchers = u32::try_from(self.wake.receiver_count()).unwrap_or(u32::MAX);
        let pace = PER_WATCHER.saturating_mul(watchers).min(SLOWEST);
        let state = self.lock();
        match state.woken {
            _ if watchers == 1 || state.pending_bytes >= FULL_BYTES => now,
            None => now,
            Some(woken) => now.max(woken + pace),
        }
    }

    /// Makes the waiting events a batch and wakes the watchers.
    pub(super) fn flush(&self, now: Instant) {
        let mut state = self.lock();
        // A cursor may have sealed it, and woke nobody.
        state.seal();
        state.woken = Some(now);
        drop(state);
        self.wake.send_modify(|count| *count += 1);
    }

    /// Ends all watchers behind what they have not pulled yet.
    pub(super) fn end(&self, ending: Ending) {
        let mut state = self.lock();
        state.seal();
        state.ended = Some(ending);
        drop(state);
        self.wake.send_modify(|count| *count += 1);
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl State {
    /// Makes the waiting events a batch.
    fn seal(&mut self) {
        if self.pending.is_empty() {
            return;
        }
        let bytes = std::mem::take(&mut self.pending_bytes);
        let events = std::mem::take(&mut self.pending);
        self.batches.push_back(Arc::new(Batch { events, bytes, pieces: Mutex::new(Vec::new()) }));
        self.bytes += bytes;
        // The newest stays, however large it is.
        while self.batches.len() > 1 && (self.bytes > RING_BYTES || self.batches.len() > RING_BATCHES) {
            if let Some(oldest) = self.batches.pop_front() {
                self.bytes -= oldest.bytes;
                self.first += 1;
            }
        }
    }
}

impl Cursor {
    /// What came since the last pull, up to `most` batches; never waits.
    pub(super) fn pull(&mut self, most: usize) -> Pulled {
        self.wake.borrow_and_update();
        let state = self.channel.lock();
        let Some(skip) = self.next.checked_sub(state.first) else { return Pulled::Lagged };
        let skip = usize::try_from(skip).unwrap_or(usize::MAX);
        let batches: Vec<_> = state.batches.iter().skip(skip).take(most).cloned().collect();
        if let (true, Some(ending)) = (batches.is_empty(), state.ended) {
            return Pulled::Ended(ending);
        }
        self.next += batches.len() as u64;
        Pulled::Batches(batches)
    }

    /// Makes what still waits for the pace a batch, so that the next pull has all of it.
    pub(super) fn seal(&self) {
        self.channel.lock().seal();
    }

    /// Waits until there may be something to pull. Cancelling loses nothing.
    pub(super) async fn wait(&mut self) {
        // The sender lives in the channel, which the cursor holds.
        let _never_closed = self.wake.changed().await;
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::hub::entry::tests::entry;
    use howdah_api::resource::by_plural;
    use howdah_store::Change;

    fn event(revision: i64, filler: usize) -> Arc<Event> {
        let rest = format!(r#","annotations":{{"a":"{}"}}"#, "x".repeat(filler));
        Arc::new(Event::new(Change::Updated, Arc::new(entry("core/pods/d/p", revision, &rest)), None))
    }

    fn revisions(pulled: Pulled) -> Vec<Vec<i64>> {
        let Pulled::Batches(batches) = pulled else { panic!("{pulled:?}") };
        let of = |batch: &Arc<Batch>| batch.events.iter().map(|event| event.revision().get()).collect();
        batches.iter().map(of).collect()
    }

    #[test]
    fn events_that_wait_together_are_one_batch() {
        let channel = Channel::new();
        let mut cursor = channel.attach();
        let now = Instant::now();
        assert!(channel.push(&event(1, 0)));
        assert!(!channel.push(&event(2, 0)));
        assert_eq!(revisions(cursor.pull(9)), Vec::<Vec<i64>>::new());
        channel.flush(now);
        assert!(channel.push(&event(3, 0)));
        channel.flush(now);
        assert_eq!(revisions(cursor.pull(9)), [vec![1, 2], vec![3]]);
        assert_eq!(revisions(cursor.pull(9)), Vec::<Vec<i64>>::new());
    }

    #[test]
    fn the_pace_follows_the_watchers() {
        let channel = Channel::new();
        let now = Instant::now();
        let one = channel.attach();
        channel.push(&event(1, 0));
        channel.flush(now);
        channel.push(&event(2, 0));
        assert_eq!(channel.due(now), now, "one watcher does not wait");
        let many: Vec<_> = (0..999).map(|_| channel.attach()).collect();
        assert_eq!(channel.due(now), now + Duration::from_millis(6));
        assert_eq!(channel.due(now + Duration::from_secs(1)), now + Duration::from_secs(1));
        channel.push(&event(3, FULL_BYTES));
        assert_eq!(channel.due(now), now, "much does not wait");
        drop((one, many));
        assert!(channel.is_idle());
    }

    #[test]
    fn the_slow_are_cut_off_and_the_quick_are_not() {
        let channel = Channel::new();
        let (mut slow, mut quick) = (channel.attach(), channel.attach());
        for revision in 1..=12 {
            channel.push(&event(revision, 1 << 20));
            channel.flush(Instant::now());
            assert_eq!(revisions(quick.pull(9)), [[revision]]);
        }
        assert!(channel.lock().bytes <= RING_BYTES);
        assert!(matches!(slow.pull(9), Pulled::Lagged));
    }

    #[test]
    fn an_end_comes_behind_what_waited() {
        let channel = Channel::new();
        let mut cursor = channel.attach();
        channel.push(&event(1, 0));
        channel.end(Ending::HistoryLost);
        assert_eq!(revisions(cursor.pull(9)), [[1]]);
        assert!(matches!(cursor.pull(9), Pulled::Ended(Ending::HistoryLost)));
    }

    #[test]
    fn those_who_want_all_share_one_piece() {
        let channel = Channel::new();
        let (mut one, mut other) = (channel.attach(), channel.attach());
        channel.push(&event(1, 0));
        channel.push(&event(2, 0));
        channel.flush(Instant::now());
        let json = Encoding::json(by_plural("", "v1", "pods").unwrap()).unwrap();
        let piece = |cursor: &mut Cursor| match cursor.pull(9) {
            Pulled::Batches(batches) => batches[0].piece(&json).unwrap(),
            other => panic!("{other:?}"),
        };
        let (first, second) = (piece(&mut one), piece(&mut other));
        assert_eq!(first.as_ptr(), second.as_ptr());
        assert_eq!(first.iter().filter(|byte| **byte == b'\n').count(), 2);
    }
}
