//! The LISTEN connection: wakes the reader when another replica commits.
//!
//! Some poolers and engines accept LISTEN and deliver nothing, and a half-open connection is silent too. So a listener
//! counts only once a test announcement of its own has come back; until then the reader polls.

use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Duration;

use sqlx::postgres::{PgListener, PgNotification};
use uuid::Uuid;

use super::Feed;
use super::reader::Announcements;
use crate::backoff::Backoff;
use crate::database::within;
use crate::pool::Pool;
use crate::read::query_all;
use crate::{Database, DatabaseError};

/// Where commits are announced: the new revision, a space, the replica that committed.
const CHANNEL: &str = "howdah_revision";

/// Listens until the task is dropped.
pub(crate) async fn run(
    feed: Arc<Feed>,
    database: Database,
    pool: Pool,
    announcements: Arc<Announcements>,
    replica: Uuid,
    patience: Duration,
) {
    let own = replica.to_string();
    let mut backoff = Backoff::new(Duration::from_millis(20), Duration::from_secs(5));
    loop {
        match connect(&database, &pool, &own, patience).await {
            Ok(mut listener) => {
                backoff = Backoff::new(Duration::from_millis(20), Duration::from_secs(5));
                announcements.proven.store(true, Ordering::Release);
                // Whatever was committed before LISTEN took hold was announced to nobody here.
                feed.behind.notify_one();
                listen(&mut listener, &feed, &announcements, &own).await;
                announcements.proven.store(false, Ordering::Release);
                feed.behind.notify_one();
            }
            Err(error) => {
                tracing::warn!(error = &error as &dyn std::error::Error, "no announcements from the database; polling");
            }
        }
        backoff.sleep().await;
    }
}

/// A listener through which a test announcement has come; `pool` sends it.
///
/// The driver takes a listener's connection back by way of its pool, and where the network is silent that never ends:
/// so each has a pool to itself.
async fn connect(database: &Database, pool: &Pool, own: &str, patience: Duration) -> Result<PgListener, DatabaseError> {
    within(patience, async {
        let mut listener = PgListener::connect_with(&database.driver_pool(patience)).await?;
        listener.listen(CHANNEL).await?;
        let token = format!("0 {own}");
        query_all(pool, patience, || sqlx::query("SELECT pg_notify($1, $2)").bind(CHANNEL).bind(&token)).await?;
        while let Some(notification) = listener.try_recv().await? {
            if notification.payload() == token {
                return Ok(listener);
            }
        }
        Err(DatabaseError::Sql(sqlx::Error::PoolClosed))
    })
    .await
}

/// Passes announcements on until the connection ends or is distrusted.
async fn listen(listener: &mut PgListener, feed: &Feed, announcements: &Announcements, own: &str) {
    loop {
        let received = tokio::select! {
            received = listener.try_recv() => received,
            () = announcements.distrust.notified() => return,
        };
        match received {
            Ok(Some(notification)) => pass_on(&notification, feed, announcements, own),
            Ok(None) => return,
            Err(error) => {
                tracing::warn!(error = &error as &dyn std::error::Error, "the listening connection failed");
                return;
            }
        }
    }
}

fn pass_on(notification: &PgNotification, feed: &Feed, announcements: &Announcements, own: &str) {
    let Some((revision, replica)) = notification.payload().split_once(' ') else { return };
    let Ok(revision) = revision.parse::<i64>() else { return };
    announcements.newest.fetch_max(revision, Ordering::AcqRel);
    // The batcher hands over what this replica committed.
    if replica != own && revision > feed.last().1.revision.get() {
        feed.behind.notify_one();
    }
}
