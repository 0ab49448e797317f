//! Watches under writes at a given pace: each write for one of the watchers, and each for every one.
//!
//! The first is what the kubelets of a cluster do, each watching the objects that its pods use by name; the second is
//! what controllers do, and multiplies: with 1,000 watchers a write is 1,000 events. The writes are merge patches of
//! ConfigMaps. Latencies are from just before the write was sent, and from its acknowledgement, to the moment at which
//! the event's bytes had been read; where the event was there before the acknowledgement the latter is zero.

use std::collections::HashMap;
use std::sync::Arc;
use std::time::Duration;

use anyhow::{Context as _, Result, bail, ensure};

use super::{memory_metrics, record_memory, with_memory};
use crate::api::connection::Call;
use crate::api::load::Population;
use crate::api::object::{self, Kind};
use crate::api::pace::{self, Paced, Written};
use crate::api::settings::Settings;
use crate::api::target::{Target, order, settle};
use crate::api::watch::{Receipt, Watchers};
use crate::quantile::{Quantiles, count};
use crate::result::{Goal, Metric, Results, Unit};

/// What is promised of the 99th percentile from acknowledgement to watcher, in milliseconds.
const WATCH_GOAL_MILLISECONDS: f64 = 10.0;
/// How long the watchers may lag behind the end of the writes.
const PATIENCE: Duration = Duration::from_secs(60);

/// Whom a write is for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Audience {
    /// The one watcher that has asked for the object by its name.
    One,
    /// Every watcher.
    Every,
}

/// What one load came to.
struct Load {
    paced: Paced,
    from_ack: Quantiles,
    from_send: Quantiles,
    events_per_second: f64,
    lost: usize,
    ends: usize,
    bytes: usize,
    server_cpu_percent: Option<f64>,
}

impl Audience {
    const ALL: [Self; 2] = [Self::One, Self::Every];

    fn section(self) -> &'static str {
        match self {
            Self::One => "Watch, each write for one watcher",
            Self::Every => "Watch, each write for every watcher",
        }
    }

    fn name(self, what: &str) -> String {
        let audience = match self {
            Self::One => "one",
            Self::Every => "every",
        };
        format!("watch_{audience}_{what}")
    }

    fn rate(self, settings: &Settings) -> u32 {
        match self {
            Self::One => settings.rate,
            Self::Every => settings.fan_out_rate,
        }
    }

    /// How many events a write makes.
    fn events(self, settings: &Settings) -> usize {
        match self {
            Self::One => 1,
            Self::Every => settings.watchers,
        }
    }
}

/// The figures of this part, in the report's order.
pub(crate) fn metrics(settings: &Settings) -> Vec<Metric> {
    let mut metrics = Vec::new();
    for audience in Audience::ALL {
        let mut figure = |what: &str, label: String, unit, goal: Option<Goal>| {
            let metric = Metric::new(audience.section(), audience.name(what), label, unit);
            metrics.push(Metric { goal, ..metric });
        };
        let pace = format!("{} watchers × {} writes/s", settings.watchers, audience.rate(settings));
        let watch = Some(Goal::AtMost(WATCH_GOAL_MILLISECONDS));
        figure("rate", format!("{pace}: acknowledged writes/s"), Unit::PerSecond, None);
        figure("events", "events received/s".into(), Unit::PerSecond, None);
        figure("bytes", "received for an event (bytes)".into(), Unit::Count, None);
        figure("ack_p50", "ack → watcher p50 (ms)".into(), Unit::Milliseconds, None);
        figure("ack_p99", "ack → watcher p99 (ms)".into(), Unit::Milliseconds, watch);
        figure("send_p50", "send → watcher p50 (ms)".into(), Unit::Milliseconds, None);
        figure("send_p99", "send → watcher p99 (ms)".into(), Unit::Milliseconds, None);
        figure("write_p50", "send → ack p50 (ms)".into(), Unit::Milliseconds, None);
        figure("write_p99", "send → ack p99 (ms)".into(), Unit::Milliseconds, None);
        figure("late_p99", "sent behind the pace, p99 (ms)".into(), Unit::Milliseconds, None);
        figure("lost", "events lost".into(), Unit::Count, Some(Goal::AtMost(0.0)));
        figure("ends", "watches that the server ended".into(), Unit::Count, None);
        figure("cpu", "the server's processes (% of a core)".into(), Unit::Percent, None);
        let (peak, label) = (audience.name("peak"), format!("at most, during {pace}"));
        metrics.extend(memory_metrics(&peak, &label));
    }
    metrics.extend(memory_metrics("watch", "after the watches"));
    metrics
}

/// Runs this part.
pub(crate) async fn run(targets: &[Target], settings: &Settings, results: &mut Results) -> Result<()> {
    let mut paths: Vec<Arc<[String]>> = Vec::new();
    for target in targets {
        let filled = Population::fill(target, Kind::ConfigMap, settings.watchers, settings.connections).await?;
        paths.push(filled.into_paths().into());
    }
    let mut stamp = 1;
    for round in 0..settings.rounds {
        for audience in Audience::ALL {
            for target in order(targets, round) {
                settle(targets).await?;
                let measured = measure(target, &paths[target.column], audience, settings, stamp);
                let (load, memory) = with_memory(target, measured).await?;
                record(results, target, audience, &load)?;
                record_memory(results, target, &audience.name("peak"), memory)?;
                eprintln!(
                    "{}, round {} of {}: {:.0} writes/s for {audience:?}: ack → watcher p99 {:.2} ms, {} lost",
                    target.label,
                    round + 1,
                    settings.rounds,
                    load.paced.rate,
                    load.from_ack.p99,
                    load.lost
                );
            }
            stamp += stamps(audience, settings);
        }
    }
    settle(targets).await?;
    for target in targets {
        record_memory(results, target, "watch", target.memory()?)?;
        target.empty(Kind::ConfigMap).await?;
    }
    Ok(())
}

/// How many stamps a load uses.
fn stamps(audience: Audience, settings: &Settings) -> u32 {
    let seconds = u32::try_from(settings.seconds).unwrap_or(u32::MAX);
    audience.rate(settings).saturating_mul(seconds).max(1)
}

async fn measure(
    target: &Target,
    paths: &Arc<[String]>,
    audience: Audience,
    settings: &Settings,
    first: u32,
) -> Result<Load> {
    let collection = Kind::ConfigMap.collection(&target.namespace);
    let newest = target.endpoint.connect().await?.call(Call::get(&format!("{collection}?limit=1"))).await?;
    let newest = object::resource_version(&newest).context("a list has no resourceVersion")?;
    let watched = |path: &String| match audience {
        Audience::Every => collection.clone(),
        Audience::One => {
            let name = path.rsplit('/').next().unwrap_or_default();
            format!("{collection}?fieldSelector=metadata.name%3D{name}")
        }
    };
    let mut watchers = Watchers::attach(&target.endpoint, paths.iter().map(watched).collect(), newest).await?;
    let (length, rate) = (Duration::from_secs(settings.seconds), audience.rate(settings));
    let (cpu, begin) = (target.cpu()?, std::time::Instant::now());
    let paced = pace::write(target, Arc::clone(paths), rate, length, first, settings.connections).await?;
    watchers.reach(paced.written.len() * audience.events(settings), PATIENCE).await?;
    let elapsed = begin.elapsed();
    let cpu = target.cpu()?.zip(cpu).map(|(after, before)| after.saturating_sub(before));
    let counted = watchers.counted();
    let joined = join(&paced.written, watchers.receipts().collect(), audience)?;
    Ok(Load {
        from_ack: Quantiles::of(joined.from_ack.into_iter()),
        from_send: Quantiles::of(joined.from_send.into_iter()),
        events_per_second: count(counted.events) / elapsed.as_secs_f64(),
        lost: joined.lost,
        ends: counted.ends,
        bytes: counted.bytes / counted.events.max(1),
        server_cpu_percent: cpu.map(|cpu| cpu.as_secs_f64() / elapsed.as_secs_f64() * 100.0),
        paced,
    })
}

/// The latencies of the events that arrived, and how many did not.
#[derive(Debug, Default, PartialEq)]
struct Joined {
    from_ack: Vec<Duration>,
    from_send: Vec<Duration>,
    lost: usize,
}

/// Joins the writes with what each watcher received: the watcher at a place is owed the writes of the object at that
/// place, or all.
fn join(written: &[Written], received: Vec<Vec<Receipt>>, audience: Audience) -> Result<Joined> {
    let mut joined = Joined::default();
    let by_sequence: HashMap<u32, &Written> = written.iter().map(|write| (write.sequence, write)).collect();
    for (place, receipts) in received.into_iter().enumerate() {
        let owed = match audience {
            Audience::Every => written.len(),
            Audience::One => written.iter().filter(|write| write.object == place).count(),
        };
        let mut seen = std::collections::HashSet::with_capacity(receipts.len());
        for receipt in receipts {
            let Some(write) = by_sequence.get(&receipt.sequence) else {
                bail!("a watcher received the write {}, which nobody made", receipt.sequence)
            };
            ensure!(audience == Audience::Every || write.object == place, "a watcher received another's event");
            ensure!(seen.insert(receipt.sequence), "a watcher received the write {} twice", receipt.sequence);
            joined.from_ack.push(receipt.at.saturating_duration_since(write.acknowledged));
            joined.from_send.push(receipt.at.saturating_duration_since(write.sent));
        }
        joined.lost += owed - seen.len();
    }
    Ok(joined)
}

fn record(results: &mut Results, target: &Target, audience: Audience, load: &Load) -> Result<()> {
    let mut sample = |what: &str, value| results.record(&audience.name(what), target.column, value);
    sample("rate", load.paced.rate)?;
    sample("events", load.events_per_second)?;
    sample("bytes", count(load.bytes))?;
    sample("ack_p50", load.from_ack.p50)?;
    sample("ack_p99", load.from_ack.p99)?;
    sample("send_p50", load.from_send.p50)?;
    sample("send_p99", load.from_send.p99)?;
    sample("write_p50", load.paced.latency.p50)?;
    sample("write_p99", load.paced.latency.p99)?;
    sample("late_p99", load.paced.late.p99)?;
    sample("lost", count(load.lost))?;
    sample("ends", count(load.ends))?;
    if let Some(percent) = load.server_cpu_percent {
        sample("cpu", percent)?;
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use std::time::Instant;

    use super::*;

    #[test]
    fn what_was_written_and_not_received_is_lost() {
        let begin = Instant::now();
        let at = |milliseconds| begin + Duration::from_millis(milliseconds);
        let write = |object, sequence, sent| Written::new(object, sequence, at(sent), at(sent + 4));
        let written = [write(0, 10, 0), write(1, 11, 10), write(0, 12, 20)];
        let receipt = |sequence, milliseconds| Receipt { sequence, at: at(milliseconds) };
        let join = |received: &[&[Receipt]], audience| {
            join(&written, received.iter().map(|receipts| receipts.to_vec()).collect(), audience)
        };
        let millis = |list: &[u64]| list.iter().map(|ms| Duration::from_millis(*ms)).collect::<Vec<_>>();
        let (first, second) = ([receipt(10, 3), receipt(12, 30)], [receipt(11, 15)]);
        let expected = Joined { from_ack: millis(&[0, 6, 1]), from_send: millis(&[3, 10, 5]), lost: 0 };
        assert_eq!(join(&[&first, &second], Audience::One).expect("joined"), expected);
        assert_eq!(join(&[&first, &[]], Audience::One).expect("joined").lost, 1);
        assert_eq!(join(&[&first, &second], Audience::Every).expect("joined").lost, 3);
        assert!(join(&[&second, &first], Audience::One).is_err());
        assert!(join(&[&[receipt(13, 1)]], Audience::Every).is_err());
        assert!(join(&[&[receipt(10, 1), receipt(10, 2)]], Audience::Every).is_err());
    }
}
