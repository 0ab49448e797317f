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
            let keys =
                if matches!(write.operation, Operation::Check { .. }) { &mut self.checked } else { &mut self.written };
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

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use bytes::Bytes;
    use tokio::sync::oneshot;

    use super::*;
    use crate::batcher::Stage;
    use crate::{Payload, Revision};

    fn key(name: &str) -> Key {
        Key::new("", "pods", Some("default"), name).unwrap()
    }

    fn create(name: &str, bytes: usize) -> Write {
        let payload = Payload::new(Bytes::from(vec![b'x'; bytes]), 1).unwrap();
        Write { key: key(name), operation: Operation::Create(payload) }
    }

    fn check_that_absent(name: &str) -> Write {
        Write { key: key(name), operation: Operation::Check { expected: Revision::ZERO } }
    }

    fn gatherer(transactions: Vec<Vec<Write>>) -> Gatherer {
        let (queue, waiting) = mpsc::channel(1024);
        for writes in transactions {
            let (reply, _) = oneshot::channel();
            queue.try_send(Pending { writes, stage: Arc::new(Stage::default()), reply }).unwrap();
        }
        Gatherer::new(waiting)
    }

    /// The names of each transaction in each batch, until the queue is empty.
    async fn batches(transactions: Vec<Vec<Write>>) -> Vec<Vec<String>> {
        let mut gatherer = gatherer(transactions);
        let mut batches = Vec::new();
        while let Some(batch) = gatherer.next().await {
            let name = |write: &Write| write.key.as_str().rsplit('/').next().unwrap().to_owned();
            let names = |pending: &Pending| pending.writes.iter().map(name).collect::<Vec<_>>().join("+");
            batches.push(batch.iter().map(names).collect());
        }
        batches
    }

    #[tokio::test]
    async fn a_key_is_written_once_a_batch_and_nobody_overtakes() {
        let one = |name| vec![create(name, 10)];
        let two = |a, b| vec![create(a, 10), create(b, 10)];
        let given = batches(vec![one("a"), two("a", "b"), one("b"), one("c")]).await;
        assert_eq!(given, [vec!["a", "c"], vec!["a+b"], vec!["b"]]);
    }

    #[tokio::test]
    async fn checks_share_a_batch_with_each_other_but_not_with_a_write() {
        let checked = |name| vec![create(name, 10), check_that_absent("namespace")];
        let given = batches(vec![checked("a"), checked("b"), vec![create("namespace", 10)]]).await;
        assert_eq!(given, [vec!["a+namespace", "b+namespace"], vec!["namespace"]]);
    }

    #[tokio::test]
    async fn a_batch_is_bounded_by_count_and_by_bytes() {
        let many = (0..300).map(|i| vec![create(&format!("n{i}"), 10)]).collect();
        let sizes: Vec<_> = batches(many).await.iter().map(Vec::len).collect();
        assert_eq!(sizes, [256, 44]);
        let large = (0..5).map(|i| vec![create(&format!("n{i}"), 1_500_000)]).collect();
        let sizes: Vec<_> = batches(large).await.iter().map(Vec::len).collect();
        assert_eq!(sizes, [2, 2, 1]);
    }

    #[tokio::test]
    async fn a_closed_queue_is_emptied_first() {
        let mut gatherer = gatherer(vec![vec![create("a", 10)], vec![create("a", 10)]]);
        gatherer.close();
        assert!(gatherer.next().await.is_some() && gatherer.next().await.is_some() && gatherer.next().await.is_none());
    }

    #[test]
    fn transactions_that_cannot_be_are_refused() {
        let refused = |writes: &[Write]| matches!(check(writes), Err(WriteError::Malformed { .. }));
        assert!(refused(&[]) && refused(&[check_that_absent("a")]));
        assert!(refused(&[create("a", 10), create("a", 10)]));
        assert!(refused(&(0..257).map(|i| create(&i.to_string(), 10)).collect::<Vec<_>>()));
        assert!(check(&[create("a", 10), check_that_absent("b")]).is_ok());
    }
}
