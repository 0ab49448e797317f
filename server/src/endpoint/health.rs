//! `/livez` and `/readyz`: named checks, together or one by one.
//!
//! Source: k8s.io/apiserver/pkg/server/healthz and
//! <https://kubernetes.io/docs/reference/using-api/health-checks/>. Failed checks don't say why; the log does.

use std::fmt::Write as _;
use std::sync::Arc;

use actix_web::HttpResponse;
use actix_web::http::{StatusCode, header};
use futures_util::future::BoxFuture;

use crate::query::Query;
use crate::status::{ApiError, plain_text};
use howdah_api::go::quote;

/// One thing that has to be well.
pub trait Check: Send + Sync {
    /// Its name in the path, the query and the answer.
    fn name(&self) -> &str;
    /// Looks whether it is well.
    ///
    /// # Errors
    /// Why it isn't, for the log.
    fn check(&self) -> BoxFuture<'_, Result<(), String>>;
}

/// Always well: the server answers at all.
#[derive(Debug, Clone, Copy, Default)]
pub struct Ping;

impl Check for Ping {
    fn name(&self) -> &str {
        "ping"
    }

    fn check(&self) -> BoxFuture<'_, Result<(), String>> {
        Box::pin(async { Ok(()) })
    }
}

/// A health endpoint and its checks.
#[derive(Clone)]
pub struct Health {
    name: &'static str,
    checks: Arc<[Arc<dyn Check>]>,
}

impl Health {
    /// The endpoint `/NAME`.
    pub fn new(name: &'static str, checks: impl IntoIterator<Item = Arc<dyn Check>>) -> Self {
        Self { name, checks: checks.into_iter().collect() }
    }

    /// The same checks under another name.
    #[must_use]
    pub fn named(&self, name: &'static str) -> Self {
        Self { name, checks: Arc::clone(&self.checks) }
    }

    /// Answers for all checks, or for the one named `only`.
    pub(super) async fn answer(&self, query: &Query, only: Option<&str>) -> Result<HttpResponse, ApiError> {
        let Some(only) = only.filter(|only| !only.is_empty()) else { return Ok(self.answer_all(query).await) };
        let check = self.checks.iter().find(|check| check.name() == only).ok_or(ApiError::UnknownPath)?;
        Ok(match check.check().await {
            Ok(()) => healthy("ok"),
            Err(why) => {
                let text = format!("internal server error: {why}\n");
                plain_text(StatusCode::INTERNAL_SERVER_ERROR, text)
            }
        })
    }

    async fn answer_all(&self, query: &Query) -> HttpResponse {
        let mut excluded: Vec<&str> = query.all("exclude").collect();
        excluded.sort_unstable();
        excluded.dedup();
        let (mut report, mut failed) = (String::new(), false);
        for check in self.checks.iter() {
            let name = check.name();
            let known = excluded.len();
            excluded.retain(|excluded| *excluded != name);
            if excluded.len() < known {
                line(&mut report, format_args!("[+]{name} excluded: ok"));
            } else if let Err(why) = check.check().await {
                tracing::warn!(endpoint = self.name, check = name, why, "a health check failed");
                line(&mut report, format_args!("[-]{name} failed: reason withheld"));
                failed = true;
            } else {
                line(&mut report, format_args!("[+]{name} ok"));
            }
        }
        if !excluded.is_empty() {
            let names = excluded.iter().map(|name| quote(name)).collect::<Vec<_>>().join(",");
            let warning = format_args!("warn: some health checks cannot be excluded: no matches for {names}");
            line(&mut report, warning);
        }
        if failed {
            line(&mut report, format_args!("{} check failed", self.name));
            return plain_text(StatusCode::INTERNAL_SERVER_ERROR, report);
        }
        if !query.contains("verbose") {
            return healthy("ok");
        }
        line(&mut report, format_args!("{} check passed", self.name));
        healthy(report)
    }
}

fn line(report: &mut String, text: std::fmt::Arguments<'_>) {
    writeln!(report, "{text}").expect("writing to a String does not fail");
}

fn healthy(text: impl Into<String>) -> HttpResponse {
    let mut response = plain_text(StatusCode::OK, text);
    response.headers_mut().insert(header::CACHE_CONTROL, header::HeaderValue::from_static("no-cache, private"));
    response
}
