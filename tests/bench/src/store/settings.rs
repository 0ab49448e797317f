//! How large a run is.

use std::time::Duration;

use serde::Serialize;

use crate::store::load::Window;

/// The size of a run.
#[derive(Debug, Clone, Serialize)]
pub(crate) struct Settings {
    /// How many rounds of the write load.
    pub(crate) rounds: usize,
    /// How long one load is counted, in seconds.
    pub(crate) seconds: u64,
    /// Over how many objects the load runs.
    pub(crate) keys: usize,
    /// At how many clients the load runs.
    pub(crate) clients: Vec<usize>,
    /// Lists of how many objects are read, ascending.
    pub(crate) list_sizes: Vec<usize>,
    /// How often each list is read, and each start made.
    pub(crate) repetitions: usize,
    /// How long idle CPU is watched, in seconds.
    pub(crate) idle_seconds: u64,
}

impl Settings {
    /// The whole run.
    pub(crate) fn whole(rounds: usize, seconds: u64) -> Self {
        Self {
            rounds,
            seconds,
            keys: 10_000,
            clients: vec![1, 16, 64],
            list_sizes: vec![10_000, 100_000],
            repetitions: 5,
            idle_seconds: 10,
        }
    }

    /// A run of well under a minute, to see that all is in order; its figures vary more.
    pub(crate) fn quick() -> Self {
        Self { rounds: 1, list_sizes: vec![10_000], repetitions: 2, idle_seconds: 3, ..Self::whole(1, 1) }
    }

    /// The length of one load.
    pub(crate) fn window(&self) -> Window {
        Window { warm_up: Duration::from_millis(500), counted: Duration::from_secs(self.seconds) }
    }
}
