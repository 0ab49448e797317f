//! Reads from the log what others committed, whenever woken, and now and then unasked.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicI64, Ordering};
use std::time::Duration;

use tokio::sync::Notify;
use tokio::time::Instant;

use super::log::{self, LogPage, Pace};
use super::{Appended, Feed};
use crate::Revision;
use crate::backoff::Backoff;
use crate::metrics::Metrics;
use crate::pool::Pool;

/// How often the log is read while no listener has proven that announcements arrive (at start, or for good where a
/// pooler or an engine swallows LISTEN).
const UNANNOUNCED_POLL: Duration = Duration::from_millis(5);

/// What the listener tells the reader, and the reader the listener.
#[derive(Debug, Default)]
pub(crate) struct Announcements {
    /// Whether a test announcement has come through the present LISTEN connection.
    pub(crate) proven: AtomicBool,
    /// The newest revision announced.
    pub(crate) newest: AtomicI64,
    /// Wakes the listener: changes came that nobody announced, so its connection is dead or deaf.
    pub(crate) distrust: Notify,
}

/// Reads until the task is dropped.
pub(crate) async fn run(
    feed: Arc<Feed>,
    pool: Pool,
    announcements: Arc<Announcements>,
    metrics: Arc<Metrics>,
    poll_interval: Duration,
    patience: Duration,
) {
    let mut unannounced = Revision::ZERO;
    loop {
        let proven = announcements.proven.load(Ordering::Acquire);
        let pause = if proven { poll_interval } else { UNANNOUNCED_POLL };
        let polled = tokio::select! {
            () = feed.behind.notified() => false,
            () = tokio::time::sleep(pause) => proven,
        };
        // What an earlier poll found must have been announced by now, unless it was our own commit.
        let announced = announcements.newest.load(Ordering::Acquire).max(feed.own().get());
        if polled && unannounced.get() > announced {
            tracing::warn!(revision = %unannounced, "changes came unannounced; listening anew");
            announcements.distrust.notify_one();
        }
        let before = feed.last().1.revision;
        drain(&feed, &pool, &metrics, patience).await;
        let after = feed.last().1.revision;
        unannounced = if polled && after > before { after } else { Revision::ZERO };
    }
}

/// Reads until nothing more is there. Failures are retried with back-off: the feed has nothing better to do.
async fn drain(feed: &Feed, pool: &Pool, metrics: &Metrics, patience: Duration) {
    let mut backoff = Backoff::new(Duration::from_millis(10), Duration::from_secs(1));
    let mut pace = Pace::START;
    loop {
        let (generation, last) = feed.last();
        let started = Instant::now();
        match log::read(pool, patience, last, Revision::MAX, pace).await {
            Ok(LogPage::Entries { entries, next }) => {
                if entries.is_empty() {
                    return;
                }
                metrics.feed_reads.inc();
                metrics.feed_read_seconds.observe(started.elapsed().as_secs_f64());
                match (feed.append(generation, entries), next) {
                    (Appended::Whole, None) => return,
                    (Appended::Whole, Some(next)) => pace = next,
                    (Appended::Stale, _) => {}
                    (Appended::Gap, _) => feed.doubt(generation),
                }
            }
            Ok(LogPage::Broken) => {
                tracing::warn!(revision = %last.revision, "the history no longer has what was read last");
                feed.doubt(generation);
                backoff.sleep().await;
            }
            Err(error) => {
                tracing::warn!(error = &error as &dyn std::error::Error, "the log could not be read; trying again");
                backoff.sleep().await;
            }
        }
    }
}
