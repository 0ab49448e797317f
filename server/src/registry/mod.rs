//! The resources: one pipeline for all of them, on top of the store and the watch hub.
//!
//! A request becomes a [`route`], its answer's form is negotiated, its options are read ([`option`]), and then:
//!
//! - a read ([`read`]) is answered from the hub's bytes, as fresh as it asks, or from the store at an old revision;
//! - a write goes through the [`pipeline`]: decode ([`body`]) → normalise → default → patch or apply → managedFields →
//!   mutating admission ([`admission_seam`]) → the strategy's prepare, validate and canonicalise → validating admission →
//!   store;
//! - [`allocation`] gives Services their addresses and node ports, in the transactions that write them;
//! - [`subresource`] has what is neither: bindings, evictions, tokens, reviews;
//! - [`answer`] gives the stored bytes their negotiated form.
//!
//! Invariants. What is stored is canonical JSON in the stored version. A write that changes nothing (timestamps in
//! managedFields aside) is not written. A write is decided on what the cache holds; an error that rests on that is only
//! answered once the store has confirmed it. Nothing here looks at kinds: they differ in their rows and strategies.
//!
//! Deliberately absent: what is connected to (exec, logs, proxies), discovery, custom resources' rows.

pub mod admission_seam;
pub mod allocation;
mod answer;
mod body;
mod call;
mod convert;
mod encode;
mod expected;
mod object;
pub mod option;
mod pipeline;
mod read;
pub mod route;
mod source;
mod subresource;
mod transform;

use std::sync::Arc;

use actix_web::HttpResponse;
use actix_web::http::header;
use futures_util::future::LocalBoxFuture;
use howdah_api::time::Time;
use howdah_store::Store;
use k8s_openapi::jiff::Timestamp;

use self::admission_seam::Admission;
use self::allocation::ServiceRanges;
use self::call::Call;
#[cfg(fuzzing)]
pub use self::read::fuzzing;
use self::route::{Action, Route, Service};
use self::source::Source;
pub use self::subresource::{Reviewers, Tokens};
use crate::authorization::authorizer::Authorizer;
use crate::filter::AuthorizedRequest;
use crate::filter::seam::Handler;
use crate::filter::warning;
use crate::hub::Hub;
use crate::negotiation::{self, Media, Target};
use crate::status::ApiError;

pub(crate) use self::encode::payload;

/// What the registry is made of.
pub struct Parts {
    /// Where writes go.
    pub store: Store,
    /// The watch hub over it.
    pub hub: Hub,
    /// Judges and completes what is written.
    pub admission: Arc<dyn Admission>,
    /// Asked by reviews, and where an update turns out to create.
    pub authorizer: Arc<dyn Authorizer>,
    /// Issues ServiceAccounts' tokens; `None` where there is no key.
    pub tokens: Option<Tokens>,
    /// Answers TokenReviews; `None` where nobody does.
    pub reviewers: Option<Reviewers>,
    /// What Services are given.
    pub services: ServiceRanges,
    /// The time of day.
    pub clock: fn() -> Timestamp,
}

/// The handler of all resources.
pub struct Registry {
    source: Source,
    admission: Arc<dyn Admission>,
    authorizer: Arc<dyn Authorizer>,
    tokens: Option<Tokens>,
    reviewers: Option<Reviewers>,
    services: ServiceRanges,
    clock: fn() -> Timestamp,
}

impl Registry {
    /// A registry of these parts.
    #[must_use]
    pub fn new(parts: Parts) -> Self {
        let Parts { store, hub, admission, authorizer, tokens, reviewers, services, clock } = parts;
        Self { source: Source::new(hub, store), admission, authorizer, tokens, reviewers, services, clock }
    }

    /// The time of day.
    fn now(&self) -> Time {
        let now = (self.clock)();
        let nanos = u32::try_from(now.subsec_nanosecond()).unwrap_or_default();
        Time { seconds: now.as_second(), nanos }
    }

    async fn answer(&self, request: AuthorizedRequest) -> Result<HttpResponse, ApiError> {
        let http = request.http().clone();
        let info = Arc::clone(request.info());
        let route = Route::find(&info, http.method())?;
        if route.action == Action::Patch {
            pipeline::check_patch_type(&http)?;
        }
        let media = media(&http, route.action)?;
        let call = Call::new(self, &request, route, media);
        let outcome = match (route.served.service, route.action) {
            (Service::Review, _) => subresource::review(&call, body::read(request.into_payload()).await?).await,
            (Service::Binding, _) => subresource::binding(&call, body::read(request.into_payload()).await?).await,
            (_, Action::Get) => read::get(&call).await,
            (_, Action::List) => read::list(&call).await,
            (_, Action::Watch) => read::watch(&call).await,
            (_, action) => {
                // Options and content types are looked at before a body is waited for, where upstream does so too.
                let body = body::read(request.into_payload()).await?;
                match (route.subresource_name(), action) {
                    ("binding", Action::Create) => subresource::binding(&call, body).await,
                    ("eviction", Action::Create) => subresource::eviction(&call, body).await,
                    ("token", Action::Create) => subresource::token(&call, body).await,
                    (_, Action::Create) => pipeline::create(&call, &body).await,
                    (_, Action::Update) => pipeline::update(&call, &body).await,
                    (_, Action::Patch) => pipeline::patch(&call, body).await,
                    (_, Action::Delete) => pipeline::delete(&call, &body).await,
                    _ => pipeline::delete_collection(&call, &body).await,
                }
            }
        };
        let warnings = call.into_warnings();
        let mut response = match outcome {
            Ok(response) => response,
            // Warnings go out with errors as well.
            Err(error) if !warnings.is_empty() => error.respond(&negotiation::of_error(&http)),
            Err(error) => return Err(error),
        };
        warning::append_all(response.headers_mut(), &warnings);
        Ok(response)
    }
}

impl Handler for Registry {
    fn handle(&self, request: AuthorizedRequest) -> LocalBoxFuture<'_, Result<HttpResponse, ApiError>> {
        Box::pin(self.answer(request))
    }
}

/// The form of the answer.
fn media(http: &actix_web::HttpRequest, action: Action) -> Result<Media, ApiError> {
    let header = negotiation::text_header(http, &header::ACCEPT);
    // Collections are routed as what they are, watched or not.
    let mut produced = negotiation::Encoding::media_types();
    if matches!(action, Action::List | Action::Watch) {
        produced.extend(negotiation::Encoding::stream_media_types());
    }
    if header.is_some_and(|header| !header.is_empty() && !negotiation::names_any(header, &produced)) {
        return Err(ApiError::not_produced(&produced));
    }
    let watches = action == Action::Watch;
    let allows = |encoding: negotiation::Encoding, target: Option<&Target>| {
        let is_streamed = !watches || encoding != negotiation::Encoding::Yaml;
        is_streamed && target.is_none_or(|target| transform::is_known(target, encoding))
    };
    let media = negotiation::accept(header, allows).ok_or_else(|| {
        let accepted =
            if watches { negotiation::Encoding::stream_media_types() } else { negotiation::Encoding::media_types() };
        ApiError::NotAcceptable(accepted)
    })?;
    Ok(Media { pretty: media.pretty || negotiation::wants_indentation(http), ..media })
}
