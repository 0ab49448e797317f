//! Connections: bounds, keeping alive, Unix sockets.

use std::os::unix::fs::PermissionsExt as _;
use std::sync::Arc;
use std::time::Duration;

use howdah_server::listener::{self, Endpoint, Limits, ListenError};
use tokio::net::UnixStream;
use tokio::time::timeout;

use crate::client::{Http1, Http2, PATIENCE, plain};
use crate::world::{TestHandler, World, chain};

#[tokio::test]
async fn one_connection_answers_many_requests_pipelined_or_not() {
    let world = World::start().await;
    let mut client = plain(&world).await;
    for _ in 0..3 {
        assert_eq!(client.get("/ok").await.body, "ok");
    }
    client.send(&"GET /ok HTTP/1.1\r\nHost: h\r\n\r\n".repeat(5)).await;
    for _ in 0..5 {
        assert_eq!(client.answer().await.body, "ok");
    }
}

#[tokio::test]
async fn bodies_arrive_whole_by_length_and_by_chunks() {
    let world = World::start().await;
    let mut client = plain(&world).await;
    let body = "x".repeat(300_000);
    client.send(&format!("POST /length HTTP/1.1\r\nHost: h\r\nContent-Length: {}\r\n\r\n{body}", body.len())).await;
    assert_eq!(client.answer().await.body, "300000");
    let chunk = format!("{:x}\r\n{body}\r\n", body.len());
    let chunks = chunk.repeat(2);
    client
        .send(&format!("POST /length HTTP/1.1\r\nHost: h\r\nTransfer-Encoding: chunked\r\n\r\n{chunks}0\r\n\r\n"))
        .await;
    assert_eq!(client.answer().await.body, "600000");
    assert_eq!(client.get("/ok").await.body, "ok");
}

#[tokio::test]
async fn connections_beyond_the_bound_wait_for_a_slot() {
    let world = World::with_limits(Limits { connections: 2, workers: 1, ..Limits::default() }).await;
    let (mut first, mut second) = (plain(&world).await, plain(&world).await);
    assert_eq!(first.get("/ok").await.code, 200);
    assert_eq!(second.get("/ok").await.code, 200);
    let mut third = plain(&world).await;
    third.send("GET /ok HTTP/1.1\r\nHost: h\r\n\r\n").await;
    assert!(timeout(Duration::from_millis(300), third.more()).await.is_err(), "no slot, no answer");
    drop(first);
    assert_eq!(third.answer().await.code, 200);
}

#[tokio::test]
async fn idle_connections_are_closed() {
    let world = World::with_limits(Limits { keep_alive: Duration::from_millis(200), ..Limits::default() }).await;
    let mut client = plain(&world).await;
    assert_eq!(client.get("/ok").await.code, 200);
    assert_eq!(client.rest().await, "");
}

#[tokio::test]
async fn the_unix_socket_is_private_and_knows_its_peer() {
    let folder = tempfile::tempdir().expect("a folder");
    // Longer than a socket's address may be.
    let long = folder.path().join("x".repeat(120));
    std::fs::create_dir(&long).expect("made");
    let path = long.join("run").join("api.sock");
    let handler: Arc<TestHandler> = Arc::default();
    let start = || listener::start(vec![Endpoint::Unix(path.clone())], Limits::default(), chain(handler.clone()));
    let server = start().await.expect("started");

    let mode = |path: &std::path::Path| std::fs::metadata(path).expect("there").permissions().mode() & 0o777;
    assert_eq!((mode(&long.join("run")), mode(&path)), (0o700, 0o700));
    let directory = std::fs::File::open(long.join("run")).expect("opened");
    let short = format!("/proc/self/fd/{}/api.sock", std::os::fd::AsRawFd::as_raw_fd(&directory));
    let mut client = Http1::new(UnixStream::connect(&short).await.expect("connected"));
    let answer = client.get("/peer").await;
    let uid = rustix::process::geteuid().as_raw();
    assert!(answer.body.contains(&format!("UnixCredentials {{ uid: {uid}")), "{}", answer.body);
    let http2 = Http2::new(UnixStream::connect(&short).await.expect("connected")).await;
    assert_eq!(http2.get("/ok").await, (200, "ok".to_owned()));

    // A second server finds the first one alive; after a crash, the socket is taken over.
    assert!(matches!(start().await, Err(ListenError::BindUnix { .. })));
    drop((client, http2));
    assert!(server.shut_down(PATIENCE).await);
    assert!(!path.exists());
    drop(std::os::unix::net::UnixListener::bind(&short).expect("bound"));
    let server = start().await.expect("takes an abandoned socket's place");
    assert!(server.shut_down(PATIENCE).await);

    std::fs::set_permissions(long.join("run"), std::fs::Permissions::from_mode(0o755)).expect("set");
    assert!(matches!(start().await, Err(ListenError::OpenFolder(_))));
}
