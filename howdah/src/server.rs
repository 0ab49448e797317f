//! `howdah server`, and the part of `howdah up` that it is: the private Postgres, unless another database is given, the
//! store on it, and the API server.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr, UdpSocket};
use std::path::Path;
use std::time::Duration;

use anyhow::Context as _;
use howdah_server::assembly::{ApiServer, Options};
use howdah_server::clock::system;
use howdah_server::listener::Limits;
use howdah_server::registry::allocation::ServiceRanges;
use howdah_store::{Database, PrivatePostgres, PrivatePostgresOptions, Store, StoreOptions};
use tokio::signal::unix::{SignalKind, signal};
use tokio::time::Instant;

use crate::args::ServerArgs;

/// How long the API may take to become ready.
const READY_TIMEOUT: Duration = Duration::from_secs(120);

/// Runs until SIGTERM or Ctrl-C. Calls `ready` with the administrator's kubeconfig once the API answers.
pub(crate) async fn run(args: ServerArgs, ready: impl FnOnce(&Path)) -> anyhow::Result<()> {
    let ServerArgs {
        data_dir,
        listen,
        database_url,
        advertise_address,
        service_cidr,
        service_node_port_range,
        cluster_domain,
        name,
        compaction_floor,
        shutdown_grace,
    } = args;
    let services = ServiceRanges::new(service_cidr, service_node_port_range)?;
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
        Some(url) => {
            std::fs::create_dir_all(&data_dir).with_context(|| format!("can't make {}", data_dir.display()))?;
            (None, Database::from_url(&url)?)
        }
        None => {
            let postgres = PrivatePostgres::start(PrivatePostgresOptions::new(&data_dir)).await?;
            let database = postgres.database();
            (Some(postgres), database)
        }
    };
    let options = Options {
        data_dir,
        listen,
        advertised: advertise_address.unwrap_or_else(|| advertised(listen, services.api_server())),
        services,
        cluster_domain,
        name: name.map_or_else(host_name, Ok)?,
        limits: Limits::default(),
        clock: system,
    };
    let store_options = store_options(database, Duration::from_secs(compaction_floor));
    let outcome = serve(store_options, options, Duration::from_secs(shutdown_grace), stopped, ready).await;
    if let Some(postgres) = postgres {
        postgres.stop().await.context("the private Postgres could not be stopped")?;
    }
    outcome
}

async fn serve(
    store_options: StoreOptions,
    options: Options,
    grace: Duration,
    stopped: impl Future<Output = ()>,
    ready: impl FnOnce(&Path),
) -> anyhow::Result<()> {
    let asked_for = options.listen;
    let store = Store::open(store_options).await?;
    let server = ApiServer::start(options, store.clone()).await?;
    tokio::pin!(stopped);
    let outcome = tokio::select! {
        well = server.ready(Instant::now() + READY_TIMEOUT) => {
            if well {
                tracing::info!(address = %server.address().unwrap_or(asked_for), "the API server is ready");
                ready(server.kubeconfig());
                stopped.await;
                Ok(())
            } else {
                Err(anyhow::anyhow!("the API server was not ready within {} s", READY_TIMEOUT.as_secs()))
            }
        }
        () = &mut stopped => Ok(()),
    };
    tracing::info!("stopping");
    if !server.shut_down(grace).await {
        tracing::warn!("requests were cut off: they took longer than the grace");
    }
    store.close().await;
    outcome
}

/// The store's defaults, but for how long the past is answered for, and with it how often it is looked at.
fn store_options(database: Database, floor: Duration) -> StoreOptions {
    let mut options = StoreOptions::new(database);
    options.tick_interval = options.tick_interval.min(floor);
    options.retention.history = options.retention.history.max(floor);
    options.retention.floor = floor;
    options
}

/// The address for others: the one listened on where it is good for that, else the default route's, else the service's.
fn advertised(listen: SocketAddr, service_address: IpAddr) -> IpAddr {
    let good = |address: &IpAddr| !address.is_loopback() && !address.is_unspecified();
    Some(listen.ip()).filter(good).or_else(|| default_route(listen).filter(good)).unwrap_or(service_address)
}

/// The address from which packets to the outside would go; none are sent.
fn default_route(listen: SocketAddr) -> Option<IpAddr> {
    // Addresses for documentation: nobody has them, and they lie behind the default route.
    let (any, outside): (IpAddr, IpAddr) = if listen.is_ipv4() {
        (Ipv4Addr::UNSPECIFIED.into(), Ipv4Addr::new(192, 0, 2, 1).into())
    } else {
        (Ipv6Addr::UNSPECIFIED.into(), Ipv6Addr::new(0x2001, 0xdb8, 0, 0, 0, 0, 0, 1).into())
    };
    let socket = UdpSocket::bind((any, 0)).ok()?;
    socket.connect((outside, 9)).ok()?;
    socket.local_addr().ok().map(|address| address.ip())
}

fn host_name() -> anyhow::Result<String> {
    let name =
        std::fs::read_to_string("/proc/sys/kernel/hostname").context("can't read the host's name; give --name")?;
    Ok(name.trim().to_lowercase())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_loopback_address_is_told_to_nobody() {
        let service: IpAddr = [10, 96, 0, 1].into();
        assert_eq!(advertised("192.0.2.7:6443".parse().expect("an address"), service), IpAddr::from([192, 0, 2, 7]));
        for listen in ["127.0.0.1:6443", "0.0.0.0:6443"] {
            let told = advertised(listen.parse().expect("an address"), service);
            assert!(!told.is_loopback() && !told.is_unspecified(), "{listen}: {told}");
        }
    }
}
