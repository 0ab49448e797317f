//! The `howdah` binary: arguments, wiring, nothing else.

mod args;
mod up;

use std::io::IsTerminal as _;

use clap::Parser as _;

use args::{Args, Command};

#[tokio::main(flavor = "current_thread")]
async fn main() -> anyhow::Result<()> {
    tracing_subscriber::fmt()
        .with_env_filter(tracing_subscriber::EnvFilter::try_from_default_env().unwrap_or_else(|_| "info".into()))
        .with_writer(std::io::stderr)
        .with_ansi(std::io::stderr().is_terminal())
        .init();
    let Args { command } = Args::parse();
    match command {
        Command::Up(args) => up::run(args).await,
    }
}
