//! The `howdah` binary: arguments, wiring, nothing else.

mod args;
mod server;

use std::io::{IsTerminal as _, Write as _};
use std::path::Path;

use clap::Parser as _;

use args::{Args, Command};

#[tokio::main(worker_threads = 2)]
async fn main() -> anyhow::Result<()> {
    tracing_subscriber::fmt()
        .with_env_filter(tracing_subscriber::EnvFilter::try_from_default_env().unwrap_or_else(|_| "info".into()))
        .with_writer(std::io::stderr)
        .with_ansi(std::io::stderr().is_terminal())
        .init();
    let Args { command } = Args::parse();
    match command {
        Command::Up(args) | Command::Server(args) => server::run(args, announce).await,
    }
}

/// Tells whoever started it how to use it.
fn announce(kubeconfig: &Path) {
    let line = format!("howdah is ready: export KUBECONFIG={}\n", kubeconfig.display());
    let mut out = std::io::stdout();
    if out.write_all(line.as_bytes()).and_then(|()| out.flush()).is_err() {
        tracing::warn!("nobody reads standard output");
    }
}
