//! Those who change objects: each has objects of its own, so it knows what every write has to meet and to leave.
//!
//! A write's outcome is unknown where the connection broke or the server refused to work, which only an announced
//! outage excuses. Then the object is read: its resourceVersion tells whether the write came through. A write that
//! comes through later than that makes the next one fail on its precondition, and the object is read once more.
//!
//! A pod is marked as going before it is deleted, by one request: two writes, of which the answer tells only the second.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use anyhow::{Context as _, Result, bail, ensure};
use howdah_blackbox::follow::{History, State, Version};
use howdah_blackbox::{Answer, Client, Request};
use serde_json::{Value, json};
use tokio::sync::watch;

use crate::world::{NUMBER, Outage, Place, SIDES};

/// How long a request may take.
const PATIENCE: Duration = Duration::from_secs(30);
/// How long an outage may last.
const OUTAGE: Duration = Duration::from_secs(90);
/// How often a write is tried whose outcome is unknown.
const ATTEMPTS: usize = 10;

/// The kinds that are changed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Kind {
    ConfigMap,
    Pod,
}

impl Kind {
    pub(crate) fn plural(self) -> &'static str {
        match self {
            Self::ConfigMap => "configmaps",
            Self::Pod => "pods",
        }
    }
}

/// An object and what its owner knows of it.
#[derive(Debug)]
pub(crate) struct Slot {
    kind: Kind,
    namespace: String,
    name: String,
    /// It stays where all selections find it: it is never deleted, never leaves the left side.
    lasting: bool,
    known: Option<Known>,
}

#[derive(Debug)]
struct Known {
    revision: u64,
    uid: String,
    state: State,
    /// All of it, as the server answered.
    object: Value,
    /// Whether it is a pod marked as going.
    is_marked: bool,
}

impl Slot {
    pub(crate) fn new(kind: Kind, namespace: &str, name: &str, lasting: bool) -> Self {
        Self { kind, namespace: namespace.to_owned(), name: name.to_owned(), lasting, known: None }
    }

    fn collection(&self) -> String {
        format!("/api/v1/namespaces/{}/{}", self.namespace, self.kind.plural())
    }

    fn path(&self) -> String {
        format!("{}/{}", self.collection(), self.name)
    }

    pub(crate) fn key(&self) -> String {
        format!("{}/{}/{}", self.kind.plural(), self.namespace, self.name)
    }

    /// The write that makes it `state`.
    fn write(&self, verb: Verb, state: &State) -> Request {
        let known = self.known.as_ref();
        let mut metadata = json!({
            "name": self.name,
            "labels": {"side": state.side},
            "annotations": {NUMBER: state.number.to_string()},
        });
        if let Some(known) = known {
            metadata["resourceVersion"] = known.revision.to_string().into();
        }
        let (method, path, media_type, body) = match verb {
            Verb::Create => ("POST", self.collection(), "json", self.object(&metadata)),
            Verb::Replace => {
                let mut object = known.map(|known| known.object.clone()).unwrap_or_default();
                for field in ["labels", "annotations"] {
                    object["metadata"][field] = metadata[field].take();
                }
                ("PUT", self.path(), "json", object)
            }
            Verb::Patch => ("PATCH", self.path(), "merge-patch+json", json!({"metadata": metadata})),
            Verb::PatchStatus => {
                let body = json!({"metadata": metadata, "status": {"phase": state.phase}});
                ("PATCH", format!("{}/status", self.path()), "merge-patch+json", body)
            }
            Verb::Delete => {
                let of = known.map(|known| json!({"uid": known.uid, "resourceVersion": known.revision.to_string()}));
                ("DELETE", self.path(), "json", json!({"preconditions": of}))
            }
        };
        let headers = vec![("content-type".to_owned(), format!("application/{media_type}"))];
        Request { method: method.to_owned(), path, headers, body: body.to_string().into() }
    }

    fn object(&self, metadata: &Value) -> Value {
        match self.kind {
            Kind::ConfigMap => json!({"apiVersion": "v1", "kind": "ConfigMap", "metadata": metadata,
                "data": {"text": "Objects that informers follow are seldom smaller than this one."}}),
            Kind::Pod => json!({"apiVersion": "v1", "kind": "Pod", "metadata": metadata,
                "spec": {"containers": [{"name": "one", "image": "registry.example/one:1"}]}}),
        }
    }
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Verb {
    Create,
    Replace,
    Patch,
    PatchStatus,
    Delete,
}

/// What came of a request.
enum Outcome {
    Answered(Answer),
    /// It is not known whether it was done.
    Unknown,
}

/// One who writes.
pub(crate) struct Writer {
    place: Place,
    /// Where to go on when the first server fails; without it, the writer waits for it to come back.
    refuge: Option<Place>,
    client: Client,
    outage: watch::Receiver<Outage>,
    /// Counts the writes of the run.
    numbers: Arc<AtomicU64>,
    /// Counts what was acknowledged.
    done: watch::Sender<usize>,
    dice: u64,
    slots: Vec<Slot>,
    history: History,
}

impl Writer {
    pub(crate) async fn new(
        place: &Place,
        refuge: Option<Place>,
        outage: watch::Receiver<Outage>,
        (numbers, done): (Arc<AtomicU64>, watch::Sender<usize>),
        (seed, slots): (u64, Vec<Slot>),
    ) -> Result<Self> {
        let (place, client) = (place.clone(), place.client().await?);
        // Never zero, where the generator would stay.
        let dice = seed.wrapping_mul(0x9e37_79b9_7f4a_7c15) | 1;
        Ok(Self { place, refuge, client, outage, numbers, done, dice, slots, history: History::default() })
    }

    /// What was acknowledged since the last time.
    pub(crate) fn take_history(&mut self) -> History {
        std::mem::take(&mut self.history)
    }

    /// A number below `sides` (xorshift).
    fn roll(&mut self, sides: usize) -> usize {
        self.dice ^= self.dice << 13;
        self.dice ^= self.dice >> 7;
        self.dice ^= self.dice << 17;
        usize::try_from(self.dice % u64::try_from(sides).unwrap_or(1)).unwrap_or(0)
    }

    /// Does `count` changes, one after the other.
    pub(crate) async fn run(&mut self, count: usize) -> Result<()> {
        for _ in 0..count {
            let at = self.roll(self.slots.len());
            self.change(at).await?;
        }
        Ok(())
    }

    /// Makes or changes every object that lasts, and gives their keys and numbers. All selections see this.
    pub(crate) async fn close(&mut self) -> Result<Vec<(String, u64)>> {
        let mut closed = Vec::new();
        for at in 0..self.slots.len() {
            if self.slots[at].lasting {
                self.change(at).await?;
                // A pod that was just made.
                if self.slots[at].known.as_ref().is_some_and(|known| known.state.phase == "Pending") {
                    self.change(at).await?;
                }
                let slot = &self.slots[at];
                closed.push((slot.key(), slot.known.as_ref().context("it was just made")?.state.number));
            }
        }
        Ok(closed)
    }

    /// One change of the object `at`.
    async fn change(&mut self, at: usize) -> Result<()> {
        let (die, side) = (self.roll(100), self.roll(SIDES.len()));
        let slot = &self.slots[at];
        let is_pod = slot.kind == Kind::Pod;
        let verb = match &slot.known {
            None => Verb::Create,
            Some(known) if slot.lasting => {
                if is_pod && known.state.phase != "Running" {
                    Verb::PatchStatus
                } else {
                    Verb::Replace
                }
            }
            Some(_) => match die {
                0..15 => Verb::Delete,
                15..40 => Verb::Patch,
                40..60 if is_pod => Verb::PatchStatus,
                _ => Verb::Replace,
            },
        };
        let number = self.numbers.fetch_add(1, Ordering::Relaxed);
        let before = slot.known.as_ref().map(|known| &known.state);
        // A pod is Pending when it is made; that only its status says otherwise.
        let mut phase = match before {
            Some(before) => before.phase.clone(),
            None => if is_pod { "Pending" } else { "" }.to_owned(),
        };
        if verb == Verb::PatchStatus {
            phase = if phase == "Running" { "Pending" } else { "Running" }.to_owned();
        }
        let side = if slot.lasting { SIDES[0] } else { SIDES[side] }.to_owned();
        let state = State { namespace: slot.namespace.clone(), name: slot.name.clone(), number, side, phase };
        self.write(at, verb, state).await?;
        self.done.send_modify(|done| *done += 1);
        Ok(())
    }

    /// Writes until the write is acknowledged, or known to have come through.
    async fn write(&mut self, at: usize, verb: Verb, state: State) -> Result<()> {
        let mut is_doubtful = false;
        for _ in 0..ATTEMPTS {
            let outcome = self.send(self.slots[at].write(verb, &state)).await?;
            match outcome {
                Outcome::Answered(answer) if matches!(answer.code, 200 | 201) => {
                    let object = answer.json()?;
                    if verb == Verb::Delete {
                        self.note_delete(at, &object);
                        return Ok(());
                    }
                    return self.note(at, state, &object);
                }
                Outcome::Answered(answer) if !is_doubtful || !matches!(answer.code, 404 | 409) => {
                    let text = String::from_utf8_lossy(&answer.body);
                    bail!("{verb:?} {} was answered with {} {text}", self.slots[at].key(), answer.code);
                }
                Outcome::Answered(_) => {}
                Outcome::Unknown => is_doubtful = true,
            }
            if self.came_through(at, verb, &state).await? {
                return Ok(());
            }
        }
        bail!("{verb:?} {} had no outcome in {ATTEMPTS} attempts", self.slots[at].key())
    }

    /// Reads the object: whether the write came through, which is then noted.
    async fn came_through(&mut self, at: usize, verb: Verb, state: &State) -> Result<bool> {
        for _ in 0..ATTEMPTS {
            let request = Request { method: "GET".to_owned(), path: self.slots[at].path(), ..Request::default() };
            let Outcome::Answered(answer) = self.send(request).await? else { continue };
            let slot = &self.slots[at];
            match (answer.code, verb) {
                (404, Verb::Create) => return Ok(false),
                (404, Verb::Delete) => {
                    self.note_delete(at, &Value::Null);
                    return Ok(true);
                }
                (200, _) => {
                    let object = answer.json()?;
                    if slot.known.as_ref().is_some_and(|known| Some(known.revision) == revision(&object)) {
                        return Ok(false);
                    }
                    let before = slot.known.as_ref().map(|known| known.state.clone());
                    let expected = if verb == Verb::Delete { before.context("it was there")? } else { state.clone() };
                    let number = object.pointer("/metadata/annotations").and_then(|all| all.get(NUMBER));
                    let own = number.and_then(Value::as_str) == Some(&expected.number.to_string());
                    let is_marked = object.pointer("/metadata/deletionTimestamp").is_some();
                    ensure!(own && is_marked == (verb == Verb::Delete), "{} is not as written: {object}", slot.key());
                    self.note(at, expected, &object)?;
                    // A delete that got no further than the mark is asked for again.
                    return Ok(!is_marked);
                }
                (code, _) => bail!("an acknowledged {} is lost: reading it gave {code}", slot.key()),
            }
        }
        bail!("{} could not be read in {ATTEMPTS} attempts", self.slots[at].key())
    }

    /// Notes down an acknowledged delete. Its answer tells the revision for pods alone.
    fn note_delete(&mut self, at: usize, answer: &Value) {
        let slot = &mut self.slots[at];
        let key = slot.key();
        let known = slot.known.take().filter(|known| slot.kind == Kind::Pod && !known.is_marked);
        if let Some(known) = known {
            self.history.push(&key, Version { revision: None, state: Some(known.state) });
        }
        self.history.push(&key, Version { revision: revision(answer), state: None });
    }

    /// Notes down an acknowledged write that left `object`.
    fn note(&mut self, at: usize, state: State, object: &Value) -> Result<()> {
        let slot = &mut self.slots[at];
        let key = slot.key();
        let text = |path: &str| object.pointer(path).and_then(Value::as_str).unwrap_or_default();
        ensure!(text("/metadata/labels/side") == state.side, "{key} has another label than was written: {object}");
        ensure!(text("/status/phase") == state.phase, "{key} has another phase than was written: {object}");
        let revision = revision(object).with_context(|| format!("{key} has no resourceVersion"))?;
        let before = slot.known.as_ref().map_or(0, |known| known.revision);
        ensure!(revision > before, "{key} went from resourceVersion {before} to {revision}");
        self.history.push(&key, Version { revision: Some(revision), state: Some(state.clone()) });
        let uid = text("/metadata/uid").to_owned();
        let is_marked = object.pointer("/metadata/deletionTimestamp").is_some();
        slot.known = Some(Known { revision, uid, state, object: object.clone(), is_marked });
        Ok(())
    }

    /// Sends a request. Within an outage a broken connection and a refusal to work leave it open; else they are errors.
    async fn send(&mut self, request: Request) -> Result<Outcome> {
        let before = *self.outage.borrow();
        let what = format!("{} {}", request.method, request.path);
        let answer = tokio::time::timeout(PATIENCE, self.client.send(request)).await;
        let trouble = match answer {
            Ok(Ok(answer)) if matches!(answer.code, 429 | 500..) => {
                anyhow::anyhow!("{} {}", answer.code, String::from_utf8_lossy(&answer.body))
            }
            Ok(Ok(answer)) => return Ok(Outcome::Answered(answer)),
            Ok(Err(error)) => error,
            Err(_) => anyhow::anyhow!("no answer within {} s", PATIENCE.as_secs()),
        };
        let excused = before.is_on || self.outage.borrow().count != before.count;
        ensure!(excused, "{what} failed without an outage: {trouble:#}");
        match self.refuge.take() {
            Some(refuge) => self.place = refuge,
            None => {
                let over = self.outage.wait_for(|outage| !outage.is_on);
                tokio::time::timeout(OUTAGE, over).await.context("the outage did not end")??;
            }
        }
        // No connection of the time before is taken up again.
        self.client = self.place.client().await?;
        Ok(Outcome::Unknown)
    }
}

fn revision(object: &Value) -> Option<u64> {
    object.pointer("/metadata/resourceVersion")?.as_str()?.parse().ok()
}
