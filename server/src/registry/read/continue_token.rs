//! Continue tokens, in upstream's shape: base64 of `{"v":"meta.k8s.io/v1","rv":…,"start":"…"}`.
//!
//! `start` is the key behind the last object of a page, relative to the list's prefix: the object's own and a NUL. A
//! revision of −1 means the newest state: it is what a client is given whose token has expired.

use base64::Engine as _;
use base64::prelude::BASE64_URL_SAFE_NO_PAD;
use howdah_api::{Key, KeyPrefix};
use howdah_store::Revision;
use serde::{Deserialize, Serialize};

use crate::status::ApiError;

const VERSION: &str = "meta.k8s.io/v1";

#[derive(Serialize, Deserialize)]
struct Token {
    #[serde(rename = "v", default)]
    version: String,
    #[serde(rename = "rv", default)]
    revision: i64,
    #[serde(default)]
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

/// Reads a token.
///
/// # Errors
/// 400, in upstream's words.
pub(super) fn decode(token: &str, prefix: &KeyPrefix) -> Result<Place, ApiError> {
    let refused = |why: &str| ApiError::BadRequest(format!("invalid continue token: continue key is not valid{why}"));
    let bytes = BASE64_URL_SAFE_NO_PAD.decode(token).map_err(|error| refused(&format!(": {error}")))?;
    let read: Token = serde_json::from_slice(&bytes).map_err(|error| refused(&format!(": {error}")))?;
    if read.version != VERSION {
        return Err(refused(&format!(": server does not recognize this encoded version {}", read.version)));
    }
    if read.revision == 0 {
        return Err(refused(": incorrect encoded start resourceVersion (version meta.k8s.io/v1)"));
    }
    if read.start.is_empty() {
        return Err(refused(": encoded start key empty (version meta.k8s.io/v1)"));
    }
    let start = read.start.strip_prefix('/').unwrap_or(&read.start);
    // A key's own rules keep a token from leading out of its list.
    let after = start.strip_suffix('\0').and_then(|start| Key::parse(&format!("{}{start}", prefix.as_str())).ok());
    let after = after.filter(|key| key.is_below(prefix)).ok_or_else(|| refused(&format!(": {}", read.start)))?;
    Ok(Place { after, revision: Revision::new(read.revision) })
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
            assert_eq!(decode(&token, prefix), Ok(Place { after: key.clone(), revision: Revision::new(7) }));
        }
        assert_eq!(decode(&encode(&key, &all, None), &all).unwrap().revision, None);
    }

    #[test]
    fn bad_tokens_are_refused_in_upstreams_words() {
        let prefix = KeyPrefix::new("", "pods", Some("ns")).unwrap();
        let refused = |json: &str| {
            let refused = decode(&BASE64_URL_SAFE_NO_PAD.encode(json), &prefix);
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
        ];
        for (json, why) in rows {
            assert_eq!(refused(json), format!("{head}{why}"), "{json}");
        }
        assert!(decode("%", &prefix).is_err());
    }
}
