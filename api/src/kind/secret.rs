//! Secrets: types and what they require, size, immutability.
//!
//! `stringData` is a way of writing only: it is moved into `data` when an object is decoded. Absent: upstream's warning
//! about a TLS key that doesn't belong to its certificate, which would need cryptography here.
//!
//! Facts: pkg/registry/core/secret/strategy.go, pkg/apis/core/validation, pkg/apis/core/v1/conversion.go.

use std::collections::BTreeMap;

use k8s_openapi::ByteString;
use k8s_openapi::api::core::v1::Secret;
use serde_json::Value;

use super::config_map::{IMMUTABLE, MAX_SIZE, map_key};
use super::generic::{check, check_update, restore, set, text};
use super::{Request, Strategy};
use crate::codec::json;
use crate::go::encode_base64;
use crate::validation::meta::{immutable_field, name_is_dns_subdomain, object_meta, object_meta_update};
use crate::validation::{Errors, FieldError, FieldPath};

const SERVICE_ACCOUNT_NAME: &str = "kubernetes.io/service-account.name";

/// Secrets.
#[derive(Debug)]
pub struct SecretStrategy;

impl Strategy for SecretStrategy {
    fn default(&self, object: &mut Value) {
        if let Value::Object(fields) = object
            && let Some(Value::Object(texts)) = fields.shift_remove("stringData")
        {
            for (key, value) in texts {
                let value = encode_base64(value.as_str().unwrap_or_default().as_bytes());
                set(object, &["data", &key], value.into());
            }
        }
        if text(object, &["type"]).is_empty() {
            set(object, &["type"], "Opaque".into());
        }
    }

    fn prepare_for_create(&self, _request: &Request<'_>, _object: &mut Value) {}

    fn prepare_for_update(&self, _request: &Request<'_>, object: &mut Value, old: &Value) {
        if text(object, &["type"]).is_empty() {
            restore(object, old, &["type"]);
        }
    }

    fn validate(&self, _request: &Request<'_>, object: &Value) -> Errors {
        check(object, validate)
    }

    fn validate_update(&self, _request: &Request<'_>, object: &Value, old: &Value) -> Errors {
        check_update(object, old, validate_update)
    }
}

fn validate(secret: &Secret) -> Errors {
    let metadata = FieldPath::new("metadata");
    let mut errors = object_meta(&secret.metadata, true, name_is_dns_subdomain, &metadata);
    let path = FieldPath::new("data");
    let none = BTreeMap::new();
    let data = secret.data.as_ref().unwrap_or(&none);
    for key in data.keys() {
        errors.extend(map_key(key, &path.key(key)));
    }
    if data.values().map(|value| value.0.len()).sum::<usize>() > MAX_SIZE {
        errors.push(FieldError::too_long(&path, MAX_SIZE));
    }
    let missing = |key: &'static str| FieldError::required(&path.key(key), "");
    match secret.type_.as_deref().unwrap_or_default() {
        "kubernetes.io/service-account-token" => {
            let annotations = secret.metadata.annotations.as_ref();
            if annotations.and_then(|map| map.get(SERVICE_ACCOUNT_NAME)).is_none_or(String::is_empty) {
                let annotations = metadata.child("annotations");
                errors.push(FieldError::required(&annotations.key(SERVICE_ACCOUNT_NAME), ""));
            }
        }
        "kubernetes.io/dockercfg" => errors.extend(docker_config(data, ".dockercfg", &path)),
        "kubernetes.io/dockerconfigjson" => errors.extend(docker_config(data, ".dockerconfigjson", &path)),
        "kubernetes.io/basic-auth" if !data.contains_key("username") && !data.contains_key("password") => {
            errors.extend([missing("username"), missing("password")]);
        }
        "kubernetes.io/ssh-auth" if data.get("ssh-privatekey").is_none_or(|key| key.0.is_empty()) => {
            errors.push(missing("ssh-privatekey"));
        }
        "kubernetes.io/tls" => {
            errors.extend(["tls.crt", "tls.key"].into_iter().filter(|key| !data.contains_key(*key)).map(missing));
        }
        _ => {}
    }
    errors
}

/// Configuration of a registry's client: an object in JSON.
fn docker_config(data: &BTreeMap<String, ByteString>, key: &str, path: &FieldPath<'_>) -> Option<FieldError> {
    let path = path.key(key);
    let Some(content) = data.get(key) else { return Some(FieldError::required(&path, "")) };
    let words = match json::decode_any(&content.0) {
        Ok(decoded) => {
            let found = match decoded.value {
                Value::Object(_) | Value::Null => return None,
                Value::Array(_) => "array",
                Value::Bool(_) => "bool",
                Value::Number(_) => "number",
                Value::String(_) => "string",
            };
            format!("json: cannot unmarshal {found} into Go value of type map[string]interface {{}}")
        }
        Err(error) => error.to_string(),
    };
    Some(FieldError::invalid(&path, "<secret contents redacted>", words))
}

fn validate_update(new: &Secret, old: &Secret) -> Errors {
    let mut errors = object_meta_update(&new.metadata, &old.metadata, &FieldPath::new("metadata"));
    let type_of = |secret: &Secret| secret.type_.clone().unwrap_or_default();
    errors.extend(immutable_field(&type_of(new), &type_of(old), &FieldPath::new("type")));
    if old.immutable == Some(true) {
        if new.immutable != Some(true) {
            errors.push(FieldError::forbidden(&FieldPath::new("immutable"), IMMUTABLE));
        }
        if new.data.iter().flatten().ne(old.data.iter().flatten()) {
            errors.push(FieldError::forbidden(&FieldPath::new("data"), IMMUTABLE));
        }
    }
    errors.extend(validate(new));
    errors
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::kind::testing::{complete, create_errors, update_errors};

    #[test]
    fn texts_become_data() {
        let object = json!({"stringData": {"a": "x", "c": ""}, "data": {"a": "eQ==", "b": "eg=="}});
        let object = complete("", "secrets", object);
        assert_eq!(object["data"], json!({"a": "eA==", "b": "eg==", "c": ""}));
        assert_eq!((object.get("stringData"), &object["type"]), (None, &json!("Opaque")));
    }

    #[test]
    fn types_require_keys() {
        let meta = json!({"name": "a", "namespace": "b"});
        let token = "kubernetes.io/service-account-token";
        let rows = [
            (json!({"type": "Opaque"}), vec![]),
            (json!({"type": "example.com/any"}), vec![]),
            (json!({"type": token}), vec!["metadata.annotations[kubernetes.io/service-account.name]: Required value"]),
            (json!({"type": "kubernetes.io/dockercfg"}), vec!["data[.dockercfg]: Required value"]),
            (json!({"type": "kubernetes.io/dockercfg", "stringData": {".dockercfg": "{\"a\":1}"}}), vec![]),
            (
                json!({"type": "kubernetes.io/dockerconfigjson", "stringData": {".dockerconfigjson": "{"}}),
                vec![
                    "data[.dockerconfigjson]: Invalid value: \"<secret contents redacted>\": unexpected end of JSON input",
                ],
            ),
            (
                json!({"type": "kubernetes.io/dockerconfigjson", "stringData": {".dockerconfigjson": "[]"}}),
                vec![
                    "data[.dockerconfigjson]: Invalid value: \"<secret contents redacted>\": json: cannot unmarshal array \
                     into Go value of type map[string]interface {}",
                ],
            ),
            (
                json!({"type": "kubernetes.io/basic-auth"}),
                vec!["data[username]: Required value", "data[password]: Required value"],
            ),
            (json!({"type": "kubernetes.io/basic-auth", "data": {"password": ""}}), vec![]),
            (
                json!({"type": "kubernetes.io/ssh-auth", "data": {"ssh-privatekey": ""}}),
                vec!["data[ssh-privatekey]: Required value"],
            ),
            (json!({"type": "kubernetes.io/tls", "data": {"tls.crt": ""}}), vec!["data[tls.key]: Required value"]),
            (json!({"data": {".": ""}}), vec!["data[.]: Invalid value: \".\": must not be '.'"]),
            (
                json!({"stringData": {"a": "x".repeat(MAX_SIZE + 1)}}),
                vec!["data: Too long: may not be more than 1048576 bytes"],
            ),
        ];
        for (mut object, expected) in rows {
            object["metadata"] = meta.clone();
            assert_eq!(create_errors("", "secrets", object), expected);
        }
    }

    #[test]
    fn updates_keep_the_type() {
        let meta = json!({"name": "a", "namespace": "b"});
        let old = json!({"metadata": meta, "type": "example.com/any", "immutable": true, "data": {"a": "eA=="}});
        let errors = update_errors("", "secrets", "", json!({"metadata": meta, "type": "other"}), old.clone());
        let expected = [
            "type: Invalid value: \"other\": field is immutable",
            "immutable: Forbidden: field is immutable when `immutable` is set",
            "data: Forbidden: field is immutable when `immutable` is set",
        ];
        assert_eq!(errors, expected);
        assert_eq!(update_errors("", "secrets", "", old.clone(), old), [""; 0]);
    }
}
