//! Closing in the middle of the load: what was answered as closed is not applied, and nobody waits for ever.

use std::sync::Arc;
use std::time::{Duration, Instant};

use anyhow::{Context as _, ensure};

use crate::journal::{Kind, Outcome, Step};
use crate::run::Run;
use crate::trial::{Suite, Trials, Verdict, tell};
use crate::watcher::Manner;

/// Adds the trials.
pub(super) fn add(trials: &mut Trials) {
    trials.add("contract::closing", closing);
}

async fn closing(suite: Arc<Suite>) -> Verdict {
    const CLOSES_WITHIN: Duration = Duration::from_secs(20);
    let began = Instant::now();
    let mut run = Run::new(suite.seed, suite.place().await?, 50)?;
    run.calm = false;
    for _ in 0..3 {
        let client = run.open(Run::options(&run.place.url)?).await?;
        run.watch(&client, Manner::Prompt, 0);
        run.watch(&client, Manner::Impatient, 0);
        run.load(&client, 16, 2);
        run.progress(50, CLOSES_WITHIN).await?;
        let closed = tokio::time::timeout(CLOSES_WITHIN, client.store.clone().close()).await;
        closed.context("the store does not close under load")?;
        let step =
            Step { key: "core/configmaps/late/o".into(), kind: Kind::Create, expected: 0, token: Some("late".into()) };
        let outcome = client.write(vec![step], Duration::from_secs(5)).await?;
        ensure!(outcome == Outcome::Closed, "a closed store answered a write with {outcome:?}");
    }
    run.stop_load().await?;
    let tally = run.finish(false).await?;
    tell("contract::closing", began, &tally);
    Ok(())
}
