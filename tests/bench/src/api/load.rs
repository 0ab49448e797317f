//! The closed loop: clients that send one request after the other, each over objects of its own.
//!
//! What is counted is what was answered within the window behind the warm-up; latencies are from just before the
//! request was handed to HTTP until its answer was read whole. Any answer but a success fails the run: the clients'
//! objects are disjoint, so nothing may conflict.

use std::time::{Duration, Instant};

use anyhow::{Context as _, Result, ensure};
use bytes::Bytes;
use http::Method;
use rand::rngs::StdRng;
use rand::{RngExt as _, SeedableRng as _};
use serde::Serialize;
use tokio::task::JoinSet;
use tokio::time::timeout;

use super::connection::{Call, Client, JSON, MERGE_PATCH};
use super::object::{self, Kind};
use super::settings::Window;
use super::target::Target;
use crate::process;
use crate::quantile::{Quantiles, count};

/// How much longer than its window a load may take.
const PATIENCE: Duration = Duration::from_secs(120);
/// How many clients fill a namespace.
const FILLERS: usize = 32;

/// What a client does again and again.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum Verb {
    /// POST of a new object.
    Create,
    /// PUT of an object as the server sent it last, its resourceVersion included, with another annotation.
    Update,
    /// A merge patch of an annotation.
    Patch,
    /// GET of one object.
    Get,
}

/// An object as its client knows it.
struct Slot {
    path: String,
    last: Bytes,
}

/// The objects of one kind in a target.
pub(crate) struct Population {
    kind: Kind,
    slots: Vec<Slot>,
    rng: StdRng,
    /// No object bears a higher stamp, so that a write with a higher one always changes something.
    stamp: u32,
    /// How many clients have created objects, which makes their names differ.
    created: u32,
}

/// What one load came to.
#[derive(Debug)]
pub(crate) struct Load {
    /// Requests a second.
    pub(crate) rate: f64,
    /// From request to answer.
    pub(crate) latency: Quantiles,
    /// The CPU time of the server's processes for a request, in microseconds, where they are known.
    pub(crate) server_cpu_micros: Option<f64>,
    /// The CPU time of this process for a request, in microseconds.
    pub(crate) bench_cpu_micros: f64,
}

/// One client's work.
struct Shift {
    client: Client,
    verb: Verb,
    kind: Kind,
    namespace: String,
    slots: Vec<Slot>,
    rng: StdRng,
    /// Its last stamp.
    stamp: u32,
    /// What the names of its creations begin with.
    prefix: String,
}

impl Verb {
    /// All of them; creations last, for the others are to find the same number of objects everywhere.
    pub(crate) const ALL: [Self; 4] = [Self::Update, Self::Patch, Self::Get, Self::Create];

    /// What the report calls it.
    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::Create => "create",
            Self::Update => "update",
            Self::Patch => "patch",
            Self::Get => "get",
        }
    }
}

impl Population {
    /// Creates `objects` objects.
    ///
    /// # Errors
    /// Where the server does not.
    pub(crate) async fn fill(target: &Target, kind: Kind, objects: usize, connections: usize) -> Result<Self> {
        let mut rng = StdRng::seed_from_u64(20_260_401);
        let mut names = (0..objects).map(|index| format!("checkout-{index:06}"));
        let mut fillers = JoinSet::new();
        for client in target.endpoint.clients(FILLERS.min(objects), connections).await? {
            let share: Vec<String> = names.by_ref().take(objects.div_ceil(FILLERS)).collect();
            let (namespace, rng) = (target.namespace.clone(), StdRng::seed_from_u64(rng.random()));
            fillers.spawn(create(client, kind, namespace, share, rng));
        }
        let mut slots = Vec::with_capacity(objects);
        while let Some(filled) = fillers.join_next().await {
            slots.append(&mut filled.context("a client's task failed")??);
        }
        slots.sort_by(|a, b| a.path.cmp(&b.path));
        ensure!(slots.len() == objects, "{} of {objects} objects were created", slots.len());
        Ok(Self { kind, slots, rng, stamp: 0, created: 0 })
    }

    /// The paths of the objects, in the order of their names.
    pub(crate) fn into_paths(self) -> Vec<String> {
        self.slots.into_iter().map(|slot| slot.path).collect()
    }

    /// The mean length of an object as the server sends it, in bytes.
    pub(crate) fn mean_bytes(&self) -> usize {
        self.slots.iter().map(|slot| slot.last.len()).sum::<usize>() / self.slots.len().max(1)
    }

    /// Runs `clients` clients for the length of `window`.
    ///
    /// # Errors
    /// Where a request fails.
    pub(crate) async fn load(
        &mut self,
        target: &Target,
        verb: Verb,
        clients: usize,
        connections: usize,
        window: Window,
    ) -> Result<Load> {
        let share = self.slots.len() / clients;
        ensure!(share > 0, "{} objects are too few for {clients} clients", self.slots.len());
        let connected = target.endpoint.clients(clients, connections).await?;
        let before = (target.cpu()?, process::own_cpu()?);
        let begin = Instant::now();
        let (counted_from, end) = (begin + window.warm_up, begin + window.warm_up + window.counted);
        let mut shifts = JoinSet::new();
        for client in connected {
            self.created += 1;
            let shift = Shift {
                client,
                verb,
                kind: self.kind,
                namespace: target.namespace.clone(),
                slots: self.slots.split_off(self.slots.len() - share),
                rng: StdRng::seed_from_u64(self.rng.random()),
                stamp: self.stamp,
                prefix: format!("created-{:05}", self.created),
            };
            shifts.spawn(shift.run(end));
        }
        let mut answered = Vec::new();
        let finished = async {
            while let Some(shift) = shifts.join_next().await {
                let (mut slots, mut requests) = shift.context("a client's task failed")??;
                self.slots.append(&mut slots);
                self.stamp = self.stamp.saturating_add(u32::try_from(requests.len()).unwrap_or(u32::MAX));
                answered.append(&mut requests);
            }
            anyhow::Ok(())
        };
        let patience = window.warm_up + window.counted + PATIENCE;
        timeout(patience, finished).await.context("the clients did not finish in time")??;
        ensure!(!answered.is_empty(), "nothing was answered");
        let after = (target.cpu()?, process::own_cpu()?);
        let counted = |(_, at): &&(Instant, Instant)| (counted_from..end).contains(at);
        let in_window: Vec<_> = answered.iter().filter(counted).collect();
        let micros = |cpu: Duration| cpu.as_secs_f64() * 1e6 / count(answered.len());
        Ok(Load {
            rate: count(in_window.len()) / window.counted.as_secs_f64(),
            latency: Quantiles::of(in_window.iter().map(|(sent, at)| *at - *sent)),
            server_cpu_micros: after.0.zip(before.0).map(|(after, before)| micros(after.saturating_sub(before))),
            bench_cpu_micros: micros(after.1.saturating_sub(before.1)),
        })
    }
}

/// Creates objects of these names, one after the other.
async fn create(
    mut client: Client,
    kind: Kind,
    namespace: String,
    names: Vec<String>,
    mut rng: StdRng,
) -> Result<Vec<Slot>> {
    let collection = kind.collection(&namespace);
    let mut slots = Vec::with_capacity(names.len());
    for name in names {
        let body = kind.body(&name, &namespace, &mut rng);
        let last = client.call(Call::send(&Method::POST, &collection, &body)).await?;
        slots.push(Slot { path: format!("{collection}/{name}"), last });
    }
    Ok(slots)
}

impl Shift {
    /// Sends requests until `end`; answers the objects and when each request was sent and answered.
    async fn run(mut self, end: Instant) -> Result<(Vec<Slot>, Vec<(Instant, Instant)>)> {
        let mut answered = Vec::new();
        let collection = self.kind.collection(&self.namespace);
        loop {
            self.stamp += 1;
            let index = self.rng.random_range(0..self.slots.len());
            let slot = &mut self.slots[index];
            let (method, path, encoding, body) = match self.verb {
                Verb::Create => {
                    let name = format!("{}-{:07}", self.prefix, answered.len());
                    let body = self.kind.body(&name, &self.namespace, &mut self.rng);
                    (&Method::POST, &collection, None, Some(body))
                }
                Verb::Update => {
                    let body = object::restamped(std::mem::take(&mut slot.last), self.stamp);
                    (&Method::PUT, &slot.path, None, Some(body.context("an answer lacks the annotation")?))
                }
                Verb::Patch => (&Method::PATCH, &slot.path, Some(MERGE_PATCH), Some(object::patch(self.stamp))),
                Verb::Get => (&Method::GET, &slot.path, None, None),
            };
            let call = match &body {
                Some(body) => {
                    let call = Call::send(method, path, body);
                    Call { body: Some((encoding.unwrap_or(JSON), body)), ..call }
                }
                None => Call::get(path),
            };
            let sent = Instant::now();
            if sent >= end {
                if let (Verb::Update, Some(body)) = (self.verb, body) {
                    slot.last = body;
                }
                return Ok((self.slots, answered));
            }
            let answer = self.client.call(call).await?;
            answered.push((sent, Instant::now()));
            if self.verb != Verb::Create {
                slot.last = answer;
            }
        }
    }
}
