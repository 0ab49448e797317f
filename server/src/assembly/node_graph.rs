//! The Node authorizer's graph, kept by the hub's changes.

use std::collections::HashMap;
use std::sync::{Arc, PoisonError, RwLock};

use howdah_api::Key;
use howdah_api::resource::by_plural;
use howdah_store::Change;
use k8s_openapi::api::core::v1::{PersistentVolume, Pod};
use serde::de::DeserializeOwned;
use serde_json::Value;
use tokio::task::JoinSet;

use crate::authorization::node::{Graph, Kind};
use crate::hub::{Cache, Entry, Hub, Update};

type Shared = Arc<RwLock<Graph>>;

/// Brings an object into the graph, or takes it out where it lives no more.
type Set = dyn Fn(&mut Graph, &Entry, bool) + Send + Sync;

/// What objects that name their node themselves are, and where they name it.
const OWNED: [(&str, &str, &str, Kind, &str); 3] = [
    ("storage.k8s.io", "v1", "volumeattachments", Kind::VolumeAttachment, "/spec/nodeName"),
    ("resource.k8s.io", "v1", "resourceslices", Kind::ResourceSlice, "/spec/nodeName"),
    ("certificates.k8s.io", "v1", "podcertificaterequests", Kind::PodCertificateRequest, "/spec/nodeName"),
];

/// Feeds a graph from the hub, for as long as the tasks live.
pub(super) fn follow(hub: &Hub, tasks: &mut JoinSet<()>) -> Shared {
    let graph = Shared::default();
    let cache = |group: &str, version: &str, plural: &str| by_plural(group, version, plural).map(|row| hub.cache(row));
    let mut feed = |cache: Option<Arc<Cache>>, set: Box<Set>| {
        let Some(cache) = cache else { return };
        let graph = Arc::clone(&graph);
        tasks.spawn(async move { keep(&cache, &graph, &*set).await });
    };
    feed(
        cache("", "v1", "pods"),
        Box::new(|graph, entry, lives| match decode::<Pod>(entry).filter(|_| lives) {
            Some(pod) => graph.set_pod(&pod),
            None => graph.remove_pod(entry.namespace(), entry.name()),
        }),
    );
    feed(
        cache("", "v1", "persistentvolumes"),
        Box::new(|graph, entry, lives| match decode::<PersistentVolume>(entry).filter(|_| lives) {
            Some(volume) => graph.set_volume(&volume),
            None => graph.remove_volume(entry.name()),
        }),
    );
    for (group, version, plural, kind, path) in OWNED {
        feed(
            cache(group, version, plural),
            Box::new(move |graph, entry, lives| {
                let object = decode::<Value>(entry).filter(|_| lives);
                let node = object.as_ref().and_then(|object| object.pointer(path)).and_then(Value::as_str);
                graph.set_owned(kind, entry.namespace(), entry.name(), node.unwrap_or_default());
            }),
        );
    }
    graph
}

/// Applies one cache's changes. What a reset no longer has is taken out.
async fn keep(cache: &Arc<Cache>, graph: &Shared, set: &Set) {
    let mut updates = cache.subscribe();
    let mut known: HashMap<Key, Arc<Entry>> = HashMap::new();
    while let Some(update) = updates.next().await {
        let mut graph = graph.write().unwrap_or_else(PoisonError::into_inner);
        match update {
            Update::Reset(entries) => {
                let mut gone = std::mem::take(&mut known);
                for entry in entries {
                    set(&mut graph, &entry, true);
                    gone.remove(entry.key());
                    known.insert(entry.key().clone(), entry);
                }
                gone.values().for_each(|entry| set(&mut graph, entry, false));
            }
            Update::Changed(events) => {
                for event in events {
                    let lives = event.change != Change::Deleted;
                    set(&mut graph, &event.object, lives);
                    if lives {
                        known.insert(event.object.key().clone(), Arc::clone(&event.object));
                    } else {
                        known.remove(event.object.key());
                    }
                }
            }
        }
    }
}

fn decode<T: DeserializeOwned>(entry: &Entry) -> Option<T> {
    serde_json::from_slice(entry.json())
        .map_err(|error| tracing::warn!(key = %entry.key(), %error, "an object could not be read"))
        .ok()
}
