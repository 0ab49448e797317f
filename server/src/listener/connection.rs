//! One connection: what it speaks, and handing it to the right driver.

use std::cell::OnceCell;
use std::io;
use std::net::SocketAddr;
use std::rc::Rc;
use std::sync::Arc;

use actix_http::body::BoxBody;
use actix_http::{Protocol, Request};
use actix_service::Service;
use actix_web::dev::ServiceResponse;
use bytes::BytesMut;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::{TcpStream, UnixStream};
use tokio::time::timeout;
use tokio_rustls::TlsAcceptor;
use tokio_util::sync::CancellationToken;

use super::accept::Socket;
use super::gate_io::GateIo;
use super::h2::H2Error;
use super::peer::{ConnectionData, Peer, Transport};
use super::shutdown::Shutdown;
use super::stream::{Rewound, Stream, speaks_h2};
use super::tls::Tls;
use super::{Limits, h2, unix};

/// The record type a TLS client begins with (RFC 8446 section 5.1: handshake).
const TLS_HANDSHAKE: u8 = 22;
/// What Go's server, and so upstream, tells somebody who speaks HTTP to a TLS port.
const HTTP_ON_TLS: &[u8] = b"HTTP/1.0 400 Bad Request\r\n\r\nClient sent an HTTP request to an HTTPS server.\n";

/// A worker's instances of the app, for either protocol.
pub(super) struct Services<H1, H2> {
    pub(super) http1: H1,
    pub(super) http2: Rc<H2>,
}

#[derive(Debug, thiserror::Error)]
enum ConnectionError {
    #[error("the TLS handshake failed")]
    Handshake(#[source] io::Error),
    #[error("the client took too long to begin")]
    Slow,
    #[error("the socket failed")]
    Socket(#[from] io::Error),
    #[error("HTTP/2 failed")]
    Http2(#[from] H2Error),
    #[error("HTTP/1 failed: {0}")]
    Http1(actix_http::error::DispatchError),
}

/// Serves a connection to its end.
pub(super) async fn serve<H1, H2>(
    socket: Socket,
    services: &Services<H1, H2>,
    limits: &Limits,
    shutdown: Shutdown,
    upgrade: Rc<OnceCell<String>>,
) where
    H1: Service<(GateIo, Protocol, Option<SocketAddr>), Response = (), Error = actix_http::error::DispatchError>,
    H2: Service<Request, Response = ServiceResponse<BoxBody>, Error = actix_web::Error> + 'static,
{
    let served = async {
        let Some(Opened { stream, transport, address, protocol }) = open(socket, limits).await? else {
            return Ok(());
        };
        let mut stream = stream;
        let (is_h2, begun) = match protocol {
            Some(is_h2) => (is_h2, BytesMut::new()),
            None => timeout(limits.head, speaks_h2(&mut stream)).await.map_err(|_late| ConnectionError::Slow)??,
        };
        let peer = Arc::new(Peer { transport, address });
        let data = ConnectionData { peer, shutdown, upgrade, client_gone: CancellationToken::new() };
        if is_h2 {
            let service = Rc::clone(&services.http2);
            h2::serve(Rewound::new(begun, stream), service, data, limits.handshake).await?;
        } else {
            let io = GateIo::new(stream, begun, limits.head, data);
            services.http1.call((io, Protocol::Http1, address)).await.map_err(ConnectionError::Http1)?;
        }
        Ok::<(), ConnectionError>(())
    };
    if let Err(error) = served.await {
        let cause = std::error::Error::source(&error).map(ToString::to_string);
        tracing::debug!(%error, cause, "a connection ended early");
    }
}

struct Opened {
    stream: Stream,
    transport: Transport,
    address: Option<SocketAddr>,
    /// Whether HTTP/2 is spoken, where TLS has settled that.
    protocol: Option<bool>,
}

/// Gets as far as the first byte of HTTP; `None` when the connection is finished with before.
async fn open(socket: Socket, limits: &Limits) -> Result<Option<Opened>, ConnectionError> {
    match socket {
        Socket::Plain(stream, address) => {
            let stream = Stream::Tcp(TcpStream::from_std(stream)?);
            Ok(Some(Opened { stream, transport: Transport::Plain, address: Some(address), protocol: None }))
        }
        Socket::Unix(stream) => {
            let stream = UnixStream::from_std(stream)?;
            let Some(credentials) = unix::credentials(&stream)? else {
                tracing::warn!("a process of another user connected to the socket and was turned away");
                return Ok(None);
            };
            let (stream, transport) = (Stream::Unix(stream), Transport::Unix(credentials));
            Ok(Some(Opened { stream, transport, address: None, protocol: None }))
        }
        Socket::Tls(stream, address, tls) => {
            let stream = TcpStream::from_std(stream)?;
            let shaken = timeout(limits.handshake, handshake(stream, &tls)).await;
            let Some((stream, transport, protocol)) = shaken.map_err(|_late| ConnectionError::Slow)?? else {
                return Ok(None);
            };
            Ok(Some(Opened { stream, transport, address: Some(address), protocol }))
        }
    }
}

type Shaken = (Stream, Transport, Option<bool>);

async fn handshake(mut stream: TcpStream, tls: &Tls) -> Result<Option<Shaken>, ConnectionError> {
    let mut first = [0; 1];
    match stream.peek(&mut first).await? {
        0 => return Ok(None),
        _ if first[0] != TLS_HANDSHAKE => return refuse_plain(&mut stream).await.map(|()| None),
        _ => {}
    }
    let accepted = TlsAcceptor::from(tls.current()).accept(stream).await.map_err(ConnectionError::Handshake)?;
    let (_, session) = accepted.get_ref();
    let certificates = session.peer_certificates().unwrap_or_default().to_vec().into();
    let protocol = session.alpn_protocol().map(|protocol| protocol == b"h2");
    Ok(Some((Stream::Tls(Box::new(accepted)), Transport::Tls(certificates), protocol)))
}

/// Answers HTTP on the TLS port as Go does, which looks at five bytes; anything else is closed.
async fn refuse_plain(stream: &mut TcpStream) -> Result<(), ConnectionError> {
    let mut begun = [0; 5];
    stream.read_exact(&mut begun).await?;
    if [b"GET /", b"HEAD ", b"POST ", b"PUT /", b"OPTIO"].contains(&&begun) {
        stream.write_all(HTTP_ON_TLS).await?;
        stream.shutdown().await?;
        // Closing with bytes unread would reset the connection and might take the answer away.
        let mut rest = [0; 4096];
        for _ in 0..64 {
            if stream.read(&mut rest).await? == 0 {
                break;
            }
        }
    }
    Ok(())
}
