//! Watchers: fast ones, slow ones that fall behind what is kept in memory, impatient ones that cancel their wait.
//!
//! A watcher goes on until it has seen the revision that it is told to wait for at the end of the run. One that is
//! ended by the store says so in the journal and begins anew, as a client would: where it stood after a failure, at
//! the newest revision after anything else.

use std::sync::Arc;
use std::time::Duration;

use howdah_store::{Revision, Watch, WatchError, WatchEvent};
use tokio::sync::watch as signal;
use tokio::time::timeout;

use crate::client::{Client, ending, event, revision};
use crate::dice::Dice;
use crate::journal::{Ending, Outcome};

/// How long after the end of the run the last change may come.
const DRAIN: Duration = Duration::from_secs(30);

/// How a watcher behaves.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Manner {
    /// Reads whatever comes at once.
    Prompt,
    /// Takes its time between two reads.
    Slow,
    /// Takes so long that the past may be forgotten meanwhile.
    Drowsy,
    /// Cancels its wait again and again.
    Impatient,
}

/// When the run ends: the revision that every watcher must reach, once it is known.
pub(crate) type Target = signal::Receiver<Option<i64>>;

/// One watcher.
pub(crate) struct Watcher {
    pub(crate) client: Client,
    pub(crate) dice: Dice,
    pub(crate) manner: Manner,
    pub(crate) target: Target,
}

impl Watcher {
    /// Watches from behind `after` until the run ends.
    pub(crate) async fn run(mut self, mut after: i64) -> anyhow::Result<()> {
        loop {
            let (position, ending) = self.watch(after).await?;
            match ending {
                Ending::Done { .. } | Ending::Stuck { .. } | Ending::Left | Ending::Closed => return Ok(()),
                // A failed read says nothing about the history.
                Ending::Failed(_) => after = position,
                Ending::Compacted { .. } | Ending::Future { .. } | Ending::Replaced => {
                    let Outcome::Newest(newest) = self.client.newest().await else { continue };
                    after = newest;
                }
            }
        }
    }

    /// One watch from its opening to its end.
    async fn watch(&mut self, after: i64) -> anyhow::Result<(i64, Ending)> {
        let id = self.client.recorder.watch(after);
        let mut watch = self.client.store.watch(revision(after)?);
        let ending = loop {
            if let Some(target) = self.reached(watch.position()) {
                break Ending::Done { target };
            }
            match self.next(&mut watch).await? {
                Next::Came(Ok(events)) if events.is_empty() => break Ending::Failed("no event came".to_owned()),
                Next::Came(Ok(events)) => {
                    self.client.recorder.events(id, events.iter().map(|change| event(change)).collect());
                }
                Next::Came(Err(error)) => break ending(&error),
                Next::LookAgain => {}
                Next::Late(target) => break Ending::Stuck { target },
            }
            let longest = match self.manner {
                Manner::Prompt | Manner::Impatient => continue,
                Manner::Slow => Duration::from_millis(120),
                Manner::Drowsy => Duration::from_secs(3),
            };
            if self.target.borrow().is_none() {
                tokio::time::sleep(self.dice.between(Duration::ZERO, longest)).await;
            }
        };
        let position = watch.position().get();
        self.client.recorder.ended(id, position, ending.clone());
        Ok((position, ending))
    }

    /// The target, where `position` is there.
    fn reached(&self, position: Revision) -> Option<i64> {
        self.target.borrow().filter(|target| position.get() >= *target)
    }

    /// Waits for the next events, as long as the watcher's manner and the end of the run allow.
    async fn next(&mut self, watch: &mut Watch) -> anyhow::Result<Next> {
        let target = *self.target.borrow_and_update();
        if let Some(target) = target {
            return Ok(timeout(DRAIN, watch.next()).await.map_or(Next::Late(target), Next::Came));
        }
        let patience = match self.manner {
            Manner::Impatient => self.dice.between(Duration::ZERO, Duration::from_millis(4)),
            Manner::Prompt | Manner::Slow | Manner::Drowsy => DRAIN,
        };
        tokio::select! {
            next = timeout(patience, watch.next()) => Ok(next.map_or(Next::LookAgain, Next::Came)),
            changed = self.target.changed() => {
                changed?;
                Ok(Next::LookAgain)
            }
        }
    }
}

/// What became of waiting for events.
enum Next {
    /// The store answered.
    Came(Result<Vec<Arc<WatchEvent>>, WatchError>),
    /// The wait was cancelled.
    LookAgain,
    /// The run has ended at this revision, and nothing came.
    Late(i64),
}
