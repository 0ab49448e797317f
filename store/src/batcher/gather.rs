//! Which of the waiting transactions go into the next batch: as many as fit, each key written once.
//!
//! Transactions that share a key are committed in the order in which they came, batch after batch.

use std::collections::{HashSet, VecDeque};

use howdah_api::Key;
use tokio::sync::mpsc;

use super::Pending;
use crate::{Operation, Write, WriteError};

/// The most writes in a batch.
const MOST_WRITES: usize = 256;

/// The most payload bytes in a batch, unless one transaction alone has more.
const MOST_BYTES: usize = 4 << 20;

/// The most transactions that wait behind a key of the batch before the queue is left alone.
const MOST_DEFERRED: usize = 256;

/// Takes transactions from the queue.
pub(super) struct Gatherer {
    queue: mpsc::Receiver<Pending>,
    deferred: VecDeque<Pending>,
}

/// A batch in the making.
#[derive(Default)]
struct Batch {
    pending: Vec<Pending>,
    writes: usize,
    bytes: usize,
    written: HashSet<Key>,
    checked: HashSet<Key>,
}

impl Gatherer {
    pub(super) fn new(queue: mpsc::Receiver<Pending>) -> Self {
        Self { queue, deferred: VecDeque::new() }
    }

    /// Takes nothing new; what waits is still given out.
    pub(super) fn close(&mut self) {
        self.queue.close();
    }

    /// How many transactions wait.
    pub(super) fn waiting(&self) -> usize {
        self.queue.len() + self.deferred.len()
    }

    /// The next batch, as soon as one transaction is there; `None` once the queue is closed and empty. Cancelling the
    /// wait loses nothing.
    pub(super) async fn next(&mut self) -> Option<Vec<Pending>> {
        let mut batch = Batch::default();
        if self.deferred.is_empty() {
            let first = self.queue.recv().await?;
            self.deferred.push_back(first);
        }
        // Nothing is awaited from here on.
        for pending in std::mem::take(&mut self.deferred) {
            self.place(&mut batch, pending);
        }
        while self.deferred.len() < MOST_DEFERRED && !batch.is_full() {
            let Ok(pending) = self.queue.try_recv() else { break };
            self.place(&mut batch, pending);
        }
        Some(batch.pending)
    }

    fn place(&mut self, batch: &mut Batch, pending: Pending) {
        if batch.takes(&pending.writes) {
            batch.add(pending);
        } else {
            // Later transactions on the same keys must not overtake it.
            batch.written.extend(pending.writes.iter().map(|write| write.key.clone()));
            self.deferred.push_back(pending);
        }
    }
}

impl Batch {
    fn is_full(&self) -> bool {
        self.writes >= MOST_WRITES || self.bytes >= MOST_BYTES
    }

    fn takes(&self, writes: &[Write]) -> bool {
        let apart = writes.iter().all(|write| {
            let checks = matches!(write.operation, Operation::Check { .. });
            !self.written.contains(&write.key) && (checks || !self.checked.contains(&write.key))
        });
        let fits = self.writes + writes.len() <= MOST_WRITES && self.bytes + bytes(writes) <= MOST_BYTES;
        apart && (fits || self.pending.is_empty())
    }

    fn add(&mut self, pending: Pending) {
        self.writes += pending.writes.len();
        self.bytes += bytes(&pending.writes);
        for write in &pending.writes {
            let keys = if matches!(write.operation, Operation::Check { .. }) { &mut self.checked } else { &mut self.written };
            keys.insert(write.key.clone());
        }
        self.pending.push(pending);
    }
}

/// Refuses a transaction that no batch could take.
pub(super) fn check(writes: &[Write]) -> Result<(), WriteError> {
    /// Room for every object of one atomic apply, and well below what one statement should carry.
    const MOST_BYTES_OF_ONE: usize = 64 << 20;
    let malformed = |reason| Err(WriteError::Malformed { reason });
    if writes.iter().all(|write| matches!(write.operation, Operation::Check { .. })) {
        return malformed("it writes nothing");
    }
    if writes.len() > MOST_WRITES {
        return malformed("it has more than 256 writes");
    }
    if bytes(writes) > MOST_BYTES_OF_ONE {
        return malformed("its objects have more than 64 MiB together");
    }
    let mut keys = HashSet::with_capacity(writes.len());
    if !writes.iter().all(|write| keys.insert(&write.key)) {
        return malformed("it names a key twice");
    }
    Ok(())
}

fn bytes(writes: &[Write]) -> usize {
    writes.iter().filter_map(|write| write.operation.payload()).map(|payload| payload.json().len()).sum()
}
