//! The time by which calls are ordered: `CLOCK_MONOTONIC`, which is the same in every process of the machine.

use std::time::Duration;

use rustix::time::{ClockId, clock_gettime};

/// Nanoseconds of the machine's monotonic clock.
pub(crate) type Nanos = u64;

/// The present moment.
pub(crate) fn now() -> Nanos {
    let time = clock_gettime(ClockId::Monotonic);
    let seconds = u64::try_from(time.tv_sec).expect("the monotonic clock is never negative");
    let rest = u64::try_from(time.tv_nsec).expect("the monotonic clock is never negative");
    seconds * 1_000_000_000 + rest
}

/// A length of time in the clock's unit.
pub(crate) fn nanos(duration: Duration) -> Nanos {
    u64::try_from(duration.as_nanos()).unwrap_or(u64::MAX)
}
