//! The watchers that stay attached while the write load runs, and what they received when.
//!
//! A watcher asserts what a watch promises: revisions only grow. Whether every write arrived is asserted where the
//! receipts are joined with the writers' acknowledgements.

use std::collections::HashMap;
use std::convert::Infallible;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use anyhow::{Context as _, Result, anyhow, ensure};
use tokio::sync::watch;
use tokio::task::JoinHandle;
use tokio::time::timeout;

use crate::store::backend::{Feed, Vantage};

/// No object of the benchmark is shorter; a shorter one did not come whole.
const SHORTEST_OBJECT: usize = 1_900;

/// A watcher at work; ended when dropped.
pub(crate) struct Watcher {
    vantage: Vantage,
    receipts: Arc<Mutex<Vec<(i64, Instant)>>>,
    position: watch::Receiver<i64>,
    task: Option<JoinHandle<Result<Infallible>>>,
}

impl Watcher {
    /// Sets a task on `feed`.
    pub(crate) fn attach(vantage: Vantage, feed: impl Feed) -> Self {
        let receipts = Arc::default();
        let (sender, position) = watch::channel(0);
        let task = tokio::spawn(follow(feed, Arc::clone(&receipts), sender));
        Self { vantage, receipts, position, task: Some(task) }
    }

    /// From where the watcher looks.
    pub(crate) fn vantage(&self) -> Vantage {
        self.vantage
    }

    /// Waits until the watcher has received `revision`, at most `patience`.
    pub(crate) async fn reach(&mut self, revision: i64, patience: Duration) -> Result<()> {
        let reached = timeout(patience, self.position.wait_for(|position| *position >= revision)).await;
        match reached.map(|reached| reached.map(|_| ())) {
            Ok(Ok(())) => Ok(()),
            Ok(Err(_)) => Err(self.failure().await),
            Err(_) => Err(anyhow!(
                "a watcher stands at revision {} and did not reach {revision} within {} s",
                *self.position.borrow(),
                patience.as_secs()
            )),
        }
    }

    /// When which revision was received since this was last asked.
    pub(crate) fn take(&self) -> HashMap<i64, Instant> {
        let mut receipts = self.receipts.lock().unwrap_or_else(PoisonError::into_inner);
        std::mem::take(&mut *receipts).into_iter().collect()
    }

    /// Why the watcher's task ended.
    async fn failure(&mut self) -> anyhow::Error {
        match self.task.take() {
            Some(task) => match task.await {
                Ok(Err(error)) => error,
                Err(error) => anyhow!(error).context("a watcher's task failed"),
            },
            None => anyhow!("a watcher has ended"),
        }
    }
}

impl Drop for Watcher {
    fn drop(&mut self) {
        if let Some(task) = &self.task {
            task.abort();
        }
    }
}

async fn follow(
    mut feed: impl Feed,
    receipts: Arc<Mutex<Vec<(i64, Instant)>>>,
    position: watch::Sender<i64>,
) -> Result<Infallible> {
    let (mut seen, mut last) = (Vec::new(), 0);
    loop {
        feed.next(&mut seen).await.context("a watcher ended")?;
        let now = Instant::now();
        for event in &seen {
            ensure!(event.revision > last, "a watcher at revision {last} received {}", event.revision);
            ensure!(event.bytes >= SHORTEST_OBJECT, "a watcher received an object of {} bytes", event.bytes);
            last = event.revision;
        }
        let mut receipts = receipts.lock().unwrap_or_else(PoisonError::into_inner);
        receipts.extend(seen.drain(..).map(|event| (event.revision, now)));
        drop(receipts);
        position.send_replace(last);
    }
}
