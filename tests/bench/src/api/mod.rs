//! `howdah-bench api`: API servers from outside, over TLS, as client-go's programs meet them.
//!
//! The targets are Howdah's own server, which is started here, or servers that kubeconfigs name. All run at the same
//! time and take turns in every round. The sets of figures are the modules of [`phase`].

mod connection;
mod kubeconfig;
mod load;
mod object;
mod pace;
mod phase;
mod server;
mod settings;
mod target;
mod tls;
mod watch;

use std::fs::Permissions;
use std::os::unix::fs::PermissionsExt as _;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use anyhow::{Context as _, Result, bail, ensure};
use rand::RngExt as _;

use self::connection::{Endpoint, Protocol};
use self::kubeconfig::Kubeconfig;
use self::object::Kind;
use self::server::Server;
use self::settings::Settings;
use self::target::Target;
use crate::interrupt::Interrupt;
use crate::machine::{Machine, program_version};
use crate::process;
use crate::report::Report;
use crate::result::Results;

/// What `howdah-bench api` takes.
#[derive(clap::Args)]
pub(crate) struct Arguments {
    /// Kubeconfig of a server to measure; may be given several times. Without one, Howdah's own server is started
    #[arg(long, value_name = "FILE")]
    kubeconfig: Vec<PathBuf>,
    /// What the report calls that server; one for each --kubeconfig, in the same order
    #[arg(long, value_name = "NAME")]
    label: Vec<String>,
    /// Processes of that server, for its CPU and memory; one for each --kubeconfig, or none at all; `-` where unknown
    #[arg(long, value_name = "PID,…", allow_hyphen_values = true)]
    pids: Vec<String>,
    /// Start Howdah's own server as well, beside those of --kubeconfig
    #[arg(long)]
    own: bool,
    /// Howdah's binary, if it does not lie beside this one
    #[arg(long, env = "HOWDAH_BIN", value_name = "FILE")]
    server: Option<PathBuf>,
    /// Rounds of the requests and of the watches
    #[arg(long, default_value_t = 3, value_parser = clap::value_parser!(u16).range(1..=100))]
    rounds: u16,
    /// Length of one load, in seconds
    #[arg(long, default_value_t = 2, value_parser = clap::value_parser!(u16).range(1..=600))]
    seconds: u16,
    /// A run of well under a minute for a server: one short round, short lists
    #[arg(long, conflicts_with_all = ["rounds", "seconds"])]
    quick: bool,
    /// Connections that the clients of a load share, with HTTP/2
    #[arg(long, default_value_t = 8, value_parser = clap::value_parser!(u16).range(1..=1000))]
    connections: u16,
    /// HTTP/1.1 with keep-alive, a connection for each client, instead of HTTP/2
    #[arg(long)]
    http1: bool,
    /// Watchers
    #[arg(long, default_value_t = 1_000, value_parser = clap::value_parser!(u16).range(1..=10_000))]
    watchers: u16,
    /// Writes a second while each is for one of the watchers
    #[arg(long, default_value_t = 1_000, value_parser = clap::value_parser!(u32).range(1..=100_000))]
    rate: u32,
    /// Writes a second while each is for every watcher
    #[arg(long, default_value_t = 50, value_parser = clap::value_parser!(u32).range(1..=100_000))]
    fan_out_rate: u32,
    /// File for the report as JSON, with every round's samples
    #[arg(long, value_name = "FILE")]
    json: Option<PathBuf>,
    /// Directory for the data of Howdah's own server, on a disk; a temporary one is made in it and removed
    #[arg(long, default_value = "/var/tmp", value_name = "FOLDER")]
    dir: PathBuf,
}

/// What stands below the table.
const NOTES: &str = "
Load generator and servers share the machine's cores. All targets run all the time and take turns in every round; before
a load all of them, where their processes are known, are waited for to be at rest. Requests go over TLS; with HTTP/2 the
clients of a load share connections; answers are uncompressed. Objects have about 2 KB as sent; servers add defaults and
managedFields. An update sends the object back as the server sent it last, with another annotation. Latencies are from
just before a request is handed to HTTP until its answer has been read whole; watch latencies are until the bytes of the
event have been read, and from ack they are zero where the event was there before the acknowledgement. Watched are merge
patches of ConfigMaps at a pace that does not wait for answers; \"sent behind the pace\" says how well it was kept. Lost
is an event that a watcher, which goes on where the server ended a watch, did not have a minute after the last write.
Memory and CPU time are those of the servers' processes with their databases, memory during a load read every second;
this process is counted for none.";

/// A server that is to be measured, before it is asked for anything.
struct Named {
    label: String,
    kubeconfig: PathBuf,
    pids: Vec<u32>,
}

/// Runs the benchmark.
///
/// # Errors
/// Where it could not measure. Goals that are missed are no error.
pub(crate) async fn run(arguments: Arguments) -> Result<()> {
    let Arguments {
        kubeconfig,
        label,
        pids,
        own,
        server,
        rounds,
        seconds,
        quick,
        connections,
        http1,
        watchers,
        rate,
        fan_out_rate,
        json,
        dir,
    } = arguments;
    let settings = Settings {
        rounds: rounds.into(),
        seconds: seconds.into(),
        clients: vec![1, 16, 64],
        objects: 1_920,
        listed: 10_000,
        repetitions: 5,
        watchers: watchers.into(),
        rate,
        fan_out_rate,
        idle_seconds: 10,
        protocol: if http1 { Protocol::Http1 } else { Protocol::Http2 },
        connections: connections.into(),
    };
    let settings = if quick { settings.quick() } else { settings };
    let others = name(kubeconfig, label, &pids)?;
    let binary = if own || others.is_empty() { Some(server::find(server.as_deref())?) } else { None };
    let interrupt = Interrupt::listen()?;
    let mut machine = Machine::inspect(&dir)?;
    machine.warn_if_busy();
    let own_label = binary.as_ref().map(|_| "Howdah".to_owned());
    let mut results = Results::new(own_label.into_iter().chain(others.iter().map(|other| other.label.clone())));
    declare(&mut results, &settings);
    let home = tempfile::Builder::new()
        .prefix("howdah-bench-")
        .permissions(Permissions::from_mode(0o755))
        .tempdir_in(&dir)
        .with_context(|| format!("making a directory in {}", dir.display()))?;
    let work = measure(binary.as_deref(), home.path(), others, &settings, &mut machine, &mut results, &interrupt);
    let outcome = work.await;
    home.close().context("removing the server's data")?;
    let lengths = outcome?;
    let lengths: Vec<String> =
        lengths.iter().map(|(kind, length)| format!("{} of {length} bytes", kind.plural())).collect();
    let report = Report {
        title: "Howdah's API server",
        machine: &machine,
        method: format!(
            "{} interleaved rounds of {} s; {}, as the first server sends them; each figure is the median of the \
             rounds (smallest–largest).",
            settings.rounds,
            settings.seconds,
            lengths.join(", ")
        ),
        settings: &settings,
        results: &results,
        notes: NOTES,
    };
    report.publish(json.as_deref())
}

fn declare(results: &mut Results, settings: &Settings) {
    results.declare(phase::start::metrics());
    results.declare(phase::idle::metrics(settings));
    results.declare(phase::request::metrics(settings));
    results.declare(phase::list::metrics(settings));
    results.declare(phase::watch::metrics(settings));
}

/// Joins what the arguments say of each server.
fn name(kubeconfigs: Vec<PathBuf>, labels: Vec<String>, pids: &[String]) -> Result<Vec<Named>> {
    ensure!(labels.len() == kubeconfigs.len(), "each --kubeconfig needs its --label");
    ensure!(pids.is_empty() || pids.len() == kubeconfigs.len(), "--pids is for each --kubeconfig, or for none");
    let mut pids = pids.iter().map(String::as_str);
    let mut named = Vec::new();
    for (kubeconfig, label) in kubeconfigs.into_iter().zip(labels) {
        let pids = match pids.next() {
            None | Some("-") => Vec::new(),
            Some(list) => {
                let list = list.split(',').map(|pid| pid.trim().parse::<u32>());
                list.collect::<Result<_, _>>().context("--pids takes numbers, with commas between them")?
            }
        };
        named.push(Named { label, kubeconfig, pids });
    }
    Ok(named)
}

/// Starts Howdah's own server where there is a binary, measures all, and stops it whatever came of that.
async fn measure(
    binary: Option<&Path>,
    home: &Path,
    others: Vec<Named>,
    settings: &Settings,
    machine: &mut Machine,
    results: &mut Results,
    interrupt: &Interrupt,
) -> Result<Vec<(Kind, usize)>> {
    let mut named = Vec::new();
    let mut own = None;
    if let Some(binary) = binary {
        let starts = phase::start::run(binary, home, 0, settings, results);
        unless_interrupted(interrupt, starts).await?;
        let server = Server::start(binary, &home.join("server")).await?;
        let pids = vec![server.pid()?];
        named.push(Named { label: "Howdah".into(), kubeconfig: server.kubeconfig().to_owned(), pids });
        own = Some(server);
    }
    named.extend(others);
    let outcome = match connect(named, settings.protocol) {
        Ok(targets) => measure_targets(&targets, settings, machine, results, interrupt).await,
        Err(error) => Err(error),
    };
    if let Some(server) = own {
        let stopped = server.stop().await;
        let value = outcome?;
        stopped?;
        return Ok(value);
    }
    outcome
}

fn connect(named: Vec<Named>, protocol: Protocol) -> Result<Vec<Target>> {
    let namespace = format!("howdah-bench-{:08x}", rand::rng().random::<u32>());
    let targets = named.into_iter().enumerate().map(|(column, named)| {
        let kubeconfig = Kubeconfig::read(&named.kubeconfig)?;
        let endpoint = Arc::new(Endpoint::new(&kubeconfig, protocol).with_context(|| named.label.clone())?);
        Ok(Target { label: named.label, column, endpoint, pids: named.pids, namespace: namespace.clone() })
    });
    targets.collect()
}

/// Runs every part, in namespaces that go whatever came of it.
async fn measure_targets(
    targets: &[Target],
    settings: &Settings,
    machine: &mut Machine,
    results: &mut Results,
    interrupt: &Interrupt,
) -> Result<Vec<(Kind, usize)>> {
    for target in targets {
        machine.versions.push(format!("{} {}", target.label, target.version().await.context(target.label.clone())?));
        for pid in &target.pids {
            for program in process::programs(*pid)? {
                machine.versions.push(program_version(&program)?);
            }
        }
    }
    unless_interrupted(interrupt, phase::idle::run(targets, settings, results)).await?;
    let mut prepared = Vec::new();
    let work = async {
        for target in targets {
            prepared.push(target);
            target.prepare().await.with_context(|| target.label.clone())?;
        }
        let lengths = phase::request::run(targets, settings, results).await?;
        phase::list::run(targets, settings, results).await?;
        phase::watch::run(targets, settings, results).await?;
        Ok(lengths)
    };
    let outcome = unless_interrupted(interrupt, work).await;
    let mut cleaned = Ok(());
    for target in prepared {
        let done = target.clean_up().await.with_context(|| format!("cleaning up {}", target.label));
        cleaned = cleaned.and(done);
    }
    let lengths = outcome?;
    cleaned?;
    Ok(lengths)
}

/// Does `work` unless the operator wishes to end the run first.
async fn unless_interrupted<T>(interrupt: &Interrupt, work: impl Future<Output = Result<T>>) -> Result<T> {
    tokio::select! {
        biased;
        () = interrupt.wait() => bail!("interrupted"),
        outcome = work => outcome,
    }
}
