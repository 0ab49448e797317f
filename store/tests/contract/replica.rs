//! A store in a process of its own, with load on it, which can be stopped and killed like any server.
//!
//! The child is this very program with [`SETTINGS`] in its environment. Its journal goes to standard output, one line a
//! `write`; the word `idle` there says that its load has ended. On standard input it takes `stop` (end the load) and
//! `finish N` (let the watchers reach revision N, then end). When its input closes, it ends at once.

use std::io::BufRead as _;
use std::os::fd::AsFd as _;
use std::process::Stdio;
use std::sync::Arc;
use std::time::Duration;

use anyhow::{Context as _, bail, ensure};
use howdah_store::{Database, Store, StoreOptions};
use rustix::process::{Pid, Signal, kill_process};
use serde::{Deserialize, Serialize};
use tokio::io::{AsyncBufReadExt as _, AsyncWriteExt as _, BufReader};
use tokio::process::{ChildStdin, Command};
use tokio::runtime::Builder;
use tokio::sync::{mpsc, watch as signal};
use tokio::task::{JoinHandle, JoinSet};

use crate::client::Client;
use crate::dice::Dice;
use crate::journal::{Line, Outcome};
use crate::pen::{Memory, Pipe, Recorder, Sink as _};
use crate::watcher::{Manner, Watcher};
use crate::workload::{Keys, PIPE_PAGE, Shared, Worker};

/// The environment variable that makes this program a replica.
const SETTINGS: &str = "HOWDAH_CONTRACT_REPLICA";

/// What a replica says when its load has ended.
const IDLE: &str = "idle";

/// What a replica is told at its start.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub(crate) struct Settings {
    pub(crate) url: String,
    pub(crate) number: u64,
    pub(crate) seed: u64,
    pub(crate) keys: usize,
    pub(crate) writers: usize,
    pub(crate) readers: usize,
    pub(crate) timeout: Duration,
    pub(crate) reply_timeout: Duration,
}

/// Whether this process is a replica.
pub(crate) fn is_wanted() -> bool {
    std::env::var_os(SETTINGS).is_some()
}

/// The replica's life.
pub(crate) fn main() -> anyhow::Result<()> {
    let settings = serde_json::from_str(&std::env::var(SETTINGS)?)?;
    let runtime = Builder::new_multi_thread().worker_threads(2).enable_all().build()?;
    let ended = runtime.block_on(live(settings));
    runtime.shutdown_background();
    ended
}

async fn live(settings: Settings) -> anyhow::Result<()> {
    let mut orders = orders();
    let mut options = StoreOptions::new(Database::from_url(&settings.url)?);
    options.reply_timeout = settings.reply_timeout;
    options.poll_interval = Duration::from_millis(500);
    options.ring_bytes = 256 << 10;
    let store = Store::open(options).await?;
    let output = std::io::stdout().as_fd().try_clone_to_owned()?;
    let pipe = Arc::new(Pipe::new(output));
    let client = Client { store, recorder: Recorder::new(Arc::<Pipe>::clone(&pipe), settings.number) };
    let newest = match client.newest().await {
        Outcome::Newest(newest) => newest,
        other => bail!("the newest revision is {other:?}"),
    };
    let (target, reached) = signal::channel(None);
    let mut watchers = JoinSet::new();
    for (manner, after) in [(Manner::Prompt, newest), (Manner::Slow, (newest - 300).max(0))] {
        let dice = Dice::part(settings.seed, &format!("watcher of {}", client.recorder.number()));
        let watcher = Watcher { client: client.clone(), dice, manner, target: reached.clone() };
        watchers.spawn(watcher.run(after));
    }
    let (keys, shared) = (Arc::new(Keys::new(settings.keys)?), Arc::new(Shared::default()));
    let mut workers = JoinSet::new();
    for number in 0..settings.writers + settings.readers {
        let worker = Worker {
            client: client.clone(),
            keys: Arc::clone(&keys),
            shared: Arc::clone(&shared),
            dice: Dice::part(settings.seed, &format!("worker {number} of {}", settings.number)),
            timeout: settings.timeout,
            page: Some(PIPE_PAGE),
        };
        if number < settings.writers {
            workers.spawn(worker.keep_writing());
        } else {
            workers.spawn(worker.keep_reading());
        }
    }
    ensure!(orders.recv().await.as_deref() == Some("stop"), "the test is gone");
    shared.stop();
    tokio::select! {
        ended = join(&mut workers) => ended?,
        order = orders.recv() => bail!("the load still runs, and the order is {order:?}"),
    }
    pipe.say(IDLE);
    let order = orders.recv().await.context("the test is gone")?;
    let newest = order.strip_prefix("finish ").context("an order that is none")?.parse()?;
    target.send_replace(Some(newest));
    tokio::select! {
        ended = join(&mut watchers) => ended?,
        order = orders.recv() => bail!("the watchers still run, and the order is {order:?}"),
    }
    client.store.close().await;
    Ok(())
}

async fn join(tasks: &mut JoinSet<anyhow::Result<()>>) -> anyhow::Result<()> {
    while let Some(ended) = tasks.join_next().await {
        ended??;
    }
    Ok(())
}

/// The lines of standard input, until it closes: then the test is gone.
fn orders() -> mpsc::Receiver<String> {
    let (queue, orders) = mpsc::channel(1);
    std::thread::spawn(move || {
        for line in std::io::stdin().lock().lines() {
            let Ok(line) = line else { return };
            if queue.blocking_send(line).is_err() {
                return;
            }
        }
    });
    orders
}

/// A replica as the test holds it. Dropping it kills it.
#[derive(Debug)]
pub(crate) struct Child {
    /// Its number among the run's replicas.
    pub(crate) number: u64,
    process: tokio::process::Child,
    input: ChildStdin,
    idle: signal::Receiver<bool>,
    reading: JoinHandle<anyhow::Result<()>>,
}

impl Child {
    /// Starts a replica, whose journal goes into `memory`.
    pub(crate) fn start(settings: &Settings, memory: Arc<Memory>, shared: Arc<Shared>) -> anyhow::Result<Self> {
        let mut process = Command::new(std::env::current_exe()?)
            .env(SETTINGS, serde_json::to_string(settings)?)
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .kill_on_drop(true)
            .spawn()?;
        let input = process.stdin.take().context("its input is a pipe")?;
        let output = process.stdout.take().context("its output is a pipe")?;
        let (is_idle, idle) = signal::channel(false);
        let reading = tokio::spawn(async move {
            let mut lines = BufReader::new(output).lines();
            while let Some(text) = lines.next_line().await? {
                if text == IDLE {
                    is_idle.send_replace(true);
                    continue;
                }
                let line = serde_json::from_str(&text).with_context(|| format!("the journal has a line {text:?}"))?;
                if let Line::Return { outcome: Outcome::Written(objects), .. } = &line
                    && let Some(last) = objects.last()
                {
                    shared.acknowledge(last.revision);
                }
                memory.put(line);
            }
            Ok(())
        });
        Ok(Self { number: settings.number, process, input, idle, reading })
    }

    /// Sends the process a signal.
    pub(crate) fn signal(&self, signal: Signal) -> anyhow::Result<()> {
        let id = self.process.id().context("the replica process has ended by itself")?;
        let pid = Pid::from_raw(id.cast_signed()).context("a pid is not zero")?;
        Ok(kill_process(pid, signal)?)
    }

    /// Ends its load.
    pub(crate) async fn stop_load(&mut self) -> anyhow::Result<()> {
        self.input.write_all(b"stop\n").await?;
        self.idle.wait_for(|idle| *idle).await.context("the replica process ended before its load")?;
        Ok(())
    }

    /// Lets its watchers see everything up to `newest`, and the process end.
    pub(crate) async fn finish(mut self, newest: i64) -> anyhow::Result<()> {
        self.input.write_all(format!("finish {newest}\n").as_bytes()).await?;
        let status = self.process.wait().await?;
        self.reading.await??;
        ensure!(status.success(), "a replica process ended with {status}");
        Ok(())
    }

    /// Kills it, and takes what it had journaled.
    pub(crate) async fn kill(mut self) -> anyhow::Result<()> {
        self.signal(Signal::KILL)?;
        self.process.wait().await?;
        self.reading.await?
    }
}
