//! Scales: made from objects, written back.

use serde_json::{Value, json};

use super::*;

fn deployment() -> Value {
    json!({
        "apiVersion": "apps/v1", "kind": "Deployment",
        "metadata": {"name": "web", "namespace": "default", "uid": "u", "resourceVersion": "7", "generation": 4,
            "creationTimestamp": "2024-01-01T00:00:00Z", "labels": {"a": "b"}},
        "spec": {"replicas": 3, "selector": {"matchLabels": {"b": "2", "a": "1"},
            "matchExpressions": [{"key": "c", "operator": "In", "values": ["y", "x"]}]}},
        "status": {"replicas": 2},
    })
}

#[test]
fn objects_show_their_scale() {
    let expected = json!({
        "kind": "Scale", "apiVersion": "autoscaling/v1",
        "metadata": {"name": "web", "namespace": "default", "uid": "u", "resourceVersion": "7",
            "creationTimestamp": "2024-01-01T00:00:00Z"},
        "spec": {"replicas": 3},
        "status": {"replicas": 2, "selector": "a=1,b=2,c in (x,y)"},
    });
    for from in [from_deployment, from_replica_set, from_stateful_set] {
        assert_eq!(from(&deployment()).unwrap(), expected);
    }
    let controller = json!({"metadata": {"name": "web"}, "spec": {"selector": {"b": "2", "a": "1"}}});
    assert_eq!(
        from_replication_controller(&controller).unwrap(),
        json!({
            "kind": "Scale", "apiVersion": "autoscaling/v1", "metadata": {"name": "web"},
            "spec": {}, "status": {"replicas": 0, "selector": "a=1,b=2"},
        })
    );
    let mut odd = deployment();
    odd["spec"]["selector"] = json!({"matchExpressions": [{"key": "c", "operator": "Odd"}]});
    assert_eq!(from_deployment(&odd).unwrap_err().to_string(), "\"Odd\" is not a valid label selector operator");
}

#[test]
fn scales_are_written() {
    let scale = |spec: Value, metadata: Value| json!({"metadata": metadata, "spec": spec});
    let object = apply(&scale(json!({"replicas": 5}), json!({"name": "web", "resourceVersion": "6"})), &deployment());
    let mut expected = deployment();
    expected["spec"]["replicas"] = json!(5);
    expected["metadata"]["resourceVersion"] = json!("6");
    assert_eq!(object, Ok(expected));

    let object = apply(&scale(json!({}), json!({"uid": "u", "labels": {"x": "y"}})), &deployment()).unwrap();
    assert_eq!(object["spec"]["replicas"], 0);
    assert_eq!(object["metadata"].get("resourceVersion"), None);
    assert_eq!(object["metadata"]["labels"], json!({"a": "b"}));

    let error = apply(&scale(json!({"replicas": 1}), json!({"uid": "v"})), &deployment()).unwrap_err();
    assert_eq!(error.to_string(), "Precondition failed: UID in precondition: v, UID in object meta: u");
    let Err(ScaleError::Invalid(errors)) = apply(&scale(json!({"replicas": -1}), json!({})), &deployment()) else {
        panic!("negative replicas are refused");
    };
    let said: Vec<String> = errors.iter().map(ToString::to_string).collect();
    assert_eq!(said, ["spec.replicas: Invalid value: -1: must be greater than or equal to 0"]);
}
