//! The command line. Only what this version can do is on it.

use std::net::{IpAddr, SocketAddr};
use std::path::PathBuf;

use clap::{Parser, Subcommand};
use howdah_server::registry::allocation::{AddressRange, PortRange};

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
    /// Run in the foreground, until SIGTERM or Ctrl-C: so far the API server, and a line on standard output when it is
    /// ready
    Up(ServerArgs),
    /// Run an API server in the foreground, until SIGTERM or Ctrl-C, with the same line when it is ready; several may
    /// share a database
    Server(ServerArgs),
}

/// How an API server runs.
#[derive(Debug, clap::Args)]
pub(crate) struct ServerArgs {
    /// Folder for everything that is written, the private Postgres included
    #[arg(long, env = "HOWDAH_DATA_DIR", default_value = "/var/lib/howdah", value_name = "FOLDER")]
    pub(crate) data_dir: PathBuf,

    /// Address and port to serve the API on
    #[arg(long, env = "HOWDAH_LISTEN", default_value = "127.0.0.1:6443", value_name = "ADDRESS:PORT")]
    pub(crate) listen: SocketAddr,

    /// Use this database instead of a private Postgres: postgres://USER:PASSWORD@HOST:PORT/NAME
    #[arg(long, env = "HOWDAH_DATABASE_URL", hide_env_values = true, value_name = "URL")]
    pub(crate) database_url: Option<String>,

    /// Address at which others find this server, never a loopback address [default: the one listened on, else that of
    /// the default route, else the first service address]
    #[arg(long, env = "HOWDAH_ADVERTISE_ADDRESS", value_name = "ADDRESS")]
    pub(crate) advertise_address: Option<IpAddr>,

    /// Range of the addresses of Services, the first of which is the API server's; a second one, of the other IP family,
    /// may follow behind a comma
    #[arg(
        long,
        env = "HOWDAH_SERVICE_CIDR",
        default_value = "10.96.0.0/16",
        value_name = "CIDR[,CIDR]",
        value_delimiter = ','
    )]
    pub(crate) service_cidr: Vec<AddressRange>,

    /// Range of the node ports of Services, both ends included
    #[arg(long, env = "HOWDAH_SERVICE_NODE_PORT_RANGE", default_value = "30000-32767", value_name = "FIRST-LAST")]
    pub(crate) service_node_port_range: PortRange,

    /// DNS domain of the cluster
    #[arg(long, env = "HOWDAH_CLUSTER_DOMAIN", default_value = "cluster.local", value_name = "DOMAIN")]
    pub(crate) cluster_domain: String,

    /// Name of this server, which no other server on the same database has [default: the host's name]
    #[arg(long, env = "HOWDAH_NAME", value_name = "NAME")]
    pub(crate) name: Option<String>,

    /// Seconds for which lists and watches at old resourceVersions are answered; older ones get 410 Gone
    #[arg(
        long,
        env = "HOWDAH_COMPACTION_FLOOR",
        default_value_t = 300,
        value_parser = clap::value_parser!(u64).range(1..),
        value_name = "SECONDS"
    )]
    pub(crate) compaction_floor: u64,

    /// Seconds that running requests get to finish when the server stops
    #[arg(long, env = "HOWDAH_SHUTDOWN_GRACE", default_value_t = 10, value_name = "SECONDS")]
    pub(crate) shutdown_grace: u64,
}
