//! Namespaces: their finalizer, their phase, and the label that carries their name.
//!
//! A namespace's deletion (the phase `Terminating`, the wait for its content) is the pipeline's business.
//!
//! Facts: pkg/registry/core/namespace/strategy.go, pkg/apis/core/v1/defaults.go.

use k8s_openapi::api::core::v1::Namespace;
use serde_json::Value;

use super::generic::{check, check_update, list, reset, restore, set, text};
use super::{Request, Strategy};
use crate::validation::meta::{finalizer_name, known_finalizer, name_is_dns_label, object_meta, object_meta_update};
use crate::validation::{Errors, FieldError, FieldPath};

/// The finalizer that holds a namespace until its content is gone.
const KUBERNETES: &str = "kubernetes";
const NAME_LABEL: &str = "kubernetes.io/metadata.name";

/// Namespaces, with their subresources `status` and `finalize`.
#[derive(Debug)]
pub struct NamespaceStrategy;

impl Strategy for NamespaceStrategy {
    fn default(&self, object: &mut Value) {
        // A generated name isn't known yet; `canonicalise` comes after it.
        if !text(object, &["metadata", "name"]).is_empty() {
            label_with_name(object);
        }
        if text(object, &["status", "phase"]).is_empty() {
            set(object, &["status", "phase"], "Active".into());
        }
    }

    fn prepare_for_create(&self, _request: &Request<'_>, object: &mut Value) {
        reset(object, "status");
        set(object, &["status", "phase"], "Active".into());
        let mut finalizers = list(object, &["spec", "finalizers"]).to_vec();
        if !finalizers.iter().any(|finalizer| finalizer == KUBERNETES) {
            finalizers.push(KUBERNETES.into());
            set(object, &["spec", "finalizers"], finalizers.into());
        }
    }

    fn prepare_for_update(&self, request: &Request<'_>, object: &mut Value, old: &Value) {
        match request.subresource {
            "status" => restore(object, old, &["spec"]),
            "finalize" => restore(object, old, &["status"]),
            _ => {
                restore(object, old, &["spec", "finalizers"]);
                restore(object, old, &["status"]);
            }
        }
    }

    fn validate(&self, _request: &Request<'_>, object: &Value) -> Errors {
        check(object, validate)
    }

    fn validate_update(&self, request: &Request<'_>, object: &Value, old: &Value) -> Errors {
        let metadata = FieldPath::new("metadata");
        check_update(object, old, |new: &Namespace, old: &Namespace| {
            let meta = object_meta_update(&new.metadata, &old.metadata, &metadata);
            let mut errors = Errors::new();
            match request.subresource {
                "status" => {
                    errors.extend(meta);
                    errors.extend(phase(new));
                }
                "finalize" => {
                    errors.extend(meta);
                    let spec = FieldPath::new("spec");
                    let path = spec.child("finalizers");
                    for (at, finalizer) in finalizers(new).iter().enumerate() {
                        errors.extend(namespace_finalizer(finalizer, &path.index(at)));
                    }
                }
                _ => {
                    errors.extend(validate(new));
                    errors.extend(meta);
                }
            }
            errors
        })
    }

    fn canonicalise(&self, object: &mut Value) {
        label_with_name(object);
    }

    fn reset_fields(&self, subresource: &str) -> &'static [&'static str] {
        if subresource == "status" { &["spec"] } else { &["status"] }
    }
}

fn label_with_name(object: &mut Value) {
    let name = text(object, &["metadata", "name"]).to_owned();
    set(object, &["metadata", "labels", NAME_LABEL], name.into());
}

fn finalizers(namespace: &Namespace) -> &[String] {
    namespace.spec.as_ref().and_then(|spec| spec.finalizers.as_deref()).unwrap_or_default()
}

fn validate(namespace: &Namespace) -> Errors {
    let mut errors = object_meta(&namespace.metadata, false, name_is_dns_label, &FieldPath::new("metadata"));
    let spec = FieldPath::new("spec");
    let path = spec.child("finalizers");
    errors.extend(finalizers(namespace).iter().flat_map(|finalizer| namespace_finalizer(finalizer, &path)));
    errors
}

fn namespace_finalizer(name: &str, path: &FieldPath<'_>) -> Errors {
    let mut errors = finalizer_name(name, path);
    errors.extend(known_finalizer(name, path));
    errors
}

fn phase(namespace: &Namespace) -> Option<FieldError> {
    let status = FieldPath::new("status");
    let phase = namespace.status.as_ref().and_then(|status| status.phase.as_deref()).unwrap_or_default();
    let (expected, words) = if namespace.metadata.deletion_timestamp.is_none() {
        ("Active", "may only be 'Active' if `deletionTimestamp` is empty")
    } else {
        ("Terminating", "may only be 'Terminating' if `deletionTimestamp` is not empty")
    };
    (phase != expected).then(|| FieldError::invalid(&status.child("Phase"), phase, words))
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use crate::kind::testing::{complete, create_errors, of, request, update_errors};

    #[test]
    fn a_new_namespace_is_active_and_held() {
        let mut object =
            json!({"metadata": {"name": "a"}, "spec": {"finalizers": ["x/y"]}, "status": {"phase": "Gone"}});
        object = complete("", "namespaces", object);
        assert_eq!(object["metadata"]["labels"], json!({"kubernetes.io/metadata.name": "a"}));
        of("", "namespaces").prepare_for_create(&request(""), &mut object);
        assert_eq!(object["spec"], json!({"finalizers": ["x/y", "kubernetes"]}));
        assert_eq!(object["status"], json!({"phase": "Active"}));
        let mut unnamed = complete("", "namespaces", json!({"metadata": {"generateName": "a-"}}));
        assert_eq!(unnamed["metadata"].get("labels"), None);
        unnamed["metadata"]["name"] = "a-b".into();
        of("", "namespaces").canonicalise(&mut unnamed);
        assert_eq!(unnamed["metadata"]["labels"], json!({"kubernetes.io/metadata.name": "a-b"}));
    }

    #[test]
    fn each_subresource_changes_its_part() {
        let old =
            json!({"metadata": {"name": "a"}, "spec": {"finalizers": ["kubernetes"]}, "status": {"phase": "Active"}});
        let new =
            json!({"metadata": {"name": "a"}, "spec": {"finalizers": ["x/y"]}, "status": {"phase": "Terminating"}});
        for (subresource, finalizer, phase) in
            [("", "kubernetes", "Active"), ("status", "kubernetes", "Terminating"), ("finalize", "x/y", "Active")]
        {
            let mut object = new.clone();
            of("", "namespaces").prepare_for_update(&request(subresource), &mut object, &old);
            assert_eq!(object["spec"]["finalizers"], json!([finalizer]), "{subresource}");
            assert_eq!(object["status"]["phase"], phase, "{subresource}");
        }
    }

    #[test]
    fn wrong_namespaces_are_refused() {
        let words = "a lowercase RFC 1123 label must consist of lower case alphanumeric characters or '-', and must start \
                     and end with an alphanumeric character (e.g. 'my-name',  or '123-abc', regex used for validation is \
                     '[a-z0-9]([-a-z0-9]*[a-z0-9])?')";
        let errors = create_errors("", "namespaces", json!({"metadata": {"name": "A"}}));
        assert_eq!(errors[0], format!("metadata.name: Invalid value: \"A\": {words}"));
        let errors = create_errors("", "namespaces", json!({"metadata": {"name": "a", "namespace": "b"}}));
        assert_eq!(errors, ["metadata.namespace: Forbidden: not allowed on this type"]);
        let errors =
            create_errors("", "namespaces", json!({"metadata": {"name": "a"}, "spec": {"finalizers": ["other"]}}));
        let words = "name is neither a standard finalizer name nor is it fully qualified";
        assert_eq!(errors, [format!("spec.finalizers: Invalid value: \"other\": {words}")]);

        let old = json!({"metadata": {"name": "a"}});
        let new = json!({"metadata": {"name": "a"}, "spec": {"finalizers": ["orphan", "other"]}});
        let errors = update_errors("", "namespaces", "finalize", new, old.clone());
        assert_eq!(errors, [format!("spec.finalizers[1]: Invalid value: \"other\": {words}")]);
        let new = json!({"metadata": {"name": "a"}, "status": {"phase": "Terminating"}});
        let errors = update_errors("", "namespaces", "status", new.clone(), old.clone());
        let words = "may only be 'Active' if `deletionTimestamp` is empty";
        assert_eq!(errors, [format!("status.Phase: Invalid value: \"Terminating\": {words}")]);
        let gone = json!({"metadata": {"name": "a", "deletionTimestamp": "2026-01-02T03:04:05Z"}});
        let errors = update_errors("", "namespaces", "status", gone.clone(), gone);
        let words = "may only be 'Terminating' if `deletionTimestamp` is not empty";
        assert_eq!(errors, [format!("status.Phase: Invalid value: \"Active\": {words}")]);
    }
}
