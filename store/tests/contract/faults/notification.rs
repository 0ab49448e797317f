//! Announcements that never arrive: other replicas' watchers still see everything, a few poll intervals later.

use std::sync::Arc;
use std::time::{Duration, Instant};

use anyhow::{Context as _, bail, ensure};

use super::{POLL_INTERVAL, RECOVERY, begin, options};
use crate::client::revision;
use crate::journal::{Kind, Outcome, Step};
use crate::proxy::Proxy;
use crate::trial::{Suite, Trials, Verdict, tell};
use crate::watcher::Manner;

/// How many poll intervals a change may take. One is due; the rest is the machine's.
const INTERVALS: u32 = 6;

/// Adds the trials.
pub(super) fn add(trials: &mut Trials) {
    trials.add("faults::notification::lost", lost);
}

async fn lost(suite: Arc<Suite>) -> Verdict {
    let began = Instant::now();
    let place = suite.place().await?;
    let proxy = Proxy::start(place.address.clone()).await?;
    let deaf_url = place.by_way_of(proxy.port);
    let urls = [place.url.clone()];
    let (mut run, clients) = begin(&suite, place, &urls, Duration::from_secs(10)).await?;
    let deaf = run.open(options(&deaf_url)?).await?;
    run.watch(&deaf, Manner::Prompt, 0);
    let caught_up = async {
        let Outcome::Newest(newest) = deaf.newest().await else { bail!("the newest revision can't be read") };
        let mut watch = deaf.store.watch(revision(0)?);
        while watch.position().get() < newest {
            watch.next().await?;
        }
        Ok(())
    };
    tokio::time::timeout(RECOVERY, caught_up).await.context("the other replica does not even hear when it can")??;
    // Under load first, then change by change.
    proxy.drop_notifications(true);
    tokio::time::sleep(Duration::from_secs(1)).await;
    run.stop_load().await?;
    let mut slowest = Duration::ZERO;
    for nth in 0..8 {
        let step = Step {
            key: format!("core/configmaps/silent/o{nth}").into(),
            kind: Kind::Create,
            expected: 0,
            token: Some(format!("silent-{nth}").into()),
        };
        let Outcome::Written(written) = clients[0].write(vec![step], Duration::from_secs(10)).await? else {
            bail!("a write failed without a fault");
        };
        let made = written.first().context("a write has an answer")?.revision;
        let acknowledged = Instant::now();
        let mut watch = deaf.store.watch(revision(made - 1)?);
        let seen = tokio::time::timeout(POLL_INTERVAL * INTERVALS, watch.next()).await;
        let seen =
            seen.with_context(|| format!("revision {made} did not come within {INTERVALS} poll intervals"))??;
        ensure!(seen[0].revision.get() == made, "revision {} came for {made}", seen[0].revision);
        slowest = slowest.max(acknowledged.elapsed());
    }
    ensure!(proxy.dropped_notifications() > 0, "no announcement was dropped");
    let tally = run.finish(false).await?;
    tell("faults::notification::lost", began, &(tally, slowest));
    Ok(())
}
