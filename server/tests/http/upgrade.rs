//! Upgrades to raw streams, and that nobody gets one by pretending.

use std::sync::atomic::Ordering;

use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::time::timeout;

use crate::client::{Http1, Http2, PATIENCE, plain, tls};
use crate::world::World;

const EXEC: &str = "/api/v1/namespaces/ns/pods/p/exec";

/// A megabyte in which every byte value and every alignment occurs.
fn megabyte() -> Vec<u8> {
    let mut state = 0x2545_f491_u32;
    std::iter::repeat_with(|| {
        state ^= state << 13;
        state ^= state >> 17;
        state ^= state << 5;
        state.to_le_bytes()[1]
    })
    .take(1 << 20)
    .collect()
}

#[tokio::test]
async fn a_megabyte_comes_back_exactly_over_tls() {
    let world = World::start().await;
    for (method, protocol, extra) in
        [("POST", "SPDY/3.1", "Content-Length: 0\r\n"), ("GET", "websocket", ""), ("GET", "made-up/1", "")]
    {
        let mut client = Http1::new(tls(&world, &["http/1.1"], None).await.expect("connected"));
        // Not the connection's first request.
        assert_eq!(client.get("/ok").await.body, "ok");
        let head =
            format!("{method} {EXEC} HTTP/1.1\r\nHost: h\r\n{extra}Connection: Upgrade\r\nUpgrade: {protocol}\r\n\r\n");
        client.send(&head).await;
        let answer = client.head().await;
        assert!(answer.starts_with("HTTP/1.1 101 "), "{answer}");
        assert!(answer.to_lowercase().contains(&format!("\r\nupgrade: {}\r\n", protocol.to_lowercase())), "{answer}");
        assert!(!answer.to_lowercase().contains("transfer-encoding"), "{answer}");

        let sent = megabyte();
        let mut received = std::mem::take(&mut client.read);
        let (mut reader, mut writer) = tokio::io::split(client.stream);
        let send = async {
            for piece in sent.chunks(7_919) {
                writer.write_all(piece).await.expect("sent");
            }
            writer.flush().await.expect("sent");
        };
        let receive = async {
            while received.len() < sent.len() {
                assert!(reader.read_buf(&mut received).await.expect("read") > 0, "ended early");
            }
        };
        timeout(PATIENCE, async { tokio::join!(send, receive) }).await.expect("in time");
        assert!(received == sent, "{protocol}: what came back differs");
        // The end is passed on, in order, both ways.
        writer.shutdown().await.expect("closed");
        assert_eq!(timeout(PATIENCE, reader.read_buf(&mut received)).await.expect("in time").unwrap_or(0), 0);
    }
    assert_eq!(world.handler.echoed.load(Ordering::SeqCst), 3);
}

#[tokio::test]
async fn bytes_sent_along_with_the_head_are_not_lost() {
    let world = World::start().await;
    let mut client = plain(&world).await;
    client
        .send(&format!(
            "GET {EXEC} HTTP/1.1\r\nHost: h\r\nConnection: Upgrade\r\nUpgrade: x\r\n\r\nGET /early HTTP/1.1\r\n\r\n"
        ))
        .await;
    assert!(client.head().await.starts_with("HTTP/1.1 101 "));
    while client.read.len() < 23 {
        assert!(client.more().await, "ended early");
    }
    assert_eq!(client.read, b"GET /early HTTP/1.1\r\n\r\n");
}

#[tokio::test]
async fn an_upgrade_that_is_refused_ends_the_connection_without_reading_on() {
    let world = World::start().await;
    let mut client = plain(&world).await;
    client.send("GET /forbidden HTTP/1.1\r\nHost: h\r\nConnection: Upgrade\r\nUpgrade: SPDY/3.1\r\n\r\nGET /ok HTTP/1.1\r\nHost: h\r\n\r\n").await;
    let all = client.rest().await;
    assert!(all.starts_with("HTTP/1.1 403 "), "{all}");
    assert_eq!(all.matches("HTTP/1.1 ").count(), 1, "{all}");
}

#[tokio::test]
async fn nobody_gets_an_upgrade_by_pretending() {
    let world = World::start().await;
    let rows = [
        "Upgrade: websocket\r\n",
        "Upgrade: SPDY/3.1\r\nConnection: close\r\n",
        "Upgrade: h2c\r\nConnection: Upgrade, HTTP2-Settings\r\nHTTP2-Settings: AAMAAABkAARAAAAAAAIAAAAA\r\n",
        "Upgrade: x\r\nUpgrade: y\r\nConnection: Upgrade\r\n",
        "X-Howdah-Upgrade: SPDY/3.1\r\nX-Upgrade: SPDY/3.1\r\nSec-Upgrade: SPDY/3.1\r\n",
    ];
    for lines in rows {
        let mut client = plain(&world).await;
        client.send(&format!("GET /headers HTTP/1.1\r\nHost: h\r\n{lines}\r\n")).await;
        let answer = client.answer().await;
        assert!(answer.body.ends_with(";upgrade=none"), "{lines}: {}", answer.body);
        client.read.clear();
        let mut client = plain(&world).await;
        client.send(&format!("GET {EXEC} HTTP/1.1\r\nHost: h\r\n{lines}\r\n")).await;
        assert_eq!(client.answer().await.code, 400, "{lines}");
    }
    // HTTP/2 has no upgrades.
    let http2 = Http2::new(tls(&world, &["h2"], None).await.expect("connected")).await;
    assert_eq!(http2.get(EXEC).await.0, 400);
    // A real one is seen as what it is.
    let mut client = plain(&world).await;
    client
        .send("GET /headers HTTP/1.1\r\nHost: h\r\nConnection: keep-alive, Upgrade\r\nUpgrade: SPDY/3.1\r\n\r\n")
        .await;
    assert!(client.answer().await.body.ends_with(";upgrade=SPDY/3.1"));
}
