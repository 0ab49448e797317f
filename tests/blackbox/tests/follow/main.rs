//! Those who follow: informers of kube-rs and client-go see every change, whatever happens to the server, and servers
//! that share a database are one.
//!
//! - `steady`: 20,000 changes under the eyes of informers of every kind.
//! - `outage`: the same, while the server is stopped and killed.
//! - `compaction`: the past that an informer stands at is forgotten.
//! - `client_go`: client-go's informers, by a Go program that is built here.
//! - `two_servers`: two servers on one database.
//!
//! `HOWDAH_FOLLOW_CHANGES` sets another number of changes. Where `HOWDAH_TEST_KUBECONFIG` names a server, what would
//! stop it or needs settings of its own is left out. Trials run one after the other unless `--test-threads` says
//! otherwise.

mod barrier;
mod change;
mod client_go;
mod compaction;
mod informer;
mod outage;
mod run;
mod steady;
mod two_servers;
mod world;

use std::path::PathBuf;
use std::sync::{Arc, Mutex, PoisonError};

use anyhow::{Context as _, Result};
use howdah_blackbox::{Server, kubeconfig_of_the_environment};
use libtest_mimic::{Arguments, Completion, Failed, Trial};

use world::Place;

/// What trials share.
pub(crate) struct World {
    pub(crate) runtime: tokio::runtime::Runtime,
    pub(crate) changes: usize,
    given: Option<PathBuf>,
    /// The server of the trials that leave it as it is; started when first needed.
    shared: Mutex<Option<Server>>,
}

impl World {
    /// A server that is neither stopped nor has settings of its own.
    pub(crate) fn any_server(&self) -> Result<Place> {
        if let Some(kubeconfig) = &self.given {
            return Ok(Place::new(kubeconfig));
        }
        let mut shared = self.shared.lock().unwrap_or_else(PoisonError::into_inner);
        if shared.is_none() {
            *shared = Some(Server::start(&[]).context("the suite's server")?);
        }
        let server = shared.as_ref().context("it was just started")?;
        Ok(Place::new(&server.kubeconfig()))
    }
}

/// A trial's steps.
type Steps = fn(&World) -> Result<Completion>;

fn main() -> Result<()> {
    let mut arguments = Arguments::from_args();
    arguments.test_threads.get_or_insert(1);
    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build()?;
    let changes = match std::env::var("HOWDAH_FOLLOW_CHANGES") {
        Ok(number) => number.parse().context("HOWDAH_FOLLOW_CHANGES is no number")?,
        Err(_) => 20_000,
    };
    let world = World { runtime, changes, given: kubeconfig_of_the_environment(), shared: Mutex::new(None) };
    let world = Arc::new(world);
    let anywhere = [steady::TRIALS, client_go::TRIALS].concat();
    let on_own = [outage::TRIALS, compaction::TRIALS, two_servers::TRIALS].concat();
    let trial = |(name, steps): (&str, Steps), needs_own: bool| {
        let world = Arc::clone(&world);
        Trial::ignorable_test(name, move || {
            if needs_own && world.given.is_some() {
                return Ok(Completion::ignored_with("the given server is not ours to stop or to set up"));
            }
            steps(&world).map_err(|error| Failed::from(format!("{error:#}")))
        })
    };
    let trials =
        anywhere.into_iter().map(|row| trial(row, false)).chain(on_own.into_iter().map(|row| trial(row, true)));
    let conclusion = libtest_mimic::run(&arguments, trials.collect());
    drop(world.shared.lock().unwrap_or_else(PoisonError::into_inner).take());
    conclusion.exit_if_failed();
    Ok(())
}
