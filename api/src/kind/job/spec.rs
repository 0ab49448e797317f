//! The rules of a Job's spec, which CronJobs' templates share.
//!
//! Facts: upstream's `ValidateJobSpec`, `validateGeneratedSelector`, `pkg/api/job`.

use k8s_openapi::api::batch::v1::{Job, JobSpec};
use k8s_openapi::apimachinery::pkg::apis::meta::v1::LabelSelector as ObjectSelector;
use serde::Deserialize;
use serde_json::{Value, json};

use super::{NAME_LABELS, UID_LABELS, policy};
use crate::kind::access::{integer, shown};
use crate::kind::generic::{at, text};
use crate::kind::pod::template;
use crate::kind::workload_template::{matches, mismatch};
use crate::selector::LabelSelector;
use crate::validation::label::{SelectorOptions, has_invalid_label_value, label_selector};
use crate::validation::meta::non_negative;
use crate::validation::name::is_dns1123_label;
use crate::validation::net::is_domain_prefixed_path;
use crate::validation::{Errors, FieldError, FieldPath};

const MOST_PARALLEL: i32 = 100_000;
const MOST_FAILED: i32 = 100_000;
/// Above so many completions, parallelism and failed indexes are bounded more tightly.
const MANY_COMPLETIONS: i32 = 100_000;
const MOST_PARALLEL_OF_MANY: i32 = 10_000;
const MOST_FAILED_OF_MANY: i32 = 10_000;
const MOST_MANAGER_BYTES: usize = 63;

/// The rules of a Job's spec with its selector.
pub(super) fn of_job(job: &Job, old: Option<&Job>) -> Errors {
    let path = FieldPath::new("spec");
    let empty = JobSpec::default();
    let spec = job.spec.as_ref().unwrap_or(&empty);
    let old = old.and_then(|old| old.spec.as_ref());
    let mut errors = validate(spec, old, &path);
    let selector_path = path.child("selector");
    let Some(selector) = &spec.selector else {
        errors.push(FieldError::required(&selector_path, ""));
        errors.push(mismatch(&spec.template, &path.child("template")));
        return errors;
    };
    let options = SelectorOptions {
        allow_invalid_label_value: old.and_then(|old| old.selector.as_ref()).is_some_and(has_invalid_label_value),
        ..SelectorOptions::default()
    };
    errors.extend(label_selector(selector, options, &selector_path));
    if LabelSelector::from_object(selector).is_ok_and(|selector| !matches(&selector, &spec.template)) {
        errors.push(mismatch(&spec.template, &path.child("template")));
    }
    errors
}

/// The rules of a Job's spec without its selector: upstream's `validateJobSpec`.
pub(in crate::kind) fn validate(spec: &JobSpec, old: Option<&JobSpec>, path: &FieldPath<'_>) -> Errors {
    let mut errors = Errors::new();
    let counts = [
        ("parallelism", spec.parallelism.map(i64::from)),
        ("completions", spec.completions.map(i64::from)),
        ("activeDeadlineSeconds", spec.active_deadline_seconds),
        ("backoffLimit", spec.backoff_limit.map(i64::from)),
        ("ttlSecondsAfterFinished", spec.ttl_seconds_after_finished.map(i64::from)),
        ("backoffLimitPerIndex", spec.backoff_limit_per_index.map(i64::from)),
        ("maxFailedIndexes", spec.max_failed_indexes.map(i64::from)),
    ];
    for (field, count) in counts {
        errors.extend(non_negative(count.unwrap_or_default(), &path.child(field)));
    }
    if spec.max_failed_indexes.is_some() && spec.backoff_limit_per_index.is_none() {
        errors.push(FieldError::required(&path.child("backoffLimitPerIndex"), "when maxFailedIndexes is specified"));
    }
    if let Some(manager) = &spec.managed_by {
        let path = path.child("managedBy");
        errors.extend(is_domain_prefixed_path(&path, manager));
        if manager.len() > MOST_MANAGER_BYTES {
            errors.push(FieldError::too_long(&path, MOST_MANAGER_BYTES));
        }
    }
    completion_mode(spec, path, &mut errors);
    if let Some(given) = &spec.pod_failure_policy {
        policy::failure(given, spec, &path.child("podFailurePolicy"), &mut errors);
    }
    if let Some(given) = &spec.success_policy {
        policy::success(given, spec, &path.child("successPolicy"), &mut errors);
    }
    policy::replacement(spec, &path.child("podReplacementPolicy"), &mut errors);
    let template_path = path.child("template");
    errors.extend(template::validate(&spec.template, old.map(|old| &old.template), &template_path));
    restart_policy(spec, &template_path, &mut errors);
    errors
}

fn completion_mode(spec: &JobSpec, path: &FieldPath<'_>, errors: &mut Errors) {
    let modes = ["NonIndexed", "Indexed"];
    match spec.completion_mode.as_deref() {
        None | Some("NonIndexed") => {
            let fields =
                [("backoffLimitPerIndex", spec.backoff_limit_per_index), ("maxFailedIndexes", spec.max_failed_indexes)];
            for (field, value) in fields {
                let error = |value| FieldError::invalid(&path.child(field), value, "requires indexed completion mode");
                errors.extend(value.map(error));
            }
        }
        Some("Indexed") => indexed(spec, path, errors),
        Some(mode) => errors.push(FieldError::not_supported(&path.child("completionMode"), mode, &modes)),
    }
}

fn indexed(spec: &JobSpec, path: &FieldPath<'_>, errors: &mut Errors) {
    let failed_path = path.child("maxFailedIndexes");
    let parallelism_path = path.child("parallelism");
    let (completions, failed) = (spec.completions, spec.max_failed_indexes);
    let parallelism = spec.parallelism.unwrap_or_default();
    if completions.is_none() {
        errors.push(FieldError::required(&path.child("completions"), "when completion mode is Indexed"));
    }
    if parallelism > MOST_PARALLEL {
        let detail = format!("must be less than or equal to {MOST_PARALLEL} when completion mode is Indexed");
        errors.push(FieldError::invalid(&parallelism_path, parallelism, detail));
    }
    if let (Some(failed), Some(completions)) = (failed, completions)
        && failed > completions
    {
        errors.push(FieldError::invalid(&failed_path, failed, "must be less than or equal to completions"));
    }
    if let Some(failed) = failed.filter(|failed| *failed > MOST_FAILED) {
        let detail = format!("must be less than or equal to {MOST_FAILED}");
        errors.push(FieldError::invalid(&failed_path, failed, detail));
    }
    if completions.is_none_or(|completions| completions <= MANY_COMPLETIONS) || spec.backoff_limit_per_index.is_none() {
        return;
    }
    let when = format!("when completions are above {MANY_COMPLETIONS} and used with backoff limit per index");
    if failed.is_none() {
        let detail = format!("must be specified when completions is above {MANY_COMPLETIONS}");
        errors.push(FieldError::required(&failed_path, detail));
    }
    if parallelism > MOST_PARALLEL_OF_MANY {
        let detail = format!("must be less than or equal to {MOST_PARALLEL_OF_MANY} {when}");
        errors.push(FieldError::invalid(&parallelism_path, parallelism, detail));
    }
    if let Some(failed) = failed.filter(|failed| *failed > MOST_FAILED_OF_MANY) {
        let detail = format!("must be less than or equal to {MOST_FAILED_OF_MANY} {when}");
        errors.push(FieldError::invalid(&failed_path, failed, detail));
    }
}

fn restart_policy(spec: &JobSpec, template: &FieldPath<'_>, errors: &mut Errors) {
    let pod_path = template.child("spec");
    let path = pod_path.child("restartPolicy");
    let policy = spec.template.spec.as_ref().and_then(|spec| spec.restart_policy.as_deref()).unwrap_or_default();
    match policy {
        "" | "Always" => {
            errors.push(FieldError::required(&path, "valid values: \"OnFailure\", \"Never\""));
        }
        "Never" => {}
        "OnFailure" if spec.pod_failure_policy.is_some() => {
            let detail = "only \"Never\" is supported when podFailurePolicy is specified";
            errors.push(FieldError::invalid(&path, policy, detail));
        }
        "OnFailure" => {}
        _ => errors.push(FieldError::not_supported(&path, policy, &["OnFailure", "Never"])),
    }
}

/// A selector that the server made must be as it made it, and the template's labels too.
pub(super) fn generated_selector(object: &Value) -> Errors {
    let mut errors = Errors::new();
    let selector = at(object, &["spec", "selector"]);
    if at(object, &["spec", "manualSelector"]) == Some(&json!(true)) || selector.is_none() {
        return errors;
    }
    let (name, uid) = (text(object, &["metadata", "name"]), text(object, &["metadata", "uid"]));
    if uid.is_empty() {
        errors.push(FieldError::required(&FieldPath::new("metadata").child("uid"), ""));
    }
    let spec = FieldPath::new("spec");
    let template = spec.child("template");
    let metadata = template.child("metadata");
    let path = metadata.child("labels");
    let labels = at(object, &["spec", "template", "metadata", "labels"]);
    let expected = [(UID_LABELS[0], uid), (NAME_LABELS[0], name), (UID_LABELS[1], uid), (NAME_LABELS[1], name)];
    for (label, expected) in expected {
        match labels.and_then(|labels| labels.get(label)).and_then(Value::as_str) {
            None => errors.push(FieldError::required(&path.key(label), format!("must be '{expected}'"))),
            Some(value) if value != expected => {
                let shown = shown(object, &["spec", "template", "metadata", "labels"]);
                errors.push(FieldError::invalid(&path.key(label), shown, format!("must be '{expected}'")));
            }
            Some(_) => {}
        }
    }
    let parsed = selector.and_then(|selector| ObjectSelector::deserialize(selector).ok());
    let parsed = parsed.and_then(|selector| LabelSelector::from_object(&selector).ok());
    let value_of = |label: &str| expected.iter().find(|(name, _)| *name == label).map(|(_, value)| *value);
    if parsed.is_some_and(|selector| !selector.matches(value_of)) {
        let shown = shown(object, &["spec", "selector"]);
        errors.push(FieldError::invalid(&spec.child("selector"), shown, "`selector` not auto-generated"));
    }
    errors
}

/// The names of an indexed Job's pods end in their index and must be host names still.
pub(super) fn name_allows_completions(job: &Job) -> Errors {
    let spec = job.spec.as_ref().filter(|spec| spec.completion_mode.as_deref() == Some("Indexed"));
    let Some(completions) = spec.and_then(|spec| spec.completions).filter(|completions| *completions > 0) else {
        return Errors::new();
    };
    let name = job.metadata.name.as_deref().unwrap_or_default();
    let longest = format!("{name}-{}", completions - 1);
    if is_dns1123_label(&longest).is_empty() {
        return Errors::new();
    }
    let detail = format!("will not able to create pod with invalid DNS label: {longest}");
    vec![FieldError::invalid(&FieldPath::new("metadata").child("name"), name, detail)]
}

/// What a client is warned of whose Job is very large. `path` is where the spec stands.
pub(in crate::kind) fn size_warning(object: &Value, path: &[&str]) -> Option<String> {
    let of = |field: &str| integer(object, &[path, &[field]].concat());
    let is_indexed = text(object, &[path, &["completionMode"]].concat()) == "Indexed";
    let is_large =
        of("completions") > i64::from(MANY_COMPLETIONS) && of("parallelism") > i64::from(MOST_PARALLEL_OF_MANY);
    (is_indexed && is_large).then(|| {
        format!(
            "{}: In Indexed Jobs with a number of completions higher than 10^5 and a parallelism higher than 10^4, \
             Kubernetes might not be able to track completedIndexes when a big number of indexes fail",
            path.join(".")
        )
    })
}
