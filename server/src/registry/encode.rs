//! From a tree to what is stored, and places in canonical JSON.
//!
//! What is stored is the object in its stored version, canonical, with apiVersion and kind and without resourceVersion,
//! and the place where that belongs: behind the value of `metadata.uid`. Places are found by scanning bytes that our own
//! writer made: no blanks, valid JSON.

use std::ops::Range;

use bytes::Bytes;
use howdah_api::codec::json;
use howdah_store::Payload;
use serde_json::Value;

use super::object::{meta_mut, set_kind};
use super::route::Served;
use crate::status::ApiError;

/// The payload of `object`, a tree in normal form in the version that is stored, with a uid.
///
/// # Errors
/// 413 where it is too large, 500 where it has no uid.
pub(crate) fn payload(served: &Served, mut object: Value) -> Result<Payload, ApiError> {
    set_kind(&mut object, &served.stored.group_version().to_string(), &served.stored.kind);
    let metadata = meta_mut(&mut object);
    metadata.shift_remove("resourceVersion");
    metadata.shift_remove("selfLink");
    let json = Bytes::from(json::encode(&object, served.stored_node));
    let uid = member(&json, "metadata").and_then(|metadata| {
        let uid = member(&json[metadata.clone()], "uid")?;
        Some(metadata.start + uid.end)
    });
    let at = uid.ok_or_else(|| ApiError::Internal("an object without uid was to be stored".to_owned()))?;
    Payload::new(json, at).map_err(|error| ApiError::TooLarge(error.to_string()))
}

/// Where the value of `name` stands in an object's canonical JSON.
#[must_use]
pub(super) fn member(json: &[u8], name: &str) -> Option<Range<usize>> {
    let mut at = 1;
    if json.first() != Some(&b'{') {
        return None;
    }
    while json.get(at) == Some(&b'"') {
        let key = at + 1..value_end(json, at)? - 1;
        // The colon.
        let start = key.end + 2;
        let end = value_end(json, start)?;
        if json.get(key)? == name.as_bytes() {
            return Some(start..end);
        }
        at = end + 1;
    }
    None
}

/// The end of the value that begins at `start`.
fn value_end(json: &[u8], start: usize) -> Option<usize> {
    let (mut depth, mut at) = (0_usize, start);
    loop {
        match json.get(at)? {
            b'"' => at = text_end(json, at)?,
            b'{' | b'[' => {
                depth += 1;
                at += 1;
            }
            b'}' | b']' if depth == 0 => return Some(at),
            b'}' | b']' => {
                depth -= 1;
                at += 1;
            }
            b',' | b':' if depth == 0 => return Some(at),
            _ => at += 1,
        }
        if depth == 0 && matches!(json.get(at), None | Some(b',' | b'}' | b']' | b':')) {
            return Some(at);
        }
    }
}

/// The end of the text whose first quote stands at `start`.
fn text_end(json: &[u8], start: usize) -> Option<usize> {
    let mut at = start + 1;
    loop {
        match json.get(at)? {
            b'\\' => at += 2,
            b'"' => return Some(at + 1),
            _ => at += 1,
        }
    }
}

/// An object as an element of a list: upstream's lists name the kind of their elements once, in their own.
///
/// `wire` is the object in the version that is answered. What does not begin with its kind is left as it is.
pub(super) fn push_item(out: &mut Vec<u8>, wire: &[u8], head: &[u8]) {
    match wire.strip_prefix(head) {
        Some(rest) => {
            out.push(b'{');
            out.extend_from_slice(rest);
        }
        None => out.extend_from_slice(wire),
    }
}

/// What every object's JSON of this kind begins with: `{"kind":"Pod","apiVersion":"v1",`.
#[must_use]
pub(super) fn item_head(served: &Served) -> Vec<u8> {
    format!(r#"{{"kind":"{}","apiVersion":"{}","#, served.row.kind, served.api_version()).into_bytes()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn members_are_found_at_any_place() {
        let json = br#"{"kind":"A","metadata":{"name":"a\"}","annotations":{"uid":"no","x":"{[,"},"uid":"u"},"list":[1,{"a":[]}],"n":-1.5,"last":null}"#;
        let text =
            |range: Option<Range<usize>>| range.map(|range| std::str::from_utf8(&json[range]).unwrap().to_owned());
        for (name, expected) in [
            ("kind", Some(r#""A""#)),
            ("list", Some(r#"[1,{"a":[]}]"#)),
            ("n", Some("-1.5")),
            ("last", Some("null")),
            ("uid", None),
        ] {
            assert_eq!(text(member(json, name)).as_deref(), expected, "{name}");
        }
        let metadata = member(json, "metadata").unwrap();
        let uid = member(&json[metadata.clone()], "uid").unwrap();
        assert_eq!(&json[metadata.start + uid.start..metadata.start + uid.end], br#""u""#);
        assert_eq!(member(b"{}", "a"), None);
        assert_eq!(member(b"[1]", "a"), None);
    }

    #[test]
    fn elements_do_not_name_their_kind() {
        let head = br#"{"kind":"Pod","apiVersion":"v1","#;
        let mut out = Vec::new();
        push_item(&mut out, br#"{"kind":"Pod","apiVersion":"v1","metadata":{}}"#, head);
        push_item(&mut out, br#"{"kind":"Other"}"#, head);
        assert_eq!(out, br#"{"metadata":{}}{"kind":"Other"}"#);
    }
}
