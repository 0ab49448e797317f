//! What frames look like.

use howdah_api::Key;
use howdah_api::codec::protobuf::decode_object;
use howdah_api::resource::by_plural;
use howdah_api::schema::builtin;
use serde_json::{Value, json};

use super::*;

fn pods() -> &'static Resource {
    by_plural("", "v1", "pods").unwrap()
}

fn revision(number: i64) -> Revision {
    Revision::new(number).unwrap()
}

fn bookmark(encoding: &Encoding, initial_events_end: bool) -> Bytes {
    let mut out = BytesMut::new();
    encoding.put_bookmark(&mut out, &Bookmark { revision: revision(12746), initial_events_end }).unwrap();
    out.freeze()
}

#[test]
fn frames_are_upstreams() {
    let mut out = BytesMut::new();
    Framing::Json.put(&mut out, EventType::Added, br#"{"kind":"Pod"}"#);
    Framing::Json.put(&mut out, EventType::Deleted, b"{}");
    assert_eq!(out, &b"{\"type\":\"ADDED\",\"object\":{\"kind\":\"Pod\"}}\n{\"type\":\"DELETED\",\"object\":{}}\n"[..]);

    let error = Framing::Json.error(&ApiError::Expired("too old resource version: 1 (5)".into()));
    assert_eq!(
        error,
        "{\"type\":\"ERROR\",\"object\":{\"kind\":\"Status\",\"apiVersion\":\"v1\",\"metadata\":{},\
         \"status\":\"Failure\",\"message\":\"too old resource version: 1 (5)\",\"reason\":\"Expired\",\"code\":410}}\n"
    );
}

#[test]
fn a_bookmark_is_an_empty_object_with_a_revision() {
    let json = Encoding::json(pods()).unwrap();
    assert_eq!(
        bookmark(&json, false),
        "{\"type\":\"BOOKMARK\",\"object\":{\"kind\":\"Pod\",\"apiVersion\":\"v1\",\"metadata\":\
         {\"resourceVersion\":\"12746\"},\"spec\":{\"containers\":null},\"status\":{}}}\n"
    );
    let end = bookmark(&json, true);
    let end: Value = serde_json::from_slice(&end).unwrap();
    assert_eq!(end["object"]["metadata"]["annotations"], json!({"k8s.io/initial-events-end": "true"}));
}

#[test]
fn protobuf_frames_have_a_length_and_an_envelope() {
    let protobuf = Encoding::protobuf(pods()).unwrap();
    let frame = bookmark(&protobuf, false);
    let length = u32::from_be_bytes(frame[..4].try_into().unwrap()) as usize;
    assert_eq!(length, frame.len() - 4);
    let at = frame.windows(4).position(|bytes| bytes == protobuf::MAGIC).unwrap();
    let node = builtin::kind("", "v1", "Pod").unwrap();
    let object = decode_object(&frame[at..], |envelope| {
        assert_eq!((envelope.api_version, envelope.kind), ("v1", "Pod"));
        Some(node)
    });
    assert_eq!(object.unwrap().unwrap()["metadata"]["resourceVersion"], "12746");
    assert_eq!(protobuf.content_type(), "application/vnd.kubernetes.protobuf;stream=watch");
}

#[test]
fn a_body_is_made_once_and_the_stored_one_not_at_all() {
    let json = r#"{"kind":"Event","apiVersion":"v1","metadata":{"name":"e","namespace":"d","resourceVersion":"3"},"involvedObject":{"kind":"Pod"},"reason":"R","message":"m","source":{"component":"c"},"firstTimestamp":null,"lastTimestamp":null,"type":"Normal","eventTime":null,"reportingComponent":"k","reportingInstance":""}"#;
    let entry = Entry::new(Key::parse("core/events/d/e").unwrap(), revision(3), json.into());
    let stored = Encoding::json(by_plural("", "v1", "events").unwrap()).unwrap();
    assert_eq!(entry.body(&stored).unwrap().as_ptr(), entry.json().as_ptr());

    let served = by_plural("events.k8s.io", "v1", "events").unwrap();
    let new = entry.body(&Encoding::json(served).unwrap()).unwrap();
    let tree: Value = serde_json::from_slice(&new).unwrap();
    assert_eq!(tree["apiVersion"], "events.k8s.io/v1");
    assert_eq!((&tree["regarding"]["kind"], &tree["note"]), (&json!("Pod"), &json!("m")));
    assert_eq!((&tree["reportingController"], &tree["deprecatedSource"]["component"]), (&json!("k"), &json!("c")));
    assert!(tree.get("message").is_none() && tree.get("involvedObject").is_none());
    // Another encoding of the same name finds the same bytes.
    assert_eq!(entry.body(&Encoding::json(served).unwrap()).unwrap().as_ptr(), new.as_ptr());
}

#[test]
fn versions_of_another_structure_are_left_to_others() {
    let known = |group, version, plural| Encoding::json(by_plural(group, version, plural).unwrap()).is_some();
    assert!(!known("autoscaling", "v1", "horizontalpodautoscalers"));
    assert!(known("autoscaling", "v2", "horizontalpodautoscalers"));
    assert!(known("certificates.k8s.io", "v1", "clustertrustbundles"));
}
