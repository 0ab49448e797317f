//! What the hub tells about itself, under upstream's names.

use std::sync::atomic::AtomicI64;

use howdah_store::Revision;
use prometheus_client::encoding::EncodeLabelSet;
use prometheus_client::metrics::counter::Counter;
use prometheus_client::metrics::family::Family;
use prometheus_client::metrics::gauge::Gauge;
use prometheus_client::registry::Registry;

use super::cache::Cache;

#[derive(Debug, Clone, PartialEq, Eq, Hash, EncodeLabelSet)]
struct Resource {
    group: String,
    resource: String,
}

#[derive(Debug, Clone, PartialEq, Eq, Hash, EncodeLabelSet)]
struct Served {
    group: String,
    version: String,
    resource: String,
}

#[derive(Debug, Clone, PartialEq, Eq, Hash, EncodeLabelSet)]
struct LongRunning {
    verb: &'static str,
    group: String,
    version: String,
    resource: String,
    subresource: &'static str,
    scope: &'static str,
    component: &'static str,
}

type Level = Gauge<i64, AtomicI64>;

/// The hub's metrics.
#[derive(Debug, Default)]
pub(super) struct Metrics {
    watching: Family<LongRunning, Level>,
    events: Family<Served, Counter>,
    received: Family<Resource, Counter>,
    initializations: Family<Resource, Counter>,
    revision: Family<Resource, Level>,
    window: Family<Resource, Level>,
    terminated: Family<Resource, Counter>,
    initial_events: Family<Resource, Counter>,
}

/// One watch being served; counted until dropped. Its counters were looked up once.
#[derive(Debug)]
pub(super) struct Watching {
    level: Level,
    events: Counter,
    terminated: Counter,
    initial_events: Counter,
}

impl Metrics {
    pub(super) fn register(registry: &mut Registry) -> Self {
        let metrics = Self::default();
        let Self { watching, events, received, initializations, revision, window, terminated, initial_events } =
            &metrics;
        let level = |family: &Family<Resource, Level>| family.clone();
        let counter = |family: &Family<Resource, Counter>| family.clone();
        registry.register("apiserver_longrunning_requests", "Watches being served", watching.clone());
        registry.register("apiserver_watch_events", "Events sent to watchers", events.clone());
        let what = "Events that reached a watch cache";
        registry.register("apiserver_watch_cache_events_received", what, counter(received));
        let what = "How often a watch cache was filled";
        registry.register("apiserver_watch_cache_initializations", what, counter(initializations));
        let what = "The newest revision that changed a watch cache";
        registry.register("apiserver_watch_cache_resource_version", what, level(revision));
        let what = "Past events that a watch cache holds";
        registry.register("apiserver_watch_cache_capacity", what, level(window));
        let what = "Watchers cut off because they were too slow";
        registry.register("apiserver_terminated_watchers", what, counter(terminated));
        let what = "Initial events prepared for watchers";
        registry.register("apiserver_init_events", what, counter(initial_events));
        metrics
    }

    pub(super) fn received(&self, cache: &Cache, count: usize) {
        self.received.get_or_create(&resource(cache)).inc_by(count as u64);
    }

    pub(super) fn initialized(&self, cache: &Cache) {
        self.initializations.get_or_create(&resource(cache)).inc();
    }

    pub(super) fn stands(&self, cache: &Cache, revision: Revision, window: usize) {
        let resource = resource(cache);
        self.revision.get_or_create(&resource).set(revision.get());
        self.window.get_or_create(&resource).set(i64::try_from(window).unwrap_or(i64::MAX));
    }

    pub(super) fn watching(&self, cache: &Cache) -> Watching {
        let of = resource(cache);
        let long_running = LongRunning {
            verb: "WATCH",
            group: of.group.clone(),
            version: cache.version.to_string(),
            resource: of.resource.clone(),
            subresource: "",
            scope: if cache.namespaced { "namespace" } else { "cluster" },
            component: "apiserver",
        };
        let served =
            Served { group: of.group.clone(), version: cache.version.to_string(), resource: of.resource.clone() };
        let watching = Watching {
            level: self.watching.get_or_create(&long_running).clone(),
            events: self.events.get_or_create(&served).clone(),
            terminated: self.terminated.get_or_create(&of).clone(),
            initial_events: self.initial_events.get_or_create(&of).clone(),
        };
        watching.level.inc();
        watching
    }
}

impl Watching {
    pub(super) fn sent(&self, events: usize) {
        self.events.inc_by(events as u64);
    }

    pub(super) fn initial(&self, events: usize) {
        self.initial_events.inc_by(events as u64);
    }

    pub(super) fn terminated(&self) {
        self.terminated.inc();
    }
}

impl Drop for Watching {
    fn drop(&mut self) {
        self.level.dec();
    }
}

fn resource(cache: &Cache) -> Resource {
    Resource { group: cache.group.to_string(), resource: cache.plural.to_string() }
}
