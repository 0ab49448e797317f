//! etcd's process: one member on loopback, with a data directory in the benchmark's own.
//!
//! Default settings but for the quota: etcd stops taking writes at 2 GB of history, which a long run on a fast machine
//! reaches, since nothing compacts here. A larger quota changes nothing else.

use std::ffi::OsStr;
use std::fs::File;
use std::net::{Ipv4Addr, TcpListener};
use std::path::{Path, PathBuf};
use std::process::Stdio;
use std::time::Duration;

use anyhow::{Context as _, Result, bail, ensure};
use rustix::process::{Pid, Signal, kill_process};
use tokio::process::{Child, Command};
use tokio::time::{Instant, sleep, timeout};
use tonic::transport::Endpoint;

use super::rpc::{Client, RangeRequest};

const START_TIMEOUT: Duration = Duration::from_secs(60);
const STOP_TIMEOUT: Duration = Duration::from_secs(20);
const CONNECT_TIMEOUT: Duration = Duration::from_secs(5);
const READY_POLL: Duration = Duration::from_millis(2);
const QUOTA_BYTES: u64 = 8 << 30;

/// A running etcd; killed when dropped.
pub(crate) struct Server {
    child: Child,
    endpoint: Endpoint,
}

/// Finds etcd's binary: the one given, or the first in `PATH`.
pub(crate) fn find(given: Option<&Path>) -> Option<PathBuf> {
    if let Some(given) = given {
        return given.is_file().then(|| given.to_owned());
    }
    let path = std::env::var_os("PATH")?;
    std::env::split_paths(&path).map(|dir| dir.join("etcd")).find(|file| file.is_file())
}

impl Server {
    /// Starts etcd on the data directory `dir`, makes it where it is missing, and returns once a linearizable read is
    /// answered.
    pub(crate) async fn start(binary: &Path, dir: &Path) -> Result<Self> {
        std::fs::create_dir_all(dir).with_context(|| format!("making {}", dir.display()))?;
        let (client, peer) = free_ports()?;
        let (client, peer) = (format!("http://127.0.0.1:{client}"), format!("http://127.0.0.1:{peer}"));
        let log_path = dir.join("etcd.log");
        let log = File::create(&log_path).with_context(|| format!("making {}", log_path.display()))?;
        let mut command = Command::new(binary);
        for (name, _) in std::env::vars_os() {
            if name.as_encoded_bytes().starts_with(b"ETCD_") {
                command.env_remove(name);
            }
        }
        command
            .args([OsStr::new("--name"), OsStr::new("bench"), OsStr::new("--data-dir"), dir.join("data").as_os_str()])
            .args(["--listen-client-urls", &client, "--advertise-client-urls", &client])
            .args(["--listen-peer-urls", &peer, "--initial-advertise-peer-urls", &peer])
            .args(["--initial-cluster", &format!("bench={peer}")])
            .args(["--quota-backend-bytes", &QUOTA_BYTES.to_string()])
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(log)
            .kill_on_drop(true);
        let child = command.spawn().with_context(|| format!("starting {}", binary.display()))?;
        let endpoint = Endpoint::from_shared(client)?.connect_timeout(CONNECT_TIMEOUT);
        let mut server = Self { child, endpoint };
        server.wait_until_ready(&log_path).await?;
        Ok(server)
    }

    /// A client on a connection of its own.
    pub(crate) async fn connect(&self) -> Result<Client> {
        Ok(Client::new(self.endpoint.connect().await.context("connecting to etcd")?))
    }

    /// The process id.
    pub(crate) fn pid(&self) -> Result<u32> {
        self.child.id().context("etcd has ended")
    }

    /// Ends etcd as its service manager would, and waits for it; kills it where it does not end.
    pub(crate) async fn stop(mut self) -> Result<()> {
        let pid = i32::try_from(self.pid()?).ok().and_then(Pid::from_raw).context("etcd's process id is none")?;
        kill_process(pid, Signal::TERM).context("ending etcd")?;
        if timeout(STOP_TIMEOUT, self.child.wait()).await.is_err() {
            self.child.kill().await.context("killing etcd")?;
            bail!("etcd did not end within {} s and was killed", STOP_TIMEOUT.as_secs());
        }
        Ok(())
    }

    async fn wait_until_ready(&mut self, log: &Path) -> Result<()> {
        let deadline = Instant::now() + START_TIMEOUT;
        loop {
            if let Some(status) = self.child.try_wait().context("asking after etcd")? {
                bail!("etcd ended at its start ({status}); its last words:\n{}", tail(log));
            }
            let answered = timeout(CONNECT_TIMEOUT, self.first_read()).await;
            if matches!(answered, Ok(Ok(()))) {
                return Ok(());
            }
            ensure!(Instant::now() < deadline, "etcd did not answer within {} s", START_TIMEOUT.as_secs());
            sleep(READY_POLL).await;
        }
    }

    async fn first_read(&self) -> Result<()> {
        let request = RangeRequest { key: "absent".into(), ..RangeRequest::default() };
        self.connect().await?.range(request).await?;
        Ok(())
    }
}

/// Two ports of the loopback address that nobody listens on.
fn free_ports() -> Result<(u16, u16)> {
    let bind = || TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).context("looking for a free port");
    let (a, b) = (bind()?, bind()?);
    Ok((a.local_addr()?.port(), b.local_addr()?.port()))
}

/// The last lines of a log.
fn tail(log: &Path) -> String {
    let text = std::fs::read_to_string(log).unwrap_or_default();
    let lines: Vec<_> = text.lines().collect();
    lines[lines.len().saturating_sub(10)..].join("\n")
}
