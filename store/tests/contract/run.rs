//! One run: replicas on one database, load on them, watchers, and at the end the judgement.

use std::sync::Arc;
use std::time::Duration;

use anyhow::{Context as _, bail, ensure};
use howdah_store::{Database, Store, StoreOptions};
use tokio::sync::watch as signal;
use tokio::task::JoinSet;
use tokio::time::timeout;

use crate::checker::{self, History, Loss};
use crate::client::Client;
use crate::clock::nanos;
use crate::cluster::Place;
use crate::dice::Dice;
use crate::journal::{Ending, Outcome, assemble};
use crate::pen::{Memory, Recorder, Sink};
use crate::replica::{Child, Settings};
use crate::sql;
use crate::watcher::{Manner, Watcher};
use crate::workload::{Keys, Shared, Worker};

/// How long everybody may take to come to an end.
const ENDING: Duration = Duration::from_secs(60);

/// A run under way.
pub(crate) struct Run {
    /// The seed of all choices.
    pub(crate) seed: u64,
    /// The database, to be looked into past the store.
    pub(crate) place: Place,
    pub(crate) memory: Arc<Memory>,
    pub(crate) shared: Arc<Shared>,
    pub(crate) keys: Arc<Keys>,
    /// How long a write may take.
    pub(crate) timeout: Duration,
    /// How long revisions are kept; none where nothing may be compacted.
    pub(crate) retention: Option<Duration>,
    /// Whether nothing may fail.
    pub(crate) calm: bool,
    pub(crate) losses: Vec<Loss>,
    target: signal::Sender<Option<i64>>,
    clients: Vec<Client>,
    workers: JoinSet<anyhow::Result<()>>,
    watchers: JoinSet<anyhow::Result<()>>,
    children: Vec<Child>,
    next_replica: u64,
}

/// The load of a replica in a process of its own.
#[derive(Debug, Clone)]
pub(crate) struct ChildLoad {
    /// The database's address.
    pub(crate) url: String,
    /// How many write.
    pub(crate) writers: usize,
    /// How many read.
    pub(crate) readers: usize,
    /// After how long without an answer its store gives a connection up.
    pub(crate) reply_timeout: Duration,
}

/// What a run amounted to.
#[derive(Debug, Default, Clone, Copy)]
pub(crate) struct Tally {
    pub(crate) written: usize,
    pub(crate) conflicts: usize,
    pub(crate) unknown: usize,
    pub(crate) refused: usize,
    pub(crate) not_applied: usize,
    pub(crate) pages: usize,
    pub(crate) compacted: usize,
    pub(crate) future: usize,
    pub(crate) replaced: usize,
    pub(crate) events: usize,
    pub(crate) watches: usize,
    pub(crate) revisions: usize,
}

impl Run {
    /// A run on `place` with `keys` keys.
    pub(crate) fn new(seed: u64, place: Place, keys: usize) -> anyhow::Result<Self> {
        Ok(Self {
            seed,
            place,
            memory: Arc::default(),
            shared: Arc::default(),
            keys: Arc::new(Keys::new(keys)?),
            timeout: Duration::from_secs(30),
            retention: None,
            calm: true,
            losses: Vec::new(),
            target: signal::Sender::new(None),
            clients: Vec::new(),
            workers: JoinSet::new(),
            watchers: JoinSet::new(),
            children: Vec::new(),
            next_replica: 1,
        })
    }

    /// Options for a store on `url` that forgets nothing within a run.
    pub(crate) fn options(url: &str) -> anyhow::Result<StoreOptions> {
        Ok(StoreOptions::new(Database::from_url(url)?))
    }

    /// A number that no replica of this run has.
    pub(crate) fn replica_number(&mut self) -> u64 {
        self.next_replica += 1;
        self.next_replica - 1
    }

    /// Opens a replica.
    pub(crate) async fn open(&mut self, options: StoreOptions) -> anyhow::Result<Client> {
        let store = Store::open(options).await?;
        let number = self.replica_number();
        let sink: Arc<dyn Sink> = Arc::<Memory>::clone(&self.memory);
        let client = Client { store, recorder: Recorder::new(sink, number) };
        self.clients.push(client.clone());
        Ok(client)
    }

    /// Starts a replica in a process of its own, with load on it; its place among [`Run::child`].
    pub(crate) fn start_child(&mut self, load: ChildLoad) -> anyhow::Result<usize> {
        let number = self.replica_number();
        let settings = Settings {
            url: load.url,
            number,
            seed: self.seed,
            keys: self.keys.all().len(),
            writers: load.writers,
            readers: load.readers,
            timeout: self.timeout,
            reply_timeout: load.reply_timeout,
        };
        self.children.push(Child::start(&settings, Arc::clone(&self.memory), Arc::clone(&self.shared))?);
        Ok(self.children.len() - 1)
    }

    /// A replica in a process of its own.
    pub(crate) fn child(&self, place: usize) -> &Child {
        &self.children[place]
    }

    /// Kills a replica's process, and takes what it had journaled.
    pub(crate) async fn kill_child(&mut self, place: usize) -> anyhow::Result<()> {
        self.children.swap_remove(place).kill().await
    }

    /// Choices of its own for the next part of the run.
    pub(crate) fn dice(&self, part: &str) -> Dice {
        Dice::part(self.seed, part)
    }

    fn worker(&self, client: &Client, name: &str) -> Worker {
        Worker {
            client: client.clone(),
            keys: Arc::clone(&self.keys),
            shared: Arc::clone(&self.shared),
            dice: self.dice(name),
            timeout: self.timeout,
            page: None,
        }
    }

    /// Creates a part of the keys before anything else.
    pub(crate) async fn fill(&self, client: &Client) -> anyhow::Result<()> {
        self.worker(client, "fill").fill().await
    }

    /// Sets writers and readers on `client`.
    pub(crate) fn load(&mut self, client: &Client, writers: usize, readers: usize) {
        let replica = client.recorder.number();
        for writer in 0..writers {
            let worker = self.worker(client, &format!("writer {writer} of {replica}"));
            self.workers.spawn(worker.keep_writing());
        }
        for reader in 0..readers {
            let worker = self.worker(client, &format!("reader {reader} of {replica}"));
            self.workers.spawn(worker.keep_reading());
        }
    }

    /// Sets a watcher on `client`.
    pub(crate) fn watch(&mut self, client: &Client, manner: Manner, after: i64) {
        let id = client.recorder.number();
        let dice = self.dice(&format!("watcher {id}"));
        let watcher = Watcher { client: client.clone(), dice, manner, target: self.target.subscribe() };
        self.watchers.spawn(watcher.run(after));
    }

    /// Waits until `more` further writes are acknowledged, in any replica of this process.
    pub(crate) async fn progress(&self, more: u64, patience: Duration) -> anyhow::Result<()> {
        until_risen(|| self.shared.acknowledged(), more, patience).await.context("any replica")
    }

    /// Waits until the replica `number` has `more` further writes acknowledged.
    pub(crate) async fn progress_of(&self, number: u64, more: u64, patience: Duration) -> anyhow::Result<()> {
        let risen = until_risen(|| self.memory.written_by(number), more, patience).await;
        risen.with_context(|| format!("replica {number}"))
    }

    /// Ends the load.
    pub(crate) async fn stop_load(&mut self) -> anyhow::Result<()> {
        self.shared.stop();
        join(&mut self.workers).await.context("the load did not come to its end")?;
        for child in &mut self.children {
            timeout(ENDING, child.stop_load()).await.context("a replica process did not end its load")??;
        }
        Ok(())
    }

    /// Ends the run and judges it. The load has been stopped.
    pub(crate) async fn finish(mut self, archived: bool) -> anyhow::Result<Tally> {
        ensure!(self.workers.is_empty(), "the load is still there");
        let mut connection = sql::connect(&self.place.url).await?;
        let newest = sql::newest(&mut connection).await?;
        self.target.send_replace(Some(newest));
        join(&mut self.watchers).await.context("the watchers did not come to their end")?;
        for child in self.children.drain(..) {
            timeout(ENDING, child.finish(newest)).await.context("a replica process did not end")??;
        }
        for client in self.clients.drain(..) {
            timeout(ENDING, client.store.close()).await.context("a store did not close")?;
        }
        let contents = sql::read(&mut connection, archived).await?;
        let (calls, watches) = assemble(self.memory.take())?;
        let history = History {
            log: contents.log,
            heads: contents.heads,
            newest: contents.newest,
            calls,
            watches,
            losses: std::mem::take(&mut self.losses),
            retention: self.retention.map(nanos),
            calm: self.calm,
        };
        let tally = tally(&history);
        let found = checker::check(&history);
        if found.is_empty() {
            return Ok(tally);
        }
        let list = found.iter().map(|violation| format!("\n  - {violation}")).collect::<String>();
        let calls = crate::report::involved(&history, &found);
        bail!("{tally:?}{list}{calls}");
    }
}

/// Waits until a count of acknowledged writes has risen by `more`.
async fn until_risen(count: impl Fn() -> u64, more: u64, patience: Duration) -> anyhow::Result<()> {
    let goal = count() + more;
    let waiting = async {
        while count() < goal {
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
    };
    timeout(patience, waiting).await.with_context(|| format!("no {more} writes were acknowledged within {patience:?}"))
}

/// Waits for all tasks, and for none longer than it may take.
async fn join(tasks: &mut JoinSet<anyhow::Result<()>>) -> anyhow::Result<()> {
    let all = async {
        while let Some(ended) = tasks.join_next().await {
            ended??;
        }
        Ok(())
    };
    match timeout(ENDING, all).await {
        Ok(ended) => ended,
        Err(_) => bail!("{} tasks are still there after {ENDING:?}", tasks.len()),
    }
}

/// Counts what happened.
fn tally(history: &History) -> Tally {
    let mut tally = Tally { revisions: history.log.len(), watches: history.watches.len(), ..Tally::default() };
    for call in &history.calls {
        match call.returned.as_ref().map(|(_, outcome)| outcome) {
            Some(Outcome::Written(_)) => tally.written += 1,
            Some(Outcome::Conflict { .. }) => tally.conflicts += 1,
            None | Some(Outcome::Unknown) => tally.unknown += 1,
            Some(Outcome::Refused(_)) => tally.refused += 1,
            Some(Outcome::NotApplied) => tally.not_applied += 1,
            Some(Outcome::Page { .. }) => tally.pages += 1,
            Some(Outcome::Compacted { .. }) => tally.compacted += 1,
            Some(Outcome::Future { .. }) => tally.future += 1,
            Some(_) => {}
        }
    }
    for watch in &history.watches {
        tally.events += watch.events.len();
        match &watch.ended {
            Some((_, _, Ending::Replaced)) => tally.replaced += 1,
            Some((_, _, Ending::Compacted { .. })) => tally.compacted += 1,
            _ => {}
        }
    }
    tally
}
