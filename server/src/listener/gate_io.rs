//! A connection seen through the [`Gate`].
//!
//! Reads go through the gate, writes pass. A head behind the first one that has begun must be whole within the head
//! timeout, or the connection ends; the first one's time is measured by actix-http, which answers 408. When the client
//! has closed its side, [`ConnectionData`]'s `client_gone` says so: the parser behind reads that only as the end of requests.

use std::io;
use std::pin::Pin;
use std::task::{Context, Poll, ready};
use std::time::Duration;

use bytes::BytesMut;
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::time::{Instant, Sleep, sleep_until};

use super::gate::Gate;
use super::peer::ConnectionData;
use super::stream::Stream;

const READ_BYTES: usize = 16_384;

/// The gated connection.
pub(super) struct GateIo {
    inner: Stream,
    gate: Gate,
    input: BytesMut,
    output: BytesMut,
    head_timeout: Duration,
    head_deadline: Option<Pin<Box<Sleep>>>,
    data: ConnectionData,
    ended: bool,
}

impl GateIo {
    /// Gates a connection from which `begun` has been read already.
    pub(super) fn new(inner: Stream, begun: BytesMut, head_timeout: Duration, data: ConnectionData) -> Self {
        let (gate, output) = (Gate::default(), BytesMut::new());
        let mut io = Self { inner, gate, input: begun, output, head_timeout, head_deadline: None, data, ended: false };
        io.feed();
        io
    }

    /// What requests of this connection get to know.
    pub(super) fn data(&self) -> &ConnectionData {
        &self.data
    }

    fn feed(&mut self) {
        self.gate.feed(&mut self.input, &mut self.output);
        if let Some(protocol) = self.gate.upgrade()
            && self.data.upgrade.get().is_none()
        {
            let first = self.data.upgrade.set(protocol.to_owned()).is_ok();
            debug_assert!(first, "a connection upgrades once");
        }
        if self.gate.awaits_later_head() && !self.input.is_empty() {
            let timeout = self.head_timeout;
            self.head_deadline.get_or_insert_with(|| Box::pin(sleep_until(Instant::now() + timeout)));
        } else {
            self.head_deadline = None;
        }
    }
}

impl AsyncRead for GateIo {
    fn poll_read(self: Pin<&mut Self>, cx: &mut Context<'_>, buf: &mut ReadBuf<'_>) -> Poll<io::Result<()>> {
        let this = self.get_mut();
        loop {
            if !this.output.is_empty() {
                let now = this.output.len().min(buf.remaining());
                buf.put_slice(&this.output.split_to(now));
                return Poll::Ready(Ok(()));
            }
            if this.ended || this.gate.is_closed() {
                return Poll::Ready(Ok(()));
            }
            if this.gate.is_raw() {
                let before = buf.filled().len();
                ready!(Pin::new(&mut this.inner).poll_read(cx, buf))?;
                if buf.filled().len() == before {
                    this.ended = true;
                }
                return Poll::Ready(Ok(()));
            }
            let mut space = [0; READ_BYTES];
            let mut read = ReadBuf::new(&mut space);
            match Pin::new(&mut this.inner).poll_read(cx, &mut read) {
                Poll::Ready(Ok(())) if read.filled().is_empty() => {
                    this.ended = true;
                    this.data.client_gone.cancel();
                }
                Poll::Ready(Ok(())) => {
                    this.input.extend_from_slice(read.filled());
                    this.feed();
                }
                Poll::Ready(Err(error)) => {
                    this.data.client_gone.cancel();
                    return Poll::Ready(Err(error));
                }
                Poll::Pending => {
                    let late = this.head_deadline.as_mut().is_some_and(|sleep| sleep.as_mut().poll(cx).is_ready());
                    if !late {
                        return Poll::Pending;
                    }
                    tracing::debug!("a request's head did not arrive in time");
                    this.ended = true;
                }
            }
        }
    }
}

impl AsyncWrite for GateIo {
    fn poll_write(self: Pin<&mut Self>, cx: &mut Context<'_>, buf: &[u8]) -> Poll<io::Result<usize>> {
        Pin::new(&mut self.get_mut().inner).poll_write(cx, buf)
    }

    fn poll_flush(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.get_mut().inner).poll_flush(cx)
    }

    fn poll_shutdown(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.get_mut().inner).poll_shutdown(cx)
    }

    fn poll_write_vectored(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        bufs: &[io::IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        Pin::new(&mut self.get_mut().inner).poll_write_vectored(cx, bufs)
    }

    fn is_write_vectored(&self) -> bool {
        self.inner.is_write_vectored()
    }
}
