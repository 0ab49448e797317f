//! The reads: one object, a list, a watch.
//!
//! What is newest comes from the hub's cache once that is as fresh as the request asks; what is old (a page behind the
//! first, a list at an exact revision) from the store. [`find`] gives a list's objects, [`answer_list`] joins their
//! bytes; nothing is parsed on the way to JSON.

mod continue_token;
#[cfg(fuzzing)]
pub mod fuzzing;
mod join;
mod list;

use actix_web::HttpResponse;
use actix_web::http::header;
use howdah_store::Revision;

pub(super) use join::{answer_list, body, encoding, list_meta};
pub(super) use list::{Found, find};

use super::answer;
use super::call::Call;
use super::option::{ListOptions, parse_revision};
use super::pipeline::tree;
use super::source::Current;
use super::subresource;
use super::transform;
use crate::hub::{Encoding, Filter, Freshness, Scope, Start, WatchOptions, default_timeout};
use crate::negotiation;
use crate::status::ApiError;

/// How fresh a read with this resourceVersion has to be.
fn freshness(resource_version: &str) -> Result<Freshness, ApiError> {
    match resource_version {
        "" => Ok(Freshness::Newest),
        "0" => Ok(Freshness::Any),
        text => Ok(Freshness::AtLeast(revision(text)?)),
    }
}

/// A resourceVersion of a request.
fn revision(text: &str) -> Result<Revision, ApiError> {
    let quoted = howdah_api::go::quote(text);
    let refused = |why: String| ApiError::Unforeseen(format!("resourceVersion: Invalid value: {quoted}: {why}"));
    let number = parse_revision(text).map_err(refused)?;
    let beyond = || ApiError::ResourceVersionTooLarge { asked: number, current: 0 };
    i64::try_from(number).ok().and_then(Revision::new).ok_or_else(beyond)
}

/// One object.
pub(super) async fn get(call: &Call<'_>) -> Result<HttpResponse, ApiError> {
    if call.query.flag("export") {
        let message = "the export parameter, deprecated since v1.14, is no longer supported";
        return Err(ApiError::BadRequest(message.to_owned()));
    }
    let served = call.served();
    let key = served.key(call.route.namespace, call.route.name)?;
    let how = freshness(call.query.get("resourceVersion").unwrap_or_default())?;
    let cache = call.registry.source.cache(served.stored);
    cache.fresh(how, call.deadline).await?;
    let entry = cache.get(&key).ok_or_else(|| ApiError::NotFound(call.route.subject()))?;
    if call.route.subresource_name() == "scale" {
        return subresource::get_scale(call, &tree(&Current::from(&*entry))?);
    }
    if call.media.encoding == negotiation::Encoding::Protobuf
        && call.media.target.is_none()
        && let Some(encoding) = Encoding::protobuf(served.row)
    {
        let body = entry.body(&encoding).map_err(|error| ApiError::Internal(error.to_string()))?;
        return Ok(answer::encoded(call, 200, body));
    }
    answer::object(call, 200, &Current::from(&*entry))
}

/// A list.
pub(super) async fn list(call: &Call<'_>) -> Result<HttpResponse, ApiError> {
    let options = ListOptions::read(&call.query, call.served().row, false, call.route.name)?;
    let found = find(call, &options).await?;
    answer_list(call, &found)
}

/// A watch: the options are read here, the stream is the hub's.
pub(super) async fn watch(call: &Call<'_>) -> Result<HttpResponse, ApiError> {
    let served = call.served();
    let options = ListOptions::read(&call.query, served.row, true, call.route.name)?;
    let initial_events_end = options.initial_events == Some(true) && options.bookmarks;
    let start = start(&options)?;
    let encoding = transform::stream(call)?;
    let content_type = encoding.content_type();
    let watch = WatchOptions {
        scope: scope(call, &options),
        filter: filter(&options),
        start,
        initial_events_end,
        bookmarks: options.bookmarks,
        encoding,
        timeout: Some(options.timeout.filter(|timeout| !timeout.is_zero()).unwrap_or_else(default_timeout)),
    };
    let watcher = call.registry.source.cache(served.stored).watch(watch).await;
    let mut response = HttpResponse::Ok();
    response.insert_header((header::CONTENT_TYPE, content_type));
    Ok(response.body(watcher.into_body()))
}

/// Where a watch begins.
fn start(options: &ListOptions) -> Result<Start, ApiError> {
    let text = options.resource_version.as_str();
    Ok(match (options.initial_events, text) {
        (Some(true) | None, "") => Start::Initial(Freshness::Newest),
        (Some(true) | None, "0") => Start::Initial(Freshness::Any),
        (Some(true), text) => Start::Initial(Freshness::AtLeast(revision(text)?)),
        (Some(false), "" | "0") => Start::Now,
        (_, text) => Start::Behind(revision(text)?),
    })
}

/// The part of the resource that the request is about.
fn scope(call: &Call<'_>, options: &ListOptions) -> Scope {
    let namespaced = call.served().row.namespaced;
    let by_field = options.fields.exact("metadata.namespace").unwrap_or_default();
    let namespace = match (namespaced, call.route.namespace) {
        (false, _) => "",
        (true, "") => by_field,
        (true, namespace) => namespace,
    };
    match options.fields.exact("metadata.name").filter(|name| !name.is_empty()) {
        Some(name) if !namespaced => Scope::Object { namespace: None, name: name.into() },
        Some(name) if !namespace.is_empty() => Scope::Object { namespace: Some(namespace.into()), name: name.into() },
        _ if namespace.is_empty() => Scope::All,
        _ => Scope::Namespace(namespace.into()),
    }
}

/// The selectors as the hub takes them.
fn filter(options: &ListOptions) -> Filter {
    if options.selects_all() {
        return Filter::all();
    }
    let (labels, fields) = (options.labels.clone(), options.fields.clone());
    let filter = Filter::new(std::sync::Arc::new(move |entry| {
        labels.matches(|key| entry.label(key)) && fields.matches(|field| entry.field(field))
    }));
    let exact = options.fields.requirements().iter().filter(|one| one.equals);
    exact.fold(filter, |filter, one| filter.exact(&one.field, &one.value))
}
