//! What the tests of kinds share: the pipeline's steps up to validation, on a valid object that a merge patch spoils.

use serde_json::{Value, json};

use super::{Request, Strategy};
use crate::patch::merge;
use crate::time::Time;
use crate::validation::Errors;

/// A request for a subresource.
pub(super) fn request(subresource: &str) -> Request<'_> {
    Request { subresource, now: Time { seconds: 1_790_000_000, nanos: 0 } }
}

/// The sentences of errors.
pub(super) fn sentences(errors: &Errors) -> Vec<String> {
    errors.iter().map(ToString::to_string).collect()
}

/// The object with its patch, defaulted and prepared for creation, and what is said of it.
pub(super) fn create(strategy: &dyn Strategy, base: &Value, patch: &Value) -> (Value, Vec<String>) {
    let mut object = merge(base, patch);
    strategy.default(&mut object);
    strategy.prepare_for_create(&request(""), &mut object);
    let said = sentences(&strategy.validate(&request(""), &object));
    (object, said)
}

/// The object that `base` becomes with the first patch, when it is updated to what it is with the second.
pub(super) fn update(
    strategy: &dyn Strategy,
    subresource: &str,
    base: &Value,
    before: &Value,
    after: &Value,
) -> (Value, Vec<String>) {
    let mut old = merge(base, before);
    strategy.default(&mut old);
    let mut object = merge(&old, after);
    strategy.default(&mut object);
    strategy.prepare_for_update(&request(subresource), &mut object, &old);
    let said = sentences(&strategy.validate_update(&request(subresource), &object, &old));
    (object, said)
}

/// Checks rows of (patch, sentences) on creation.
pub(super) fn check_create(strategy: &dyn Strategy, base: &Value, rows: &[(Value, &[&str])]) {
    assert_eq!(create(strategy, base, &Value::Object(Default::default())).1, Vec::<String>::new(), "the base is valid");
    for (patch, expected) in rows {
        assert_eq!(create(strategy, base, patch).1, *expected, "{patch}");
    }
}

/// Checks rows of (patch before, patch after, sentences) on update.
pub(super) fn check_update(strategy: &dyn Strategy, subresource: &str, base: &Value, rows: &[(Value, Value, &[&str])]) {
    for (before, after, expected) in rows {
        assert_eq!(update(strategy, subresource, base, before, after).1, *expected, "{before} -> {after}");
    }
}

/// A valid workload of `apps/v1` at generation 3.
pub(super) fn workload(kind: &str) -> Value {
    json!({
        "apiVersion": "apps/v1", "kind": kind,
        "metadata": {"name": "web", "namespace": "default", "uid": "u", "resourceVersion": "1", "generation": 3},
        "spec": {
            "selector": {"matchLabels": {"app": "web"}},
            "template": {
                "metadata": {"labels": {"app": "web"}},
                "spec": {
                    "restartPolicy": "Always", "dnsPolicy": "ClusterFirst", "terminationGracePeriodSeconds": 30,
                    "schedulerName": "default-scheduler", "securityContext": {},
                    "containers": [{"name": "c", "image": "i", "imagePullPolicy": "IfNotPresent", "resources": {},
                        "terminationMessagePath": "/dev/termination-log", "terminationMessagePolicy": "File"}],
                },
            },
        },
        "status": {},
    })
}
