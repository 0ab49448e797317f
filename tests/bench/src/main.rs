//! Howdah's benchmarks. `howdah-bench store` measures the store beside etcd, on the same machine, disk and load.
//!
//! The two sides take turns in every round, so that what else the machine does weighs on both. Progress goes to
//! standard error, the table to standard output; a run that has measured ends with status 0 whether or not the goals
//! are met.

mod backend;
mod document;
mod etcd;
mod howdah;
mod interrupt;
mod load;
mod machine;
mod pair;
mod phase;
mod process;
mod report;
mod result;
mod settings;
mod store;
mod watcher;

use std::path::PathBuf;

use anyhow::Result;
use clap::{Parser, Subcommand};
use tracing_subscriber::EnvFilter;

/// Howdah's benchmarks.
#[derive(Parser)]
#[command(version)]
struct Arguments {
    #[command(subcommand)]
    benchmark: Benchmark,
}

#[derive(Subcommand)]
enum Benchmark {
    /// The store beside etcd: writes, watches, lists, starts, memory.
    Store(StoreArguments),
}

/// What `howdah-bench store` takes.
#[derive(clap::Args)]
pub(crate) struct StoreArguments {
    /// Rounds of the write load
    #[arg(long, default_value_t = 5, value_parser = clap::value_parser!(u16).range(1..=100))]
    pub(crate) rounds: u16,
    /// Length of one write load, in seconds
    #[arg(long, default_value_t = 4, value_parser = clap::value_parser!(u16).range(1..=600))]
    pub(crate) seconds: u16,
    /// A run of well under a minute: one short round, short lists
    #[arg(long, conflicts_with_all = ["rounds", "seconds"])]
    pub(crate) quick: bool,
    /// File for the report as JSON, with every round's samples
    #[arg(long)]
    pub(crate) json: Option<PathBuf>,
    /// Directory for both stores' data, on a disk; a temporary one is made in it and removed
    #[arg(long, default_value = "/var/tmp")]
    pub(crate) dir: PathBuf,
    /// etcd's binary, if it is not in PATH
    #[arg(long, env = "ETCD")]
    pub(crate) etcd: Option<PathBuf>,
}

#[tokio::main]
async fn main() -> Result<()> {
    let filter = EnvFilter::try_from_default_env().unwrap_or_else(|_| EnvFilter::new("warn"));
    tracing_subscriber::fmt().with_env_filter(filter).with_writer(std::io::stderr).init();
    let Arguments { benchmark } = Arguments::parse();
    match benchmark {
        Benchmark::Store(arguments) => store::run(arguments).await,
    }
}
