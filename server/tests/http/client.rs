//! Clients that say exactly what a test wants said.

use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use howdah_server::clock::system;
use howdah_server::pki::profile::{Issuer, Profile};
use rustls::{ClientConfig, RootCertStore};
use rustls_pki_types::ServerName;
use tokio::io::{AsyncRead, AsyncReadExt as _, AsyncWrite, AsyncWriteExt as _};
use tokio::net::TcpStream;
use tokio::time::timeout;
use tokio_rustls::TlsConnector;
use tokio_rustls::client::TlsStream;

use crate::world::World;

/// No wait of a test is longer.
pub(crate) const PATIENCE: Duration = Duration::from_secs(60);

/// An answer of HTTP/1.1.
#[derive(Debug)]
pub(crate) struct Answer {
    pub(crate) code: u16,
    pub(crate) head: String,
    pub(crate) body: String,
}

impl Answer {
    pub(crate) fn header(&self, name: &str) -> Option<&str> {
        self.head
            .lines()
            .filter_map(|line| line.split_once(": "))
            .find(|(n, _)| n.eq_ignore_ascii_case(name))
            .map(|(_, v)| v)
    }
}

/// A connection that speaks HTTP/1.1, keeping what it has read too far.
pub(crate) struct Http1<S> {
    pub(crate) stream: S,
    pub(crate) read: Vec<u8>,
}

impl<S: AsyncRead + AsyncWrite + Unpin> Http1<S> {
    pub(crate) fn new(stream: S) -> Self {
        Self { stream, read: Vec::new() }
    }

    pub(crate) async fn send(&mut self, text: &str) {
        self.stream.write_all(text.as_bytes()).await.expect("sent");
        self.stream.flush().await.expect("sent");
    }

    pub(crate) async fn get(&mut self, path: &str) -> Answer {
        self.send(&format!("GET {path} HTTP/1.1\r\nHost: test\r\n\r\n")).await;
        self.answer().await
    }

    /// Reads more; false at the end.
    pub(crate) async fn more(&mut self) -> bool {
        let read = timeout(PATIENCE, self.stream.read_buf(&mut self.read)).await.expect("in time");
        matches!(read, Ok(1..))
    }

    pub(crate) async fn head(&mut self) -> String {
        loop {
            if let Some(end) = self.read.windows(4).position(|four| four == b"\r\n\r\n") {
                let head: Vec<u8> = self.read.drain(..end + 4).collect();
                return String::from_utf8(head).expect("text");
            }
            assert!(self.more().await, "closed instead of answered: {:?}", String::from_utf8_lossy(&self.read));
        }
    }

    /// Reads one answer with a length.
    pub(crate) async fn answer(&mut self) -> Answer {
        let head = self.head().await;
        let code = head.split(' ').nth(1).and_then(|code| code.parse().ok()).expect("a code");
        let mut answer = Answer { code, head, body: String::new() };
        let length = answer.header("content-length").map_or(0, |length| length.parse().expect("a length"));
        while self.read.len() < length {
            assert!(self.more().await, "closed in the middle of a body");
        }
        answer.body = String::from_utf8(self.read.drain(..length).collect()).expect("text");
        answer
    }

    /// Everything up to the end of the connection.
    pub(crate) async fn rest(&mut self) -> String {
        while self.more().await {}
        String::from_utf8_lossy(&std::mem::take(&mut self.read)).into_owned()
    }
}

pub(crate) async fn plain(world: &World) -> Http1<TcpStream> {
    Http1::new(TcpStream::connect(world.plain).await.expect("connected"))
}

/// Connects with TLS, offering these protocols and showing this certificate.
pub(crate) async fn tls(
    world: &World,
    protocols: &[&str],
    client: Option<&Profile>,
) -> std::io::Result<TlsStream<TcpStream>> {
    let mut roots = RootCertStore::empty();
    for authority in world.pki.trusted(Issuer::Cluster, system()).await.expect("CA") {
        roots.add(authority).expect("readable");
    }
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let builder =
        ClientConfig::builder_with_provider(provider).with_safe_default_protocol_versions().expect("versions");
    let builder = builder.with_root_certificates(roots);
    let mut config = match client {
        Some(profile) => {
            let bundle = world.pki.bundle(profile, system()).await.expect("issued");
            let (chain, key) = (bundle.chain().expect("readable"), bundle.key().expect("readable"));
            builder.with_client_auth_cert(chain, key).expect("usable")
        }
        None => builder.with_no_client_auth(),
    };
    config.alpn_protocols = protocols.iter().map(|protocol| protocol.as_bytes().to_vec()).collect();
    connect(world.tls, config).await
}

pub(crate) async fn connect(address: SocketAddr, config: ClientConfig) -> std::io::Result<TlsStream<TcpStream>> {
    let stream = TcpStream::connect(address).await?;
    let name = ServerName::try_from("localhost").expect("a name");
    TlsConnector::from(Arc::new(config)).connect(name, stream).await
}

/// An HTTP/2 connection, driven by a task.
pub(crate) struct Http2 {
    pub(crate) requests: h2::client::SendRequest<Bytes>,
    pub(crate) driver: tokio::task::JoinHandle<Result<(), h2::Error>>,
}

impl Http2 {
    pub(crate) async fn new(stream: impl AsyncRead + AsyncWrite + Unpin + Send + 'static) -> Self {
        let mut builder = h2::client::Builder::new();
        builder.initial_window_size(1 << 20).initial_connection_window_size(8 << 20);
        let (requests, connection) = builder.handshake(stream).await.expect("a handshake");
        Self { requests, driver: tokio::spawn(connection) }
    }

    /// Begins a request without body.
    pub(crate) async fn begin(&self, path: &str) -> h2::client::ResponseFuture {
        let mut requests = timeout(PATIENCE, self.requests.clone().ready()).await.expect("in time").expect("open");
        let request = http::Request::builder().uri(format!("https://localhost{path}")).body(()).expect("a request");
        requests.send_request(request, true).expect("sent").0
    }

    pub(crate) async fn get(&self, path: &str) -> (u16, String) {
        finish(self.begin(path).await).await
    }
}

/// Waits for an answer and its whole body.
pub(crate) async fn finish(response: h2::client::ResponseFuture) -> (u16, String) {
    let response = timeout(PATIENCE, response).await.expect("in time").expect("answered");
    let code = response.status().as_u16();
    let (mut body, mut text) = (response.into_body(), Vec::new());
    while let Some(piece) = timeout(PATIENCE, body.data()).await.expect("in time") {
        let piece = piece.expect("a piece");
        body.flow_control().release_capacity(piece.len()).expect("released");
        text.extend_from_slice(&piece);
    }
    (code, String::from_utf8(text).expect("text"))
}
