//! The filters, as clients see them.

use std::sync::atomic::Ordering;
use std::time::{Duration, Instant};

use tokio::io::AsyncWriteExt as _;
use tokio::net::TcpStream;
use tokio::time::timeout;

use crate::client::{Answer, Http2, PATIENCE, plain};
use crate::world::World;

async fn ask(world: &World, request: &str, lines: &str) -> Answer {
    let mut client = plain(world).await;
    client.send(&format!("{request} HTTP/1.1\r\nHost: h\r\n{lines}\r\n")).await;
    client.answer().await
}

fn status(answer: &Answer) -> serde_json::Value {
    let status: serde_json::Value = serde_json::from_str(&answer.body).expect("JSON");
    assert_eq!(status["kind"], "Status", "{}", answer.body);
    assert_eq!(status["apiVersion"], "v1");
    assert_eq!(status["status"], "Failure");
    assert_eq!(status["code"], answer.code);
    assert_eq!(answer.header("content-type"), Some("application/json"));
    status
}

#[tokio::test]
async fn failures_are_statuses_in_upstreams_words() {
    let world = World::start().await;
    let rows = [
        ("GET /ok", "Authorization: Bearer wrong\r\n", 401, "Unauthorized", "Unauthorized"),
        (
            "GET /api/v1/namespaces/default/secrets",
            "X-User: jane\r\n",
            403,
            "Forbidden",
            r#"secrets is forbidden: User "jane" cannot list resource "secrets" in API group "" in the namespace "default""#,
        ),
        (
            "GET /api/v1/secrets/s?watch=1",
            "",
            403,
            "Forbidden",
            r#"secrets "s" is forbidden: User "anonymous" cannot get resource "secrets" in API group "" at the cluster scope"#,
        ),
        ("GET /forbidden", "", 403, "Forbidden", r#"forbidden: User "anonymous" cannot get path "/forbidden""#),
        ("GET /api/v1/nothing", "", 404, "NotFound", "the server could not find the requested resource"),
        (
            "GET /ok?timeout=soon",
            "",
            400,
            "BadRequest",
            "invalid timeout specified in the request URL - time: invalid duration \"soon\"",
        ),
        (
            "GET /hang?timeout=300ms",
            "",
            504,
            "Timeout",
            "Timeout: request did not complete within the allotted timeout",
        ),
        (
            "GET /panic",
            "",
            500,
            "InternalError",
            "This request caused apiserver to panic. Look in the logs for details.",
        ),
    ];
    for (request, lines, code, reason, message) in rows {
        let answer = ask(&world, request, lines).await;
        assert_eq!(answer.code, code, "{request}: {}", answer.body);
        let status = status(&answer);
        assert_eq!((status["reason"].as_str(), status["message"].as_str()), (Some(reason), Some(message)), "{request}");
        assert!(answer.header("audit-id").is_some_and(|id| id.len() == 36), "{request}");
        assert_eq!(answer.header("cache-control"), Some("no-cache, private"), "{request}");
    }
    let details = status(&ask(&world, "DELETE /apis/apps/v1/namespaces/a/secrets/s", "").await)["details"].clone();
    assert_eq!(details, serde_json::json!({ "group": "apps", "kind": "secrets", "name": "s" }));
}

#[tokio::test]
async fn some_failures_are_text() {
    let world = World::start().await;
    let answer = ask(&world, "GET /nowhere", "").await;
    assert_eq!((answer.code, answer.body.as_str()), (404, "404 page not found\n"));
    assert_eq!(answer.header("content-type"), Some("text/plain; charset=utf-8"));
    let answer = ask(&world, "GET /api/v1/busyboxes", "").await;
    assert_eq!((answer.code, answer.body.as_str()), (429, "Too many requests, please try again later.\n"));
    assert_eq!(answer.header("retry-after"), Some("3"));
    let answer = ask(&world, "GET /api/v1/watch", "").await;
    assert_eq!(answer.code, 500);
    assert_eq!(
        answer.body,
        "Internal Server Error: \"/api/v1/watch\": failed to create RequestInfo: unable to determine kind and namespace from url, /api/v1/watch\n"
    );
    assert_eq!(ask(&world, "GET /api/v1/pods/%zz", "").await.code, 400);
}

#[tokio::test]
async fn a_connection_survives_a_panic() {
    let world = World::start().await;
    let mut client = plain(&world).await;
    for _ in 0..3 {
        assert_eq!(client.get("/panic").await.code, 500);
        assert_eq!(client.get("/ok").await.code, 200);
    }
}

#[tokio::test]
async fn handlers_see_who_asks_but_no_credentials() {
    let world = World::start().await;
    assert_eq!(ask(&world, "GET /user", "X-User: jane\r\n").await.body, "jane");
    let lines = "Authorization: Bearer secret\r\nX-User: jane\r\nX-Other: y\r\n";
    assert_eq!(ask(&world, "GET /headers", lines).await.body, "host,x-other;upgrade=none");
    // Somebody else's name, where the authorizer allows it, and no trace of the asking.
    let acting = "X-User: jane\r\nImpersonate-User: root\r\nImpersonate-Group: wheel\r\n";
    assert_eq!(ask(&world, "GET /user", acting).await.body, "root");
    assert_eq!(ask(&world, "GET /headers", acting).await.body, "host;upgrade=none");
    assert_eq!(ask(&world, "GET /user", "Impersonate-Group: wheel\r\n").await.code, 400);
}

#[tokio::test]
async fn people_get_indented_answers() {
    let world = World::start().await;
    for (request, lines, indented) in [
        ("GET /forbidden", "User-Agent: curl/8\r\n", true),
        ("GET /forbidden", "User-Agent: kubectl\r\n", false),
        ("GET /forbidden?pretty=1", "", true),
        ("GET /forbidden?pretty=0", "User-Agent: curl/8\r\n", false),
    ] {
        assert_eq!(ask(&world, request, lines).await.body.starts_with("{\n  "), indented, "{request} {lines}");
    }
}

#[tokio::test]
async fn watches_outlive_the_deadline_and_streams_do_not() {
    let world = World::start().await;
    let began = Instant::now();
    let mut dripping = plain(&world).await;
    dripping.send("GET /drip?timeout=300ms HTTP/1.1\r\nHost: h\r\n\r\n").await;
    let mut watching = plain(&world).await;
    watching.send("GET /api/v1/pods?watch=1&timeout=300ms HTTP/1.1\r\nHost: h\r\n\r\n").await;
    let dripped = dripping.rest().await;
    assert!(dripped.contains("drop") && !dripped.ends_with("0\r\n\r\n"), "cut off, not finished: {dripped}");
    assert!(began.elapsed() >= Duration::from_millis(300));
    assert!(watching.head().await.starts_with("HTTP/1.1 200 "));
    while !String::from_utf8_lossy(&watching.read).contains("BOOKMARK") {
        assert!(watching.more().await, "ended");
    }
    assert!(timeout(Duration::from_millis(200), watching.more()).await.is_err(), "goes on");
}

async fn watches(world: &World, count: usize) {
    let reached = async {
        while world.handler.watching.load(Ordering::SeqCst) != count {
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
    };
    timeout(PATIENCE, reached).await.expect("the watches begin or end");
}

#[tokio::test]
async fn a_silent_watch_ends_with_its_client() {
    let world = World::start().await;
    // The client closes its side, or its whole connection, or its stream.
    let mut half = plain(&world).await;
    half.send("GET /api/v1/pods?watch=1 HTTP/1.1\r\nHost: h\r\n\r\n").await;
    let mut whole = plain(&world).await;
    whole.send("GET /api/v1/pods?watch=1 HTTP/1.1\r\nHost: h\r\n\r\n").await;
    let http2 = Http2::new(TcpStream::connect(world.plain).await.expect("connected")).await;
    let stream = http2.begin("/api/v1/pods?watch=1").await.await.expect("answered");
    watches(&world, 3).await;
    half.stream.shutdown().await.expect("closed");
    watches(&world, 2).await;
    drop(whole);
    watches(&world, 1).await;
    drop(stream);
    watches(&world, 0).await;
    assert_eq!(http2.get("/ok").await.0, 200);
}
