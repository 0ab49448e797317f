//! StatefulSets: defaults, rules, updates, status, warnings.

use serde_json::{Value, json};

use super::StatefulSetStrategy;
use crate::kind::Strategy;
use crate::kind::test_rows::{check_create, check_update, create, request, workload};

fn base() -> Value {
    workload("StatefulSet")
}

fn claim(storage: &str) -> Value {
    json!({"metadata": {"name": "data"}, "spec": {"accessModes": ["ReadWriteOnce"],
        "resources": {"requests": {"storage": storage}}}})
}

#[test]
fn defaults() {
    let mut object = json!({"spec": {"volumeClaimTemplates": [{"metadata": {"name": "data"}}]}});
    StatefulSetStrategy.default(&mut object);
    assert_eq!(
        object["spec"],
        json!({
            "volumeClaimTemplates": [{
                "metadata": {"name": "data"}, "apiVersion": "v1", "kind": "PersistentVolumeClaim",
                "status": {"phase": "Pending"}, "spec": {"volumeMode": "Filesystem"},
            }],
            "podManagementPolicy": "OrderedReady", "replicas": 1, "revisionHistoryLimit": 10,
            "updateStrategy": {"type": "RollingUpdate", "rollingUpdate": {"partition": 0, "maxUnavailable": 1}},
            "persistentVolumeClaimRetentionPolicy": {"whenDeleted": "Retain", "whenScaled": "Retain"},
        })
    );
    let mut object = json!({"spec": {"updateStrategy": {"type": "RollingUpdate"}}});
    StatefulSetStrategy.default(&mut object);
    assert_eq!(object["spec"]["updateStrategy"], json!({"type": "RollingUpdate"}));
}

#[test]
fn rules() {
    let rollout = |rollout: Value| json!({"spec": {"updateStrategy": rollout}});
    check_create(
        &StatefulSetStrategy,
        &base(),
        &[
            (json!({"spec": {"volumeClaimTemplates": [claim("1Gi")]}}), &[]),
            (
                json!({"spec": {"podManagementPolicy": "Odd"}}),
                &["spec.podManagementPolicy: Invalid value: \"Odd\": must be 'OrderedReady' or 'Parallel'"],
            ),
            (
                rollout(json!({"type": "Recreate"})),
                &["spec.updateStrategy: Invalid value: {\"Type\":\"Recreate\",\"RollingUpdate\":null}: must be \
                   'RollingUpdate' or 'OnDelete'"],
            ),
            (
                rollout(json!({"type": "OnDelete", "rollingUpdate": {"partition": 2}})),
                &["spec.updateStrategy.rollingUpdate: Invalid value: {\"Partition\":2,\"MaxUnavailable\":null}: only \
                   allowed for updateStrategy 'RollingUpdate'"],
            ),
            (
                rollout(json!({"rollingUpdate": {"partition": -1, "maxUnavailable": 0}})),
                &[
                    "spec.updateStrategy.rollingUpdate.partition: Invalid value: -1: must be greater than or equal to 0",
                    "spec.updateStrategy.rollingUpdate.maxUnavailable: Invalid value: 0: cannot be 0",
                ],
            ),
            (
                json!({"spec": {"persistentVolumeClaimRetentionPolicy": {"whenScaled": "Odd"}}}),
                &[
                    "spec.persistentVolumeClaimRetentionPolicy.whenScaled: Unsupported value: \"Odd\": supported values: \
                   \"Retain\", \"Delete\"",
                ],
            ),
            (
                json!({"spec": {"ordinals": {"start": -1}}}),
                &["spec.ordinals.start: Invalid value: -1: must be greater than or equal to 0"],
            ),
            (
                json!({"spec": {"selector": {"matchLabels": null}}}),
                &["spec.selector: Invalid value: {}: empty selector is invalid for statefulset"],
            ),
            (
                json!({"spec": {"template": {"spec": {"restartPolicy": "Never"}}}}),
                &["spec.template.spec.restartPolicy: Unsupported value: \"Never\": supported values: \"Always\""],
            ),
            (
                json!({"spec": {"volumeClaimTemplates": [{"metadata": {"name": "data"}, "spec": {
                    "resources": {"requests": {"storage": "1Gi"}}}}]}}),
                &["spec.volumeClaimTemplates[0].spec.accessModes: Required value: at least 1 access mode is required"],
            ),
        ],
    );
    check_update(
        &StatefulSetStrategy,
        "",
        &base(),
        &[
            (json!({}), json!({"spec": {"replicas": 2, "minReadySeconds": 3}}), &[]),
            (
                json!({}),
                json!({"spec": {"serviceName": "b", "podManagementPolicy": "Parallel"}}),
                &[
                    "spec.serviceName: Invalid value: \"b\": field is immutable",
                    "spec.podManagementPolicy: Invalid value: \"Parallel\": field is immutable",
                ],
            ),
            (json!({"spec": {"updateStrategy": {"type": "Recreate"}}}), json!({"spec": {"replicas": 2}}), &[]),
        ],
    );
    check_update(
        &StatefulSetStrategy,
        "status",
        &base(),
        &[(
            json!({}),
            json!({"status": {"replicas": 1, "availableReplicas": 1}}),
            &["status.availableReplicas: Invalid value: 1: cannot be greater than status.readyReplicas"],
        )],
    );
}

#[test]
fn warnings() {
    let patch = json!({"spec": {"revisionHistoryLimit": -1, "volumeClaimTemplates": [claim("100m")]}});
    let (object, _) = create(&StatefulSetStrategy, &base(), &patch);
    assert_eq!(
        StatefulSetStrategy.warnings(&request(""), &object, None),
        [
            "spec.volumeClaimTemplates[0].spec.resources.requests[storage]: fractional byte value \"100m\" is invalid, \
             must be an integer",
            "spec.revisionHistoryLimit: a negative value retains all historical revisions; a value >= 0 is recommended",
        ]
    );
}
