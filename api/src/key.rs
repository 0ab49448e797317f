//! Where an object lives in the store: `group/resource[/namespace]/name`, ordered by its bytes.
//!
//! The order is the one in which lists are answered and continue tokens advance, the same as upstream's keys in etcd.
//! The core group is written `core`; no other group can have that name, for a group of custom resources contains a dot.

use std::borrow::Borrow;
use std::fmt;
use std::sync::Arc;

/// The name under which the core (legacy, unnamed) API group stands in keys.
const CORE_GROUP: &str = "core";

/// The longest key, in bytes: four segments at Kubernetes' limit of 253 and their separators.
const MAX_KEY_BYTES: usize = 4 * 253 + 3;

/// The key of one object.
#[derive(Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Key(Arc<str>);

/// The common beginning of the keys of a list: one resource, or one resource in one namespace.
#[derive(Clone, PartialEq, Eq, Hash)]
pub struct KeyPrefix(Arc<str>);

/// Why a key could not be made.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum KeyError {
    /// A segment is empty, is `.` or `..`, or contains `/` or `%` (upstream's rule for path segments), or a NUL byte.
    #[error("{segment:?} can't be part of a key: a segment is not empty, not '.' or '..', and has no '/', '%' or NUL")]
    Segment {
        /// The segment as given.
        segment: String,
    },
    /// The text does not have the three or four segments of a key.
    #[error("{text:?} is not a key: expected group/resource/name or group/resource/namespace/name")]
    Shape {
        /// The text as given.
        text: String,
    },
    /// The key is longer than four segments of 253 bytes.
    #[error("a key of {bytes} bytes is longer than {MAX_KEY_BYTES}")]
    TooLong {
        /// The length of the refused key in bytes.
        bytes: usize,
    },
}

impl Key {
    /// The key of the object `name` of `resource` (the plural) in `group` (empty for the core group), in `namespace`
    /// where the resource is namespaced.
    ///
    /// # Errors
    /// [`KeyError::Segment`] or [`KeyError::TooLong`] where a part can't stand in a key.
    pub fn new(group: &str, resource: &str, namespace: Option<&str>, name: &str) -> Result<Self, KeyError> {
        let prefix = KeyPrefix::new(group, resource, namespace)?;
        let text = format!("{}{}", prefix.as_str(), segment(name)?);
        if text.len() > MAX_KEY_BYTES {
            return Err(KeyError::TooLong { bytes: text.len() });
        }
        Ok(Self(text.into()))
    }

    /// Reads a key from its text, as [`Key::as_str`] gave it.
    ///
    /// # Errors
    /// [`KeyError`] where the text is not a key.
    pub fn parse(text: &str) -> Result<Self, KeyError> {
        if text.len() > MAX_KEY_BYTES {
            return Err(KeyError::TooLong { bytes: text.len() });
        }
        let segments = text.split('/').map(segment).collect::<Result<Vec<_>, _>>()?;
        match segments.len() {
            3 | 4 => Ok(Self(text.into())),
            _ => Err(KeyError::Shape { text: text.to_owned() }),
        }
    }

    /// The key as text.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// Whether the key lies below `prefix`.
    #[must_use]
    pub fn is_below(&self, prefix: &KeyPrefix) -> bool {
        self.0.starts_with(prefix.as_str())
    }
}

impl KeyPrefix {
    /// The prefix of all objects of `resource` in `group` (empty for the core group), or of those in one namespace.
    ///
    /// # Errors
    /// [`KeyError::Segment`] where a part can't stand in a key.
    pub fn new(group: &str, resource: &str, namespace: Option<&str>) -> Result<Self, KeyError> {
        let group = if group.is_empty() { CORE_GROUP } else { group };
        let mut text = format!("{}/{}/", segment(group)?, segment(resource)?);
        if let Some(namespace) = namespace {
            text.push_str(segment(namespace)?);
            text.push('/');
        }
        Ok(Self(text.into()))
    }

    /// The prefix of every key.
    #[must_use]
    pub fn all() -> Self {
        Self("".into())
    }

    /// The prefix as text, ending in `/` unless it is [`KeyPrefix::all`].
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// The first text, in byte order, that lies behind every key with this prefix.
    #[must_use]
    pub fn end(&self) -> String {
        match self.0.strip_suffix('/') {
            // '0' follows '/' in ASCII.
            Some(stem) => format!("{stem}0"),
            None => char::MAX.to_string(),
        }
    }
}

/// A path segment by upstream's `IsValidPathSegmentName`; NUL besides, which Postgres' text can't hold.
fn segment(text: &str) -> Result<&str, KeyError> {
    if text.is_empty() || text == "." || text == ".." || text.contains(['/', '%', '\0']) {
        return Err(KeyError::Segment { segment: text.to_owned() });
    }
    Ok(text)
}

/// A key orders and hashes as its text, so that maps by key can be searched by text.
impl Borrow<str> for Key {
    fn borrow(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for Key {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl fmt::Debug for Key {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:?}", self.as_str())
    }
}

impl fmt::Display for KeyPrefix {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl fmt::Debug for KeyPrefix {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:?}", self.as_str())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn keys_are_written_as_upstream_orders_them() {
        let pod = Key::new("", "pods", Some("default"), "web").unwrap();
        assert_eq!(pod.as_str(), "core/pods/default/web");
        let node = Key::new("", "nodes", None, "n1").unwrap();
        assert_eq!(node.as_str(), "core/nodes/n1");
        let deployment = Key::new("apps", "deployments", Some("default"), "web").unwrap();
        assert_eq!(deployment.as_str(), "apps/deployments/default/web");
        assert_eq!(Key::parse("apps/deployments/default/web").unwrap(), deployment);
    }

    #[test]
    fn parts_that_would_change_the_shape_are_refused() {
        for part in ["", ".", "..", "a/b", "a%2fb", "a\0b"] {
            assert!(Key::new("", "pods", Some("default"), part).is_err(), "{part:?} as a name");
            assert!(Key::new("", "pods", Some(part), "web").is_err(), "{part:?} as a namespace");
        }
        for text in ["", "core/pods", "core//pods/x", "a/b/c/d/e"] {
            assert!(Key::parse(text).is_err(), "{text:?} as a key");
        }
        assert!(matches!(Key::parse(&format!("a/b/{}", "n".repeat(2000))), Err(KeyError::TooLong { .. })));
    }

    #[test]
    fn a_prefix_holds_its_keys_and_no_others() {
        let prefix = KeyPrefix::new("", "pods", Some("a")).unwrap();
        let inside = Key::new("", "pods", Some("a"), "web").unwrap();
        let outside = Key::new("", "pods", Some("a-b"), "web").unwrap();
        assert!(inside.is_below(&prefix) && !outside.is_below(&prefix));
        for (key, below) in [(&inside, true), (&outside, false)] {
            let between = key.as_str() > prefix.as_str() && key.as_str() < prefix.end().as_str();
            assert_eq!(between, below, "{key}");
        }
        assert!(inside.as_str() < KeyPrefix::all().end().as_str());
    }
}
