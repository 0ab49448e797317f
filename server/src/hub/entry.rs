//! An object as a cache holds it: its bytes, and what selection needs, read from them when first asked for.
//!
//! Most objects are only ever sent, so nothing is parsed when a cache fills. What selectors, authorizers and watchers
//! ask (labels, selectable fields, owners) is read from the JSON in one pass and kept; encodings other than the
//! stored JSON are made at most once each.

use std::collections::BTreeMap;
use std::sync::{Mutex, OnceLock, PoisonError};

use bytes::Bytes;
use howdah_api::Key;
use howdah_store::{Object, Revision};
use serde::Deserialize;

use super::encoding::{EncodeError, Encoding};
use super::field;

/// An object at one revision. Shared; never changed.
#[derive(Debug)]
pub struct Entry {
    key: Key,
    revision: Revision,
    json: Bytes,
    facts: OnceLock<Facts>,
    bodies: Mutex<Vec<(Encoding, Bytes)>>,
}

/// What is read from the JSON.
#[derive(Debug, Default)]
struct Facts {
    uid: Box<str>,
    labels: BTreeMap<Box<str>, Box<str>>,
    owners: Vec<Box<str>>,
    deleting: bool,
    /// Where the digits of the resourceVersion stand in the JSON.
    version_at: Option<usize>,
    fields: field::Fields,
}

#[derive(Deserialize)]
struct Outline<'a> {
    #[serde(borrow, default)]
    metadata: Metadata<'a>,
}

#[derive(Deserialize, Default)]
#[serde(rename_all = "camelCase")]
struct Metadata<'a> {
    #[serde(default)]
    uid: Box<str>,
    resource_version: Option<&'a str>,
    deletion_timestamp: Option<serde::de::IgnoredAny>,
    #[serde(default)]
    labels: Option<BTreeMap<Box<str>, Box<str>>>,
    #[serde(default)]
    owner_references: Option<Vec<Owner>>,
}

#[derive(Deserialize)]
struct Owner {
    #[serde(default)]
    uid: Box<str>,
}

impl Entry {
    /// The object at `key` as `json` says, which has `revision` as its resourceVersion.
    #[must_use]
    pub fn new(key: Key, revision: Revision, json: Bytes) -> Self {
        Self { key, revision, json, facts: OnceLock::new(), bodies: Mutex::new(Vec::new()) }
    }

    /// Where the object lives.
    #[must_use]
    pub const fn key(&self) -> &Key {
        &self.key
    }

    /// The write that made this state, or that deleted it.
    #[must_use]
    pub const fn revision(&self) -> Revision {
        self.revision
    }

    /// The object as stored, as JSON, with its resourceVersion.
    #[must_use]
    pub const fn json(&self) -> &Bytes {
        &self.json
    }

    /// The object's name.
    #[must_use]
    pub fn name(&self) -> &str {
        self.key.as_str().rsplit('/').next().unwrap_or_default()
    }

    /// The object's namespace; empty where it has none.
    #[must_use]
    pub fn namespace(&self) -> &str {
        let mut segments = self.key.as_str().split('/').skip(2);
        match (segments.next(), segments.next()) {
            (Some(namespace), Some(_)) => namespace,
            _ => "",
        }
    }

    /// The object's uid.
    #[must_use]
    pub fn uid(&self) -> &str {
        &self.facts().uid
    }

    /// The value of a label.
    #[must_use]
    pub fn label(&self, key: &str) -> Option<&str> {
        self.facts().labels.get(key).map(|value| &**value)
    }

    /// All labels, ordered by key.
    pub fn labels(&self) -> impl Iterator<Item = (&str, &str)> {
        self.facts().labels.iter().map(|(key, value)| (&**key, &**value))
    }

    /// The uids of the objects that own this one.
    #[must_use]
    pub fn owners(&self) -> &[Box<str>] {
        &self.facts().owners
    }

    /// Whether its deletion was asked for.
    #[must_use]
    pub fn is_deleting(&self) -> bool {
        self.facts().deleting
    }

    /// The value of a selectable field, by its label in any served version; `None` and empty mean the same.
    #[must_use]
    pub fn field(&self, label: &str) -> Option<&str> {
        match label {
            "metadata.name" => Some(self.name()),
            "metadata.namespace" => Some(self.namespace()),
            _ => self.facts().fields.get(label),
        }
    }

    /// The object in `encoding`: made once, then shared, where the encoding's bodies last.
    ///
    /// # Errors
    /// [`EncodeError`] where the encoding can't write it.
    pub fn body(&self, encoding: &Encoding) -> Result<Bytes, EncodeError> {
        let Some(encoder) = encoding.encoder() else { return Ok(self.json.clone()) };
        if !encoder.is_lasting() {
            return encoder.object(self);
        }
        let mut bodies = self.bodies.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some((_, body)) = bodies.iter().find(|(made, _)| made == encoding) {
            return Ok(body.clone());
        }
        let body = encoder.object(self)?;
        bodies.push((encoding.clone(), body.clone()));
        Ok(body)
    }

    /// The same state with another resourceVersion: what a watcher is told of an object that left its selection.
    #[must_use]
    pub(super) fn at(&self, revision: Revision) -> Self {
        let json = match self.facts().version_at {
            None => self.json.clone(),
            Some(at) => {
                let end = at + self.json[at..].iter().position(|byte| *byte == b'"').unwrap_or(0);
                let digits = revision.to_string();
                [&self.json[..at], digits.as_bytes(), &self.json[end..]].concat().into()
            }
        };
        Self::new(self.key.clone(), revision, json)
    }

    fn facts(&self) -> &Facts {
        self.facts.get_or_init(|| self.read().unwrap_or_default())
    }

    fn read(&self) -> Option<Facts> {
        let read = serde_json::from_slice::<Outline<'_>>(&self.json);
        let metadata = match read {
            Ok(outline) => outline.metadata,
            Err(error) => {
                tracing::error!(key = %self.key, revision = %self.revision, %error, "a stored object can't be read");
                return None;
            }
        };
        Some(Facts {
            uid: metadata.uid,
            labels: metadata.labels.unwrap_or_default(),
            owners: metadata.owner_references.unwrap_or_default().into_iter().map(|owner| owner.uid).collect(),
            deleting: metadata.deletion_timestamp.is_some(),
            version_at: metadata.resource_version.map(|digits| digits.as_ptr().addr() - self.json.as_ptr().addr()),
            fields: field::read(&self.key, &self.json),
        })
    }
}

impl From<Object> for Entry {
    fn from(object: Object) -> Self {
        Self::new(object.key, object.revision, object.wire)
    }
}

#[cfg(test)]
pub(super) mod tests {
    use super::*;

    /// An entry for tests: `key`, `revision`, and JSON in which `"resourceVersion"` is put behind the uid.
    pub(crate) fn entry(key: &str, revision: i64, rest: &str) -> Entry {
        let revision = Revision::new(revision).unwrap();
        let name = key.rsplit('/').next().unwrap();
        let json = format!(
            r#"{{"metadata":{{"name":"{name}","uid":"u-{name}","resourceVersion":"{revision}"{rest}}},"status":{{}}}}"#
        );
        Entry::new(Key::parse(key).unwrap(), revision, json.into())
    }

    #[test]
    fn facts_are_read_from_key_and_json() {
        let rest = r#","labels":{"app":"web"},"ownerReferences":[{"uid":"o1"},{"uid":"o2"}],"deletionTimestamp":"2026-01-01T00:00:00Z""#;
        let pod = entry("core/pods/default/web", 7, rest);
        assert_eq!((pod.name(), pod.namespace(), pod.uid()), ("web", "default", "u-web"));
        assert_eq!((pod.label("app"), pod.label("tier")), (Some("web"), None));
        assert_eq!(pod.owners(), [Box::from("o1"), Box::from("o2")]);
        assert!(pod.is_deleting());
        let node = entry("core/nodes/n1", 7, "");
        assert_eq!((node.name(), node.namespace(), node.is_deleting()), ("n1", "", false));
        assert_eq!(pod.field("metadata.namespace"), Some("default"));
    }

    #[test]
    fn another_revision_is_written_in_its_own_place_only() {
        // The annotation and the label look like the member; neither is touched.
        let rest = r#","annotations":{"x":",\"resourceVersion\":\"7\""},"labels":{"resourceVersion":"7"}"#;
        let old = entry("core/pods/default/web", 7, rest);
        let new = old.at(Revision::new(1234).unwrap());
        assert_eq!(
            new.json(),
            &Bytes::from(std::str::from_utf8(old.json()).unwrap().replacen(
                r#""uid":"u-web","resourceVersion":"7""#,
                r#""uid":"u-web","resourceVersion":"1234""#,
                1
            ))
        );
        assert_eq!(new.revision().get(), 1234);
    }
}
