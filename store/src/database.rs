//! Where Postgres is, and how a connection to it is set up.

use std::fmt;
use std::os::fd::OwnedFd;
use std::str::FromStr as _;
use std::sync::Arc;
use std::time::Duration;

use sqlx::postgres::{PgConnectOptions, PgConnection, PgPool, PgPoolOptions};
use sqlx::{AssertSqlSafe, ConnectOptions as _, Connection as _, SqlSafeStr as _};

use crate::{DatabaseError, OpenError};

/// What every connection sets before its first query.
///
/// READ COMMITTED is what the commit function's locking rests on. Plans are generic and go by index: the statements
/// are few and each has one right plan, so planning them again, or by statistics of a table just born, only costs. The
/// TCP settings (void on Unix sockets) let the server end a connection whose client's host is gone.
const SESSION: &str = "
    SET default_transaction_isolation = 'read committed';
    SET default_transaction_read_only = off;
    SET client_min_messages = warning;
    SET timezone = 'UTC';
    SET plan_cache_mode = force_generic_plan;
    SET enable_seqscan = off;
    SET enable_hashjoin = off;
    SET enable_mergejoin = off;
    SET max_parallel_workers_per_gather = 0;
    SET jit = off;
    SET tcp_keepalives_idle = 10;
    SET tcp_keepalives_interval = 5;
    SET tcp_keepalives_count = 3;
    SET tcp_user_timeout = 20000;
    SELECT set_config('synchronous_commit', 'on', false) WHERE current_setting('synchronous_commit') IN ('off', 'local')";

/// Where Postgres is: address and credentials. Its Debug form shows neither.
#[derive(Clone)]
pub struct Database {
    options: PgConnectOptions,
    /// A socket directory reached through our own descriptor of it, which must stay open.
    _socket_directory: Option<Arc<OwnedFd>>,
}

impl Database {
    /// The database at `url`: `postgres://user:password@host:port/name`, or with `?host=/directory` a Unix socket.
    ///
    /// # Errors
    /// [`OpenError::Address`] where the URL can't be read.
    pub fn from_url(url: &str) -> Result<Self, OpenError> {
        let refused = |source: sqlx::Error| OpenError::Address { source: source.into() };
        if !["postgres://", "postgresql://"].iter().any(|scheme| url.starts_with(scheme)) {
            return Err(refused(sqlx::Error::Configuration("the scheme is not postgres".into())));
        }
        let options = PgConnectOptions::from_str(url).map_err(refused)?;
        Ok(Self { options: options.disable_statement_logging(), _socket_directory: None })
    }

    /// The database that `options` lead to, by way of `socket_directory` where that is held open for it.
    pub(crate) fn new(options: PgConnectOptions, socket_directory: Option<Arc<OwnedFd>>) -> Self {
        Self { options: options.disable_statement_logging(), _socket_directory: socket_directory }
    }

    /// One connection, set up, for which the caller alone is responsible; `name` is its `application_name`.
    pub(crate) async fn connect(&self, name: &str, timeout: Duration) -> Result<PgConnection, DatabaseError> {
        let options = self.options.clone().application_name(name);
        within(timeout, async {
            let mut connection = PgConnection::connect_with(&options).await?;
            set_up(&mut connection).await?;
            Ok(connection)
        })
        .await
    }

    /// The driver's own kind of pool, of one connection, for what only takes such: migrations, listeners.
    pub(crate) fn driver_pool(&self, acquire_timeout: Duration) -> PgPool {
        PgPoolOptions::new()
            .max_connections(1)
            .acquire_timeout(acquire_timeout)
            .test_before_acquire(false)
            .after_connect(|connection, _| Box::pin(set_up(connection)))
            .connect_lazy_with(self.options.clone().application_name("howdah-listener"))
    }
}

async fn set_up(connection: &mut PgConnection) -> Result<(), sqlx::Error> {
    sqlx::raw_sql(AssertSqlSafe(SESSION).into_sql_str()).execute(connection).await.map(|_| ())
}

/// The outcome of `work`, or [`DatabaseError::Silent`] where none comes in time.
pub(crate) async fn within<T>(
    timeout: Duration,
    work: impl Future<Output = Result<T, DatabaseError>>,
) -> Result<T, DatabaseError> {
    match tokio::time::timeout(timeout, work).await {
        Ok(outcome) => outcome,
        Err(_) => Err(DatabaseError::Silent { seconds: timeout.as_secs() }),
    }
}

impl fmt::Debug for Database {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Database").finish_non_exhaustive()
    }
}
