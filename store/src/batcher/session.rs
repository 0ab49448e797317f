//! The connection that commits, and what comes before its first commit: attaching.

use std::error::Error;
use std::sync::Arc;
use std::time::Duration;

use sqlx::postgres::PgConnection;
use sqlx::{Connection as _, Row as _};
use uuid::Uuid;

use crate::backoff::Backoff;
use crate::database::within;
use crate::feed::{Feed, Mark};
use crate::metrics::Metrics;
use crate::row::revision;
use crate::{BatchId, Database, DatabaseError, Revision};

/// How far the revision jumps when the database comes back without revisions that were handed out: farther than any
/// replica can have been ahead of what this one knows.
const SKIP_AHEAD: i64 = 1_000_000_000;

/// $1 is the present connection's name, which its predecessors bear too.
const END_STUCK_WRITERS: &str = "
    SELECT pg_terminate_backend(pid) FROM pg_stat_activity
    WHERE datname = current_database() AND pid <> pg_backend_pid()
      AND (application_name = $1
           OR starts_with(application_name, 'howdah-writer ') AND state = 'active' AND wait_event = 'ClientRead'
              AND query_start < clock_timestamp() - interval '5 seconds')";

/// A connection that has attached.
#[derive(Debug)]
pub(super) struct Session {
    pub(super) connection: PgConnection,
    pub(super) epoch: i64,
    /// The newest revision when it attached or last committed: whatever it commits next lies behind.
    pub(super) base: Revision,
}

/// Makes sessions, and keeps the present one.
#[derive(Debug)]
pub(crate) struct Connector {
    database: Database,
    pub(super) replica: Uuid,
    pub(super) feed: Arc<Feed>,
    metrics: Arc<Metrics>,
    pub(super) reply_timeout: Duration,
    session: Option<Session>,
}

impl Connector {
    pub(super) fn new(
        database: Database,
        replica: Uuid,
        feed: Arc<Feed>,
        metrics: Arc<Metrics>,
        reply_timeout: Duration,
    ) -> Self {
        Self { database, replica, feed, metrics, reply_timeout, session: None }
    }

    pub(super) fn metrics(&self) -> &Metrics {
        &self.metrics
    }

    /// Waits until somebody doubts that the history is still the one that was seen.
    pub(super) async fn doubted(&self) {
        self.feed.doubted.notified().await;
    }

    /// Gives the present session up: it failed, or somebody else may use its connection's leftovers.
    pub(super) fn give_up(&mut self) {
        self.session = None;
    }

    /// Attaches anew, for as long as it takes.
    pub(super) async fn reattach(&mut self) {
        self.give_up();
        self.session().await;
    }

    /// The session to commit with, attached anew where there is none, for as long as it takes.
    pub(super) async fn session(&mut self) -> &mut Session {
        let mut backoff = Backoff::new(Duration::from_millis(10), Duration::from_millis(250));
        while self.session.is_none() {
            match self.attach().await {
                Ok(()) => {}
                Err(error) => {
                    tracing::warn!(error = &error as &dyn Error, "can't reach the database for writing; trying again");
                    backoff.sleep().await;
                }
            }
        }
        self.session.as_mut().expect("the loop ends with a session")
    }

    /// Connects, raises the fencing epoch and checks the history known so far.
    pub(crate) async fn attach(&mut self) -> Result<(), DatabaseError> {
        let name = format!("howdah-writer {}", self.replica);
        let mut connection = self.database.connect(&name, self.reply_timeout).await?;
        self.end_stuck_writers(&mut connection, &name).await;
        let known = self.feed.known();
        let row = within(self.reply_timeout, async {
            Ok(sqlx::query("SELECT epoch, rv, batch, void FROM howdah.attach($1, $2, $3, $4)")
                .bind(self.replica)
                .bind(known.revision.get())
                .bind(known.batch.map(|batch| batch.0))
                .bind(SKIP_AHEAD)
                .fetch_one(&mut connection)
                .await?)
        })
        .await?;
        let base = revision(&row, "rv")?;
        let void: bool = row.try_get("void")?;
        let batch: Option<Uuid> = row.try_get("batch")?;
        if void {
            tracing::error!(
                known = %known.revision, revision = %base,
                "the database came back without revisions that were handed out; watches end and caches are dropped"
            );
            self.metrics.replaced_histories.inc();
        }
        self.metrics.attachments.inc();
        self.feed.attached(Mark { revision: base, batch: batch.map(BatchId) }, void);
        self.session = Some(Session { connection, epoch: row.try_get("epoch")?, base });
        Ok(())
    }

    /// Ends writers that may hold the revision's lock for nobody: this replica's own earlier ones, and any that has run
    /// its commit and waits for the end of a message that will not come (the network broke off between the two). They
    /// hold the lock for as long as Postgres believes in their connection.
    async fn end_stuck_writers(&self, connection: &mut PgConnection, name: &str) {
        let ended = within(self.reply_timeout, async {
            Ok(sqlx::query(END_STUCK_WRITERS).bind(name).fetch_all(connection).await?)
        });
        match ended.await {
            Ok(ended) if !ended.is_empty() => tracing::info!(writers = ended.len(), "ended writers that were cut off"),
            Ok(_) => {}
            Err(error) => tracing::warn!(error = &error as &dyn Error, "writers that were cut off could not be ended"),
        }
    }

    /// Takes this replica out of the table, so that the others need not announce their commits for it.
    pub(super) async fn leave(self) {
        let Some(Session { mut connection, epoch, .. }) = self.session else { return };
        let left = within(self.reply_timeout, async {
            let query = sqlx::query("DELETE FROM howdah.replicas WHERE id = $1 AND epoch = $2");
            query.bind(self.replica).bind(epoch).execute(&mut connection).await?;
            Ok(connection.close().await?)
        });
        if let Err(error) = left.await {
            tracing::debug!(error = &error as &dyn Error, "the replica's row stays until it has aged");
        }
    }
}
