//! Waiting between tries: exponential, with full jitter, so that many who failed together don't come back together.

use std::time::Duration;

use rand::RngExt as _;

/// The pauses between the tries of one operation.
#[derive(Debug)]
pub(crate) struct Backoff {
    next: Duration,
    longest: Duration,
}

impl Backoff {
    /// Pauses that double from `first` to `longest`.
    pub(crate) const fn new(first: Duration, longest: Duration) -> Self {
        Self { next: first, longest }
    }

    /// The next pause: somewhere between half of the present step and the whole of it.
    pub(crate) fn pause(&mut self) -> Duration {
        let step = self.next;
        self.next = (step * 2).min(self.longest);
        step.mul_f64(rand::rng().random_range(0.5..=1.0))
    }

    /// Sleeps for the next pause.
    pub(crate) async fn sleep(&mut self) {
        tokio::time::sleep(self.pause()).await;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pauses_double_up_to_the_longest_and_stay_jittered() {
        let mut backoff = Backoff::new(Duration::from_millis(10), Duration::from_millis(40));
        for step in [10, 20, 40, 40] {
            let pause = backoff.pause();
            assert!(pause >= Duration::from_millis(step / 2) && pause <= Duration::from_millis(step), "{pause:?}");
        }
    }
}
