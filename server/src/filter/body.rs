//! Bounds for answers that stream: they end at the deadline, or with the client or the server.

use std::pin::Pin;
use std::task::{Context, Poll};

use actix_web::HttpResponse;
use actix_web::body::{BodySize, BoxBody, MessageBody};
use bytes::Bytes;
use futures_util::future::LocalBoxFuture;
use tokio::time::{Instant, sleep_until};

use crate::listener::peer::ConnectionData;

/// The end that comes over an answer.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum End {
    /// In good order: nobody is to hear more.
    Finished,
    /// Cut off: the client must not take what it has for the whole.
    Cut,
}

/// Why an answer was cut off.
#[derive(Debug, thiserror::Error)]
#[error("the answer was not sent before the request's deadline")]
struct DeadlinePassed;

struct Bounded {
    body: BoxBody,
    end: Option<LocalBoxFuture<'static, End>>,
}

/// A long-running answer ends when the client has gone or the server drains.
pub(super) fn until_gone(response: HttpResponse, connection: ConnectionData) -> HttpResponse {
    bound(response, move || {
        Box::pin(async move {
            let ConnectionData { client_gone, shutdown, .. } = connection;
            tokio::select! {
                () = client_gone.cancelled() => {}
                () = shutdown.draining() => {}
            }
            End::Finished
        })
    })
}

/// Any other answer has to be sent by its deadline.
pub(super) fn until(response: HttpResponse, deadline: Instant) -> HttpResponse {
    bound(response, move || {
        Box::pin(async move {
            sleep_until(deadline).await;
            End::Cut
        })
    })
}

fn bound(response: HttpResponse, end: impl FnOnce() -> LocalBoxFuture<'static, End>) -> HttpResponse {
    // What is in memory already is not waited for.
    if response.body().size() != BodySize::Stream {
        return response;
    }
    response.map_body(|_, body| BoxBody::new(Bounded { body, end: Some(end()) }))
}

impl MessageBody for Bounded {
    type Error = Box<dyn std::error::Error>;

    fn size(&self) -> BodySize {
        self.body.size()
    }

    fn poll_next(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Result<Bytes, Self::Error>>> {
        let this = self.get_mut();
        let Some(end) = &mut this.end else { return Poll::Ready(None) };
        match end.as_mut().poll(cx) {
            Poll::Ready(End::Finished) => {
                this.end = None;
                Poll::Ready(None)
            }
            Poll::Ready(End::Cut) => {
                this.end = None;
                Poll::Ready(Some(Err(Box::new(DeadlinePassed))))
            }
            Poll::Pending => Pin::new(&mut this.body).poll_next(cx),
        }
    }
}
