//! Sample objects from the schema: every field of a kind once, with a plain value. They are seeds for machines without
//! upstream's fixtures, and hand the fuzzer the names of all fields.

use howdah_api::schema::{Either, Node, Raw, Scalar, Shape};
use serde_json::{Map, Value, json};

/// A value of the node with structs down to this depth.
#[must_use]
pub fn value(node: &Node, depth: usize) -> Value {
    match &node.shape {
        Shape::Struct(_) if depth == 0 => json!({}),
        Shape::Struct(of) => {
            let fields = of.get().fields.iter();
            Value::Object(fields.map(|field| (field.name.to_string(), value(&field.node, depth - 1))).collect())
        }
        Shape::Map(of) => Value::Object(Map::from_iter([("a".to_owned(), value(&of.value, depth))])),
        Shape::List(of) => json!([value(&of.element, depth)]),
        Shape::Scalar(scalar) => scalar_value(node, *scalar),
        Shape::Raw(Raw::FieldsV1) => json!({"f:metadata": {"f:labels": {".": {}, "f:a": {}}}}),
        Shape::Raw(_) => json!({"a": [1.5, null, "b"]}),
        Shape::Either(Either::SchemaOrBool(_)) => json!(true),
        Shape::Either(Either::SchemaOrArray(_)) => json!([{}]),
        Shape::Either(Either::SchemaOrStrings(_)) => json!(["a"]),
    }
}

fn scalar_value(node: &Node, scalar: Scalar) -> Value {
    match scalar {
        Scalar::String => json!(node.name.and_then(|name| name.values().next()).unwrap_or("a")),
        Scalar::Bool => json!(true),
        Scalar::Int32 | Scalar::Int64 | Scalar::IntOrString => json!(1),
        Scalar::Float64 => json!(1.5),
        Scalar::Bytes => json!("YQ=="),
        Scalar::Quantity => json!("1500m"),
        Scalar::Time => json!("2026-01-02T03:04:05Z"),
        Scalar::MicroTime => json!("2026-01-02T03:04:05.000006Z"),
        Scalar::Duration => json!("1m30s"),
    }
}
