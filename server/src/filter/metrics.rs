//! The chain's metrics, under upstream's names.
//!
//! Labels are bounded: what a client can make up (an unknown resource, a strange method) is not told apart.

use std::sync::Arc;
use std::sync::atomic::AtomicI64;

use prometheus_client::encoding::EncodeLabelSet;
use prometheus_client::metrics::counter::Counter;
use prometheus_client::metrics::family::Family;
use prometheus_client::metrics::gauge::Gauge;
use prometheus_client::metrics::histogram::Histogram;
use prometheus_client::registry::Registry;
use tokio::time::Instant;

use crate::request_info::RequestInfo;

#[derive(Debug, Clone, PartialEq, Eq, Hash, EncodeLabelSet)]
struct Request {
    verb: String,
    group: String,
    version: String,
    resource: String,
    subresource: String,
    scope: &'static str,
    code: u16,
}

#[derive(Debug, Clone, PartialEq, Eq, Hash, EncodeLabelSet)]
struct Verb {
    verb: String,
}

#[derive(Debug, Clone, PartialEq, Eq, Hash, EncodeLabelSet)]
struct Kind {
    request_kind: &'static str,
}

/// Upstream's buckets.
const DURATION_SECONDS: [f64; 23] = [
    0.005, 0.025, 0.05, 0.1, 0.2, 0.4, 0.6, 0.8, 1.0, 1.25, 1.5, 2.0, 3.0, 4.0, 5.0, 6.0, 8.0, 10.0, 15.0, 20.0, 30.0,
    45.0, 60.0,
];

/// Counters of requests. One set a server.
#[derive(Debug)]
pub struct Metrics {
    requests: Family<Request, Counter>,
    durations: Family<Verb, Histogram>,
    in_flight: Family<Kind, Gauge<i64, AtomicI64>>,
}

impl Metrics {
    /// Makes the metrics and registers them.
    #[must_use]
    pub fn register(registry: &mut Registry) -> Arc<Self> {
        let metrics = Self {
            requests: Family::default(),
            durations: Family::new_with_constructor(|| Histogram::new(DURATION_SECONDS)),
            in_flight: Family::default(),
        };
        registry.register("apiserver_request", "Requests answered", metrics.requests.clone());
        let what = "Time from a request's arrival to its answer's head, long-running requests aside";
        registry.register("apiserver_request_duration_seconds", what, metrics.durations.clone());
        registry.register("apiserver_current_inflight_requests", "Requests being served", metrics.in_flight.clone());
        Arc::new(metrics)
    }

    pub(super) fn begin(&self, info: &Arc<RequestInfo>) -> Measured<'_> {
        let reads = matches!(info.verb.as_str(), "get" | "list" | "watch" | "head" | "options");
        let kind = Kind { request_kind: if reads { "readOnly" } else { "mutating" } };
        self.in_flight.get_or_create(&kind).inc();
        Measured { metrics: self, info: Arc::clone(info), began: Instant::now(), kind }
    }
}

/// A request being served; counted in flight until dropped.
pub(super) struct Measured<'a> {
    metrics: &'a Metrics,
    info: Arc<RequestInfo>,
    began: Instant,
    kind: Kind,
}

impl Measured<'_> {
    pub(super) fn end(self, code: u16) {
        let info = &self.info;
        let known_verbs = ["get", "list", "watch", "create", "update", "patch", "delete", "deletecollection", "proxy"];
        let verb =
            if known_verbs.contains(&info.verb.as_str()) { info.verb.to_uppercase() } else { "other".to_owned() };
        // These codes are given to whatever a client makes up.
        let known = info.is_resource_request && !matches!(code, 401 | 403 | 404 | 405 | 500 | 504);
        let label = |text: &str| if known { text.to_owned() } else { String::new() };
        let scope = match info {
            _ if !known => "",
            info if !info.name.is_empty() => "resource",
            info if !info.namespace.is_empty() => "namespace",
            _ => "cluster",
        };
        let request = Request {
            verb: verb.clone(),
            group: label(&info.api_group),
            version: label(&info.api_version),
            resource: label(&info.resource),
            subresource: label(&info.subresource),
            scope,
            code,
        };
        self.metrics.requests.get_or_create(&request).inc();
        if !info.is_long_running() {
            self.metrics.durations.get_or_create(&Verb { verb }).observe(self.began.elapsed().as_secs_f64());
        }
    }
}

impl Drop for Measured<'_> {
    fn drop(&mut self) {
        self.metrics.in_flight.get_or_create(&self.kind).dec();
    }
}
