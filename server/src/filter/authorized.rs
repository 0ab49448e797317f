//! The request as handlers get it.

use std::sync::Arc;

use actix_web::dev::Payload;
use actix_web::http::header;
use actix_web::{HttpRequest, HttpResponse};
use tokio::time::Instant;

use super::Arrival;
use crate::authentication::user::UserInfo;
use crate::authorization::attributes::Attributes;
use crate::listener::upgrade::{Upgraded, switch};
use crate::listener::{Peer, Shutdown};
use crate::query::Query;
use crate::request_info::RequestInfo;

/// A request whose sender is known and may do what it asks for.
///
/// Only the chain makes one, after authorization: holding it is the proof. Its headers carry no credentials.
pub struct AuthorizedRequest {
    http: HttpRequest,
    payload: Payload,
    info: Arc<RequestInfo>,
    attributes: Attributes,
    audit_id: String,
    peer: Arc<Peer>,
    shutdown: Shutdown,
    deadline: Option<Instant>,
}

impl AuthorizedRequest {
    pub(super) fn new(
        arrival: &Arrival,
        payload: Payload,
        info: Arc<RequestInfo>,
        attributes: Attributes,
        deadline: Option<Instant>,
    ) -> Self {
        Self {
            http: arrival.http.clone(),
            payload,
            info,
            attributes,
            audit_id: arrival.audit_id.clone(),
            peer: Arc::clone(&arrival.connection.peer),
            shutdown: arrival.connection.shutdown.clone(),
            deadline,
        }
    }

    /// Method, URL and headers.
    #[must_use]
    pub fn http(&self) -> &HttpRequest {
        &self.http
    }

    /// What is asked for.
    #[must_use]
    pub fn info(&self) -> &Arc<RequestInfo> {
        &self.info
    }

    /// Who asks; after impersonation, as whom.
    #[must_use]
    pub fn user(&self) -> &Arc<UserInfo> {
        &self.attributes.user
    }

    /// What was authorized.
    #[must_use]
    pub fn attributes(&self) -> &Attributes {
        &self.attributes
    }

    /// The decoded query.
    #[must_use]
    pub fn query(&self) -> Query {
        Query::parse(self.http.query_string())
    }

    /// The request's id in the audit log.
    #[must_use]
    pub fn audit_id(&self) -> &str {
        &self.audit_id
    }

    /// The other end of the connection.
    #[must_use]
    pub fn peer(&self) -> &Peer {
        &self.peer
    }

    /// When the request has to be answered; `None` for long-running ones.
    #[must_use]
    pub fn deadline(&self) -> Option<Instant> {
        self.deadline
    }

    /// Tells when the server goes down.
    #[must_use]
    pub fn shutdown(&self) -> &Shutdown {
        &self.shutdown
    }

    /// The protocol the client wants to change to, when that is possible on its connection.
    #[must_use]
    pub fn wants_upgrade(&self) -> Option<&str> {
        self.http.headers().get(header::UPGRADE)?.to_str().ok()
    }

    /// Takes the body, to be read as a stream.
    #[must_use]
    pub fn into_payload(self) -> Payload {
        self.payload
    }

    /// Changes the connection to `protocol`: the answer to return, and both directions as a stream.
    ///
    /// To be used only when [`Self::wants_upgrade`] names the protocol.
    #[must_use]
    pub fn upgrade(self, protocol: &str) -> (HttpResponse, Upgraded) {
        switch(protocol, self.payload)
    }
}
