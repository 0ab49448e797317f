//! What is no request, or pretends to be another one.

use std::time::Duration;

use howdah_server::listener::Limits;
use tokio::io::AsyncWriteExt as _;

use crate::client::{Http1, plain};
use crate::world::World;

#[tokio::test]
async fn smuggling_shapes_and_garbage_get_400_and_the_end() {
    let world = World::start().await;
    let hidden = "GET /ok HTTP/1.1\r\nHost: h\r\n\r\n";
    let rows = [
        format!(
            "POST /length HTTP/1.1\r\nHost: h\r\nContent-Length: 4\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n{hidden}"
        ),
        format!(
            "POST /length HTTP/1.1\r\nHost: h\r\nTransfer-Encoding: chunked\r\nContent-Length: 4\r\n\r\n0\r\n\r\n{hidden}"
        ),
        format!("POST /length HTTP/1.1\r\nHost: h\r\nContent-Length: 0\r\nContent-Length: 30\r\n\r\n{hidden}"),
        format!("POST /length HTTP/1.1\r\nHost: h\r\nTransfer-Encoding: chunked, identity\r\n\r\n0\r\n\r\n{hidden}"),
        format!("POST /length HTTP/1.1\r\nHost: h\r\nTransfer-Encoding : chunked\r\n\r\n0\r\n\r\n{hidden}"),
        format!("GET /ok HTTP/1.1\r\nHost: h\r\nX: y\r\n folded\r\n\r\n{hidden}"),
        format!("GET /ok HTTP/1.1\r\nHost: h\r\nHost: i\r\n\r\n{hidden}"),
        format!("GET /ok HTTP/1.1\r\n\r\n{hidden}"),
        format!("GET /ok HTTP/1.1\r\nHost: h\r\nContent-Length: +0\r\n\r\n{hidden}"),
        "\u{1}\u{2}\u{3}\r\n\r\n".to_owned(),
        "SSH-2.0-OpenSSH_9.2\r\n".to_owned(),
    ];
    for text in rows {
        let mut client = plain(&world).await;
        client.send(&text).await;
        let all = client.rest().await;
        assert!(all.starts_with("HTTP/1.1 400 "), "{text:?} got {all:?}");
        assert_eq!(all.matches("HTTP/1.1 ").count(), 1, "{text:?} got {all:?}");

        // Behind an ordinary request as well.
        let mut client = plain(&world).await;
        client.send(&format!("{hidden}{text}")).await;
        assert_eq!(client.answer().await.body, "ok");
        let all = client.rest().await;
        assert!(all.starts_with("HTTP/1.1 400 ") && all.matches("HTTP/1.1 ").count() == 1, "{text:?} got {all:?}");
    }
}

#[tokio::test]
async fn half_a_head_times_out() {
    let head = Duration::from_millis(400);
    let world = World::with_limits(Limits { head, keep_alive: Duration::from_secs(30), ..Limits::default() }).await;
    // At the connection's beginning, of HTTP/2, and behind a whole request.
    let mut client = plain(&world).await;
    client.send("GET /ok HTTP/1.1\r\nHos").await;
    let all = client.rest().await;
    assert!(all.is_empty() || all.starts_with("HTTP/1.1 408"), "{all}");
    let mut client = plain(&world).await;
    client.send("PRI * HT").await;
    assert_eq!(client.rest().await, "");
    let mut client = plain(&world).await;
    assert_eq!(client.get("/ok").await.code, 200);
    client.send("GET /ok HTTP/1.1\r\nHos").await;
    assert_eq!(client.rest().await, "");
    // And silence.
    assert_eq!(plain(&world).await.rest().await, "");
}

#[tokio::test]
async fn a_trickling_head_does_not_gain_time() {
    let head = Duration::from_millis(400);
    let world = World::with_limits(Limits { head, keep_alive: Duration::from_secs(30), ..Limits::default() }).await;
    let mut client = plain(&world).await;
    assert_eq!(client.get("/ok").await.code, 200);
    let Http1 { mut stream, .. } = client;
    let trickled = async {
        loop {
            if stream.write_all(b"X").await.is_err() {
                return;
            }
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
    };
    tokio::time::timeout(Duration::from_secs(20), trickled).await.expect("the server closes");
}

#[tokio::test]
async fn a_head_too_large_is_refused() {
    let world = World::start().await;
    let mut client = plain(&world).await;
    client.send(&format!("GET /ok HTTP/1.1\r\nHost: h\r\nX: {}", "x".repeat(140_000))).await;
    let all = client.rest().await;
    assert!(all.starts_with("HTTP/1.1 431 "), "{all:?}");
    let mut client = plain(&world).await;
    client.send(&format!("GET /ok HTTP/1.1\r\nHost: h\r\n{}\r\n", "X: y\r\n".repeat(200))).await;
    let all = client.rest().await;
    assert!(all.starts_with("HTTP/1.1 400 "), "{all:?}");
}
