//! One watch: where it begins, what it is told, when it ends.
//!
//! A watcher is in one phase: it sends the initial objects, or reads the store's log until the cache's window reaches
//! back to where it is ([`Catching`]), or follows a channel. What it gives are chunks of whole frames; those who want
//! all of a channel pass on pieces that all of them share.
//!
//! Invariants: revisions never go backwards (initial objects aside, which come in the order of their keys) and no event
//! comes twice: whatever is not behind [`Watcher::position`] is passed over. A bookmark's revision is one up to which
//! everything was sent.
//!
//! As upstream: failures are ERROR events in the stream; bookmarks come about once a minute and two seconds before the
//! timeout; who is too slow is cut off without a word.

use std::collections::VecDeque;
use std::pin::Pin;
use std::sync::Arc;
use std::time::Duration;

use bytes::{Bytes, BytesMut};
use howdah_store::Revision;
use tokio::time::{Instant, Sleep, sleep_until};

use super::cache::{Cache, FRESHNESS_TIMEOUT, Freshness, Resumed};
use super::catching::{Catching, Caught};
use super::channel::{Batch, Cursor, Ending, Pulled};
use super::encoding::{Bookmark, EncodeError, Encoding, EventType};
use super::entry::Entry;
use super::error::CacheError;
use super::event::Event;
use super::filter::{Filter, Keys, Scope};
use super::metrics::Watching;
use super::routes::Route;
use crate::status::ApiError;

/// How often bookmarks come.
const BOOKMARK_INTERVAL: Duration = Duration::from_secs(60);
/// How long before the timeout the last one comes.
const BOOKMARK_BEFORE_TIMEOUT: Duration = Duration::from_secs(2);
/// How long a watch waits for its cache to fill.
const FILL_TIMEOUT: Duration = Duration::from_secs(30);
/// The size that chunks are filled up to.
const CHUNK_BYTES: usize = 64 << 10;
/// How many batches are looked through at once.
const BATCHES: usize = 64;

/// What to watch and how.
#[derive(Debug, Clone)]
pub struct WatchOptions {
    /// Which part of the resource.
    pub scope: Scope,
    /// Which objects of it.
    pub filter: Filter,
    /// From when on.
    pub start: Start,
    /// Whether the initial events end in a bookmark with the annotation `k8s.io/initial-events-end`.
    pub initial_events_end: bool,
    /// Whether the client takes bookmarks.
    pub bookmarks: bool,
    /// How objects are written.
    pub encoding: Encoding,
    /// When the watch ends by itself.
    pub timeout: Option<Duration>,
}

/// Where a watch begins.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Start {
    /// With what happened behind this revision.
    Behind(Revision),
    /// With what happens from now on.
    Now,
    /// With all objects as they stand at a revision so fresh, and then with what happens behind it.
    Initial(Freshness),
}

/// A watch under way. Dropping it ends it.
#[derive(Debug)]
pub struct Watcher {
    cache: Arc<Cache>,
    keys: Keys,
    filter: Filter,
    route: Route,
    /// Whether it wants all that its channel has.
    whole: bool,
    encoding: Encoding,
    initial_events_end: bool,
    /// Everything up to here was sent, or was not wanted.
    position: Revision,
    phase: Phase,
    /// When the next bookmark is due, where there is one.
    bookmark: Option<Instant>,
    deadline: Option<Instant>,
    timer: Option<(Instant, Pin<Box<Sleep>>)>,
    watching: Watching,
}

#[derive(Debug)]
enum Phase {
    /// Sends objects as they stood.
    Initial(VecDeque<Arc<Entry>>, Cursor),
    /// Reads the store's log.
    Catching(Box<Catching>),
    /// Sends events that were found where it began, then follows the channel.
    Live(VecDeque<Arc<Event>>, Cursor),
    /// Tells an error, and ends.
    Failed(ApiError),
    /// Has ended.
    Over,
}

/// A timeout for clients that name none: between 30 and 60 minutes, as upstream's `--min-request-timeout` of 1800
/// seconds makes it.
#[must_use]
pub fn default_timeout() -> Duration {
    const LEAST_SECONDS: f64 = 1800.0;
    Duration::from_secs_f64(LEAST_SECONDS * (1.0 + rand::random::<f64>()))
}

impl Watcher {
    pub(super) async fn start(cache: Arc<Cache>, options: WatchOptions) -> Self {
        let WatchOptions { scope, filter, start, initial_events_end, bookmarks, encoding, timeout } = options;
        let scope = scope.narrowed(&filter, cache.namespaced);
        let keys = scope.keys(&cache.group, &cache.plural);
        let (route, whole) = Route::of(&scope, &keys, &filter);
        let now = Instant::now();
        let watching = cache.metrics.watching(&cache);
        let mut watcher = Self {
            keys,
            filter,
            route,
            whole,
            encoding,
            initial_events_end,
            position: Revision::ZERO,
            phase: Phase::Over,
            bookmark: None,
            deadline: timeout.map(|timeout| now + timeout),
            timer: None,
            watching,
            cache,
        };
        if bookmarks {
            watcher.bookmark = next_bookmark(now, watcher.deadline);
        }
        watcher.phase = match watcher.begin(start).await {
            Ok(phase) => phase,
            Err(error) => Phase::Failed(error.into()),
        };
        watcher
    }

    async fn begin(&mut self, start: Start) -> Result<Phase, CacheError> {
        let fill_deadline = Instant::now() + FILL_TIMEOUT;
        self.cache.fresh(Freshness::Any, fill_deadline).await?;
        match start {
            Start::Behind(revision) => {
                self.position = revision;
                Ok(self.resume())
            }
            Start::Now => {
                self.position = self.cache.fresh(Freshness::Newest, Instant::now() + FRESHNESS_TIMEOUT).await?;
                Ok(self.resume())
            }
            Start::Initial(freshness) => {
                self.cache.fresh(freshness, Instant::now() + FRESHNESS_TIMEOUT).await?;
                let Some(snapshot) = self.cache.snapshot(&self.keys, &self.filter, &self.route) else {
                    return Err(CacheError::Unready);
                };
                self.position = snapshot.revision;
                self.watching.initial(snapshot.entries.len());
                Ok(Phase::Initial(snapshot.entries.into(), snapshot.cursor))
            }
        }
    }

    /// The phase behind [`Watcher::position`].
    fn resume(&self) -> Phase {
        match self.cache.resume(self.position, &self.route) {
            Resumed::Live(events, cursor) => Phase::Live(events.into(), cursor),
            Resumed::TooOld => {
                let states = !self.filter.is_all();
                Phase::Catching(Box::new(Catching::new(Arc::clone(&self.cache), self.position, states)))
            }
            Resumed::Unready => Phase::Failed(CacheError::Unready.into()),
        }
    }

    /// The next chunk of whole frames; `None` when the watch is over. Cancelling loses nothing.
    pub async fn next(&mut self) -> Option<Bytes> {
        loop {
            let now = Instant::now();
            if self.deadline.is_some_and(|deadline| deadline <= now) {
                self.phase = Phase::Over;
            }
            let chunk = match &mut self.phase {
                Phase::Over => return None,
                Phase::Failed(error) => {
                    let frame = self.encoding.framing().error(error);
                    self.phase = Phase::Over;
                    Ok(Some(frame))
                }
                Phase::Initial(..) => self.initial(),
                Phase::Catching(catching) => match catching.next(&self.route, &self.keys).await {
                    Caught::Events(events) => self.render(&events),
                    Caught::Live(events, cursor) => {
                        self.phase = Phase::Live(events.into(), cursor);
                        Ok(None)
                    }
                    Caught::Failed(error) => {
                        self.phase = Phase::Failed(error);
                        Ok(None)
                    }
                },
                Phase::Live(backlog, _) if !backlog.is_empty() => {
                    let events: Vec<_> = backlog.drain(..).collect();
                    self.render(&events)
                }
                Phase::Live(..) if self.bookmark.is_some_and(|due| due <= now) => self.send_bookmark(now),
                Phase::Live(_, cursor) => {
                    let most = if self.whole { 1 } else { BATCHES };
                    match cursor.pull(most) {
                        Pulled::Batches(batches) if batches.is_empty() => {
                            self.wait().await;
                            continue;
                        }
                        Pulled::Batches(batches) => self.render_batches(&batches),
                        Pulled::Lagged => {
                            self.watching.terminated();
                            self.phase = Phase::Over;
                            Ok(None)
                        }
                        Pulled::Ended(Ending::Stopped) => {
                            self.phase = Phase::Over;
                            Ok(None)
                        }
                        Pulled::Ended(Ending::HistoryLost) => {
                            self.phase = Phase::Failed(expired(self.position, self.cache.revision()));
                            Ok(None)
                        }
                    }
                }
            };
            match chunk {
                Ok(Some(chunk)) => return Some(chunk),
                Ok(None) => {}
                Err(error) => {
                    tracing::error!(resource = %self.cache.prefix, error = &error as &dyn std::error::Error, "a watch ends");
                    self.phase = Phase::Failed(ApiError::Internal(error.to_string()));
                }
            }
        }
    }

    /// The next initial objects; behind the last, the bookmark that ends them.
    fn initial(&mut self) -> Result<Option<Bytes>, EncodeError> {
        let mut out = BytesMut::new();
        let mut sent = 0;
        while out.len() < CHUNK_BYTES {
            let Phase::Initial(entries, _) = &mut self.phase else { break };
            let Some(entry) = entries.pop_front() else { break };
            let body = entry.body(&self.encoding)?;
            self.encoding.framing().put(&mut out, EventType::Added, &body);
            self.first_sent();
            sent += 1;
        }
        if let Phase::Initial(entries, _) = &self.phase
            && entries.is_empty()
        {
            if self.initial_events_end {
                let bookmark = Bookmark { revision: self.position, initial_events_end: true };
                self.encoding.put_bookmark(&mut out, &bookmark)?;
                self.first_sent();
                sent += 1;
            }
            if let Phase::Initial(_, cursor) = std::mem::replace(&mut self.phase, Phase::Over) {
                self.phase = Phase::Live(VecDeque::new(), cursor);
            }
        }
        self.watching.sent(sent);
        Ok(chunk(out))
    }

    fn render_batches(&mut self, batches: &[Arc<Batch>]) -> Result<Option<Bytes>, EncodeError> {
        if let ([batch], true, None) = (batches, self.whole, self.encoding.rest())
            && batch.first() > self.position
            && let Some(last) = batch.events.last()
        {
            self.position = last.revision();
            self.watching.sent(batch.events.len());
            return batch.piece(&self.encoding).map(Some);
        }
        let mut out = Gathered::default();
        for batch in batches {
            self.gather(&batch.events, &mut out)?;
        }
        self.watching.sent(out.count);
        Ok(out.finish())
    }

    fn render(&mut self, events: &[Arc<Event>]) -> Result<Option<Bytes>, EncodeError> {
        let mut out = Gathered::default();
        self.gather(events, &mut out)?;
        self.watching.sent(out.count);
        Ok(out.finish())
    }

    /// Adds the frames of those events that are wanted and new.
    fn gather(&mut self, events: &[Arc<Event>], out: &mut Gathered) -> Result<(), EncodeError> {
        for event in events {
            if event.revision() <= self.position {
                continue;
            }
            self.position = event.revision();
            if !self.keys.contains(event.object.key()) {
                continue;
            }
            if let Some(kind) = event.seen_by(&self.filter) {
                out.add(event.frame(&self.encoding, kind)?);
                self.first_sent();
            }
        }
        Ok(())
    }

    /// All that is there, and a bookmark behind it.
    fn send_bookmark(&mut self, now: Instant) -> Result<Option<Bytes>, EncodeError> {
        // The dispatcher hands events to channels before it says so: what is up to here is in the channel.
        let progress = self.cache.progress();
        let Phase::Live(_, cursor) = &mut self.phase else { return Ok(None) };
        cursor.seal();
        let Pulled::Batches(batches) = cursor.pull(usize::MAX) else {
            // The next pull says it again.
            self.bookmark = None;
            return Ok(None);
        };
        self.bookmark = next_bookmark(now, self.deadline);
        let mut out = Gathered::default();
        for batch in &batches {
            self.gather(&batch.events, &mut out)?;
        }
        self.position = self.position.max(progress);
        let mut frame = BytesMut::new();
        let bookmark = Bookmark { revision: self.position, initial_events_end: false };
        self.encoding.put_bookmark(&mut frame, &bookmark)?;
        out.add(frame.freeze());
        self.first_sent();
        self.watching.sent(out.count);
        Ok(out.finish())
    }

    /// Waits for events, the next bookmark or the end.
    async fn wait(&mut self) {
        let due = match (self.bookmark, self.deadline) {
            (Some(bookmark), Some(deadline)) => Some(bookmark.min(deadline)),
            (one, other) => one.or(other),
        };
        if self.timer.as_ref().map(|(at, _)| *at) != due {
            self.timer = due.map(|due| (due, Box::pin(sleep_until(due))));
        }
        let Phase::Live(_, cursor) = &mut self.phase else { return };
        match &mut self.timer {
            None => cursor.wait().await,
            Some((_, timer)) => tokio::select! {
                () = cursor.wait() => {}
                () = timer.as_mut() => self.timer = None,
            },
        }
    }

    /// Behind a stream's first object, another encoding may take over.
    fn first_sent(&mut self) {
        if let Some(rest) = self.encoding.rest() {
            self.encoding = rest.clone();
        }
    }
}

/// Frames of one chunk. A single one is passed on as it is.
#[derive(Debug, Default)]
struct Gathered {
    first: Option<Bytes>,
    all: BytesMut,
    count: usize,
}

impl Gathered {
    fn add(&mut self, frame: Bytes) {
        self.count += 1;
        if self.count == 1 {
            self.first = Some(frame);
            return;
        }
        if let Some(first) = self.first.take() {
            self.all.extend_from_slice(&first);
        }
        self.all.extend_from_slice(&frame);
    }

    fn finish(self) -> Option<Bytes> {
        self.first.or_else(|| chunk(self.all))
    }
}

/// When the next bookmark is due: in a minute, or shortly before the timeout where that is sooner and yet to come.
fn next_bookmark(now: Instant, deadline: Option<Instant>) -> Option<Instant> {
    let next = now + BOOKMARK_INTERVAL;
    let last = deadline.and_then(|deadline| deadline.checked_sub(BOOKMARK_BEFORE_TIMEOUT));
    match last {
        Some(last) if last < next => (last > now).then_some(last),
        _ => Some(next),
    }
}

fn chunk(out: BytesMut) -> Option<Bytes> {
    (!out.is_empty()).then(|| out.freeze())
}

/// The error of a watch that begins before what is kept.
pub(super) fn expired(asked: Revision, oldest: Revision) -> ApiError {
    ApiError::Expired(format!("too old resource version: {asked} ({oldest})"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn bookmarks_come_each_minute_and_two_seconds_before_the_timeout() {
        let began = Instant::now();
        let seconds = |at: Instant| at.duration_since(began).as_secs();
        for (now, timeout, expected) in [
            (0, None, Some(60)),
            (0, Some(150), Some(60)),
            (60, Some(150), Some(120)),
            (120, Some(150), Some(148)),
            (148, Some(150), None),
            (0, Some(1), None),
        ] {
            let after = |seconds| began + Duration::from_secs(seconds);
            let next = next_bookmark(after(now), timeout.map(after));
            assert_eq!(next.map(seconds), expected, "at {now} of {timeout:?}");
        }
    }

    #[test]
    fn the_default_timeout_lies_between_half_an_hour_and_an_hour() {
        for _ in 0..100 {
            let seconds = default_timeout().as_secs_f64();
            assert!((1800.0..3600.0).contains(&seconds), "{seconds}");
        }
    }
}
