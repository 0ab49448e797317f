//! A store whose every call is journaled.

use std::time::{Duration, SystemTime};

use howdah_api::{Key, KeyPrefix};
use howdah_store::{
    At, Change, Deadline, List, Object, Operation, Past, ReadError, Revision, Store, WatchError, WatchEvent, Write,
    WriteError,
};

use crate::clock::nanos;
use crate::journal::{Action, Ending, Event, Kind, Outcome, Seen, Step};
use crate::payload;
use crate::pen::Recorder;

/// A store and the pen that records what it answers.
#[derive(Clone)]
pub(crate) struct Client {
    pub(crate) store: Store,
    pub(crate) recorder: Recorder,
}

/// What a list asks for.
#[derive(Debug, Clone)]
pub(crate) struct Wanted {
    /// Whose keys.
    pub(crate) prefix: KeyPrefix,
    /// The revision; none for the newest.
    pub(crate) at: Option<i64>,
    /// The key behind which the page begins.
    pub(crate) after: Option<Key>,
    /// How many objects at most.
    pub(crate) limit: Option<usize>,
}

impl Client {
    /// Writes `steps`: one by [`Store::write`], several by [`Store::transact`].
    pub(crate) async fn write(&self, steps: Vec<Step>, timeout: Duration) -> anyhow::Result<Outcome> {
        let mut writes = steps.iter().map(write_of).collect::<anyhow::Result<Vec<_>>>()?;
        let call = self.recorder.invoke(Action::Write { steps, timeout: nanos(timeout) });
        let deadline = Deadline::after(timeout);
        let single = writes.len() == 1 && !matches!(writes[0].operation, Operation::Check { .. });
        let written = match writes.pop() {
            Some(write) if single => self.store.write(write, deadline).await.map(|object| vec![object]),
            last => {
                writes.extend(last);
                self.store.transact(writes, deadline).await
            }
        };
        let outcome = match written {
            Ok(objects) => Outcome::Written(objects.iter().map(seen).collect()),
            Err(error) => write_error(&error),
        };
        self.recorder.returned(call, outcome.clone());
        Ok(outcome)
    }

    /// Gets one object.
    pub(crate) async fn get(&self, key: &Key) -> Outcome {
        let call = self.recorder.invoke(Action::Get { key: key.as_str().into() });
        let outcome = match self.store.get(key).await {
            Ok(object) => Outcome::Got(object.as_ref().map(seen)),
            Err(error) => read_error(&error),
        };
        self.recorder.returned(call, outcome.clone());
        outcome
    }

    /// Lists one page.
    pub(crate) async fn list(&self, wanted: Wanted) -> anyhow::Result<Outcome> {
        let Wanted { prefix, at, after, limit } = wanted;
        let call = self.recorder.invoke(Action::List {
            prefix: prefix.as_str().into(),
            at,
            after: after.as_ref().map(|key| key.as_str().into()),
            limit,
        });
        let at = match at {
            None => At::Newest,
            Some(number) => At::Exact(revision(number)?),
        };
        let outcome = match self.store.list(List { prefix, at, after, limit }).await {
            Ok(page) => Outcome::Page {
                revision: page.revision.get(),
                objects: page.objects.iter().map(seen).collect(),
                remaining: page.remaining,
            },
            Err(error) => read_error(&error),
        };
        self.recorder.returned(call, outcome.clone());
        Ok(outcome)
    }

    /// The past of one object.
    pub(crate) async fn history(&self, key: &Key, limit: usize) -> Outcome {
        let call = self.recorder.invoke(Action::History { key: key.as_str().into(), limit });
        let outcome = match self.store.history(key, limit).await {
            Ok(past) => Outcome::Past(past.iter().map(past_seen).collect()),
            Err(error) => read_error(&error),
        };
        self.recorder.returned(call, outcome.clone());
        outcome
    }

    /// The newest revision.
    pub(crate) async fn newest(&self) -> Outcome {
        let call = self.recorder.invoke(Action::Newest);
        let outcome = match self.store.revision().await {
            Ok(revision) => Outcome::Newest(revision.get()),
            Err(error) => read_error(&error),
        };
        self.recorder.returned(call, outcome.clone());
        outcome
    }
}

/// The revision `number`.
pub(crate) fn revision(number: i64) -> anyhow::Result<Revision> {
    Revision::new(number).ok_or_else(|| anyhow::anyhow!("{number} is no revision"))
}

/// A change as it is journaled.
pub(crate) fn event(event: &WatchEvent) -> Event {
    Event {
        revision: event.revision.get(),
        previous: event.previous.get(),
        kind: match event.change {
            Change::Created => Kind::Create,
            Change::Updated => Kind::Update,
            Change::Deleted => Kind::Delete,
        },
        key: event.key.as_str().into(),
        wire: payload::digest(&event.wire),
    }
}

/// Why a watch ended, as it is journaled.
pub(crate) fn ending(error: &WatchError) -> Ending {
    match error {
        WatchError::Compacted { position, floor } => Ending::Compacted { position: position.get(), floor: floor.get() },
        WatchError::Future { position, current } => Ending::Future { position: position.get(), current: current.get() },
        WatchError::HistoryReplaced => Ending::Replaced,
        WatchError::Database { .. } => Ending::Failed(chain(error)),
        WatchError::Closed => Ending::Closed,
    }
}

fn write_of(step: &Step) -> anyhow::Result<Write> {
    let expected = revision(step.expected)?;
    let payload = || match &step.token {
        Some(token) => payload::payload(&step.key, token),
        None => Err(anyhow::anyhow!("a {:?} needs a token", step.kind)),
    };
    let operation = match step.kind {
        Kind::Create => Operation::Create(payload()?),
        Kind::Update => Operation::Update { expected, payload: payload()? },
        Kind::Delete => Operation::Delete { expected },
        Kind::Check => Operation::Check { expected },
    };
    Ok(Write { key: Key::parse(&step.key)?, operation })
}

fn seen(object: &Object) -> Seen {
    let (key, revision) = (object.key.as_str().into(), object.revision.get());
    Seen { key, revision, wire: payload::digest(&object.wire) }
}

fn past_seen(past: &Past) -> (Event, i64) {
    let micros = match past.committed.duration_since(SystemTime::UNIX_EPOCH) {
        Ok(since) => i64::try_from(since.as_micros()).unwrap_or(i64::MAX),
        Err(_) => -1,
    };
    (event(&past.event), micros)
}

fn write_error(error: &WriteError) -> Outcome {
    match error {
        WriteError::Conflict { key, expected, current } => {
            Outcome::Conflict { key: key.as_str().into(), expected: expected.get(), current: current.get() }
        }
        WriteError::NotApplied => Outcome::NotApplied,
        WriteError::Unknown => Outcome::Unknown,
        WriteError::Refused { .. } => Outcome::Refused(chain(error)),
        WriteError::Malformed { reason } => Outcome::Malformed((*reason).to_owned()),
        WriteError::Closed => Outcome::Closed,
    }
}

fn read_error(error: &ReadError) -> Outcome {
    match error {
        ReadError::Compacted { requested, floor } => {
            Outcome::Compacted { requested: requested.get(), floor: floor.get() }
        }
        ReadError::Future { requested, current } => {
            Outcome::Future { requested: requested.get(), current: current.get() }
        }
        ReadError::Database { .. } => Outcome::Failed(chain(error)),
        ReadError::Closed => Outcome::Closed,
    }
}

/// An error with its causes, short enough for a line of the journal.
pub(crate) fn chain(error: &dyn std::error::Error) -> String {
    let mut text = error.to_string();
    let mut cause = error.source();
    while let Some(error) = cause {
        text.push_str(": ");
        text.push_str(&error.to_string());
        cause = error.source();
    }
    text.chars().take(300).collect()
}
