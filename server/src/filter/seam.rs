//! What fills the chain.
//!
//! Authentication may have to look objects up, so it is asynchronous; it sees borrowed data only and may run on any
//! thread. The authorizer's seam is [`crate::authorization::authorizer::Authorizer`]; impersonation rests on it alone and
//! has none of its own.

use std::any::Any;
use std::sync::Arc;
use std::time::Duration;

use actix_web::HttpResponse;
use futures_util::future::{BoxFuture, LocalBoxFuture};

use super::AuthorizedRequest;
use crate::authentication::impersonation::Impersonated;
use crate::authentication::user::UserInfo;
use crate::authentication::{self, Evidence, Outcome};
use crate::authorization::attributes::Attributes;
use crate::request_info::RequestInfo;
use crate::status::ApiError;

/// Tells who sent a request.
pub trait Authenticator: Send + Sync {
    /// Looks at what the request brings.
    ///
    /// `Ok(None)` and errors are answered 401 alike: an authenticator that lets anonymous requests in says so by
    /// returning the anonymous user.
    fn authenticate<'a>(&'a self, evidence: Evidence<'a>) -> BoxFuture<'a, Outcome>;

    /// Whether a header (its name in lower case) carries an identity and must not reach handlers or whom they proxy
    /// to. `authorization` and `impersonate-*` are taken out anyway.
    fn owns_header(&self, _name: &str) -> bool {
        false
    }
}

impl Authenticator for authentication::Chain {
    fn authenticate<'a>(&'a self, evidence: Evidence<'a>) -> BoxFuture<'a, Outcome> {
        Box::pin(async move { authentication::Chain::authenticate(self, &evidence).await })
    }

    fn owns_header(&self, name: &str) -> bool {
        authentication::Chain::owns_header(self, name)
    }
}

/// One request, as the audit sees it.
#[derive(Debug)]
pub struct Entry<'a> {
    /// The request's id, which its answer carries as `Audit-Id`.
    pub audit_id: &'a str,
    /// What is asked for.
    pub info: &'a RequestInfo,
    /// Who asks.
    pub user: &'a Arc<UserInfo>,
    /// As whom, where that is somebody else.
    pub impersonated: Option<&'a Impersonated>,
}

/// Is told of each request that was authenticated.
pub trait Audit: Send + Sync {
    /// A request has come in.
    fn received(&self, entry: &Entry<'_>);
    /// It is being answered with this HTTP code.
    fn answered(&self, entry: &Entry<'_>, code: u16);
}

/// The right to be served now; dropping it gives it back.
pub type Seat = Box<dyn Any + Send>;

/// Holds requests back when there are too many.
pub trait FlowControl: Send + Sync {
    /// Waits for a seat.
    ///
    /// # Errors
    /// The time after which the client may come back, when there is none to be had.
    fn admit<'a>(&'a self, attributes: &'a Attributes) -> BoxFuture<'a, Result<Seat, Duration>>;
}

/// Answers requests that have passed all filters. Shared by all threads; a request stays on its own.
pub trait Handler: Send + Sync {
    /// Answers one request.
    ///
    /// # Errors
    /// What the client gets as a `Status`.
    fn handle(&self, request: AuthorizedRequest) -> LocalBoxFuture<'_, Result<HttpResponse, ApiError>>;
}
