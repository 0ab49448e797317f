//! A history that loses its tail: by a failover to a standby that was behind, and by restoring a cold copy.

use std::os::unix::process::CommandExt as _;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::sync::Arc;
use std::time::{Duration, Instant};

use anyhow::{Context as _, bail, ensure};
use rustix::process::{Pid, Signal, kill_process};

use super::{RECOVERY, begin};
use crate::checker::Loss;
use crate::clock::now;
use crate::cluster::{Place, Private, place, url};
use crate::proxy::{Flow, Proxy, Way};
use crate::sql;
use crate::trial::{Suite, Trials, Verdict, tell};

/// How long a write may take.
const TIMEOUT: Duration = Duration::from_secs(15);

/// Adds the trials.
pub(super) fn add(trials: &mut Trials) {
    trials.add_private("faults::history::failover", failover);
    trials.add_private("faults::history::restore", restore);
}

/// The revision of the database `place`, as soon as it can be read.
async fn revision_at(place: &Place) -> anyhow::Result<i64> {
    let give_up = Instant::now() + RECOVERY;
    loop {
        let read = async { sql::newest(&mut sql::connect(&place.url).await?).await };
        match read.await {
            Ok(revision) => return Ok(revision),
            Err(error) if Instant::now() > give_up => return Err(error),
            Err(_) => tokio::time::sleep(Duration::from_millis(50)).await,
        }
    }
}

async fn failover(suite: Arc<Suite>) -> Verdict {
    let began = Instant::now();
    let private = Private::start("wal_level = replica\nmax_wal_senders = 4\n").await?;
    let primary = private.place().await?;
    let proxy = Proxy::start(primary.address.clone()).await?;
    let replication = Proxy::start(primary.address.clone()).await?;
    let urls = [primary.by_way_of(proxy.port), primary.by_way_of(proxy.port)];
    let (mut run, _clients) = begin(&suite, primary.clone(), &urls, TIMEOUT).await?;
    let standby = Standby::start(&private, replication.port)?;
    let name = primary.url.split(['/', '?']).nth(3).context("the address names a database")?.to_owned();
    let behind = place(&standby.directory, &name);
    let reached = revision_at(&primary).await?;
    while revision_at(&behind).await? < reached {
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
    // From here on the standby gets nothing, and does not know.
    replication.lead_to(None);
    replication.all(Way::Down, Flow::Swallow);
    run.progress(200, RECOVERY).await.context("the tail that is to be lost")?;
    let (lost, surviving) = (revision_at(&primary).await?, revision_at(&behind).await?);
    ensure!(surviving < lost, "nothing would be lost: the standby is at {surviving}, the primary at {lost}");
    proxy.lead_to(None);
    proxy.all(Way::Both, Flow::Cut);
    kill_process(private.postmaster().await?, Signal::KILL)?;
    replication.all(Way::Both, Flow::Cut);
    standby.promote().await?;
    let surviving = revision_at(&behind).await?;
    run.losses.push(Loss { surviving, at: now() });
    run.place = behind.clone();
    proxy.lead_to(Some(behind.address.clone()));
    run.progress(200, RECOVERY).await.context("after the failover")?;
    run.stop_load().await?;
    let outcome = run.finish(false).await;
    drop(proxy);
    let stopped = standby.stop();
    let tally = outcome?;
    tell("faults::history::failover", began, &(tally, lost - surviving));
    ensure!(tally.replaced > 0, "no watch was told of the loss: {tally:?}");
    stopped?;
    private.stop().await
}

async fn restore(suite: Arc<Suite>) -> Verdict {
    let began = Instant::now();
    let mut private = Private::start("").await?;
    let place = private.place().await?;
    let proxy = Proxy::start(place.address.clone()).await?;
    let urls = [place.by_way_of(proxy.port), place.by_way_of(proxy.port)];
    let (mut run, _clients) = begin(&suite, place.clone(), &urls, TIMEOUT).await?;
    let copy = private.directory().join("copy");
    let away = || {
        proxy.lead_to(None);
        proxy.all(Way::Both, Flow::Cut);
    };
    away();
    private = private.restart(async |data| copy_directory(data, &copy)).await?;
    proxy.lead_to(Some(place.address.clone()));
    run.progress(200, RECOVERY).await.context("the tail that is to be lost")?;
    let lost = revision_at(&place).await?;
    away();
    private = private
        .restart(async |data| {
            std::fs::remove_dir_all(data)?;
            copy_directory(&copy, data)
        })
        .await?;
    let surviving = revision_at(&place).await?;
    ensure!(surviving < lost, "nothing was lost: the copy is at {surviving}, the history was at {lost}");
    run.losses.push(Loss { surviving, at: now() });
    proxy.lead_to(Some(place.address.clone()));
    run.progress(200, RECOVERY).await.context("after the restore")?;
    run.stop_load().await?;
    let tally = run.finish(false).await?;
    tell("faults::history::restore", began, &(tally, lost - surviving));
    ensure!(tally.replaced > 0, "no watch was told of the loss: {tally:?}");
    private.stop().await
}

/// Copies a directory with its owners and permissions.
fn copy_directory(from: &Path, to: &Path) -> anyhow::Result<()> {
    succeed(Command::new("cp").arg("-a").arg(from).arg(to))
}

/// Runs a command that must succeed.
fn succeed(command: &mut Command) -> anyhow::Result<()> {
    let output = command.stdin(Stdio::null()).output().with_context(|| format!("{command:?} could not be run"))?;
    if !output.status.success() {
        bail!("{command:?} ended with {}: {}", output.status, String::from_utf8_lossy(&output.stderr));
    }
    Ok(())
}

/// A standby. Dropping it kills it.
struct Standby {
    directory: PathBuf,
    process: std::process::Child,
}

impl Standby {
    /// Copies the server that `port` leads to and follows it from then on, as the user whom the server runs as.
    fn start(private: &Private, port: u16) -> anyhow::Result<Self> {
        use std::os::unix::fs::MetadataExt as _;
        let owner = std::fs::metadata(private.data())?;
        let binaries = binaries(&private.data())?;
        let parent = private.directory().join("standby");
        std::fs::create_dir(&parent)?;
        std::os::unix::fs::chown(&parent, Some(owner.uid()), Some(owner.gid()))?;
        let directory = parent.join("data");
        let from = format!("host=127.0.0.1 port={port} user=postgres sslmode=disable");
        succeed(
            Command::new(binaries.join("pg_basebackup"))
                .args(["-d", &from, "-R", "-X", "stream", "-c", "fast", "-D"])
                .arg(&directory)
                .current_dir(&parent)
                .uid(owner.uid())
                .gid(owner.gid()),
        )?;
        // It lies in the data directory, so it was copied with it.
        std::fs::remove_file(directory.join(".s.PGSQL.5432.lock"))?;
        let log = std::fs::File::create(private.directory().join("standby.log"))?;
        let process = Command::new(binaries.join("postgres"))
            .arg("-D")
            .arg(&directory)
            .current_dir(&parent)
            .uid(owner.uid())
            .gid(owner.gid())
            .stdin(Stdio::null())
            .stdout(log.try_clone()?)
            .stderr(log)
            .spawn()?;
        Ok(Self { directory, process })
    }

    /// Makes it the primary.
    async fn promote(&self) -> anyhow::Result<()> {
        let mut connection = sql::connect(&url(&self.directory, "postgres", "postgres")).await?;
        let promoted: bool = sqlx::query_scalar("SELECT pg_promote(true, 30)").fetch_one(&mut connection).await?;
        ensure!(promoted, "the standby was not promoted");
        Ok(())
    }

    /// Ends it in an orderly way.
    fn stop(mut self) -> anyhow::Result<()> {
        let pid = Pid::from_raw(self.process.id().cast_signed()).context("a pid is not zero")?;
        kill_process(pid, Signal::INT)?;
        let status = self.process.wait()?;
        ensure!(status.success(), "the standby ended with {status}");
        Ok(())
    }
}

impl Drop for Standby {
    fn drop(&mut self) {
        // Already gone where it was stopped.
        let _killed = self.process.kill();
        let _reaped = self.process.wait();
    }
}

/// Where the programs of the server that runs in `data` are.
fn binaries(data: &Path) -> anyhow::Result<PathBuf> {
    let pid = std::fs::read_to_string(data.join("postmaster.pid"))?;
    let pid = pid.lines().next().context("the pid file is empty")?;
    let program = std::fs::read_link(format!("/proc/{pid}/exe"))?;
    Ok(program.parent().context("a program is in a directory")?.to_owned())
}
