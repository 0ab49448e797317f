//! The newest revision, and whether a revision is a point of the kept history.

use std::time::Duration;

use sqlx::Row as _;
use tokio::sync::{mpsc, oneshot};

use super::query_map;
use crate::pool::Pool;
use crate::row::revision;
use crate::{DatabaseError, Revision};

const NEWEST: &str = "SELECT rv FROM howdah.meta";

const POINT: &str = r#"
    SELECT m.rv, c.floor, c.floor <= $1 AND ($1 = 0 OR EXISTS (SELECT FROM howdah.versions v WHERE v.rv = $1)) AS exists
    FROM howdah.meta m, howdah.compaction c"#;

/// What is known of a revision.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Point {
    /// The newest revision.
    pub(crate) newest: Revision,
    /// The oldest revision that can be read.
    pub(crate) oldest: Revision,
    /// Whether the revision asked for lies between them and was not skipped.
    pub(crate) exists: bool,
}

/// Looks `position` up.
pub(crate) async fn point(pool: &Pool, patience: Duration, position: Revision) -> Result<Point, DatabaseError> {
    let query = || sqlx::query(POINT).bind(position.get());
    let points = query_map(pool, patience, query, |row| {
        Ok(Point { newest: revision(&row, "rv")?, oldest: revision(&row, "floor")?, exists: row.try_get("exists")? })
    });
    one(points.await?)
}

/// Answers everybody who waits with one query: whoever asks while one is under way is answered by the next.
#[derive(Debug, Clone)]
pub(crate) struct RevisionReader {
    waiting: mpsc::Sender<Waiting>,
}

type Waiting = oneshot::Sender<Result<Revision, DatabaseError>>;

impl RevisionReader {
    /// The reader, and the task that does its work until the reader is dropped.
    pub(crate) fn new(pool: Pool, patience: Duration) -> (Self, impl Future<Output = ()> + Send) {
        const MOST_WAITING: usize = 1024;
        let (waiting, queue) = mpsc::channel(MOST_WAITING);
        (Self { waiting }, answer(queue, pool, patience))
    }

    /// The newest revision at some moment during the call; `None` once the store is closed.
    pub(crate) async fn newest(&self) -> Option<Result<Revision, DatabaseError>> {
        let (reply, answer) = oneshot::channel();
        self.waiting.send(reply).await.ok()?;
        answer.await.ok()
    }
}

async fn answer(mut queue: mpsc::Receiver<Waiting>, pool: Pool, patience: Duration) {
    while let Some(first) = queue.recv().await {
        let mut waiting = vec![first];
        while let Ok(next) = queue.try_recv() {
            waiting.push(next);
        }
        let newest = query_map(&pool, patience, || sqlx::query(NEWEST), |row| revision(&row, "rv")).await.and_then(one);
        // An error can't be copied: the first is told all of it, the others the gist.
        let shared = newest.as_ref().ok().copied();
        for (place, reply) in waiting.into_iter().enumerate().rev() {
            let told = match shared {
                Some(revision) => Ok(revision),
                None if place > 0 => Err(DatabaseError::Silent { seconds: patience.as_secs() }),
                None => break,
            };
            // Whoever no longer waits needs no answer.
            let _gone = reply.send(told);
        }
    }
}

fn one<T>(rows: Vec<T>) -> Result<T, DatabaseError> {
    rows.into_iter().next().ok_or_else(|| DatabaseError::Corrupt { what: "no row of the revision".to_owned() })
}
