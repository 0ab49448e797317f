//! One object: as it stands, and as it stood.

use std::sync::Arc;
use std::time::{Duration, SystemTime};

use howdah_api::Key;
use sqlx::Row as _;

use super::{query_all, query_map};
use crate::pool::Pool;
use crate::row::{self, LogEntry};
use crate::{DatabaseError, Object, WatchEvent};

const GET: &str = "
    SELECT v.key, v.rv, v.splice, v.payload
    FROM howdah.heads h JOIN howdah.versions v ON v.rv = h.rv
    WHERE h.key = $1";

const HISTORY: &str = "
    SELECT rv, prev_rv, op, key, batch, splice, payload, (extract(epoch FROM at) * 1000000)::bigint AS micros
    FROM howdah.versions WHERE key = $1 ORDER BY rv DESC LIMIT $2";

/// A change of the past, with its time.
#[derive(Debug, Clone)]
pub struct Past {
    /// What changed.
    pub event: Arc<WatchEvent>,
    /// When it was committed, by the database's clock.
    pub committed: SystemTime,
}

/// The object at `key` as it stands.
pub(crate) async fn get(pool: &Pool, patience: Duration, key: &Key) -> Result<Option<Object>, DatabaseError> {
    let rows = query_all(pool, patience, || sqlx::query(GET).bind(key.as_str())).await?;
    rows.first().map(row::object).transpose()
}

/// The newest `limit` changes of the object at `key`, newest first, as far back as history is kept.
pub(crate) async fn history(
    pool: &Pool,
    patience: Duration,
    key: &Key,
    limit: usize,
) -> Result<Vec<Past>, DatabaseError> {
    let limit = i64::try_from(limit).unwrap_or(i64::MAX);
    let query = || sqlx::query(HISTORY).bind(key.as_str()).bind(limit);
    query_map(pool, patience, query, |row| {
        let micros: i64 = row.try_get("micros")?;
        match row::entry(&row)? {
            LogEntry::Event(event) => Ok(Past { event, committed: from_epoch(micros) }),
            LogEntry::Skip { revision, .. } => {
                Err(DatabaseError::Corrupt { what: format!("a skip with an object's key at revision {revision}") })
            }
        }
    })
    .await
}

fn from_epoch(micros: i64) -> SystemTime {
    let distance = Duration::from_micros(micros.unsigned_abs());
    if micros < 0 { SystemTime::UNIX_EPOCH - distance } else { SystemTime::UNIX_EPOCH + distance }
}
