//! The store's errors. Which one belongs where: writes answer [`WriteError`], reads [`ReadError`], watches
//! [`WatchError`], opening [`OpenError`]. Display leaves the source out; whoever handles the error prints the chain.

use std::sync::Arc;

use howdah_api::Key;

use crate::Revision;

/// Why a write has no success to report. Only [`WriteError::Unknown`] leaves open whether it was applied.
#[derive(Debug, thiserror::Error)]
pub enum WriteError {
    /// The object does not stand where the caller saw it; nothing of the transaction was applied.
    #[error("{key} stands at revision {current}, not at {expected}")]
    Conflict {
        /// The object.
        key: Key,
        /// Where the caller saw it; zero for not at all.
        expected: Revision,
        /// Where it stood when the write was decided; zero for not at all.
        current: Revision,
    },
    /// The deadline passed before the write was handed to Postgres; it was not applied and will not be.
    #[error("the deadline passed before the write's turn came; it was not applied")]
    NotApplied,
    /// The deadline passed while the outcome could not be learned; the write may have been applied, or may yet be.
    #[error("the deadline passed and the write's outcome is unknown")]
    Unknown,
    /// Postgres refused the write (a full disk, for instance); it was not applied.
    #[error("the database refused the write; it was not applied")]
    Refused {
        /// Postgres' own words, shared by all whom they concern.
        #[source]
        source: Arc<DatabaseError>,
    },
    /// The transaction can't be: it is empty, too large, or names a key twice.
    #[error("the transaction can't be applied: {reason}")]
    Malformed {
        /// What is wrong with it.
        reason: &'static str,
    },
    /// The store was closed; the write was not applied.
    #[error("the store is closed")]
    Closed,
}

/// Why a read has no answer.
#[derive(Debug, thiserror::Error)]
pub enum ReadError {
    /// The revision asked for is older than what compaction kept.
    #[error("revision {requested} is no longer kept; the oldest is {floor}")]
    Compacted {
        /// The revision asked for.
        requested: Revision,
        /// The oldest revision that can be read.
        floor: Revision,
    },
    /// The revision asked for has not been reached.
    #[error("revision {requested} is in the future; the newest is {current}")]
    Future {
        /// The revision asked for.
        requested: Revision,
        /// The newest revision.
        current: Revision,
    },
    /// The database could not be read.
    #[error("the database could not be read")]
    Database {
        /// What went wrong.
        #[source]
        source: DatabaseError,
    },
    /// The store was closed.
    #[error("the store is closed")]
    Closed,
}

/// Why a watch ended. The watcher lists anew and watches from there.
#[derive(Debug, thiserror::Error)]
pub enum WatchError {
    /// The watcher stands before what compaction kept.
    #[error("the history behind revision {position} is no longer kept; the oldest revision is {floor}")]
    Compacted {
        /// Where the watcher stood.
        position: Revision,
        /// The oldest revision that can be read.
        floor: Revision,
    },
    /// The revision to watch from has not been reached.
    #[error("revision {position} is in the future; the newest is {current}")]
    Future {
        /// The revision asked for.
        position: Revision,
        /// The newest revision.
        current: Revision,
    },
    /// The database lost or rewrote revisions that were already seen (a failover, a restore): caches are void.
    #[error("the database's history was replaced; everything read before is void")]
    HistoryReplaced,
    /// The database could not be read.
    #[error("the database could not be read")]
    Database {
        /// What went wrong.
        #[source]
        source: DatabaseError,
    },
    /// The store was closed.
    #[error("the store is closed")]
    Closed,
}

/// Why the store could not be opened.
#[derive(Debug, thiserror::Error)]
pub enum OpenError {
    /// The database's address can't be read.
    #[error("the database address can't be read; expected postgres://user:password@host:port/database")]
    Address {
        /// What is wrong with it.
        #[source]
        source: DatabaseError,
    },
    /// The database did not answer in time.
    #[error("the database did not answer within {seconds} s; check that it runs and that the address is right")]
    Unreachable {
        /// How long it was tried.
        seconds: u64,
        /// The last failure.
        #[source]
        source: DatabaseError,
    },
    /// The database answered, and does not let this store in.
    #[error("the database refused; check the user, the password, the database's name and its rights")]
    Refused {
        /// What it said.
        #[source]
        source: DatabaseError,
    },
    /// The database's server is too old.
    #[error("the database is PostgreSQL {version}; Howdah needs 14 or newer")]
    Version {
        /// The server's own version text.
        version: String,
    },
    /// A newer Howdah has migrated the database.
    #[error("a newer Howdah migrated this database (migration {migration}); run that version or a newer one")]
    NewerDatabase {
        /// The migration that this binary doesn't know.
        migration: i64,
    },
    /// A migration failed.
    #[error("the database could not be migrated")]
    Migration {
        /// What went wrong.
        #[source]
        source: DatabaseError,
    },
    /// A thread could not be started.
    #[error("the store's threads could not be started")]
    Runtime {
        /// What the system said.
        #[source]
        source: std::io::Error,
    },
}

/// A failure of Postgres or of the connection to it.
#[derive(Debug, thiserror::Error)]
pub enum DatabaseError {
    /// The driver's error.
    #[error(transparent)]
    Sql(#[from] sqlx::Error),
    /// A migration's error.
    #[error(transparent)]
    Migrate(#[from] sqlx::migrate::MigrateError),
    /// No answer came in time; the connection was given up.
    #[error("no answer within {seconds} s")]
    Silent {
        /// How long the store waited.
        seconds: u64,
    },
    /// A row breaks an invariant of the schema: somebody else wrote into it.
    #[error("the database holds {what}, which Howdah never writes")]
    Corrupt {
        /// What was found.
        what: String,
    },
}

impl DatabaseError {
    /// Whether the same may succeed on another connection, soon: the server is away, starting, stopping or a standby.
    pub(crate) fn is_passing(&self) -> bool {
        match self {
            Self::Silent { .. } => true,
            Self::Sql(sqlx::Error::Database(error)) => error.code().is_some_and(|code| {
                // Class 57P: shutdown, crash, starting up. 53300: too many connections. 25006: a standby.
                // 40: rolled back by the server. 08: connection exceptions. 55000: e.g. recovery in progress.
                code.starts_with("57P")
                    || code.starts_with("08")
                    || code.starts_with("40")
                    || matches!(&*code, "53300" | "25006" | "55000")
            }),
            Self::Sql(error) => !matches!(
                error,
                sqlx::Error::Configuration(_)
                    | sqlx::Error::ColumnDecode { .. }
                    | sqlx::Error::ColumnNotFound(_)
                    | sqlx::Error::Decode(_)
                    | sqlx::Error::Encode(_)
                    | sqlx::Error::PoolClosed
            ),
            Self::Migrate(_) | Self::Corrupt { .. } => false,
        }
    }

    /// Postgres' code for the error (SQLSTATE), where it answered with one and the connection survived.
    pub(crate) fn refusal(&self) -> Option<String> {
        match self {
            Self::Sql(sqlx::Error::Database(error)) => {
                let error = error.try_downcast_ref::<sqlx::postgres::PgDatabaseError>()?;
                // FATAL and PANIC end the session, possibly behind the commit.
                matches!(error.severity(), sqlx::postgres::PgSeverity::Error).then(|| error.code().to_owned())
            }
            _ => None,
        }
    }
}
