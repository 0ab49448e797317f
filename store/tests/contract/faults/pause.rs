//! A replica that is paused, and fenced meanwhile: its epoch raised, or its row gone.

use std::sync::Arc;
use std::time::{Duration, Instant};

use anyhow::{Context as _, ensure};
use rustix::process::Signal;
use sqlx::Connection as _;

use super::{RECOVERY, REPLY_TIMEOUT, begin};
use crate::run::ChildLoad;
use crate::sql;
use crate::trial::{Suite, Trials, Verdict, tell};

/// An epoch that no replica comes to by itself.
const FENCE: i64 = 1_000_000;

/// Adds the trials.
pub(super) fn add(trials: &mut Trials) {
    trials.add("faults::pause::fenced", fenced);
}

async fn fenced(suite: Arc<Suite>) -> Verdict {
    let began = Instant::now();
    let place = suite.place().await?;
    let load = ChildLoad { url: place.url.clone(), writers: 8, readers: 1, reply_timeout: REPLY_TIMEOUT };
    let urls = [place.url.clone()];
    let (mut run, _clients) = begin(&suite, place, &urls, Duration::from_secs(10)).await?;
    let mut dice = run.dice("pause");
    let child = run.start_child(load)?;
    let mut connection = sql::connect(&run.place.url).await?;
    for time in 0..10 {
        run.progress_of(run.child(child).number, 10, RECOVERY).await.with_context(|| format!("before pause {time}"))?;
        tokio::time::sleep(dice.between(Duration::ZERO, Duration::from_millis(80))).await;
        run.child(child).signal(Signal::STOP)?;
        let mut fence = connection.begin().await?;
        sqlx::query("SELECT rv FROM howdah.meta FOR UPDATE").execute(&mut *fence).await?;
        let (change, mark) = if time % 2 == 0 {
            ("UPDATE howdah.replicas SET epoch = $1", FENCE)
        } else {
            ("DELETE FROM howdah.replicas WHERE epoch <> $1", 0)
        };
        sqlx::query(change).bind(mark).execute(&mut *fence).await?;
        fence.commit().await?;
        // Now and then for longer than the replica itself would wait for an answer.
        let longest = if time % 5 == 4 { REPLY_TIMEOUT * 2 } else { REPLY_TIMEOUT / 4 };
        tokio::time::sleep(dice.between(longest / 2, longest)).await;
        run.child(child).signal(Signal::CONT)?;
        // Both replicas were fenced, and both must have entered anew.
        for replica in [1, run.child(child).number] {
            run.progress_of(replica, 10, RECOVERY).await.with_context(|| format!("after pause {time}"))?;
        }
        let entered: i64 = sqlx::query_scalar("SELECT count(*) FROM howdah.replicas WHERE epoch <> $1")
            .bind(mark)
            .fetch_one(&mut connection)
            .await?;
        ensure!(entered == 2, "{entered} replicas have entered anew after pause {time}, and both commit");
    }
    run.stop_load().await?;
    let tally = run.finish(false).await?;
    tell("faults::pause::fenced", began, &tally);
    Ok(())
}
