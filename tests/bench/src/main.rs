//! Howdah's benchmarks. `howdah-bench store` measures the store beside etcd, on the same machine, disk and load;
//! `howdah-bench api` measures API servers from outside: Howdah's own, and any that a kubeconfig names.
//!
//! Those under test take turns in every round, so that what else the machine does weighs on all. Progress goes to
//! standard error, the table to standard output; a run that has measured ends with status 0 whether or not the goals
//! are met.

mod api;
mod interrupt;
mod machine;
mod process;
mod quantile;
mod report;
mod result;
mod store;

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
    Store(store::Arguments),
    /// API servers from outside: requests, lists, watches, starts, memory
    Api(api::Arguments),
}

#[tokio::main]
async fn main() -> Result<()> {
    let filter = EnvFilter::try_from_default_env().unwrap_or_else(|_| EnvFilter::new("warn"));
    tracing_subscriber::fmt().with_env_filter(filter).with_writer(std::io::stderr).init();
    let Arguments { benchmark } = Arguments::parse();
    match benchmark {
        Benchmark::Store(arguments) => store::run(arguments).await,
        Benchmark::Api(arguments) => api::run(arguments).await,
    }
}
