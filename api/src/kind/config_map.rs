//! Config maps: keys, size, immutability.
//!
//! Facts: pkg/registry/core/configmap/strategy.go, pkg/apis/core/validation.

use k8s_openapi::api::core::v1::ConfigMap;
use serde_json::Value;

use super::generic::{check, check_update};
use super::{Request, Strategy};
use crate::validation::meta::{name_is_dns_subdomain, object_meta, object_meta_update};
use crate::validation::name::is_config_map_key;
use crate::validation::{Errors, FieldError, FieldPath};

/// What a config map or a secret may hold, in bytes of its values.
pub(super) const MAX_SIZE: usize = 1 << 20;

/// The sentence about a change of what is marked immutable.
pub(super) const IMMUTABLE: &str = "field is immutable when `immutable` is set";

/// Config maps.
#[derive(Debug)]
pub struct ConfigMapStrategy;

impl Strategy for ConfigMapStrategy {
    fn default(&self, _object: &mut Value) {}

    fn prepare_for_create(&self, _request: &Request<'_>, _object: &mut Value) {}

    fn prepare_for_update(&self, _request: &Request<'_>, _object: &mut Value, _old: &Value) {}

    fn validate(&self, _request: &Request<'_>, object: &Value) -> Errors {
        check(object, validate)
    }

    fn validate_update(&self, _request: &Request<'_>, object: &Value, old: &Value) -> Errors {
        check_update(object, old, validate_update)
    }
}

fn validate(map: &ConfigMap) -> Errors {
    let mut errors = object_meta(&map.metadata, true, name_is_dns_subdomain, &FieldPath::new("metadata"));
    let (data, binary) = (FieldPath::new("data"), FieldPath::new("binaryData"));
    let mut size = 0;
    for (key, value) in map.data.iter().flatten() {
        errors.extend(map_key(key, &data.key(key)));
        if map.binary_data.as_ref().is_some_and(|binary| binary.contains_key(key)) {
            let words = "duplicate of key present in binaryData";
            errors.push(FieldError::invalid(&data.key(key), key.as_str(), words));
        }
        size += value.len();
    }
    for (key, value) in map.binary_data.iter().flatten() {
        errors.extend(map_key(key, &binary.key(key)));
        size += value.0.len();
    }
    if size > MAX_SIZE {
        errors.push(FieldError::too_long(&FieldPath::new(""), MAX_SIZE));
    }
    errors
}

/// A key of a config map or of a secret.
pub(super) fn map_key(key: &str, path: &FieldPath<'_>) -> Errors {
    is_config_map_key(key).into_iter().map(|wrong| FieldError::invalid(path, key, wrong)).collect()
}

fn validate_update(new: &ConfigMap, old: &ConfigMap) -> Errors {
    let mut errors = object_meta_update(&new.metadata, &old.metadata, &FieldPath::new("metadata"));
    if old.immutable == Some(true) {
        if new.immutable != Some(true) {
            errors.push(FieldError::forbidden(&FieldPath::new("immutable"), IMMUTABLE));
        }
        if new.data.iter().flatten().ne(old.data.iter().flatten()) {
            errors.push(FieldError::forbidden(&FieldPath::new("data"), IMMUTABLE));
        }
        if new.binary_data.iter().flatten().ne(old.binary_data.iter().flatten()) {
            errors.push(FieldError::forbidden(&FieldPath::new("binaryData"), IMMUTABLE));
        }
    }
    errors.extend(validate(new));
    errors
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::kind::testing::{create_errors, update_errors};

    #[test]
    fn wrong_config_maps_are_refused() {
        let meta = json!({"name": "a", "namespace": "b"});
        let key = "a valid config key must consist of alphanumeric characters, '-', '_' or '.' (e.g. 'key.name',  or \
                   'KEY_NAME',  or 'key-name', regex used for validation is '[-._a-zA-Z0-9]+')";
        let rows = [
            (json!({"data": {"..": "x"}}), vec!["data[..]: Invalid value: \"..\": must not be '..'".to_owned()]),
            (
                json!({"data": {"..a": "x"}}),
                vec!["data[..a]: Invalid value: \"..a\": must not start with '..'".to_owned()],
            ),
            (json!({"binaryData": {"a b": "eA=="}}), vec![format!("binaryData[a b]: Invalid value: \"a b\": {key}")]),
            (
                json!({"data": {"a": "x"}, "binaryData": {"a": "eA=="}}),
                vec!["data[a]: Invalid value: \"a\": duplicate of key present in binaryData".to_owned()],
            ),
            (json!({"data": {"a": "x".repeat(MAX_SIZE)}}), vec![]),
            (
                json!({"data": {"a": "x".repeat(MAX_SIZE)}, "binaryData": {"b": "eA=="}}),
                vec!["[]: Too long: may not be more than 1048576 bytes".to_owned()],
            ),
        ];
        for (mut object, expected) in rows {
            object["metadata"] = meta.clone();
            assert_eq!(create_errors("", "configmaps", object), expected);
        }
        let errors = create_errors("", "configmaps", json!({"metadata": {"name": "a"}}));
        assert_eq!(errors, ["metadata.namespace: Required value"]);
    }

    #[test]
    fn immutable_ones_stay() {
        let meta = json!({"name": "a", "namespace": "b"});
        let old = json!({"metadata": meta, "immutable": true, "data": {"a": "x"}, "binaryData": {"b": "eA=="}});
        let change = |name: &str, value: Value| {
            let mut new = old.clone();
            new[name] = value;
            update_errors("", "configmaps", "", new, old.clone())
        };
        assert_eq!(change("data", json!({"a": "x"})), [""; 0]);
        for (name, value) in [("immutable", json!(null)), ("data", json!({"a": "y"})), ("binaryData", json!({}))] {
            let expected = format!("{name}: Forbidden: field is immutable when `immutable` is set");
            assert_eq!(change(name, value), [expected]);
        }
    }
}
