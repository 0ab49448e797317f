//! Load from one to three replicas, on few keys and on many, with watchers of every kind.

use std::sync::Arc;
use std::time::{Duration, Instant};

use anyhow::ensure;

use crate::journal::Outcome;
use crate::run::Run;
use crate::trial::{Suite, Trials, Verdict, tell};
use crate::watcher::Manner;

/// How many writers there are, over all replicas.
const WRITERS: usize = 64;

/// How long the load lasts at least, how many writes it must bring, and how long a slow machine may take for that.
const LENGTH: Duration = Duration::from_secs(4);
const ENOUGH: u64 = 500;
const LONGEST: Duration = Duration::from_secs(40);

/// Adds the trials.
pub(super) fn add(trials: &mut Trials) {
    for replicas in 1..=3 {
        for keys in [8, 10_000] {
            let name = format!("contract::replicas_{replicas}::keys_{keys}");
            trials.add(name.clone(), move |suite| steady(suite, name, replicas, keys));
        }
    }
}

/// What a replica keeps in memory: from next to nothing to all of it.
const RINGS: [usize; 3] = [16 << 10, 1 << 20, 16 << 20];

async fn steady(suite: Arc<Suite>, name: String, replicas: usize, keys: usize) -> Verdict {
    let began = Instant::now();
    let mut run = Run::new(suite.seed, suite.place().await?, keys)?;
    let mut dice = run.dice(&name);
    let mut clients = Vec::new();
    for replica in 0..replicas {
        let mut options = Run::options(&run.place.url)?;
        options.ring_bytes = RINGS[(replica + dice.below(RINGS.len())) % RINGS.len()];
        clients.push(run.open(options).await?);
    }
    for client in &clients {
        for manner in [Manner::Prompt, Manner::Slow, Manner::Impatient] {
            run.watch(client, manner, 0);
        }
    }
    if keys > 100 {
        run.fill(&clients[0]).await?;
    }
    for client in &clients {
        run.load(client, WRITERS / replicas, 3);
    }
    let loaded = Instant::now();
    while loaded.elapsed() < LENGTH || run.shared.acknowledged() < ENOUGH && loaded.elapsed() < LONGEST {
        tokio::time::sleep(dice.between(Duration::from_millis(100), Duration::from_millis(400))).await;
        // Late watchers: from an old revision, from the newest, from one that another replica has just handed out.
        let client = &clients[dice.below(replicas)];
        let after = match dice.below(3) {
            0 => run.shared.some_revision(&mut dice).map_or(0, |some| some / 2),
            1 => run.shared.some_revision(&mut dice).unwrap_or(0),
            _ => match clients[dice.below(replicas)].newest().await {
                Outcome::Newest(newest) => newest,
                other => anyhow::bail!("the newest revision is {other:?}"),
            },
        };
        let manner = *dice.pick(&[Manner::Prompt, Manner::Slow, Manner::Impatient]);
        run.watch(client, manner, after);
    }
    run.stop_load().await?;
    let tally = run.finish(false).await?;
    tell(&name, began, &tally);
    ensure!(u64::try_from(tally.written)? >= ENOUGH && tally.conflicts > 20, "that was no load: {tally:?}");
    ensure!(tally.watches > 8 && tally.pages > 50 && tally.future > 0, "that was too little reading: {tally:?}");
    Ok(())
}
