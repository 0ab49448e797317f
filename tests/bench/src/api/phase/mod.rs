//! The parts of a run. Each declares its figures, makes the objects that it needs, measures, and removes them.

pub(crate) mod idle;
pub(crate) mod list;
pub(crate) mod request;
pub(crate) mod start;
pub(crate) mod watch;

use std::convert::Infallible;
use std::sync::Arc;
use std::time::Duration;

use anyhow::{Result, ensure};
use tokio::sync::watch::{Sender, channel};
use tokio::task::{JoinHandle, spawn_blocking};
use tokio::time::{MissedTickBehavior, interval};

use super::target::{self, Target};
use crate::process::Memory;
use crate::report::mebibytes;
use crate::result::{Metric, Results, Unit};

/// How often memory is read while a load runs. Reading it takes the kernel some milliseconds a process.
const SAMPLING: Duration = Duration::from_secs(1);

/// The two figures of the memory of a server's processes at the moment called `name` and `label`.
fn memory_metrics(name: &str, label: &str) -> [Metric; 2] {
    [
        Metric::new("Memory", format!("memory_{name}_pss"), format!("PSS {label} (MiB)"), Unit::Mebibytes),
        Metric::new(
            "Memory",
            format!("memory_{name}_without_files"),
            "– of it not pages of files (MiB)",
            Unit::Mebibytes,
        ),
    ]
}

/// Records both figures of [`memory_metrics`], where there are any.
fn record_memory(results: &mut Results, target: &Target, name: &str, memory: Option<Memory>) -> Result<()> {
    let Some(memory) = memory else { return Ok(()) };
    results.record(&format!("memory_{name}_pss"), target.column, mebibytes(memory.pss))?;
    results.record(&format!("memory_{name}_without_files"), target.column, mebibytes(memory.without_files))
}

/// Does `work` and reads the memory of the server's processes meanwhile, in a task of its own; answers the largest
/// reading as well.
async fn with_memory<T>(target: &Target, work: impl Future<Output = Result<T>>) -> Result<(T, Option<Memory>)> {
    let (sender, largest) = channel(None);
    let sampling = AbortOnDrop(tokio::spawn(sample(target.pids.clone(), sender)));
    let outcome = work.await?;
    // It ends by itself only where a process has gone or /proc does not tell.
    ensure!(!sampling.0.is_finished(), "the memory of {} could not be read", target.label);
    let largest = *largest.borrow();
    Ok((outcome, largest))
}

/// Keeps the largest reading in `largest`.
async fn sample(pids: Vec<u32>, largest: Sender<Option<Memory>>) -> Result<Infallible> {
    let pids: Arc<[u32]> = pids.into();
    let mut ticks = interval(SAMPLING);
    ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
    loop {
        ticks.tick().await;
        let pids = Arc::clone(&pids);
        let memory = spawn_blocking(move || target::memory(&pids)).await??;
        largest.send_modify(|largest| {
            if memory.map(|memory| memory.pss) > largest.map(|largest| largest.pss) {
                *largest = memory;
            }
        });
    }
}

/// A task that is ended with its owner.
struct AbortOnDrop(JoinHandle<Result<Infallible>>);

impl Drop for AbortOnDrop {
    fn drop(&mut self) {
        self.0.abort();
    }
}
