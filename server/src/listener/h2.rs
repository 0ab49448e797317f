//! HTTP/2 connections.
//!
//! A driver of our own over the `h2` crate, calling the same actix service as HTTP/1: actix-http's own can't say GOAWAY,
//! so it can't drain, sets no bound on streams, and uses the crate's older line. Each request runs as a task on the
//! connection's thread; a client that resets its stream has its request dropped. Small pieces of a body that are ready
//! together leave as one DATA frame: some clients take a thousand tiny ones for an attack.
//!
//! Sources: RFC 9113; upstream's `--http2-max-streams-per-connection` (1000) and idle times.

use std::cell::Cell;
use std::io;
use std::rc::Rc;
use std::time::{Duration, SystemTime};

use actix_http::body::{BodySize, MessageBody};
use actix_http::error::PayloadError;
use actix_http::{BoxedPayloadStream, HttpMessage as _, Payload, Request, Response};
use actix_service::Service;
use actix_web::http::header::HttpDate;
use bytes::{Bytes, BytesMut};
use futures_util::future::poll_fn;
use futures_util::stream;
use h2::server::SendResponse;
use h2::{Ping, PingPong, Reason, RecvStream, SendStream};
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::time::{Instant, sleep, timeout};

use super::peer::ConnectionData;

const MAX_STREAMS: u32 = 1000;
const MAX_HEADER_BYTES: u32 = 131_072;
/// How many requests a client may take back before they were looked at. The crate's 20 are less than a client drops that
/// stops its informers; more than this is an attack (CVE-2023-44487) and ends the connection.
const MAX_EARLY_RESETS: usize = 256;
const STREAM_WINDOW: u32 = 1 << 20;
const CONNECTION_WINDOW: u32 = 4 << 20;
/// A connection silent for this long is asked whether it is alive.
const PING_AFTER: Duration = Duration::from_secs(30);
const PONG_WITHIN: Duration = Duration::from_secs(15);
/// A connection without a request for this long is closed.
const IDLE_TIMEOUT: Duration = Duration::from_secs(90);
/// As much of a body as leaves in one frame.
const FRAME_BYTES: usize = 16_384;

/// Why a connection ended, other than by agreement.
#[derive(Debug, thiserror::Error)]
pub(super) enum H2Error {
    /// The client did not finish HTTP/2's handshake in time.
    #[error("the HTTP/2 handshake took too long")]
    Slow,
    /// The protocol or the transport failed.
    #[error("the HTTP/2 connection failed")]
    Protocol(#[from] h2::Error),
    /// A ping was not answered.
    #[error("the client does not answer pings")]
    Dead,
}

/// The requests of a connection that are being answered, and since when there are none.
struct Activity {
    running: Cell<usize>,
    idle_since: Cell<Instant>,
}

/// Counts one running request.
struct Running(Rc<Activity>);

impl Running {
    fn new(activity: &Rc<Activity>) -> Self {
        activity.running.set(activity.running.get() + 1);
        Self(Rc::clone(activity))
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        self.0.running.set(self.0.running.get() - 1);
        self.0.idle_since.set(Instant::now());
    }
}

/// Serves one connection until the client or a shutdown ends it.
pub(super) async fn serve<T, S, B>(
    io: T,
    service: Rc<S>,
    data: ConnectionData,
    handshake_timeout: Duration,
) -> Result<(), H2Error>
where
    T: AsyncRead + AsyncWrite + Unpin,
    S: Service<Request> + 'static,
    S::Response: Into<Response<B>>,
    S::Error: Into<Response<actix_http::body::BoxBody>>,
    B: MessageBody + 'static,
{
    let mut builder = h2::server::Builder::new();
    builder
        .max_concurrent_streams(MAX_STREAMS)
        .max_header_list_size(MAX_HEADER_BYTES)
        .max_pending_accept_reset_streams(MAX_EARLY_RESETS)
        .initial_window_size(STREAM_WINDOW)
        .initial_connection_window_size(CONNECTION_WINDOW);
    let mut connection =
        timeout(handshake_timeout, builder.handshake(io)).await.map_err(|_elapsed| H2Error::Slow)??;
    let activity = Rc::new(Activity { running: Cell::new(0), idle_since: Cell::new(Instant::now()) });
    let ping_pong = connection.ping_pong();
    let mut watched = std::pin::pin!(watch_over(ping_pong, Rc::clone(&activity), handshake_timeout));
    let mut draining = std::pin::pin!(data.shutdown.clone().draining());
    let mut leaving = false;
    loop {
        tokio::select! {
            accepted = connection.accept() => match accepted {
                Some(Ok((request, respond))) => {
                    let running = Running::new(&activity);
                    let (service, data) = (Rc::clone(&service), data.clone());
                    tokio::task::spawn_local(async move {
                        if let Err(error) = answer(request, respond, &*service, data).await {
                            tracing::debug!(%error, "an HTTP/2 stream ended early");
                        }
                        drop(running);
                    });
                }
                Some(Err(error)) => return if error.is_io() { Ok(()) } else { Err(error.into()) },
                None => return Ok(()),
            },
            () = &mut draining, if !leaving => {
                leaving = true;
                connection.graceful_shutdown();
            }
            alive = &mut watched, if !leaving => match alive {
                Alive::Idle => {
                    leaving = true;
                    connection.graceful_shutdown();
                }
                Alive::Dead => return Err(H2Error::Dead),
            },
        }
    }
}

/// Why a connection is not kept.
enum Alive {
    Idle,
    Dead,
}

/// Pings once to see the handshake through, and then whenever the connection may be dead. Ends when it is, or is idle.
async fn watch_over(mut ping_pong: Option<PingPong>, activity: Rc<Activity>, first_within: Duration) -> Alive {
    let mut within = first_within;
    loop {
        if let Some(ping_pong) = &mut ping_pong
            && !matches!(timeout(within, ping_pong.ping(Ping::opaque())).await, Ok(Ok(_)))
        {
            return Alive::Dead;
        }
        within = PONG_WITHIN;
        sleep(PING_AFTER).await;
        if activity.running.get() == 0 && activity.idle_since.get().elapsed() >= IDLE_TIMEOUT {
            return Alive::Idle;
        }
    }
}

async fn answer<S, B>(
    request: http::Request<RecvStream>,
    mut respond: SendResponse<Bytes>,
    service: &S,
    data: ConnectionData,
) -> Result<(), h2::Error>
where
    S: Service<Request>,
    S::Response: Into<Response<B>>,
    S::Error: Into<Response<actix_http::body::BoxBody>>,
    B: MessageBody + 'static,
{
    let is_head = request.method() == http::Method::HEAD;
    let Some(request) = convert(request, data) else {
        respond.send_reset(Reason::PROTOCOL_ERROR);
        return Ok(());
    };
    let answered = tokio::select! {
        answered = service.call(request) => answered,
        reset = poll_fn(|cx| respond.poll_reset(cx)) => {
            tracing::debug!(?reset, "the client gave a request up");
            return Ok(());
        }
    };
    match answered {
        Ok(response) => send(response.into(), respond, is_head).await,
        Err(error) => send(error.into(), respond, is_head).await,
    }
}

/// From the `http` crate's 1.x types to actix' own; `None` for what has no equal there.
fn convert(request: http::Request<RecvStream>, data: ConnectionData) -> Option<Request> {
    let (parts, body) = request.into_parts();
    let payload: BoxedPayloadStream = Box::pin(stream::unfold(Some(body), |body| async move {
        let mut body = body?;
        match body.data().await? {
            Ok(bytes) => {
                let released = body.flow_control().release_capacity(bytes.len());
                Some(match released {
                    Ok(()) => (Ok(bytes), Some(body)),
                    Err(error) => (Err(PayloadError::Io(io::Error::other(error))), None),
                })
            }
            Err(error) => Some((Err(PayloadError::Io(io::Error::other(error))), None)),
        }
    }));
    let mut request = Request::with_payload(Payload::Stream { payload });
    let head = request.head_mut();
    head.method = actix_http::Method::from_bytes(parts.method.as_str().as_bytes()).ok()?;
    head.uri = parts.uri.to_string().parse().ok()?;
    head.version = actix_http::Version::HTTP_2;
    head.peer_addr = data.peer.address;
    for (name, value) in &parts.headers {
        let name = actix_http::header::HeaderName::from_bytes(name.as_str().as_bytes()).ok()?;
        let value = actix_http::header::HeaderValue::from_bytes(value.as_bytes()).ok()?;
        head.headers.append(name, value);
    }
    request.extensions_mut().insert(data);
    Some(request)
}

async fn send<B: MessageBody>(
    response: Response<B>,
    mut respond: SendResponse<Bytes>,
    is_head: bool,
) -> Result<(), h2::Error> {
    let (response, body) = response.into_parts();
    let size = body.size();
    let mut head = http::Response::new(());
    *head.status_mut() = http::StatusCode::from_u16(response.status().as_u16()).unwrap_or_default();
    for (name, value) in response.headers() {
        let connection_specific =
            ["connection", "transfer-encoding", "upgrade", "keep-alive", "proxy-connection", "content-length"];
        if connection_specific.contains(&name.as_str()) {
            continue;
        }
        let name = http::HeaderName::from_bytes(name.as_str().as_bytes());
        if let (Ok(name), Ok(value)) = (name, http::HeaderValue::from_bytes(value.as_bytes())) {
            head.headers_mut().append(name, value);
        }
    }
    if let BodySize::Sized(length) = size {
        head.headers_mut().insert(http::header::CONTENT_LENGTH, length.into());
    }
    if !head.headers().contains_key(http::header::DATE)
        && let Ok(now) = http::HeaderValue::try_from(HttpDate::from(SystemTime::now()).to_string())
    {
        head.headers_mut().insert(http::header::DATE, now);
    }
    let ends = is_head || size.is_eof();
    let stream = respond.send_response(head, ends)?;
    if ends { Ok(()) } else { send_body(body, stream).await }
}

async fn send_body<B: MessageBody>(body: B, mut stream: SendStream<Bytes>) -> Result<(), h2::Error> {
    let mut body = std::pin::pin!(body);
    let mut next = None;
    loop {
        let piece = match next.take() {
            Some(piece) => piece,
            None => tokio::select! {
                piece = poll_fn(|cx| body.as_mut().poll_next(cx)) => piece,
                _reset = poll_fn(|cx| stream.poll_reset(cx)) => return Ok(()),
            },
        };
        let mut frame = match piece {
            Some(Ok(bytes)) => bytes,
            Some(Err(_)) => {
                tracing::debug!("an answer's body failed on the way");
                stream.send_reset(Reason::INTERNAL_ERROR);
                return Ok(());
            }
            None => return stream.send_data(Bytes::new(), true),
        };
        // Gather what is ready already, as long as it is small.
        if frame.len() < FRAME_BYTES {
            let mut gathered: Option<BytesMut> = None;
            while let Some(ready) = poll_once(body.as_mut()).await {
                match ready {
                    Some(Ok(more))
                        if gathered.as_ref().map_or(frame.len(), BytesMut::len) + more.len() <= FRAME_BYTES =>
                    {
                        gathered.get_or_insert_with(|| BytesMut::from(&frame[..])).extend_from_slice(&more);
                    }
                    other => {
                        next = Some(other);
                        break;
                    }
                }
            }
            if let Some(gathered) = gathered {
                frame = gathered.freeze();
            }
        }
        while !frame.is_empty() {
            stream.reserve_capacity(frame.len().min(FRAME_BYTES));
            match poll_fn(|cx| stream.poll_capacity(cx)).await {
                None => return Ok(()),
                Some(Err(error)) => return Err(error),
                Some(Ok(capacity)) => {
                    let now = frame.split_to(capacity.min(frame.len()));
                    stream.send_data(now, false)?;
                }
            }
        }
    }
}

type Piece<B> = Option<Result<Bytes, <B as MessageBody>::Error>>;

/// The next piece if it is there now.
async fn poll_once<B: MessageBody>(mut body: std::pin::Pin<&mut B>) -> Option<Piece<B>> {
    poll_fn(|cx| {
        std::task::Poll::Ready(match body.as_mut().poll_next(cx) {
            std::task::Poll::Ready(piece) => Some(piece),
            std::task::Poll::Pending => None,
        })
    })
    .await
}
