//! The Postgres under test: a private one in a temporary directory, or the one that the environment names.
//!
//! Each run has a database of its own in it, made here. The given one's user must be allowed to make databases.

use std::os::unix::fs::PermissionsExt as _;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU32, Ordering};

use anyhow::Context as _;
use howdah_store::{PrivatePostgres, PrivatePostgresOptions};
use sqlx::Connection as _;
use tempfile::TempDir;

use crate::sql;

/// The environment variable that names a database to test instead of a private one.
pub(crate) const DATABASE_URL: &str = "HOWDAH_TEST_DATABASE_URL";

/// Numbers the databases of this process.
static NEXT: AtomicU32 = AtomicU32::new(0);

/// Where a server accepts connections.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Address {
    /// A Unix socket.
    Socket(PathBuf),
    /// Host and port.
    Tcp(String),
}

/// A server for tests.
#[derive(Debug)]
pub(crate) enum Cluster {
    /// Our own.
    Private(Box<Private>),
    /// A given one.
    Given {
        /// Its address.
        url: String,
    },
}

/// A private Postgres and the directory that it lives in.
#[derive(Debug)]
pub(crate) struct Private {
    pub(crate) postgres: PrivatePostgres,
    pub(crate) directory: TempDir,
    data: PathBuf,
}

/// A database of a run's own.
#[derive(Debug, Clone)]
pub(crate) struct Place {
    /// The server's address.
    pub(crate) address: Address,
    /// The address as a store takes it.
    pub(crate) url: String,
    /// Before and behind the host and port in it.
    parts: (String, String),
}

impl Place {
    /// The address of this database by way of the TCP port `port` of this machine.
    pub(crate) fn by_way_of(&self, port: u16) -> String {
        format!("{}127.0.0.1:{port}{}", self.parts.0, self.parts.1)
    }
}

impl Cluster {
    /// The given server, or a private one.
    pub(crate) async fn start() -> anyhow::Result<Self> {
        match std::env::var(DATABASE_URL) {
            Ok(url) => Ok(Self::Given { url }),
            Err(_) => Ok(Self::Private(Box::new(Private::start("").await?))),
        }
    }

    /// Makes a database of its own for a run.
    pub(crate) async fn place(&self) -> anyhow::Result<Place> {
        match self {
            Self::Private(private) => private.place().await,
            Self::Given { url } => {
                let mut connection = sql::connect(url).await?;
                let name = name();
                sql::run(&mut connection, format!("CREATE DATABASE {name}")).await?;
                connection.close().await?;
                let (scheme, rest) = url.split_once("://").context("the given address is no URL")?;
                let (authority, path) = rest.split_once('/').unwrap_or((rest, ""));
                let options = path.split_once('?').map_or(String::new(), |(_, options)| format!("?{options}"));
                let (user, host) = authority
                    .rsplit_once('@')
                    .map_or((String::new(), authority), |(user, host)| (format!("{user}@"), host));
                let host = if host.contains(':') { host.to_owned() } else { format!("{host}:5432") };
                let url = format!("{scheme}://{user}{host}/{name}{options}");
                Ok(Place {
                    url,
                    parts: (format!("{scheme}://{user}"), format!("/{name}{options}")),
                    address: Address::Tcp(host),
                })
            }
        }
    }

    /// Ends a private server.
    pub(crate) async fn stop(self) -> anyhow::Result<()> {
        match self {
            Self::Private(private) => private.stop().await,
            Self::Given { .. } => Ok(()),
        }
    }
}

impl Private {
    /// Starts a server in a directory of its own, with `settings` besides Howdah's.
    pub(crate) async fn start(settings: &str) -> anyhow::Result<Self> {
        let directory = tempfile::Builder::new().prefix("howdah-contract-").tempdir()?;
        // The standby of a failover runs as another user.
        std::fs::set_permissions(directory.path(), std::fs::Permissions::from_mode(0o755))?;
        let data = directory.path().join("data");
        Self::start_in(directory, data, settings).await
    }

    /// Starts a server in `data`, somewhere below `directory`.
    pub(crate) async fn start_in(directory: TempDir, data: PathBuf, settings: &str) -> anyhow::Result<Self> {
        let mut postgres = PrivatePostgres::start(PrivatePostgresOptions::new(&data)).await?;
        if !settings.is_empty() {
            postgres.stop().await?;
            std::fs::write(data.join("postgres/custom.conf"), settings)?;
            postgres = PrivatePostgres::start(PrivatePostgresOptions::new(&data)).await?;
        }
        Ok(Self { postgres, directory, data })
    }

    /// The server's data directory.
    pub(crate) fn data(&self) -> PathBuf {
        self.data.join("postgres")
    }

    /// Makes a database of its own for a run.
    pub(crate) async fn place(&self) -> anyhow::Result<Place> {
        let mut connection = sql::connect(&url(&self.data(), "postgres", "postgres")).await?;
        let name = name();
        sql::run(&mut connection, format!("CREATE DATABASE {name} OWNER howdah")).await?;
        connection.close().await?;
        Ok(place(&self.data(), &name))
    }

    /// Ends the server and removes its directory.
    pub(crate) async fn stop(self) -> anyhow::Result<()> {
        self.postgres.stop().await?;
        self.directory.close()?;
        Ok(())
    }

    /// Stops the server, does `work` to its files, and starts it again.
    pub(crate) async fn restart(self, work: impl AsyncFnOnce(&Path) -> anyhow::Result<()>) -> anyhow::Result<Self> {
        let Self { postgres, directory, data } = self;
        postgres.stop().await?;
        work(&data.join("postgres")).await?;
        let postgres = PrivatePostgres::start(PrivatePostgresOptions::new(&data)).await?;
        Ok(Self { postgres, directory, data })
    }
}

/// The database `name` of the server whose socket is in `directory`.
pub(crate) fn place(directory: &Path, name: &str) -> Place {
    Place {
        address: Address::Socket(directory.join(".s.PGSQL.5432")),
        url: url(directory, "howdah", name),
        parts: ("postgres://howdah@".to_owned(), format!("/{name}?sslmode=disable")),
    }
}

/// The URL of the database `name` for `user`, by the socket in `directory`.
pub(crate) fn url(directory: &Path, user: &str, name: &str) -> String {
    format!("postgres://{user}@localhost/{name}?host={}&sslmode=disable", directory.display())
}

fn name() -> String {
    let number = NEXT.fetch_add(1, Ordering::Relaxed);
    format!("contract_{}_{number}", std::process::id())
}
