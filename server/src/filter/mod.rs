//! The filters every request passes, in this order, with no way around them:
//!
//! panic guard → request info → deadline → authentication → audit → impersonation → flow control → authorization →
//! handler
//!
//! [`Chain`] is the frame; what fills it comes through the seams in [`seam`]. Nothing but the chain makes an
//! [`AuthorizedRequest`], a [`Handler`] takes nothing else, and the listener serves nothing but a chain: so a handler
//! that forgets to authenticate or authorize can't be written.
//!
//! Invariants: every request gets an answer, by its deadline unless it is long-running; a panic costs one request;
//! credentials are gone from the headers before a handler sees them. An answer that streams is bounded as well: by the
//! deadline, or, when long-running, by the client's presence and the server's shutdown.
//!
//! Order and wording are upstream's `DefaultBuildHandlerChain` (k8s.io/apiserver/pkg/server/config.go).

mod authorized;
mod body;
mod deadline;
mod metrics;
pub mod seam;
pub mod warning;

use std::panic::AssertUnwindSafe;
use std::sync::Arc;
use std::time::Duration;

use actix_web::dev::{Payload, ServiceRequest, ServiceResponse};
use actix_web::http::header::{self, HeaderName, HeaderValue};
use actix_web::http::{StatusCode, Version};
use actix_web::{HttpMessage as _, HttpRequest, HttpResponse};
use futures_util::FutureExt as _;
use k8s_openapi::jiff::Timestamp;
use tokio::time::{Instant, timeout_at};

pub use self::authorized::AuthorizedRequest;
pub use self::metrics::Metrics;
use self::seam::{Audit, Authenticator, Entry, FlowControl, Handler};
use crate::authentication::impersonation::{self, Impersonated, ImpersonationError};
use crate::authentication::{Authenticated, Evidence};
use crate::authorization::attributes::Attributes;
use crate::authorization::authorizer::Authorizer;
use crate::listener::peer::ConnectionData;
use crate::negotiation::{self, Media};
use crate::query::Query;
use crate::request_info::{RequestInfo, RequestInfoError};
use crate::status::{ApiError, plain_text};
use howdah_api::go::quote;

/// How long a request may take when it says nothing, and at most: upstream's `--request-timeout`.
pub const REQUEST_TIMEOUT: Duration = Duration::from_secs(60);

/// What a chain is made of.
pub struct Parts {
    /// Tells who sent a request.
    pub authenticator: Arc<dyn Authenticator>,
    /// Tells whether they may.
    pub authorizer: Arc<dyn Authorizer>,
    /// Is told of each request.
    pub audit: Option<Arc<dyn Audit>>,
    /// Holds requests back when there are too many.
    pub flow_control: Option<Arc<dyn FlowControl>>,
    /// Answers.
    pub handler: Arc<dyn Handler>,
    /// Counts.
    pub metrics: Arc<Metrics>,
    /// The longest time a request may take that isn't long-running.
    pub request_timeout: Duration,
    /// The time of day, for credentials' validity.
    pub clock: fn() -> Timestamp,
}

/// The filters with what fills them.
pub struct Chain {
    parts: Parts,
}

/// What is known of a request before it is known who sent it.
struct Arrival {
    received: Instant,
    http: HttpRequest,
    headers: Vec<(HeaderName, HeaderValue)>,
    audit_id: String,
    connection: ConnectionData,
}

impl Chain {
    /// A chain of these parts.
    #[must_use]
    pub fn new(parts: Parts) -> Arc<Self> {
        Arc::new(Self { parts })
    }

    /// Takes one request through the filters. Always answers.
    pub(crate) async fn serve(&self, mut request: ServiceRequest) -> ServiceResponse {
        let received = Instant::now();
        let Some(connection) = connection_data(&request) else {
            tracing::error!("a request came without its connection's data");
            return request.into_response(ApiError::Internal("no connection data".to_owned()).respond(&Media::json()));
        };
        restore_upgrade(&mut request, &connection);
        let headers: Vec<_> = request.headers().iter().map(|(name, value)| (name.clone(), value.clone())).collect();
        let secret = |name: &HeaderName| {
            *name == header::AUTHORIZATION
                || impersonation::owns(name.as_str())
                || self.parts.authenticator.owns_header(name.as_str())
        };
        for (name, _) in headers.iter().filter(|(name, _)| secret(name)) {
            request.headers_mut().remove(name);
        }
        let audit_id = audit_id(&headers);
        let (http, payload) = request.into_parts();
        let media = negotiation::of_error(&http);
        let arrival = Arrival { received, http: http.clone(), headers, audit_id: audit_id.clone(), connection };

        let guarded = AssertUnwindSafe(self.pass(arrival, payload)).catch_unwind().await;
        let mut response = match guarded {
            Ok(response) => response,
            Err(panic) => {
                let text = panic.downcast_ref::<&str>().copied().map(str::to_owned);
                let text = text.or_else(|| panic.downcast_ref::<String>().cloned()).unwrap_or_default();
                tracing::error!(panic = %text, method = %http.method(), path = %http.path(), "a handler panicked");
                ApiError::Panicked.respond(&media)
            }
        };
        let headers = response.headers_mut();
        if !headers.contains_key(header::CACHE_CONTROL) {
            headers.insert(header::CACHE_CONTROL, HeaderValue::from_static("no-cache, private"));
        }
        if let Ok(id) = HeaderValue::try_from(audit_id) {
            headers.insert(HeaderName::from_static("audit-id"), id);
        }
        ServiceResponse::new(http, response)
    }

    /// From the request info on. Errors have become answers.
    async fn pass(&self, arrival: Arrival, payload: Payload) -> HttpResponse {
        let http = arrival.http.clone();
        let info = match RequestInfo::parse(http.method().as_str(), http.uri().path(), http.query_string()) {
            Ok(info) => info,
            Err(RequestInfoError::BrokenEscape) => return plain_text(StatusCode::BAD_REQUEST, "400 Bad Request"),
            Err(error) => {
                let target = quote(&http.uri().to_string());
                let text = format!("Internal Server Error: {target}: failed to create RequestInfo: {error}\n");
                return plain_text(StatusCode::INTERNAL_SERVER_ERROR, text);
            }
        };
        let info = Arc::new(info);
        let measured = self.parts.metrics.begin(&info);
        let media = negotiation::of_error(&http);
        let response = self.within_deadline(arrival, payload, &info).await.unwrap_or_else(|error| {
            tracing::debug!(?error, verb = %info.verb, resource = %info.resource, "a request was refused");
            error.respond(&media)
        });
        measured.end(response.status().as_u16());
        response
    }

    async fn within_deadline(
        &self,
        arrival: Arrival,
        payload: Payload,
        info: &Arc<RequestInfo>,
    ) -> Result<HttpResponse, ApiError> {
        let connection = arrival.connection.clone();
        if info.is_long_running() {
            let response = tokio::select! {
                answered = self.answer(arrival, payload, info, None) => answered?,
                () = connection.client_gone.cancelled() => return Err(ApiError::DeadlinePassed),
                () = connection.shutdown.clone().draining() => {
                    return Err(ApiError::ServiceUnavailable("apiserver is shutting down".to_owned()));
                }
            };
            return Ok(body::until_gone(response, connection));
        }
        let limit = deadline::limit(&Query::parse(arrival.http.query_string()), self.parts.request_timeout)?;
        let deadline = arrival.received + limit;
        let answered = timeout_at(deadline, self.answer(arrival, payload, info, Some(deadline))).await;
        Ok(body::until(answered.map_err(|_elapsed| ApiError::DeadlinePassed)??, deadline))
    }

    /// Authentication, audit, impersonation, flow control, authorization, and the handler.
    async fn answer(
        &self,
        arrival: Arrival,
        payload: Payload,
        info: &Arc<RequestInfo>,
        deadline: Option<Instant>,
    ) -> Result<HttpResponse, ApiError> {
        let parts = &self.parts;
        let headers: Vec<(&str, &str)> =
            arrival.headers.iter().filter_map(|(name, value)| Some((name.as_str(), value.to_str().ok()?))).collect();
        let certificates = arrival.connection.peer.certificates();
        let now = (parts.clock)();
        let evidence = Evidence { certificates, headers: &headers, path: &info.path, now };

        let authenticated = match parts.authenticator.authenticate(evidence).await {
            Ok(Some(authenticated)) => authenticated,
            Ok(None) => return Err(ApiError::Unauthorized),
            Err(error) => {
                tracing::warn!(%error, "a request's credentials were refused");
                return Err(ApiError::Unauthorized);
            }
        };
        let Authenticated { user, warnings, .. } = authenticated;
        let user = Arc::new(user);
        let mut entry = Entry { audit_id: &arrival.audit_id, info, user: &user, impersonated: None };
        if let Some(audit) = &parts.audit {
            audit.received(&entry);
        }
        let acting = self.acting_user(&evidence, &info.attributes(Arc::clone(&user)));
        entry.impersonated = acting.as_ref().ok().and_then(Option::as_ref);
        let answered = match &acting {
            Ok(None) => self.authorize(&arrival, payload, info.attributes(Arc::clone(&user)), info, deadline).await,
            Ok(Some(acting)) => {
                let attributes = info.attributes(Arc::new(acting.user.clone()));
                self.authorize(&arrival, payload, attributes, info, deadline).await
            }
            Err(error) => Err(error.clone()),
        };
        if let Some(audit) = &parts.audit {
            let code = match &answered {
                Ok(response) => response.status().as_u16(),
                Err(error) => error.code(),
            };
            audit.answered(&entry, code);
        }
        let mut response = answered?;
        for warning in &warnings {
            warning::append(response.headers_mut(), warning);
        }
        Ok(response)
    }

    /// Whom the request goes on as, when it asks to be somebody else.
    fn acting_user(&self, evidence: &Evidence<'_>, attributes: &Attributes) -> Result<Option<Impersonated>, ApiError> {
        let refused = |error| match error {
            ImpersonationError::BadRequest(message) => ApiError::BadRequest(message),
            ImpersonationError::Forbidden { attributes, reason } => ApiError::forbidden(&attributes, &reason),
        };
        let Some(wanted) = impersonation::wanted_user(evidence).map_err(refused)? else { return Ok(None) };
        impersonation::impersonate(&*self.parts.authorizer, attributes, &wanted).map(Some).map_err(refused)
    }

    /// Flow control, authorization, and the handler.
    async fn authorize(
        &self,
        arrival: &Arrival,
        payload: Payload,
        attributes: Attributes,
        info: &Arc<RequestInfo>,
        deadline: Option<Instant>,
    ) -> Result<HttpResponse, ApiError> {
        // Held until the handler has answered.
        let _seat = match &self.parts.flow_control {
            Some(control) if !info.is_long_running() => {
                Some(control.admit(&attributes).await.map_err(ApiError::TooManyRequests)?)
            }
            _ => None,
        };
        let verdict = self.parts.authorizer.authorize(&attributes);
        if !verdict.is_allowed() {
            return Err(ApiError::forbidden(&attributes, &verdict.reason));
        }
        let authorized = AuthorizedRequest::new(arrival, payload, Arc::clone(info), attributes, deadline);
        self.parts.handler.handle(authorized).await
    }
}

/// What the listener attached: to the connection for HTTP/1, to the request for HTTP/2.
fn connection_data(request: &ServiceRequest) -> Option<ConnectionData> {
    let attached = request.conn_data::<ConnectionData>().cloned();
    attached.or_else(|| request.extensions().get::<ConnectionData>().cloned())
}

/// Puts the protocol the client asked for back where the gate has put `websocket`.
fn restore_upgrade(request: &mut ServiceRequest, connection: &ConnectionData) {
    let upgrades = request.version() == Version::HTTP_11 && request.headers().contains_key(header::UPGRADE);
    let protocol = connection.upgrade.get().filter(|_| upgrades).and_then(|text| HeaderValue::from_str(text).ok());
    match protocol {
        Some(protocol) => {
            request.headers_mut().insert(header::UPGRADE, protocol);
        }
        // No upgrade that passed the gate.
        None => drop(request.headers_mut().remove(header::UPGRADE)),
    }
}

/// The client's `Audit-ID`, when it sends one that can be kept; else a new one.
fn audit_id(headers: &[(HeaderName, HeaderValue)]) -> String {
    let sent = headers.iter().find(|(name, _)| name.as_str() == "audit-id").and_then(|(_, value)| value.to_str().ok());
    match sent {
        Some(sent) if !sent.is_empty() && sent.len() <= 64 => sent.to_owned(),
        _ => uuid::Uuid::new_v4().to_string(),
    }
}
