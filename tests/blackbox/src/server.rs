//! A server of a suite's own: the built binary, a data directory below the temporary one, a free port.

use std::io::{BufRead as _, BufReader};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::mpsc;
use std::time::Duration;

use anyhow::{Context as _, Result, bail};
use rustix::event::{PollFd, PollFlags, Timespec, poll};
use rustix::process::{Pid, PidfdFlags, pidfd_open};

/// How long a server may take until it says that it is ready.
const START: Duration = Duration::from_secs(60);
/// How long it may take to stop.
const STOP: Duration = Duration::from_secs(20);

/// The kubeconfig of the server that the environment names, if it names one.
#[must_use]
pub fn kubeconfig_of_the_environment() -> Option<PathBuf> {
    std::env::var_os("HOWDAH_TEST_KUBECONFIG").map(PathBuf::from)
}

/// A running server. Dropping it stops it and removes its data.
pub struct Server {
    child: Child,
    data: tempfile::TempDir,
}

impl Server {
    /// Starts `howdah server` with these further arguments and waits until it is ready.
    ///
    /// # Errors
    /// When there is no binary, or it does not get ready; its log is on standard error.
    pub fn start(arguments: &[&str]) -> Result<Self> {
        let data = tempfile::tempdir()?;
        let mut command = Command::new(binary()?);
        command.arg("server").arg("--data-dir").arg(data.path()).args(["--listen", "127.0.0.1:0"]).args(arguments);
        let mut child = command.stdout(Stdio::piped()).spawn().context("starting howdah")?;
        let output = child.stdout.take().context("the server's output")?;
        let (ready, is_ready) = mpsc::sync_channel(1);
        std::thread::spawn(move || {
            for line in BufReader::new(output).lines().map_while(Result::ok) {
                if line.starts_with("howdah is ready") {
                    // Nobody waits any more where the start took too long.
                    let _ = ready.send(());
                }
            }
        });
        let server = Self { child, data };
        if is_ready.recv_timeout(START).is_err() {
            bail!("the server did not get ready within {} s", START.as_secs());
        }
        Ok(server)
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

    /// The process.
    #[must_use]
    pub fn pid(&self) -> u32 {
        self.child.id()
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        let pid = i32::try_from(self.child.id()).ok().and_then(Pid::from_raw);
        if let Some(pid) = pid {
            // It may have ended by itself.
            let _ = rustix::process::kill_process(pid, rustix::process::Signal::TERM);
        }
        if pid.is_some_and(|pid| ends_within(pid, STOP)) {
            drop(self.child.wait());
            return;
        }
        drop(self.child.kill());
        drop(self.child.wait());
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
