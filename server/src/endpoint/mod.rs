//! What the server tells about itself: health, version, metrics.
//!
//! Paths that are no resources; everything else is answered 404 in upstream's way. They stand behind the filters like
//! any other handler: upstream's roles let everybody read health and version, and few read metrics.

pub mod health;
pub mod metrics;
pub mod version;

use actix_web::HttpResponse;
use futures_util::future::LocalBoxFuture;

use self::health::Health;
use self::metrics::MetricsEndpoint;
use self::version::Version;
use crate::filter::AuthorizedRequest;
use crate::filter::seam::Handler;
use crate::status::ApiError;

/// The handler of these paths.
pub struct SystemEndpoints {
    /// `/livez` and what is below.
    pub livez: Health,
    /// `/readyz` and what is below.
    pub readyz: Health,
    /// `/version`.
    pub version: Version,
    /// `/metrics`.
    pub metrics: MetricsEndpoint,
}

impl SystemEndpoints {
    async fn answer(&self, request: &AuthorizedRequest) -> Result<HttpResponse, ApiError> {
        let info = request.info();
        if info.is_resource_request {
            return Err(ApiError::UnknownResource);
        }
        let path = info.path.trim_start_matches('/');
        let (first, rest) = path.split_once('/').map_or((path, None), |(first, rest)| (first, Some(rest)));
        match (first, rest) {
            ("livez", rest) => self.livez.answer(&request.query(), rest).await,
            // The deprecated name of both; upstream keeps it.
            ("healthz", rest) => self.livez.named("healthz").answer(&request.query(), rest).await,
            ("readyz", rest) => self.readyz.answer(&request.query(), rest).await,
            ("version", None | Some("")) => self.version.answer(request.http().method()),
            ("metrics", None) => Ok(self.metrics.answer(request.http())),
            _ => Err(ApiError::UnknownPath),
        }
    }
}

impl Handler for SystemEndpoints {
    fn handle(&self, request: AuthorizedRequest) -> LocalBoxFuture<'_, Result<HttpResponse, ApiError>> {
        Box::pin(async move { self.answer(&request).await })
    }
}
