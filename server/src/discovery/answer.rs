//! Handing out the documents.

use actix_web::HttpResponse;
use actix_web::http::{Method, StatusCode, header};
use bytes::Bytes;
use futures_util::future::{LocalBoxFuture, ready};

use super::Discovery;
use crate::filter::AuthorizedRequest;
use crate::filter::seam::Handler;
use crate::negotiation::{self, Encoding, Media, Target};
use crate::status::ApiError;

/// What an answer depends on.
pub(super) struct Question<'a> {
    pub(super) path: &'a str,
    pub(super) accept: Option<&'a str>,
    pub(super) if_none_match: Option<&'a str>,
    pub(super) pretty: bool,
}

/// An answer, apart from how it is sent.
#[derive(Debug)]
pub(super) struct Reply {
    pub(super) content_type: String,
    /// `None` where the client has it already.
    pub(super) body: Option<Bytes>,
    pub(super) etag: Option<String>,
}

impl Discovery {
    /// Whether a path is one of discovery's. Those of groups and versions that aren't served are, too.
    #[must_use]
    pub fn owns(path: &str) -> bool {
        let parts: Vec<&str> = path.trim_matches('/').split('/').collect();
        matches!(parts.as_slice(), ["api"] | ["api", _] | ["apis"] | ["apis", _] | ["apis", _, _])
    }

    /// Answers a request to one of discovery's paths.
    ///
    /// # Errors
    /// 404 for what isn't served, 405 for what isn't reading, 406 where no encoding is accepted.
    pub fn answer(&self, request: &AuthorizedRequest) -> Result<HttpResponse, ApiError> {
        let http = request.http();
        if !matches!(*http.method(), Method::GET | Method::HEAD) {
            return Err(ApiError::MethodNotAllowed);
        }
        let reply = self.reply(&Question {
            path: &request.info().path,
            accept: negotiation::text_header(http, &header::ACCEPT),
            if_none_match: negotiation::text_header(http, &header::IF_NONE_MATCH),
            pretty: negotiation::wants_indentation(http),
        })?;
        let code = if reply.body.is_some() { StatusCode::OK } else { StatusCode::NOT_MODIFIED };
        let mut response = HttpResponse::build(code);
        if let Some(etag) = reply.etag {
            response.insert_header((header::ETAG, etag));
            response.insert_header((header::VARY, "Accept"));
            response.insert_header((header::CACHE_CONTROL, "public"));
        }
        let Some(mut body) = reply.body else { return Ok(response.finish()) };
        response.insert_header((header::CONTENT_TYPE, reply.content_type));
        if negotiation::takes_gzip(http)
            && let Some(compressed) = negotiation::compress(&body)
        {
            response.insert_header((header::CONTENT_ENCODING, "gzip"));
            response.append_header((header::VARY, "Accept-Encoding"));
            body = compressed;
        }
        Ok(response.body(body))
    }

    pub(super) fn reply(&self, question: &Question<'_>) -> Result<Reply, ApiError> {
        let path = format!("/{}", question.path.trim_matches('/'));
        if let Some(reply) = self.aggregated_reply(&path, question) {
            return Ok(reply);
        }
        let document = self.plain.get(&path).ok_or(ApiError::UnknownPath)?;
        let media = negotiation::accept(question.accept, |_, target| target.is_none())
            .ok_or_else(|| ApiError::NotAcceptable(Encoding::media_types()))?;
        let body = document.body(media.encoding, media.pretty || question.pretty);
        Ok(Reply { content_type: media.encoding.media_type().to_owned(), body: Some(body), etag: None })
    }

    /// The aggregated document, where the path has one and the client asks for it.
    fn aggregated_reply(&self, path: &str, question: &Question<'_>) -> Option<Reply> {
        let is_list = |target: &Target| target.group == "apidiscovery.k8s.io" && target.kind == "APIGroupDiscoveryList";
        let wanted = negotiation::accept(question.accept, |_, target| {
            target.is_some_and(|target| is_list(target) && matches!(&*target.version, "v2" | "v2beta1"))
        })?;
        let Media { encoding, pretty, target: Some(Target { group, version, kind }) } = wanted else { return None };
        let found = self.aggregated.iter().find(|((of, known), _)| *of == path && *known == version);
        let (_, aggregated) = found?;
        let etag = format!("\"{}\"", aggregated.etag);
        let known = question.if_none_match == Some(&etag);
        Some(Reply {
            content_type: format!("{};g={group};v={version};as={kind}", encoding.media_type()),
            body: (!known).then(|| aggregated.document.body(encoding, pretty || question.pretty)),
            etag: Some(etag),
        })
    }
}

impl Handler for Discovery {
    fn handle(&self, request: AuthorizedRequest) -> LocalBoxFuture<'_, Result<HttpResponse, ApiError>> {
        Box::pin(ready(self.answer(&request)))
    }
}
