//! Continue tokens, in upstream's shape: base64 of `{"v":"meta.k8s.io/v1","rv":…,"start":"…"}`.
//!
//! `start` is the key behind the last object of a page, relative to the list's prefix: the object's own and a NUL. A
//! revision of −1 means the newest state: it is what a client is given whose token has expired.

use base64::Engine as _;
use base64::prelude::BASE64_URL_SAFE_NO_PAD;
use howdah_api::codec::json;
use howdah_api::{Key, KeyPrefix};
use howdah_store::Revision;
use serde::Serialize;
use serde_json::Value;

use crate::status::ApiError;

const VERSION: &str = "meta.k8s.io/v1";

/// What a token says.
#[derive(Debug, Serialize)]
pub(super) struct Token {
    #[serde(rename = "v")]
    version: String,
    #[serde(rename = "rv")]
    revision: i64,
    start: String,
}

/// Where a list goes on.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Place {
    /// Behind this object.
    pub(super) after: Key,
    /// As of when; `None` for the newest state.
    pub(super) revision: Option<Revision>,
}

fn refused(why: &str) -> ApiError {
    ApiError::BadRequest(format!("invalid continue token: continue key is not valid: {why}"))
}

/// Reads a token.
///
/// # Errors
/// 400, in upstream's words.
pub(super) fn decode(token: &str) -> Result<Token, ApiError> {
    let bytes = BASE64_URL_SAFE_NO_PAD
        .decode(token)
        .map_err(|_| refused(&format!("illegal base64 data at input byte {}", first_illegal(token))))?;
    let read = read(&bytes).map_err(|error| refused(&error))?;
    if read.version != VERSION {
        return Err(refused(&format!("server does not recognize this encoded version {}", read.version)));
    }
    if read.revision == 0 {
        return Err(refused("incorrect encoded start resourceVersion (version meta.k8s.io/v1)"));
    }
    if read.start.is_empty() {
        return Err(refused("encoded start key empty (version meta.k8s.io/v1)"));
    }
    let start = read.start.strip_prefix('/').unwrap_or(&read.start);
    if !start.is_empty() && start.split('/').any(|part| matches!(part, "" | "." | "..")) {
        return Err(refused(&read.start));
    }
    Ok(read)
}

/// Where Go's decoder stops: at the first letter that is none, or at the last one where it is too many.
fn first_illegal(token: &str) -> usize {
    let illegal = token.bytes().position(|byte| !(byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_')));
    illegal.unwrap_or(token.len().saturating_sub(1))
}

/// The token's JSON. Like Go, it takes what it knows and passes over the rest.
fn read(text: &[u8]) -> Result<Token, String> {
    let wrong = |value: &Value, place: &str, expected: &str| {
        format!("json: cannot unmarshal {} into Go {place} of type {expected}", json::go_word(value))
    };
    let mut token = Token { version: String::new(), revision: 0, start: String::new() };
    let members = match json::decode_any(text).map_err(|error| error.to_string())?.value {
        Value::Object(members) => members,
        Value::Null => return Ok(token),
        other => return Err(wrong(&other, "value", "storage.continueToken")),
    };
    for (name, value) in members {
        let place = format!("struct field continueToken.{name}");
        match (name.as_str(), value) {
            (_, Value::Null) => {}
            ("v", Value::String(text)) => token.version = text,
            ("start", Value::String(text)) => token.start = text,
            ("rv", Value::Number(number)) if number.is_i64() => token.revision = number.as_i64().unwrap_or_default(),
            ("rv", Value::Number(number)) => {
                return Err(format!("json: cannot unmarshal number {number} into Go {place} of type int64"));
            }
            ("v" | "start", other) => return Err(wrong(&other, &place, "string")),
            ("rv", other) => return Err(wrong(&other, &place, "int64")),
            _ => {}
        }
    }
    Ok(token)
}

impl Token {
    /// Where the list goes on.
    ///
    /// # Errors
    /// 400 where the token is not one of this list's.
    pub(super) fn place(&self, prefix: &KeyPrefix) -> Result<Place, ApiError> {
        let start = self.start.strip_prefix('/').unwrap_or(&self.start);
        // A key's own rules keep a token from leading out of its list.
        let after = start.strip_suffix('\0').and_then(|start| Key::parse(&format!("{}{start}", prefix.as_str())).ok());
        let after = after.filter(|key| key.is_below(prefix)).ok_or_else(|| refused(&self.start))?;
        Ok(Place { after, revision: Revision::new(self.revision) })
    }
}

/// Makes a token that goes on behind `last`.
pub(super) fn encode(last: &Key, prefix: &KeyPrefix, revision: Option<Revision>) -> String {
    let start = format!("{}\0", last.as_str().strip_prefix(prefix.as_str()).unwrap_or(last.as_str()));
    let token = Token { version: VERSION.to_owned(), revision: revision.map_or(-1, Revision::get), start };
    let text = serde_json::to_vec(&token).expect("strings and a number always serialize");
    BASE64_URL_SAFE_NO_PAD.encode(text)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn decoded(token: &str, prefix: &KeyPrefix) -> Result<Place, ApiError> {
        decode(token).and_then(|token| token.place(prefix))
    }

    #[test]
    fn tokens_are_upstreams_and_come_back() {
        let all = KeyPrefix::new("", "pods", None).unwrap();
        let one = KeyPrefix::new("", "pods", Some("ns")).unwrap();
        let key = Key::new("", "pods", Some("ns"), "p").unwrap();
        for (prefix, start) in [(&all, "ns/p"), (&one, "p")] {
            let token = encode(&key, prefix, Revision::new(7));
            let text = BASE64_URL_SAFE_NO_PAD.decode(&token).unwrap();
            let expected = format!(r#"{{"v":"meta.k8s.io/v1","rv":7,"start":"{start}\u0000"}}"#);
            assert_eq!(String::from_utf8(text).unwrap(), expected);
            assert_eq!(decoded(&token, prefix), Ok(Place { after: key.clone(), revision: Revision::new(7) }));
        }
        assert_eq!(decoded(&encode(&key, &all, None), &all).unwrap().revision, None);
    }

    #[test]
    fn bad_tokens_are_refused_in_upstreams_words() {
        let prefix = KeyPrefix::new("", "pods", Some("ns")).unwrap();
        let refused = |json: &str| {
            let refused = decoded(&BASE64_URL_SAFE_NO_PAD.encode(json), &prefix);
            refused.unwrap_err().status().message.unwrap()
        };
        let head = "invalid continue token: continue key is not valid: ";
        let rows = [
            (r#"{"v":"v2","rv":1,"start":"a"}"#, "server does not recognize this encoded version v2"),
            (
                r#"{"v":"meta.k8s.io/v1","start":"a"}"#,
                "incorrect encoded start resourceVersion (version meta.k8s.io/v1)",
            ),
            (r#"{"v":"meta.k8s.io/v1","rv":1}"#, "encoded start key empty (version meta.k8s.io/v1)"),
            (r#"{"v":"meta.k8s.io/v1","rv":1,"start":"../x\u0000"}"#, "../x\0"),
            ("i", "invalid character 'i' looking for beginning of value"),
            ("[]", "json: cannot unmarshal array into Go value of type storage.continueToken"),
            (r#"{"v":1}"#, "json: cannot unmarshal number into Go struct field continueToken.v of type string"),
            (r#"{"rv":1.5}"#, "json: cannot unmarshal number 1.5 into Go struct field continueToken.rv of type int64"),
        ];
        for (json, why) in rows {
            assert_eq!(refused(json), format!("{head}{why}"), "{json}");
        }
        let refused = |token: &str| decoded(token, &prefix).unwrap_err().status().message.unwrap();
        assert_eq!(refused("ab%"), format!("{head}illegal base64 data at input byte 2"));
        assert_eq!(refused("abcde"), format!("{head}illegal base64 data at input byte 4"));
    }
}
