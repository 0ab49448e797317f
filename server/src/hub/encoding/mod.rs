//! How objects and watch events are written for clients.
//!
//! An [`Encoding`] is a name and the code behind it: two of the same name write the same bytes, so that what one of
//! them made is sent for the other. The stored JSON needs no code: its bytes are there. Others write an object once a
//! revision ([`Entry::body`]). Frames are made of bodies:
//! `{"type":…,"object":…}` and a newline for JSON, upstream's length-delimited `WatchEvent` for protobuf.

mod bookmark;
mod conversion;
mod served;

use std::fmt;
use std::sync::Arc;

use bytes::{BufMut, Bytes, BytesMut};
use howdah_api::codec::protobuf;
use howdah_api::resource::Resource;
use howdah_store::Revision;

use super::entry::Entry;
use crate::status::ApiError;

/// How an object is written.
#[derive(Clone)]
pub struct Encoding(Arc<Inner>);

struct Inner {
    id: Box<str>,
    framing: Framing,
    /// Nothing for the stored bytes themselves.
    encoder: Option<Arc<dyn Encode>>,
    bookmarks: Arc<dyn Encode>,
    /// What a stream goes on with behind its first object.
    rest: Option<Encoding>,
}

/// How a stream's events are told apart.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Framing {
    /// A JSON text a line.
    Json,
    /// A length and a protobuf message.
    Protobuf,
}

/// Code that writes objects. It must depend on its arguments alone.
pub trait Encode: Send + Sync {
    /// The object's body, without a newline behind it; for protobuf with magic and envelope.
    ///
    /// # Errors
    /// [`EncodeError`] where it can't be written.
    fn object(&self, entry: &Entry) -> Result<Bytes, EncodeError>;

    /// A bookmark's body: an object of the kind with nothing but its resourceVersion and perhaps the annotation.
    ///
    /// # Errors
    /// [`EncodeError`] where it can't be written.
    fn bookmark(&self, bookmark: &Bookmark) -> Result<Bytes, EncodeError>;

    /// Whether the same object always gives the same body, so that it may be kept with the object. A Table's ages
    /// pass: its frames are shared by the watchers of an event, and nothing else is.
    fn is_lasting(&self) -> bool {
        true
    }
}

/// What a bookmark says.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Bookmark {
    /// Everything up to here was sent.
    pub revision: Revision,
    /// Whether it is the one that ends the initial events (annotation `k8s.io/initial-events-end`).
    pub initial_events_end: bool,
}

/// Why an object could not be written.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("the object can't be encoded: {0}")]
pub struct EncodeError(Box<str>);

/// The types of watch events.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum EventType {
    /// The object came into being, or into the selection.
    Added,
    /// The object changed.
    Modified,
    /// The object went, or left the selection.
    Deleted,
    /// Nothing happened up to the object's resourceVersion.
    Bookmark,
    /// The watch ends; the object is a Status.
    Error,
}

impl EncodeError {
    /// The error with these words.
    #[must_use]
    pub fn new(why: impl fmt::Display) -> Self {
        Self(why.to_string().into())
    }
}

impl EventType {
    /// The API's word.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Added => "ADDED",
            Self::Modified => "MODIFIED",
            Self::Deleted => "DELETED",
            Self::Bookmark => "BOOKMARK",
            Self::Error => "ERROR",
        }
    }
}

impl Framing {
    /// The media type of a stream of events.
    #[must_use]
    pub const fn content_type(self) -> &'static str {
        match self {
            Self::Json => "application/json",
            Self::Protobuf => "application/vnd.kubernetes.protobuf;stream=watch",
        }
    }

    /// Puts an event behind what `out` has.
    pub(super) fn put(self, out: &mut BytesMut, kind: EventType, body: &[u8]) {
        match self {
            Self::Json => {
                const AROUND: usize = 32;
                out.reserve(body.len() + AROUND);
                out.put_slice(br#"{"type":""#);
                out.put_slice(kind.as_str().as_bytes());
                out.put_slice(br#"","object":"#);
                out.put_slice(body);
                out.put_slice(b"}\n");
            }
            Self::Protobuf => out.put_slice(&protobuf::encode_watch_event(kind.as_str(), body)),
        }
    }

    /// The event that ends a stream for `error`.
    pub(super) fn error(self, error: &ApiError) -> Bytes {
        let mut out = BytesMut::new();
        let body = bookmark::status(&error.status(), self);
        self.put(&mut out, EventType::Error, &body);
        out.freeze()
    }
}

impl Encoding {
    /// JSON in `resource`'s version: the stored bytes where that is the stored version. `None` where a conversion
    /// would be needed that is not known here.
    #[must_use]
    pub fn json(resource: &Resource) -> Option<Self> {
        let served = Arc::new(served::Served::new(resource, Framing::Json)?);
        let stored = resource.group_version() == resource.storage;
        let encoder: Option<Arc<dyn Encode>> = if stored { None } else { Some(served.clone()) };
        let id = format!("json/{}/{}", resource.group_version(), resource.plural);
        Some(Self(Arc::new(Inner { id: id.into(), framing: Framing::Json, encoder, bookmarks: served, rest: None })))
    }

    /// Protobuf in `resource`'s version; `None` where the kind has no such form or as for [`Encoding::json`].
    #[must_use]
    pub fn protobuf(resource: &Resource) -> Option<Self> {
        let served = served::Served::new(resource, Framing::Protobuf)?;
        let id = format!("protobuf/{}/{}", resource.group_version(), resource.plural);
        served.has_protobuf().then(|| Self::new(&id, Framing::Protobuf, Arc::new(served)))
    }

    /// An encoding of one's own. The same `id` means the same bytes: all that matters belongs into it.
    #[must_use]
    pub fn new(id: &str, framing: Framing, encode: Arc<dyn Encode>) -> Self {
        let encoder = Some(Arc::clone(&encode));
        Self(Arc::new(Inner { id: id.into(), framing, encoder, bookmarks: encode, rest: None }))
    }

    /// Writes a stream's first object so, and all others as `rest` does (a Table's columns are sent once).
    #[must_use]
    pub fn followed_by(&self, rest: Self) -> Self {
        let Inner { id, framing, encoder, bookmarks, .. } = &*self.0;
        Self(Arc::new(Inner {
            id: id.clone(),
            framing: *framing,
            encoder: encoder.clone(),
            bookmarks: Arc::clone(bookmarks),
            rest: Some(rest),
        }))
    }

    /// How a stream's events are told apart.
    #[must_use]
    pub fn framing(&self) -> Framing {
        self.0.framing
    }

    /// The media type of a watch in this encoding.
    #[must_use]
    pub fn content_type(&self) -> &'static str {
        self.0.framing.content_type()
    }

    pub(super) fn encoder(&self) -> Option<&dyn Encode> {
        self.0.encoder.as_deref()
    }

    pub(super) fn rest(&self) -> Option<&Self> {
        self.0.rest.as_ref()
    }

    /// Puts a bookmark behind what `out` has.
    pub(super) fn put_bookmark(&self, out: &mut BytesMut, bookmark: &Bookmark) -> Result<(), EncodeError> {
        let body = self.0.bookmarks.bookmark(bookmark)?;
        self.0.framing.put(out, EventType::Bookmark, &body);
        Ok(())
    }
}

impl PartialEq for Encoding {
    fn eq(&self, other: &Self) -> bool {
        Arc::ptr_eq(&self.0, &other.0) || self.0.id == other.0.id
    }
}

impl Eq for Encoding {}

impl fmt::Debug for Encoding {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Encoding").field(&self.0.id).finish()
    }
}

#[cfg(test)]
mod tests;
