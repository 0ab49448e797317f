//! Changes while the server is stopped and killed, each time to come back on the same data and port: informers go on
//! where they were, or list again, and miss nothing that was acknowledged.

use anyhow::{Result, ensure};
use howdah_blackbox::Server;
use libtest_mimic::Completion;

use crate::run::{Run, SELECTIONS};
use crate::world::{Outage, Place};
use crate::{Steps, World};

pub(crate) const TRIALS: &[(&str, Steps)] = &[
    ("informers miss no change across SIGTERM", |world| across(world, Server::terminate)),
    ("informers miss no change across kill -9", |world| across(world, Server::kill)),
];

fn across(world: &World, end: fn(&mut Server) -> Result<()>) -> Result<Completion> {
    let mut server = Server::start(&[])?;
    let place = Place::new(&server.kubeconfig());
    world.runtime.block_on(async {
        let mut run = Run::new(std::slice::from_ref(&place), false).await?;
        run.inform(&place, &SELECTIONS).await?;
        let mut writing = run.write(world.changes);
        for outage in 1..=3 {
            writing.until(world.changes * outage / 4).await?;
            run.outage.send_modify(Outage::begin);
            // Both wait for another process; the writers go on beside them.
            tokio::task::block_in_place(|| end(&mut server).and_then(|()| server.start_again()))?;
            run.outage.send_modify(Outage::end);
        }
        run.finish(writing).await?;
        run.judge(|_| true).await?;
        let untouched = run.informers.iter().find(|informer| informer.troubles().is_empty());
        ensure!(
            untouched.is_none(),
            "an outage that nobody noticed: {:?}",
            untouched.map(|informer| informer.selection)
        );
        anyhow::Ok(())
    })?;
    server.terminate()?;
    Ok(Completion::Completed)
}
