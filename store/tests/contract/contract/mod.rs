//! What the store promises while nothing breaks.

mod closing;
mod compaction;
mod deadline;
mod steady;

use crate::trial::Trials;

/// Adds the trials.
pub(crate) fn add(trials: &mut Trials) {
    steady::add(trials);
    compaction::add(trials);
    deadline::add(trials);
    closing::add(trials);
}
