//! kill -9: of Postgres, and of replicas.

use std::sync::Arc;
use std::time::{Duration, Instant};

use anyhow::{Context as _, ensure};
use rustix::process::{Signal, kill_process};

use super::{RECOVERY, REPLY_TIMEOUT, begin};
use crate::cluster::Private;
use crate::run::ChildLoad;
use crate::trial::{Suite, Trials, Verdict, tell};

/// How often.
const TIMES: usize = 20;

/// Adds the trials.
pub(super) fn add(trials: &mut Trials) {
    trials.add_private("faults::kill::postgres", postgres);
    trials.add("faults::kill::replica", replica);
}

async fn postgres(suite: Arc<Suite>) -> Verdict {
    let began = Instant::now();
    let private = Private::start("").await?;
    let place = private.place().await?;
    let urls = [place.url.clone(), place.url.clone()];
    let (mut run, _clients) = begin(&suite, place, &urls, Duration::from_secs(10)).await?;
    let mut dice = run.dice("postgres");
    for time in 0..TIMES {
        tokio::time::sleep(dice.between(Duration::from_millis(20), Duration::from_millis(400))).await;
        kill_process(private.postmaster().await?, Signal::KILL)?;
        run.progress(20, RECOVERY).await.with_context(|| format!("after Postgres was killed {} times", time + 1))?;
    }
    run.stop_load().await?;
    let tally = run.finish(false).await?;
    tell("faults::kill::postgres", began, &tally);
    private.stop().await
}

async fn replica(suite: Arc<Suite>) -> Verdict {
    let began = Instant::now();
    let place = suite.place().await?;
    let load = ChildLoad { url: place.url.clone(), writers: 8, readers: 1, reply_timeout: REPLY_TIMEOUT };
    let urls = [place.url.clone()];
    let (mut run, _clients) = begin(&suite, place, &urls, Duration::from_secs(10)).await?;
    let mut dice = run.dice("replica");
    for _ in 0..2 {
        run.start_child(load.clone())?;
    }
    for time in 0..TIMES {
        let next = dice.below(2);
        run.progress_of(run.child(next).number, 10, RECOVERY)
            .await
            .with_context(|| format!("before kill {}", time + 1))?;
        tokio::time::sleep(dice.between(Duration::ZERO, Duration::from_millis(300))).await;
        run.kill_child(next).await?;
        run.start_child(load.clone())?;
    }
    for last in 0..2 {
        run.progress_of(run.child(last).number, 10, RECOVERY).await?;
    }
    run.stop_load().await?;
    let tally = run.finish(false).await?;
    tell("faults::kill::replica", began, &tally);
    ensure!(tally.unknown > 0, "no kill came between a write and its answer: {tally:?}");
    Ok(())
}
