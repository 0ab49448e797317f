//! What the store promises while nothing breaks.

mod steady;

use crate::trial::Trials;

/// Adds the trials.
pub(crate) fn add(trials: &mut Trials) {
    steady::add(trials);
}
