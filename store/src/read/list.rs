//! Lists of a prefix, at the newest revision or at an exact one, whole or in pages.

use std::time::Duration;

use howdah_api::{Key, KeyPrefix};
use sqlx::Row as _;
use sqlx::postgres::PgRow;

use super::query_map;
use crate::pool::Pool;
use crate::row::{self, revision};
use crate::{DatabaseError, Object, ReadError, Revision};

/// What to list.
#[derive(Debug, Clone)]
pub struct List {
    /// Which objects.
    pub prefix: KeyPrefix,
    /// As of when.
    pub at: At,
    /// Where the page before ended; nothing for the first.
    pub after: Option<Key>,
    /// The most objects that the page may have.
    pub limit: Option<usize>,
}

/// As of when to list.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum At {
    /// As of the newest revision.
    Newest,
    /// As of this very revision.
    Exact(Revision),
}

/// One page of a list.
#[derive(Debug, Clone)]
pub struct Page {
    /// The revision as of which the objects are given; further pages are asked for at exactly this one.
    pub revision: Revision,
    /// The objects, in the order of their keys.
    pub objects: Vec<Object>,
    /// How many objects of the list lie behind this page.
    pub remaining: u64,
}

/// $1 and $2 bound the keys, $3 bounds the number (null for all). The first row's columns always come, object or not.
const NEWEST: &str = "
    SELECT m.rv AS newest, 0::bigint AS floor, true AS exists, v.key, v.rv, v.splice, v.payload,
           CASE WHEN $3::bigint IS NULL THEN 0
                ELSE (SELECT count(*) FROM howdah.heads c WHERE c.key > $1 AND c.key < $2) END AS total
    FROM howdah.meta m
    LEFT JOIN LATERAL (
        SELECT h.key, h.rv FROM howdah.heads h WHERE h.key > $1 AND h.key < $2 ORDER BY h.key LIMIT $3
    ) page ON true
    LEFT JOIN howdah.versions v ON v.rv = page.rv";

/// As above, and $4 is the revision. A live object that existed then is found by its head: its version is the head's
/// own where that is old enough, else the newest that is. Objects deleted since are found by their tombstones.
const EXACT: &str = "
    WITH live AS NOT MATERIALIZED (
        SELECT h.key, h.rv FROM howdah.heads h WHERE h.key > $1 AND h.key < $2 AND h.create_rv <= $4
    ), deleted AS MATERIALIZED (
        SELECT d.key, past.rv
        FROM (SELECT DISTINCT t.key FROM howdah.versions t
              WHERE t.op = 3 AND t.rv > $4 AND t.key > $1 AND t.key < $2) d,
             LATERAL (SELECT v.rv, v.op FROM howdah.versions v WHERE v.key = d.key AND v.rv <= $4
                      ORDER BY v.rv DESC LIMIT 1) past
        WHERE past.op <> 3
    ), page AS (
        (SELECT l.key, CASE WHEN l.rv <= $4 THEN l.rv
                            ELSE (SELECT v.rv FROM howdah.versions v WHERE v.key = l.key AND v.rv <= $4
                                  ORDER BY v.rv DESC LIMIT 1) END AS rv
         FROM live l ORDER BY l.key LIMIT $3)
        UNION ALL
        (SELECT d.key, d.rv FROM deleted d ORDER BY d.key LIMIT $3)
        ORDER BY key LIMIT $3
    )
    SELECT m.rv AS newest, c.floor,
           $4 = 0 OR EXISTS (SELECT FROM howdah.versions e WHERE e.rv = $4) AS exists,
           v.key, v.rv, v.splice, v.payload,
           CASE WHEN $3::bigint IS NULL THEN 0
                ELSE (SELECT count(*) FROM live) + (SELECT count(*) FROM deleted) END AS total
    FROM howdah.meta m CROSS JOIN howdah.compaction c
    LEFT JOIN page ON true
    LEFT JOIN howdah.versions v ON v.rv = page.rv";

/// One row of either query.
struct Row {
    newest: Revision,
    floor: Revision,
    exists: bool,
    total: i64,
    object: Option<Object>,
}

/// Lists.
pub(crate) async fn list(pool: &Pool, patience: Duration, list: &List) -> Result<Page, ReadError> {
    let after = list.after.as_ref().map_or(list.prefix.as_str(), Key::as_str);
    let end = list.prefix.end();
    let limit = list.limit.map(|limit| i64::try_from(limit).unwrap_or(i64::MAX));
    let query = || {
        let query = sqlx::query(match list.at {
            At::Newest => NEWEST,
            At::Exact(_) => EXACT,
        });
        let query = query.bind(after).bind(&end).bind(limit);
        match list.at {
            At::Newest => query,
            At::Exact(revision) => query.bind(revision.get()),
        }
    };
    let rows = query_map(pool, patience, query, |row| read_row(&row)).await;
    let rows = rows.map_err(|source| ReadError::Database { source })?;
    let Some(first) = rows.first() else {
        let source = DatabaseError::Corrupt { what: "no row of the revision".to_owned() };
        return Err(ReadError::Database { source });
    };
    let (newest, floor, exists, total) = (first.newest, first.floor, first.exists, first.total);
    let revision = match list.at {
        At::Newest => newest,
        At::Exact(requested) if requested > newest => return Err(ReadError::Future { requested, current: newest }),
        At::Exact(requested) if requested < floor || !exists => return Err(ReadError::Compacted { requested, floor }),
        At::Exact(requested) => requested,
    };
    let mut objects: Vec<_> = rows.into_iter().filter_map(|row| row.object).collect();
    // The join gives them in order, though SQL doesn't promise it.
    if !objects.is_sorted_by(|one, next| one.key < next.key) {
        objects.sort_by(|one, next| one.key.cmp(&next.key));
    }
    let remaining = u64::try_from(total).unwrap_or(0).saturating_sub(objects.len() as u64);
    Ok(Page { revision, objects, remaining })
}

fn read_row(row: &PgRow) -> Result<Row, DatabaseError> {
    let object = match row.try_get::<Option<i64>, _>("rv")? {
        Some(_) => Some(row::object(row)?),
        None => None,
    };
    Ok(Row {
        newest: revision(row, "newest")?,
        floor: revision(row, "floor")?,
        exists: row.try_get("exists")?,
        total: row.try_get("total")?,
        object,
    })
}
