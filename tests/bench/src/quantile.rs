//! Quantiles of latencies, and counts for arithmetic.

use std::time::Duration;

/// Quantiles of a set of latencies, in milliseconds.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) struct Quantiles {
    /// The median.
    pub(crate) p50: f64,
    /// The 99th percentile.
    pub(crate) p99: f64,
}

impl Quantiles {
    /// The quantiles of `latencies`, by nearest rank; zero where there is none.
    pub(crate) fn of(latencies: impl Iterator<Item = Duration>) -> Self {
        let mut sorted: Vec<Duration> = latencies.collect();
        sorted.sort_unstable();
        let rank = |percent: usize| {
            let index = (sorted.len() * percent).div_ceil(100).max(1) - 1;
            sorted.get(index).map_or(0.0, |latency| latency.as_secs_f64() * 1e3)
        };
        Self { p50: rank(50), p99: rank(99) }
    }
}

/// A count for arithmetic; no count here comes near the 2^32 where it would stop being exact.
pub(crate) fn count(count: usize) -> f64 {
    f64::from(u32::try_from(count).unwrap_or(u32::MAX))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn quantiles_are_by_nearest_rank() {
        let of = |latencies: &[u64]| Quantiles::of(latencies.iter().map(|ms| Duration::from_millis(*ms)));
        assert_eq!(of(&[]), Quantiles { p50: 0.0, p99: 0.0 });
        assert_eq!(of(&[7]), Quantiles { p50: 7.0, p99: 7.0 });
        let hundred: Vec<u64> = (1..=100).rev().collect();
        assert_eq!(of(&hundred), Quantiles { p50: 50.0, p99: 99.0 });
    }
}
