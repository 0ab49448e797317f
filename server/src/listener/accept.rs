//! The accept loops.
//!
//! A loop that has accepted a connection waits for a slot before it hands that on and accepts the next one: a full server
//! leaves clients in the kernel's queue instead of failing them.

use std::net::SocketAddr;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use rustix::net::sockopt::{set_socket_keepalive, set_tcp_keepidle, set_tcp_keepintvl};
use tokio::net::{TcpListener, UnixListener};
use tokio::sync::{OwnedSemaphorePermit, Semaphore};
use tokio::time::sleep;

use super::shutdown::Shutdown;
use super::tls::Tls;
use super::worker::Queue;
use super::{Endpoint, ListenError, unix};

/// How long to wait when accepting fails for want of descriptors or memory, so as not to spin.
const PAUSE_AFTER_FAILURE: Duration = Duration::from_millis(50);

/// When the kernel begins to ask whether a silent peer is still there, and how often: a watch whose client has lost its
/// power would stay for ever otherwise.
const KEEP_ALIVE_AFTER: Duration = Duration::from_secs(30);
const KEEP_ALIVE_EVERY: Duration = Duration::from_secs(15);

/// A socket on its way to a worker; not registered with any runtime.
#[derive(Debug)]
pub(super) enum Socket {
    Tls(std::net::TcpStream, SocketAddr, Arc<Tls>),
    Plain(std::net::TcpStream, SocketAddr),
    Unix(std::os::unix::net::UnixStream),
}

/// A connection with the slot it holds.
#[derive(Debug)]
pub(super) struct Accepted {
    pub(super) socket: Socket,
    pub(super) slot: OwnedSemaphorePermit,
}

/// A bound endpoint.
#[derive(Debug)]
pub(super) enum Acceptor {
    Tcp(TcpListener, Option<Arc<Tls>>),
    /// The path is removed when the loop ends.
    Unix(UnixListener, PathBuf),
}

impl Acceptor {
    pub(super) async fn bind(endpoint: Endpoint) -> Result<Self, ListenError> {
        let (address, tls) = match endpoint {
            Endpoint::Unix(path) => return unix::bind(&path).map(|listener| Self::Unix(listener, path)),
            Endpoint::Tls(address, tls) => (address, Some(tls)),
            Endpoint::Plain(address) => (address, None),
        };
        let listener = TcpListener::bind(address).await.map_err(|source| ListenError::Bind { address, source })?;
        Ok(Self::Tcp(listener, tls))
    }

    pub(super) fn address(&self) -> Option<SocketAddr> {
        match self {
            Self::Tcp(listener, _) => listener.local_addr().ok(),
            Self::Unix(..) => None,
        }
    }

    /// Accepts until the server drains.
    pub(super) async fn run(self, slots: Arc<Semaphore>, queues: Vec<Queue>, shutdown: Shutdown) {
        let mut draining = std::pin::pin!(shutdown.draining());
        loop {
            let next = async {
                let socket = self.accept().await;
                // Closed by nobody.
                Arc::clone(&slots).acquire_owned().await.ok().map(|slot| (socket, slot))
            };
            let accepted = tokio::select! {
                () = &mut draining => break,
                accepted = next => accepted,
            };
            match accepted {
                None => break,
                Some((Ok(socket), slot)) => {
                    let Some(queue) = queues.iter().min_by_key(|queue| queue.load()) else { break };
                    if !queue.send(Accepted { socket, slot }) {
                        tracing::warn!("a worker's queue is full; a connection was closed");
                    }
                }
                Some((Err(error), slot)) => {
                    drop(slot);
                    tracing::warn!(%error, "accepting a connection failed");
                    sleep(PAUSE_AFTER_FAILURE).await;
                }
            }
        }
        if let Self::Unix(listener, path) = self {
            drop(listener);
            unix::remove(&path);
        }
    }

    async fn accept(&self) -> std::io::Result<Socket> {
        match self {
            Self::Tcp(listener, tls) => {
                let (stream, address) = listener.accept().await?;
                stream.set_nodelay(true)?;
                set_socket_keepalive(&stream, true)?;
                set_tcp_keepidle(&stream, KEEP_ALIVE_AFTER)?;
                set_tcp_keepintvl(&stream, KEEP_ALIVE_EVERY)?;
                let stream = stream.into_std()?;
                Ok(match tls {
                    Some(tls) => Socket::Tls(stream, address, Arc::clone(tls)),
                    None => Socket::Plain(stream, address),
                })
            }
            Self::Unix(listener, _) => Ok(Socket::Unix(listener.accept().await?.0.into_std()?)),
        }
    }
}
