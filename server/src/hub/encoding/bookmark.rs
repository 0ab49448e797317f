//! What a stream sends that is no stored object: bookmarks and the Status of an error.

use bytes::Bytes;
use howdah_api::codec::{json, protobuf};
use howdah_api::resource::Resource;
use howdah_api::schema::{Node, builtin};
use howdah_api::tree;
use k8s_openapi::apimachinery::pkg::apis::meta::v1::Status;
use serde_json::{Map, Value, json};

use super::{Bookmark, EncodeError, Framing};

/// The annotation of the bookmark that ends the initial events (KEP 3157).
const INITIAL_EVENTS_END: &str = "k8s.io/initial-events-end";

/// The tree of a bookmark: the kind's zero value with a resourceVersion.
pub(super) fn bookmark(resource: &Resource, node: Option<&Node>, bookmark: &Bookmark) -> Value {
    let mut metadata = json!({"resourceVersion": bookmark.revision.to_string()});
    if bookmark.initial_events_end {
        metadata["annotations"] = json!({INITIAL_EVENTS_END: "true"});
    }
    let mut object = Map::new();
    object.insert("kind".to_owned(), Value::from(&*resource.kind));
    object.insert("apiVersion".to_owned(), Value::from(resource.group_version().to_string()));
    object.insert("metadata".to_owned(), metadata);
    let mut object = Value::Object(object);
    if let Some(node) = node {
        tree::normalise(&mut object, node);
    }
    object
}

/// The body of a tree of a known kind, or of any for JSON.
pub(super) fn body(value: &Value, node: Option<&Node>, framing: Framing) -> Result<Bytes, EncodeError> {
    match (framing, node) {
        (Framing::Json, Some(node)) => Ok(json::encode(value, node).into()),
        (Framing::Json, None) => Ok(json::encode_any(value).into()),
        (Framing::Protobuf, Some(node)) => {
            protobuf::encode_object(value, node).map(Bytes::from).map_err(EncodeError::new)
        }
        (Framing::Protobuf, None) => Err(EncodeError::new("the kind has no protobuf form")),
    }
}

/// The body of an error's Status.
pub(super) fn status(status: &Status, framing: Framing) -> Bytes {
    let value = serde_json::to_value(status).expect("a Status has string keys only and always serializes");
    let node = builtin::kind("", "v1", "Status");
    body(&value, node, framing).expect("a Status has every form")
}
