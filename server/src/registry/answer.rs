//! Answers: stored bytes in the negotiated form.

use actix_web::HttpResponse;
use actix_web::http::StatusCode;
use actix_web::http::header;
use bytes::Bytes;
use howdah_api::codec::json;
use howdah_api::schema::Node;
use howdah_api::tree::normalise;
use k8s_openapi::apimachinery::pkg::apis::meta::v1::Status;
use serde_json::Value;

use super::call::Call;
use super::convert;
use super::object::set_kind;
use super::pipeline::tree;
use super::source::Current;
use super::transform;
use crate::negotiation::{compress, json_to, takes_gzip};
use crate::status::{self, ApiError};

/// A stored object.
pub(super) fn object(call: &Call<'_>, code: u16, current: &Current) -> Result<HttpResponse, ApiError> {
    let served = call.served();
    let wire = if served.is_converted() {
        let mut own = convert::to_served(served, tree(current)?);
        set_kind(&mut own, &served.api_version(), &served.row.kind);
        json::encode(&own, served.node).into()
    } else {
        current.wire.clone()
    };
    if call.media.target.is_some() {
        let transformed = transform::object(call, &tree(current)?, &wire)?;
        return document(call, code, &transformed, transform::node(call));
    }
    document(call, code, &wire, Some(served.node))
}

/// An object of another kind than the resource's: a Scale, a review, a token.
pub(super) fn other(call: &Call<'_>, code: u16, mut object: Value, node: &Node) -> Result<HttpResponse, ApiError> {
    normalise(&mut object, node);
    let wire = json::encode(&object, node);
    if call.media.target.is_some() {
        let transformed = transform::object(call, &object, &wire)?;
        return document(call, code, &transformed, transform::node(call));
    }
    document(call, code, &wire, Some(node))
}

/// A `Status` of success.
pub(super) fn status(call: &Call<'_>, code: u16, status: &Status) -> Result<HttpResponse, ApiError> {
    document(call, code, &status::document(status), Some(status::node()))
}

/// JSON, in the negotiated encoding.
pub(super) fn document(
    call: &Call<'_>,
    code: u16,
    document: &[u8],
    node: Option<&Node>,
) -> Result<HttpResponse, ApiError> {
    let body = json_to(&call.media, document, node).map_err(ApiError::Internal)?;
    Ok(encoded(call, code, body))
}

/// Bytes in the negotiated encoding.
pub(super) fn encoded(call: &Call<'_>, code: u16, body: Bytes) -> HttpResponse {
    let code = StatusCode::from_u16(code).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
    let mut response = HttpResponse::build(code);
    response.insert_header((header::CONTENT_TYPE, call.media.encoding.media_type()));
    if takes_gzip(&call.http)
        && let Some(compressed) = compress(&body)
    {
        response.insert_header((header::CONTENT_ENCODING, "gzip"));
        response.append_header((header::VARY, "Accept-Encoding"));
        return response.body(compressed);
    }
    response.body(body)
}
