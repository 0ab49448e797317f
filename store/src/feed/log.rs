//! Reading the log, with proof at every read that it is still the log that was read before.

use sqlx::postgres::PgPool;

use super::Mark;
use crate::read::query_all;
use crate::row::{self, LogEntry};
use crate::{DatabaseError, Revision};

/// The most entries that one read brings.
const PAGE_ENTRIES: usize = 1000;

/// The payload bytes at which a read ends.
const PAGE_BYTES: usize = 8_000_000;

/// From the entry seen last, which proves continuity and comes without its payload, to `$2`; at most 1,000 entries
/// behind it and not many more bytes than 8 MB, so that large objects don't pile up in memory.
const READ_LOG: &str = "
    SELECT rv, prev_rv, op, key, batch, splice, CASE WHEN rv > $1 THEN payload ELSE '' END AS payload
    FROM (
        SELECT v.*, sum(octet_length(v.payload)) OVER (ORDER BY v.rv ROWS UNBOUNDED PRECEDING) AS upto
        FROM howdah.versions v WHERE v.rv >= $1 AND v.rv <= $2 ORDER BY v.rv LIMIT 1001
    ) page
    WHERE rv = (SELECT min(n.rv) FROM howdah.versions n WHERE n.rv > $1) OR rv = $1
       OR upto - octet_length(payload) < 8000000
    ORDER BY rv";

/// What reading on from a point of the history gave.
#[derive(Debug)]
pub(crate) enum LogPage {
    /// The entries that follow it; `more` where others may stand behind them.
    Entries {
        /// In order, each following the one before.
        entries: Vec<LogEntry>,
        /// Whether to read on at once.
        more: bool,
    },
    /// The point is not there any more, or what followed it is gone: compacted, or replaced by another history.
    Broken,
}

/// Reads what follows `from`, up to and including `upto`. Where `from` names no batch, its row is trusted.
pub(crate) async fn read(
    pool: &PgPool,
    patience: std::time::Duration,
    from: Mark,
    upto: Revision,
) -> Result<LogPage, DatabaseError> {
    let query = || sqlx::query(READ_LOG).bind(from.revision.get()).bind(upto.get());
    let rows = query_all(pool, patience, query).await?;
    let mut rows = rows.iter();
    if from.revision > Revision::ZERO {
        let Some(first) = rows.next() else { return Ok(LogPage::Broken) };
        let batch = row::batch(first)?;
        if row::revision(first, "rv")? != from.revision || from.batch.is_some_and(|expected| expected != batch) {
            return Ok(LogPage::Broken);
        }
    }
    let mut entries = Vec::with_capacity(rows.len());
    let (mut position, mut bytes) = (from.revision, 0);
    for row in rows {
        let entry = row::entry(row)?;
        if !entry.follows(position) {
            return Ok(LogPage::Broken);
        }
        position = entry.revision();
        if let LogEntry::Event(event) = &entry {
            bytes += event.wire.len();
        }
        entries.push(entry);
    }
    // A page that was cut is full; the spliced revisions make the sum a little larger than what the query counted.
    let more = entries.len() >= PAGE_ENTRIES || bytes >= PAGE_BYTES;
    Ok(LogPage::Entries { entries, more })
}
