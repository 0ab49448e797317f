//! CronJobs: defaults, rules, updates, warnings.

use serde_json::{Value, json};

use super::CronJobStrategy;
use crate::kind::Strategy;
use crate::kind::test_rows::{check_create, check_update, create, request, update, workload};
use crate::patch::merge;

fn base() -> Value {
    let job = workload("Job");
    let template = merge(&job["spec"]["template"], &json!({"spec": {"restartPolicy": "Never"}}));
    json!({
        "apiVersion": "batch/v1", "kind": "CronJob", "metadata": job["metadata"],
        "spec": {"schedule": "*/5 * * * *", "jobTemplate": {"spec": {"template": template}}}, "status": {},
    })
}

#[test]
fn rules() {
    let mut object = json!({"spec": {}});
    CronJobStrategy.default(&mut object);
    assert_eq!(
        object,
        json!({"spec": {"concurrencyPolicy": "Allow", "suspend": false, "successfulJobsHistoryLimit": 3,
            "failedJobsHistoryLimit": 1}})
    );
    let spec = |spec: Value| json!({"spec": spec});
    let long = "a".repeat(53);
    check_create(
        &CronJobStrategy,
        &base(),
        &[
            (spec(json!({"timeZone": "Europe/Berlin"})), &[]),
            (
                json!({"metadata": {"name": long}}),
                &[&format!("metadata.name: Invalid value: \"{long}\": must be no more than 52 characters")],
            ),
            (spec(json!({"schedule": null})), &["spec.schedule: Required value"]),
            (
                spec(json!({"schedule": "60 * * * *"})),
                &["spec.schedule: Invalid value: \"60 * * * *\": end of range (60) above maximum (59): 60"],
            ),
            (
                spec(json!({"schedule": "TZ=UTC 0 * * * *"})),
                &[
                    "spec.schedule: Invalid value: \"TZ=UTC 0 * * * *\": cannot use TZ or CRON_TZ in schedule, use timeZone \
                   field instead",
                ],
            ),
            (
                spec(json!({"timeZone": ""})),
                &["spec.timeZone: Invalid value: \"\": timeZone must be nil or non-empty string"],
            ),
            (
                spec(json!({"timeZone": "Mars/Dome"})),
                &["spec.timeZone: Invalid value: \"Mars/Dome\": unknown time zone Mars/Dome"],
            ),
            (spec(json!({"timeZone": "../x"})), &["spec.timeZone: Invalid value: \"../x\": unknown time zone ../x"]),
            (
                spec(json!({"timeZone": "Local"})),
                &["spec.timeZone: Invalid value: \"Local\": timeZone must be an explicit time zone as defined in \
                 https://www.iana.org/time-zones"],
            ),
            (
                spec(json!({"concurrencyPolicy": "Odd"})),
                &[
                    "spec.concurrencyPolicy: Unsupported value: \"Odd\": supported values: \"Allow\", \"Forbid\", \"Replace\"",
                ],
            ),
            (
                spec(json!({"startingDeadlineSeconds": -1, "failedJobsHistoryLimit": -2})),
                &[
                    "spec.startingDeadlineSeconds: Invalid value: -1: must be greater than or equal to 0",
                    "spec.failedJobsHistoryLimit: Invalid value: -2: must be greater than or equal to 0",
                ],
            ),
            (
                spec(
                    json!({"jobTemplate": {"spec": {"selector": {"matchLabels": {"a": "b"}}, "manualSelector": true}}}),
                ),
                &[
                    "spec.jobTemplate.spec.selector: Invalid value: {\"matchLabels\":{\"a\":\"b\"}}: `selector` will be \
                     auto-generated",
                    "spec.jobTemplate.spec.manualSelector: Unsupported value: true: supported values: \"nil\", \"false\"",
                ],
            ),
            (
                spec(json!({"jobTemplate": {"spec": {"backoffLimit": -1}}})),
                &["spec.jobTemplate.spec.backoffLimit: Invalid value: -1: must be greater than or equal to 0"],
            ),
        ],
    );
    let zoned = spec(json!({"schedule": "TZ=UTC 0 * * * *"}));
    check_update(
        &CronJobStrategy,
        "",
        &base(),
        &[
            (zoned.clone(), spec(json!({"suspend": true})), &[]),
            (
                zoned,
                spec(json!({"timeZone": "UTC"})),
                &[
                    "spec.schedule: Invalid value: \"TZ=UTC 0 * * * *\": cannot use both timeZone field and TZ or CRON_TZ in \
                 schedule",
                ],
            ),
        ],
    );
}

#[test]
fn preparation_and_warnings() {
    let (object, _) =
        create(&CronJobStrategy, &base(), &json!({"status": {"lastScheduleTime": "2024-01-01T00:00:00Z"}}));
    assert_eq!((&object["status"], &object["metadata"]["generation"]), (&json!({}), &json!(1)));
    let (object, _) =
        update(&CronJobStrategy, "", &base(), &json!({}), &json!({"spec": {"schedule": "TZ=UTC 0 * * * *"}}));
    assert_eq!(object["metadata"]["generation"], 4);
    let warned = CronJobStrategy.warnings(&request(""), &object, Some(&base()));
    assert_eq!(
        warned,
        ["cannot use TZ or CRON_TZ in spec.spec.schedule, use timeZone instead, see \
          https://kubernetes.io/docs/concepts/workloads/controllers/cron-jobs/ for more details"]
    );
}
