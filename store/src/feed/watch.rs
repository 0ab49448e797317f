//! A watcher: a position in the history, and the events behind it.

use std::sync::Arc;
use std::time::Duration;

use tokio::sync::watch as signal;

use super::log::{self, LogPage, Pace};
use super::{Feed, Mark, Standing};
use crate::pool::Pool;
use crate::read::{self, Point};
use crate::row::LogEntry;
use crate::sql_runtime::{Running, SqlRuntime};
use crate::{BatchId, DatabaseError, Revision, WatchError, WatchEvent};

/// The most events that [`Watch::next`] brings from memory at once.
const MOST: usize = 1000;

/// A watcher of every change behind a revision. Dropping it ends it.
#[derive(Debug)]
pub struct Watch {
    feed: Arc<Feed>,
    sql: SqlRuntime,
    pool: Pool,
    patience: Duration,
    standing: signal::Receiver<Standing>,
    generation: u64,
    position: Revision,
    /// The commit that made the position, where an event told it.
    batch: Option<BatchId>,
    /// Whether the position is known to be part of the history.
    established: bool,
    /// How much the next read of the log brings.
    pace: Pace,
    /// A read of the log under way. It outlives a cancelled [`Watch::next`], and the next one takes it up.
    reading: Option<Running<Result<LogPage, DatabaseError>>>,
    /// The position's look-up, likewise.
    looking_up: Option<Running<Result<Point, DatabaseError>>>,
}

impl Watch {
    /// A watcher of what comes after `position`; checked at the first [`Watch::next`].
    pub(crate) fn new(feed: Arc<Feed>, sql: SqlRuntime, pool: Pool, patience: Duration, position: Revision) -> Self {
        let standing = feed.standing.subscribe();
        let generation = standing.borrow().generation;
        Self {
            feed,
            sql,
            pool,
            patience,
            standing,
            generation,
            position,
            batch: None,
            established: false,
            pace: Pace::START,
            reading: None,
            looking_up: None,
        }
    }

    /// The revision up to which this watcher has seen everything.
    #[must_use]
    pub const fn position(&self) -> Revision {
        self.position
    }

    /// The next events, in order, at least one; waits for them. Cancelling the wait loses nothing.
    ///
    /// # Errors
    /// [`WatchError`]; every one ends the watch.
    pub async fn next(&mut self) -> Result<Vec<Arc<WatchEvent>>, WatchError> {
        if !self.established {
            self.establish().await?;
        }
        loop {
            let standing = *self.standing.borrow_and_update();
            if standing.closed {
                return Err(WatchError::Closed);
            }
            if standing.generation != self.generation {
                return Err(WatchError::HistoryReplaced);
            }
            if self.position < standing.revision {
                let events = self.pull(standing.revision).await?;
                if !events.is_empty() {
                    return Ok(events);
                }
            } else if self.standing.changed().await.is_err() {
                return Err(WatchError::Closed);
            }
        }
    }

    /// The events between the position and `upto`: from memory, else from the log. None where only a skip lies there.
    async fn pull(&mut self, upto: Revision) -> Result<Vec<Arc<WatchEvent>>, WatchError> {
        let recent = {
            let state = self.feed.lock();
            if state.generation != self.generation {
                return Err(WatchError::HistoryReplaced);
            }
            state.ring.after(self.position, MOST)
        };
        let events = match recent {
            Some(events) => events,
            None => return self.read_log(upto).await,
        };
        self.advance(events.last().map_or(upto, |event| event.revision), events.last().map(|event| event.batch));
        Ok(events)
    }

    async fn read_log(&mut self, upto: Revision) -> Result<Vec<Arc<WatchEvent>>, WatchError> {
        let from = Mark { revision: self.position, batch: self.batch };
        let (pool, patience, pace) = (self.pool.clone(), self.patience, self.pace);
        let start = || self.sql.run(async move { log::read(&pool, patience, from, upto, pace).await });
        let page = self.reading.get_or_insert_with(start).await;
        self.reading = None;
        let page = page.ok_or(WatchError::Closed)?.map_err(|source| WatchError::Database { source })?;
        let LogPage::Entries { entries, next } = page else { return Err(self.broken().await) };
        self.pace = next.unwrap_or(Pace::START);
        let Some(last) = entries.last() else { return Err(self.broken().await) };
        let (revision, batch) = (last.revision(), last.batch());
        let events = entries
            .into_iter()
            .filter_map(|entry| match entry {
                LogEntry::Event(event) => Some(event),
                LogEntry::Skip { .. } => None,
            })
            .collect();
        self.advance(revision, Some(batch));
        Ok(events)
    }

    fn advance(&mut self, revision: Revision, batch: Option<BatchId>) {
        self.position = revision;
        self.batch = batch;
    }

    /// Makes sure that the position is a point of the history. A position ahead of this replica's feed may be one that
    /// another replica handed out: the database decides.
    async fn establish(&mut self) -> Result<(), WatchError> {
        let in_memory = {
            let state = self.feed.lock();
            self.position >= state.ring.base && self.position <= state.last.revision
        };
        if !in_memory {
            let (pool, patience, position) = (self.pool.clone(), self.patience, self.position);
            let start = || self.sql.run(async move { read::point(&pool, patience, position).await });
            let point = self.looking_up.get_or_insert_with(start).await;
            self.looking_up = None;
            let point = point.ok_or(WatchError::Closed)?.map_err(|source| WatchError::Database { source })?;
            if self.position > point.newest {
                return Err(WatchError::Future { position: self.position, current: point.newest });
            }
            if !point.exists {
                return Err(WatchError::Compacted { position: self.position, floor: point.oldest });
            }
            if self.standing.borrow().revision < self.position {
                self.feed.behind.notify_one();
            }
        }
        self.established = true;
        Ok(())
    }

    /// Why the log could not be read on from here.
    async fn broken(&self) -> WatchError {
        let (pool, patience, position) = (self.pool.clone(), self.patience, self.position);
        match self.sql.run(async move { read::point(&pool, patience, position).await }).await {
            None => WatchError::Closed,
            Some(Err(source)) => WatchError::Database { source },
            Some(Ok(point)) if position < point.oldest => WatchError::Compacted { position, floor: point.oldest },
            Some(Ok(_)) => {
                self.feed.doubt(self.generation);
                WatchError::HistoryReplaced
            }
        }
    }
}
