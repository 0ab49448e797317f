//! ControllerRevisions: data is an object, and stays.

use serde_json::{Value, json};

use super::ControllerRevisionStrategy;
use crate::kind::test_rows::{check_create, check_update};

fn base() -> Value {
    json!({
        "apiVersion": "apps/v1", "kind": "ControllerRevision",
        "metadata": {"name": "web-1", "namespace": "default", "uid": "u", "resourceVersion": "1"},
        "data": {"spec": {"a": 1}}, "revision": 1,
    })
}

#[test]
fn rules() {
    check_create(
        &ControllerRevisionStrategy,
        &base(),
        &[
            (json!({"revision": -1}), &["revision: Invalid value: -1: must be greater than or equal to 0"]),
            (json!({"data": null}), &["data: Required value: data is mandatory"]),
            (json!({"data": [1]}), &["data: Required value: data must be a valid JSON object"]),
        ],
    );
    check_update(
        &ControllerRevisionStrategy,
        "",
        &base(),
        &[
            (json!({}), json!({"revision": 2}), &[]),
            (
                json!({}),
                json!({"data": {"spec": {"a": 2}}}),
                &["data: Invalid value: {\"spec\":{\"a\":2}}: field is immutable"],
            ),
        ],
    );
}
