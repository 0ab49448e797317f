//! Telling connections and long-running requests that the server is going down.
//!
//! One value that only moves forward: running → draining → over. Draining means: finish what is in flight, take nothing
//! new; long-running answers end. Over means: let go of everything.

use tokio::sync::watch;

/// Where the server stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Phase {
    /// Serving.
    Running,
    /// Finishing what is in flight.
    Draining,
    /// Closing whatever is left.
    Over,
}

/// The side that announces.
#[derive(Debug)]
pub(super) struct Announcer(watch::Sender<Phase>);

/// The side that listens; cheap to clone.
#[derive(Debug, Clone)]
pub struct Shutdown(watch::Receiver<Phase>);

/// A running server's two sides.
pub(super) fn pair() -> (Announcer, Shutdown) {
    let (sender, receiver) = watch::channel(Phase::Running);
    (Announcer(sender), Shutdown(receiver))
}

impl Announcer {
    /// Moves forward to `phase`; moving backwards is ignored.
    pub(super) fn enter(&self, phase: Phase) {
        self.0.send_if_modified(|current| {
            let forward = phase > *current;
            if forward {
                *current = phase;
            }
            forward
        });
    }
}

impl Shutdown {
    /// Whether the server is draining or over.
    #[must_use]
    pub fn has_begun(&self) -> bool {
        *self.0.borrow() > Phase::Running
    }

    /// Waits until the server drains. A server that vanished counts as draining.
    pub async fn draining(self) {
        self.reached(Phase::Draining).await;
    }

    pub(super) async fn over(self) {
        self.reached(Phase::Over).await;
    }

    async fn reached(mut self, phase: Phase) {
        // An error means that the announcer is gone, and with it the server.
        let _gone = self.0.wait_for(|current| *current >= phase).await.is_err();
    }
}
