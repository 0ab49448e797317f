//! Jobs: defaults, generated selectors, rules, updates, status.

use serde_json::{Value, json};

use super::JobStrategy;
use crate::kind::Strategy;
use crate::kind::test_rows::{check_create, check_update, create, request, update, workload};
use crate::patch::merge;

fn base() -> Value {
    let patch = json!({"apiVersion": "batch/v1", "spec": {"selector": null, "template": {
        "metadata": null, "spec": {"restartPolicy": "Never"}}}});
    merge(&workload("Job"), &patch)
}

#[test]
fn defaults() {
    let default = |spec: Value| {
        let mut object = json!({"spec": spec});
        JobStrategy.default(&mut object);
        object
    };
    let common = json!({"parallelism": 1, "backoffLimit": 6, "completionMode": "NonIndexed", "suspend": false,
        "podReplacementPolicy": "TerminatingOrFailed", "manualSelector": false});
    assert_eq!(default(json!({}))["spec"], merge(&common, &json!({"completions": 1})));
    assert_eq!(default(json!({"parallelism": 3}))["spec"], merge(&common, &json!({"parallelism": 3})));
    let policy = json!({"rules": [{"action": "Ignore", "onPodConditions": [{"type": "DisruptionTarget"}]}]});
    let object = default(json!({"backoffLimitPerIndex": 1, "podFailurePolicy": policy,
        "template": {"metadata": {"labels": {"a": "b"}}}}));
    assert_eq!(object["spec"]["backoffLimit"], i32::MAX);
    assert_eq!(object["spec"]["podReplacementPolicy"], "Failed");
    assert_eq!(object["spec"]["podFailurePolicy"]["rules"][0]["onPodConditions"][0]["status"], "True");
    assert_eq!(object["metadata"]["labels"], json!({"a": "b"}));
}

#[test]
fn selectors_are_generated() {
    let (object, said) = create(&JobStrategy, &base(), &json!({}));
    assert_eq!(said, Vec::<String>::new());
    let uid = "batch.kubernetes.io/controller-uid";
    assert_eq!(object["spec"]["selector"], json!({"matchLabels": {uid: "u"}}));
    assert_eq!(
        object["spec"]["template"]["metadata"]["labels"],
        json!({"job-name": "web", "batch.kubernetes.io/job-name": "web", "controller-uid": "u", uid: "u"})
    );
    assert_eq!((&object["metadata"]["generation"], &object["status"]), (&json!(1), &json!({})));
    let manual = json!({"spec": {"manualSelector": true, "selector": {"matchLabels": {"a": "b"}},
        "template": {"metadata": {"labels": {"a": "b"}}}}});
    let (object, said) = create(&JobStrategy, &base(), &manual);
    assert_eq!((&object["spec"]["selector"], said), (&json!({"matchLabels": {"a": "b"}}), vec![]));
}

#[test]
fn rules() {
    let spec = |spec: Value| json!({"spec": spec});
    let indexed = |rest: Value| json!({"spec": merge(&json!({"completionMode": "Indexed", "completions": 4}), &rest)});
    let failure = |rule: Value| json!({"spec": {"podFailurePolicy": {"rules": [rule]}}});
    let success = |rule: Value| indexed(json!({"successPolicy": {"rules": [rule]}}));
    let rule = "spec.podFailurePolicy.rules[0]";
    let codes = json!({"operator": "In", "values": [1]});
    let labels = "{\"batch.kubernetes.io/controller-uid\":\"u\",\"batch.kubernetes.io/job-name\":\"web\",\
                  \"controller-uid\":\"u\",\"job-name\":\"x\"}";
    check_create(
        &JobStrategy,
        &base(),
        &[
            (
                spec(json!({"parallelism": -1, "completions": -2, "backoffLimit": -3})),
                &[
                    "spec.parallelism: Invalid value: -1: must be greater than or equal to 0",
                    "spec.completions: Invalid value: -2: must be greater than or equal to 0",
                    "spec.backoffLimit: Invalid value: -3: must be greater than or equal to 0",
                ],
            ),
            (
                spec(json!({"template": {"spec": {"restartPolicy": "Always"}}})),
                &["spec.template.spec.restartPolicy: Required value: valid values: \"OnFailure\", \"Never\""],
            ),
            (
                spec(json!({"template": {"metadata": {"labels": {"job-name": "x"}}}})),
                &[&format!("spec.template.metadata.labels[job-name]: Invalid value: {labels}: must be 'web'")],
            ),
            (
                spec(json!({"selector": {"matchLabels": {"a": "b"}}})),
                &[
                    "spec.selector: Invalid value: {\"matchLabels\":{\"a\":\"b\",\
                     \"batch.kubernetes.io/controller-uid\":\"u\"}}: `selector` not auto-generated",
                    "spec.template.metadata.labels: Invalid value: {\"batch.kubernetes.io/controller-uid\":\"u\",\
                     \"batch.kubernetes.io/job-name\":\"web\",\"controller-uid\":\"u\",\"job-name\":\"web\"}: `selector` \
                     does not match template `labels`",
                ],
            ),
            (
                spec(json!({"completionMode": "Odd"})),
                &["spec.completionMode: Unsupported value: \"Odd\": supported values: \"NonIndexed\", \"Indexed\""],
            ),
            (
                spec(json!({"maxFailedIndexes": 1})),
                &[
                    "spec.backoffLimitPerIndex: Required value: when maxFailedIndexes is specified",
                    "spec.maxFailedIndexes: Invalid value: 1: requires indexed completion mode",
                ],
            ),
            (
                indexed(json!({"completions": null, "parallelism": 100_001})),
                &[
                    "spec.completions: Required value: when completion mode is Indexed",
                    "spec.parallelism: Invalid value: 100001: must be less than or equal to 100000 when completion mode is \
                     Indexed",
                ],
            ),
            (
                indexed(json!({"completions": 100_001, "parallelism": 10_001, "backoffLimitPerIndex": 1})),
                &[
                    "spec.maxFailedIndexes: Required value: must be specified when completions is above 100000",
                    "spec.parallelism: Invalid value: 10001: must be less than or equal to 10000 when completions are \
                     above 100000 and used with backoff limit per index",
                ],
            ),
            (
                spec(json!({"managedBy": "x"})),
                &["spec.managedBy: Invalid value: \"x\": must be a domain-prefixed path (such as \"acme.io/foo\")"],
            ),
            (
                failure(json!({"action": "", "onExitCodes": codes})),
                &[&format!(
                    "{rule}.action: Required value: valid values: [\"Count\" \"FailIndex\" \"FailJob\" \"Ignore\"]"
                )],
            ),
            (
                failure(json!({"action": "FailIndex", "onExitCodes": codes})),
                &[&format!("{rule}.action: Invalid value: \"FailIndex\": requires the backoffLimitPerIndex to be set")],
            ),
            (
                failure(json!({"action": "Ignore"})),
                &[&format!("{rule}: Invalid value: specifying one of OnExitCodes and OnPodConditions is required")],
            ),
            (
                failure(
                    json!({"action": "Ignore", "onExitCodes": {"operator": "In", "containerName": "z", "values": [2, 0, 2]}}),
                ),
                &[
                    &format!(
                        "{rule}.onExitCodes.containerName: Invalid value: \"z\": must be one of the container or \
                         initContainer names in the pod template"
                    ),
                    &format!("{rule}.onExitCodes.values[1]: Invalid value: 0: must not be 0 for the In operator"),
                    &format!("{rule}.onExitCodes.values[2]: Duplicate value: 2"),
                    &format!("{rule}.onExitCodes.values: Invalid value: [2,0,2]: must be ordered"),
                ],
            ),
            (
                merge(
                    &failure(json!({"action": "Ignore", "onExitCodes": codes})),
                    &spec(json!({
                    "podReplacementPolicy": "TerminatingOrFailed", "template": {"spec": {"restartPolicy": "OnFailure"}}})),
                ),
                &[
                    "spec.podReplacementPolicy: Unsupported value: \"TerminatingOrFailed\": supported values: \"Failed\"",
                    "spec.template.spec.restartPolicy: Invalid value: \"OnFailure\": only \"Never\" is supported when \
                     podFailurePolicy is specified",
                ],
            ),
            (
                spec(json!({"successPolicy": {"rules": [{"succeededCount": 1}]}})),
                &[
                    "spec.successPolicy: Invalid value: {\"Rules\":[{\"SucceededIndexes\":null,\"SucceededCount\":1}]}: \
                   requires indexed completion mode",
                ],
            ),
            (
                success(json!({})),
                &[
                    "spec.successPolicy.rules[0]: Required value: at least one of succeededCount or succeededIndexes must be \
                   specified",
                ],
            ),
            (
                success(json!({"succeededIndexes": "0-9", "succeededCount": 5})),
                &[
                    "spec.successPolicy.rules[0].succeededIndexes: Invalid value: \"0-9\": error parsing succeededIndexes: \
                     too large index: \"9\"",
                    "spec.successPolicy.rules[0].succeededCount: Invalid value: 5: must be less than or equal to 4 (the \
                     number of specified completions)",
                    "spec.successPolicy.rules[0].succeededCount: Invalid value: 5: must be less than or equal to 0 (the \
                     number of indexes in the specified succeededIndexes field)",
                ],
            ),
        ],
    );
}

#[test]
fn updates() {
    let (stored, _) = create(&JobStrategy, &base(), &json!({}));
    let suspended = json!({"spec": {"suspend": true}});
    let placed = json!({"spec": {"template": {"spec": {"nodeSelector": {"a": "b"}}}}});
    let image = json!({"spec": {"template": {"spec": {"hostname": "h"}}}});
    check_update(
        &JobStrategy,
        "",
        &stored,
        &[
            (json!({}), json!({"spec": {"parallelism": 2}}), &[]),
            (
                json!({}),
                json!({"spec": {"completions": 2}}),
                &["spec.completions: Invalid value: 2: field is immutable"],
            ),
            (
                json!({"spec": {"completionMode": "Indexed"}}),
                json!({"spec": {"completions": 2}}),
                &["spec.completions: Invalid value: 2: can only be modified in tandem with spec.parallelism"],
            ),
            (
                json!({"spec": {"completionMode": "Indexed"}}),
                json!({"spec": {"completions": 2, "parallelism": 2}}),
                &[],
            ),
            (
                json!({}),
                json!({"spec": {"managedBy": "a.b/c"}}),
                &["spec.managedBy: Invalid value: \"a.b/c\": field is immutable"],
            ),
            (suspended.clone(), placed.clone(), &[]),
            (suspended.clone(), json!({"spec": {"template": {"spec": {"affinity": {"nodeAffinity": {}}}}}}), &[]),
        ],
    );
    for (before, after, path) in [
        (json!({}), &placed, "spec.template"),
        (suspended.clone(), &image, "spec.template.spec"),
        (merge(&suspended, &json!({"status": {"startTime": "2024-01-01T00:00:00Z"}})), &placed, "spec.template"),
    ] {
        let (_, said) = update(&JobStrategy, "", &stored, &before, after);
        let [said] = said.as_slice() else { panic!("{said:?}") };
        assert!(said.starts_with(&format!("{path}: Invalid value: {{")), "{said}");
        assert!(said.ends_with("}: field is immutable"), "{said}");
    }
}

#[test]
fn status() {
    let status = |status: Value| json!({"status": status});
    let condition = |kind: &str| json!({"type": kind, "status": "True"});
    let (start, end) = ("2024-01-01T00:00:00Z", "2024-01-01T00:01:00Z");
    let complete = status(json!({"startTime": start, "completionTime": end, "succeeded": 1,
        "conditions": [condition("SuccessCriteriaMet"), condition("Complete")]}));
    let (stored, _) = create(&JobStrategy, &base(), &json!({}));
    check_update(
        &JobStrategy,
        "status",
        &stored,
        &[
            (json!({}), complete.clone(), &[]),
            (
                json!({}),
                status(json!({"active": -1})),
                &[
                    "status.active: Invalid value: -1: must be greater than or equal to 0",
                    "status.ready: Invalid value: 0: cannot set more ready pods than active",
                ],
            ),
            (
                json!({}),
                status(json!({"conditions": [condition("Complete")]})),
                &[
                    "status.completionTime: Required value: completionTime is required for Complete jobs",
                    "status.conditions: Invalid value: cannot set Complete=True condition without the SuccessCriteriaMet=true \
                 condition",
                    "status.startTime: Required value: startTime is required for finished job",
                ],
            ),
            (
                json!({}),
                status(json!({"conditions": [condition("Failed")], "startTime": start})),
                &[
                    "status.conditions: Invalid value: cannot set Failed=True condition without the FailureTarget=true condition",
                ],
            ),
            (
                json!({}),
                status(json!({"completionTime": end})),
                &[
                    "status.completionTime: Invalid value: \"2024-01-01T00:01:00Z\": cannot set completionTime when there is no \
                 Complete=True condition",
                ],
            ),
            (
                json!({}),
                merge(&complete, &status(json!({"startTime": "2025-01-01T00:00:00Z", "active": 1}))),
                &[
                    "status.completionTime: Invalid value: \"2024-01-01T00:01:00Z\": must be equal to or after `startTime`",
                    "status.active: Invalid value: 1: active>0 is invalid for finished job",
                ],
            ),
            (
                json!({}),
                status(json!({"completedIndexes": "1", "failedIndexes": "0"})),
                &[
                    "status.completedIndexes: Invalid value: \"1\": error parsing completedIndexes: too large index: \"1\"",
                    "status.completedIndexes: Invalid value: \"1\": cannot set non-empty completedIndexes when non-indexed \
                 completion mode",
                    "status.failedIndexes: Invalid value: \"0\": cannot set non-null failedIndexes when backoffLimitPerIndex is \
                 null",
                ],
            ),
            (
                json!({}),
                status(json!({"uncountedTerminatedPods": {"succeeded": ["a", ""], "failed": ["a"]}})),
                &[
                    "status.uncountedTerminatedPods.succeeded[1]: Invalid value: \"\": must not be empty",
                    "status.uncountedTerminatedPods.failed[0]: Duplicate value: \"a\"",
                ],
            ),
            (
                complete,
                status(json!({"conditions": [], "completionTime": null, "succeeded": 0})),
                &[
                    "status.conditions: Invalid value: cannot disable the terminal Complete=True condition",
                    "status.succeeded: Invalid value: 0: cannot decrease the succeeded counter",
                    "status.conditions: Invalid value: cannot disable the SuccessCriteriaMet=True condition",
                ],
            ),
            (
                status(json!({"startTime": start, "failed": 2})),
                status(json!({"startTime": end, "failed": 1})),
                &[
                    "status.failed: Invalid value: 1: cannot decrease the failed counter",
                    "status.startTime: Invalid value: \"2024-01-01T00:01:00Z\": field is immutable for unsuspended job once set",
                ],
            ),
        ],
    );
}

#[test]
fn warnings() {
    let large = json!({"metadata": {"name": "a.b"}, "spec": {"completionMode": "Indexed", "completions": 100_001,
        "parallelism": 10_001}});
    let (object, _) = create(&JobStrategy, &base(), &large);
    let warned = JobStrategy.warnings(&request(""), &object, None);
    assert_eq!(warned.len(), 2, "{warned:?}");
    assert!(warned[0].ends_with("a DNS label is recommended: [must not contain dots]"), "{}", warned[0]);
    assert!(
        warned[1].starts_with("spec: In Indexed Jobs with a number of completions higher than 10^5"),
        "{}",
        warned[1]
    );
}
