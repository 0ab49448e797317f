//! What is known about the other end of a connection before it has said anything in HTTP.

use std::cell::OnceCell;
use std::net::SocketAddr;
use std::rc::Rc;
use std::sync::Arc;

use rustls_pki_types::CertificateDer;
use tokio_util::sync::CancellationToken;

use super::shutdown::Shutdown;

/// How a connection came in, and who the transport says is there.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Transport {
    /// TLS over TCP, with the certificates the client showed, its own first; often none.
    ///
    /// The client has proved that it holds the first one's key. Nobody has checked who issued it: that is
    /// authentication, so that a wrong certificate is answered 401 as upstream does, and not by a broken handshake.
    Tls(Arc<[CertificateDer<'static>]>),
    /// A Unix socket, with the credentials the kernel vouches for.
    Unix(UnixCredentials),
    /// TCP without TLS.
    Plain,
}

/// The process at the other end of a Unix socket, at the time it connected.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct UnixCredentials {
    /// The effective user id.
    pub uid: u32,
    /// The effective group id.
    pub gid: u32,
    /// The process id, where the kernel tells it.
    pub pid: Option<i32>,
}

/// One connection's facts.
#[derive(Debug, Clone)]
pub struct Peer {
    /// How it came in.
    pub transport: Transport,
    /// The other end's address; none for Unix sockets.
    pub address: Option<SocketAddr>,
}

impl Peer {
    /// The certificates the client showed, its own first.
    #[must_use]
    pub fn certificates(&self) -> &[CertificateDer<'static>] {
        match &self.transport {
            Transport::Tls(certificates) => certificates,
            Transport::Unix(_) | Transport::Plain => &[],
        }
    }
}

/// What the listener attaches to every request of a connection.
#[derive(Debug, Clone)]
pub(crate) struct ConnectionData {
    pub(crate) peer: Arc<Peer>,
    pub(crate) shutdown: Shutdown,
    /// The protocol an HTTP/1.1 client asks to upgrade to. Set when the connection's last request is: behind an
    /// upgrade no other request follows. Nothing that a client sends can reach this but that request's `Upgrade`.
    pub(crate) upgrade: Rc<OnceCell<String>>,
    /// Cancelled when the client has closed its side: a watch has nobody to send to any more.
    pub(crate) client_gone: CancellationToken,
}
