//! From Postgres' decision on a batch to events for the feed and answers for the callers.

use std::sync::Arc;

use sqlx::Row as _;
use sqlx::postgres::PgRow;

use super::Pending;
use crate::feed::{Appended, Feed, Mark};
use crate::row::{LogEntry, spliced};
use crate::{BatchId, Change, DatabaseError, Object, Operation, Revision, WatchEvent, Write, WriteError};

/// What a decided batch gives.
pub(super) struct Settled {
    /// The applied writes, in the order of their revisions.
    pub(super) entries: Vec<LogEntry>,
    answers: Vec<(Pending, Result<Vec<Object>, WriteError>)>,
}

/// The decision, as parallel arrays in the order of the batch's writes.
struct Verdict {
    heads: Vec<i64>,
    revisions: Vec<Option<i64>>,
    last_splices: Option<Vec<Option<i32>>>,
    last_payloads: Option<Vec<Option<Vec<u8>>>>,
}

/// What one write came to.
enum Decided {
    /// It was applied, and this is its event.
    Applied(WatchEvent),
    /// It only checks, and its check held, or it shares the fate of its transaction.
    Nothing,
    /// Its object stood elsewhere.
    Conflict(WriteError),
}

/// Reads the decision on `batch`, which was committed as `id`.
pub(super) fn settle(id: BatchId, batch: Vec<Pending>, row: &PgRow) -> Result<Settled, DatabaseError> {
    let verdict = Verdict {
        heads: row.try_get("heads")?,
        revisions: row.try_get("revisions")?,
        last_splices: row.try_get("last_splices")?,
        last_payloads: row.try_get("last_payloads")?,
    };
    let mut settled =
        Settled { entries: Vec::with_capacity(verdict.heads.len()), answers: Vec::with_capacity(batch.len()) };
    let mut ordinals = 0..;
    for mut pending in batch {
        let mut objects = Vec::with_capacity(pending.writes.len());
        let mut conflict = None;
        let mut missing = 0;
        // The writes end first, so no ordinal is drawn in vain.
        for (write, ordinal) in std::mem::take(&mut pending.writes).into_iter().zip(ordinals.by_ref()) {
            let checks = matches!(write.operation, Operation::Check { .. });
            match verdict.on(ordinal, write, id)? {
                Decided::Applied(event) => {
                    objects.push(Object { key: event.key.clone(), revision: event.revision, wire: event.wire.clone() });
                    settled.entries.push(LogEntry::Event(Arc::new(event)));
                }
                Decided::Nothing => missing += usize::from(!checks),
                Decided::Conflict(error) => conflict = conflict.or(Some(error)),
            }
        }
        if conflict.is_none() && missing > 0 {
            return Err(DatabaseError::Corrupt { what: "a transaction applied in part".to_owned() });
        }
        settled.answers.push((pending, conflict.map_or(Ok(objects), Err)));
    }
    Ok(settled)
}

impl Verdict {
    fn on(&self, ordinal: usize, write: Write, batch: BatchId) -> Result<Decided, DatabaseError> {
        let missing = || DatabaseError::Corrupt { what: "fewer decisions than writes".to_owned() };
        let head = Revision::from_db(*self.heads.get(ordinal).ok_or_else(missing)?);
        let Some(revision) = self.revisions.get(ordinal).ok_or_else(missing)?.map(Revision::from_db) else {
            let expected = write.operation.expected();
            let conflict = WriteError::Conflict { key: write.key, expected, current: head };
            return Ok(if head == expected { Decided::Nothing } else { Decided::Conflict(conflict) });
        };
        let (change, wire) = match &write.operation {
            Operation::Create(payload) => (Change::Created, payload.wire(revision)),
            Operation::Update { payload, .. } => (Change::Updated, payload.wire(revision)),
            Operation::Delete { .. } | Operation::Check { .. } => {
                let json =
                    self.last_payloads.as_ref().and_then(|all| all.get(ordinal)?.as_deref()).ok_or_else(missing)?;
                let splice = self.last_splices.as_ref().and_then(|all| *all.get(ordinal)?).ok_or_else(missing)?;
                (Change::Deleted, spliced(json, splice, revision)?)
            }
        };
        Ok(Decided::Applied(WatchEvent { key: write.key, revision, previous: head, change, wire, batch }))
    }
}

impl Settled {
    /// Tells the feed, then the callers.
    pub(super) fn publish(self, feed: &Feed, generation: u64) {
        if let Some(last) = self.entries.last() {
            feed.acknowledge(Mark { revision: last.revision(), batch: Some(last.batch()) });
            if feed.append(generation, self.entries) == Appended::Gap {
                feed.behind.notify_one();
            }
        }
        for (pending, answer) in self.answers {
            pending.answer(answer);
        }
    }
}
