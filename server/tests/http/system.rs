//! Health, version and metrics through the whole chain.

use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use futures_util::FutureExt as _;
use futures_util::future::BoxFuture;
use howdah_server::clock::system;
use howdah_server::endpoint::SystemEndpoints;
use howdah_server::endpoint::health::{Check, Health, Ping};
use howdah_server::endpoint::metrics::MetricsEndpoint;
use howdah_server::endpoint::version::Version;
use howdah_server::filter::{Chain, Metrics, Parts};
use howdah_server::listener::{self, Endpoint, Limits};
use prometheus_client::registry::Registry;
use tokio::net::TcpStream;

use crate::client::{Answer, Http1};
use crate::world::{TestAuthenticator, TestAuthorizer};

struct Store(Arc<AtomicBool>);

impl Check for Store {
    fn name(&self) -> &str {
        "store"
    }

    fn check(&self) -> BoxFuture<'_, Result<(), String>> {
        let well = self.0.load(Ordering::SeqCst);
        std::future::ready(if well { Ok(()) } else { Err("no connection".to_owned()) }).boxed()
    }
}

#[tokio::test]
async fn the_server_tells_about_itself() {
    let well = Arc::new(AtomicBool::new(true));
    let mut registry = Registry::default();
    let metrics = Metrics::register(&mut registry);
    let checks = || -> Vec<Arc<dyn Check>> { vec![Arc::new(Ping), Arc::new(Store(Arc::clone(&well)))] };
    let handler = SystemEndpoints {
        livez: Health::new("livez", [Arc::new(Ping) as Arc<dyn Check>]),
        readyz: Health::new("readyz", checks()),
        version: Version::of_this_build(37),
        metrics: MetricsEndpoint::new(Arc::new(registry)),
    };
    let chain = Chain::new(Parts {
        authenticator: Arc::new(TestAuthenticator),
        authorizer: Arc::new(TestAuthorizer),
        audit: None,
        flow_control: None,
        handler: Arc::new(handler),
        metrics,
        request_timeout: Duration::from_secs(60),
        clock: system,
    });
    let any = SocketAddr::from(([127, 0, 0, 1], 0));
    let server = listener::start(vec![Endpoint::Plain(any)], Limits::default(), chain).await.expect("started");
    let mut client = Http1::new(TcpStream::connect(server.addresses()[0]).await.expect("connected"));

    let show = |answer: Answer| (answer.code, answer.body);
    let ok = || (200, "ok".to_owned());
    assert_eq!(show(client.get("/livez").await), ok());
    assert_eq!(show(client.get("/healthz").await), ok());
    assert_eq!(show(client.get("/readyz").await), ok());
    assert_eq!(show(client.get("/readyz/store").await), ok());
    assert_eq!(client.get("/readyz/nothing").await.code, 404);
    let verbose = show(client.get("/readyz?verbose").await);
    assert_eq!(verbose, (200, "[+]ping ok\n[+]store ok\nreadyz check passed\n".to_owned()));

    well.store(false, Ordering::SeqCst);
    let failed = show(client.get("/readyz").await);
    assert_eq!(failed, (500, "[+]ping ok\n[-]store failed: reason withheld\nreadyz check failed\n".to_owned()));
    assert_eq!(client.get("/readyz/store").await.code, 500);
    assert_eq!(show(client.get("/livez").await), ok());
    let excluded = show(client.get("/readyz?verbose&exclude=store&exclude=gone").await);
    let expected = "[+]ping ok\n[+]store excluded: ok\nwarn: some health checks cannot be excluded: no matches for \"gone\"\nreadyz check passed\n";
    assert_eq!(excluded, (200, expected.to_owned()));

    let version: serde_json::Value = serde_json::from_str(&client.get("/version").await.body).expect("JSON");
    assert_eq!((version["major"].as_str(), version["minor"].as_str()), (Some("1"), Some("37")));
    assert!(version["gitVersion"].as_str().is_some_and(|text| text.starts_with("v1.37.0")), "{version}");

    assert_eq!(client.get("/api/v1/namespaces/default/secrets").await.code, 403);
    assert_eq!(client.get("/api/v1/made-up").await.code, 404);
    let answer = client.get("/metrics").await;
    assert_eq!(answer.header("content-type"), Some("text/plain; version=0.0.4; charset=utf-8"));
    let text = answer.body;
    assert!(text.contains("# TYPE apiserver_request_total counter\n"), "{text}");
    let not_found =
        r#"apiserver_request_total{verb="LIST",group="",version="",resource="",subresource="",scope="",code="404"} 1"#;
    assert!(text.contains(not_found), "{text}");
    assert!(text.contains("apiserver_request_duration_seconds_bucket"), "{text}");
    assert!(text.contains(r#"apiserver_current_inflight_requests{request_kind="readOnly"} 1"#), "{text}");
    assert!(!text.contains("made-up") && !text.contains("EOF"), "{text}");
    client.send("GET /metrics HTTP/1.1\r\nHost: h\r\nAccept: application/openmetrics-text\r\n\r\n").await;
    assert!(client.answer().await.body.ends_with("# EOF\n"));
    assert!(server.shut_down(Duration::from_secs(10)).await);
}
