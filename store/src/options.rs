//! How a store is opened.

use std::time::Duration;

use howdah_api::KeyPrefix;

use crate::Database;

/// How much of the past is kept.
#[derive(Debug, Clone)]
pub struct Retention {
    /// How long lists at an old revision and watches from one are answered.
    pub floor: Duration,
    /// How long superseded versions stay for questions in SQL; at least `floor`.
    pub history: Duration,
    /// The most payload bytes that such history may hold before its oldest part goes.
    pub history_bytes: u64,
    /// Keys of which no history is kept beyond `floor` (Leases, Events).
    pub without_history: Vec<KeyPrefix>,
}

impl Default for Retention {
    fn default() -> Self {
        let prefix = |group, resource| KeyPrefix::new(group, resource, None).expect("a fixed, valid prefix");
        Self {
            floor: Duration::from_secs(5 * 60),
            history: Duration::from_secs(24 * 60 * 60),
            history_bytes: 1 << 30,
            without_history: vec![
                prefix("coordination.k8s.io", "leases"),
                prefix("events.k8s.io", "events"),
                prefix("", "events"),
            ],
        }
    }
}

/// How a store is opened. [`StoreOptions::new`] gives the defaults.
#[derive(Debug, Clone)]
pub struct StoreOptions {
    /// Where Postgres is.
    pub database: Database,
    /// How long opening waits for a database that does not answer.
    pub open_timeout: Duration,
    /// After how long without an answer a connection is given up as dead.
    pub reply_timeout: Duration,
    /// How often the feed looks for changes that nobody announced.
    pub poll_interval: Duration,
    /// How many bytes of recent events are kept in memory for watchers.
    pub ring_bytes: usize,
    /// How often the present revision is noted down with its time, and the past compacted.
    pub tick_interval: Duration,
    /// How much of the past is kept.
    pub retention: Retention,
}

impl StoreOptions {
    /// The defaults, on `database`.
    #[must_use]
    pub fn new(database: Database) -> Self {
        Self {
            database,
            open_timeout: Duration::from_secs(30),
            reply_timeout: Duration::from_secs(10),
            poll_interval: Duration::from_secs(5),
            ring_bytes: 16 << 20,
            tick_interval: Duration::from_secs(10),
            retention: Retention::default(),
        }
    }
}
