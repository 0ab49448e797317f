//! Keeps Postgres up: waits for its end (the kernel tells; nothing polls) and brings it up again, at once the first
//! time, then ever more slowly while it keeps failing. Nothing is ever given up on: a full disk may be emptied.

use std::sync::Arc;
use std::time::Duration;

use tokio::sync::oneshot;

use super::launch::Launcher;
use super::process::Process;
use super::{PrivatePostgresError, StartOutcome, connect};
use crate::backoff::Backoff;

/// The pauses between starts that fail.
const FIRST_PAUSE: Duration = Duration::from_millis(100);
const LONGEST_PAUSE: Duration = Duration::from_secs(5);
/// A server that lived this long has not failed to start.
const LONG_LIFE: Duration = Duration::from_secs(2);
/// How often the very first server may end before it accepts connections.
const FIRST_TRIES: u32 = 4;

/// When to try again.
struct Patience {
    backoff: Backoff,
    at_once: bool,
}

impl Patience {
    const fn new() -> Self {
        Self { backoff: Backoff::new(FIRST_PAUSE, LONGEST_PAUSE), at_once: true }
    }

    /// The pause before the next try.
    fn pause(&mut self) -> Duration {
        if std::mem::take(&mut self.at_once) { Duration::ZERO } else { self.backoff.pause() }
    }
}

/// Brings up the first server and waits until it accepts connections. Unlike later ones it is given up on when it ends
/// again and again, for somebody waits for the answer, and a setting may be wrong.
pub(super) async fn first(launcher: &Launcher, new: bool) -> Result<(Process, StartOutcome), PrivatePostgresError> {
    let mut patience = Patience::new();
    let mut tries = 0;
    let mut first_outcome = None;
    loop {
        let (mut process, outcome) = launcher.launch().await?;
        let found = *first_outcome.get_or_insert(outcome);
        let pid = process.pid();
        let exit = tokio::select! {
            exit = process.wait() => exit,
            ready = connect::until_ready(launcher, pid, new) => match ready {
                Ok(()) => return Ok((process, found)),
                Err(error @ PrivatePostgresError::NotReady { .. }) => return Err(error),
                Err(error) => {
                    // One that was there before is left alone: the one at fault may be this Howdah.
                    if outcome != StartOutcome::Adopted {
                        process.stop().await?;
                    }
                    return Err(error);
                }
            },
        };
        launcher.is_down();
        tries += 1;
        tracing::warn!(postgres.pid = pid, exit, tries, "Postgres ended before it accepted connections");
        if tries == FIRST_TRIES {
            return Err(PrivatePostgresError::Exited { exit, log_file: launcher.log_file(), log: launcher.log_tail() });
        }
        tokio::time::sleep(patience.pause()).await;
    }
}

/// Keeps Postgres up, beginning with `process`, until told to `stop` it. Where the other end of `stop` is dropped
/// instead, Postgres is left running.
pub(super) async fn supervise(
    launcher: Arc<Launcher>,
    mut process: Process,
    mut stop: oneshot::Receiver<()>,
) -> Result<(), PrivatePostgresError> {
    let mut patience = Patience::new();
    loop {
        let exit = tokio::select! {
            biased;
            request = &mut stop => {
                if request.is_ok() {
                    process.stop().await?;
                    launcher.is_down();
                    tracing::info!(postgres.pid = process.pid(), "Postgres stopped");
                }
                return Ok(());
            }
            exit = process.wait() => exit,
        };
        launcher.is_down();
        let seconds = process.age().as_secs_f64();
        let log = launcher.log_tail();
        tracing::warn!(postgres.pid = process.pid(), exit, seconds, log, "Postgres ended; bringing it up again");
        if process.age() >= LONG_LIFE {
            patience = Patience::new();
        }
        process = loop {
            tokio::select! {
                biased;
                _ = &mut stop => return Ok(()),
                () = tokio::time::sleep(patience.pause()) => {}
            }
            match launcher.launch().await {
                Ok((process, _)) => break process,
                Err(error) => {
                    tracing::error!(error = &error as &dyn std::error::Error, "Postgres can't be brought up yet");
                }
            }
        };
    }
}
