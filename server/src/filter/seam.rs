//! What fills the chain.
//!
//! Authentication and impersonation may have to look objects up, so they are asynchronous; they see borrowed data only
//! and may run on any thread. The authorizer's seam is [`crate::authorization::authorizer::Authorizer`].

use std::any::Any;
use std::sync::Arc;
use std::time::Duration;

use actix_web::HttpResponse;
use futures_util::future::{BoxFuture, LocalBoxFuture};

use super::AuthorizedRequest;
use crate::authentication::user::UserInfo;
use crate::authentication::{Evidence, Outcome};
use crate::authorization::attributes::Attributes;
use crate::authorization::authorizer::Authorizer;
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

/// Lets one user act as another.
pub trait Impersonator: Send + Sync {
    /// The user to act as; `None` when the request doesn't ask for it.
    ///
    /// # Errors
    /// When the request asks for what `user` may not do, or asks wrongly.
    fn impersonate<'a>(
        &'a self,
        user: &'a Arc<UserInfo>,
        evidence: Evidence<'a>,
        info: &'a RequestInfo,
        authorizer: &'a dyn Authorizer,
    ) -> BoxFuture<'a, Result<Option<Arc<UserInfo>>, ApiError>>;
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
    pub impersonated: Option<&'a Arc<UserInfo>>,
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
