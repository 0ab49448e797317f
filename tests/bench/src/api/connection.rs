//! Connections to an API server, lean: hyper over rustls, no pool, no retries, nothing parsed.
//!
//! With HTTP/2 the clients of a load share a few connections, with the flow-control windows of Go's transport, which
//! client-go uses; with HTTP/1.1 each client has a connection of its own. Answers are asked for uncompressed.

use std::sync::Arc;
use std::time::Duration;

use anyhow::{Context as _, Result, bail, ensure};
use bytes::Bytes;
use http::header::{ACCEPT, AUTHORIZATION, CONTENT_TYPE, HOST, USER_AGENT};
use http::uri::{Authority, PathAndQuery, Scheme};
use http::{HeaderValue, Method, Request, StatusCode, Uri};
use http_body_util::{BodyExt as _, Full};
use hyper::body::Incoming;
use hyper::client::conn::{http1, http2};
use hyper_util::rt::{TokioExecutor, TokioIo};
use rustls::ClientConfig;
use rustls_pki_types::ServerName;
use serde::Serialize;
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::TcpStream;
use tokio::time::timeout;
use tokio_rustls::TlsConnector;

use super::kubeconfig::Kubeconfig;
use super::tls;

/// How long a connection may take to be made.
const CONNECT_TIMEOUT: Duration = Duration::from_secs(20);
/// How long an answer may take; upstream's servers give up on a request after a minute.
const ANSWER_TIMEOUT: Duration = Duration::from_secs(90);
/// What Go's transport lets a server send on one stream, and on one connection, before it is read.
const STREAM_WINDOW: u32 = 4 << 20;
const CONNECTION_WINDOW: u32 = 1 << 30;
/// How much of an unexpected answer an error quotes, in bytes.
const QUOTED: usize = 600;

/// JSON, as a body or an answer.
pub(crate) const JSON: &str = "application/json";
/// A JSON merge patch (RFC 7396).
pub(crate) const MERGE_PATCH: &str = "application/merge-patch+json";
/// Upstream's protobuf encoding, as an answer.
pub(crate) const PROTOBUF: &str = "application/vnd.kubernetes.protobuf";

/// The protocol of requests.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum Protocol {
    /// HTTP/2: several clients share a connection.
    Http2,
    /// HTTP/1.1 with keep-alive: a connection for each client.
    Http1,
}

/// Where a server is reached and how to be believed by it.
#[derive(Clone)]
pub(crate) struct Endpoint {
    authority: Authority,
    host: String,
    port: u16,
    tls: Option<(Arc<ClientConfig>, ServerName<'static>)>,
    authorization: Option<HeaderValue>,
    protocol: Protocol,
}

/// A client: its requests go one after the other.
pub(crate) struct Client {
    endpoint: Arc<Endpoint>,
    sender: Sender,
}

enum Sender {
    Http2(http2::SendRequest<Full<Bytes>>),
    Http1(http1::SendRequest<Full<Bytes>>),
}

/// A request.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Call<'a> {
    /// The method.
    pub(crate) method: &'a Method,
    /// The path and the query.
    pub(crate) path: &'a str,
    /// The encoding of the answer.
    pub(crate) accept: &'static str,
    /// The body and its encoding.
    pub(crate) body: Option<(&'static str, &'a Bytes)>,
}

impl<'a> Call<'a> {
    /// Reads `path`, as JSON.
    pub(crate) fn get(path: &'a str) -> Self {
        Self { method: &Method::GET, path, accept: JSON, body: None }
    }

    /// Deletes what `path` names.
    pub(crate) fn delete(path: &'a str) -> Self {
        Self { method: &Method::DELETE, ..Self::get(path) }
    }

    /// Sends a JSON `body` to `path`.
    pub(crate) fn send(method: &'a Method, path: &'a str, body: &'a Bytes) -> Self {
        Self { method, path, accept: JSON, body: Some((JSON, body)) }
    }
}

impl Endpoint {
    /// The server of `kubeconfig`.
    ///
    /// # Errors
    /// Where its URL or its certificates are none.
    pub(crate) fn new(kubeconfig: &Kubeconfig, protocol: Protocol) -> Result<Self> {
        let server: Uri = kubeconfig.server.parse().context("the server's address is no URL")?;
        ensure!(server.path() == "/", "servers below a path are not supported");
        let authority = server.authority().context("the server's URL has no host")?.clone();
        let host = authority.host().trim_matches(['[', ']']).to_owned();
        let (tls, default_port) = if server.scheme() == Some(&Scheme::HTTP) {
            (None, 80)
        } else {
            let alpn: &[u8] = if protocol == Protocol::Http2 { b"h2" } else { b"http/1.1" };
            let name = kubeconfig.server_name.clone().unwrap_or_else(|| host.clone());
            let name = ServerName::try_from(name).context("the server's name can't be in a certificate")?;
            (Some((Arc::new(tls::configuration(kubeconfig, alpn)?), name)), 443)
        };
        let bearer = |token| HeaderValue::try_from(format!("Bearer {token}")).context("the token is no header");
        let mut authorization = kubeconfig.token.as_ref().map(bearer).transpose()?;
        if let Some(value) = &mut authorization {
            value.set_sensitive(true);
        }
        let port = authority.port_u16().unwrap_or(default_port);
        Ok(Self { authority, host, port, tls, authorization, protocol })
    }

    /// A client on a connection of its own.
    ///
    /// # Errors
    /// Where the server can't be reached or speaks another protocol.
    pub(crate) async fn connect(self: &Arc<Self>) -> Result<Client> {
        let connected = timeout(CONNECT_TIMEOUT, self.connect_unbounded()).await;
        let sender = connected.context("the server took too long to accept a connection")??;
        Ok(Client { endpoint: Arc::clone(self), sender })
    }

    /// `count` clients: with HTTP/2 over `connections` connections, with HTTP/1.1 over as many as they are.
    ///
    /// # Errors
    /// As [`Self::connect`].
    pub(crate) async fn clients(self: &Arc<Self>, count: usize, connections: usize) -> Result<Vec<Client>> {
        let connections = match self.protocol {
            Protocol::Http2 => connections.clamp(1, count.max(1)),
            Protocol::Http1 => count,
        };
        let mut clients: Vec<Client> = Vec::with_capacity(count);
        for index in 0..count {
            let shared = index.checked_sub(connections).and_then(|index| clients[index].share());
            clients.push(match shared {
                Some(client) => client,
                None => self.connect().await?,
            });
        }
        Ok(clients)
    }

    async fn connect_unbounded(&self) -> Result<Sender> {
        let stream = TcpStream::connect((self.host.as_str(), self.port));
        let stream = stream.await.with_context(|| format!("connecting to {}", self.authority))?;
        stream.set_nodelay(true).context("setting up a connection")?;
        let Some((configuration, name)) = &self.tls else { return self.speak(stream).await };
        let stream = TlsConnector::from(Arc::clone(configuration)).connect(name.clone(), stream).await;
        let stream = stream.with_context(|| format!("agreeing on TLS with {}", self.authority))?;
        if self.protocol == Protocol::Http2 && stream.get_ref().1.alpn_protocol() != Some(b"h2") {
            bail!("{} does not speak HTTP/2", self.authority);
        }
        self.speak(stream).await
    }

    /// Begins to speak the protocol. A connection's task ends with the last of its clients; what goes wrong in it is
    /// told to the requests.
    async fn speak(&self, stream: impl AsyncRead + AsyncWrite + Send + Unpin + 'static) -> Result<Sender> {
        let stream = TokioIo::new(stream);
        Ok(match self.protocol {
            Protocol::Http2 => {
                let mut builder = http2::Builder::new(TokioExecutor::new());
                builder.initial_stream_window_size(STREAM_WINDOW).initial_connection_window_size(CONNECTION_WINDOW);
                let (sender, connection) = builder.handshake(stream).await.context("beginning HTTP/2")?;
                tokio::spawn(connection);
                Sender::Http2(sender)
            }
            Protocol::Http1 => {
                let (sender, connection) = http1::handshake(stream).await.context("beginning HTTP/1.1")?;
                tokio::spawn(connection);
                Sender::Http1(sender)
            }
        })
    }

    fn request(&self, call: Call<'_>) -> Result<Request<Full<Bytes>>> {
        let path = PathAndQuery::try_from(call.path).context("a path is none")?;
        let uri = match self.protocol {
            Protocol::Http1 => Uri::from(path),
            Protocol::Http2 => {
                let mut parts = http::uri::Parts::default();
                parts.scheme = Some(if self.tls.is_some() { Scheme::HTTPS } else { Scheme::HTTP });
                parts.authority = Some(self.authority.clone());
                parts.path_and_query = Some(path);
                Uri::from_parts(parts).context("a path is none")?
            }
        };
        let mut request = Request::new(Full::new(call.body.map_or_else(Bytes::new, |(_, body)| body.clone())));
        *request.method_mut() = call.method.clone();
        *request.uri_mut() = uri;
        let headers = request.headers_mut();
        headers.insert(USER_AGENT, HeaderValue::from_static(concat!("howdah-bench/", env!("CARGO_PKG_VERSION"))));
        headers.insert(ACCEPT, HeaderValue::from_static(call.accept));
        if let Some((encoding, _)) = call.body {
            headers.insert(CONTENT_TYPE, HeaderValue::from_static(encoding));
        }
        if let Some(authorization) = &self.authorization {
            headers.insert(AUTHORIZATION, authorization.clone());
        }
        if self.protocol == Protocol::Http1 {
            headers.insert(HOST, HeaderValue::from_str(self.authority.as_str()).context("a host is none")?);
        }
        Ok(request)
    }
}

impl Client {
    /// Sends a request and answers with the head and the body's stream, whatever the status.
    ///
    /// # Errors
    /// Where no answer came in time.
    pub(crate) async fn open(&mut self, call: Call<'_>) -> Result<http::Response<Incoming>> {
        let request = self.endpoint.request(call)?;
        let answer = async {
            match &mut self.sender {
                Sender::Http2(sender) => {
                    sender.ready().await?;
                    sender.send_request(request).await
                }
                Sender::Http1(sender) => {
                    sender.ready().await?;
                    sender.send_request(request).await
                }
            }
        };
        let answer = timeout(ANSWER_TIMEOUT, answer).await;
        let what = || format!("{} {}", call.method, call.path);
        answer.with_context(|| format!("{} was not answered in time", what()))?.with_context(what)
    }

    /// Sends a request and answers with the status and the whole body.
    ///
    /// # Errors
    /// Where no answer came whole and in time.
    pub(crate) async fn ask(&mut self, call: Call<'_>) -> Result<(StatusCode, Bytes)> {
        let answer = self.open(call).await?;
        let status = answer.status();
        let body = timeout(ANSWER_TIMEOUT, answer.into_body().collect()).await;
        let what = || format!("{} {}: reading the answer", call.method, call.path);
        let body = body.with_context(|| format!("{} took too long", what()))?.with_context(what)?;
        Ok((status, body.to_bytes()))
    }

    /// Sends a request that has to succeed, and answers with the body.
    ///
    /// # Errors
    /// Where no answer came, or another status than a 2xx.
    pub(crate) async fn call(&mut self, call: Call<'_>) -> Result<Bytes> {
        let (status, body) = self.ask(call).await?;
        ensure!(status.is_success(), "{} {}: {status}: {}", call.method, call.path, quoted(&body));
        Ok(body)
    }

    /// Another client on the same connection, where the protocol allows that.
    fn share(&self) -> Option<Self> {
        let Sender::Http2(sender) = &self.sender else { return None };
        Some(Self { endpoint: Arc::clone(&self.endpoint), sender: Sender::Http2(sender.clone()) })
    }
}

/// The beginning of an answer, for an error.
pub(crate) fn quoted(body: &[u8]) -> String {
    String::from_utf8_lossy(&body[..body.len().min(QUOTED)]).into_owned()
}
