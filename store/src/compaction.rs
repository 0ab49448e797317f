//! Forgetting the past: by time, with a floor that clients are told, and a longer history for questions in SQL.
//!
//! Every replica ticks; an advisory lock lets one of them do the work. The floor is committed before anything below it
//! is deleted, so a reader whose snapshot still has the older floor still has the rows. Deletion goes in small steps
//! that note their progress in the same transaction: a crash between two of them repeats nothing and misses nothing.

use std::error::Error;
use std::sync::Arc;
use std::time::Duration;

use howdah_api::KeyPrefix;
use sqlx::Row as _;
use sqlx::postgres::types::PgInterval;
use uuid::Uuid;

use crate::feed::Feed;
use crate::metrics::Metrics;
use crate::pool::Pool;
use crate::read::query_map;
use crate::{DatabaseError, Retention};

/// How many revisions one step of deletion covers.
const STEP: i64 = 5000;

/// What a tick needs.
pub(crate) struct Compactor {
    pub(crate) pool: Pool,
    pub(crate) replica: Uuid,
    pub(crate) feed: Arc<Feed>,
    pub(crate) retention: Retention,
    pub(crate) interval: Duration,
    pub(crate) patience: Duration,
    pub(crate) metrics: Arc<Metrics>,
}

impl Compactor {
    /// Ticks until the task is dropped.
    pub(crate) async fn run(self) {
        let mut interval = tokio::time::interval(self.interval);
        interval.set_missed_tick_behavior(tokio::time::MissedTickBehavior::Delay);
        loop {
            interval.tick().await;
            if let Err(error) = self.tick().await {
                tracing::warn!(error = &error as &dyn Error, "compaction failed; it goes on with the next tick");
            }
        }
    }

    async fn tick(&self) -> Result<(), DatabaseError> {
        let query = || sqlx::query("SELECT howdah.still_here($1) AS here").bind(self.replica);
        let here = query_map(&self.pool, self.patience, query, |row| Ok(row.try_get::<bool, _>("here")?)).await?;
        if here.first() == Some(&false) {
            tracing::warn!("the other replicas took this one for gone; attaching anew");
            self.feed.doubted.notify_one();
        }
        let bytes = i64::try_from(self.retention.history_bytes).unwrap_or(i64::MAX);
        let (floor, history) = (interval(self.retention.floor), interval(self.retention.history));
        let query = || sqlx::query("SELECT howdah.tick($1, $2, $3) AS floor").bind(floor).bind(history).bind(bytes);
        let floors = query_map(&self.pool, self.patience, query, |row| Ok(row.try_get::<i64, _>("floor")?)).await?;
        if let Some(floor) = floors.first() {
            self.metrics.floor.set(*floor);
        }
        while let Some(swept) = self.sweep().await? {
            self.metrics.compacted.inc_by(u64::try_from(swept).unwrap_or(0));
        }
        Ok(())
    }

    /// One step of deletion; `None` when nothing is left to do, or another replica does it.
    async fn sweep(&self) -> Result<Option<i64>, DatabaseError> {
        let prefixes: Vec<&str> = self.retention.without_history.iter().map(KeyPrefix::as_str).collect();
        let query = || sqlx::query("SELECT howdah.sweep($1, $2) AS swept").bind(&prefixes).bind(STEP);
        let swept =
            query_map(&self.pool, self.patience, query, |row| Ok(row.try_get::<Option<i64>, _>("swept")?)).await?;
        Ok(swept.into_iter().next().flatten())
    }
}

fn interval(duration: Duration) -> PgInterval {
    PgInterval { months: 0, days: 0, microseconds: i64::try_from(duration.as_micros()).unwrap_or(i64::MAX) }
}
