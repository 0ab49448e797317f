//! DaemonSets: defaults, rules, both generations, status.

use serde_json::{Value, json};

use super::DaemonSetStrategy;
use crate::kind::Strategy;
use crate::kind::test_rows::{check_create, check_update, create, update, workload};

fn base() -> Value {
    workload("DaemonSet")
}

#[test]
fn rules() {
    let mut object = json!({"spec": {}});
    DaemonSetStrategy.default(&mut object);
    assert_eq!(
        object,
        json!({"spec": {"revisionHistoryLimit": 10,
            "updateStrategy": {"type": "RollingUpdate", "rollingUpdate": {"maxUnavailable": 1, "maxSurge": 0}}}})
    );
    let rolling = |rolling: Value| json!({"spec": {"updateStrategy": {"rollingUpdate": rolling}}});
    let path = "spec.updateStrategy.rollingUpdate";
    check_create(
        &DaemonSetStrategy,
        &base(),
        &[
            (
                json!({"spec": {"selector": null}}),
                &[
                    "spec.template.metadata.labels: Invalid value: {\"app\":\"web\"}: `selector` does not match template \
                   `labels`",
                ],
            ),
            (
                json!({"spec": {"selector": {"matchLabels": null}}}),
                &["spec.selector: Invalid value: {}: empty selector is invalid for daemonset"],
            ),
            (
                json!({"spec": {"template": {"spec": {"restartPolicy": "Never", "activeDeadlineSeconds": 1}}}}),
                &[
                    "spec.template.spec.restartPolicy: Unsupported value: \"Never\": supported values: \"Always\"",
                    "spec.template.spec.activeDeadlineSeconds: Forbidden: activeDeadlineSeconds in DaemonSet is not \
                     Supported",
                ],
            ),
            (
                json!({"spec": {"updateStrategy": {"type": "Odd"}}}),
                &[
                    "spec.updateStrategy: Unsupported value: {\"Type\":\"Odd\",\"RollingUpdate\":null}: supported values: \
                   \"RollingUpdate\", \"OnDelete\"",
                ],
            ),
            (
                rolling(json!({"maxUnavailable": 1, "maxSurge": 1})),
                &[&format!("{path}.maxSurge: Invalid value: 1: may not be set when maxUnavailable is non-zero")],
            ),
            (
                rolling(json!({"maxUnavailable": 0})),
                &[&format!("{path}.maxUnavailable: Required value: cannot be 0 when maxSurge is 0")],
            ),
            (
                rolling(json!({"maxUnavailable": "101%"})),
                &[&format!("{path}.maxUnavailable: Invalid value: \"101%\": must not be greater than 100%")],
            ),
        ],
    );
    check_update(
        &DaemonSetStrategy,
        "status",
        &base(),
        &[(
            json!({}),
            json!({"status": {"numberReady": -1}}),
            &["status.numberReady: Invalid value: -1: must be greater than or equal to 0"],
        )],
    );
}

#[test]
fn generations() {
    let of = |object: &Value| {
        let annotations = &object["metadata"]["annotations"];
        (object["metadata"]["generation"].clone(), annotations["deprecated.daemonset.template.generation"].clone())
    };
    let (object, _) = create(&DaemonSetStrategy, &base(), &json!({}));
    assert_eq!(of(&object), (json!(1), json!("1")));
    let before = json!({"metadata": {"annotations": {"deprecated.daemonset.template.generation": "7"}}});
    for (patch, generation, of_template) in [
        (json!({"metadata": {"annotations": {"deprecated.daemonset.template.generation": "9"}}}), 3, "7"),
        (json!({"spec": {"minReadySeconds": 3}}), 4, "7"),
        (json!({"spec": {"template": {"metadata": {"labels": {"a": "b"}}}}}), 4, "8"),
    ] {
        let (object, said) = update(&DaemonSetStrategy, "", &base(), &before, &patch);
        assert_eq!((of(&object), said), ((json!(generation), json!(of_template)), vec![]), "{patch}");
    }
}
