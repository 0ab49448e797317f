//! The write load: clients that replace objects one after the other, each in its own slice of the key space, with
//! watchers attached.
//!
//! What is counted is what was acknowledged within the window behind the warm-up. Latencies are of those writes; the
//! watch latencies join them with the watchers' receipts by revision. A write that a watcher never received, or a
//! conflict, fails the run.

use std::time::{Duration, Instant};

use anyhow::{Context as _, Result, ensure};
use rand::RngExt as _;
use rand::rngs::StdRng;
use tokio::task::JoinSet;
use tokio::time::timeout;

use crate::process;
use crate::quantile::{Quantiles, count};
use crate::store::backend::{Backend, Slot, Vantage, Writer};
use crate::store::document::{Document, generator};
use crate::store::watcher::Watcher;

/// How many objects are created in one transaction while the key space is filled; etcd takes at most 128.
const CREATED_AT_ONCE: usize = 100;
/// How long a watcher may lag behind the end of the load.
const WATCH_PATIENCE: Duration = Duration::from_secs(60);
/// How much longer than its window a load may take.
const LOAD_PATIENCE: Duration = Duration::from_secs(60);

/// One side's objects.
pub(crate) struct Population<B: Backend> {
    slots: Vec<Slot<B::Key>>,
    rng: StdRng,
}

/// How long one load runs.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Window {
    /// What is not counted, at the beginning.
    pub(crate) warm_up: Duration,
    /// What is counted.
    pub(crate) counted: Duration,
}

/// What one load came to.
#[derive(Debug)]
pub(crate) struct Load {
    /// Writes a second.
    pub(crate) rate: f64,
    /// From just before a write was sent to its acknowledgement.
    pub(crate) ack: Quantiles,
    /// The watchers' latencies by vantage.
    pub(crate) watch: Vec<(Vantage, WatchLatency)>,
    /// The CPU time of the store's processes for a write, in microseconds.
    pub(crate) store_cpu_micros: f64,
    /// The CPU time of this process (clients and watchers; Howdah's store too, being a library) for a write.
    pub(crate) bench_cpu_micros: f64,
    /// What everything else on the machine took meanwhile, in percent of one core.
    pub(crate) other_cpu_percent: f64,
}

/// How long after a write its event arrived.
#[derive(Debug, Clone, Copy)]
pub(crate) struct WatchLatency {
    /// From the acknowledgement; zero where the event was there first.
    pub(crate) from_ack: Quantiles,
    /// From just before the write was sent.
    pub(crate) from_send: Quantiles,
}

/// One write as its client saw it.
struct Written {
    revision: i64,
    sent: Instant,
    acknowledged: Instant,
}

/// What a client hands back: its objects and its writes.
type Shift<K> = (Vec<Slot<K>>, Vec<Written>);

impl<B: Backend> Population<B> {
    /// No objects yet; the same `seed` gives both sides the same ones.
    pub(crate) fn new(seed: u64) -> Self {
        Self { slots: Vec::new(), rng: generator(seed) }
    }

    /// Creates objects until there are `count`.
    pub(crate) async fn grow(&mut self, backend: &B, count: usize) -> Result<()> {
        while self.slots.len() < count {
            let mut batch = Vec::with_capacity(CREATED_AT_ONCE);
            for index in self.slots.len()..count.min(self.slots.len() + CREATED_AT_ONCE) {
                let document = Document::new(&format!("checkout-{index:06}"), &mut self.rng);
                batch.push(Slot { key: backend.key(index)?, revision: 0, document });
            }
            let objects = batch.iter().map(|slot| (slot.key.clone(), slot.document.json(), slot.document.splice()));
            let revisions = backend.create(objects.collect()).await?;
            ensure!(revisions.len() == batch.len(), "{} of {} objects were created", revisions.len(), batch.len());
            for (slot, revision) in batch.iter_mut().zip(revisions) {
                slot.revision = revision;
            }
            self.slots.append(&mut batch);
        }
        Ok(())
    }

    /// The mean length of an object in bytes.
    pub(crate) fn mean_bytes(&self) -> usize {
        self.slots.iter().map(|slot| slot.document.json().len()).sum::<usize>() / self.slots.len().max(1)
    }

    /// Runs `clients` clients over the objects for the length of `window`.
    pub(crate) async fn load(
        &mut self,
        backend: &B,
        watchers: &mut [Watcher],
        clients: usize,
        window: Window,
    ) -> Result<Load> {
        let writers = backend.writers(clients).await?;
        let pid = backend.pid()?;
        let used = || anyhow::Ok((process::cpu(pid)?, process::own_cpu()?, process::machine_cpu()?));
        let before = used()?;
        let begin = Instant::now();
        let (counted_from, end) = (begin + window.warm_up, begin + window.warm_up + window.counted);
        let share = self.slots.len() / clients;
        ensure!(share > 0, "{} objects are too few for {clients} clients", self.slots.len());
        let mut shifts = JoinSet::new();
        for writer in writers {
            let slots = self.slots.split_off(self.slots.len() - share);
            shifts.spawn(shift(writer, slots, generator(self.rng.random()), end));
        }
        let mut written = Vec::new();
        let finished = async {
            while let Some(shift) = shifts.join_next().await {
                let (mut slots, mut writes) = shift.context("a client's task failed")??;
                self.slots.append(&mut slots);
                written.append(&mut writes);
            }
            anyhow::Ok(())
        };
        let patience = window.warm_up + window.counted + LOAD_PATIENCE;
        timeout(patience, finished).await.context("the clients did not finish in time")??;
        let last = written.iter().map(|write| write.revision).max().context("nothing was written")?;
        for watcher in &mut *watchers {
            watcher.reach(last, WATCH_PATIENCE).await?;
        }
        let (elapsed, after) = (begin.elapsed(), used()?);
        let (store, bench) = (after.0.saturating_sub(before.0), after.1.saturating_sub(before.1));
        let other = (after.2.saturating_sub(before.2)).saturating_sub(store + bench);
        let counted = |write: &&Written| (counted_from..end).contains(&write.acknowledged);
        let in_window: Vec<&Written> = written.iter().filter(counted).collect();
        let micros = |cpu: Duration| cpu.as_secs_f64() * 1e6 / count(written.len());
        Ok(Load {
            rate: count(in_window.len()) / window.counted.as_secs_f64(),
            ack: Quantiles::of(in_window.iter().map(|write| write.acknowledged - write.sent)),
            watch: watch_latencies(watchers, &in_window)?,
            store_cpu_micros: micros(store),
            bench_cpu_micros: micros(bench),
            other_cpu_percent: other.as_secs_f64() / elapsed.as_secs_f64() * 100.0,
        })
    }
}

/// One client: replaces random objects of its own until `end`.
async fn shift<W: Writer>(
    mut writer: W,
    mut slots: Vec<Slot<W::Key>>,
    mut rng: StdRng,
    end: Instant,
) -> Result<Shift<W::Key>> {
    let mut written = Vec::new();
    loop {
        let index = rng.random_range(0..slots.len());
        let slot = &mut slots[index];
        slot.document.restart(&mut rng);
        let json = slot.document.json();
        let sent = Instant::now();
        if sent >= end {
            return Ok((slots, written));
        }
        slot.revision = writer.update(&slot.key, slot.revision, json, slot.document.splice()).await?;
        written.push(Written { revision: slot.revision, sent, acknowledged: Instant::now() });
    }
}

/// Joins the writes with the watchers' receipts; watchers with the same vantage are taken together.
fn watch_latencies(watchers: &[Watcher], writes: &[&Written]) -> Result<Vec<(Vantage, WatchLatency)>> {
    let mut vantages: Vec<(Vantage, Vec<Duration>, Vec<Duration>)> = Vec::new();
    for watcher in watchers {
        let receipts = watcher.take();
        let index = vantages.iter().position(|(vantage, ..)| *vantage == watcher.vantage());
        let index = index.unwrap_or_else(|| {
            vantages.push((watcher.vantage(), Vec::new(), Vec::new()));
            vantages.len() - 1
        });
        let (_, from_ack, from_send) = &mut vantages[index];
        for write in writes {
            let received = receipts.get(&write.revision);
            let received = received.with_context(|| format!("a watcher missed revision {}", write.revision))?;
            from_ack.push(received.saturating_duration_since(write.acknowledged));
            from_send.push(received.saturating_duration_since(write.sent));
        }
    }
    let quantiles = vantages.into_iter().map(|(vantage, from_ack, from_send)| {
        let latency = WatchLatency {
            from_ack: Quantiles::of(from_ack.into_iter()),
            from_send: Quantiles::of(from_send.into_iter()),
        };
        (vantage, latency)
    });
    Ok(quantiles.collect())
}
