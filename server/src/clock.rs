//! The time of day, read in one place and passed on from there.

use std::time::{SystemTime, UNIX_EPOCH};

use k8s_openapi::jiff::Timestamp;

/// The system's time. Clocks that stand before 1970 or beyond the year 9999 are taken for the nearest bound.
#[must_use]
pub fn system() -> Timestamp {
    let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    let nanoseconds = i32::try_from(since.subsec_nanos()).unwrap_or_default();
    i64::try_from(since.as_secs())
        .ok()
        .and_then(|seconds| Timestamp::new(seconds, nanoseconds).ok())
        .unwrap_or(Timestamp::MAX)
}
