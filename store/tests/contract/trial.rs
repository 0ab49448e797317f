//! The trials by name, and what they share: a runtime, a seed, one server for those that leave it whole.

use std::process::ExitCode;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use anyhow::Context as _;
use libtest_mimic::{Arguments, Completion, Failed, Trial};
use tokio::runtime::{Builder, Runtime};
use tokio::sync::OnceCell;

use crate::cluster::{Cluster, DATABASE_URL, Place};
use crate::{checker, contract, dice, faults};

/// The longest that one trial may take.
const LONGEST: Duration = Duration::from_secs(300);

/// What every trial is given.
pub(crate) struct Suite {
    /// The seed of the run.
    pub(crate) seed: u64,
    cluster: OnceCell<Cluster>,
}

impl Suite {
    /// A database of its own on the server that all share.
    pub(crate) async fn place(&self) -> anyhow::Result<Place> {
        self.cluster.get_or_try_init(Cluster::start).await?.place().await
    }
}

/// What becomes of a trial.
pub(crate) type Verdict = anyhow::Result<()>;

/// Runs the trials that `arguments` choose.
pub(crate) fn run(arguments: &Arguments) -> anyhow::Result<ExitCode> {
    let runtime = Arc::new(Builder::new_multi_thread().worker_threads(2).enable_all().build()?);
    let seed = dice::seed().context("HOWDAH_SEED must be a number")?;
    let suite = Arc::new(Suite { seed, cluster: OnceCell::new() });
    println!("HOWDAH_SEED={seed}");
    let trials = Trials { runtime: Arc::clone(&runtime), suite: Arc::clone(&suite), all: Vec::new() };
    let conclusion = libtest_mimic::run(arguments, trials.collect());
    let suite = Arc::into_inner(suite).context("no trial is left")?;
    if let Some(cluster) = suite.cluster.into_inner() {
        runtime.block_on(cluster.stop())?;
    }
    Ok(conclusion.exit_code())
}

/// The trials as they are collected.
pub(crate) struct Trials {
    runtime: Arc<Runtime>,
    suite: Arc<Suite>,
    all: Vec<Trial>,
}

impl Trials {
    fn collect(mut self) -> Vec<Trial> {
        for (name, test) in checker::self_test::TESTS {
            self.all.push(Trial::test(format!("checker::{name}"), move || Ok(test()?)));
        }
        contract::add(&mut self);
        faults::add(&mut self);
        self.all
    }

    /// Adds a trial that any Postgres can be put to.
    pub(crate) fn add<F>(&mut self, name: impl Into<String>, trial: impl FnOnce(Arc<Suite>) -> F + Send + 'static)
    where
        F: Future<Output = Verdict> + Send + 'static,
    {
        let (runtime, suite) = (Arc::clone(&self.runtime), Arc::clone(&self.suite));
        self.all.push(Trial::test(name.into(), move || drive(&runtime, suite, trial)));
    }

    /// Adds a trial that needs the server's files or processes.
    pub(crate) fn add_private<F>(
        &mut self,
        name: impl Into<String>,
        trial: impl FnOnce(Arc<Suite>) -> F + Send + 'static,
    ) where
        F: Future<Output = Verdict> + Send + 'static,
    {
        let (runtime, suite) = (Arc::clone(&self.runtime), Arc::clone(&self.suite));
        self.all.push(Trial::ignorable_test(name.into(), move || {
            if std::env::var_os(DATABASE_URL).is_some() {
                return Ok(Completion::ignored_with("it needs a Postgres of its own, and the environment gives one"));
            }
            drive(&runtime, suite, trial).map(|()| Completion::Completed)
        }));
    }
}

/// Runs one trial to its end.
fn drive<F>(runtime: &Runtime, suite: Arc<Suite>, trial: impl FnOnce(Arc<Suite>) -> F) -> Result<(), Failed>
where
    F: Future<Output = Verdict> + Send + 'static,
{
    // One that was cut short must not leave its tasks to the next: they end with its runtime's handle to them.
    let seed = suite.seed;
    let work = trial(suite);
    let outcome = runtime.block_on(async move { tokio::time::timeout(LONGEST, tokio::spawn(work)).await });
    match outcome {
        Ok(Ok(Ok(()))) => Ok(()),
        Ok(Ok(Err(error))) => Err(format!("HOWDAH_SEED={seed}: {error:#}").into()),
        Ok(Err(panicked)) => Err(format!("HOWDAH_SEED={seed}: {panicked}").into()),
        Err(_) => Err(format!("HOWDAH_SEED={seed}: not done after {LONGEST:?}").into()),
    }
}

/// Tells what a trial amounted to.
pub(crate) fn tell(name: &str, began: Instant, what: &impl std::fmt::Debug) {
    static TELLING: Mutex<()> = Mutex::new(());
    let _one = TELLING.lock().unwrap_or_else(PoisonError::into_inner);
    eprintln!("  {name}: {:.1} s, {what:?}", began.elapsed().as_secs_f64());
}
