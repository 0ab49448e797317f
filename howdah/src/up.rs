//! `howdah up`: the private Postgres, unless another database is given, and the store on it.

use anyhow::Context as _;
use howdah_store::{Database, PrivatePostgres, PrivatePostgresOptions, Store, StoreOptions};
use tokio::signal::unix::{SignalKind, signal};

use crate::args::UpArgs;

/// Runs until SIGTERM or Ctrl-C.
pub(crate) async fn run(args: UpArgs) -> anyhow::Result<()> {
    let UpArgs { data_dir, database_url } = args;
    // Asked for before anything starts, so that no signal is missed.
    let mut terminate = signal(SignalKind::terminate()).context("can't wait for SIGTERM")?;
    let mut interrupt = signal(SignalKind::interrupt()).context("can't wait for Ctrl-C")?;
    let stopped = async {
        tokio::select! {
            _ = terminate.recv() => {}
            _ = interrupt.recv() => {}
        }
    };

    let (postgres, database) = match database_url {
        Some(url) => (None, Database::from_url(&url)?),
        None => {
            let postgres = PrivatePostgres::start(PrivatePostgresOptions::new(&data_dir)).await?;
            let database = postgres.database();
            (Some(postgres), database)
        }
    };
    let outcome = serve(database, stopped).await;
    if let Some(postgres) = postgres {
        postgres.stop().await.context("the private Postgres could not be stopped")?;
    }
    outcome
}

async fn serve(database: Database, stopped: impl Future<Output = ()>) -> anyhow::Result<()> {
    let store = Store::open(StoreOptions::new(database)).await?;
    let revision = store.revision().await?;
    tracing::info!(%revision, "the store is open; this version of Howdah has no API server, so kubectl can't be used yet");
    stopped.await;
    tracing::info!("stopping");
    store.close().await;
    Ok(())
}
