//! What requests and answers carry, and in which media types.

use howdah_api::resource::GroupVersion;

/// What a request carries.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Body {
    Nothing,
    /// A type that must be there.
    Kind(Type),
    /// `DeleteOptions`, which may be left out.
    DeleteOptions,
    Patch,
}

/// What an answer carries.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Answer {
    Text,
    Type(Type),
}

/// A type.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Type {
    Kind(GroupVersion, String),
    /// A type of `meta/v1`.
    Meta(&'static str),
}

/// The media types of the answer.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Form {
    Object,
    /// Objects, or a stream of events.
    Stream,
    /// Text beside objects.
    Log,
    /// Whatever the other end says.
    Anything,
}

impl Form {
    /// The media types.
    pub(super) fn media_types(self) -> &'static [&'static str] {
        match self {
            Self::Object => &["application/json", "application/yaml", "application/vnd.kubernetes.protobuf"],
            Self::Stream => &[
                "application/json",
                "application/yaml",
                "application/vnd.kubernetes.protobuf",
                "application/json;stream=watch",
                "application/vnd.kubernetes.protobuf;stream=watch",
            ],
            Self::Log => &["text/plain", "application/json", "application/yaml", "application/vnd.kubernetes.protobuf"],
            Self::Anything => &["*/*"],
        }
    }
}

/// The media types of patches.
pub(super) const PATCHES: [&str; 4] = [
    "application/json-patch+json",
    "application/merge-patch+json",
    "application/strategic-merge-patch+json",
    "application/apply-patch+yaml",
];
