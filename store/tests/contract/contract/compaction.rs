//! Forgetting while the load goes on: what is below the floor is called so, what is not is exact.

use std::sync::Arc;
use std::time::{Duration, Instant};

use anyhow::ensure;

use crate::run::Run;
use crate::sql;
use crate::trial::{Suite, Trials, Verdict, tell};
use crate::watcher::Manner;

/// How long revisions are kept.
const KEPT: Duration = Duration::from_millis(800);

/// How often the past is looked at.
const TICK: Duration = Duration::from_millis(100);

/// How long the load lasts.
const LENGTH: Duration = Duration::from_secs(5);

/// Adds the trials.
pub(super) fn add(trials: &mut Trials) {
    for (name, deletes) in [("contract::compaction::floor", false), ("contract::compaction::deletion", true)] {
        trials.add(name, move |suite| compaction(suite, name, deletes));
    }
}

/// The floor rises; where it `deletes`, the rows below it go as well, and are kept aside for the judgement.
async fn compaction(suite: Arc<Suite>, name: &'static str, deletes: bool) -> Verdict {
    let began = Instant::now();
    let mut run = Run::new(suite.seed, suite.place().await?, 300)?;
    run.retention = Some(KEPT);
    let mut dice = run.dice(name);
    let mut clients = Vec::new();
    let mut connection = sql::connect(&run.place.url).await?;
    for _ in 0..2 {
        let mut options = Run::options(&run.place.url)?;
        options.ring_bytes = 32 << 10;
        options.tick_interval = TICK;
        options.retention.floor = KEPT;
        if deletes {
            options.retention.history = KEPT;
        }
        clients.push(run.open(options).await?);
        if clients.len() == 1 {
            sql::keep_deleted(&mut connection).await?;
        }
    }
    run.fill(&clients[0]).await?;
    for client in &clients {
        run.watch(client, Manner::Prompt, 0);
        run.watch(client, Manner::Drowsy, 0);
        run.load(client, 12, 4);
    }
    let end = Instant::now() + LENGTH;
    while Instant::now() < end {
        tokio::time::sleep(dice.between(Duration::from_millis(50), Duration::from_millis(200))).await;
        // From where somebody stood, and from the floor itself.
        let after = match dice.below(2) {
            0 => run.shared.some_revision(&mut dice).unwrap_or(0),
            _ => sql::floor(&mut connection).await?,
        };
        let manner = *dice.pick(&[Manner::Prompt, Manner::Slow, Manner::Drowsy]);
        run.watch(&clients[dice.below(clients.len())], manner, after);
    }
    run.stop_load().await?;
    let deleted = sql::deleted(&mut connection).await?;
    let tally = run.finish(true).await?;
    tell(name, began, &(tally, deleted));
    ensure!(tally.compacted > 20 && tally.pages > 100, "that was too little reading: {tally:?}");
    ensure!(tally.written > 300, "that was no load: {tally:?}");
    ensure!(deletes == (deleted > 100), "{deleted} rows were deleted");
    Ok(())
}
