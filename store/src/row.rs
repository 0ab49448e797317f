//! From rows of `howdah.versions` to what the store gives out.

use std::sync::Arc;

use howdah_api::Key;
use sqlx::Row as _;
use sqlx::postgres::PgRow;

use crate::object::wire;
use crate::{BatchId, Change, DatabaseError, Object, Revision, WatchEvent};

/// `op` of a row that deletes.
const DELETED: i16 = 3;

/// One row of the history.
#[derive(Debug, Clone)]
pub(crate) enum LogEntry {
    /// A change of an object.
    Event(Arc<WatchEvent>),
    /// The revision jumped here after a failover or a restore.
    Skip {
        /// Where it jumped to.
        revision: Revision,
        /// Where it jumped from.
        from: Revision,
        /// The row's own identity.
        batch: BatchId,
    },
}

impl LogEntry {
    /// The entry's revision.
    pub(crate) fn revision(&self) -> Revision {
        match self {
            Self::Event(event) => event.revision,
            Self::Skip { revision, .. } => *revision,
        }
    }

    /// The identity of the commit that wrote it.
    pub(crate) fn batch(&self) -> BatchId {
        match self {
            Self::Event(event) => event.batch,
            Self::Skip { batch, .. } => *batch,
        }
    }

    /// Whether nothing lies between `revision` and this entry.
    pub(crate) fn follows(&self, revision: Revision) -> bool {
        match self {
            Self::Event(event) => event.revision == revision.next(),
            Self::Skip { from, .. } => *from == revision,
        }
    }
}

/// Reads a history entry from a row with `rv`, `prev_rv`, `op`, `key`, `batch`, `splice` and `payload`.
pub(crate) fn entry(row: &PgRow) -> Result<LogEntry, DatabaseError> {
    let revision = revision(row, "rv")?;
    let previous = self::revision(row, "prev_rv")?;
    let batch = batch(row)?;
    let change = match row.try_get::<i16, _>("op")? {
        1 => Change::Created,
        2 => Change::Updated,
        DELETED => Change::Deleted,
        4 => return Ok(LogEntry::Skip { revision, from: previous, batch }),
        op => return Err(DatabaseError::Corrupt { what: format!("operation {op} at revision {revision}") }),
    };
    Ok(LogEntry::Event(Arc::new(WatchEvent {
        key: key(row)?,
        revision,
        previous,
        change,
        wire: payload(row, revision)?,
        batch,
    })))
}

/// Reads a live object from a row with `key`, `rv`, `splice` and `payload`.
pub(crate) fn object(row: &PgRow) -> Result<Object, DatabaseError> {
    let revision = revision(row, "rv")?;
    Ok(Object { key: key(row)?, revision, wire: payload(row, revision)? })
}

/// Reads the identity of the commit from `batch`.
pub(crate) fn batch(row: &PgRow) -> Result<BatchId, DatabaseError> {
    Ok(BatchId(row.try_get("batch")?))
}

/// Reads a revision from `column`.
pub(crate) fn revision(row: &PgRow, column: &str) -> Result<Revision, DatabaseError> {
    Ok(Revision::from_db(row.try_get(column)?))
}

fn key(row: &PgRow) -> Result<Key, DatabaseError> {
    let text: &str = row.try_get("key")?;
    Key::parse(text).map_err(|error| DatabaseError::Corrupt { what: format!("a key that is none: {error}") })
}

fn payload(row: &PgRow, revision: Revision) -> Result<bytes::Bytes, DatabaseError> {
    spliced(row.try_get("payload")?, row.try_get("splice")?, revision)
}

/// The wire bytes of a stored payload.
pub(crate) fn spliced(json: &[u8], splice: i32, revision: Revision) -> Result<bytes::Bytes, DatabaseError> {
    match usize::try_from(splice) {
        Ok(splice) if splice <= json.len() => Ok(wire(json, splice, revision)),
        _ => Err(DatabaseError::Corrupt { what: format!("a payload without its splice at revision {revision}") }),
    }
}
