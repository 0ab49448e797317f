//! The two stores, started side by side in directories of one filesystem, and ended on every way out.

use std::path::{Path, PathBuf};

use anyhow::{Context as _, Result, bail};

use crate::interrupt::Interrupt;
use crate::store::backend::Backend as _;
use crate::store::etcd::{Etcd, Installation};
use crate::store::howdah::Howdah;

/// One of the two stores, which is a column of the report.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Side {
    /// Howdah's store.
    Howdah,
    /// The baseline.
    Etcd,
}

impl From<Side> for usize {
    fn from(side: Side) -> Self {
        match side {
            Side::Howdah => 0,
            Side::Etcd => 1,
        }
    }
}

/// Where stores are started: a directory for their data, and etcd's binary where there is one.
#[derive(Debug, Clone)]
pub(crate) struct Site {
    /// The directory, which goes when the run ends.
    pub(crate) dir: PathBuf,
    /// etcd.
    pub(crate) etcd: Option<Installation>,
    /// The operator's wish to end the run.
    pub(crate) interrupt: Interrupt,
}

/// Both stores, running; without etcd where there is none.
pub(crate) struct Pair {
    /// Howdah's store.
    pub(crate) howdah: Howdah,
    /// The baseline.
    pub(crate) etcd: Option<Etcd>,
}

impl Site {
    /// Starts a pair on the directory `name`, does `work` with it, and ends both whatever came of the work.
    pub(crate) async fn with_pair<T>(&self, name: &str, work: impl AsyncFnOnce(&mut Pair) -> Result<T>) -> Result<T> {
        let mut pair = self.start(name).await?;
        let outcome = tokio::select! {
            biased;
            () = self.interrupt.wait() => Err(anyhow::anyhow!("interrupted")),
            outcome = work(&mut pair) => outcome,
        };
        let stopped = pair.stop().await;
        let value = outcome?;
        stopped?;
        Ok(value)
    }

    /// The directory of one side below `name`.
    pub(crate) fn side_dir(&self, name: &str, side: Side) -> PathBuf {
        self.dir.join(name).join(match side {
            Side::Howdah => "howdah",
            Side::Etcd => "etcd",
        })
    }

    async fn start(&self, name: &str) -> Result<Pair> {
        let (howdah_dir, etcd_dir) = (self.side_dir(name, Side::Howdah), self.side_dir(name, Side::Etcd));
        make(&howdah_dir)?;
        let howdah = Howdah::start(&howdah_dir).await?;
        let etcd = match &self.etcd {
            None => None,
            Some(installation) => match Etcd::start(installation, &etcd_dir).await {
                Ok(etcd) => Some(etcd),
                Err(error) => {
                    howdah.stop().await?;
                    return Err(error);
                }
            },
        };
        Ok(Pair { howdah, etcd })
    }
}

impl Pair {
    /// The first processes of both.
    pub(crate) fn pids(&self) -> Result<Vec<u32>> {
        let mut pids = vec![self.howdah.pid()?];
        if let Some(etcd) = &self.etcd {
            pids.push(etcd.pid()?);
        }
        Ok(pids)
    }

    async fn stop(self) -> Result<()> {
        let howdah = self.howdah.stop().await;
        if let Some(etcd) = self.etcd {
            etcd.stop().await?;
        }
        howdah
    }
}

/// The order of the sides in a round: each goes first every other time.
pub(crate) fn order(round: usize) -> [Side; 2] {
    if round.is_multiple_of(2) { [Side::Howdah, Side::Etcd] } else { [Side::Etcd, Side::Howdah] }
}

/// Makes a directory and those above it.
pub(crate) fn make(dir: &Path) -> Result<()> {
    std::fs::create_dir_all(dir).with_context(|| format!("making {}", dir.display()))
}

/// Removes a directory and all in it.
pub(crate) fn remove(dir: &Path) -> Result<()> {
    match std::fs::remove_dir_all(dir) {
        Err(error) if error.kind() != std::io::ErrorKind::NotFound => {
            bail!("removing {}: {error}", dir.display())
        }
        _ => Ok(()),
    }
}
