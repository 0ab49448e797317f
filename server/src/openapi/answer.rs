//! Handing out the documents.

use std::sync::Arc;
use std::time::{Duration, SystemTime};

use actix_web::HttpResponse;
use actix_web::http::header::{self, HttpDate};
use actix_web::http::{Method, StatusCode};
use bytes::Bytes;
use futures_util::future::LocalBoxFuture;

use super::{OpenApi, Packed};
use crate::filter::AuthorizedRequest;
use crate::filter::seam::Handler;
use crate::negotiation;
use crate::status::ApiError;

const JSON: &str = "application/json";
/// What upstream calls the protobuf form of v2.
const V2_PROTOBUF: &str = "application/com.github.proto-openapi.spec.v2.v1.0+protobuf";
/// An older name of it, which isn't a valid media type and which kubectl asks for.
const V2_PROTOBUF_OLD: &str = "application/com.github.proto-openapi.spec.v2@v1.0+protobuf";

/// A year: the longest that a cache may be told to keep something.
const YEAR: Duration = Duration::from_secs(365 * 24 * 60 * 60);

/// What an answer depends on.
#[derive(Debug, Clone)]
pub(super) struct Question {
    pub(super) path: String,
    pub(super) accept: Option<String>,
    pub(super) if_none_match: Option<String>,
    pub(super) hash: Option<String>,
}

/// An answer, apart from how it is sent.
#[derive(Debug)]
pub(super) enum Reply {
    /// A document.
    Found {
        etag: String,
        content_type: &'static str,
        packed: Packed,
        /// Whether it was asked for by its hash, so that it never changes.
        immutable: bool,
        /// Whether other forms might have been asked for.
        varies: bool,
    },
    /// The client has it.
    Known(String),
    /// It is another one by now: where it is.
    Moved(String),
    /// In no form that the client takes.
    NotAcceptable,
}

impl OpenApi {
    /// Whether a path is one of these documents'.
    #[must_use]
    pub fn owns(path: &str) -> bool {
        path == "/openapi/v2" || path == "/openapi/v3" || path.starts_with("/openapi/v3/")
    }

    /// Answers a request to one of these paths. A document that isn't made yet is made on a thread that may block.
    ///
    /// # Errors
    /// 404 for what isn't served, 405 for what isn't reading.
    pub async fn answer(self: &Arc<Self>, request: &AuthorizedRequest) -> Result<HttpResponse, ApiError> {
        let http = request.http();
        if !matches!(*http.method(), Method::GET | Method::HEAD) {
            return Err(ApiError::MethodNotAllowed);
        }
        let text = |name| negotiation::text_header(http, name).map(str::to_owned);
        let question = Question {
            path: request.info().path.clone(),
            accept: text(&header::ACCEPT),
            if_none_match: text(&header::IF_NONE_MATCH),
            hash: request.query().get("hash").filter(|hash| !hash.is_empty()).map(str::to_owned),
        };
        let takes_gzip = negotiation::takes_gzip(http);
        let own = Arc::clone(self);
        let made = tokio::task::spawn_blocking(move || {
            let reply = own.reply(&question)?;
            let unpacked = match &reply {
                Reply::Found { packed, .. } if !takes_gzip => Some(packed.unpack()),
                _ => None,
            };
            Ok::<_, ApiError>((reply, unpacked))
        });
        let (reply, unpacked) = made.await.map_err(|error| ApiError::Internal(error.to_string()))??;
        Ok(respond(reply, unpacked))
    }

    pub(super) fn reply(&self, question: &Question) -> Result<Reply, ApiError> {
        let (document, content_type, varies) = match question.path.as_str() {
            "/openapi/v2" => {
                let accepted = accept(question.accept.as_deref(), &[JSON, V2_PROTOBUF_OLD, V2_PROTOBUF]);
                match accepted {
                    None => return Ok(Reply::NotAcceptable),
                    Some(JSON) => (self.v2(), JSON, true),
                    Some(_) => (self.v2(), V2_PROTOBUF, true),
                }
            }
            "/openapi/v3" => (self.index(), JSON, false),
            path => {
                let below = path.strip_prefix("/openapi/v3/").ok_or(ApiError::UnknownPath)?;
                let document = self.v3(below).ok_or(ApiError::UnknownPath)?;
                if accept(question.accept.as_deref(), &[JSON]).is_none() {
                    return Ok(Reply::NotAcceptable);
                }
                if let Some(hash) = question.hash.as_ref().filter(|hash| **hash != document.etag) {
                    tracing::debug!(%hash, "an older OpenAPI document was asked for");
                    return Ok(Reply::Moved(format!("{path}?hash={}", document.etag)));
                }
                (document, JSON, true)
            }
        };
        let etag = format!("\"{}\"", document.etag);
        let known = question.if_none_match.as_deref().unwrap_or_default();
        if known.split(',').any(|one| matches!(one.trim(), "*") || one.trim().trim_start_matches("W/") == etag) {
            return Ok(Reply::Known(etag));
        }
        let packed = if content_type == V2_PROTOBUF { self.v2_protobuf() } else { &document.packed };
        let immutable = question.hash.is_some() && question.path.starts_with("/openapi/v3/");
        Ok(Reply::Found { etag, content_type, packed: packed.clone(), immutable, varies })
    }
}

impl Handler for Arc<OpenApi> {
    fn handle(&self, request: AuthorizedRequest) -> LocalBoxFuture<'_, Result<HttpResponse, ApiError>> {
        Box::pin(async move { self.answer(&request).await })
    }
}

/// `unpacked`: the body as it is, for a client that doesn't take gzip.
fn respond(reply: Reply, unpacked: Option<Bytes>) -> HttpResponse {
    match reply {
        Reply::NotAcceptable => HttpResponse::NotAcceptable().insert_header((header::VARY, "Accept")).finish(),
        Reply::Known(etag) => HttpResponse::NotModified().insert_header((header::ETAG, etag)).finish(),
        Reply::Moved(to) => HttpResponse::MovedPermanently().insert_header((header::LOCATION, to)).finish(),
        Reply::Found { etag, content_type, packed, immutable, varies } => {
            let mut response = HttpResponse::build(StatusCode::OK);
            response.insert_header((header::CONTENT_TYPE, content_type));
            response.insert_header((header::ETAG, etag));
            if varies {
                response.append_header((header::VARY, "Accept"));
            }
            if immutable {
                response.insert_header((header::CACHE_CONTROL, "public, immutable"));
                response.insert_header((header::EXPIRES, HttpDate::from(SystemTime::now() + YEAR).to_string()));
            }
            response.append_header((header::VARY, "Accept-Encoding"));
            match unpacked {
                Some(body) => response.body(body),
                None => response.insert_header((header::CONTENT_ENCODING, "gzip")).body(packed.0),
            }
        }
    }
}

/// The offer that the client likes best, of those that it takes; offers are in the server's order.
fn accept<'o>(header: Option<&str>, offers: &[&'o str]) -> Option<&'o str> {
    let header = header.filter(|header| !header.is_empty()).unwrap_or("*/*");
    let mut clauses: Vec<(f32, &str)> = header
        .split(',')
        .map(|clause| {
            let (range, parameters) = clause.split_once(';').unwrap_or((clause, ""));
            let weight = parameters.split(';').find_map(|one| one.trim().strip_prefix("q="));
            (weight.map_or(1.0, |weight| weight.parse().unwrap_or(0.0)), range.trim())
        })
        .collect();
    // As upstream: a weight orders, and does not exclude.
    clauses.sort_by(|a, b| b.0.total_cmp(&a.0));
    clauses.iter().find_map(|(_, range)| {
        offers.iter().copied().find(|offer| {
            *range == "*/*" || range == offer || *range == "application/*" && offer.starts_with("application/")
        })
    })
}
