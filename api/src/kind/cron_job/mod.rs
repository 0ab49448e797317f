//! CronJobs: Jobs made on a schedule.
//!
//! That a schedule is required is declared upstream: it is told last. Facts: upstream's `ValidateCronJobCreate` and
//! `…Update`, `SetDefaults_CronJob`, `pkg/registry/batch/cronjob`. Schedules: [`schedule`]; the Job's rules: with Jobs.

mod schedule;

use k8s_openapi::api::batch::v1::{CronJob, CronJobSpec};
use k8s_openapi::api::core::v1::PodTemplateSpec;
use serde::Deserialize;
use serde_json::{Value, json};

use super::access::{count_generation_if, default_absent, default_text, is_same, map_mut, shown, supersede};
use super::generic::{at, at_mut, check, check_update, first_generation, remove, reset, restore, text};
use super::job::{default_conditions, spec as job_spec};
use super::pod::template;
use super::workload_template::name_warning;
use super::{Request, Strategy};
use crate::validation::meta::{name_is_dns_subdomain, non_negative, object_meta, object_meta_update};
use crate::validation::{Errors, FieldError, FieldPath};

/// Jobs' names get eleven characters more, and must be labels.
const MOST_NAME_BYTES: usize = 52;
const POLICIES: [&str; 3] = ["Allow", "Forbid", "Replace"];
const JOB_SPEC: [&str; 3] = ["spec", "jobTemplate", "spec"];
const POD_TEMPLATE: [&str; 4] = ["spec", "jobTemplate", "spec", "template"];

/// The strategy of CronJobs.
#[derive(Debug, Clone, Copy)]
pub struct CronJobStrategy;

impl Strategy for CronJobStrategy {
    fn default(&self, object: &mut Value) {
        if let Some(pod) = at_mut(object, &POD_TEMPLATE) {
            template::default(pod);
        }
        default_conditions(object, &JOB_SPEC);
        let Some(spec) = map_mut(object, &["spec"]) else { return };
        default_text(spec, "concurrencyPolicy", "Allow");
        default_absent(spec, "suspend", false);
        default_absent(spec, "successfulJobsHistoryLimit", 3);
        default_absent(spec, "failedJobsHistoryLimit", 1);
    }

    fn prepare_for_create(&self, _request: &Request<'_>, object: &mut Value) {
        reset(object, "status");
        first_generation(object);
        drop_disabled(object, None);
    }

    fn prepare_for_update(&self, request: &Request<'_>, object: &mut Value, old: &Value) {
        if request.subresource == "status" {
            restore(object, old, &["spec"]);
            return;
        }
        restore(object, old, &["status"]);
        drop_disabled(object, Some(old));
        let has_changed = !is_same(object, old, &["spec"]);
        count_generation_if(object, old, has_changed);
    }

    fn validate(&self, _request: &Request<'_>, object: &Value) -> Errors {
        check(object, |job: &CronJob| {
            let metadata = FieldPath::new("metadata");
            let mut errors = object_meta(&job.metadata, true, name_is_dns_subdomain, &metadata);
            let typed = &job.spec;
            errors.extend(spec(object, typed, None));
            let name = job.metadata.name.as_deref().unwrap_or_default();
            if name.len() > MOST_NAME_BYTES {
                let detail = "must be no more than 52 characters";
                errors.push(FieldError::invalid(&metadata.child("name"), name, detail));
            }
            supersede(errors, declared(typed))
        })
    }

    fn validate_update(&self, request: &Request<'_>, object: &Value, old: &Value) -> Errors {
        if request.subresource == "status" {
            return Errors::new();
        }
        check_update(object, old, |job: &CronJob, old_job: &CronJob| {
            let mut errors = object_meta_update(&job.metadata, &old_job.metadata, &FieldPath::new("metadata"));
            let typed = &job.spec;
            errors.extend(spec(object, typed, Some(&old_job.spec)));
            let is_unchanged = is_same(object, old, &["spec", "schedule"]);
            if is_unchanged { errors } else { supersede(errors, declared(typed)) }
        })
    }

    fn warnings(&self, request: &Request<'_>, object: &Value, old: Option<&Value>) -> Vec<String> {
        if request.subresource == "status" {
            return Vec::new();
        }
        let mut warnings = name_warning(object, old);
        let generation = ["metadata", "generation"];
        if old.is_none_or(|old| at(old, &generation) != at(object, &generation)) {
            warnings.extend(job_spec::size_warning(object, &JOB_SPEC));
            let (spec, of) = (FieldPath::new("spec"), |object| view_template(at(object, &POD_TEMPLATE)));
            let job = spec.child("jobTemplate");
            let path = job.child("spec");
            warnings.extend(template::warnings(&of(object), old.map(of).as_ref(), &path.child("template")));
        }
        if old.is_some() && text(object, &["spec", "schedule"]).contains("TZ") {
            warnings.push(
                "cannot use TZ or CRON_TZ in spec.spec.schedule, use timeZone instead, see \
                 https://kubernetes.io/docs/concepts/workloads/controllers/cron-jobs/ for more details"
                    .to_owned(),
            );
        }
        warnings
    }

    fn reset_fields(&self, subresource: &str) -> &'static [&'static str] {
        if subresource == "status" { &["spec"] } else { &["status"] }
    }
}

fn view_template(template: Option<&Value>) -> PodTemplateSpec {
    template.and_then(|template| PodTemplateSpec::deserialize(template).ok()).unwrap_or_default()
}

fn drop_disabled(object: &mut Value, old: Option<&Value>) {
    let scheduling = [&JOB_SPEC[..], &["scheduling"]].concat();
    if old.is_none_or(|old| at(old, &scheduling).is_none()) {
        remove(object, &scheduling);
    }
    if let Some(pod) = at_mut(object, &POD_TEMPLATE) {
        template::drop_disabled(pod, old.and_then(|old| at(old, &POD_TEMPLATE)));
    }
}

fn declared(spec: &CronJobSpec) -> Errors {
    let path = FieldPath::new("spec");
    let required = || FieldError::required(&path.child("schedule"), "");
    spec.schedule.is_empty().then(required).into_iter().collect()
}

fn spec(object: &Value, spec: &CronJobSpec, old: Option<&CronJobSpec>) -> Errors {
    let path = FieldPath::new("spec");
    let mut errors = Errors::new();
    schedule_text(spec, old, &path.child("schedule"), &mut errors);
    let seconds = spec.starting_deadline_seconds.unwrap_or_default();
    errors.extend(non_negative(seconds, &path.child("startingDeadlineSeconds")));
    if let Some(zone) = spec.time_zone.as_deref().filter(|_| old.is_none_or(|old| old.time_zone != spec.time_zone)) {
        time_zone(zone, &path.child("timeZone"), &mut errors);
    }
    let policy_path = path.child("concurrencyPolicy");
    match spec.concurrency_policy.as_deref().unwrap_or_default() {
        "" => errors.push(FieldError::required(&policy_path, "")),
        policy if !POLICIES.contains(&policy) => {
            errors.push(FieldError::not_supported(&policy_path, policy, &POLICIES));
        }
        _ => {}
    }
    job_template(object, spec, old, &path.child("jobTemplate"), &mut errors);
    for (field, limit) in [
        ("successfulJobsHistoryLimit", spec.successful_jobs_history_limit),
        ("failedJobsHistoryLimit", spec.failed_jobs_history_limit),
    ] {
        errors.extend(non_negative(i64::from(limit.unwrap_or_default()), &path.child(field)));
    }
    errors
}

fn job_template(
    object: &Value,
    spec: &CronJobSpec,
    old: Option<&CronJobSpec>,
    path: &FieldPath<'_>,
    errors: &mut Errors,
) {
    let path = path.child("spec");
    let job = spec.job_template.spec.clone().unwrap_or_default();
    errors.extend(job_spec::validate(&job, old.and_then(|old| old.job_template.spec.as_ref()), &path));
    if job.selector.is_some() {
        let selector = shown(object, &[&JOB_SPEC[..], &["selector"]].concat());
        errors.push(FieldError::invalid(&path.child("selector"), selector, "`selector` will be auto-generated"));
    }
    if job.manual_selector == Some(true) {
        errors.push(FieldError::not_supported(&path.child("manualSelector"), json!(true), &["nil", "false"]));
    }
}

fn schedule_text(spec: &CronJobSpec, old: Option<&CronJobSpec>, path: &FieldPath<'_>, errors: &mut Errors) {
    let text = spec.schedule.as_str();
    if text.is_empty() {
        errors.push(FieldError::required(path, ""));
        return;
    }
    if let Err(detail) = schedule::check(text) {
        errors.push(FieldError::invalid(path, text, detail));
    }
    let had_zone = old.is_some_and(|old| old.schedule.contains("TZ"));
    let detail = match (text.contains("TZ"), had_zone) {
        (true, true) if spec.time_zone.is_some() => "cannot use both timeZone field and TZ or CRON_TZ in schedule",
        (true, false) => "cannot use TZ or CRON_TZ in schedule, use timeZone field instead",
        _ => return,
    };
    errors.push(FieldError::invalid(path, text, detail));
}

fn time_zone(zone: &str, path: &FieldPath<'_>, errors: &mut Errors) {
    if zone.is_empty() {
        errors.push(FieldError::invalid(path, zone, "timeZone must be nil or non-empty string"));
        return;
    }
    let fits = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'.' | b'-' | b'_' | b'+');
    let is_odd = |part: &str| {
        matches!(part, "" | "." | "..") || part.starts_with('-') || part.len() > 14 || !part.bytes().all(fits)
    };
    let unknown = || FieldError::invalid(path, zone, format!("unknown time zone {zone}"));
    if zone.split('/').any(is_odd) {
        errors.push(unknown());
        return;
    }
    if zone.eq_ignore_ascii_case("Local") {
        let detail = "timeZone must be an explicit time zone as defined in https://www.iana.org/time-zones";
        errors.push(FieldError::invalid(path, zone, detail));
    }
    if zone != "Local" && !schedule::is_time_zone(zone) {
        errors.push(unknown());
    }
}

#[cfg(test)]
mod tests;
