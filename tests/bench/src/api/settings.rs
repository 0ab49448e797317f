//! How large a run is.

use std::time::Duration;

use serde::Serialize;

use super::connection::Protocol;

/// The size of a run.
#[derive(Debug, Clone, Serialize)]
pub(crate) struct Settings {
    /// How many rounds of the requests and of the watches.
    pub(crate) rounds: usize,
    /// How long one load is counted, in seconds.
    pub(crate) seconds: u64,
    /// At how many clients the requests run.
    pub(crate) clients: Vec<usize>,
    /// Over how many objects of a kind the requests run.
    pub(crate) objects: usize,
    /// How many pods are listed.
    pub(crate) listed: usize,
    /// How often each list is read, and each start made.
    pub(crate) repetitions: usize,
    /// How many watchers there are.
    pub(crate) watchers: usize,
    /// Writes a second while each is for one watcher.
    pub(crate) rate: u32,
    /// Writes a second while each is for every watcher.
    pub(crate) fan_out_rate: u32,
    /// How long idle CPU is watched, in seconds.
    pub(crate) idle_seconds: u64,
    /// The protocol.
    pub(crate) protocol: Protocol,
    /// Over how many connections the clients of a load run, with HTTP/2.
    pub(crate) connections: usize,
}

impl Settings {
    /// A run of well under a minute for a target, to see that all is in order; its figures vary more.
    pub(crate) fn quick(self) -> Self {
        Self { rounds: 1, seconds: 1, objects: 640, listed: 2_000, repetitions: 2, idle_seconds: 3, ..self }
    }

    /// The length of one load, and what is not counted before it.
    pub(crate) fn window(&self) -> Window {
        Window { warm_up: Duration::from_millis(300), counted: Duration::from_secs(self.seconds) }
    }
}

/// How long one load runs.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Window {
    /// What is not counted, at the beginning.
    pub(crate) warm_up: Duration,
    /// What is counted.
    pub(crate) counted: Duration,
}
