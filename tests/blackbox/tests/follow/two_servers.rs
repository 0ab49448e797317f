//! Two servers on one database: whoever asks one has asked both.

use anyhow::{Context as _, Result, ensure};
use howdah_blackbox::follow::Step;
use howdah_blackbox::{Answer, Client, Request, Server};
use howdah_store::{PrivatePostgres, PrivatePostgresOptions};
use libtest_mimic::Completion;
use serde_json::{Value, json};
use tokio::task::JoinSet;

use crate::change::Kind;
use crate::informer::{Informer, Selection};
use crate::run::{Run, SELECTIONS};
use crate::world::{Outage, Place, clear, namespaces};
use crate::{Steps, World};

pub(crate) const TRIALS: &[(&str, Steps)] = &[
    ("two servers: what is written through one is read through the other", |world| with_two(world, Trial::Read)),
    ("two servers: both tell the same order", |world| with_two(world, Trial::Order)),
    ("two servers: tokens of one are good for the other", |world| with_two(world, Trial::Token)),
    ("two servers: killing one loses nothing", |world| with_two(world, Trial::Kill)),
];

/// Reads each way.
const READS: usize = 1000;
/// Those who read at the same time.
const READERS: usize = 4;
/// Writes of which both tell the order.
const WRITES: usize = 5000;

#[derive(Clone, Copy)]
enum Trial {
    Read,
    Order,
    Token,
    Kill,
}

fn with_two(world: &World, trial: Trial) -> Result<Completion> {
    let folder = tempfile::tempdir()?;
    let postgres = world.runtime.block_on(PrivatePostgres::start(PrivatePostgresOptions::new(folder.path())))?;
    let outcome = on_two(world, trial, &folder.path().join("postgres").to_string_lossy());
    world.runtime.block_on(postgres.stop())?;
    outcome.map(|()| Completion::Completed)
}

fn on_two(world: &World, trial: Trial, socket: &str) -> Result<()> {
    let url = format!("postgres://howdah@localhost/howdah?host={socket}&sslmode=disable");
    let start = |name: &str| Server::start(&["--database-url", &url, "--name", name]);
    let mut one = start("one")?;
    let other = start("other")?;
    let places = [Place::new(&one.kubeconfig()), Place::new(&other.kubeconfig())];
    world.runtime.block_on(async {
        match trial {
            Trial::Read => reads(&places).await,
            Trial::Order => one_order(&places).await,
            Trial::Token => tokens(&places).await,
            Trial::Kill => kill(&places, &mut one).await,
        }
    })
}

/// No retry, no wait: an answer to a read holds every write that was answered before the read was sent.
async fn reads(places: &[Place; 2]) -> Result<()> {
    let namespaces = namespaces(&places[0]).await?;
    let mut readers = JoinSet::new();
    for reader in 0..READERS {
        let clients = [places[0].client().await?, places[1].client().await?];
        let collection = format!("/api/v1/namespaces/{}/configmaps", namespaces[0]);
        readers.spawn(async move { read_both_ways(&clients, &collection, &format!("reader-{reader}")).await });
    }
    while let Some(ended) = readers.join_next().await {
        ended??;
    }
    clear(&places[0], &namespaces).await
}

async fn read_both_ways(clients: &[Client; 2], collection: &str, name: &str) -> Result<()> {
    let object = |number: usize| json!({"metadata": {"name": name}, "data": {"number": number.to_string()}});
    let made = send(&clients[0], "POST", collection, Some(&object(0))).await?;
    ensure!(made.code == 201, "making {name} was answered with {}", made.code);
    let path = format!("{collection}/{name}");
    for number in 1..=2 * READS / READERS {
        let (writer, reader) = (&clients[number % 2], &clients[(number + 1) % 2]);
        let written = send(writer, "PUT", &path, Some(&object(number))).await?;
        ensure!(written.code == 200, "write {number} was answered with {}", written.code);
        let written = written.json()?;
        let revision = |object: &Value| object["metadata"]["resourceVersion"].clone();
        let read = send(reader, "GET", &path, None).await?.json()?;
        ensure!(revision(&read) == revision(&written), "write {number} gave {written}, the other reads {read}");
        let list = send(reader, "GET", collection, None).await?.json()?;
        let items = list["items"].as_array().context("the list has no items")?;
        let listed = items.iter().find(|item| item["metadata"]["name"] == name).context("the object is not listed")?;
        ensure!(revision(listed) == revision(&written), "write {number} gave {written}, the other lists {listed}");
    }
    Ok(())
}

async fn one_order(places: &[Place; 2]) -> Result<()> {
    let mut run = Run::new(places, false).await?;
    for place in places {
        run.inform(place, &SELECTIONS).await?;
    }
    // The lists come first, so that all informers see the same events.
    let writing = run.write(WRITES / 20);
    run.finish(writing).await?;
    run.catch_up().await?;
    let seen_before: Vec<usize> = run.informers.iter().map(|informer| informer.steps().len()).collect();
    let writing = run.write(WRITES);
    run.finish(writing).await?;
    run.judge(|_| false).await?;
    let events = |at: usize| -> Vec<Step> { run.informers[at].steps().split_off(seen_before[at]) };
    for (at, selection) in SELECTIONS.iter().enumerate() {
        let (one, other) = (events(at), events(at + SELECTIONS.len()));
        ensure!(!one.is_empty() && one == other, "the two tell different orders of {selection:?}");
    }
    Ok(())
}

async fn kill(places: &[Place; 2], one: &mut Server) -> Result<()> {
    let mut run = Run::new(places, true).await?;
    run.inform(&places[1], &SELECTIONS).await?;
    // Through the first as well: they come back with it.
    let first = [Selection::all(Kind::ConfigMap, false), Selection::all(Kind::Pod, true)];
    run.inform(&places[0], &first).await?;
    let mut writing = run.write(WRITES);
    writing.until(WRITES / 2).await?;
    run.outage.send_modify(Outage::begin);
    tokio::task::block_in_place(|| one.kill())?;
    run.finish(writing).await?;
    tokio::task::block_in_place(|| one.start_again())?;
    run.outage.send_modify(Outage::end);
    run.judge(|_| true).await?;
    let disturbed = run.informers.iter().skip(SELECTIONS.len());
    ensure!(disturbed.map(Informer::troubles).all(|troubles| !troubles.is_empty()), "nobody noticed the kill");
    let undisturbed = run.informers.iter().take(SELECTIONS.len());
    let troubles: Vec<String> = undisturbed.flat_map(Informer::troubles).collect();
    ensure!(troubles.is_empty(), "killing one server disturbed watches on the other: {}", troubles.join("\n"));
    Ok(())
}

async fn tokens(places: &[Place; 2]) -> Result<()> {
    let namespaces = namespaces(&places[0]).await?;
    for (issuer, other) in [(&places[0], &places[1]), (&places[1], &places[0])] {
        let path = format!("/api/v1/namespaces/{}/serviceaccounts/default/token", namespaces[0]);
        let request = json!({"apiVersion": "authentication.k8s.io/v1", "kind": "TokenRequest", "spec": {}});
        let answer = send(&issuer.client().await?, "POST", &path, Some(&request)).await?;
        let token = answer.json()?;
        let token = token.pointer("/status/token").and_then(Value::as_str);
        let token = token.with_context(|| format!("no token: {:?}", String::from_utf8_lossy(&answer.body)))?;
        let expected = format!("system:serviceaccount:{}:default", namespaces[0]);
        for place in [issuer, other] {
            let mut config = place.config().await?;
            config.auth_info = serde_json::from_value(json!({"token": token}))?;
            let client = Client::with(kube::Client::try_from(config)?);
            let review = json!({"apiVersion": "authentication.k8s.io/v1", "kind": "SelfSubjectReview"});
            let path = "/apis/authentication.k8s.io/v1/selfsubjectreviews";
            let answer = send(&client, "POST", path, Some(&review)).await?;
            let who = answer.json()?;
            ensure!(who.pointer("/status/userInfo/username") == Some(&Value::from(expected.as_str())), "{who}");
        }
    }
    clear(&places[0], &namespaces).await
}

async fn send(client: &Client, method: &str, path: &str, body: Option<&Value>) -> Result<Answer> {
    let headers = vec![("content-type".to_owned(), "application/json".to_owned())];
    let body = body.map(Value::to_string).unwrap_or_default().into();
    client.send(Request { method: method.to_owned(), path: path.to_owned(), headers, body }).await
}
