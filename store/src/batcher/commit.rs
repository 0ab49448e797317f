//! One batch, from its first sending to the answer of its last caller.

use std::collections::HashMap;
use std::error::Error;
use std::sync::Arc;
use std::time::Duration;

use howdah_api::Key;
use sqlx::Row as _;
use sqlx::postgres::PgRow;
use tokio::time::Instant;
use uuid::Uuid;

use super::Pending;
use super::session::{Connector, Session};
use super::settle::settle;
use crate::database::within;
use crate::feed::Mark;
use crate::row::{LogEntry, object};
use crate::{BatchId, DatabaseError, Object, Operation, Revision, WriteError};

const COMMIT: &str = "
    SELECT heads, revisions, last_splices, last_payloads
    FROM howdah.commit_batch($1, $2, $3, $4, $5, $6, $7, $8, $9, $10)";

/// What a batch left in the log, and whether compaction may have taken some of it already.
const LOOK_UP: &str = "
    SELECT c.floor > $2 AS forgotten, v.rv, v.prev_rv, v.op, v.key, v.batch, v.splice, v.payload
    FROM howdah.compaction c LEFT JOIN howdah.versions v ON v.rv > $2 AND v.batch = $1
    ORDER BY v.rv";

/// The code of an epoch that was fenced, and of a revision behind what this replica knows.
const FENCED: &str = "HW001";
const REWOUND: &str = "HW002";

/// What came of one sending.
enum Sent {
    /// Postgres decided every write.
    Decided,
    /// Nothing was applied and the same may work on a new session.
    TakenBack,
    /// Nothing was applied; Postgres refuses it.
    Refused(DatabaseError),
    /// The connection is gone and the outcome open; what the batch may have made lies behind `base`.
    Lost { base: Revision, source: DatabaseError },
}

/// Commits `batch` and answers its callers, for as long as that takes.
pub(super) async fn commit(connector: &mut Connector, batch: Vec<Pending>) {
    let mut work = vec![batch];
    while let Some(mut batch) = work.pop() {
        connector.session().await;
        // A caller that was told Unknown has no use for another try; one that withdrew has been answered.
        batch.retain(|pending| !pending.reply.is_closed() && pending.stage.send());
        if batch.is_empty() {
            continue;
        }
        let id = BatchId(Uuid::new_v4());
        let sent = send(connector, id, &mut batch).await;
        if matches!(sent, Sent::TakenBack | Sent::Lost { .. }) {
            connector.give_up();
        }
        match sent {
            Sent::Decided => {}
            Sent::TakenBack => {
                batch.iter().for_each(|pending| pending.stage.take_back());
                work.push(batch);
            }
            Sent::Refused(source) if batch.len() > 1 && is_about_one_write(&source) => {
                // One write's fault must not be the others': halves, down to the one.
                batch.iter().for_each(|pending| pending.stage.take_back());
                let second = batch.split_off(batch.len() / 2);
                work.extend([second, batch]);
            }
            Sent::Refused(source) => refuse(batch, source),
            Sent::Lost { base, source } => {
                tracing::warn!(error = &source as &dyn Error, "a connection was lost in mid-commit");
                let unapplied = resolve(connector, id, base, batch).await;
                if !unapplied.is_empty() {
                    work.push(unapplied);
                }
            }
        }
    }
}

/// Sends the batch once and, where Postgres decided it, answers everybody and empties it.
async fn send(connector: &mut Connector, id: BatchId, batch: &mut Vec<Pending>) -> Sent {
    let (replica, patience) = (connector.replica, connector.reply_timeout);
    let known = connector.feed.known().revision;
    let (generation, _) = connector.feed.last();
    let started = Instant::now();
    #[expect(clippy::cast_precision_loss, reason = "a batch has at most a few hundred writes")]
    let writes = batch.iter().map(|pending| pending.writes.len()).sum::<usize>() as f64;
    let session = connector.session().await;
    // What the batch makes lies behind both: the function refuses a revision below the known one.
    let base = session.base.max(known);
    let decided = execute(session, patience, replica, known, id, batch).await;
    match decided {
        Ok(row) => {
            match settle(id, std::mem::take(batch), &row) {
                Ok(settled) => {
                    if let Some(last) = settled.entries.last().map(LogEntry::revision) {
                        session.base = last;
                    }
                    connector.metrics().commit_seconds.observe(started.elapsed().as_secs_f64());
                    connector.metrics().batch_writes.observe(writes);
                    settled.publish(&connector.feed, generation);
                }
                // Those who wait are told that the outcome is unknown, for their places in the batch are gone.
                Err(corrupt) => {
                    tracing::error!(error = &corrupt as &dyn Error, "the answer to a commit can't be read");
                    connector.give_up();
                }
            }
            Sent::Decided
        }
        Err(error) => match error.refusal().as_deref() {
            Some(FENCED | REWOUND) => {
                tracing::warn!(error = &error as &dyn Error, "fenced; attaching anew");
                Sent::TakenBack
            }
            // An ERROR rolled the statement back. Some pass with time or on another server.
            Some(_) if error.is_passing() => Sent::TakenBack,
            Some(_) => Sent::Refused(error),
            None => Sent::Lost { base, source: error },
        },
    }
}

/// The commit itself: arrays with one element a write.
async fn execute(
    session: &mut Session,
    patience: Duration,
    replica: Uuid,
    known: Revision,
    id: BatchId,
    batch: &[Pending],
) -> Result<PgRow, DatabaseError> {
    let writes = batch.iter().map(|pending| pending.writes.len()).sum();
    let mut groups = Vec::<i32>::with_capacity(writes);
    let mut operations = Vec::<i16>::with_capacity(writes);
    let mut keys = Vec::<&str>::with_capacity(writes);
    let mut expected = Vec::<i64>::with_capacity(writes);
    let mut splices = Vec::<Option<i32>>::with_capacity(writes);
    let mut payloads = Vec::<Option<&[u8]>>::with_capacity(writes);
    for (group, pending) in (0..).zip(batch) {
        for write in &pending.writes {
            groups.push(group);
            operations.push(match write.operation {
                Operation::Check { .. } => 0,
                Operation::Create(_) => 1,
                Operation::Update { .. } => 2,
                Operation::Delete { .. } => 3,
            });
            keys.push(write.key.as_str());
            expected.push(write.operation.expected().get());
            let payload = write.operation.payload();
            splices.push(payload.map(|payload| payload.splice().cast_signed()));
            payloads.push(payload.map(|payload| &payload.json()[..]));
        }
    }
    within(patience, async {
        Ok(sqlx::query(COMMIT)
            .bind(replica)
            .bind(session.epoch)
            .bind(known.get())
            .bind(id.0)
            .bind(groups)
            .bind(operations)
            .bind(keys)
            .bind(expected)
            .bind(splices)
            .bind(payloads)
            .fetch_one(&mut session.connection)
            .await?)
    })
    .await
}

/// Learns what became of a batch whose connection was lost, answers those whose writes are in the log, and gives back
/// those whose are not. Whatever the batch made lies behind `base`.
async fn resolve(connector: &mut Connector, id: BatchId, base: Revision, batch: Vec<Pending>) -> Vec<Pending> {
    let found = loop {
        // Attaching raised the epoch: whatever the old connection still executes will be refused.
        let patience = connector.reply_timeout;
        let session = connector.session().await;
        let found = within(patience, async {
            let query = sqlx::query(LOOK_UP).bind(id.0).bind(base.get());
            Ok(query.fetch_all(&mut session.connection).await?)
        });
        match found.await.and_then(|rows| read_found(&rows)) {
            Ok(found) => break found,
            Err(error) => {
                tracing::warn!(error = &error as &dyn Error, "a batch could not be looked up; trying again");
                connector.give_up();
            }
        }
    };
    connector.metrics().resolved_batches.inc();
    let Some(objects) = found else {
        // Compaction may have taken traces of the batch: nothing true can be said.
        batch.into_iter().for_each(|pending| pending.answer(Err(WriteError::Unknown)));
        return Vec::new();
    };
    tracing::info!(batch = %id.0, writes = objects.len(), "the outcome of a lost commit is known");
    if let Some(last) = objects.values().map(|object| object.revision).max() {
        connector.feed.acknowledge(Mark { revision: last, batch: Some(id) });
        connector.feed.behind.notify_one();
    }
    let mut unapplied = Vec::new();
    for pending in batch {
        let writes = pending.writes.iter().filter(|write| !matches!(write.operation, Operation::Check { .. }));
        // All or none of a transaction is there.
        match writes.map(|write| objects.get(&write.key).cloned()).collect::<Option<Vec<_>>>() {
            Some(objects) => pending.answer(Ok(objects)),
            None => {
                pending.stage.take_back();
                unapplied.push(pending);
            }
        }
    }
    unapplied
}

/// What a lost batch wrote, by key; `None` where compaction may have taken some of it.
fn read_found(rows: &[PgRow]) -> Result<Option<HashMap<Key, Object>>, DatabaseError> {
    let mut objects = HashMap::with_capacity(rows.len());
    for row in rows {
        if row.try_get("forgotten")? {
            return Ok(None);
        }
        if row.try_get::<Option<i64>, _>("rv")?.is_some() {
            let object = object(row)?;
            objects.insert(object.key.clone(), object);
        }
    }
    Ok(Some(objects))
}

/// Tells everybody in the batch that Postgres refused it.
fn refuse(batch: Vec<Pending>, source: DatabaseError) {
    tracing::warn!(error = &source as &dyn Error, writes = batch.len(), "the database refused writes");
    let source = Arc::new(source);
    for pending in batch {
        pending.answer(Err(WriteError::Refused { source: Arc::clone(&source) }));
    }
}

/// Whether the error lies in the data of one write (SQLSTATE classes 21, 22 and 54) rather than in the server's state.
fn is_about_one_write(error: &DatabaseError) -> bool {
    error.refusal().is_some_and(|code| ["21", "22", "54"].iter().any(|class| code.starts_with(class)))
}
