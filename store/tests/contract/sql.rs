//! The suite's own look into the database, past the store: the whole log, the heads, the revision, in one snapshot.

use std::sync::Arc;

use anyhow::{Context as _, bail};
use sqlx::postgres::{PgConnection, PgRow};
use sqlx::{Connection as _, Row as _};

use crate::checker::{Head, Version};
use crate::journal::Kind;

/// The table that [`keep_deleted`] fills.
const ARCHIVE: &str = "public.contract_archive";

/// What the database holds.
#[derive(Debug)]
pub(crate) struct Contents {
    pub(crate) log: Vec<Version>,
    pub(crate) heads: Vec<Head>,
    pub(crate) newest: i64,
}

/// A connection to the database at `url`.
pub(crate) async fn connect(url: &str) -> anyhow::Result<PgConnection> {
    PgConnection::connect(url).await.context("the suite can't connect to the database")
}

/// Runs statements.
pub(crate) async fn run(connection: &mut PgConnection, sql: String) -> anyhow::Result<()> {
    sqlx::raw_sql(sqlx::AssertSqlSafe(sql)).execute(connection).await?;
    Ok(())
}

/// The store's revision.
pub(crate) async fn newest(connection: &mut PgConnection) -> anyhow::Result<i64> {
    Ok(sqlx::query("SELECT rv FROM howdah.meta").fetch_one(connection).await?.try_get(0)?)
}

/// The oldest revision that is kept.
pub(crate) async fn floor(connection: &mut PgConnection) -> anyhow::Result<i64> {
    Ok(sqlx::query("SELECT floor FROM howdah.compaction").fetch_one(connection).await?.try_get(0)?)
}

/// Keeps what compaction deletes from the log, so that the whole of it can be read at the end.
pub(crate) async fn keep_deleted(connection: &mut PgConnection) -> anyhow::Result<()> {
    let sql = format!(
        "CREATE TABLE {ARCHIVE} (LIKE howdah.versions);
         CREATE FUNCTION public.contract_keep() RETURNS trigger LANGUAGE plpgsql AS
             $$ BEGIN INSERT INTO {ARCHIVE} SELECT OLD.*; RETURN NULL; END $$;
         CREATE TRIGGER contract_keep AFTER DELETE ON howdah.versions FOR EACH ROW EXECUTE FUNCTION public.contract_keep();"
    );
    run(connection, sql).await
}

/// How many rows compaction has deleted, for [`keep_deleted`] to count.
pub(crate) async fn deleted(connection: &mut PgConnection) -> anyhow::Result<i64> {
    let sql = format!("SELECT count(*) FROM {ARCHIVE}");
    Ok(sqlx::query(sqlx::AssertSqlSafe(sql)).fetch_one(connection).await?.try_get(0)?)
}

/// Reads everything; `archived` where [`keep_deleted`] was in force.
pub(crate) async fn read(connection: &mut PgConnection, archived: bool) -> anyhow::Result<Contents> {
    let mut snapshot = connection.begin().await?;
    sqlx::query("SET TRANSACTION ISOLATION LEVEL REPEATABLE READ").execute(&mut *snapshot).await?;
    const COLUMNS: &str =
        "rv, prev_rv, op, key, batch, (extract(epoch FROM at) * 1000000)::bigint AS micros, splice, payload";
    let archive = if archived { format!(" UNION ALL SELECT {COLUMNS} FROM {ARCHIVE}") } else { String::new() };
    let sql = format!("SELECT {COLUMNS} FROM howdah.versions{archive} ORDER BY rv");
    let rows = sqlx::query(sqlx::AssertSqlSafe(sql)).fetch_all(&mut *snapshot).await?;
    let log = rows.iter().map(version).collect::<anyhow::Result<_>>()?;
    let rows = sqlx::query("SELECT key, rv, create_rv FROM howdah.heads").fetch_all(&mut *snapshot).await?;
    let heads = rows.iter().map(head).collect::<anyhow::Result<_>>()?;
    let newest = newest(&mut snapshot).await?;
    snapshot.rollback().await?;
    Ok(Contents { log, heads, newest })
}

fn version(row: &PgRow) -> anyhow::Result<Version> {
    let kind = match row.try_get::<i16, _>("op")? {
        1 => Some(Kind::Create),
        2 => Some(Kind::Update),
        3 => Some(Kind::Delete),
        4 => None,
        other => bail!("the log has an operation {other}"),
    };
    Ok(Version {
        revision: row.try_get("rv")?,
        previous: row.try_get("prev_rv")?,
        kind,
        key: Arc::from(row.try_get::<&str, _>("key")?),
        batch: row.try_get::<uuid::Uuid, _>("batch")?.as_u128(),
        committed: row.try_get("micros")?,
        splice: usize::try_from(row.try_get::<i32, _>("splice")?)?,
        payload: row.try_get("payload")?,
    })
}

fn head(row: &PgRow) -> anyhow::Result<Head> {
    Ok(Head {
        key: Arc::from(row.try_get::<&str, _>("key")?),
        revision: row.try_get("rv")?,
        created: row.try_get("create_rv")?,
    })
}
