//! The load: writers that create, update, delete and transact on shared keys, and readers that get, list, page and ask
//! for the past meanwhile.
//!
//! All choices come from the run's seed; what they meet depends on the machine. Writers share what they know of where
//! each key stands ([`Shared`]), so that most writes succeed and many are close races; some expect a stale revision on
//! purpose.

use std::collections::HashMap;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use howdah_api::{Key, KeyPrefix};

use crate::client::{Client, Wanted};
use crate::dice::Dice;
use crate::journal::{Kind, Outcome, Step};

/// How many namespaces the keys are spread over.
const NAMESPACES: usize = 5;

/// How many acknowledged revisions are remembered for reads of the past.
const REMEMBERED: usize = 4096;

/// The longest list that is asked for in one piece: a longer line would not fit into a pipe whole.
pub(crate) const PIPE_PAGE: usize = 24;

/// The keys of a run.
#[derive(Debug)]
pub(crate) struct Keys {
    keys: Vec<Key>,
    prefixes: Vec<KeyPrefix>,
}

impl Keys {
    /// `count` keys of two resources in several namespaces.
    pub(crate) fn new(count: usize) -> anyhow::Result<Self> {
        let mut keys = Vec::with_capacity(count);
        let mut prefixes = vec![KeyPrefix::all()];
        for resource in ["configmaps", "secrets"] {
            prefixes.push(KeyPrefix::new("", resource, None)?);
            for namespace in 0..NAMESPACES {
                prefixes.push(KeyPrefix::new("", resource, Some(&format!("n{namespace}")))?);
            }
        }
        for number in 0..count {
            let resource = if number % 2 == 0 { "configmaps" } else { "secrets" };
            let namespace = format!("n{}", number / 2 % NAMESPACES);
            keys.push(Key::new("", resource, Some(&namespace), &format!("o{number:05}"))?);
        }
        Ok(Self { keys, prefixes })
    }

    /// All keys.
    pub(crate) fn all(&self) -> &[Key] {
        &self.keys
    }
}

/// What clients know together.
#[derive(Debug, Default)]
pub(crate) struct Shared {
    known: Mutex<Known>,
    acknowledged: AtomicU64,
    stop: AtomicBool,
}

#[derive(Debug, Default)]
struct Known {
    heads: HashMap<Key, i64>,
    revisions: Vec<i64>,
    next: usize,
}

impl Shared {
    /// Where `key` stood when somebody last looked; zero for nowhere.
    fn head(&self, key: &Key) -> Option<i64> {
        self.lock().heads.get(key).copied()
    }

    fn put_head(&self, key: Key, head: i64) {
        self.lock().heads.insert(key, head);
    }

    /// Notes that `revision` was acknowledged.
    pub(crate) fn acknowledge(&self, revision: i64) {
        self.acknowledged.fetch_add(1, Ordering::Relaxed);
        let mut known = self.lock();
        let next = known.next;
        match known.revisions.get_mut(next) {
            Some(oldest) => *oldest = revision,
            None => known.revisions.push(revision),
        }
        known.next = (next + 1) % REMEMBERED;
    }

    /// A revision that was acknowledged not long ago.
    pub(crate) fn some_revision(&self, dice: &mut Dice) -> Option<i64> {
        let known = self.lock();
        (!known.revisions.is_empty()).then(|| *dice.pick(&known.revisions))
    }

    /// How many writes were acknowledged.
    pub(crate) fn acknowledged(&self) -> u64 {
        self.acknowledged.load(Ordering::Relaxed)
    }

    /// Asks everybody to come to an end.
    pub(crate) fn stop(&self) {
        self.stop.store(true, Ordering::Relaxed);
    }

    /// Whether everybody shall come to an end.
    pub(crate) fn is_stopping(&self) -> bool {
        self.stop.load(Ordering::Relaxed)
    }

    fn lock(&self) -> std::sync::MutexGuard<'_, Known> {
        self.known.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// One writer or reader.
pub(crate) struct Worker {
    pub(crate) client: Client,
    pub(crate) keys: Arc<Keys>,
    pub(crate) shared: Arc<Shared>,
    pub(crate) dice: Dice,
    /// How long a write may take.
    pub(crate) timeout: Duration,
    /// The longest list that may be asked for; none for any.
    pub(crate) page: Option<usize>,
}

impl Worker {
    /// Creates a part of the keys, many at once.
    pub(crate) async fn fill(&mut self) -> anyhow::Result<()> {
        const AT_ONCE: usize = 50;
        let keys = Arc::clone(&self.keys);
        for part in keys.all().chunks(AT_ONCE).step_by(2) {
            let steps = part.iter().map(|key| self.create(key)).collect();
            self.write(steps).await?;
        }
        Ok(())
    }

    /// Writes until told to stop.
    pub(crate) async fn keep_writing(mut self) -> anyhow::Result<()> {
        while !self.shared.is_stopping() {
            let steps = match self.dice.below(100) {
                0..82 => vec![self.step().await],
                82 => self.malformed(),
                _ => self.transaction().await,
            };
            match self.write(steps).await? {
                // Somebody has to be there for a while before it is worth trying again.
                Outcome::Refused(_) | Outcome::NotApplied | Outcome::Unknown => {
                    tokio::time::sleep(self.dice.between(Duration::from_millis(1), Duration::from_millis(20))).await;
                }
                Outcome::Closed => return Ok(()),
                _ => {}
            }
        }
        Ok(())
    }

    /// Reads until told to stop.
    pub(crate) async fn keep_reading(mut self) -> anyhow::Result<()> {
        while !self.shared.is_stopping() {
            match self.dice.below(10) {
                0..4 => {
                    let key = self.key();
                    self.look(&key).await;
                }
                4..8 => self.page_through().await?,
                8 => drop(self.client.newest().await),
                _ => {
                    let (key, limit) = (self.key(), 1 + self.dice.below(6));
                    drop(self.client.history(&key, limit).await);
                }
            }
            tokio::time::sleep(self.dice.between(Duration::ZERO, Duration::from_millis(8))).await;
        }
        Ok(())
    }

    /// Writes, and learns from the answer.
    async fn write(&mut self, steps: Vec<Step>) -> anyhow::Result<Outcome> {
        let kinds: Vec<Kind> = steps.iter().map(|step| step.kind).filter(|kind| *kind != Kind::Check).collect();
        let outcome = self.client.write(steps, self.timeout).await?;
        match &outcome {
            Outcome::Written(objects) => {
                for (object, kind) in objects.iter().zip(kinds) {
                    let head = if kind == Kind::Delete { 0 } else { object.revision };
                    self.shared.put_head(Key::parse(&object.key)?, head);
                }
                if let Some(last) = objects.last() {
                    self.shared.acknowledge(last.revision);
                }
            }
            Outcome::Conflict { key, current, .. } => self.shared.put_head(Key::parse(key)?, *current),
            _ => {}
        }
        Ok(outcome)
    }

    fn key(&mut self) -> Key {
        self.dice.pick(&self.keys.keys).clone()
    }

    fn token(&self) -> Arc<str> {
        format!("t{}", self.client.recorder.number()).into()
    }

    fn create(&self, key: &Key) -> Step {
        Step { key: key.as_str().into(), kind: Kind::Create, expected: 0, token: Some(self.token()) }
    }

    /// Gets `key`; where it stands.
    async fn look(&mut self, key: &Key) -> i64 {
        let Outcome::Got(object) = self.client.get(key).await else { return 0 };
        let head = object.map_or(0, |object| object.revision);
        self.shared.put_head(key.clone(), head);
        head
    }

    /// Where `key` is thought to stand; now and then one looks, and now and then one is wrong on purpose.
    async fn head(&mut self, key: &Key) -> i64 {
        let known = self.shared.head(key).filter(|_| !self.dice.chance(5));
        let head = match known {
            Some(head) => head,
            None => self.look(key).await,
        };
        if self.dice.chance(3) { self.shared.some_revision(&mut self.dice).unwrap_or(0) } else { head }
    }

    /// One write of a random key.
    async fn step(&mut self) -> Step {
        let key = self.key();
        self.step_on(&key, false).await
    }

    async fn step_on(&mut self, key: &Key, lasting: bool) -> Step {
        let expected = self.head(key).await;
        if expected == 0 || self.dice.chance(2) {
            return self.create(key);
        }
        let delete = !lasting && self.dice.chance(20);
        let kind = if delete { Kind::Delete } else { Kind::Update };
        let token = (!delete).then(|| self.token());
        Step { key: key.as_str().into(), kind, expected, token }
    }

    /// Two to five writes and checks of different keys, at least one of which leaves a token.
    async fn transaction(&mut self) -> Vec<Step> {
        let first = self.key();
        let mut keys = vec![first.clone()];
        let mut steps = vec![self.step_on(&first, true).await];
        for _ in 0..=self.dice.below(4) {
            let key = self.key();
            if keys.contains(&key) {
                continue;
            }
            let step = if self.dice.chance(35) {
                let expected = self.head(&key).await;
                Step { key: key.as_str().into(), kind: Kind::Check, expected, token: None }
            } else {
                self.step_on(&key, false).await
            };
            keys.push(key);
            let place = self.dice.below(steps.len() + 1);
            steps.insert(place, step);
        }
        steps
    }

    /// A transaction that must be refused as it stands.
    fn malformed(&mut self) -> Vec<Step> {
        let key = self.key();
        match self.dice.below(3) {
            0 => Vec::new(),
            1 => vec![self.create(&key), self.create(&key)],
            _ => {
                let check = Step { key: key.as_str().into(), kind: Kind::Check, expected: 0, token: None };
                vec![self.create(&key), check]
            }
        }
    }

    /// Lists a random prefix, at the newest revision or at a random one, in random pages.
    async fn page_through(&mut self) -> anyhow::Result<()> {
        let prefix = self.dice.pick(&self.keys.prefixes).clone();
        let mut at = match self.dice.below(8) {
            0..4 => None,
            4 => {
                let Outcome::Newest(newest) = self.client.newest().await else { return Ok(()) };
                Some(newest + i64::try_from(self.dice.below(2_000_000_000))?)
            }
            5 => self.shared.some_revision(&mut self.dice).map(|some| some / 2),
            _ => self.shared.some_revision(&mut self.dice),
        };
        let mut after = self.dice.chance(10).then(|| self.key()).filter(|key| key.is_below(&prefix));
        // A few lists come whole.
        let longest = self.page.unwrap_or(self.keys.keys.len());
        let mut limit = (self.page.is_some() || self.dice.chance(80)).then(|| 1 + self.dice.below(longest.min(200)));
        for _ in 0..3 {
            let wanted = Wanted { prefix: prefix.clone(), at, after: after.clone(), limit };
            let (revision, objects, remaining) = match self.client.list(wanted).await? {
                Outcome::Page { revision, objects, remaining } => (revision, objects, remaining),
                // The floor itself is the oldest that must still be whole, and what stands right above it the next.
                Outcome::Compacted { floor, .. } => {
                    at = Some(floor + i64::from(self.dice.chance(50)));
                    continue;
                }
                _ => return Ok(()),
            };
            let Some(last) = objects.last().filter(|_| remaining > 0) else { return Ok(()) };
            (at, after) = (Some(revision), Some(Key::parse(&last.key)?));
            limit = limit.map(|_| 1 + self.dice.below(longest.min(200)));
        }
        Ok(())
    }
}
