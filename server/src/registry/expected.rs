//! The kind that an object is to have, and what is said of objects that have another.
//!
//! The sentences are upstream's scheme's and serializers'. An object that leaves its kind or version open has the
//! expected one.

use howdah_api::codec::json::go_word;
use howdah_api::go::quote;
use howdah_api::schema::{Node, builtin};
use serde_json::Value;

use super::object::split_api_version;

/// The kind that an object is to have.
#[derive(Clone, Copy)]
pub(super) struct Expected<'k> {
    /// The API group.
    pub(super) group: &'k str,
    /// The version.
    pub(super) version: &'k str,
    /// The kind.
    pub(super) kind: &'k str,
    /// Its schema.
    pub(super) node: &'k Node,
}

/// What an object says that it is.
#[derive(Debug, Default, PartialEq, Eq)]
pub(super) struct Names {
    /// `apiVersion`; empty where it is left open.
    pub(super) api_version: String,
    /// `kind`; empty where it is left open.
    pub(super) kind: String,
}

/// In what way an object is not of the expected kind.
pub(super) enum Mismatch {
    /// Its apiVersion is none; the sentence about it.
    Unreadable(String),
    /// It is of this other kind.
    Kind {
        /// The kind.
        kind: String,
        /// The version, without the group.
        version: String,
        /// The sentence about it.
        sentence: String,
        /// Its schema, where anybody knows the kind.
        node: Option<&'static Node>,
    },
    /// It is of the kind, in another version or group; the sentence about it.
    Version(String),
}

/// The sentence about a kind that nobody knows; `api_version` with its group.
pub(super) fn not_registered(api_version: &str, kind: &str) -> String {
    format!(
        "no kind {} is registered for version {} in scheme \"k8s.io/kubernetes/pkg/api/legacyscheme/scheme.go:30\"",
        quote(kind),
        quote(api_version)
    )
}

impl Names {
    /// What an object in JSON says.
    ///
    /// # Errors
    /// The sentence, where it is no object or its names are no texts.
    pub(super) fn of(value: &Value) -> Result<Self, String> {
        const HEAD: &str = "couldn't get version/kind; json parse error: json: cannot unmarshal";
        const STRUCT: &str =
            r#"struct { APIVersion string "json:\"apiVersion,omitempty\""; Kind string "json:\"kind,omitempty\"" }"#;
        let mut names = Self::default();
        let map = match value {
            Value::Object(map) => map,
            Value::Null => return Ok(names),
            other => return Err(format!("{HEAD} {} into Go value of type {STRUCT}", go_word(other))),
        };
        for (field, value) in map {
            let name = match field.as_str() {
                "apiVersion" => &mut names.api_version,
                "kind" => &mut names.kind,
                _ => continue,
            };
            match value {
                Value::String(text) => text.clone_into(name),
                Value::Null => {}
                other => {
                    return Err(format!("{HEAD} {} into Go struct field .{field} of type string", go_word(other)));
                }
            }
        }
        Ok(names)
    }
}

impl Expected<'_> {
    /// In what way an object with these names is not of this kind; `None` where it is.
    pub(super) fn mismatch(&self, api_version: &str, kind: &str) -> Option<Mismatch> {
        let Some((group, version)) = split_api_version(api_version) else {
            return Some(Mismatch::Unreadable(format!("unexpected GroupVersion string: {api_version}")));
        };
        let (group, version) = match (group, version) {
            ("", "") => (self.group, self.version),
            (group, "") if group == self.group => (group, self.version),
            other => other,
        };
        let kind = if kind.is_empty() { self.kind } else { kind };
        if (group, version, kind) == (self.group, self.version, self.kind) {
            return None;
        }
        let own = self.kind;
        let joined = |group: &str, version: &str| match group {
            "" => version.to_owned(),
            group => format!("{group}/{version}"),
        };
        let named = joined(group, version);
        let node = builtin::kind(group, version, kind);
        let other =
            |sentence: String| Mismatch::Kind { kind: kind.to_owned(), version: version.to_owned(), sentence, node };
        if node.is_none() {
            return Some(other(not_registered(&named, kind)));
        }
        if kind != own {
            let ours = self.group.split('.').next().filter(|group| !group.is_empty()).unwrap_or("core");
            return Some(other(format!("converting ({version}.{kind}) to ({ours}.{own}): unknown conversion")));
        }
        let expected = joined(self.group, self.version);
        Some(Mismatch::Version(format!(
            "the API version in the data ({named}) does not match the expected API version ({expected})"
        )))
    }
}
