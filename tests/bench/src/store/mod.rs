//! `howdah-bench store`: the store beside etcd, on the same machine, disk and load.
//!
//! Sets the run up, runs its parts ([`phase`]), and reports.

mod backend;
mod document;
mod etcd;
mod howdah;
mod load;
mod pair;
mod phase;
mod settings;
mod watcher;

use std::fs::Permissions;
use std::os::unix::fs::PermissionsExt as _;
use std::path::PathBuf;

use anyhow::{Context as _, Result, bail};

use self::backend::Backend as _;
use self::etcd::Installation;
use self::pair::{Pair, Site};
use self::phase::write::Layout;
use self::settings::Settings;
use crate::interrupt::Interrupt;
use crate::machine::{Machine, process_version};
use crate::report::Report;
use crate::result::Results;

/// What `howdah-bench store` takes.
#[derive(clap::Args)]
pub(crate) struct Arguments {
    /// Rounds of the write load
    #[arg(long, default_value_t = 5, value_parser = clap::value_parser!(u16).range(1..=100))]
    rounds: u16,
    /// Length of one write load, in seconds
    #[arg(long, default_value_t = 4, value_parser = clap::value_parser!(u16).range(1..=600))]
    seconds: u16,
    /// A run of well under a minute: one short round, short lists
    #[arg(long, conflicts_with_all = ["rounds", "seconds"])]
    quick: bool,
    /// File for the report as JSON, with every round's samples
    #[arg(long)]
    json: Option<PathBuf>,
    /// Directory for both stores' data, on a disk; a temporary one is made in it and removed
    #[arg(long, default_value = "/var/tmp")]
    dir: PathBuf,
    /// etcd's binary, if it is not in PATH
    #[arg(long, env = "ETCD")]
    etcd: Option<PathBuf>,
}

/// What stands below the table.
const NOTES: &str = "
Load generator, watchers and stores share the machine's cores on both sides. Howdah's store is a library inside this
process; etcd is reached over loopback by gRPC. Memory and idle CPU are those of the Postgres processes and of etcd;
this process, with Howdah's store in it and etcd's client, is counted for neither. Two watchers read whole payloads of
everything: in the first part on the server that writes (etcd's on connections of their own), in the part with two
servers on the other one, where each change has come through Postgres. From ack: zero where the event was there before
the acknowledgement. In the CPU rows, \"this process\" is clients and watchers, for Howdah with its stores in it; \"all
else\" is what the kernel and other programs took: where that is more than a little, the machine was not quiet and the
figures are worth less.";

/// Runs the benchmark.
///
/// # Errors
/// Where it could not measure. Goals that are missed are no error.
pub(crate) async fn run(arguments: Arguments) -> Result<()> {
    let Arguments { rounds, seconds, quick, json, dir, etcd } = arguments;
    let settings = if quick { Settings::quick() } else { Settings::whole(rounds.into(), seconds.into()) };
    let interrupt = Interrupt::listen()?;
    let mut machine = Machine::inspect(&dir)?;
    machine.warn_if_busy();
    let installation = match (etcd::find(etcd.as_deref()), etcd) {
        (None, Some(given)) => bail!("{} is no file; --etcd names etcd's binary", given.display()),
        (None, None) => {
            eprintln!("etcd is not in PATH (Debian's package is etcd-server), so Howdah alone is measured");
            None
        }
        (Some(binary), _) => Some(Installation { binary }),
    };
    let home = tempfile::Builder::new()
        .prefix("howdah-bench-")
        .permissions(Permissions::from_mode(0o755))
        .tempdir_in(&dir)
        .with_context(|| format!("making a directory in {}", dir.display()))?;
    let site = Site { dir: home.path().to_owned(), etcd: installation, interrupt };
    let mut results = Results::new(["Howdah", "etcd"]);
    results.declare(phase::write::metrics(&settings, Layout::One));
    results.declare(phase::write::metrics(&settings, Layout::Two));
    results.declare(phase::list::metrics(&settings));
    results.declare(phase::start::metrics());
    let outcome = measure(&site, &settings, &mut machine, &mut results).await;
    home.close().context("removing the stores' data")?;
    let object_bytes = outcome?;
    let report = Report {
        title: "Howdah's store beside etcd",
        machine: &machine,
        method: format!(
            "{} interleaved rounds of {} s; {} objects of {object_bytes} bytes (Pods), compare-and-swap updates; each \
             figure is the median of the rounds (smallest–largest).",
            settings.rounds, settings.seconds, settings.keys
        ),
        settings: &settings,
        results: &results,
        notes: NOTES,
    };
    report.publish(json.as_deref())
}

/// Runs every part; answers the mean length of an object in bytes.
async fn measure(site: &Site, settings: &Settings, machine: &mut Machine, results: &mut Results) -> Result<usize> {
    site.with_pair("version", async |pair| versions(pair, machine).await).await?;
    phase::start::run(site, settings, results).await?;
    let object_bytes = phase::write::run(site, settings, Layout::One, results).await?;
    phase::write::run(site, settings, Layout::Two, results).await?;
    phase::list::run(site, settings, results).await?;
    Ok(object_bytes)
}

async fn versions(pair: &Pair, machine: &mut Machine) -> Result<()> {
    machine.versions.push(concat!("Howdah ", env!("CARGO_PKG_VERSION")).to_owned());
    machine.versions.push(process_version(pair.howdah.pid()?)?);
    machine.versions.push(match &pair.etcd {
        Some(etcd) => format!("etcd {}", etcd.version().await?),
        None => "no etcd was found".to_owned(),
    });
    Ok(())
}
