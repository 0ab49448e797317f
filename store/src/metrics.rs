//! What the store measures about itself. Names end in their unit; labels are few and bounded.

use prometheus_client::encoding::EncodeLabelSet;
use prometheus_client::metrics::counter::Counter;
use prometheus_client::metrics::family::Family;
use prometheus_client::metrics::gauge::Gauge;
use prometheus_client::metrics::histogram::{Histogram, exponential_buckets};
use prometheus_client::registry::Registry;

/// How a write ended.
#[derive(Debug, Clone, PartialEq, Eq, Hash, EncodeLabelSet)]
pub(crate) struct OutcomeLabel {
    pub(crate) outcome: &'static str,
}

/// The store's metrics. Cloning shares them.
#[derive(Debug, Clone)]
pub(crate) struct Metrics {
    pub(crate) writes: Family<OutcomeLabel, Counter>,
    pub(crate) batch_writes: Histogram,
    pub(crate) commit_seconds: Histogram,
    pub(crate) queue: Gauge,
    pub(crate) attachments: Counter,
    pub(crate) resolved_batches: Counter,
    pub(crate) replaced_histories: Counter,
    pub(crate) revision: Gauge,
    pub(crate) ring_bytes: Gauge,
    pub(crate) feed_reads: Counter,
    pub(crate) feed_read_seconds: Histogram,
    pub(crate) floor: Gauge,
    pub(crate) compacted: Counter,
}

impl Default for Metrics {
    fn default() -> Self {
        let seconds = || Histogram::new(exponential_buckets(0.000_25, 2.0, 16));
        Self {
            writes: Family::default(),
            batch_writes: Histogram::new(exponential_buckets(1.0, 2.0, 9)),
            commit_seconds: seconds(),
            queue: Gauge::default(),
            attachments: Counter::default(),
            resolved_batches: Counter::default(),
            replaced_histories: Counter::default(),
            revision: Gauge::default(),
            ring_bytes: Gauge::default(),
            feed_reads: Counter::default(),
            feed_read_seconds: seconds(),
            floor: Gauge::default(),
            compacted: Counter::default(),
        }
    }
}

impl Metrics {
    /// Counts a write that ended with `outcome`.
    pub(crate) fn write_ended(&self, outcome: &'static str) {
        self.writes.get_or_create(&OutcomeLabel { outcome }).inc();
    }

    /// Names every metric in `registry`.
    pub(crate) fn register(&self, registry: &mut Registry) {
        let store = registry.sub_registry_with_prefix("howdah_store");
        store.register("writes", "Writes and transactions, by how they ended", self.writes.clone());
        store.register("batch_writes", "Writes in one group commit", self.batch_writes.clone());
        store.register("commit_seconds", "Time of one group commit", self.commit_seconds.clone());
        store.register("queued_writes", "Writes and transactions that wait for their group commit", self.queue.clone());
        store.register(
            "attachments",
            "Connections made for writing, each with a new fencing epoch",
            self.attachments.clone(),
        );
        store.register(
            "resolved_batches",
            "Group commits whose connection was lost and whose outcome was looked up",
            self.resolved_batches.clone(),
        );
        store.register(
            "replaced_histories",
            "Times that the database came back without revisions seen before (failover, restore)",
            self.replaced_histories.clone(),
        );
        store.register("revision", "The newest revision in the feed", self.revision.clone());
        store.register("ring_bytes", "Recent events kept in memory for watchers", self.ring_bytes.clone());
        store.register("feed_reads", "Reads of the log that brought others' changes", self.feed_reads.clone());
        store.register("feed_read_seconds", "Time of one such read", self.feed_read_seconds.clone());
        store.register("compaction_floor", "The oldest revision that can be read", self.floor.clone());
        store.register("compacted_versions", "Versions deleted by compaction", self.compacted.clone());
    }
}
