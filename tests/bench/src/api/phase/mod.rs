//! The parts of a run. Each declares its figures, makes the objects that it needs, measures, and removes them.

pub(crate) mod idle;
pub(crate) mod list;
pub(crate) mod request;
pub(crate) mod start;
pub(crate) mod watch;

use std::time::Duration;

use anyhow::Result;
use tokio::time::{MissedTickBehavior, interval};

use super::target::Target;
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

/// Does `work` and reads the memory of the server's processes meanwhile; answers the largest reading as well.
async fn with_memory<T>(target: &Target, work: impl Future<Output = Result<T>>) -> Result<(T, Option<Memory>)> {
    let mut ticks = interval(SAMPLING);
    ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
    let mut largest: Option<Memory> = None;
    tokio::pin!(work);
    loop {
        tokio::select! {
            biased;
            outcome = &mut work => return Ok((outcome?, largest)),
            _ = ticks.tick() => {
                if let Some(memory) = tokio::task::block_in_place(|| target.memory())? {
                    largest = Some(largest.map_or(memory, |largest| if memory.pss > largest.pss { memory } else { largest }));
                }
            }
        }
    }
}
