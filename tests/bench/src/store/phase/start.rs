//! Starts: from nothing, and on existing data, to the first linearizable read that is answered.

use std::time::Instant;

use anyhow::{Result, bail};

use crate::result::{Metric, Results, Unit};
use crate::store::etcd::Etcd;
use crate::store::howdah::Howdah;
use crate::store::load::Population;
use crate::store::pair::{Side, Site, make, order, remove};
use crate::store::settings::Settings;

/// How many objects the existing data have.
const EXISTING: usize = 10_000;
/// The seed of both sides' objects.
const SEED: u64 = 20_260_304;

/// The figures of this part, in the report's order.
pub(crate) fn metrics() -> Vec<Metric> {
    let metric = |name: &str, label: &str| Metric::new("Start", name, label, Unit::Milliseconds);
    vec![
        metric("start_fresh", "from nothing to the first read (ms)"),
        metric("start_fresh_postgres", "– of it initdb and Postgres (ms)"),
        metric("start_existing", &format!("on {EXISTING} objects to the first read (ms)")),
        metric("start_existing_postgres", "– of it Postgres (ms)"),
    ]
}

/// Runs this part.
pub(crate) async fn run(site: &Site, settings: &Settings, results: &mut Results) -> Result<()> {
    eprintln!("starting each side {} times from nothing and on existing data", settings.repetitions);
    for repetition in 0..settings.repetitions {
        let name = format!("start{repetition}");
        for side in order(repetition) {
            start(site, &name, side, results, "start_fresh", 0).await?;
        }
        remove(&site.dir.join(name))?;
    }
    let mut unrecorded = Results::new(results.columns().iter().map(String::as_str));
    unrecorded.declare(metrics());
    for side in order(0) {
        start(site, "existing", side, &mut unrecorded, "start_fresh", EXISTING).await?;
    }
    for repetition in 0..settings.repetitions {
        for side in order(repetition) {
            start(site, "existing", side, results, "start_existing", 0).await?;
        }
    }
    remove(&site.dir.join("existing"))
}

/// Starts one side once, creates `objects` in it, and ends it.
async fn start(site: &Site, name: &str, side: Side, results: &mut Results, metric: &str, objects: usize) -> Result<()> {
    if site.interrupt.is_wished() {
        bail!("interrupted");
    }
    let dir = site.side_dir(name, side);
    make(&dir)?;
    rustix::fs::sync();
    let begin = Instant::now();
    let took = match (side, &site.etcd) {
        (Side::Howdah, _) => {
            let howdah = Howdah::start(&dir).await?;
            let took = begin.elapsed();
            results.record(&format!("{metric}_postgres"), side, howdah.postgres_start().as_secs_f64() * 1e3)?;
            let filled = Population::new(SEED).grow(&howdah, objects).await;
            howdah.stop().await?;
            filled?;
            took
        }
        (Side::Etcd, Some(installation)) => {
            let etcd = Etcd::start(installation, &dir).await?;
            let took = begin.elapsed();
            let filled = Population::new(SEED).grow(&etcd, objects).await;
            etcd.stop().await?;
            filled?;
            took
        }
        (Side::Etcd, None) => return Ok(()),
    };
    results.record(metric, side, took.as_secs_f64() * 1e3)
}
