//! A full disk: writes end honestly, and everything recovers by itself once there is room.

use std::io::Write as _;
use std::os::unix::fs::PermissionsExt as _;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::{Duration, Instant};

use anyhow::{Context as _, ensure};
use rustix::mount::{MountFlags, UnmountFlags, mount, unmount};

use super::{RECOVERY, begin};
use crate::cluster::Private;
use crate::trial::{Suite, Trials, Verdict, tell};

/// Adds the trials.
pub(super) fn add(trials: &mut Trials) {
    trials.add_private("faults::disk::full", full);
}

/// A small filesystem in memory, unmounted when dropped.
struct Disk(PathBuf);

impl Disk {
    fn mount(at: PathBuf) -> anyhow::Result<Self> {
        std::fs::create_dir(&at)?;
        mount("howdah-contract", &at, "tmpfs", MountFlags::NOSUID | MountFlags::NODEV, c"size=400m,mode=0755")
            .context("a tmpfs could not be mounted")?;
        Ok(Self(at))
    }

    /// Takes all the room there is, to the last byte.
    fn fill(&self) -> anyhow::Result<PathBuf> {
        let ballast = self.0.join("ballast");
        let mut file = std::fs::File::create(&ballast)?;
        for size in [1 << 20, 4096, 1] {
            let block = vec![0; size];
            loop {
                match file.write(&block) {
                    Ok(written) if written == size => {}
                    Ok(_) => break,
                    Err(error) if error.kind() == std::io::ErrorKind::StorageFull => break,
                    Err(error) => return Err(error.into()),
                }
            }
        }
        Ok(ballast)
    }
}

impl Drop for Disk {
    fn drop(&mut self) {
        if let Err(error) = unmount(&self.0, UnmountFlags::DETACH) {
            eprintln!("{} could not be unmounted: {error}", self.0.display());
        }
    }
}

async fn full(suite: Arc<Suite>) -> Verdict {
    let began = Instant::now();
    let directory = tempfile::Builder::new().prefix("howdah-contract-").tempdir()?;
    std::fs::set_permissions(directory.path(), std::fs::Permissions::from_mode(0o755))?;
    let disk = Disk::mount(directory.path().join("disk"))?;
    let settings = "max_wal_size = 96MB\nmin_wal_size = 32MB\n";
    let private = Private::start_in(directory, disk.0.join("data"), settings).await?;
    let outcome = fill_and_empty(&suite, &private, &disk).await;
    let directory = private.stop_server().await?;
    drop(disk);
    directory.close()?;
    let tally = outcome?;
    tell("faults::disk::full", began, &tally);
    ensure!(tally.refused + tally.unknown + tally.not_applied > 0, "no write noticed the full disk: {tally:?}");
    Ok(())
}

async fn fill_and_empty(suite: &Arc<Suite>, private: &Private, disk: &Disk) -> anyhow::Result<crate::run::Tally> {
    let place = private.place().await?;
    let urls = [place.url.clone(), place.url.clone()];
    let (mut run, _clients) = begin(suite, place, &urls, Duration::from_secs(2)).await?;
    for time in 1..=2 {
        let ballast = disk.fill()?;
        // The writers go on until there is no room at all.
        let standstill = async {
            loop {
                let before = run.shared.acknowledged();
                tokio::time::sleep(Duration::from_millis(500)).await;
                if run.shared.acknowledged() == before {
                    return;
                }
            }
        };
        tokio::time::timeout(RECOVERY, standstill).await.context("writes go on on a full disk")?;
        tokio::time::sleep(Duration::from_secs(3)).await;
        remove(&ballast)?;
        run.progress(50, RECOVERY).await.with_context(|| format!("after the disk was full {time} times"))?;
    }
    run.stop_load().await?;
    run.finish(false).await
}

fn remove(path: &Path) -> anyhow::Result<()> {
    std::fs::remove_file(path).context("the ballast could not be removed")
}
