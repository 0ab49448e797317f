//! Reading and writing an object's metadata by path.

use howdah_api::time::{Layout, Time};
use serde_json::{Map, Value};

/// Keeps dependents: the garbage collector takes it away when it has cut them loose.
pub(super) const ORPHAN_FINALIZER: &str = "orphan";
/// Holds the object until its dependents are gone.
pub(super) const FOREGROUND_FINALIZER: &str = "foregroundDeletion";

/// An object's metadata, read.
#[derive(Debug, Clone, Copy)]
pub(super) struct Meta<'o>(Option<&'o Map<String, Value>>);

/// The metadata of `object`; all is empty where it has none.
#[must_use]
pub(super) fn meta(object: &Value) -> Meta<'_> {
    Meta(object.get("metadata").and_then(Value::as_object))
}

/// The metadata of `object`, made where it has none.
///
/// What is no object has no metadata: then the returned map belongs to nothing (decoding lets no such thing pass).
pub(super) fn meta_mut(object: &mut Value) -> &mut Map<String, Value> {
    if !object.is_object() {
        *object = Value::Object(Map::new());
    }
    let metadata = &mut object["metadata"];
    if !metadata.is_object() {
        *metadata = Value::Object(Map::new());
    }
    metadata.as_object_mut().expect("it was just made an object")
}

impl<'o> Meta<'o> {
    /// A text; empty where it is absent.
    #[must_use]
    pub(super) fn text(self, field: &str) -> &'o str {
        self.get(field).and_then(Value::as_str).unwrap_or_default()
    }

    /// Any field.
    #[must_use]
    pub(super) fn get(self, field: &str) -> Option<&'o Value> {
        self.0.and_then(|metadata| metadata.get(field)).filter(|value| !value.is_null())
    }

    /// `name`.
    #[must_use]
    pub(super) fn name(self) -> &'o str {
        self.text("name")
    }

    /// `generateName`.
    #[must_use]
    pub(super) fn generate_name(self) -> &'o str {
        self.text("generateName")
    }

    /// `namespace`.
    #[must_use]
    pub(super) fn namespace(self) -> &'o str {
        self.text("namespace")
    }

    /// `uid`.
    #[must_use]
    pub(super) fn uid(self) -> &'o str {
        self.text("uid")
    }

    /// `resourceVersion`.
    #[must_use]
    pub(super) fn resource_version(self) -> &'o str {
        self.text("resourceVersion")
    }

    /// `generation`; zero where it is absent.
    #[must_use]
    pub(super) fn generation(self) -> i64 {
        self.get("generation").and_then(Value::as_i64).unwrap_or_default()
    }

    /// `deletionTimestamp`.
    #[must_use]
    pub(super) fn deletion_timestamp(self) -> Option<Time> {
        Time::parse(self.get("deletionTimestamp")?.as_str()?, Layout::Seconds).ok()
    }

    /// Whether somebody asked for the object's deletion.
    #[must_use]
    pub(super) fn is_deleting(self) -> bool {
        self.get("deletionTimestamp").is_some()
    }

    /// `deletionGracePeriodSeconds`.
    #[must_use]
    pub(super) fn grace_seconds(self) -> Option<i64> {
        self.get("deletionGracePeriodSeconds").and_then(Value::as_i64)
    }

    /// `finalizers`.
    #[must_use]
    pub(super) fn finalizers(self) -> Vec<&'o str> {
        let list = self.get("finalizers").and_then(Value::as_array);
        list.map(|list| list.iter().filter_map(Value::as_str).collect()).unwrap_or_default()
    }
}

/// Sets a text, or takes the field away where the text is empty.
pub(super) fn set_text(metadata: &mut Map<String, Value>, field: &str, text: &str) {
    if text.is_empty() {
        metadata.shift_remove(field);
    } else {
        metadata.insert(field.to_owned(), Value::from(text));
    }
}

/// Sets a time in whole seconds.
pub(super) fn set_time(metadata: &mut Map<String, Value>, field: &str, time: Time) {
    metadata.insert(field.to_owned(), Value::from(time.format(Layout::Seconds)));
}

/// Sets the finalizers, or takes them away where there are none.
pub(super) fn set_finalizers<T: AsRef<str>>(metadata: &mut Map<String, Value>, finalizers: &[T]) {
    if finalizers.is_empty() {
        metadata.shift_remove("finalizers");
    } else {
        let list = finalizers.iter().map(|finalizer| Value::from(finalizer.as_ref())).collect();
        metadata.insert("finalizers".to_owned(), Value::Array(list));
    }
}

/// Makes `field` of `metadata` what it is in `of`; absent where it is absent there.
pub(super) fn copy_field(metadata: &mut Map<String, Value>, field: &str, of: Meta<'_>) {
    match of.get(field) {
        Some(value) => drop(metadata.insert(field.to_owned(), value.clone())),
        None => drop(metadata.shift_remove(field)),
    }
}

/// Writes the object's kind into it.
pub(super) fn set_kind(object: &mut Value, api_version: &str, kind: &str) {
    if let Some(map) = object.as_object_mut() {
        map.insert("kind".to_owned(), Value::from(kind));
        map.insert("apiVersion".to_owned(), Value::from(api_version));
    }
}

/// Takes away what the server alone sets, but the uid, which is a precondition in some requests.
pub(super) fn wipe_server_fields(object: &mut Value) {
    let metadata = meta_mut(object);
    for field in ["creationTimestamp", "deletionTimestamp", "deletionGracePeriodSeconds", "selfLink"] {
        metadata.shift_remove(field);
    }
}

/// Group and version of an `apiVersion`; `None` where it has more than one slash.
#[must_use]
pub(super) fn split_api_version(api_version: &str) -> Option<(&str, &str)> {
    match api_version.split_once('/') {
        None => Some(("", api_version)),
        Some((group, version)) if !version.contains('/') => Some((group, version)),
        Some(_) => None,
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn metadata_reads_as_absent_where_it_is_not_there() {
        let empty = json!({ "metadata": null });
        assert_eq!((meta(&empty).name(), meta(&empty).generation()), ("", 0));
        assert!(!meta(&empty).is_deleting() && meta(&empty).finalizers().is_empty());
        let full =
            json!({ "metadata": { "name": "n", "finalizers": ["a"], "deletionTimestamp": "1970-01-01T00:00:05Z" } });
        assert_eq!((meta(&full).name(), meta(&full).finalizers()), ("n", vec!["a"]));
        assert_eq!(meta(&full).deletion_timestamp(), Some(Time { seconds: 5, nanos: 0 }));
    }

    #[test]
    fn metadata_is_made_and_emptied() {
        let mut object = json!({ "metadata": null });
        set_text(meta_mut(&mut object), "uid", "u");
        set_finalizers(meta_mut(&mut object), &["f"]);
        assert_eq!(object, json!({ "metadata": { "uid": "u", "finalizers": ["f"] } }));
        set_text(meta_mut(&mut object), "uid", "");
        set_finalizers::<&str>(meta_mut(&mut object), &[]);
        assert_eq!(object, json!({ "metadata": {} }));
    }

    #[test]
    fn api_versions_split() {
        for (text, expected) in [("v1", Some(("", "v1"))), ("apps/v1", Some(("apps", "v1"))), ("a/b/c", None)] {
            assert_eq!(split_api_version(text), expected);
        }
    }
}
