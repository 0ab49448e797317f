//! A server of a suite's own: the built binary, a data directory below the temporary one, a free port.

use std::io::{BufRead as _, BufReader};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, ExitStatus, Stdio};
use std::sync::mpsc;
use std::time::Duration;

use anyhow::{Context as _, Result, bail, ensure};
use kube::config::Kubeconfig;
use rustix::event::{PollFd, PollFlags, Timespec, poll};
use rustix::process::{Pid, PidfdFlags, Signal, kill_process, pidfd_open};

/// How long a server may take until it says that it is ready.
const START: Duration = Duration::from_secs(60);
/// How long it may take to stop.
const STOP: Duration = Duration::from_secs(20);

/// The kubeconfig of the server that the environment names, if it names one.
#[must_use]
pub fn kubeconfig_of_the_environment() -> Option<PathBuf> {
    std::env::var_os("HOWDAH_TEST_KUBECONFIG").map(PathBuf::from)
}

/// A server, running or stopped for the moment. Dropping it stops it and removes its data.
pub struct Server {
    /// `None` while it is stopped.
    child: Option<Child>,
    /// It was killed last, so it could not stop what it had started.
    killed: bool,
    listen: String,
    arguments: Vec<String>,
    data: tempfile::TempDir,
}

impl Server {
    /// Starts `howdah server` with these further arguments and waits until it is ready.
    ///
    /// # Errors
    /// When there is no binary, or it does not get ready; its log is on standard error.
    pub fn start(arguments: &[&str]) -> Result<Self> {
        let arguments = arguments.iter().map(|&argument| argument.to_owned()).collect();
        let listen = "127.0.0.1:0".to_owned();
        let mut server = Self { child: None, killed: false, listen, arguments, data: tempfile::tempdir()? };
        server.start_again()?;
        // It keeps the port that it found.
        let kubeconfig = Kubeconfig::read_from(server.kubeconfig()).context("the server's kubeconfig")?;
        let cluster = kubeconfig.clusters.first().and_then(|named| named.cluster.as_ref());
        let url = cluster.and_then(|cluster| cluster.server.as_deref()).context("the kubeconfig names no server")?;
        server.listen = url.trim_start_matches("https://").trim_end_matches('/').to_owned();
        Ok(server)
    }

    /// Starts a stopped server anew, on the same data and, after the first time, the same port, and waits until it is
    /// ready.
    ///
    /// # Errors
    /// When it runs already, or does not get ready; its log is on standard error.
    pub fn start_again(&mut self) -> Result<()> {
        ensure!(self.child.is_none(), "the server runs already");
        let mut command = Command::new(binary()?);
        command.arg("server").arg("--data-dir").arg(self.data.path()).args(["--listen", &self.listen]);
        command.args(&self.arguments);
        let mut child = command.stdout(Stdio::piped()).spawn().context("starting howdah")?;
        let output = child.stdout.take().context("the server's output")?;
        self.child = Some(child);
        let (ready, is_ready) = mpsc::sync_channel(1);
        std::thread::spawn(move || {
            for line in BufReader::new(output).lines().map_while(Result::ok) {
                if line.starts_with("howdah is ready") {
                    // Nobody waits any more where the start took too long.
                    let _ = ready.send(());
                }
            }
        });
        if is_ready.recv_timeout(START).is_err() {
            bail!("the server did not get ready within {} s", START.as_secs());
        }
        self.killed = false;
        Ok(())
    }

    /// Stops it as a supervisor would, by SIGTERM, and keeps its data.
    ///
    /// # Errors
    /// When it does not run, does not stop within 20 s, or stops with an error.
    pub fn terminate(&mut self) -> Result<()> {
        let status = self.end(Signal::TERM)?;
        ensure!(status.success(), "the server stopped with {status}");
        Ok(())
    }

    /// Kills it, and keeps its data.
    ///
    /// # Errors
    /// When it does not run.
    pub fn kill(&mut self) -> Result<()> {
        self.end(Signal::KILL)?;
        self.killed = true;
        Ok(())
    }

    /// Sends a signal that ends it and waits for the end.
    fn end(&mut self, signal: Signal) -> Result<ExitStatus> {
        let child = self.child.as_mut().context("the server does not run")?;
        let pid = i32::try_from(child.id()).ok().and_then(Pid::from_raw).context("a pid")?;
        // It may have ended by itself; then waiting tells.
        let _ = kill_process(pid, signal);
        if ends_within(pid, STOP) {
            let status = child.wait()?;
            self.child = None;
            return Ok(status);
        }
        bail!("the server did not stop within {} s", STOP.as_secs())
    }

    /// The kubeconfig of an administrator.
    #[must_use]
    pub fn kubeconfig(&self) -> PathBuf {
        self.data.path().join("admin.kubeconfig")
    }

    /// The data directory.
    #[must_use]
    pub fn data_dir(&self) -> &Path {
        self.data.path()
    }

    /// The process, where it runs.
    #[must_use]
    pub fn pid(&self) -> Option<u32> {
        self.child.as_ref().map(Child::id)
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        // Its Postgres outlived it; the next server takes that over, and ends it.
        if self.killed && self.child.is_none() && self.start_again().is_err() {
            eprintln!("a killed server could not be started again to clear up behind it");
        }
        if self.child.is_some() && self.end(Signal::TERM).is_err() {
            drop(self.end(Signal::KILL));
        }
    }
}

/// Waits for a process' end.
fn ends_within(pid: Pid, patience: Duration) -> bool {
    let Ok(process) = pidfd_open(pid, PidfdFlags::empty()) else { return false };
    let Ok(patience) = Timespec::try_from(patience) else { return false };
    matches!(poll(&mut [PollFd::new(&process, PollFlags::IN)], Some(&patience)), Ok(1))
}

/// The binary that was built beside the test.
fn binary() -> Result<PathBuf> {
    if let Some(named) = std::env::var_os("HOWDAH_BIN") {
        return Ok(PathBuf::from(named));
    }
    let own = std::env::current_exe()?;
    let folder = own.parent().and_then(Path::parent).context("the test has no build folder")?;
    let binary = folder.join("howdah");
    if !binary.is_file() {
        bail!("{} is not there; build it first: cargo build --bin howdah", binary.display());
    }
    Ok(binary)
}
