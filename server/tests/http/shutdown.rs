//! Going down: nothing new, what is in flight finishes, what would go on for ever ends.

use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Duration;

use tokio::net::TcpStream;
use tokio::time::timeout;

use crate::client::{Http2, PATIENCE, finish, plain};
use crate::world::{TestHandler, World};

async fn begun(handler: &TestHandler, count: usize) {
    let reached = async {
        while handler.begun.load(Ordering::SeqCst) < count {
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
    };
    timeout(PATIENCE, reached).await.expect("the requests begin");
}

#[tokio::test]
async fn requests_finish_and_watches_end() {
    let world = World::start().await;
    let (mut idle, mut sleeping, mut watching) = (plain(&world).await, plain(&world).await, plain(&world).await);
    assert_eq!(idle.get("/ok").await.code, 200);
    sleeping.send("GET /sleep HTTP/1.1\r\nHost: h\r\n\r\n").await;
    watching.send("GET /api/v1/pods?watch=true HTTP/1.1\r\nHost: h\r\n\r\n").await;
    let http2 = Http2::new(TcpStream::connect(world.plain).await.expect("connected")).await;
    let (also_sleeping, also_watching) = (http2.begin("/sleep").await, http2.begin("/api/v1/pods?watch=1").await);
    begun(&world.handler, 5).await;

    let address = world.plain;
    assert!(timeout(PATIENCE, world.server.shut_down(PATIENCE)).await.expect("in time"), "everything finished");
    assert_eq!(sleeping.answer().await.body, "slept");
    assert_eq!(finish(also_sleeping).await.1, "slept");
    let watched = watching.rest().await;
    assert!(watched.contains("BOOKMARK") && watched.ends_with("0\r\n\r\n"), "{watched}");
    assert!(finish(also_watching).await.1.contains("BOOKMARK"));
    assert_eq!(idle.rest().await, "");
    // The client was told to go away in good order.
    timeout(PATIENCE, http2.driver).await.expect("in time").expect("no panic").expect("GOAWAY without an error");
    assert!(TcpStream::connect(address).await.is_err(), "nobody listens");
}

#[tokio::test]
async fn goaway_lets_the_client_know_while_requests_run() {
    let world = World::start().await;
    let http2 = Http2::new(TcpStream::connect(world.plain).await.expect("connected")).await;
    let sleeping = http2.begin("/sleep").await;
    begun(&world.handler, 1).await;
    let down = tokio::spawn(world.server.shut_down(PATIENCE));
    assert_eq!(finish(sleeping).await.1, "slept");
    assert!(down.await.expect("no panic"));
    let refused = http2.requests.clone().ready().await;
    assert!(refused.is_err(), "no new request after GOAWAY");
}

#[tokio::test]
async fn what_does_not_finish_is_cut_off() {
    let world = World::start().await;
    let mut hanging = plain(&world).await;
    hanging.send("GET /hang HTTP/1.1\r\nHost: h\r\n\r\n").await;
    let http2 = Http2::new(TcpStream::connect(world.plain).await.expect("connected")).await;
    let _also_hanging = http2.begin("/hang").await;
    let handler = Arc::clone(&world.handler);
    begun(&handler, 2).await;
    let down = timeout(PATIENCE, world.server.shut_down(Duration::from_millis(300))).await;
    assert!(!down.expect("in time"), "something was left");
    assert_eq!(hanging.rest().await, "");
}
