//! Reading the log, with proof at every read that it is still the log that was read before.

use super::Mark;
use crate::pool::Pool;
use crate::read::query_all;
use crate::row::{self, LogEntry};
use crate::{DatabaseError, Revision};

/// From the entry seen last, which proves continuity and comes without its payload, to `$2`.
const READ_LOG: &str = "
    SELECT rv, prev_rv, op, key, batch, splice, CASE WHEN rv > $1 THEN payload ELSE '' END AS payload
    FROM howdah.versions WHERE rv >= $1 AND rv <= $2 ORDER BY rv LIMIT $3";

/// How many entries the next read brings: as many as 8 MB are likely to hold, by the size of those before.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Pace(usize);

impl Pace {
    /// Before anything is known of the sizes.
    pub(crate) const START: Self = Self(64);

    fn after(entries: &[LogEntry], bytes: usize) -> Self {
        const PAGE_BYTES: usize = 8_000_000;
        const FEWEST: usize = 4;
        const MOST: usize = 1000;
        let average = bytes / entries.len().max(1);
        Self((PAGE_BYTES / average.max(1)).clamp(FEWEST, MOST))
    }
}

/// What reading on from a point of the history gave.
#[derive(Debug)]
pub(crate) enum LogPage {
    /// The entries that follow it.
    Entries {
        /// In order, each following the one before.
        entries: Vec<LogEntry>,
        /// Where others may stand behind them, the pace at which to read on at once.
        next: Option<Pace>,
    },
    /// The point is not there any more, or what followed it is gone: compacted, or replaced by another history.
    Broken,
}

/// Reads what follows `from`, up to and including `upto`. Where `from` names no batch, its row is trusted.
pub(crate) async fn read(
    pool: &Pool,
    patience: std::time::Duration,
    from: Mark,
    upto: Revision,
    pace: Pace,
) -> Result<LogPage, DatabaseError> {
    let limit = i64::try_from(pace.0).unwrap_or(i64::MAX);
    let query = || sqlx::query(READ_LOG).bind(from.revision.get()).bind(upto.get()).bind(limit);
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
    let full = entries.len() + usize::from(from.revision > Revision::ZERO) >= pace.0;
    let next = full.then(|| Pace::after(&entries, bytes));
    Ok(LogPage::Entries { entries, next })
}
