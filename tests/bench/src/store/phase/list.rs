//! Lists: every object at the newest revision, in one answer and in pages, and the memory that is held afterwards.

use std::time::Instant;

use anyhow::{Result, ensure};

use super::{memory_metrics, record_memory};
use crate::process;
use crate::result::{Metric, Results, Unit};
use crate::store::backend::Backend;
use crate::store::load::Population;
use crate::store::pair::{Pair, Side, Site, order};
use crate::store::settings::Settings;

/// The page that upstream's clients ask for.
const PAGE: usize = 500;
/// The seed of both sides' objects.
const SEED: u64 = 20_260_303;

/// The figures of this part, in the report's order.
pub(crate) fn metrics(settings: &Settings) -> Vec<Metric> {
    let mut metrics = Vec::new();
    for size in &settings.list_sizes {
        let label = format!("{size} objects at once (ms)");
        metrics.push(Metric::new("Lists", format!("list_{size}"), label, Unit::Milliseconds));
        let label = format!("{size} objects in pages of {PAGE} (ms)");
        metrics.push(Metric::new("Lists", format!("list_{size}_paged"), label, Unit::Milliseconds));
    }
    for size in &settings.list_sizes {
        metrics.extend(memory_metrics(&format!("list_{size}"), &format!("after listing {size} objects")));
    }
    metrics
}

/// Runs this part.
pub(crate) async fn run(site: &Site, settings: &Settings, results: &mut Results) -> Result<()> {
    site.with_pair("list", async |pair| measure(pair, settings, results).await).await
}

async fn measure(pair: &mut Pair, settings: &Settings, results: &mut Results) -> Result<()> {
    let (mut howdah, mut etcd) = (Population::new(SEED), Population::new(SEED));
    for size in &settings.list_sizes {
        eprintln!("listing {size} objects");
        howdah.grow(&pair.howdah, *size).await?;
        if let Some(running) = &pair.etcd {
            etcd.grow(running, *size).await?;
        }
        for repetition in 0..settings.repetitions {
            for page in [None, Some(PAGE)] {
                for side in order(repetition) {
                    process::settle(&pair.pids()?).await?;
                    match (side, &pair.etcd) {
                        (Side::Howdah, _) => sample(results, side, &pair.howdah, *size, page).await?,
                        (Side::Etcd, Some(etcd)) => sample(results, side, etcd, *size, page).await?,
                        (Side::Etcd, None) => (),
                    }
                }
            }
        }
        let name = format!("list_{size}");
        record_memory(results, Side::Howdah, &name, &pair.howdah)?;
        if let Some(etcd) = &pair.etcd {
            record_memory(results, Side::Etcd, &name, etcd)?;
        }
    }
    Ok(())
}

async fn sample(
    results: &mut Results,
    side: Side,
    backend: &impl Backend,
    size: usize,
    page: Option<usize>,
) -> Result<()> {
    let begin = Instant::now();
    let listed = backend.list(page).await?;
    let elapsed = begin.elapsed();
    ensure!(listed.objects == size, "a list of {size} objects returned {}", listed.objects);
    ensure!(listed.bytes / size > 1_900, "a list returned objects of {} bytes", listed.bytes / size);
    let suffix = if page.is_some() { "_paged" } else { "" };
    results.record(&format!("list_{size}{suffix}"), side, elapsed.as_secs_f64() * 1e3)
}
