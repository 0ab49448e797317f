//! `/metrics`, in the text format every scraper reads, or in OpenMetrics where it is asked for.
//!
//! The registry encodes OpenMetrics. The older format (version 0.0.4) differs in what matters here by naming counters
//! with their suffix in the comments too, and by having no end mark and no units.

use std::sync::Arc;

use actix_web::http::header;
use actix_web::{HttpRequest, HttpResponse};
use prometheus_client::registry::Registry;

const OPEN_METRICS: &str = "application/openmetrics-text; version=1.0.0; charset=utf-8";
const TEXT: &str = "text/plain; version=0.0.4; charset=utf-8";

/// The endpoint.
#[derive(Debug, Clone)]
pub struct MetricsEndpoint {
    registry: Arc<Registry>,
}

impl MetricsEndpoint {
    /// Shows what is registered.
    #[must_use]
    pub fn new(registry: Arc<Registry>) -> Self {
        Self { registry }
    }

    pub(super) fn answer(&self, http: &HttpRequest) -> HttpResponse {
        let mut text = String::new();
        if let Err(error) = prometheus_client::encoding::text::encode(&mut text, &self.registry) {
            tracing::error!(%error, "metrics could not be encoded");
            return HttpResponse::InternalServerError().finish();
        }
        let accept = http.headers().get(header::ACCEPT).and_then(|value| value.to_str().ok()).unwrap_or_default();
        if accept.contains("application/openmetrics-text") {
            return HttpResponse::Ok().insert_header((header::CONTENT_TYPE, OPEN_METRICS)).body(text);
        }
        HttpResponse::Ok().insert_header((header::CONTENT_TYPE, TEXT)).body(to_text_format(&text))
    }
}

/// From OpenMetrics to the text format 0.0.4.
fn to_text_format(open_metrics: &str) -> String {
    let mut text = String::with_capacity(open_metrics.len());
    let mut lines = open_metrics.lines().peekable();
    while let Some(line) = lines.next() {
        let line = match line.strip_prefix("# ").map(|comment| comment.splitn(3, ' ').collect::<Vec<_>>()).as_deref() {
            Some(["HELP", name, help]) => {
                let counts = lines.peek().is_some_and(|next| *next == format!("# TYPE {name} counter"));
                format!("# HELP {name}{} {help}", if counts { "_total" } else { "" })
            }
            Some(["TYPE", name, "counter"]) => format!("# TYPE {name}_total counter"),
            Some(["TYPE", name, "unknown"]) => format!("# TYPE {name} untyped"),
            Some(["UNIT", ..] | ["EOF"]) => continue,
            _ => line.to_owned(),
        };
        text.push_str(&line);
        text.push('\n');
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn counters_are_named_whole() {
        let open = "# HELP a Things.\n# TYPE a counter\na_total{x=\"# EOF\"} 1\n# HELP b_seconds B.\n# TYPE b_seconds gauge\n# UNIT b_seconds seconds\nb_seconds 2\n# EOF\n";
        let text = "# HELP a_total Things.\n# TYPE a_total counter\na_total{x=\"# EOF\"} 1\n# HELP b_seconds B.\n# TYPE b_seconds gauge\nb_seconds 2\n";
        assert_eq!(to_text_format(open), text);
    }
}
