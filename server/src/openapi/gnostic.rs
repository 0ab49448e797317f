//! OpenAPI v2 as protobuf, in the messages of gnostic (`openapiv2/OpenAPIv2.proto`, numbers as there).
//!
//! kubectl reads v2 in this form alone: the types, for plans and merges of older versions, and the parameters of PATCH,
//! to learn whether the server validates fields. Only messages that our documents use are written. Extensions are texts
//! of YAML there; we write JSON, which is YAML.

use howdah_api::codec::json::encode_any;
use serde_json::{Map, Value};

/// Writes a v2 document.
pub(super) fn document(tree: &Value) -> Vec<u8> {
    let mut out = Message::default();
    out.text(1, &tree["swagger"]);
    let mut info = Message::default();
    info.text(1, &tree["info"]["title"]);
    info.text(2, &tree["info"]["version"]);
    out.message(2, &info);
    let mut paths = Message::default();
    for (path, item) in entries(&tree["paths"]) {
        paths.message(2, &named(path, &path_item(item)));
    }
    out.message(8, &paths);
    out.message(9, &schemas(&tree["definitions"]));
    for requirement in items(&tree["security"]) {
        let mut message = Message::default();
        for (name, scopes) in entries(requirement) {
            let mut list = Message::default();
            items(scopes).for_each(|scope| list.text(1, scope));
            message.message(1, &named(name, &list));
        }
        out.message(12, &message);
    }
    let mut security = Message::default();
    for (name, of) in entries(&tree["securityDefinitions"]) {
        let mut key = Message::default();
        for (number, field) in [(1, "type"), (2, "name"), (3, "in"), (4, "description")] {
            key.text(number, &of[field]);
        }
        let mut item = Message::default();
        item.message(2, &key);
        security.message(1, &named(name, &item));
    }
    out.message(13, &security);
    out.bytes
}

fn path_item(tree: &Value) -> Message {
    let mut out = Message::default();
    for (number, method) in
        [(2, "get"), (3, "put"), (4, "post"), (5, "delete"), (6, "options"), (7, "head"), (8, "patch")]
    {
        if let Some(of) = tree.get(method) {
            out.message(number, &operation(of));
        }
    }
    items(&tree["parameters"]).for_each(|of| out.message(9, &parameter(of)));
    out
}

fn operation(tree: &Value) -> Message {
    let mut out = Message::default();
    items(&tree["tags"]).for_each(|tag| out.text(1, tag));
    out.text(3, &tree["description"]);
    out.text(5, &tree["operationId"]);
    items(&tree["produces"]).for_each(|media| out.text(6, media));
    items(&tree["consumes"]).for_each(|media| out.text(7, media));
    items(&tree["parameters"]).for_each(|of| out.message(8, &parameter(of)));
    let mut responses = Message::default();
    for (code, of) in entries(&tree["responses"]) {
        let mut response = Message::default();
        response.text(1, &of["description"]);
        if let Some(of) = of.get("schema") {
            let mut item = Message::default();
            item.message(1, &schema(of));
            response.message(2, &item);
        }
        let mut value = Message::default();
        value.message(1, &response);
        responses.message(1, &named(code, &value));
    }
    out.message(9, &responses);
    items(&tree["schemes"]).for_each(|scheme| out.text(10, scheme));
    extensions(tree, 13, &mut out);
    out
}

/// A parameter among an operation's or a path's.
fn parameter(tree: &Value) -> Message {
    let mut own = Message::default();
    let mut parameter = Message::default();
    if tree["in"] == "body" {
        own.text(1, &tree["description"]);
        own.text(2, &tree["name"]);
        own.text(3, &tree["in"]);
        own.flag(4, &tree["required"]);
        own.message(5, &schema(&tree["schema"]));
        parameter.message(1, &own);
    } else {
        own.flag(1, &tree["required"]);
        for (number, field) in [(2, "in"), (3, "description"), (4, "name")] {
            own.text(number, &tree[field]);
        }
        // Query parameters have one member more in front of their type.
        let is_query = tree["in"] == "query";
        let shift = u32::from(is_query);
        own.text(5 + shift, &tree["type"]);
        own.flag(19 + shift, &tree["uniqueItems"]);
        let mut kind = Message::default();
        kind.message(if is_query { 3 } else { 4 }, &own);
        parameter.message(2, &kind);
    }
    let mut item = Message::default();
    item.message(1, &parameter);
    item
}

/// Schemas by name: `Definitions` and `Properties`.
fn schemas(tree: &Value) -> Message {
    let mut out = Message::default();
    for (name, of) in entries(tree) {
        out.message(1, &named(name, &schema(of)));
    }
    out
}

fn schema(tree: &Value) -> Message {
    let mut out = Message::default();
    out.text(1, &tree["$ref"]);
    out.text(2, &tree["format"]);
    out.text(4, &tree["description"]);
    items(&tree["required"]).for_each(|name| out.text(19, name));
    items(&tree["enum"]).for_each(|value| out.message(20, &any(value)));
    if let Some(of) = tree.get("additionalProperties") {
        let mut item = Message::default();
        item.message(1, &schema(of));
        out.message(21, &item);
    }
    if let Some(of) = tree.get("type") {
        let mut item = Message::default();
        item.text(1, of);
        out.message(22, &item);
    }
    if let Some(of) = tree.get("items") {
        let mut item = Message::default();
        item.message(1, &schema(of));
        out.message(23, &item);
    }
    if let Some(of) = tree.get("properties") {
        out.message(25, &schemas(of));
    }
    extensions(tree, 31, &mut out);
    out
}

fn extensions(tree: &Value, number: u32, out: &mut Message) {
    for (name, value) in entries(tree).filter(|(name, _)| name.starts_with("x-")) {
        out.message(number, &named(name, &any(value)));
    }
}

/// Any value, as YAML.
fn any(value: &Value) -> Message {
    let mut out = Message::default();
    out.bytes(2, &encode_any(value));
    out
}

/// A value with a name.
fn named(name: &str, value: &Message) -> Message {
    let mut out = Message::default();
    out.bytes(1, name.as_bytes());
    out.message(2, value);
    out
}

fn entries(tree: &Value) -> impl Iterator<Item = (&String, &Value)> {
    tree.as_object().into_iter().flat_map(Map::iter)
}

fn items(tree: &Value) -> impl Iterator<Item = &Value> {
    tree.as_array().into_iter().flatten()
}

/// A protobuf message that is being written.
#[derive(Default)]
struct Message {
    bytes: Vec<u8>,
}

impl Message {
    fn varint(&mut self, mut value: u64) {
        while value >= 0x80 {
            self.bytes.push((value & 0x7f) as u8 | 0x80);
            value >>= 7;
        }
        self.bytes.push(value as u8);
    }

    fn bytes(&mut self, number: u32, value: &[u8]) {
        self.varint(u64::from(number << 3 | 2));
        self.varint(value.len() as u64);
        self.bytes.extend_from_slice(value);
    }

    fn message(&mut self, number: u32, value: &Self) {
        self.bytes(number, &value.bytes);
    }

    /// A text, unless it is absent or empty.
    fn text(&mut self, number: u32, value: &Value) {
        if let Some(text) = value.as_str().filter(|text| !text.is_empty()) {
            self.bytes(number, text.as_bytes());
        }
    }

    /// A bool, unless it is absent or false.
    fn flag(&mut self, number: u32, value: &Value) {
        if value.as_bool() == Some(true) {
            self.varint(u64::from(number << 3));
            self.varint(1);
        }
    }
}
