//! One request on its way through the registry.

use std::cell::RefCell;
use std::sync::Arc;
use std::time::Duration;

use actix_web::HttpRequest;
use actix_web::http::header;
use howdah_api::kind;
use howdah_api::time::Time;
use howdah_store::Deadline;
use tokio::time::Instant;

use super::Registry;
use super::option::{WriteOptions, manager_or_user_agent};
use super::route::{Route, Served};
use crate::authentication::user::UserInfo;
use crate::authorization::attributes::Attributes;
use crate::filter::AuthorizedRequest;
use crate::negotiation::{Media, text_header};
use crate::query::Query;

/// The longest that a write may take.
const WRITE_TIMEOUT: Duration = Duration::from_secs(34);

/// One request.
pub(super) struct Call<'r> {
    pub(super) registry: &'r Registry,
    pub(super) route: Route<'r>,
    pub(super) media: Media,
    pub(super) user: Arc<UserInfo>,
    pub(super) attributes: Attributes,
    pub(super) http: HttpRequest,
    pub(super) query: Query,
    /// When the request came.
    pub(super) now: Time,
    /// When it has to be done.
    pub(super) deadline: Instant,
    warnings: RefCell<Vec<String>>,
}

impl<'r> Call<'r> {
    pub(super) fn new(registry: &'r Registry, request: &AuthorizedRequest, route: Route<'r>, media: Media) -> Self {
        let upper = Instant::now() + WRITE_TIMEOUT;
        Self {
            registry,
            route,
            media,
            user: Arc::clone(request.user()),
            attributes: request.attributes().clone(),
            http: request.http().clone(),
            query: request.query(),
            now: registry.now(),
            deadline: request.deadline().map_or(upper, |deadline| deadline.min(upper)),
            warnings: RefCell::new(Vec::new()),
        }
    }

    /// The same request on another resource: a binding writes its pod.
    pub(super) fn on(&self, route: Route<'r>) -> Self {
        Self {
            registry: self.registry,
            route,
            media: self.media.clone(),
            user: Arc::clone(&self.user),
            attributes: self.attributes.clone(),
            http: self.http.clone(),
            query: self.query.clone(),
            now: self.now,
            deadline: self.deadline,
            warnings: RefCell::new(Vec::new()),
        }
    }

    pub(super) fn served(&self) -> &'static Served {
        self.route.served
    }

    /// How long a write may still take.
    pub(super) fn write_deadline(&self) -> Deadline {
        Deadline::after(self.deadline.saturating_duration_since(Instant::now()))
    }

    /// What strategies are told.
    pub(super) fn request(&self) -> kind::Request<'static> {
        kind::Request { subresource: self.route.subresource_name(), now: self.now }
    }

    /// Who writes, for managedFields.
    pub(super) fn manager(&self, options: &WriteOptions) -> String {
        let agent = text_header(&self.http, &header::USER_AGENT).unwrap_or_default();
        manager_or_user_agent(&options.field_manager, agent)
    }

    /// Notes warnings for the client.
    pub(super) fn warn(&self, texts: impl IntoIterator<Item = String>) {
        self.warnings.borrow_mut().extend(texts);
    }

    /// Forgets the warnings of an attempt that is made again.
    pub(super) fn keep_warnings(&self, count: usize) {
        self.warnings.borrow_mut().truncate(count);
    }

    /// How many warnings there are.
    pub(super) fn warning_count(&self) -> usize {
        self.warnings.borrow().len()
    }

    pub(super) fn into_warnings(self) -> Vec<String> {
        self.warnings.into_inner()
    }
}
