//! The command line. Only what this version can do is on it.

use std::path::PathBuf;

use clap::{Parser, Subcommand};

/// A Kubernetes cluster that rides on Postgres.
#[derive(Debug, Parser)]
#[command(name = "howdah", version, about)]
pub(crate) struct Args {
    #[command(subcommand)]
    pub(crate) command: Command,
}

/// What to do.
#[derive(Debug, Subcommand)]
pub(crate) enum Command {
    /// Run in the foreground, until SIGTERM or Ctrl-C: so far the store alone, without an API server
    Up(UpArgs),
}

/// Where to run.
#[derive(Debug, clap::Args)]
pub(crate) struct UpArgs {
    /// Folder for everything that is written, the private Postgres included
    #[arg(long, env = "HOWDAH_DATA_DIR", default_value = "/var/lib/howdah", value_name = "FOLDER")]
    pub(crate) data_dir: PathBuf,

    /// Use this database instead of a private Postgres: postgres://USER:PASSWORD@HOST:PORT/NAME
    #[arg(long, env = "HOWDAH_DATABASE_URL", hide_env_values = true, value_name = "URL")]
    pub(crate) database_url: Option<String>,
}
