//! Service accounts.
//!
//! Facts: pkg/registry/core/serviceaccount/strategy.go.

use k8s_openapi::api::core::v1::ServiceAccount;
use serde_json::{Value, json};

use super::generic::{at, at_mut, check, check_update};
use super::{Request, Strategy};
use crate::validation::meta::{name_is_dns_subdomain, object_meta, object_meta_update};
use crate::validation::{Errors, FieldPath};

const ENFORCE_MOUNTABLE_SECRETS: &str = "kubernetes.io/enforce-mountable-secrets";

/// Service accounts.
#[derive(Debug)]
pub struct ServiceAccountStrategy;

impl Strategy for ServiceAccountStrategy {
    fn default(&self, _object: &mut Value) {}

    fn prepare_for_create(&self, _request: &Request<'_>, object: &mut Value) {
        keep_names_of_secrets(object);
    }

    fn prepare_for_update(&self, _request: &Request<'_>, object: &mut Value, _old: &Value) {
        keep_names_of_secrets(object);
    }

    fn validate(&self, _request: &Request<'_>, object: &Value) -> Errors {
        check(object, validate)
    }

    fn validate_update(&self, _request: &Request<'_>, object: &Value, old: &Value) -> Errors {
        check_update(object, old, |new: &ServiceAccount, old: &ServiceAccount| {
            let mut errors = object_meta_update(&new.metadata, &old.metadata, &FieldPath::new("metadata"));
            errors.extend(validate(new));
            errors
        })
    }

    fn warnings(&self, _request: &Request<'_>, object: &Value, old: Option<&Value>) -> Vec<String> {
        let has = |object: &Value| at(object, &["metadata", "annotations", ENFORCE_MOUNTABLE_SECRETS]).is_some();
        if old.is_some_and(has) || !has(object) {
            return Vec::new();
        }
        let words = "deprecated in v1.32+; prefer separate namespaces to isolate access to mounted secrets";
        vec![format!("metadata.annotations[{ENFORCE_MOUNTABLE_SECRETS}]: {words}")]
    }
}

fn validate(account: &ServiceAccount) -> Errors {
    object_meta(&account.metadata, true, name_is_dns_subdomain, &FieldPath::new("metadata"))
}

/// Of a reference to a secret only the name counts.
fn keep_names_of_secrets(object: &mut Value) {
    for secret in at_mut(object, &["secrets"]).and_then(Value::as_array_mut).into_iter().flatten() {
        *secret = match secret.get("name") {
            Some(name) => json!({ "name": name }),
            None => json!({}),
        };
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::kind::testing::{of, request};

    #[test]
    fn of_secrets_the_names_are_kept() {
        let mut object = json!({"secrets": [{"name": "a", "namespace": "b"}, {"kind": "Secret"}]});
        of("", "serviceaccounts").prepare_for_create(&request(""), &mut object);
        assert_eq!(object, json!({"secrets": [{"name": "a"}, {}]}));
    }

    #[test]
    fn a_new_annotation_is_warned_of() {
        let annotated = json!({"metadata": {"annotations": {ENFORCE_MOUNTABLE_SECRETS: "true"}}});
        let warn = |old: Option<&Value>| of("", "serviceaccounts").warnings(&request(""), &annotated, old);
        let expected = "metadata.annotations[kubernetes.io/enforce-mountable-secrets]: deprecated in v1.32+; prefer \
                        separate namespaces to isolate access to mounted secrets";
        assert_eq!(warn(None), [expected]);
        assert_eq!(warn(Some(&json!({}))), [expected]);
        assert_eq!(warn(Some(&annotated)), [""; 0]);
    }
}
