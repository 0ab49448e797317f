//! What networks do to connections: they break, go silent in one direction or both, lose the answer to a commit, deliver
//! late what was long given up, and are slow.

use std::sync::Arc;
use std::time::{Duration, Instant};

use anyhow::{Context as _, ensure};

use super::{RECOVERY, REPLY_TIMEOUT, begin};
use crate::cluster::Place;
use crate::proxy::{Flow, Proxy, Way};
use crate::run::{Run, Tally};
use crate::trial::{Suite, Trials, Verdict, tell};

/// How long a write may take here: long enough that every outcome can be learned in time.
const TIMEOUT: Duration = Duration::from_secs(20);

/// Adds the trials.
pub(super) fn add(trials: &mut Trials) {
    trials.add("faults::connection::severed", severed);
    trials.add("faults::connection::half_open", half_open);
    trials.add("faults::connection::answer_lost", answer_lost);
    trials.add("faults::connection::sync_lost", sync_lost);
    trials.add("faults::connection::delivered_late", |suite| delivered_late(suite, false));
    trials.add("faults::connection::delivered_late_nameless", |suite| delivered_late(suite, true));
    trials.add("faults::connection::slow", slow);
}

/// Two replicas, the first of them behind a proxy.
async fn behind_a_proxy(suite: &Arc<Suite>) -> anyhow::Result<(Run, Proxy)> {
    let place = suite.place().await?;
    let proxy = Proxy::start(place.address.clone()).await?;
    behind(suite, place, proxy).await
}

/// The same, behind this very proxy.
async fn behind(suite: &Arc<Suite>, place: Place, proxy: Proxy) -> anyhow::Result<(Run, Proxy)> {
    let urls = [place.by_way_of(proxy.port), place.url.clone()];
    let (run, _) = begin(suite, place, &urls, TIMEOUT).await?;
    Ok((run, proxy))
}

/// Waits until the replica behind the proxy has its writes acknowledged again: the first one of the run.
async fn recovered(run: &Run) -> anyhow::Result<()> {
    run.progress_of(1, 10, RECOVERY).await
}

/// Waits until `come`, for as long as recovery may take.
async fn until(come: impl Fn() -> bool) -> anyhow::Result<()> {
    let waiting = async {
        while !come() {
            tokio::time::sleep(Duration::from_millis(2)).await;
        }
    };
    Ok(tokio::time::timeout(RECOVERY, waiting).await?)
}

async fn finish(name: &str, began: Instant, mut run: Run) -> anyhow::Result<Tally> {
    run.stop_load().await?;
    let tally = run.finish(false).await?;
    tell(name, began, &tally);
    Ok(tally)
}

async fn severed(suite: Arc<Suite>) -> Verdict {
    let began = Instant::now();
    let (run, proxy) = behind_a_proxy(&suite).await?;
    let mut dice = run.dice("severed");
    for time in 0..20 {
        tokio::time::sleep(dice.between(Duration::from_millis(5), Duration::from_millis(150))).await;
        proxy.all(Way::Both, Flow::Cut);
        recovered(&run).await.with_context(|| format!("after {} cuts", time + 1))?;
    }
    let tally = finish("faults::connection::severed", began, run).await?;
    ensure!(tally.unknown == 0, "outcomes that could be learned were not: {tally:?}");
    Ok(())
}

async fn half_open(suite: Arc<Suite>) -> Verdict {
    let began = Instant::now();
    let (run, proxy) = behind_a_proxy(&suite).await?;
    for way in [Way::Both, Way::Up, Way::Down, Way::Both] {
        tokio::time::sleep(Duration::from_millis(200)).await;
        proxy.all(way, Flow::Swallow);
        recovered(&run).await.with_context(|| format!("after silence: {way:?}"))?;
    }
    let tally = finish("faults::connection::half_open", began, run).await?;
    ensure!(tally.unknown == 0, "outcomes that could be learned were not: {tally:?}");
    Ok(())
}

async fn answer_lost(suite: Arc<Suite>) -> Verdict {
    let began = Instant::now();
    let (run, proxy) = behind_a_proxy(&suite).await?;
    for time in 1..=6 {
        proxy.swallow_next_answer();
        until(|| proxy.swallowed_answers() >= time).await.context("no commit came by")?;
        // Once by silence, once by a cut that comes right behind the commit.
        if time % 2 == 0 {
            tokio::time::sleep(Duration::from_millis(20)).await;
            proxy.all(Way::Both, Flow::Cut);
        }
        recovered(&run).await.with_context(|| format!("after {time} lost answers"))?;
    }
    let tally = finish("faults::connection::answer_lost", began, run).await?;
    ensure!(tally.unknown == 0, "outcomes that could be learned were not: {tally:?}");
    Ok(())
}

/// The network breaks off in the middle of a commit: Postgres has executed it, holds the revision's row, and waits for a
/// Sync that never comes. Nobody may be kept waiting by that for longer than it takes to notice.
async fn sync_lost(suite: Arc<Suite>) -> Verdict {
    let began = Instant::now();
    let (run, proxy) = behind_a_proxy(&suite).await?;
    for time in 1..=3 {
        proxy.swallow_next_sync();
        until(|| proxy.swallowed_syncs() >= time).await.context("no commit came by")?;
        recovered(&run).await.with_context(|| format!("after {time} lost Syncs"))?;
    }
    let tally = finish("faults::connection::sync_lost", began, run).await?;
    ensure!(tally.unknown == 0, "outcomes that could be learned were not: {tally:?}");
    Ok(())
}

/// What a given-up connection still had to say arrives after the same was sent again on another. The store ends its own
/// former backends; where it can't know them (`nameless`, as behind a pooler), the epoch must keep them from committing.
async fn delivered_late(suite: Arc<Suite>, nameless: bool) -> Verdict {
    let began = Instant::now();
    let name = if nameless { "late, to a backend without a name" } else { "late, to a backend with a name" };
    let place = suite.place().await?;
    let proxy = Proxy::start(place.address.clone()).await?;
    if nameless {
        proxy.hide_names();
    }
    let (run, proxy) = behind(&suite, place, proxy).await?;
    for time in 1..=4 {
        tokio::time::sleep(Duration::from_millis(150)).await;
        proxy.all(Way::Up, Flow::Hold);
        recovered(&run).await.with_context(|| format!("while bytes are held, the time {time}"))?;
        proxy.all(Way::Up, Flow::Pass);
        if nameless {
            let refused = until(|| proxy.fenced_commits() >= time).await;
            refused.with_context(|| format!("late commit {time} was not refused"))?;
        }
        // Neither may disturb the present connection.
        recovered(&run).await.with_context(|| format!("after late delivery {time}"))?;
    }
    let tally = finish(name, began, run).await?;
    ensure!(tally.unknown == 0, "outcomes that could be learned were not: {tally:?}");
    Ok(())
}

/// Each frame takes some milliseconds, then longer than a connection is waited for.
async fn slow(suite: Arc<Suite>) -> Verdict {
    let began = Instant::now();
    let (run, proxy) = behind_a_proxy(&suite).await?;
    proxy.delay(Duration::from_millis(3));
    tokio::time::sleep(Duration::from_secs(2)).await;
    recovered(&run).await.context("while frames are slow")?;
    proxy.delay(REPLY_TIMEOUT * 2);
    tokio::time::sleep(REPLY_TIMEOUT * 3).await;
    proxy.delay(Duration::ZERO);
    recovered(&run).await.context("after frames were too slow")?;
    finish("faults::connection::slow", began, run).await?;
    Ok(())
}
