//! A watch as the body of an answer.

use std::convert::Infallible;

use actix_web::body::{BodyStream, MessageBody};
use futures_util::stream;

use super::watcher::Watcher;

impl Watcher {
    /// The body that streams the watch until it is over. Nothing is pulled while the client does not read.
    #[must_use]
    pub fn into_body(self) -> impl MessageBody + 'static {
        let chunks = stream::unfold(self, |mut watcher| async move {
            let chunk = watcher.next().await?;
            Some((Ok::<_, Infallible>(chunk), watcher))
        });
        BodyStream::new(Box::pin(chunks))
    }
}
