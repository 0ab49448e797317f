//! A watch sees what writes do.

use serde_json::{Value, json};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;
use tokio::time::timeout;

use crate::world::{PATIENCE, World};

const MAPS: &str = "/api/v1/namespaces/ns/configmaps";

#[tokio::test]
async fn watchers_see_each_change_once() {
    let world = World::start().await;
    let made = world.expect(201, &format!("POST {MAPS}"), &json!({"metadata":{"name":"a"}})).await;
    let revision = made["metadata"]["resourceVersion"].as_str().unwrap();
    let mut stream = TcpStream::connect(world.address).await.unwrap();
    let request = format!("GET {MAPS}?watch=true&resourceVersion={revision} HTTP/1.1\r\nHost: h\r\n\r\n");
    stream.write_all(request.as_bytes()).await.unwrap();
    world.expect(200, &format!("PATCH {MAPS}/a"), &json!({"data":{"k":"v"}})).await;
    world.expect(201, &format!("POST {MAPS}"), &json!({"metadata":{"name":"b"}})).await;
    world.expect(200, &format!("DELETE {MAPS}/a"), &Value::Null).await;
    let mut read = String::new();
    let events = loop {
        let mut piece = [0; 16 * 1024];
        let count = timeout(PATIENCE, stream.read(&mut piece)).await.expect("in time").expect("read");
        assert!(count > 0, "the watch ended: {read}");
        read.push_str(&String::from_utf8_lossy(&piece[..count]));
        // Frames are lines of their own between the lines of chunks.
        let events: Vec<Value> =
            read.lines().filter_map(|line| serde_json::from_str(line).ok()).filter(Value::is_object).collect();
        if events.len() >= 3 {
            break events;
        }
    };
    let seen: Vec<_> =
        events.iter().map(|event| (event["type"].as_str(), event["object"]["metadata"]["name"].as_str())).collect();
    assert_eq!(seen, [(Some("MODIFIED"), Some("a")), (Some("ADDED"), Some("b")), (Some("DELETED"), Some("a"))]);
    assert_eq!(events[0]["object"]["kind"], "ConfigMap");
}
