//! Changes while nothing happens to the server: no list again, no error on the way.

use anyhow::Result;
use libtest_mimic::Completion;

use crate::run::{Run, SELECTIONS};
use crate::{Steps, World};

pub(crate) const TRIALS: &[(&str, Steps)] = &[("informers miss no change", no_change_is_missed)];

fn no_change_is_missed(world: &World) -> Result<Completion> {
    let place = world.any_server()?;
    world.runtime.block_on(async {
        let mut run = Run::new(std::slice::from_ref(&place), false).await?;
        // So that the first lists have something to show; half of them are made while objects change.
        let writing = run.write(world.changes / 20);
        run.finish(writing).await?;
        let (early, late) = SELECTIONS.split_at(SELECTIONS.len() / 2);
        run.inform(&place, early).await?;
        let mut writing = run.write(world.changes - world.changes / 20);
        writing.until(world.changes / 3).await?;
        run.inform(&place, late).await?;
        run.finish(writing).await?;
        run.judge(|_| false).await
    })?;
    Ok(Completion::Completed)
}
