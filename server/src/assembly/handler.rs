//! All handlers as one: what is no resource is looked for among the documents first.

use std::sync::Arc;

use actix_web::HttpResponse;
use actix_web::http::{Method, header};
use bytes::Bytes;
use futures_util::future::LocalBoxFuture;

use crate::authentication::service_account::discovery::{
    CONFIGURATION_PATH, KEY_SET_CONTENT_TYPE, KEY_SET_PATH, MAX_AGE_SECONDS, configuration, key_set,
};
use crate::authentication::service_account::key::VerifyingKey;
use crate::discovery::Discovery;
use crate::endpoint::SystemEndpoints;
use crate::filter::AuthorizedRequest;
use crate::filter::seam::Handler;
use crate::openapi::OpenApi;
use crate::registry::Registry;
use crate::status::ApiError;

/// The handler of everything.
pub(super) struct Joined {
    pub(super) registry: Registry,
    pub(super) discovery: Discovery,
    pub(super) openapi: Arc<OpenApi>,
    pub(super) tokens: TokenDocuments,
    pub(super) system: SystemEndpoints,
}

/// The documents by which ServiceAccount tokens are checked elsewhere.
pub(super) struct TokenDocuments {
    configuration: Option<Bytes>,
    key_set: Bytes,
}

impl TokenDocuments {
    /// The documents of an issuer and its keys; clients find the key set at `server`, an `https` URL.
    pub(super) fn new(issuer: &str, server: &str, keys: &[VerifyingKey]) -> Self {
        let configuration = configuration(issuer, &format!("{server}{KEY_SET_PATH}"), keys);
        Self { configuration: configuration.map(Bytes::from), key_set: key_set(keys).into() }
    }

    fn answer(&self, path: &str) -> Option<(&'static str, &Bytes)> {
        match path {
            CONFIGURATION_PATH => self.configuration.as_ref().map(|body| ("application/json", body)),
            KEY_SET_PATH => Some((KEY_SET_CONTENT_TYPE, &self.key_set)),
            _ => None,
        }
    }
}

impl Joined {
    async fn answer(&self, request: AuthorizedRequest) -> Result<HttpResponse, ApiError> {
        let info = Arc::clone(request.info());
        if info.is_resource_request {
            return self.registry.handle(request).await;
        }
        if Discovery::owns(&info.path) {
            return self.discovery.answer(&request);
        }
        if OpenApi::owns(&info.path) {
            return self.openapi.answer(&request).await;
        }
        if let Some((content_type, body)) = self.tokens.answer(&info.path) {
            if *request.http().method() != Method::GET {
                return Err(ApiError::MethodNotAllowed);
            }
            return Ok(HttpResponse::Ok()
                .insert_header((header::CONTENT_TYPE, content_type))
                .insert_header((header::CACHE_CONTROL, format!("public, max-age={MAX_AGE_SECONDS}")))
                .body(body.clone()));
        }
        self.system.handle(request).await
    }
}

impl Handler for Joined {
    fn handle(&self, request: AuthorizedRequest) -> LocalBoxFuture<'_, Result<HttpResponse, ApiError>> {
        Box::pin(self.answer(request))
    }
}
