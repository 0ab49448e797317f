//! What has to hold of every object that a codec could read.

use howdah_api::codec::{json, protobuf, yaml};
use howdah_api::schema::Node;
use howdah_api::tree;
use serde_json::Value;

/// The object in the form that is answered; that form is its own.
#[must_use]
pub fn normal(mut value: Value, node: &Node) -> Value {
    tree::normalise(&mut value, node);
    let mut again = value.clone();
    tree::normalise(&mut again, node);
    assert_eq!(again, value, "normalising is idempotent");
    value
}

fn shown(text: &[u8]) -> std::borrow::Cow<'_, str> {
    String::from_utf8_lossy(text)
}

/// What was read can be written as JSON and reads back the same.
pub fn json(value: Value, node: &Node) {
    let value = normal(value, node);
    let text = json::encode(&value, node);
    let again = json::decode(&text, node).unwrap_or_else(|error| panic!("{error}: {}", shown(&text)));
    assert!(again.strict.is_empty(), "what was written is strict: {:?} in {}", again.strict, shown(&text));
    let again = json::encode(&normal(again.value, node), node);
    assert_eq!(shown(&again), shown(&text), "JSON reads back the same");
    if protobuf::is_supported(node) {
        message(&value, node);
    }
}

/// What was read can be written as YAML and reads back the same.
pub fn yaml(value: Value, node: &Node) {
    let value = normal(value, node);
    let text = json::encode(&value, node);
    let written = yaml::encode(&value);
    let again = yaml::decode(&written, node).unwrap_or_else(|error| panic!("{error}: {}", shown(&written)));
    let again = json::encode(&normal(again.value, node), node);
    assert_eq!(shown(&again), shown(&text), "YAML reads back the same: {}", shown(&written));
}

/// The object can be written as a message, and what is read back is written as the same bytes.
pub fn message(value: &Value, node: &Node) {
    let message = protobuf::encode(value, node).unwrap_or_else(|error| panic!("{error}: {value}"));
    let back = protobuf::decode(&message, node).unwrap_or_else(|error| panic!("{error}: {value}"));
    let again = protobuf::encode(&back, node).unwrap_or_else(|error| panic!("{error}: {back}"));
    assert_eq!(again, message, "protobuf reads back the same: {value} and {back}");
}
