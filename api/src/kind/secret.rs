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
        "kubernetes.io/basic-auth" => {
            if !data.contains_key("username") && !data.contains_key("password") {
                errors.extend([missing("username"), missing("password")]);
            }
        }
        "kubernetes.io/ssh-auth" => {
            if data.get("ssh-privatekey").is_none_or(|key| key.0.is_empty()) {
                errors.push(missing("ssh-privatekey"));
            }
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
