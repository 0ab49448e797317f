//! Chance that can be repeated: SplitMix64 over the run's seed, so that a seed gives the same choices on every machine.

use std::time::{Duration, SystemTime};

/// The environment variable that gives the seed.
const SEED: &str = "HOWDAH_SEED";

/// A source of choices.
#[derive(Debug, Clone)]
pub(crate) struct Dice(u64);

impl Dice {
    /// The choices that follow from `seed`.
    pub(crate) const fn new(seed: u64) -> Self {
        Self(seed)
    }

    /// Independent choices for the part `name` of a run.
    pub(crate) fn part(seed: u64, name: &str) -> Self {
        Self(seed ^ crate::payload::digest(name.as_bytes()))
    }

    /// Any number.
    pub(crate) fn number(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        z ^ (z >> 31)
    }

    /// A number below `end`, which is not zero.
    pub(crate) fn below(&mut self, end: usize) -> usize {
        let end = u64::try_from(end).expect("a usize fits into 64 bits");
        usize::try_from(self.number() % end).expect("it lies below a usize")
    }

    /// True in `percent` of a hundred cases.
    pub(crate) fn chance(&mut self, percent: usize) -> bool {
        self.below(100) < percent
    }

    /// One of `choices`, which are not none.
    pub(crate) fn pick<'a, T>(&mut self, choices: &'a [T]) -> &'a T {
        &choices[self.below(choices.len())]
    }

    /// A length of time from `shortest` up to `longest`, to the microsecond.
    pub(crate) fn between(&mut self, shortest: Duration, longest: Duration) -> Duration {
        let span = usize::try_from((longest - shortest).as_micros()).expect("it is a short time");
        shortest + Duration::from_micros(u64::try_from(self.below(span + 1)).expect("a usize fits into 64 bits"))
    }
}

/// The seed of this run: the one given in the environment, else one made from the time of day.
pub(crate) fn seed() -> anyhow::Result<u64> {
    match std::env::var(SEED) {
        Ok(text) => Ok(text.parse()?),
        Err(std::env::VarError::NotPresent) => {
            let now = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH)?;
            Ok(Dice::new(u64::from(now.subsec_nanos()) ^ now.as_secs()).number() >> 16)
        }
        Err(error) => Err(error.into()),
    }
}
