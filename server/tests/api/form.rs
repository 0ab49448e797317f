//! The forms of requests and answers.

use serde_json::{Value, json};

use crate::world::World;

const MAPS: &str = "/api/v1/namespaces/ns/configmaps";

#[tokio::test]
async fn answers_come_in_the_form_that_is_accepted() {
    let world = World::start().await;
    let yaml = "apiVersion: v1\nkind: ConfigMap\nmetadata:\n  name: a\ndata:\n  k: v\n";
    let made = world.send(&format!("POST {MAPS}"), "Content-Type: application/yaml\r\n", yaml.as_bytes()).await;
    assert_eq!(made.code, 201, "{}", made.text());
    let get = |path: &'static str, accept: &'static str| {
        let (world, request) = (&world, format!("GET {MAPS}{path}"));
        async move { world.send(&request, &format!("Accept: {accept}\r\n"), b"").await }
    };
    let answer = get("/a", "application/yaml").await;
    assert_eq!(answer.header("content-type"), Some("application/yaml"));
    assert!(answer.text().starts_with("apiVersion: v1\ndata:\n  k: v\nkind: ConfigMap\n"), "{}", answer.text());
    for path in ["/a", ""] {
        let answer = get(path, "application/vnd.kubernetes.protobuf").await;
        assert_eq!(answer.header("content-type"), Some("application/vnd.kubernetes.protobuf"));
        assert!(answer.body.starts_with(b"k8s\0"));
        // What came can be sent: for the object, it is the same again.
        if path == "/a" {
            let kind = "Content-Type: application/vnd.kubernetes.protobuf\r\n";
            let put = world.send(&format!("PUT {MAPS}/a"), kind, &answer.body).await;
            assert_eq!((put.code, &put.json()["data"]), (200, &json!({"k":"v"})), "{}", put.text());
        }
    }
    let answer = get("/none", "application/vnd.kubernetes.protobuf").await;
    assert!(answer.code == 404 && answer.body.starts_with(b"k8s\0"));

    let table = "application/json;as=Table;v=v1;g=meta.k8s.io";
    for path in ["/a", ""] {
        let table = get(path, table).await.json();
        assert_eq!(
            (table["kind"].as_str(), table["rows"][0]["cells"][0].as_str()),
            (Some("Table"), Some("a")),
            "{table}"
        );
        assert_eq!(table["rows"][0]["object"]["kind"], "PartialObjectMetadata");
    }
    let partial = get("/a", "application/json;as=PartialObjectMetadata;v=v1;g=meta.k8s.io").await.json();
    assert_eq!((partial["kind"].as_str(), &partial["data"]), (Some("PartialObjectMetadata"), &Value::Null));
    let list = get("", "application/json;as=PartialObjectMetadataList;v=v1;g=meta.k8s.io").await.json();
    assert_eq!(
        (list["kind"].as_str(), list["items"][0]["metadata"]["name"].as_str()),
        (Some("PartialObjectMetadataList"), Some("a"))
    );
    let answer = get("", "application/json;as=PartialObjectMetadata;v=v1;g=meta.k8s.io").await;
    assert_eq!(answer.code, 406);

    let objects = "application/json, application/yaml, application/vnd.kubernetes.protobuf";
    let streams = "application/json;stream=watch, application/vnd.kubernetes.protobuf;stream=watch";
    let rows = [
        ("/a", "text/html", format!("406: Not Acceptable\n\nAvailable representations: {objects}")),
        ("/a", "application/*", format!("406: Not Acceptable\n\nAvailable representations: {objects}")),
        ("", "text/html", format!("406: Not Acceptable\n\nAvailable representations: {objects}, {streams}")),
        (
            "/a",
            "application/json;as=Table;v=v9;g=meta.k8s.io",
            format!("only the following media types are accepted: {objects}"),
        ),
        (
            "?watch=true",
            "application/json;stream=other",
            format!("only the following media types are accepted: {streams}"),
        ),
    ];
    for (path, accept, message) in rows {
        let answer = get(path, accept).await;
        assert_eq!((answer.code, answer.json()["message"].as_str()), (406, Some(message.as_str())), "{path} {accept}");
    }
    let answer = world.send(&format!("POST {MAPS}"), "Content-Type: text/plain\r\n", b"x").await;
    assert_eq!(answer.code, 415);
    let answer = world.send(&format!("GET {MAPS}/a?pretty=true"), "", b"").await;
    assert!(answer.text().starts_with("{\n  \"kind\": \"ConfigMap\",\n"), "{}", answer.text());
}

#[tokio::test]
async fn large_answers_are_compressed_and_large_bodies_refused() {
    let world = World::start().await;
    let big = json!({"metadata":{"name":"big"},"data":{"k":"v".repeat(200 * 1024)}});
    world.expect(201, &format!("POST {MAPS}"), &big).await;
    let answer = world.send(&format!("GET {MAPS}/big"), "Accept-Encoding: gzip\r\n", b"").await;
    assert_eq!((answer.header("content-encoding"), answer.header("vary")), (Some("gzip"), Some("Accept-Encoding")));
    assert!(answer.body.starts_with(&[0x1f, 0x8b]) && answer.body.len() < 20_000);
    let answer = world.send(&format!("GET {MAPS}/big"), "", b"").await;
    assert_eq!((answer.header("content-encoding"), answer.body.len() > 200 * 1024), (None, true));
    let huge = vec![b' '; 3 * 1024 * 1024 + 1];
    let answer = world.send(&format!("POST {MAPS}"), "Content-Type: application/json\r\n", &huge).await;
    assert_eq!(
        (answer.code, answer.json()["message"].as_str()),
        (413, Some("Request entity too large: limit is 3145728"))
    );
}
