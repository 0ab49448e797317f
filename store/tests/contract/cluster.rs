//! The Postgres under test: a private one in a temporary directory, or the one that the environment names.
//!
//! Each run has a database of its own in it, made here. The given one's user must be allowed to make databases.

use std::os::unix::fs::PermissionsExt as _;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::Duration;

use anyhow::Context as _;
use howdah_store::{PrivatePostgres, PrivatePostgresOptions};
use rustix::process::{Pid, Signal, kill_process};
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

/// A private Postgres and the directory that it lives in. Dropped without [`Private::stop`], the server is killed.
#[derive(Debug)]
pub(crate) struct Private {
    server: Server,
    directory: TempDir,
    data: PathBuf,
}

/// A private Postgres that does not outlive a trial that failed.
#[derive(Debug)]
struct Server(Option<PrivatePostgres>);

impl Server {
    async fn start(data: &Path) -> anyhow::Result<Self> {
        Ok(Self(Some(PrivatePostgres::start(PrivatePostgresOptions::new(data)).await?)))
    }

    async fn stop(mut self) -> anyhow::Result<()> {
        if let Some(postgres) = self.0.take() {
            postgres.stop().await?;
        }
        Ok(())
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        let Some(postgres) = self.0.take() else { return };
        let pid = postgres.pid().and_then(|pid| Pid::from_raw(pid.cast_signed()));
        // Nobody shall bring it up again.
        drop(postgres);
        if let Some(pid) = pid {
            let _gone = kill_process(pid, Signal::QUIT);
        }
    }
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
            // Connections that a proxy has silenced stay open on the server's side, for the proxy is no host that is gone.
            Err(_) => Ok(Self::Private(Box::new(Private::start("max_connections = 200\n").await?))),
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
        let mut server = Server::start(&data).await?;
        if !settings.is_empty() {
            server.stop().await?;
            std::fs::write(data.join("postgres/custom.conf"), settings)?;
            server = Server::start(&data).await?;
        }
        Ok(Self { server, directory, data })
    }

    /// The postmaster, as soon as there is one.
    pub(crate) async fn postmaster(&self) -> anyhow::Result<Pid> {
        const PATIENCE: Duration = Duration::from_secs(30);
        let waiting = async {
            loop {
                if let Some(pid) = self.server.0.as_ref().and_then(PrivatePostgres::pid) {
                    return pid;
                }
                tokio::time::sleep(Duration::from_millis(5)).await;
            }
        };
        let pid = tokio::time::timeout(PATIENCE, waiting).await.context("Postgres was not started again")?;
        Pid::from_raw(pid.cast_signed()).context("a pid is not zero")
    }

    /// The directory in which a trial may put things of its own.
    pub(crate) fn directory(&self) -> &Path {
        self.directory.path()
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

    /// Ends the server; its directory is the caller's to remove.
    pub(crate) async fn stop_server(self) -> anyhow::Result<TempDir> {
        self.server.stop().await?;
        Ok(self.directory)
    }

    /// Ends the server and removes its directory.
    pub(crate) async fn stop(self) -> anyhow::Result<()> {
        Ok(self.stop_server().await?.close()?)
    }

    /// Stops the server, does `work` to its files, and starts it again.
    pub(crate) async fn restart(self, work: impl AsyncFnOnce(&Path) -> anyhow::Result<()>) -> anyhow::Result<Self> {
        let Self { server, directory, data } = self;
        server.stop().await?;
        work(&data.join("postgres")).await?;
        Ok(Self { server: Server::start(&data).await?, directory, data })
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
