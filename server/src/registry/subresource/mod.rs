//! What is neither a read nor a write of the object itself: bindings, evictions, scales, tokens, reviews.
//!
//! Each takes an object of a kind of its own. Those that change the resource's object do so in the pipeline's loop.

mod binding;
mod eviction;
mod review;
mod scale;
mod token;

use bytes::Bytes;
use howdah_api::resource::Subresource;
use howdah_api::schema::{Node, builtin};
use k8s_openapi::apimachinery::pkg::apis::meta::v1::Status;
use serde::de::DeserializeOwned;
use serde_json::Value;

pub(super) use binding::binding;
pub(super) use eviction::eviction;
pub use review::Reviewers;
pub(super) use review::review;
pub(super) use scale::{get_scale, patch_scale, update_scale};
pub use token::Tokens;
pub(super) use token::token;

use super::body;
use super::call::Call;
use super::expected::Expected;
use super::option::Directive;
use crate::status::ApiError;

/// The object of a subresource's own kind in the body, as it was sent.
fn received(call: &Call<'_>, bytes: &Bytes, directive: Directive) -> Result<(Value, &'static Node), ApiError> {
    let Some(subresource) = call.route.subresource else { return Err(ApiError::UnknownResource) };
    let node = node(subresource)?;
    let of = &subresource.version;
    let expected = Expected { group: &of.group, version: &of.version, kind: &subresource.kind, node };
    let mut warnings = Vec::new();
    let object = body::decode(bytes, body::encoding(&call.http)?, expected, directive, &mut warnings)?;
    call.warn(warnings);
    Ok((object, node))
}

fn node(subresource: &'static Subresource) -> Result<&'static Node, ApiError> {
    let of = &subresource.version;
    builtin::kind(&of.group, &of.version, &subresource.kind).ok_or(ApiError::UnknownResource)
}

/// A typed view of an object.
fn typed<T: DeserializeOwned>(object: &Value) -> Result<T, ApiError> {
    T::deserialize(object).map_err(|error| ApiError::BadRequest(error.to_string()))
}

/// What upstream answers where there is nothing to show.
fn success() -> Status {
    Status { status: Some("Success".to_owned()), code: Some(201), ..Status::default() }
}
