//! Deployments: defaults, rules, generations, status.

use serde_json::{Value, json};

use super::DeploymentStrategy;
use crate::kind::Strategy;
use crate::kind::test_rows::{check_create, check_update, create, request, update, workload};

fn base() -> Value {
    workload("Deployment")
}

#[test]
fn defaults() {
    let mut object = json!({"spec": {}});
    DeploymentStrategy.default(&mut object);
    assert_eq!(
        object,
        json!({"spec": {"replicas": 1, "revisionHistoryLimit": 10, "progressDeadlineSeconds": 600,
            "strategy": {"type": "RollingUpdate", "rollingUpdate": {"maxUnavailable": "25%", "maxSurge": "25%"}}}})
    );
    let mut object = json!({"spec": {"strategy": {"type": "Recreate"}, "replicas": 0}});
    DeploymentStrategy.default(&mut object);
    assert_eq!(object["spec"]["strategy"], json!({"type": "Recreate"}));
    assert_eq!(object["spec"]["replicas"], 0);
}

#[test]
fn rules() {
    let rolling = |rolling: Value| json!({"spec": {"strategy": {"rollingUpdate": rolling}}});
    let path = "spec.strategy.rollingUpdate";
    let percent = "a valid percent string must be a numeric string followed by an ending '%' (e.g. '1%',  or '93%', \
                   regex used for validation is '[0-9]+%')";
    check_create(
        &DeploymentStrategy,
        &base(),
        &[
            (
                json!({"spec": {"replicas": -1}}),
                &["spec.replicas: Invalid value: -1: must be greater than or equal to 0"],
            ),
            (
                json!({"spec": {"selector": null}}),
                &[
                    "spec.selector: Required value",
                    "spec.template.metadata.labels: Invalid value: {\"app\":\"web\"}: `selector` does not match template \
                     `labels`",
                ],
            ),
            (
                json!({"spec": {"selector": {"matchLabels": null}}}),
                &["spec.selector: Invalid value: {}: empty selector is invalid for deployment"],
            ),
            (
                json!({"spec": {"selector": {"matchLabels": {"app": "x"}}}}),
                &[
                    "spec.template.metadata.labels: Invalid value: {\"app\":\"web\"}: `selector` does not match template \
                   `labels`",
                ],
            ),
            (
                json!({"spec": {"selector": {"matchLabels": null, "matchExpressions": [{"key": "app", "operator": "Odd"}]}}}),
                &[
                    "spec.selector.matchExpressions[0].operator: Invalid value: \"Odd\": not a valid selector operator",
                    "spec.selector: Invalid value: {\"matchExpressions\":[{\"key\":\"app\",\"operator\":\"Odd\"}]}: \
                     invalid label selector",
                ],
            ),
            (
                json!({"spec": {"template": {"spec": {"restartPolicy": "OnFailure"}}}}),
                &["spec.template.spec.restartPolicy: Unsupported value: \"OnFailure\": supported values: \"Always\""],
            ),
            (
                json!({"spec": {"template": {"spec": {"activeDeadlineSeconds": 5}}}}),
                &["spec.template.spec.activeDeadlineSeconds: Forbidden: activeDeadlineSeconds in ReplicaSet is not \
                   Supported"],
            ),
            (
                json!({"spec": {"strategy": {"type": "Odd"}}}),
                &["spec.strategy: Unsupported value: {\"Type\":\"Odd\",\"RollingUpdate\":null}: supported values: \
                   \"Recreate\", \"RollingUpdate\""],
            ),
            (
                json!({"spec": {"strategy": {"type": "Recreate", "rollingUpdate": {}}}}),
                &["spec.strategy.rollingUpdate: Forbidden: may not be specified when strategy `type` is 'Recreate'"],
            ),
            (
                rolling(json!({"maxUnavailable": 0, "maxSurge": "0%"})),
                &[&format!("{path}.maxUnavailable: Invalid value: 0: may not be 0 when `maxSurge` is 0")],
            ),
            (
                rolling(json!({"maxUnavailable": "101%"})),
                &[&format!("{path}.maxUnavailable: Invalid value: \"101%\": must not be greater than 100%")],
            ),
            (
                rolling(json!({"maxSurge": -1})),
                &[&format!("{path}.maxSurge: Invalid value: -1: must be greater than or equal to 0")],
            ),
            (rolling(json!({"maxSurge": "x"})), &[&format!("{path}.maxSurge: Invalid value: \"x\": {percent}")]),
            (
                json!({"spec": {"minReadySeconds": -1}}),
                &["spec.minReadySeconds: Invalid value: -1: must be greater than or equal to 0"],
            ),
            (
                json!({"spec": {"revisionHistoryLimit": -1}}),
                &["spec.revisionHistoryLimit: Invalid value: -1: must be greater than or equal to 0"],
            ),
            (
                json!({"spec": {"progressDeadlineSeconds": 10, "minReadySeconds": 10}}),
                &["spec.progressDeadlineSeconds: Invalid value: 10: must be greater than minReadySeconds"],
            ),
            (
                json!({"metadata": {"annotations": {"deprecated.deployment.rollback.to": "-2"}}}),
                &["spec.rollback.version: Invalid value: -2: must be greater than or equal to 0"],
            ),
        ],
    );
    let labels = json!({"matchLabels": {"app": "x"}});
    check_update(
        &DeploymentStrategy,
        "",
        &base(),
        &[
            (json!({}), json!({"spec": {"replicas": 4}}), &[]),
            (
                json!({}),
                json!({"spec": {"selector": labels, "template": {"metadata": {"labels": {"app": "x"}}}}}),
                &["spec.selector: Invalid value: {\"matchLabels\":{\"app\":\"x\"}}: field is immutable"],
            ),
        ],
    );
}

#[test]
fn preparation() {
    let (object, _) = create(&DeploymentStrategy, &base(), &json!({"status": {"replicas": 2}}));
    assert_eq!((&object["status"], &object["metadata"]["generation"]), (&json!({}), &json!(1)));
    for (subresource, patch, generation) in [
        ("", json!({"metadata": {"labels": {"a": "b"}}}), 3),
        ("", json!({"metadata": {"annotations": {"a": "b"}}}), 4),
        ("", json!({"spec": {"paused": true}}), 4),
        ("", json!({"status": {"replicas": 2}}), 3),
        ("scale", json!({"spec": {"replicas": 2}}), 4),
        ("status", json!({"spec": {"replicas": 2}, "status": {"replicas": 2}}), 3),
    ] {
        let (object, _) = update(&DeploymentStrategy, subresource, &base(), &json!({}), &patch);
        assert_eq!(object["metadata"]["generation"], generation, "{patch}");
        let expected = if subresource == "status" { json!({"replicas": 2}) } else { json!({}) };
        assert_eq!(object["status"], expected, "{patch}");
    }
    let (object, _) =
        update(&DeploymentStrategy, "status", &base(), &json!({}), &json!({"metadata": {"labels": {"a": "b"}}}));
    assert_eq!(object["metadata"].get("labels"), None);
}

#[test]
fn status() {
    let status = |status: Value| json!({"status": status});
    check_update(
        &DeploymentStrategy,
        "status",
        &base(),
        &[
            (
                json!({}),
                status(json!({"replicas": -1})),
                &[
                    "status.replicas: Invalid value: -1: must be greater than or equal to 0",
                    "status.updatedReplicas: Invalid value: 0: cannot be greater than status.replicas",
                    "status.readyReplicas: Invalid value: 0: cannot be greater than status.replicas",
                    "status.availableReplicas: Invalid value: 0: cannot be greater than status.replicas",
                ],
            ),
            (
                json!({}),
                status(json!({"replicas": 2, "availableReplicas": 1})),
                &["status.availableReplicas: Invalid value: 1: cannot be greater than readyReplicas"],
            ),
            (
                status(json!({"collisionCount": 2})),
                status(json!({"collisionCount": 1})),
                &["status.collisionCount: Invalid value: 1: cannot be decremented"],
            ),
            (
                status(json!({"collisionCount": 2})),
                status(json!({"collisionCount": null})),
                &["status.collisionCount: Invalid value: 0: cannot be decremented"],
            ),
        ],
    );
}

#[test]
fn warnings() {
    let (object, _) = create(&DeploymentStrategy, &base(), &json!({"metadata": {"name": "a.b"}}));
    let warned = DeploymentStrategy.warnings(&request(""), &object, None);
    assert_eq!(
        warned,
        [
            "metadata.name: this is used in Pod names and hostnames, which can result in surprising behavior; a DNS label is \
          recommended: [must not contain dots]"
        ]
    );
}
