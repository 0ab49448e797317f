//! PUT and PATCH.

use actix_web::HttpResponse;
use actix_web::http::header;
use bytes::Bytes;

use super::change::{Change, CreateRule, Write, change};
use super::patching::{Kind, Patch};
use super::prepare::{check_name, dedup_owners, ensure_namespace};
use super::step::received;
use crate::negotiation::text_header;
use crate::registry::answer;
use crate::registry::call::Call;
use crate::registry::option::WriteOptions;
use crate::registry::subresource;
use crate::status::ApiError;

/// Replaces the object by the one in the body.
pub(in crate::registry) async fn update(call: &Call<'_>, body: &Bytes) -> Result<HttpResponse, ApiError> {
    let options = WriteOptions::update(&call.query)?;
    if call.route.subresource_name() == "scale" {
        return subresource::update_scale(call, &options, body).await;
    }
    let mut object = received(call, body, options.validation)?;
    ensure_namespace(&mut object, call.route.namespace)?;
    check_name(&object, call.route.name)?;
    let mut warnings = Vec::new();
    dedup_owners(&mut object, false, &mut warnings);
    call.warn(warnings);
    // A subresource never creates.
    let create = if call.route.subresource.is_some() { CreateRule::Never } else { CreateRule::AsKindAllows };
    let write = Write {
        name: call.route.name,
        options: &options,
        change: Change::Put(object),
        create,
        judged: true,
        tracked: true,
    };
    let written = change(call, &write).await?;
    answer::object(call, if written.created { 201 } else { 200 }, &written.current)
}

/// Patches the object.
pub(in crate::registry) async fn patch(call: &Call<'_>, body: Bytes) -> Result<HttpResponse, ApiError> {
    let kind = Kind::of(text_header(&call.http, &header::CONTENT_TYPE).unwrap_or_default())?;
    let options = WriteOptions::patch(&call.query, kind == Kind::Apply)?;
    let patch = Patch::read(kind, body)?;
    if call.route.subresource_name() == "scale" {
        return subresource::patch_scale(call, &options, &patch).await;
    }
    let create =
        if patch.is_apply() && call.route.subresource.is_none() { CreateRule::Always } else { CreateRule::Never };
    let tracked = !patch.is_apply();
    let write = Write {
        name: call.route.name,
        options: &options,
        change: Change::Patch(&patch),
        create,
        judged: true,
        tracked,
    };
    let written = change(call, &write).await?;
    answer::object(call, if written.created { 201 } else { 200 }, &written.current)
}
