//! Upgraded connections: a raw stream in the handler's hands.
//!
//! [`switch`] answers 101 and gives the handler both directions as one tokio stream. What the client sends arrives as
//! the request's payload, what the handler writes leaves as the answer's body; a bounded buffer stands between, so a
//! slow client slows the handler down. Dropping the stream closes the connection. Source: RFC 9110 section 7.8.

use std::io;
use std::pin::Pin;
use std::task::{Context, Poll, ready};

use actix_web::HttpResponse;
use actix_web::dev::Payload;
use actix_web::error::PayloadError;
use bytes::{Buf, Bytes, BytesMut};
use futures_util::Stream;
use tokio::io::{AsyncRead, AsyncWrite, DuplexStream, ReadBuf, duplex};

/// How much may wait to be sent.
const BUFFER_BYTES: usize = 65_536;

/// Both directions of an upgraded connection.
pub struct Upgraded {
    payload: Pin<Box<Payload>>,
    received: Bytes,
    ended: bool,
    outgoing: DuplexStream,
}

/// Answers that the connection speaks `protocol` from now on, and takes it over.
#[must_use]
pub fn switch(protocol: &str, payload: Payload) -> (HttpResponse, Upgraded) {
    let (outgoing, leaving) = duplex(BUFFER_BYTES);
    let response = HttpResponse::SwitchingProtocols().upgrade(protocol).streaming(Leaving(leaving));
    (response, Upgraded { payload: Box::pin(payload), received: Bytes::new(), ended: false, outgoing })
}

/// The answer's body: what the handler wrote.
struct Leaving(DuplexStream);

impl Stream for Leaving {
    type Item = io::Result<Bytes>;

    fn poll_next(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Self::Item>> {
        let mut space = BytesMut::zeroed(16_384);
        let mut read = ReadBuf::new(&mut space);
        ready!(Pin::new(&mut self.0).poll_read(cx, &mut read))?;
        let length = read.filled().len();
        space.truncate(length);
        Poll::Ready((length > 0).then(|| Ok(space.freeze())))
    }
}

impl AsyncRead for Upgraded {
    fn poll_read(self: Pin<&mut Self>, cx: &mut Context<'_>, buf: &mut ReadBuf<'_>) -> Poll<io::Result<()>> {
        let this = self.get_mut();
        while this.received.is_empty() && !this.ended {
            match ready!(this.payload.as_mut().poll_next(cx)) {
                Some(Ok(bytes)) => this.received = bytes,
                // An upgraded stream has no length that it could fall short of: this is the client's end.
                Some(Err(PayloadError::Incomplete(_))) => this.ended = true,
                Some(Err(error)) => return Poll::Ready(Err(io::Error::other(error.to_string()))),
                None => this.ended = true,
            }
        }
        let now = this.received.len().min(buf.remaining());
        buf.put_slice(&this.received[..now]);
        this.received.advance(now);
        Poll::Ready(Ok(()))
    }
}

impl AsyncWrite for Upgraded {
    fn poll_write(self: Pin<&mut Self>, cx: &mut Context<'_>, buf: &[u8]) -> Poll<io::Result<usize>> {
        Pin::new(&mut self.get_mut().outgoing).poll_write(cx, buf)
    }

    fn poll_flush(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.get_mut().outgoing).poll_flush(cx)
    }

    fn poll_shutdown(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.get_mut().outgoing).poll_shutdown(cx)
    }
}
