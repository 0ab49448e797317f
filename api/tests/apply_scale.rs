//! Owners of an object's replicas, seen through its scale.

use howdah_api::apply::scale::{ReplicasPaths, of_parent, of_scale};
use serde_json::{Value, json};

const PATHS: ReplicasPaths<'_> =
    &[("apps/v1", Some("spec.replicas")), ("x.io/v1", Some("spec.a.size")), ("x.io/v2", None)];

fn entry(manager: &str, operation: &str, api_version: &str, subresource: &str, fields: &Value) -> Value {
    let mut entry = json!({"manager": manager, "operation": operation, "apiVersion": api_version,
        "time": "2020-01-01T00:00:00Z", "fieldsType": "FieldsV1", "fieldsV1": fields});
    if !subresource.is_empty() {
        entry["subresource"] = json!(subresource);
    }
    entry
}

fn without_time(mut entry: Value) -> Value {
    entry.as_object_mut().expect("an entry").remove("time");
    entry
}

#[test]
fn a_scale_has_the_owners_of_the_replicas() {
    let replicas = json!({"f:spec": {"f:replicas": {}}});
    let cases = [
        (json!(null), json!(null)),
        (json!([entry("a", "Apply", "apps/v1", "", &json!({"f:spec": {"f:paused": {}}}))]), json!(null)),
        (
            json!([entry("a", "Apply", "apps/v1", "", &json!({"f:spec": {"f:paused": {}, "f:replicas": {}}}))]),
            json!([entry("a", "Apply", "autoscaling/v1", "", &replicas)]),
        ),
        (
            json!([entry("a", "Update", "x.io/v1", "scale", &json!({"f:spec": {"f:a": {"f:size": {}}}}))]),
            json!([entry("a", "Update", "autoscaling/v1", "scale", &replicas)]),
        ),
        (json!([entry("a", "Update", "x.io/v2", "", &replicas)]), json!(null)),
        (json!([entry("a", "Update", "x.io/v3", "", &replicas)]), json!(null)),
    ];
    for (parent, scale) in cases {
        assert_eq!(of_scale(&parent, PATHS).expect("readable"), scale, "{parent}");
    }
    assert!(of_scale(&json!([{"operation": "Patch"}]), PATHS).is_err());
}

#[test]
fn writes_to_a_scale_reach_the_object() {
    let replicas = json!({"f:spec": {"f:replicas": {}}});
    let both = json!({"f:spec": {"f:paused": {}, "f:replicas": {}}});
    let paused = json!({"f:spec": {"f:paused": {}}});
    let applied = entry("a", "Apply", "apps/v1", "", &both);
    let scaled = entry("s", "Update", "autoscaling/v1", "scale", &replicas);
    let kept = without_time(entry("s", "Update", "apps/v1", "scale", &replicas));
    let cases = [
        // Nothing written.
        (json!([applied]), json!([entry("a", "Apply", "autoscaling/v1", "", &replicas)]), json!([applied])),
        // Taken by another: who had only the replicas is gone.
        (json!([applied]), json!([scaled]), json!([entry("a", "Apply", "apps/v1", "", &paused), kept])),
        (json!([entry("a", "Apply", "apps/v1", "", &replicas)]), json!([scaled]), json!([kept])),
        // What doesn't own replicas stays; unknown versions go.
        (
            json!([entry("a", "Apply", "apps/v1", "", &paused), entry("b", "Update", "x.io/v3", "", &paused)]),
            json!(null),
            json!([entry("a", "Apply", "apps/v1", "", &paused)]),
        ),
        (json!(null), json!([entry("s", "Update", "autoscaling/v1", "scale", &paused)]), json!(null)),
    ];
    for (parent, scale, expected) in cases {
        let found = of_parent(&parent, &scale, "apps/v1", PATHS).expect("readable");
        assert_eq!(found, expected, "{parent} and {scale}");
    }
    let found = of_parent(&json!(null), &json!([scaled]), "x.io/v1", PATHS).expect("readable");
    assert_eq!(found[0]["fieldsV1"], json!({"f:spec": {"f:a": {"f:size": {}}}}));
}
