//! The past that an informer stands at is forgotten while it can't reach the server: it is told so by 410, lists again,
//! and is right in the end. A list at a forgotten revision and a continue token get 410 too.
//!
//! What a server still has in memory it may answer from, forgotten or not; so it is started anew before the informer
//! gets through.

use std::time::Duration;

use anyhow::{Context as _, Result, ensure};
use howdah_blackbox::follow::Step;
use howdah_blackbox::{Answer, Client, Request, Server};
use libtest_mimic::Completion;
use tokio::time::Instant;

use crate::barrier::Barrier;
use crate::change::Kind;
use crate::informer::Selection;
use crate::run::{Run, SELECTIONS};
use crate::world::Place;
use crate::{Steps, World};

pub(crate) const TRIALS: &[(&str, Steps)] = &[("an informer lists again behind a compaction", behind_a_compaction)];

/// Changes before the informer is cut off, and again as many behind its back.
const CHANGES: usize = 2000;
/// How long it may take until the past is forgotten.
const PATIENCE: Duration = Duration::from_secs(60);
/// How often it is asked.
const PAUSE: Duration = Duration::from_millis(200);

fn behind_a_compaction(world: &World) -> Result<Completion> {
    let mut server = Server::start(&["--compaction-floor", "2"])?;
    let place = Place::new(&server.kubeconfig());
    world.runtime.block_on(async {
        let url = place.config().await?.cluster_url;
        let address = url.authority().context("the kubeconfig names no address")?.as_str().parse()?;
        let barrier = Barrier::before(address).await?;
        let mut run = Run::new(std::slice::from_ref(&place), false).await?;
        let cut_off = [Selection::all(Kind::ConfigMap, false), Selection::all(Kind::ConfigMap, true)];
        run.inform(&place.through(barrier.port()), &cut_off).await?;
        run.inform(&place, &SELECTIONS).await?;
        let writing = run.write(CHANGES);
        run.finish(writing).await?;
        run.catch_up().await?;
        let client = place.client().await?;
        let path = format!("/api/v1/namespaces/{}/configmaps?limit=5", run.namespaces()[0]);
        let first = get(&client, &path).await?.json()?;
        let token = first.pointer("/metadata/continue").and_then(|token| token.as_str());
        let next = format!("{path}&continue={}", token.context("the list has no second page")?);
        ensure!(get(&client, &next).await?.code == 200, "the second page could not be had at once");

        barrier.set_open(false);
        let position = run.informers[0].position();
        let writing = run.write(CHANGES);
        run.finish(writing).await?;
        let old = format!("{path}&resourceVersion={position}&resourceVersionMatch=Exact");
        until_forgotten(&client, &old, "The resourceVersion for the provided list is too old.").await?;
        let sentence = "The provided continue parameter is too old";
        until_forgotten(&client, &next, sentence).await?;
        tokio::task::block_in_place(|| server.terminate().and_then(|()| server.start_again()))?;
        barrier.set_open(true);

        let is_gone = |trouble: &str| trouble.contains("too old resource version");
        let is_cut_off = |trouble: &str| !trouble.starts_with("error returned by apiserver");
        run.judge(|trouble| is_gone(trouble) || is_cut_off(trouble)).await?;
        for informer in run.informers.iter().take(cut_off.len()) {
            let lists = informer.steps().iter().filter(|step| **step == Step::Synced).count();
            ensure!(lists == 2, "{:?} listed {lists} times", informer.selection);
            let told = informer.troubles().iter().filter(|trouble| is_gone(trouble)).count();
            ensure!(told == 1, "{:?} was told {told} times that its position is gone", informer.selection);
        }
        anyhow::Ok(())
    })?;
    Ok(Completion::Completed)
}

async fn get(client: &Client, path: &str) -> Result<Answer> {
    client.send(Request { method: "GET".to_owned(), path: path.to_owned(), ..Request::default() }).await
}

/// Asks until the answer is 410 with `sentence`; until then it has to be 200.
async fn until_forgotten(client: &Client, path: &str, sentence: &str) -> Result<()> {
    let give_up = Instant::now() + PATIENCE;
    loop {
        let answer = get(client, path).await?;
        if answer.code == 410 {
            let status = answer.json()?;
            ensure!(status["reason"] == "Expired", "{path}: {status}");
            ensure!(status["message"].as_str().is_some_and(|text| text.starts_with(sentence)), "{path}: {status}");
            return Ok(());
        }
        ensure!(answer.code == 200, "{path} was answered with {}", answer.code);
        ensure!(Instant::now() < give_up, "{path} is still answered after {} s", PATIENCE.as_secs());
        tokio::time::sleep(PAUSE).await;
    }
}
