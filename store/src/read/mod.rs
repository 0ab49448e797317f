//! Reads: single objects, lists, histories, the newest revision. All are one statement each, so one snapshot each.
//!
//! Reads change nothing, so a failed connection is retried on another until [`RETRY_FOR`] is over.

mod list;
mod object;
mod revision;

use std::time::Duration;

use futures_util::TryStreamExt as _;
use sqlx::Postgres;
use sqlx::postgres::{PgArguments, PgRow};
use sqlx::query::Query;
use tokio::time::Instant;

use crate::DatabaseError;
use crate::backoff::Backoff;
use crate::database::within;
use crate::pool::Pool;

pub(crate) use list::list;
pub use list::{At, List, Page};
pub use object::Past;
pub(crate) use object::{get, history};
pub(crate) use revision::{Point, RevisionReader, point};

/// How long a read is tried again while the database is away.
const RETRY_FOR: Duration = Duration::from_secs(30);

/// All rows of a query; see [`query_map`].
pub(crate) async fn query_all<'q>(
    pool: &Pool,
    patience: Duration,
    query: impl Fn() -> Query<'q, Postgres, PgArguments>,
) -> Result<Vec<PgRow>, DatabaseError> {
    query_map(pool, patience, query, Ok).await
}

/// Every row of a query, mapped as it arrives. A connection that stays silent for `patience` is given up.
pub(crate) async fn query_map<'q, T>(
    pool: &Pool,
    patience: Duration,
    query: impl Fn() -> Query<'q, Postgres, PgArguments>,
    map: impl Fn(PgRow) -> Result<T, DatabaseError>,
) -> Result<Vec<T>, DatabaseError> {
    let give_up = Instant::now() + RETRY_FOR;
    let mut backoff = Backoff::new(Duration::from_millis(5), Duration::from_millis(500));
    loop {
        match attempt(pool, patience, query(), &map).await {
            Err(error) if error.is_passing() && Instant::now() < give_up => {
                pool.distrust();
                tracing::debug!(error = &error as &dyn std::error::Error, "a read failed; trying again");
                backoff.sleep().await;
            }
            outcome => return outcome,
        }
    }
}

async fn attempt<T>(
    pool: &Pool,
    patience: Duration,
    query: Query<'_, Postgres, PgArguments>,
    map: impl Fn(PgRow) -> Result<T, DatabaseError>,
) -> Result<Vec<T>, DatabaseError> {
    let mut lease = pool.lease().await?;
    let mut mapped = Vec::new();
    {
        let mut rows = query.fetch(lease.connection());
        while let Some(row) = within(patience, async { Ok(rows.try_next().await?) }).await? {
            mapped.push(map(row)?);
        }
    }
    lease.give_back();
    Ok(mapped)
}
