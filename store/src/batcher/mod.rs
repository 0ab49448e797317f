//! Group commit: one task gathers the writes that wait and commits them together, batch after batch.
//!
//! Flow: [`Batcher::submit`] → bounded queue → [`gather`] (as much as is there, each key once) → one statement
//! ([`commit`]) → the feed gets the events, then the callers their answers. There is no lingering: while one batch
//! commits, the next one gathers.
//!
//! When a connection is lost in mid-commit the outcome is open: the task attaches anew, which raises its fencing epoch
//! (so whatever the old connection still executes is refused) and looks the batch up by its identity. What is found is
//! answered as committed, what is not is sent again. A caller whose deadline comes first is told which of the two it
//! is: never applied ([`WriteError::NotApplied`]) while the write still waits here, else [`WriteError::Unknown`].
//!
//! Invariant: an answer other than Unknown is the truth. Deliberately absent: several batches in flight (the revision's
//! row lock would queue them in Postgres instead of here).

mod commit;
mod gather;
mod session;
mod settle;

use std::sync::Arc;
use std::sync::atomic::{AtomicU8, Ordering};
use std::time::Duration;

use tokio::sync::{Notify, mpsc, oneshot};
use uuid::Uuid;

use crate::feed::Feed;
use crate::metrics::Metrics;
use crate::{Database, Deadline, Object, Write, WriteError};

use gather::Gatherer;
pub(crate) use session::Connector;

/// How many transactions wait in the queue before callers wait for a place in it.
const QUEUE: usize = 1024;

/// The way into the batcher.
#[derive(Debug, Clone)]
pub(crate) struct Batcher {
    queue: mpsc::Sender<Pending>,
    metrics: Arc<Metrics>,
}

/// A transaction that waits for its outcome.
#[derive(Debug)]
pub(crate) struct Pending {
    writes: Vec<Write>,
    stage: Arc<Stage>,
    reply: oneshot::Sender<Result<Vec<Object>, WriteError>>,
}

/// Where a transaction stands, agreed upon between its caller and the batcher.
#[derive(Debug, Default)]
struct Stage(AtomicU8);

impl Stage {
    const WAITING: u8 = 0;
    const SENT: u8 = 1;
    const WITHDRAWN: u8 = 2;

    /// The batcher is about to send it; false where the caller withdrew it before.
    fn send(&self) -> bool {
        self.0.compare_exchange(Self::WAITING, Self::SENT, Ordering::AcqRel, Ordering::Acquire).is_ok()
    }

    /// The batcher knows that it was not applied and will send it again.
    fn take_back(&self) {
        self.0.store(Self::WAITING, Ordering::Release);
    }

    /// The caller no longer wants it; false where it may be applied all the same.
    fn withdraw(&self) -> bool {
        self.0.compare_exchange(Self::WAITING, Self::WITHDRAWN, Ordering::AcqRel, Ordering::Acquire).is_ok()
    }
}

impl Pending {
    /// Answers the caller, who may have gone.
    fn answer(self, outcome: Result<Vec<Object>, WriteError>) {
        let _gone = self.reply.send(outcome);
    }
}

impl Batcher {
    /// The batcher, and what [`run`] needs to do its work.
    pub(crate) fn new(
        database: Database,
        replica: Uuid,
        feed: Arc<Feed>,
        metrics: Arc<Metrics>,
        reply_timeout: Duration,
    ) -> (Self, Connector, mpsc::Receiver<Pending>) {
        let (queue, waiting) = mpsc::channel(QUEUE);
        let connector = Connector::new(database, replica, feed, Arc::clone(&metrics), reply_timeout);
        (Self { queue, metrics }, connector, waiting)
    }

    /// Applies `writes`, all or none, and waits for the outcome until `deadline`.
    pub(crate) async fn submit(&self, writes: Vec<Write>, deadline: Deadline) -> Result<Vec<Object>, WriteError> {
        gather::check(&writes)?;
        let outcome = self.wait(writes, deadline).await;
        self.metrics.write_ended(match &outcome {
            Ok(_) => "applied",
            Err(WriteError::Conflict { .. }) => "conflict",
            Err(WriteError::NotApplied) => "not_applied",
            Err(WriteError::Unknown) => "unknown",
            Err(WriteError::Refused { .. }) => "refused",
            Err(WriteError::Malformed { .. }) => "malformed",
            Err(WriteError::Closed) => "closed",
        });
        outcome
    }

    async fn wait(&self, writes: Vec<Write>, deadline: Deadline) -> Result<Vec<Object>, WriteError> {
        let stage = Arc::new(Stage::default());
        let (reply, mut outcome) = oneshot::channel();
        let pending = Pending { writes, stage: Arc::clone(&stage), reply };
        match tokio::time::timeout_at(deadline.0, self.queue.send(pending)).await {
            Err(_) => return Err(WriteError::NotApplied),
            Ok(Err(_)) => return Err(WriteError::Closed),
            Ok(Ok(())) => {}
        }
        match tokio::time::timeout_at(deadline.0, &mut outcome).await {
            Ok(Ok(outcome)) => outcome,
            // The batcher went without an answer: the store was closed.
            Ok(Err(_)) if stage.withdraw() => Err(WriteError::Closed),
            Err(_) if stage.withdraw() => Err(WriteError::NotApplied),
            // The outcome may have come between the deadline and now.
            Ok(Err(_)) | Err(_) => outcome.try_recv().unwrap_or(Err(WriteError::Unknown)),
        }
    }
}

/// Commits batch after batch until `closing` is told and nothing waits any more.
pub(crate) async fn run(mut connector: Connector, waiting: mpsc::Receiver<Pending>, closing: Arc<Notify>) {
    let mut gatherer = Gatherer::new(waiting);
    loop {
        let batch = tokio::select! {
            batch = gatherer.next() => batch,
            () = connector.doubted() => {
                connector.reattach().await;
                continue;
            }
            () = closing.notified() => {
                gatherer.close();
                continue;
            }
        };
        let Some(batch) = batch else { break };
        connector.metrics().queue.set(i64::try_from(gatherer.waiting()).unwrap_or(i64::MAX));
        commit::commit(&mut connector, batch).await;
    }
    connector.leave().await;
}
