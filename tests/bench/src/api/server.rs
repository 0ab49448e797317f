//! Howdah's own server: `howdah server` with a private Postgres, as an operator starts it.

use std::fs::File;
use std::net::{Ipv4Addr, SocketAddr, TcpListener};
use std::path::{Path, PathBuf};
use std::process::Stdio;
use std::sync::Arc;
use std::time::Duration;

use anyhow::{Context as _, Result, bail, ensure};
use rustix::process::{Pid, Signal, kill_process};
use tokio::process::{Child, Command};
use tokio::time::{Instant, sleep, timeout};

use super::connection::{Call, Endpoint, Protocol};
use super::kubeconfig::{Kubeconfig, Trust};

const START_TIMEOUT: Duration = Duration::from_secs(120);
const STOP_TIMEOUT: Duration = Duration::from_secs(30);
const PROBE_TIMEOUT: Duration = Duration::from_secs(5);
const PROBE_PAUSE: Duration = Duration::from_millis(2);

/// A running server; killed when dropped.
pub(crate) struct Server {
    child: Child,
    kubeconfig: PathBuf,
    start: Duration,
}

/// The server's binary: the one given, or the one beside this program.
///
/// # Errors
/// Where there is none.
pub(crate) fn find(given: Option<&Path>) -> Result<PathBuf> {
    let beside =
        || Ok::<_, anyhow::Error>(std::env::current_exe().context("finding this program")?.with_file_name("howdah"));
    let binary = given.map_or_else(beside, |given| Ok(given.to_owned()))?;
    ensure!(binary.is_file(), "{} is no file; build howdah first, or name it with --server", binary.display());
    Ok(binary)
}

impl Server {
    /// Starts the server on the data directory `dir` and returns once `/readyz` says that it is ready, which is what
    /// [`Self::start_time`] is taken to.
    pub(crate) async fn start(binary: &Path, dir: &Path) -> Result<Self> {
        let address = free_address()?;
        let log_path = dir.with_extension("log");
        let log = File::create(&log_path).with_context(|| format!("making {}", log_path.display()))?;
        let mut command = Command::new(binary);
        for (name, _) in std::env::vars_os() {
            if name.as_encoded_bytes().starts_with(b"HOWDAH_") {
                command.env_remove(name);
            }
        }
        command.arg("server").arg("--data-dir").arg(dir).args(["--listen", &address.to_string()]);
        command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(log).kill_on_drop(true);
        let begin = Instant::now();
        let child = command.spawn().with_context(|| format!("starting {}", binary.display()))?;
        let kubeconfig = dir.join("admin.kubeconfig");
        let mut server = Self { child, kubeconfig, start: Duration::ZERO };
        server.wait_until_ready(address, &log_path).await?;
        server.start = begin.elapsed();
        ensure!(
            server.kubeconfig.is_file(),
            "the server is ready, but has not written {}",
            server.kubeconfig.display()
        );
        Ok(server)
    }

    /// From the start of the process to `/readyz`.
    pub(crate) fn start_time(&self) -> Duration {
        self.start
    }

    /// The administrator's kubeconfig.
    pub(crate) fn kubeconfig(&self) -> &Path {
        &self.kubeconfig
    }

    /// The process id.
    pub(crate) fn pid(&self) -> Result<u32> {
        self.child.id().context("the server has ended")
    }

    /// Ends the server as a service manager would, and waits for it; kills it where it does not end.
    pub(crate) async fn stop(mut self) -> Result<()> {
        let pid = i32::try_from(self.pid()?).ok().and_then(Pid::from_raw).context("the server's process id is none")?;
        kill_process(pid, Signal::TERM).context("ending the server")?;
        if timeout(STOP_TIMEOUT, self.child.wait()).await.is_err() {
            self.child.kill().await.context("killing the server")?;
            bail!("the server did not end within {} s and was killed", STOP_TIMEOUT.as_secs());
        }
        Ok(())
    }

    /// Asks for `/readyz`, as anybody may, until the answer is good.
    async fn wait_until_ready(&mut self, address: SocketAddr, log: &Path) -> Result<()> {
        let anybody = Kubeconfig {
            server: format!("https://{address}"),
            server_name: None,
            trust: Trust::Anybody,
            certificate: None,
            token: None,
        };
        let endpoint = Arc::new(Endpoint::new(&anybody, Protocol::Http1)?);
        let deadline = Instant::now() + START_TIMEOUT;
        loop {
            if let Some(status) = self.child.try_wait().context("asking after the server")? {
                bail!("the server ended at its start ({status}); its last words:\n{}", tail(log));
            }
            let probe = async { endpoint.connect().await?.call(Call::get("/readyz")).await };
            let last = match timeout(PROBE_TIMEOUT, probe).await {
                Ok(Ok(_)) => return Ok(()),
                Ok(Err(error)) => format!("{error:#}"),
                Err(_) => "no answer".to_owned(),
            };
            ensure!(Instant::now() < deadline, "the server was not ready within {} s: {last}", START_TIMEOUT.as_secs());
            sleep(PROBE_PAUSE).await;
        }
    }
}

/// A loopback address that nobody listens on.
fn free_address() -> Result<SocketAddr> {
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).context("looking for a free port")?;
    listener.local_addr().context("looking for a free port")
}

/// The last lines of a log.
fn tail(log: &Path) -> String {
    let text = std::fs::read_to_string(log).unwrap_or_default();
    let lines: Vec<_> = text.lines().collect();
    lines[lines.len().saturating_sub(10)..].join("\n")
}
