//! A source in memory: a log that tests append to, forget and replace.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex};

use bytes::Bytes;
use futures_util::future::BoxFuture;
use howdah_api::{Key, KeyPrefix};
use howdah_store::{At, Change, Object, Page, ReadError, Revision, WatchError};
use tokio::sync::watch as signal;

use crate::hub::source::{Feed, FeedEvent, Source};

/// The log. Clones share it.
#[derive(Clone, Default)]
pub(super) struct Log(Arc<Shared>);

#[derive(Default)]
struct Shared {
    state: Mutex<State>,
    changed: signal::Sender<u64>,
}

#[derive(Default)]
struct State {
    events: Vec<FeedEvent>,
    newest: i64,
    floor: i64,
    generation: u64,
}

struct Reader {
    log: Log,
    position: i64,
    generation: u64,
}

pub(super) fn revision(number: i64) -> Revision {
    Revision::new(number).unwrap()
}

impl Log {
    /// Writes a pod with a label, or deletes it where there is none; gives the revision.
    pub(super) fn write(&self, key: &str, label: Option<&str>) -> i64 {
        let mut state = self.0.state.lock().unwrap();
        let rev = state.newest + 1;
        let key = Key::parse(key).unwrap();
        let last = state.events.iter().rfind(|event| event.key == key);
        let (change, json) = match (last, label) {
            (Some(last), None) => {
                let old = last.revision.get();
                let json = String::from_utf8(last.json.to_vec()).unwrap();
                (
                    Change::Deleted,
                    json.replace(&format!(r#""resourceVersion":"{old}""#), &format!(r#""resourceVersion":"{rev}""#)),
                )
            }
            (last, label) => {
                let exists = last.is_some_and(|last| last.change != Change::Deleted);
                let name = key.as_str().rsplit('/').next().unwrap();
                let json = format!(
                    r#"{{"kind":"Pod","apiVersion":"v1","metadata":{{"name":"{name}","uid":"u","resourceVersion":"{rev}","labels":{{"app":"{}"}}}},"spec":{{"nodeName":"{}"}}}}"#,
                    label.unwrap(),
                    label.unwrap(),
                );
                (if exists { Change::Updated } else { Change::Created }, json)
            }
        };
        state.newest = rev;
        state.events.push(FeedEvent { key, revision: revision(rev), change, json: Bytes::from(json) });
        drop(state);
        self.0.changed.send_modify(|count| *count += 1);
        rev
    }

    /// Forgets what lies before `floor`.
    pub(super) fn compact(&self, floor: i64) {
        self.0.state.lock().unwrap().floor = floor;
    }

    /// Replaces the history: nothing of it counts any more, and the revision jumps.
    pub(super) fn replace(&self) {
        let mut state = self.0.state.lock().unwrap();
        *state = State { newest: state.newest + 1000, generation: state.generation + 1, ..State::default() };
        state.floor = state.newest;
        drop(state);
        self.0.changed.send_modify(|count| *count += 1);
    }
}

impl Source for Log {
    fn list(&self, prefix: KeyPrefix, at: At) -> BoxFuture<'_, Result<Page, ReadError>> {
        Box::pin(async move {
            let state = self.0.state.lock().unwrap();
            let at = match at {
                At::Newest => revision(state.newest),
                At::Exact(at) if at.get() < state.floor => {
                    return Err(ReadError::Compacted { requested: at, floor: revision(state.floor) });
                }
                At::Exact(at) => at,
            };
            let mut objects = BTreeMap::new();
            for event in state.events.iter().filter(|event| event.revision <= at && event.key.is_below(&prefix)) {
                match event.change {
                    Change::Deleted => objects.remove(&event.key),
                    _ => objects.insert(
                        event.key.clone(),
                        Object { key: event.key.clone(), revision: event.revision, wire: event.json.clone() },
                    ),
                };
            }
            Ok(Page { revision: at, objects: objects.into_values().collect(), remaining: 0 })
        })
    }

    fn revision(&self) -> BoxFuture<'_, Result<Revision, ReadError>> {
        Box::pin(async move { Ok(revision(self.0.state.lock().unwrap().newest)) })
    }

    fn watch(&self, after: Revision) -> Box<dyn Feed> {
        let generation = self.0.state.lock().unwrap().generation;
        Box::new(Reader { log: self.clone(), position: after.get(), generation })
    }
}

impl Feed for Reader {
    fn next(&mut self) -> BoxFuture<'_, Result<Vec<FeedEvent>, WatchError>> {
        Box::pin(async move {
            let mut changed = self.log.0.changed.subscribe();
            loop {
                changed.borrow_and_update();
                {
                    let state = self.log.0.state.lock().unwrap();
                    if state.generation != self.generation {
                        return Err(WatchError::HistoryReplaced);
                    }
                    if self.position < state.floor {
                        let (position, floor) = (revision(self.position), revision(state.floor));
                        return Err(WatchError::Compacted { position, floor });
                    }
                    let behind = state.events.iter().filter(|event| event.revision.get() > self.position);
                    let events: Vec<_> = behind.take(3).cloned().collect();
                    if let Some(last) = events.last() {
                        self.position = last.revision.get();
                        return Ok(events);
                    }
                }
                changed.changed().await.unwrap();
            }
        })
    }

    fn position(&self) -> Revision {
        revision(self.position)
    }
}
