//! Writes and watches: rounds of the write load at each number of clients, and what the stores take before and after.

use std::time::Duration;

use anyhow::Result;
use tokio::time::{Instant, sleep};

use super::{memory_metrics, record_memory};
use crate::process;
use crate::result::{Goal, Metric, Results, Unit};
use crate::store::backend::{Backend, Vantage};
use crate::store::load::{Load, Population};
use crate::store::pair::{Pair, Side, Site, order};
use crate::store::settings::Settings;
use crate::store::watcher::Watcher;

/// The seed of both sides' objects.
const SEED: u64 = 20_260_302;
/// What is promised of the 99th percentile from acknowledgement to watcher, in milliseconds.
const WATCH_GOAL_MILLISECONDS: f64 = 5.0;

/// One side at work: its objects and its watchers.
struct Bench<B: Backend> {
    population: Population<B>,
    watchers: Vec<Watcher>,
}

/// How many servers ride on the Postgres.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Layout {
    /// One, whose own watchers see the writes: what compares with one etcd and its watchers.
    One,
    /// Two: one writes, the watchers hang on the other.
    Two,
}

impl Layout {
    /// The figure `name` in this layout.
    fn name(self, name: &str) -> String {
        match self {
            Self::One => name.to_owned(),
            Self::Two => format!("two_{name}"),
        }
    }

    /// The headings of the report: writes, watches, CPU.
    fn sections(self) -> [&'static str; 3] {
        match self {
            Self::One => ["Writes", "Watch", "CPU"],
            Self::Two => ["Writes, two servers", "Watch, two servers", "CPU, two servers"],
        }
    }
}

/// The figures of this part, in the report's order.
pub(crate) fn metrics(settings: &Settings, layout: Layout) -> Vec<Metric> {
    let mut metrics = Vec::new();
    let mut group = |section, name: &str, label: &str, unit, goal: &dyn Fn(usize) -> Option<Goal>| {
        metrics.extend(settings.clients.iter().map(|clients| {
            let plural = if *clients == 1 { "client" } else { "clients" };
            let name = layout.name(&format!("{name}_{clients}"));
            let metric = Metric::new(section, name, format!("{label}, {clients} {plural}"), unit);
            Metric { goal: goal(*clients), ..metric }
        }));
    };
    let none = |_| None;
    let ratio = |clients| (layout == Layout::One).then_some(Goal::RatioAtLeast(if clients == 1 { 1.0 } else { 3.0 }));
    let watch = |_| Some(Goal::AtMost(WATCH_GOAL_MILLISECONDS));
    let [writes, watches, cpu] = layout.sections();
    group(writes, "writes", "writes/s", Unit::PerSecond, &ratio);
    group(writes, "ack_p50", "latency p50 (ms)", Unit::Milliseconds, &none);
    group(writes, "ack_p99", "latency p99 (ms)", Unit::Milliseconds, &none);
    group(watches, "watch_ack_p50", "ack → watcher p50 (ms)", Unit::Milliseconds, &none);
    group(watches, "watch_ack_p99", "ack → watcher p99 (ms)", Unit::Milliseconds, &watch);
    group(watches, "watch_send_p50", "send → watcher p50 (ms)", Unit::Milliseconds, &none);
    group(watches, "watch_send_p99", "send → watcher p99 (ms)", Unit::Milliseconds, &none);
    group(cpu, "cpu_store", "store's processes, for a write (µs)", Unit::Microseconds, &none);
    group(cpu, "cpu_bench", "this process, for a write (µs)", Unit::Microseconds, &none);
    group(cpu, "cpu_other", "all else on the machine (% of a core)", Unit::Percent, &none);
    if layout == Layout::One {
        let seconds = settings.idle_seconds;
        metrics.push(Metric::new(cpu, "idle", format!("idle over {seconds} s (% of a core)"), Unit::Percent));
        metrics.extend(memory_metrics("start", "at rest after the start"));
        metrics.extend(memory_metrics("writes", "after the write load"));
    }
    metrics
}

/// Runs this part; answers the mean length of an object in bytes.
pub(crate) async fn run(site: &Site, settings: &Settings, layout: Layout, results: &mut Results) -> Result<usize> {
    let name = layout.name("write");
    site.with_pair(&name, async |pair| measure(pair, settings, layout, results).await).await
}

async fn measure(pair: &mut Pair, settings: &Settings, layout: Layout, results: &mut Results) -> Result<usize> {
    process::settle(&pair.pids()?).await?;
    if layout == Layout::One {
        record_memory_of(pair, results, "start")?;
    } else {
        pair.howdah.open_replica().await?;
    }
    let mut howdah = Bench::prepare(&pair.howdah, settings.keys).await?;
    let mut etcd = None;
    if let Some(running) = &pair.etcd {
        etcd = Some(Bench::prepare(running, settings.keys).await?);
    }
    if layout == Layout::One {
        idle(pair, settings, results).await?;
    }
    for round in 0..settings.rounds {
        for clients in &settings.clients {
            for side in order(round) {
                process::settle(&pair.pids()?).await?;
                let load = match (side, &pair.etcd, &mut etcd) {
                    (Side::Howdah, ..) => howdah.load(&pair.howdah, *clients, settings).await?,
                    (Side::Etcd, Some(running), Some(etcd)) => etcd.load(running, *clients, settings).await?,
                    (Side::Etcd, ..) => continue,
                };
                eprintln!(
                    "{layout:?}, round {} of {}: {side:?} with {clients} clients: {:.0} writes/s; all else took {:.0} % of a core",
                    round + 1,
                    settings.rounds,
                    load.rate,
                    load.other_cpu_percent
                );
                record(results, layout, side, *clients, &load)?;
            }
        }
    }
    process::settle(&pair.pids()?).await?;
    if layout == Layout::One {
        record_memory_of(pair, results, "writes")?;
    }
    Ok(howdah.population.mean_bytes())
}

fn record_memory_of(pair: &Pair, results: &mut Results, name: &str) -> Result<()> {
    record_memory(results, Side::Howdah, name, &pair.howdah)?;
    match &pair.etcd {
        Some(etcd) => record_memory(results, Side::Etcd, name, etcd),
        None => Ok(()),
    }
}

impl<B: Backend> Bench<B> {
    /// Fills the store and attaches the watchers.
    async fn prepare(backend: &B, keys: usize) -> Result<Self> {
        let mut population = Population::new(SEED);
        population.grow(backend, keys).await?;
        let feeds = backend.feeds().await?;
        let watchers = feeds.into_iter().map(|(vantage, feed)| Watcher::attach(vantage, feed)).collect();
        Ok(Self { population, watchers })
    }

    async fn load(&mut self, backend: &B, clients: usize, settings: &Settings) -> Result<Load> {
        self.population.load(backend, &mut self.watchers, clients, settings.window()).await
    }
}

/// Records the CPU time that each store takes while nobody asks it anything; its watchers stay attached.
async fn idle(pair: &Pair, settings: &Settings, results: &mut Results) -> Result<()> {
    eprintln!("idle for {} s", settings.idle_seconds);
    let pids = pair.pids()?;
    process::settle(&pids).await?;
    let cpu = || pids.iter().map(|pid| process::cpu(*pid)).collect::<Result<Vec<_>>>();
    let (begin, before) = (Instant::now(), cpu()?);
    sleep(Duration::from_secs(settings.idle_seconds)).await;
    let (elapsed, after) = (begin.elapsed(), cpu()?);
    for (side, (before, after)) in [Side::Howdah, Side::Etcd].into_iter().zip(before.into_iter().zip(after)) {
        results.record("idle", side, (after - before).as_secs_f64() / elapsed.as_secs_f64() * 100.0)?;
    }
    Ok(())
}

fn record(results: &mut Results, layout: Layout, side: Side, clients: usize, load: &Load) -> Result<()> {
    let mut sample = |name: &str, value| results.record(&layout.name(&format!("{name}_{clients}")), side, value);
    sample("writes", load.rate)?;
    sample("ack_p50", load.ack.p50)?;
    sample("ack_p99", load.ack.p99)?;
    sample("cpu_store", load.store_cpu_micros)?;
    sample("cpu_bench", load.bench_cpu_micros)?;
    sample("cpu_other", load.other_cpu_percent)?;
    for (vantage, latency) in &load.watch {
        // With two servers it is the other one's watchers that count.
        if (layout, *vantage) != (Layout::Two, Vantage::Local) {
            sample("watch_ack_p50", latency.from_ack.p50)?;
            sample("watch_ack_p99", latency.from_ack.p99)?;
            sample("watch_send_p50", latency.from_send.p50)?;
            sample("watch_send_p99", latency.from_send.p99)?;
        }
    }
    Ok(())
}
