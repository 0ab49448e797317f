//! HTTP/2: by prior knowledge, many streams, bodies, resets.

use std::sync::atomic::Ordering;
use std::time::Duration;

use bytes::Bytes;
use tokio::net::TcpStream;
use tokio::time::timeout;

use crate::client::{Http2, PATIENCE, finish, plain};
use crate::world::World;

async fn connect(world: &World) -> Http2 {
    Http2::new(TcpStream::connect(world.plain).await.expect("connected")).await
}

#[tokio::test]
async fn prior_knowledge_and_http1_share_a_port() {
    let world = World::start().await;
    assert_eq!(connect(&world).await.get("/ok").await, (200, "ok".to_owned()));
    assert_eq!(plain(&world).await.get("/ok").await.body, "ok");
}

#[tokio::test]
async fn a_thousand_requests_run_at_once_on_one_connection() {
    let world = World::start().await;
    let client = connect(&world).await;
    // None is answered before all have begun.
    let mut waiting = Vec::new();
    for _ in 0..1000 {
        waiting.push(client.begin("/gather?n=1000").await);
    }
    for response in waiting {
        assert_eq!(finish(response).await, (200, "gathered".to_owned()));
    }
}

#[tokio::test]
async fn a_thousand_watches_run_at_once_on_one_connection() {
    let world = World::start().await;
    let client = connect(&world).await;
    let mut watches = Vec::new();
    for _ in 0..1000 {
        watches.push(client.begin("/api/v1/pods?watch=1").await);
    }
    let mut bodies = Vec::new();
    for watch in watches {
        let mut body = timeout(PATIENCE, watch).await.expect("in time").expect("answered").into_body();
        let first = timeout(PATIENCE, body.data()).await.expect("in time").expect("a frame").expect("whole");
        assert_eq!(&first[..], b"{\"type\":\"BOOKMARK\"}\n");
        bodies.push(body);
    }
    // The connection bears no more at once; when one ends, there is room.
    bodies.pop();
    assert_eq!(client.get("/ok").await.0, 200);
}

#[tokio::test]
async fn a_megabyte_goes_up() {
    let world = World::start().await;
    let client = connect(&world).await;
    let mut requests = client.requests.clone().ready().await.expect("open");
    let request = http::Request::post("https://localhost/length").body(()).expect("a request");
    let (response, mut stream) = requests.send_request(request, false).expect("sent");
    let mut left = Bytes::from(vec![7; 3 << 20]);
    while !left.is_empty() {
        stream.reserve_capacity(left.len());
        let capacity = futures_util::future::poll_fn(|cx| stream.poll_capacity(cx));
        let capacity = timeout(PATIENCE, capacity).await.expect("in time").expect("open").expect("capacity");
        stream.send_data(left.split_to(capacity.min(left.len())), false).expect("sent");
    }
    stream.send_data(Bytes::new(), true).expect("sent");
    assert_eq!(finish(response).await, (200, (3 << 20).to_string()));
}

#[tokio::test]
async fn resetting_a_stream_leaves_the_others_alone() {
    let world = World::start().await;
    let client = connect(&world).await;
    for _ in 0..50 {
        drop(client.begin("/hang").await);
    }
    assert_eq!(client.get("/ok").await.0, 200);
    assert!(world.handler.begun.load(Ordering::SeqCst) >= 1);
}

#[tokio::test]
async fn a_panic_costs_one_stream() {
    let world = World::start().await;
    let client = connect(&world).await;
    let waiting = client.begin("/sleep").await;
    let (code, body) = client.get("/panic").await;
    assert_eq!(code, 500);
    assert!(body.contains("This request caused apiserver to panic"), "{body}");
    assert_eq!(finish(waiting).await, (200, "slept".to_owned()));
}

#[tokio::test]
async fn a_stalled_handshake_is_closed() {
    let limits = howdah_server::listener::Limits { handshake: Duration::from_millis(200), ..Default::default() };
    let world = World::with_limits(limits).await;
    let mut client = plain(&world).await;
    client.send("PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n").await;
    // The server's settings, and then the end, long before the pings of a connection that is under way.
    let ended = timeout(Duration::from_secs(10), client.rest()).await;
    assert!(ended.is_ok(), "the connection stays open");
}
