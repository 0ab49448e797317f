//! Deadlines: a write is answered by its deadline, and what is called not applied never is.

use std::sync::Arc;
use std::time::{Duration, Instant};

use anyhow::{Context as _, ensure};
use sqlx::Connection as _;
use tokio::task::JoinSet;

use crate::journal::{Kind, Outcome, Step};
use crate::run::Run;
use crate::sql;
use crate::trial::{Suite, Trials, Verdict, tell};
use crate::watcher::Manner;

/// Adds the trials.
pub(super) fn add(trials: &mut Trials) {
    trials.add("contract::deadline::behind_a_lock", behind_a_lock);
    trials.add("contract::deadline::too_short", too_short);
}

/// Somebody holds the revision's row: the batch that is under way comes to an unknown end, what waits behind it to none.
async fn behind_a_lock(suite: Arc<Suite>) -> Verdict {
    const WRITES: usize = 400;
    const PATIENCE: Duration = Duration::from_millis(500);
    let began = Instant::now();
    let mut run = Run::new(suite.seed, suite.place().await?, WRITES + 1)?;
    run.calm = false;
    let client = run.open(Run::options(&run.place.url)?).await?;
    run.watch(&client, Manner::Prompt, 0);
    let keys = Arc::clone(&run.keys);
    let create = |nth: usize| Step {
        key: keys.all()[nth].as_str().into(),
        kind: Kind::Create,
        expected: 0,
        token: Some(format!("deadline-{nth}").into()),
    };
    let mut connection = sql::connect(&run.place.url).await?;
    let mut lock = connection.begin().await?;
    sqlx::query("SELECT rv FROM howdah.meta FOR UPDATE").execute(&mut *lock).await?;
    let mut writing = JoinSet::new();
    for nth in 0..WRITES {
        let (client, step) = (client.clone(), create(nth));
        writing.spawn(async move { client.write(vec![step], PATIENCE).await });
    }
    let (mut unknown, mut not_applied) = (0, 0);
    while let Some(outcome) = writing.join_next().await {
        match outcome?? {
            Outcome::Unknown => unknown += 1,
            Outcome::NotApplied => not_applied += 1,
            other => anyhow::bail!("a write behind a lock was answered {other:?}"),
        }
    }
    ensure!(unknown > 0, "the batch under way was answered as not applied, which nobody could know");
    ensure!(not_applied > 0, "writes that had not been sent were answered as unknown");
    lock.rollback().await?;
    connection.close().await?;
    let last = client.write(vec![create(WRITES)], Duration::from_secs(20)).await?;
    ensure!(matches!(last, Outcome::Written(_)), "behind the lock a write was answered {last:?}");
    let tally = run.finish(false).await.context("behind a lock")?;
    ensure!(tally.revisions > unknown, "the batch under way was dropped: {tally:?}");
    tell("contract::deadline::behind_a_lock", began, &tally);
    Ok(())
}

/// Deadlines about as long as a commit takes, and shorter.
async fn too_short(suite: Arc<Suite>) -> Verdict {
    let began = Instant::now();
    let mut run = Run::new(suite.seed, suite.place().await?, 100)?;
    run.calm = false;
    let client = run.open(Run::options(&run.place.url)?).await?;
    run.watch(&client, Manner::Prompt, 0);
    for millis in [0, 1, 3, 10, 1_000] {
        run.timeout = Duration::from_millis(millis);
        run.load(&client, 6, 0);
    }
    tokio::time::sleep(Duration::from_secs(2)).await;
    run.stop_load().await?;
    let tally = run.finish(false).await?;
    tell("contract::deadline::too_short", began, &tally);
    ensure!(
        tally.written > 100 && tally.not_applied > 20 && tally.unknown > 0,
        "the deadlines did not meet: {tally:?}"
    );
    Ok(())
}
