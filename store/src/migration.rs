//! Brings the database's schema up to this binary, under a lock, before anything else touches it.
//!
//! The lock is a session's advisory lock: of several servers that start together one migrates and the others wait.
//! A database that a newer Howdah migrated is refused, never changed. Migrations are never edited once released.

use std::borrow::Cow;

use sqlx::migrate::{MigrateError, Migration, MigrationType, Migrator};
use sqlx::postgres::PgPool;
use sqlx::{Row as _, SqlSafeStr as _};

use crate::{DatabaseError, OpenError};

/// The oldest server that has what the store needs (lz4), as `server_version_num`.
const OLDEST_SERVER: i32 = 140_000;

/// Every migration: its number, its name, its text.
const MIGRATIONS: [(i64, &str, &str); 3] = [
    (1, "store", include_str!("../../migrations/0001_store.sql")),
    (2, "views", include_str!("../../migrations/0002_views.sql")),
    (3, "internal", include_str!("../../migrations/0003_internal.sql")),
];

/// Checks the server's version and runs the migrations that the database lacks.
pub(crate) async fn migrate(pool: &PgPool) -> Result<(), OpenError> {
    check_version(pool).await?;
    let migrations = MIGRATIONS
        .iter()
        .map(|&(number, name, sql)| {
            Migration::new(number, Cow::Borrowed(name), MigrationType::Simple, sql.into_sql_str(), false)
        })
        .collect();
    let mut migrator = Migrator::with_migrations(migrations);
    migrator.create_schema("howdah");
    migrator.create_schema("k8s");
    migrator.dangerous_set_table_name("howdah.migrations");
    match migrator.run(pool).await {
        Ok(()) => Ok(()),
        Err(MigrateError::VersionMissing(migration)) => Err(OpenError::NewerDatabase { migration }),
        Err(source) => Err(OpenError::Migration { source: source.into() }),
    }
}

async fn check_version(pool: &PgPool) -> Result<(), OpenError> {
    let failed = |source: sqlx::Error| OpenError::Migration { source: DatabaseError::Sql(source) };
    let row = sqlx::query("SELECT current_setting('server_version_num')::int, current_setting('server_version')")
        .fetch_one(pool)
        .await
        .map_err(failed)?;
    let number: i32 = row.try_get(0).map_err(failed)?;
    if number < OLDEST_SERVER {
        return Err(OpenError::Version { version: row.try_get(1).map_err(failed)? });
    }
    Ok(())
}
