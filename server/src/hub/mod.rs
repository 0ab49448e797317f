//! The watch hub: one feed a process, one cache a stored resource, frames that all watchers share.
//!
//! Flow: [`dispatcher`] reads the store's feed and hands each event to the [`Cache`] of its resource, which replaces an
//! [`Entry`], keeps the event in its `window` and pushes it to the `channel`s of those who watch that part (`routes`).
//! A [`Watcher`] pulls from its channel, at a pace that lets many events become one chunk, and sends frames that
//! are made once ([`Event`], [`Encoding`]). One that begins before the window reads the store's log first (`catching`).
//! In-process users take a [`Subscription`] or a typed [`Reflector`].
//!
//! Invariants. A cache is exactly the state at its revision. A watcher sees every change behind its beginning that its
//! selection concerns, once and in order, or is told that it can't (410), or is cut off. Everything that waits is
//! bounded: windows and rings by bytes and number, filling by number of events. One slow watcher delays nobody.
//!
//! Deliberately absent: requests and their options (the registry's), lists at old revisions (the store's), and caches
//! of what nobody has asked for: a cache fills when its resource is first used.

mod cache;
mod catching;
mod channel;
mod dispatcher;
mod encoding;
mod entry;
mod error;
mod event;
mod field;
mod filter;
mod metrics;
mod reflector;
mod routes;
mod source;
mod stream;
mod subscription;
mod watcher;
mod window;

#[cfg(test)]
mod tests;

use std::collections::HashMap;
use std::fmt;
use std::sync::{Arc, PoisonError, RwLock};

use howdah_api::KeyPrefix;
use howdah_api::resource::Resource;
use howdah_store::Revision;
use prometheus_client::registry::Registry;
use tokio::sync::watch as signal;
use tokio::task::AbortHandle;

use dispatcher::{Caches, Dispatcher};
use metrics::Metrics;

pub use cache::{Cache, CachePage, FRESHNESS_TIMEOUT, Freshness, Listing};
pub use encoding::{Bookmark, Encode, EncodeError, Encoding, EventType, Framing};
pub use entry::Entry;
pub use error::CacheError;
pub use event::Event;
pub use filter::{Filter, Predicate, Scope};
pub use reflector::Reflector;
pub use source::{Feed, FeedEvent, Source};
pub use subscription::{Subscription, Update};
pub use watcher::{Start, WatchOptions, Watcher, default_timeout};

/// The hub. Clones share it; it stops when the last one goes, or at [`Hub::stop`].
#[derive(Debug, Clone)]
pub struct Hub(Arc<Inner>);

struct Inner {
    source: Arc<dyn Source>,
    caches: Arc<Caches>,
    position: signal::Receiver<Revision>,
    begun: signal::Receiver<bool>,
    metrics: Arc<Metrics>,
    task: AbortHandle,
}

impl Hub {
    /// Starts a hub over a store, on the tokio runtime of the caller.
    #[must_use]
    pub fn start(source: impl Source, registry: &mut Registry) -> Self {
        let source: Arc<dyn Source> = Arc::new(source);
        let caches = Arc::new(RwLock::new(HashMap::new()));
        let (sender, position) = signal::channel(Revision::ZERO);
        let (begun_sender, begun) = signal::channel(false);
        let dispatcher = Dispatcher {
            source: Arc::clone(&source),
            caches: Arc::clone(&caches),
            position: sender,
            begun: begun_sender,
            later: Vec::new(),
        };
        let task = tokio::spawn(dispatcher.run()).abort_handle();
        let metrics = Arc::new(Metrics::register(registry));
        Self(Arc::new(Inner { source, caches, position, begun, metrics, task }))
    }

    /// The cache of the resource that `resource` is stored as; it begins to fill when first asked for.
    ///
    /// # Panics
    /// Where the row's group or plural can't stand in a key, which no row of the table and no custom resource's does.
    #[must_use]
    pub fn cache(&self, resource: &Resource) -> Arc<Cache> {
        let prefix = KeyPrefix::new(&resource.storage.group, &resource.plural, None);
        let prefix = prefix.expect("a resource's group and plural are path segments");
        {
            let caches = self.0.caches.read().unwrap_or_else(PoisonError::into_inner);
            if let Some(cache) = caches.get(prefix.as_str()) {
                return Arc::clone(cache);
            }
        }
        let mut caches = self.0.caches.write().unwrap_or_else(PoisonError::into_inner);
        if let Some(cache) = caches.get(prefix.as_str()) {
            return Arc::clone(cache);
        }
        let Inner { source, position, metrics, .. } = &*self.0;
        let name = prefix.as_str().into();
        let cache = Cache::new(resource, prefix, Arc::clone(source), position.clone(), Arc::clone(metrics));
        // From here on the dispatcher hands it its events; its list comes later.
        caches.insert(name, Arc::clone(&cache));
        drop(caches);
        tokio::spawn(Arc::clone(&cache).fill(self.0.begun.clone()));
        cache
    }

    /// Everything up to this revision is in all caches that are filled.
    #[must_use]
    pub fn position(&self) -> Revision {
        *self.0.position.borrow()
    }

    /// Ends all watchers and subscriptions.
    pub fn stop(&self) {
        self.0.stop();
    }
}

impl Inner {
    fn stop(&self) {
        self.task.abort();
        let caches = self.caches.read().unwrap_or_else(PoisonError::into_inner);
        caches.values().for_each(|cache| cache.stop());
    }
}

impl Drop for Inner {
    fn drop(&mut self) {
        self.stop();
    }
}

impl fmt::Debug for Inner {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Hub").field("position", &*self.position.borrow()).finish_non_exhaustive()
    }
}
