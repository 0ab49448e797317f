//! Processes that work on a data directory: finding them, waiting for their end, ending them.
//!
//! A process is only ever signalled through a pidfd that was opened before it was recognised, so a pid that is used
//! anew can't be hit. It is recognised by its working directory or its descriptor 3 being the data directory, never
//! by a pid file alone. Postgres' processes carry the name `postgres`, whatever title they show.

use std::ffi::OsString;
use std::io;
use std::os::fd::OwnedFd;
use std::os::unix::ffi::OsStringExt as _;
use std::os::unix::fs::MetadataExt as _;
use std::time::{Duration, Instant};

use rustix::event::{PollFd, PollFlags, Timespec};
use rustix::io::Errno;
use rustix::process::{Pid, PidfdFlags, Signal};
use tokio::io::Interest;
use tokio::io::unix::AsyncFd;
use tokio::process::Child;

use super::PrivatePostgresError;
use super::directory::{Directory, Identity};

/// How long a fast shutdown may take; it ends connections and writes a checkpoint.
const FAST: Duration = Duration::from_secs(30);
/// How long an immediate shutdown may take.
const IMMEDIATE: Duration = Duration::from_secs(10);
/// The settings that name Howdah's data directory and the stamp on a server's command line.
pub(super) const DATA_DIR_SETTING: &str = "howdah.data_dir=";
pub(super) const STAMP_SETTING: &str = "howdah.settings=";

/// A process, held so that its end is noticed and its pid can't be mistaken.
#[derive(Debug)]
pub(super) struct Process {
    pid: u32,
    handle: AsyncFd<OwnedFd>,
    /// Where it is our own child, which must be reaped: Postgres takes a zombie for a living server.
    child: Option<Child>,
    since: Instant,
}

impl Process {
    /// Takes over a child just spawned. Where this fails the child runs on, and is found by [`postmaster`].
    pub(super) fn of_child(child: Child) -> io::Result<Self> {
        let pid = child.id().ok_or(Errno::SRCH)?;
        let mut process = Self::of_pid(pid)?.ok_or(Errno::SRCH)?;
        process.child = Some(child);
        Ok(process)
    }

    /// Takes hold of the process `pid`, or of nothing where there is none.
    fn of_pid(pid: u32) -> io::Result<Option<Self>> {
        let Some(number) = i32::try_from(pid).ok().and_then(Pid::from_raw) else { return Ok(None) };
        match rustix::process::pidfd_open(number, PidfdFlags::empty()) {
            Ok(handle) => {
                #[expect(deprecated, reason = "its successor is unsafe, for what an OwnedFd guarantees: it stays open")]
                let handle = AsyncFd::with_interest(handle, Interest::READABLE)?;
                Ok(Some(Self { pid, handle, child: None, since: Instant::now() }))
            }
            Err(Errno::SRCH) => Ok(None),
            Err(error) => Err(error.into()),
        }
    }

    /// Its pid.
    pub(super) fn pid(&self) -> u32 {
        self.pid
    }

    /// How long it has been held.
    pub(super) fn age(&self) -> Duration {
        self.since.elapsed()
    }

    /// Waits for its end and says how it ended. Cancel-safe.
    pub(super) async fn wait(&mut self) -> String {
        match &mut self.child {
            Some(child) => match child.wait().await {
                Ok(status) => status.to_string(),
                Err(error) => format!("unknown: {error}"),
            },
            None => match self.handle.readable().await {
                Ok(_) => "status unknown, for it was adopted".to_owned(),
                // The runtime is being shut down, and this task with it.
                Err(_) => std::future::pending().await,
            },
        }
    }

    /// Ends it: fast (open transactions are rolled back), and where that takes too long at once (with a recovery at
    /// the next start).
    pub(super) async fn stop(&mut self) -> Result<(), PrivatePostgresError> {
        for (signal, patience) in [(Signal::INT, FAST), (Signal::QUIT, IMMEDIATE)] {
            self.signal(signal).map_err(PrivatePostgresError::file("signal", format!("/proc/{}", self.pid)))?;
            if tokio::time::timeout(patience, self.wait()).await.is_ok() {
                return Ok(());
            }
        }
        Err(PrivatePostgresError::StillRunning { pid: self.pid })
    }

    /// Sends it a signal; that it has ended is no error.
    fn signal(&self, signal: Signal) -> io::Result<()> {
        match rustix::process::pidfd_send_signal(self.handle.get_ref(), signal) {
            Ok(()) | Err(Errno::SRCH) => Ok(()),
            Err(error) => Err(error.into()),
        }
    }

    fn is_alive(&self) -> bool {
        let mut ended = [PollFd::new(self.handle.get_ref(), PollFlags::IN)];
        !matches!(rustix::event::poll(&mut ended, Some(&Timespec::default())), Ok(count) if count > 0)
    }
}

/// What postmaster.pid says of a server.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct PidFile {
    /// The server's pid; a server in single-user mode writes it negated.
    pub(super) pid: u32,
    /// Whether it accepts connections.
    pub(super) ready: bool,
}

impl PidFile {
    /// Reads the file in `directory`; a file that is absent, or only half written, says nothing.
    pub(super) fn read(directory: &Directory) -> io::Result<Option<Self>> {
        let content = directory.read("postmaster.pid")?;
        Ok(content.and_then(|content| Self::parse(&String::from_utf8_lossy(&content))))
    }

    fn parse(content: &str) -> Option<Self> {
        let mut lines = content.lines();
        let pid = lines.next()?.trim().parse::<i32>().ok().filter(|&pid| pid != 0)?.unsigned_abs();
        Some(Self { pid, ready: lines.nth(6).is_some_and(|state| state.trim() == "ready") })
    }
}

/// A server that runs on a data directory.
#[derive(Debug)]
pub(super) enum Postmaster {
    /// One that Howdah started.
    Ours {
        /// The server.
        process: Box<Process>,
        /// Howdah's data directory as it was then.
        data_dir: OsString,
        /// The stamp of the settings that it runs with.
        stamp: OsString,
    },
    /// One that somebody else started.
    Foreign {
        /// Its pid.
        pid: u32,
    },
}

/// The living server that postmaster.pid names, if it is one and works on `directory`.
pub(super) fn postmaster(directory: &Directory) -> io::Result<Option<Postmaster>> {
    let Some(PidFile { pid, .. }) = PidFile::read(directory)? else { return Ok(None) };
    let Some(process) = hold(pid, directory.identity())? else { return Ok(None) };
    let line = std::fs::read(format!("/proc/{pid}/cmdline")).unwrap_or_default();
    // A process that is just ending has no command line any more.
    if line.is_empty() || !process.is_alive() {
        return Ok(None);
    }
    let setting = |name: &str| {
        let argument = line.split(|&byte| byte == 0).find_map(|argument| argument.strip_prefix(name.as_bytes()));
        argument.map(|value| OsString::from_vec(value.to_vec()))
    };
    Ok(Some(match setting(DATA_DIR_SETTING) {
        Some(data_dir) => {
            let stamp = setting(STAMP_SETTING).unwrap_or_default();
            Postmaster::Ours { process: Box::new(process), data_dir, stamp }
        }
        None => Postmaster::Foreign { pid },
    }))
}

/// All processes of Postgres, initdb's among them, that work on the directory `identity`.
pub(super) fn occupants(identity: Identity) -> io::Result<Vec<u32>> {
    let own = std::process::id();
    let entries = std::fs::read_dir("/proc")?.filter_map(Result::ok);
    let pids = entries.filter_map(|entry| entry.file_name().to_str()?.parse::<u32>().ok());
    Ok(pids.filter(|&pid| pid != own && occupies(pid, identity)).collect())
}

/// Sends `signal` to those of `pids` that still work on the directory `identity`.
pub(super) fn signal_occupants(pids: &[u32], identity: Identity, signal: Signal) -> io::Result<()> {
    for &pid in pids {
        if let Some(process) = hold(pid, identity)? {
            process.signal(signal)?;
        }
    }
    Ok(())
}

/// Takes hold of the process `pid` if it works on the directory `identity`.
fn hold(pid: u32, identity: Identity) -> io::Result<Option<Process>> {
    if pid == std::process::id() {
        return Ok(None);
    }
    Ok(Process::of_pid(pid)?.filter(|process| occupies(pid, identity) && process.is_alive()))
}

/// Whether the process `pid` is one of Postgres' and works on the directory `identity`. A process that has ended but
/// was not reaped works on nothing. Descriptor 3 tells a program that was started only just now (at first still a
/// shell), the working directory tells a server that Howdah did not start.
fn occupies(pid: u32, identity: Identity) -> bool {
    let name = std::fs::read_to_string(format!("/proc/{pid}/comm")).unwrap_or_default();
    let name = name.trim_end();
    let server = name == "postgres" || name.starts_with(".postgres");
    let leads_there = |link: &str| {
        let target = std::fs::metadata(format!("/proc/{pid}/{link}"));
        target.is_ok_and(|target| Identity { device: target.dev(), inode: target.ino() } == identity)
    };
    (server && leads_there("cwd")) || ((server || name == "initdb" || name == "sh") && leads_there("fd/3"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_pid_file_is_read_in_every_state() {
        let file = |pid: &str, state: &str| PidFile::parse(&format!("{pid}\n/x\n1\n5432\n.\n\n 1 2\n{state}\n"));
        assert_eq!(file("7", "ready   "), Some(PidFile { pid: 7, ready: true }));
        assert_eq!(file("7", "starting"), Some(PidFile { pid: 7, ready: false }));
        assert_eq!(file("-7", "ready"), Some(PidFile { pid: 7, ready: true }));
        assert_eq!(PidFile::parse("7\n/x\n"), Some(PidFile { pid: 7, ready: false }));
        for nothing in ["", "\n", "0\n", "seven\n", "99999999999999\n"] {
            assert_eq!(PidFile::parse(nothing), None, "{nothing:?}");
        }
    }

    #[test]
    fn a_process_of_another_program_is_no_occupant() {
        let temporary = tempfile::tempdir().unwrap();
        let directory = Directory::open(temporary.path()).unwrap();
        let mut child = std::process::Command::new("sleep").arg("60").current_dir(temporary.path()).spawn().unwrap();
        let found = occupants(directory.identity());
        child.kill().unwrap();
        child.wait().unwrap();
        assert_eq!(found.unwrap(), [] as [u32; 0]);
    }
}
