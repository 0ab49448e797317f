//! Ctrl-C and SIGTERM end a run in order: the stores are stopped and the data removed.

use anyhow::{Context as _, Result};
use tokio::signal::unix::{SignalKind, signal};
use tokio::sync::watch;

/// The operator's wish to end the run; clones see the same.
#[derive(Debug, Clone)]
pub(crate) struct Interrupt {
    wished: watch::Receiver<bool>,
}

impl Interrupt {
    /// Listens for both signals from now on.
    pub(crate) fn listen() -> Result<Self> {
        let mut interrupt = signal(SignalKind::interrupt()).context("listening for SIGINT")?;
        let mut terminate = signal(SignalKind::terminate()).context("listening for SIGTERM")?;
        let (sender, wished) = watch::channel(false);
        tokio::spawn(async move {
            tokio::select! {
                _ = interrupt.recv() => (),
                _ = terminate.recv() => (),
            }
            sender.send_replace(true);
            // Kept, so that those who wait are not told that the sender has gone.
            sender.closed().await;
        });
        Ok(Self { wished })
    }

    /// Whether the run is to end.
    pub(crate) fn is_wished(&self) -> bool {
        *self.wished.borrow()
    }

    /// Waits for the wish.
    pub(crate) async fn wait(&self) {
        // An error means that the listening task is gone, and with it the runtime.
        let _ = self.wished.clone().wait_for(|wished| *wished).await;
    }
}
