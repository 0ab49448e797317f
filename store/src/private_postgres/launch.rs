//! Brings up a server on the data directory: adopts the one that runs with the settings of now, replaces one that
//! runs with others, and starts one where none runs, once nothing of an earlier one is left.
//!
//! Postgres trusts a pid file whose pid is alive, whoever that is, and refuses to start while processes of a server
//! that was killed still hold its shared memory. Both are settled here: the pid files go away as soon as no process of
//! Postgres works on the directory any more, and never before.

use std::ffi::OsString;
use std::fs::File;
use std::io;
use std::path::PathBuf;
use std::process::Stdio;
use std::sync::atomic::{AtomicU32, AtomicU64, Ordering};
use std::time::Duration;

use rustix::process::Signal;
use tokio::time::Instant;

use super::account::Account;
use super::binaries::Binaries;
use super::directory::Directory;
use super::process::{DATA_DIR_SETTING, Postmaster, Process, STAMP_SETTING};
use super::settings::{Server, Settings, WalCompression};
use super::{PrivatePostgresError, StartOutcome, binaries, log, process, program, settings, sync};

/// How long processes of a server that is gone may go on by themselves before they are told to end at once.
const QUIT_AFTER: Duration = Duration::from_secs(2);
/// After how long they are killed.
const KILL_AFTER: Duration = Duration::from_secs(4);
/// After how long they are given up on.
const GIVE_UP_AFTER: Duration = Duration::from_secs(10);
/// How long the server may take to answer a question about its settings.
const PROBE_TIMEOUT: Duration = Duration::from_secs(10);

/// All it takes to bring up the server, and what is known of the one that is up.
#[derive(Debug)]
pub(super) struct Launcher {
    /// Howdah's data directory: absolute, links resolved.
    pub(super) data_dir: PathBuf,
    /// Postgres' data directory.
    pub(super) home: Directory,
    /// Who runs it.
    pub(super) account: Account,
    /// Where the binaries are, if that was said.
    pub(super) given_binaries: Option<PathBuf>,
    /// What keeps other Howdahs away.
    _lock: File,
    /// The server's pid, or zero.
    pid: AtomicU32,
    /// Where in the log the present server's lines begin.
    log_from: AtomicU64,
}

impl Launcher {
    /// A launcher that has launched nothing yet.
    pub(super) fn new(
        data_dir: PathBuf,
        home: Directory,
        account: Account,
        given_binaries: Option<PathBuf>,
        lock: File,
    ) -> Self {
        let (pid, log_from) = (AtomicU32::new(0), AtomicU64::new(0));
        Self { data_dir, home, account, given_binaries, _lock: lock, pid, log_from }
    }

    /// The pid of the server that is up, as far as is known.
    pub(super) fn pid(&self) -> Option<u32> {
        Some(self.pid.load(Ordering::Acquire)).filter(|&pid| pid != 0)
    }

    /// Notes that no server is up.
    pub(super) fn is_down(&self) {
        self.pid.store(0, Ordering::Release);
    }

    /// The server's log.
    pub(super) fn log_file(&self) -> PathBuf {
        log::path(&self.data_dir)
    }

    /// What the present server logged last.
    pub(super) fn log_tail(&self) -> String {
        log::tail(&self.log_file(), self.log_from.load(Ordering::Relaxed))
    }

    /// Brings up a server, which need not accept connections yet. Says whether it was there already.
    pub(super) async fn launch(&self) -> Result<(Process, StartOutcome), PrivatePostgresError> {
        self.check_owner()?;
        let binaries = binaries::choose(self.given_binaries.as_deref(), Some(&self.home)).await?;
        let server = self.describe(&binaries).await?;
        let settings = Settings::new(&server, &self.account, &self.home)?;
        let mut outcome = StartOutcome::Started;
        let process = loop {
            match self.clear_the_way(&settings).await? {
                Way::Adopt(process) => {
                    tracing::info!(postgres.pid = process.pid(), "adopting the Postgres that runs already");
                    outcome = StartOutcome::Adopted;
                    break process;
                }
                Way::Replace(mut process) => {
                    let pid = process.pid();
                    tracing::info!(postgres.pid = pid, "restarting Postgres, which runs with other settings");
                    process.stop().await?;
                    outcome = StartOutcome::Restarted;
                }
                Way::Free => break self.spawn(&binaries, &settings)?,
            }
        };
        self.pid.store(process.pid(), Ordering::Release);
        Ok((process, outcome))
    }

    fn check_owner(&self) -> Result<(), PrivatePostgresError> {
        if self.home.owner() == self.account.uid {
            return Ok(());
        }
        Err(PrivatePostgresError::Owner {
            directory: self.home.path().to_owned(),
            owner: self.home.owner(),
            user: self.account.name.clone(),
            uid: self.account.uid,
        })
    }

    /// Looks at who works on the directory, and waits for the remains of a dead server to go.
    async fn clear_the_way(&self, settings: &Settings) -> Result<Way, PrivatePostgresError> {
        let failed = || PrivatePostgresError::file("examine the processes on", self.home.path());
        let begun = Instant::now();
        loop {
            match process::postmaster(&self.home).map_err(failed())? {
                Some(Postmaster::Ours { process, data_dir, stamp }) => {
                    let same = data_dir == self.data_dir && stamp == settings.stamp();
                    return Ok(if same { Way::Adopt(*process) } else { Way::Replace(*process) });
                }
                Some(Postmaster::Foreign { pid }) => {
                    return Err(PrivatePostgresError::ForeignServer { directory: self.home.path().to_owned(), pid });
                }
                None => {}
            }
            let pids = process::occupants(self.home.identity()).map_err(failed())?;
            if pids.is_empty() {
                return Ok(Way::Free);
            }
            // Processes that lost their server end by themselves, and a server that was only just started will
            // write its pid file; what stays is neither.
            let waited = begun.elapsed();
            let signal = match waited {
                waited if waited > GIVE_UP_AFTER => {
                    return Err(PrivatePostgresError::Leftover { directory: self.home.path().to_owned(), pids });
                }
                waited if waited > KILL_AFTER => Some(Signal::KILL),
                waited if waited > QUIT_AFTER => Some(Signal::QUIT),
                _ => None,
            };
            if let Some(signal) = signal {
                tracing::warn!(?pids, ?signal, "ending processes of an earlier Postgres");
                process::signal_occupants(&pids, self.home.identity(), signal).map_err(failed())?;
            }
            tokio::time::sleep((waited / 4).clamp(Duration::from_millis(2), Duration::from_millis(200))).await;
        }
    }

    /// Starts a server. Nothing else may work on the directory.
    fn spawn(&self, binaries: &Binaries, settings: &Settings) -> Result<Process, PrivatePostgresError> {
        for name in ["postmaster.pid", &format!(".s.PGSQL.{}.lock", settings::PORT)] {
            self.home.remove(name).map_err(PrivatePostgresError::file("remove", self.home.path().join(name)))?;
        }
        settings.write(&self.home, &self.account)?;
        let log_file = self.log_file();
        let (log, from) = log::open(&log_file).map_err(PrivatePostgresError::file("open", &log_file))?;
        self.log_from.store(from, Ordering::Relaxed);
        let program = binaries.program("postgres");
        let mut data_dir = OsString::from(DATA_DIR_SETTING);
        data_dir.push(&self.data_dir);
        let run = || -> io::Result<Process> {
            let mut command = program::command(&program, &self.account, &self.home)?;
            command.arg("-c").arg(data_dir).arg("-c").arg(format!("{STAMP_SETTING}{}", settings.stamp()));
            command.stdout(Stdio::from(log.try_clone()?)).stderr(Stdio::from(log));
            Process::of_child(command.spawn()?)
        };
        let process = run().map_err(|source| PrivatePostgresError::Run { program, source })?;
        tracing::info!(postgres.pid = process.pid(), postgres.major = binaries.major, "Postgres started");
        Ok(process)
    }

    /// Finds out what the settings depend on. The server is only asked when it is not the one that the settings were
    /// last written for.
    async fn describe(&self, binaries: &Binaries) -> Result<Server, PrivatePostgresError> {
        let identity = binaries.identity()?;
        let wal_compression = match settings::known_wal_compression(&self.home, &identity) {
            Some(known) => known,
            None => self.probe_wal_compression(binaries).await?,
        };
        Ok(Server { identity, wal_compression, syncfs: sync::is_reliable() })
    }

    /// Asks the server for the value that it would give a setting; it refuses one that it can't do.
    async fn probe_wal_compression(&self, binaries: &Binaries) -> Result<WalCompression, PrivatePostgresError> {
        let program = binaries.program("postgres");
        let failed = |source| PrivatePostgresError::Run { program: program.clone(), source };
        let mut command = program::command(&program, &self.account, &self.home).map_err(failed)?;
        command.args(["-c", "config_file=/dev/null", "-c", "wal_compression=lz4", "-C", "wal_compression"]);
        command.stdout(Stdio::null()).stderr(Stdio::null()).kill_on_drop(true);
        let mut child = command.spawn().map_err(failed)?;
        match tokio::time::timeout(PROBE_TIMEOUT, child.wait()).await {
            Ok(Ok(status)) if status.success() => Ok(WalCompression::Lz4),
            Ok(Ok(_)) => Ok(WalCompression::Pglz),
            Ok(Err(source)) => Err(failed(source)),
            Err(_) => Err(failed(io::ErrorKind::TimedOut.into())),
        }
    }
}

/// What is to be done about a server.
enum Way {
    /// One runs as it should.
    Adopt(Process),
    /// One runs with other settings.
    Replace(Process),
    /// None runs.
    Free,
}
