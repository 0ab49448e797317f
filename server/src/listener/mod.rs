//! From the socket to the filter chain.
//!
//! [`start`] binds the endpoints and runs an accept loop on each. A connection is counted against a bound, handed to one
//! of the worker threads, and stays there: TLS, then HTTP/2 (by ALPN or prior knowledge) or HTTP/1.1. Both end in the
//! same actix-web app, whose only content is the [`Chain`]. HTTP/1.1 goes through the `gate`, which makes upgrades to
//! any protocol possible and refuses ambiguous messages, and then through actix-http's `HttpService`; HTTP/2 through a
//! driver of our own.
//!
//! Invariants: everything is bounded, in number (connections, streams), in size (heads) and in time (handshakes, heads,
//! idleness); one connection's failure ends that connection only; a listener can't be started without a chain.
//!
//! Deliberately absent: SNI certificates, HTTP/3, the PROXY protocol, and websockets over HTTP/2, which Kubernetes
//! clients don't use.

mod accept;
mod connection;
#[cfg(fuzzing)]
pub mod fuzzing;
mod gate;
mod gate_io;
mod h2;
pub(crate) mod peer;
mod shutdown;
mod stream;
mod tls;
mod unix;
pub mod upgrade;
mod worker;

use std::net::SocketAddr;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use tokio::sync::Semaphore;
use tokio::task::JoinHandle;
use tokio::time::timeout;

pub use self::peer::{Peer, Transport, UnixCredentials};
pub use self::shutdown::Shutdown;
pub use self::tls::{Identity, Tls, TlsError};

use self::accept::Acceptor;
use self::shutdown::{Announcer, Phase};
use self::worker::Worker;
use crate::filter::Chain;

/// Where to listen.
#[derive(Debug, Clone)]
pub enum Endpoint {
    /// TLS on a TCP address; port 0 takes a free one.
    Tls(SocketAddr, Arc<Tls>),
    /// HTTP without TLS on a TCP address.
    Plain(SocketAddr),
    /// A Unix socket in a folder that nobody else may enter; only this process' user and root are let in.
    Unix(PathBuf),
}

/// What bounds the listener.
#[derive(Debug, Clone)]
pub struct Limits {
    /// How many connections may be open; further ones wait in the kernel's queue.
    pub connections: usize,
    /// How many threads serve them.
    pub workers: usize,
    /// How long a TLS or HTTP/2 handshake may take.
    pub handshake: Duration,
    /// How long a request's head may take to arrive.
    pub head: Duration,
    /// How long an HTTP/1.1 connection may be idle.
    pub keep_alive: Duration,
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            connections: 16_384,
            workers: std::thread::available_parallelism().map_or(2, usize::from),
            handshake: Duration::from_secs(10),
            head: Duration::from_secs(32),
            keep_alive: Duration::from_secs(90),
        }
    }
}

/// Why a listener did not start.
#[derive(Debug, thiserror::Error)]
pub enum ListenError {
    /// A TCP address can't be bound.
    #[error("can't listen on {address}")]
    Bind {
        /// The address.
        address: SocketAddr,
        /// The cause.
        source: std::io::Error,
    },
    /// A Unix socket can't be bound.
    #[error("can't listen on the socket {path}")]
    BindUnix {
        /// The socket.
        path: PathBuf,
        /// The cause.
        source: std::io::Error,
    },
    /// The socket's folder lets others in.
    #[error("the folder of the socket {0} is open to others; its mode has to be 0700")]
    OpenFolder(PathBuf),
    /// A worker thread can't be started.
    #[error("can't start a worker thread")]
    Worker(#[source] std::io::Error),
    /// A worker's service could not be made.
    #[error("a worker could not set up its HTTP service")]
    Service,
}

/// A running listener. Dropped without [`Server::shut_down`], it closes everything at once.
#[derive(Debug)]
pub struct Server {
    addresses: Vec<SocketAddr>,
    announcer: Announcer,
    acceptors: Vec<JoinHandle<()>>,
    workers: Vec<Worker>,
}

/// Starts to listen and serves `chain`.
///
/// Has to be called within a tokio runtime, which runs the accept loops.
///
/// # Errors
/// When an endpoint can't be bound or a worker can't be started.
pub async fn start(endpoints: Vec<Endpoint>, limits: Limits, chain: Arc<Chain>) -> Result<Server, ListenError> {
    let (announcer, shutdown) = shutdown::pair();
    let mut acceptors = Vec::new();
    for endpoint in endpoints {
        acceptors.push(Acceptor::bind(endpoint).await?);
    }
    let mut workers = Vec::new();
    for index in 0..limits.workers.max(1) {
        workers.push(Worker::start(index, &limits, Arc::clone(&chain), shutdown.clone()).await?);
    }
    let addresses = acceptors.iter().filter_map(Acceptor::address).collect();
    let slots = Arc::new(Semaphore::new(limits.connections));
    let queues: Vec<_> = workers.iter().map(Worker::queue).collect();
    let acceptors = acceptors
        .into_iter()
        .map(|acceptor| tokio::spawn(acceptor.run(Arc::clone(&slots), queues.clone(), shutdown.clone())))
        .collect();
    Ok(Server { addresses, announcer, acceptors, workers })
}

impl Server {
    /// The TCP addresses listened on, in the endpoints' order.
    #[must_use]
    pub fn addresses(&self) -> &[SocketAddr] {
        &self.addresses
    }

    /// Stops accepting, ends long-running requests, lets the others finish for `grace` at most, then closes what is
    /// left. Returns whether everything finished by itself.
    pub async fn shut_down(mut self, grace: Duration) -> bool {
        self.announcer.enter(Phase::Draining);
        for acceptor in self.acceptors.drain(..) {
            // It only ends by the announcement; a panic in it has been reported by the runtime.
            let _ended = acceptor.await.is_ok();
        }
        let mut workers: Vec<Worker> = self.workers.drain(..).collect();
        for worker in &mut workers {
            worker.close_queue();
        }
        let drain = async {
            for worker in &mut workers {
                worker.finished().await;
            }
        };
        let in_time = timeout(grace, drain).await.is_ok();
        self.announcer.enter(Phase::Over);
        for worker in workers {
            worker.join().await;
        }
        in_time
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        self.announcer.enter(Phase::Over);
    }
}
