//! ReplicaSets: defaults, rules, generations, status.

use serde_json::{Value, json};

use super::ReplicaSetStrategy;
use crate::kind::Strategy;
use crate::kind::test_rows::{check_create, check_update, create, update, workload};
use crate::patch::merge;

fn base() -> Value {
    merge(&workload("ReplicaSet"), &json!({"status": {"replicas": 0}}))
}

#[test]
fn rules() {
    let mut object = json!({"spec": {}});
    ReplicaSetStrategy.default(&mut object);
    assert_eq!(object, json!({"spec": {"replicas": 1}}));
    check_create(
        &ReplicaSetStrategy,
        &base(),
        &[
            (
                json!({"spec": {"replicas": -1}}),
                &["spec.replicas: Invalid value: -1: must be greater than or equal to 0"],
            ),
            (
                json!({"spec": {"minReadySeconds": -1}}),
                &["spec.minReadySeconds: Invalid value: -1: must be greater than or equal to 0"],
            ),
            (
                json!({"spec": {"selector": {"matchLabels": null}}}),
                &["spec.selector: Invalid value: {}: empty selector is invalid for deployment"],
            ),
            (
                json!({"spec": {"template": {"metadata": null}}}),
                &["spec.template.metadata.labels: Invalid value: null: `selector` does not match template `labels`"],
            ),
            (
                json!({"spec": {"template": {"spec": {"restartPolicy": "Never"}}}}),
                &["spec.template.spec.restartPolicy: Unsupported value: \"Never\": supported values: \"Always\""],
            ),
        ],
    );
    check_update(
        &ReplicaSetStrategy,
        "",
        &base(),
        &[(
            json!({}),
            json!({"spec": {"selector": {"matchLabels": {"app": "web", "b": "c"}}, "template": {"metadata": {"labels": {"b": "c"}}}}}),
            &["spec.selector: Invalid value: {\"matchLabels\":{\"app\":\"web\",\"b\":\"c\"}}: field is immutable"],
        )],
    );
    check_update(
        &ReplicaSetStrategy,
        "status",
        &base(),
        &[
            (
                json!({}),
                json!({"status": {"fullyLabeledReplicas": 1}}),
                &["status.fullyLabeledReplicas: Invalid value: 1: cannot be greater than status.replicas"],
            ),
            (
                json!({}),
                json!({"status": {"observedGeneration": -1}}),
                &["status.observedGeneration: Invalid value: -1: must be greater than or equal to 0"],
            ),
        ],
    );
}

#[test]
fn preparation() {
    let (object, _) = create(&ReplicaSetStrategy, &base(), &json!({"status": {"replicas": 2}}));
    assert_eq!((&object["status"], &object["metadata"]["generation"]), (&json!({"replicas": 0}), &json!(1)));
    for (subresource, patch, generation, replicas) in [
        ("", json!({"metadata": {"annotations": {"a": "b"}}, "status": {"replicas": 2}}), 3, 0),
        ("", json!({"spec": {"replicas": 2}}), 4, 0),
        ("status", json!({"spec": {"replicas": 2}, "status": {"replicas": 2}}), 3, 2),
    ] {
        let (object, _) = update(&ReplicaSetStrategy, subresource, &base(), &json!({}), &patch);
        assert_eq!(object["metadata"]["generation"], generation, "{patch}");
        assert_eq!(object["status"]["replicas"], replicas, "{patch}");
    }
}
