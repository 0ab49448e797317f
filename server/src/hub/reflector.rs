//! A typed copy of a resource, kept by a task: for what is asked often and needs objects read.
//!
//! An object that can't be read as `T` is left out with a warning, and never stops the others.

use std::collections::HashMap;
use std::sync::{Arc, PoisonError, RwLock};

use howdah_api::Key;
use howdah_store::Change;
use serde::de::DeserializeOwned;
use tokio::sync::watch as signal;
use tokio::task::AbortHandle;
use tokio::time::{Instant, timeout_at};

use super::cache::Cache;
use super::entry::Entry;
use super::subscription::Update;

/// A typed copy. Clones share it; its task ends with the last one.
#[derive(Debug)]
pub struct Reflector<T>(Arc<Inner<T>>);

#[derive(Debug)]
struct Inner<T> {
    shared: Arc<Shared<T>>,
    task: AbortHandle,
}

#[derive(Debug)]
struct Shared<T> {
    objects: RwLock<HashMap<Key, Arc<T>>>,
    /// Counts the changes; zero until it is filled.
    version: signal::Sender<u64>,
}

impl<T> Clone for Reflector<T> {
    fn clone(&self) -> Self {
        Self(Arc::clone(&self.0))
    }
}

impl<T> Drop for Inner<T> {
    fn drop(&mut self) {
        self.task.abort();
    }
}

impl<T: DeserializeOwned + Send + Sync + 'static> Reflector<T> {
    /// Keeps a copy of all of `cache`. Needs a tokio runtime.
    #[must_use]
    pub fn start(cache: &Arc<Cache>) -> Self {
        let shared = Arc::new(Shared { objects: RwLock::default(), version: signal::Sender::new(0) });
        let (mut updates, copy) = (cache.subscribe(), Arc::clone(&shared));
        let task = tokio::spawn(async move {
            while let Some(update) = updates.next().await {
                copy.take(update);
            }
        });
        Self(Arc::new(Inner { shared, task: task.abort_handle() }))
    }

    /// The object at `key`.
    #[must_use]
    pub fn get(&self, key: &Key) -> Option<Arc<T>> {
        self.0.shared.objects.read().unwrap_or_else(PoisonError::into_inner).get(key).cloned()
    }

    /// All objects, in no order.
    #[must_use]
    pub fn list(&self) -> Vec<Arc<T>> {
        self.0.shared.objects.read().unwrap_or_else(PoisonError::into_inner).values().cloned().collect()
    }

    /// A receiver that sees a change whenever objects changed; its value is zero until the copy is filled.
    #[must_use]
    pub fn changes(&self) -> signal::Receiver<u64> {
        self.0.shared.version.subscribe()
    }

    /// Waits until the copy is filled; false where the deadline passes before.
    pub async fn ready(&self, deadline: Instant) -> bool {
        let mut changes = self.changes();
        let filled = timeout_at(deadline, changes.wait_for(|version| *version > 0)).await;
        matches!(filled, Ok(Ok(_)))
    }
}

impl<T: DeserializeOwned> Shared<T> {
    fn take(&self, update: Update) {
        match update {
            Update::Reset(entries) => {
                let read = entries.iter().filter_map(|entry| Some((entry.key().clone(), decode(entry)?))).collect();
                *self.objects.write().unwrap_or_else(PoisonError::into_inner) = read;
            }
            Update::Changed(events) => {
                let read: Vec<_> = events
                    .iter()
                    .map(|event| {
                        let gone = event.change == Change::Deleted;
                        (event.object.key().clone(), if gone { None } else { decode(&event.object) })
                    })
                    .collect();
                let mut objects = self.objects.write().unwrap_or_else(PoisonError::into_inner);
                for (key, object) in read {
                    match object {
                        Some(object) => objects.insert(key, object),
                        None => objects.remove(&key),
                    };
                }
            }
        }
        self.version.send_modify(|version| *version += 1);
    }
}

fn decode<T: DeserializeOwned>(entry: &Entry) -> Option<Arc<T>> {
    let read = serde_json::from_slice(entry.json());
    read.map(Arc::new).map_err(|error| tracing::warn!(key = %entry.key(), %error, "an object could not be read")).ok()
}
