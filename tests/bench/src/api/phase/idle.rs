//! Rest: what a server takes while nobody asks it anything, before the run has made anything in it.

use std::time::Duration;

use anyhow::Result;
use tokio::time::{Instant, sleep};

use super::{memory_metrics, record_memory};
use crate::api::settings::Settings;
use crate::api::target::{Target, settle};
use crate::result::{Goal, Metric, Results, Unit};

/// What is promised of the memory of an empty server with its database, in MiB.
const MEMORY_GOAL_MEBIBYTES: f64 = 120.0;
/// What is promised of the CPU time of an empty server, in percent of one core.
const CPU_GOAL_PERCENT: f64 = 0.5;

/// The figures of this part, in the report's order.
pub(crate) fn metrics(settings: &Settings) -> Vec<Metric> {
    let label = format!("idle over {} s (% of a core)", settings.idle_seconds);
    let [pss, rest] = memory_metrics("idle", "at rest, empty");
    vec![
        Metric::new("CPU at rest", "idle", label, Unit::Percent).with(Goal::AtMost(CPU_GOAL_PERCENT)),
        pss.with(Goal::AtMost(MEMORY_GOAL_MEBIBYTES)),
        rest,
    ]
}

/// Runs this part, on all targets at once.
pub(crate) async fn run(targets: &[Target], settings: &Settings, results: &mut Results) -> Result<()> {
    eprintln!("idle for {} s", settings.idle_seconds);
    settle(targets).await?;
    let cpu = || targets.iter().map(Target::cpu).collect::<Result<Vec<_>>>();
    let (begin, before) = (Instant::now(), cpu()?);
    sleep(Duration::from_secs(settings.idle_seconds)).await;
    let (elapsed, after) = (begin.elapsed(), cpu()?);
    for (target, (before, after)) in targets.iter().zip(before.into_iter().zip(after)) {
        if let Some((before, after)) = before.zip(after) {
            let used = after.saturating_sub(before).as_secs_f64() / elapsed.as_secs_f64();
            results.record("idle", target.column, used * 100.0)?;
        }
        record_memory(results, target, "idle", target.memory()?)?;
    }
    Ok(())
}
