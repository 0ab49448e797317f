//! The objects that the suite writes. The bytes follow from the key and the token alone, and each write has a token of
//! its own: so the checker knows what every row must hold, and which call wrote it.

use std::fmt::Write as _;

use bytes::Bytes;
use howdah_store::Payload;

/// The bytes of an object and the place where its resourceVersion belongs.
pub(crate) struct Made {
    /// The JSON.
    pub(crate) json: Vec<u8>,
    /// The place, as a count of bytes.
    pub(crate) splice: usize,
}

/// The object that a write with `token` puts at `key`.
pub(crate) fn make(key: &str, token: &str) -> Made {
    let name = key.rsplit('/').next().unwrap_or(key);
    let mut chance = digest(token.as_bytes());
    let head = format!(r#"{{"apiVersion":"v1","kind":"ConfigMap","metadata":{{"name":"{name}","uid":"{chance:016x}""#);
    let splice = head.len();
    // One in 64 is large and hard to compress, so that it is stored out of line.
    let words = if chance.is_multiple_of(64) { 400 } else { chance % 24 };
    let mut json = head;
    let _ = write!(json, r#"}},"data":{{"token":"{token}","pad":""#);
    for _ in 0..words {
        chance = digest(&chance.to_le_bytes());
        let _ = write!(json, "{chance:016x}");
    }
    json.push_str(r#""}}"#);
    Made { json: json.into_bytes(), splice }
}

/// The same as the store takes it.
pub(crate) fn payload(key: &str, token: &str) -> anyhow::Result<Payload> {
    let made = make(key, token);
    Ok(Payload::new(Bytes::from(made.json), made.splice)?)
}

/// The token in a stored object.
pub(crate) fn token(json: &[u8]) -> Option<&str> {
    let text = str::from_utf8(json).ok()?;
    let (_, rest) = text.split_once(r#""token":""#)?;
    rest.split_once('"').map(|(token, _)| token)
}

/// The bytes of the object as watchers and readers must see them at `revision`.
pub(crate) fn wire(json: &[u8], splice: usize, revision: i64) -> Vec<u8> {
    let (head, tail) = json.split_at(splice.min(json.len()));
    [head, format!(r#","resourceVersion":"{revision}""#).as_bytes(), tail].concat()
}

/// A number that stands for `bytes`: eight bytes a step, since most of what this suite does is comparing bytes.
pub(crate) fn digest(bytes: &[u8]) -> u64 {
    let mut state = 0xcbf2_9ce4_8422_2325 ^ u64::try_from(bytes.len()).expect("a usize fits into 64 bits");
    let (words, rest) = bytes.as_chunks::<8>();
    for word in words {
        state = mix(state ^ u64::from_le_bytes(*word));
    }
    let mut last = [0; 8];
    last[..rest.len()].copy_from_slice(rest);
    mix(state ^ u64::from_le_bytes(last))
}

/// One step of [`digest`].
const fn mix(state: u64) -> u64 {
    let state = state.wrapping_mul(0x9e37_79b9_7f4a_7c15);
    state ^ (state >> 29)
}
