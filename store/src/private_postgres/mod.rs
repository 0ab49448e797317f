//! The private Postgres of the embedded default: made, started, supervised and stopped by Howdah, as an unprivileged
//! user, on a socket inside Howdah's data directory, with nothing listening on TCP.
//!
//! The flow of [`PrivatePostgres::start`]: who runs it ([`account`]) → the lock ([`lock`]) → which binaries
//! ([`binaries`]) → initdb where there are no data ([`init`]) → adopt, replace or start a server ([`launch`], with
//! [`settings`], [`program`] and [`process`]) → wait until the role howdah can connect ([`connect`]) → a task that
//! keeps it up ([`supervise`]).
//!
//! In Howdah's data directory lie `postgres` (Postgres' own), `postgres.new` (while it is made), `postgres.lock`,
//! `postgres.log` and `postgres.log.1`.
//!
//! Invariants:
//! - One Howdah supervises a data directory at a time; the lock says so.
//! - The server outlives Howdah, however that ends, unless [`PrivatePostgres::stop`] is called; the next Howdah
//!   adopts it. The directory is closed to all but the user who runs Postgres, so nobody else gets at the socket.
//! - No file of an earlier server is removed while one of its processes lives.
//! - Settings are brought up to date at each start; data are never converted, moved or removed.
//!
//! Deliberately absent: passwords (the kernel says who connects), upgrades between major versions, backups, tuning to
//! the machine, and any privilege or mount to reach the data (see [`program`]).

mod account;
mod binaries;
mod connect;
mod directory;
mod error;
mod init;
mod launch;
mod lock;
mod log;
mod process;
mod program;
mod settings;
mod supervise;
mod sync;

use std::os::unix::fs::DirBuilderExt as _;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use tokio::sync::oneshot;
use tokio::task::JoinHandle;

use crate::Database;
use account::Account;
use directory::Directory;
use launch::Launcher;

pub use error::PrivatePostgresError;

/// How the private Postgres is started. [`PrivatePostgresOptions::new`] gives the defaults.
#[derive(Debug, Clone)]
pub struct PrivatePostgresOptions {
    /// Howdah's data directory; Postgres' own is `postgres` in it. It is created where it lacks. Its path may be long,
    /// and may lead through folders that only Howdah's user can enter.
    pub data_dir: PathBuf,
    /// The operating system's user whom Postgres runs as when Howdah runs as root; otherwise it runs as Howdah's own.
    pub user: String,
    /// The directory that holds `postgres` and `initdb`. Where it isn't said: HOWDAH_POSTGRES_BIN, else the newest of
    /// /usr/lib/postgresql/*/bin from version 14 on, else PATH; for data that exist, the version that made them.
    pub binaries: Option<PathBuf>,
}

impl PrivatePostgresOptions {
    /// The defaults, in `data_dir`: user `postgres`, binaries found.
    #[must_use]
    pub fn new(data_dir: impl Into<PathBuf>) -> Self {
        Self { data_dir: data_dir.into(), user: "postgres".to_owned(), binaries: None }
    }
}

/// What a start found.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum StartOutcome {
    /// No data; they were made, and the server started on them.
    Initialised,
    /// Data without a server; it was started.
    Started,
    /// A server with other settings or another binary; it was stopped, and one started anew.
    Restarted,
    /// A server as it should be, left by an earlier Howdah; it was taken over as it runs.
    Adopted,
}

/// A running private Postgres and its supervision.
///
/// Dropping it ends the supervision and leaves Postgres running, to be adopted by the next start;
/// [`PrivatePostgres::stop`] ends both.
#[derive(Debug)]
pub struct PrivatePostgres {
    launcher: Arc<Launcher>,
    outcome: StartOutcome,
    stop: oneshot::Sender<()>,
    supervisor: JoinHandle<Result<(), PrivatePostgresError>>,
}

impl PrivatePostgres {
    /// Makes the data where there are none, brings up the server, and returns once it accepts Howdah's connections. The
    /// supervision runs on the present Tokio runtime, which needs its IO and time drivers.
    ///
    /// # Errors
    /// Any [`PrivatePostgresError`] but `SupervisorGone`. A server that does not accept connections
    /// within 60 s is left running ([`PrivatePostgresError::NotReady`]); after any other error none runs that did not
    /// run before.
    pub async fn start(options: PrivatePostgresOptions) -> Result<Self, PrivatePostgresError> {
        let PrivatePostgresOptions { data_dir, user, binaries } = options;
        let account = Account::resolve(&user).await?;
        let data_dir = prepare_data_dir(&data_dir)?;
        let lock = lock::acquire(&data_dir).await?;
        let given_binaries = binaries.or_else(binaries::from_environment);
        let home = data_dir.join("postgres");
        let new = init::is_needed(&home)?;
        if new {
            let binaries = binaries::choose(given_binaries.as_deref(), None).await?;
            tracing::info!(path = %home.display(), postgres.major = binaries.major, "making a data directory for Postgres");
            init::initialise(&data_dir, &home, &binaries, &account).await?;
        }
        let home = Directory::open(&home)?;
        let launcher = Arc::new(Launcher::new(data_dir, home, account, given_binaries, lock));
        let (process, outcome) = supervise::first(&launcher, new).await?;
        let outcome = if new { StartOutcome::Initialised } else { outcome };
        let (stop, stop_request) = oneshot::channel();
        let supervisor = tokio::spawn(supervise::supervise(Arc::clone(&launcher), process, stop_request));
        Ok(Self { launcher, outcome, stop, supervisor })
    }

    /// The database `howdah`, entered as its owner, the role `howdah` (no superuser). It stays good over restarts of
    /// the server, and keeps what it needs for as long as it lives.
    #[must_use]
    pub fn database(&self) -> Database {
        let home = &self.launcher.home;
        Database::new(connect::options(home), Some(Arc::clone(home.handle())))
    }

    /// The postmaster's pid, or `None` while it is down.
    #[must_use]
    pub fn pid(&self) -> Option<u32> {
        self.launcher.pid()
    }

    /// What the start found.
    #[must_use]
    pub fn outcome(&self) -> StartOutcome {
        self.outcome
    }

    /// Ends Postgres and its supervision: open transactions are rolled back, and a checkpoint is written so that the
    /// next start needs no recovery. Takes at most 40 s.
    ///
    /// # Errors
    /// [`PrivatePostgresError::StillRunning`] where Postgres does not end, [`PrivatePostgresError::SupervisorGone`]
    /// where the runtime that this was started on is gone.
    pub async fn stop(self) -> Result<(), PrivatePostgresError> {
        let Self { stop, supervisor, .. } = self;
        // Where nobody listens any more, the task has ended, and says how.
        let _ = stop.send(());
        supervisor.await.map_err(|_| PrivatePostgresError::SupervisorGone)?
    }
}

/// Creates Howdah's data directory where it lacks; returns its path, absolute and free of links.
fn prepare_data_dir(data_dir: &Path) -> Result<PathBuf, PrivatePostgresError> {
    let mut builder = std::fs::DirBuilder::new();
    builder.recursive(true).mode(0o700).create(data_dir).map_err(PrivatePostgresError::file("create", data_dir))?;
    data_dir.canonicalize().map_err(PrivatePostgresError::file("find", data_dir))
}
