//! What goes into the store and what comes out of it: payloads, objects, watch events.
//!
//! Encode once: what is committed is canonical JSON without `resourceVersion` and the place where it belongs, since
//! the revision is known only inside the commit. The bytes for the wire are made once, when the revision is known,
//! and everybody who is sent the object shares them.

use std::io::Write as _;

use bytes::{BufMut, Bytes, BytesMut};
use howdah_api::Key;
use uuid::Uuid;

use crate::Revision;

/// The largest payload that the store takes, in bytes. A request's body ends at 3 MiB; what the server adds fits in.
pub const MAX_PAYLOAD_BYTES: usize = 3_500_000;

/// An object as it is committed: canonical JSON without `metadata.resourceVersion`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Payload {
    json: Bytes,
    splice: u32,
}

/// Why bytes can't be a payload.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum PayloadError {
    /// The place of the resourceVersion lies outside the bytes.
    #[error("the place of the resourceVersion ({at}) lies outside the payload's {bytes} bytes")]
    Splice {
        /// The place that was given.
        at: usize,
        /// The payload's length.
        bytes: usize,
    },
    /// The payload is larger than [`MAX_PAYLOAD_BYTES`].
    #[error("the object has {bytes} bytes as JSON; the store takes at most {MAX_PAYLOAD_BYTES}")]
    TooLarge {
        /// The payload's length.
        bytes: usize,
    },
}

impl Payload {
    /// The payload `json`, in which `,"resourceVersion":"N"` belongs at byte `at`: directly behind a value inside the
    /// object `metadata` (in practice behind the uid's).
    ///
    /// # Errors
    /// [`PayloadError`] where `at` lies outside of the bytes or the bytes are too many.
    pub fn new(json: Bytes, at: usize) -> Result<Self, PayloadError> {
        if json.len() > MAX_PAYLOAD_BYTES {
            return Err(PayloadError::TooLarge { bytes: json.len() });
        }
        match u32::try_from(at) {
            Ok(splice) if at > 0 && at < json.len() => Ok(Self { json, splice }),
            _ => Err(PayloadError::Splice { at, bytes: json.len() }),
        }
    }

    /// The committed bytes, without resourceVersion.
    #[must_use]
    pub const fn json(&self) -> &Bytes {
        &self.json
    }

    /// The byte at which the resourceVersion belongs.
    #[must_use]
    pub const fn splice(&self) -> u32 {
        self.splice
    }

    /// The object's bytes for the wire: the payload with `revision` as its resourceVersion.
    #[must_use]
    pub fn wire(&self, revision: Revision) -> Bytes {
        wire(&self.json, self.splice as usize, revision)
    }
}

/// Splices `,"resourceVersion":"N"` into committed JSON.
pub(crate) fn wire(json: &[u8], splice: usize, revision: Revision) -> Bytes {
    const LONGEST_MEMBER: usize = 42; // the member's name, quotes and comma, and the 19 digits of the largest i64
    let mut bytes = BytesMut::with_capacity(json.len() + LONGEST_MEMBER);
    bytes.put_slice(&json[..splice]);
    let mut writer = bytes.writer();
    write!(writer, r#","resourceVersion":"{revision}""#).expect("writing into memory can't fail");
    let mut bytes = writer.into_inner();
    bytes.put_slice(&json[splice..]);
    bytes.freeze()
}

/// The identity of one group commit: every version that it made carries it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct BatchId(pub(crate) Uuid);

/// A live object as a read returns it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Object {
    /// Where it lives.
    pub key: Key,
    /// The write that made this state.
    pub revision: Revision,
    /// The object's JSON with its resourceVersion, ready for the wire.
    pub wire: Bytes,
}

/// What a write did to its object.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Change {
    /// The object came into being.
    Created,
    /// The object changed.
    Updated,
    /// The object went; the event carries its last state.
    Deleted,
}

/// One change in the store's history.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct WatchEvent {
    /// The object's key.
    pub key: Key,
    /// The write's own revision.
    pub revision: Revision,
    /// The revision of the state that this write replaced or deleted; zero where it created the object.
    pub previous: Revision,
    /// What the write did.
    pub change: Change,
    /// The object's JSON with `revision` as its resourceVersion: the new state, or the last one of a deleted object.
    pub wire: Bytes,
    /// The group commit that the write was part of.
    pub batch: BatchId,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_revision_is_spliced_into_its_place() {
        let json = br#"{"metadata":{"name":"a","uid":"u"},"data":{}}"#;
        let at = json.windows(3).position(|w| w == b"\"u\"").unwrap() + 3;
        let payload = Payload::new(Bytes::from_static(json), at).unwrap();
        assert_eq!(
            payload.wire(Revision::new(i64::MAX).unwrap()),
            r#"{"metadata":{"name":"a","uid":"u","resourceVersion":"9223372036854775807"},"data":{}}"#
        );
    }

    #[test]
    fn a_place_outside_and_a_giant_are_refused() {
        let json = Bytes::from_static(b"{}");
        assert_eq!(Payload::new(json.clone(), 2), Err(PayloadError::Splice { at: 2, bytes: 2 }));
        assert_eq!(Payload::new(json, 0), Err(PayloadError::Splice { at: 0, bytes: 2 }));
        let giant = Bytes::from(vec![b' '; MAX_PAYLOAD_BYTES + 1]);
        assert!(matches!(Payload::new(giant, 1), Err(PayloadError::TooLarge { .. })));
    }
}
