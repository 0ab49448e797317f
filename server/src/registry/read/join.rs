//! A list's answer: the objects' bytes, joined.

use actix_web::HttpResponse;
use bytes::Bytes;
use howdah_api::codec::{json, protobuf};
use howdah_api::schema::{Node, builtin};
use serde_json::{Map, Value, json};

use super::list::Found;
use crate::hub::{Encoding, Entry};
use crate::negotiation;
use crate::registry::answer;
use crate::registry::call::Call;
use crate::registry::encode::{item_head, push_item};
use crate::registry::transform;
use crate::status::ApiError;

/// The objects in the negotiated form.
pub(in crate::registry) fn answer_list(call: &Call<'_>, found: &Found) -> Result<HttpResponse, ApiError> {
    if call.media.target.is_some() {
        let document = transform::list(call, found)?;
        return answer::document(call, 200, &document, transform::node(call));
    }
    let row = call.served().row;
    if call.media.encoding == negotiation::Encoding::Protobuf
        && let Some(encoding) = Encoding::protobuf(row)
    {
        return Ok(answer::encoded(call, 200, protobuf_list(call, found, &encoding)?));
    }
    let node = builtin::kind(&row.group, &row.version, &row.list_kind);
    answer::document(call, 200, &json_list(call, found)?, node)
}

/// `metadata` of a list, in Go's order.
pub(in crate::registry) fn list_meta(found: &Found) -> Value {
    let mut metadata = Map::new();
    metadata.insert("resourceVersion".to_owned(), Value::from(found.revision.to_string()));
    if !found.continue_token.is_empty() {
        metadata.insert("continue".to_owned(), Value::from(found.continue_token.as_str()));
    }
    if let Some(remaining) = found.remaining {
        metadata.insert("remainingItemCount".to_owned(), json!(remaining));
    }
    Value::Object(metadata)
}

fn json_list(call: &Call<'_>, found: &Found) -> Result<Bytes, ApiError> {
    let served = call.served();
    let encoding = encoding(call)?;
    let head = item_head(served);
    let wires: Vec<Bytes> = found.entries.iter().map(|entry| body(entry, &encoding)).collect::<Result<_, _>>()?;
    let mut out = Vec::with_capacity(256 + wires.iter().map(|wire| wire.len() + 1).sum::<usize>());
    let kind = &served.row.list_kind;
    let beginning = format!(r#"{{"kind":"{kind}","apiVersion":"{}","metadata":"#, served.api_version());
    out.extend_from_slice(beginning.as_bytes());
    out.extend_from_slice(&json::encode(&list_meta(found), list_meta_node()));
    out.extend_from_slice(br#","items":["#);
    for (index, wire) in wires.iter().enumerate() {
        if index > 0 {
            out.push(b',');
        }
        push_item(&mut out, wire, &head);
    }
    out.extend_from_slice(b"]}");
    Ok(out.into())
}

/// The message of a list: `metadata` is 1, `items` 2; each item's message lies in its own envelope.
fn protobuf_list(call: &Call<'_>, found: &Found, encoding: &Encoding) -> Result<Bytes, ApiError> {
    let refused = |error: String| ApiError::Internal(error);
    let metadata = protobuf::encode(&list_meta(found), list_meta_node()).map_err(|error| refused(error.to_string()))?;
    let mut raw = Vec::with_capacity(metadata.len() + 16);
    push_field(&mut raw, 1, &metadata);
    for entry in &found.entries {
        let item = body(entry, encoding)?;
        let item = protobuf::Envelope::read(&item).map_err(|error| refused(error.to_string()))?;
        push_field(&mut raw, 2, item.raw);
    }
    let served = call.served();
    let (api_version, kind) = (served.api_version(), &served.row.list_kind);
    Ok(protobuf::Envelope { api_version: &api_version, kind, raw: &raw, ..Default::default() }.write().into())
}

fn list_meta_node() -> &'static Node {
    builtin::named("meta/v1", "ListMeta").expect("the table has the type")
}

/// A field with a length, its number below 16.
fn push_field(out: &mut Vec<u8>, number: u8, bytes: &[u8]) {
    out.push(number << 3 | 2);
    let mut length = bytes.len();
    while length >= 0x80 {
        out.push((length & 0x7f) as u8 | 0x80);
        length >>= 7;
    }
    out.push(length as u8);
    out.extend_from_slice(bytes);
}

/// The objects' JSON in the request's version.
pub(in crate::registry) fn encoding(call: &Call<'_>) -> Result<Encoding, ApiError> {
    Encoding::json(call.served().row).ok_or(ApiError::UnknownResource)
}

pub(in crate::registry) fn body(entry: &Entry, encoding: &Encoding) -> Result<Bytes, ApiError> {
    entry.body(encoding).map_err(|error| ApiError::Internal(error.to_string()))
}
