//! Jobs: pods that run to their end, so many times.
//!
//! Unless a client selects by hand, the server makes the selector, from the Job's uid: the registry must have set
//! `metadata.uid` and the generated name before preparation. Facts: upstream's `pkg/apis/batch`,
//! `pkg/registry/batch/job`. Absent: `spec.scheduling`, which is alpha: it is dropped.
//!
//! Defaults: here; rules: [`spec`], [`policy`]; of updates: [`update`]; of the status: [`status`].

mod index;
mod policy;
pub(super) mod spec;
mod status;
mod update;

use k8s_openapi::api::batch::v1::Job;
use serde_json::{Value, json};

use super::access::{count_generation_if, default_absent, default_text, is_same, list_mut, map_mut};
use super::generic::{at, check, check_update, first_generation, remove, reset, restore, text};
use super::workload_template as template;
use super::{Propagation, Request, Strategy};
use crate::validation::meta::{name_is_dns_subdomain, object_meta, object_meta_update};
use crate::validation::{Errors, FieldPath};

const NAME_LABELS: [&str; 2] = ["job-name", "batch.kubernetes.io/job-name"];
const UID_LABELS: [&str; 2] = ["controller-uid", "batch.kubernetes.io/controller-uid"];

/// The strategy of Jobs.
#[derive(Debug, Clone, Copy)]
pub struct JobStrategy;

impl Strategy for JobStrategy {
    fn default(&self, object: &mut Value) {
        template::default(object);
        default_conditions(object, &["spec"]);
        let has_completions = at(object, &["spec", "completions"]).is_some();
        let labels = at(object, &["spec", "template", "metadata", "labels"]).cloned();
        let Some(spec) = map_mut(object, &["spec"]) else { return };
        let is_set = |field: &str| spec.get(field).is_some_and(|value| !value.is_null());
        let (per_index, policy) = (is_set("backoffLimitPerIndex"), is_set("podFailurePolicy"));
        if !has_completions && !is_set("parallelism") {
            default_absent(spec, "completions", 1);
        }
        default_absent(spec, "parallelism", 1);
        default_absent(spec, "backoffLimit", if per_index { i32::MAX } else { 6 });
        default_absent(spec, "completionMode", "NonIndexed");
        default_absent(spec, "suspend", false);
        default_absent(spec, "podReplacementPolicy", if policy { "Failed" } else { "TerminatingOrFailed" });
        default_absent(spec, "manualSelector", false);
        let has_labels =
            at(object, &["metadata", "labels"]).and_then(Value::as_object).is_some_and(|own| !own.is_empty());
        if let Some(labels) = labels.filter(|_| !has_labels)
            && let Some(metadata) = map_mut(object, &["metadata"])
        {
            metadata.insert("labels".to_owned(), labels);
        }
    }

    fn prepare_for_create(&self, _request: &Request<'_>, object: &mut Value) {
        if at(object, &["spec", "manualSelector"]) != Some(&json!(true)) {
            generate_selector(object);
        }
        reset(object, "status");
        first_generation(object);
        remove(object, &["spec", "scheduling"]);
        template::drop_disabled(object, None);
    }

    fn prepare_for_update(&self, request: &Request<'_>, object: &mut Value, old: &Value) {
        if request.subresource == "status" {
            restore(object, old, &["spec"]);
            return;
        }
        restore(object, old, &["status"]);
        if at(old, &["spec", "scheduling"]).is_none() {
            remove(object, &["spec", "scheduling"]);
        }
        template::drop_disabled(object, Some(old));
        let has_changed = !is_same(object, old, &["spec"]);
        count_generation_if(object, old, has_changed);
    }

    fn validate(&self, _request: &Request<'_>, object: &Value) -> Errors {
        check(object, |job: &Job| {
            let mut errors = object_meta(&job.metadata, true, name_is_dns_subdomain, &FieldPath::new("metadata"));
            errors.extend(spec::generated_selector(object));
            errors.extend(spec::of_job(job, None));
            errors.extend(spec::name_allows_completions(job));
            errors
        })
    }

    fn validate_update(&self, request: &Request<'_>, object: &Value, old: &Value) -> Errors {
        check_update(object, old, |job: &Job, old_job: &Job| {
            let mut errors = object_meta_update(&job.metadata, &old_job.metadata, &FieldPath::new("metadata"));
            if request.subresource == "status" {
                errors.extend(status::update(object, old));
            } else {
                errors.extend(spec::of_job(job, Some(old_job)));
                errors.extend(update::spec(object, old));
                errors.extend(spec::name_allows_completions(job));
            }
            errors
        })
    }

    fn warnings(&self, request: &Request<'_>, object: &Value, old: Option<&Value>) -> Vec<String> {
        if request.subresource == "status" {
            return Vec::new();
        }
        let generation = ["metadata", "generation"];
        let is_same_generation = old.is_some_and(|old| at(old, &generation) == at(object, &generation));
        let mut warnings = template::name_warning(object, old);
        if !is_same_generation {
            warnings.extend(spec::size_warning(object, &["spec"]));
        }
        warnings.extend(template::warnings(object, old));
        warnings
    }

    fn default_propagation(&self) -> Propagation {
        // Upstream keeps this of batch/v1's first days.
        Propagation::Orphan
    }

    fn reset_fields(&self, subresource: &str) -> &'static [&'static str] {
        if subresource == "status" { &["spec"] } else { &["status"] }
    }
}

/// The defaults of failure policies in the Job spec at the path: conditions ask for `True`.
pub(super) fn default_conditions(object: &mut Value, path: &[&str]) {
    let path: Vec<&str> = path.iter().copied().chain(["podFailurePolicy", "rules"]).collect();
    for rule in list_mut(object, &path) {
        for pattern in list_mut(rule, &["onPodConditions"]).filter_map(Value::as_object_mut) {
            default_text(pattern, "status", "True");
        }
    }
}

/// Labels the template with the Job's name and uid, and selects by the uid. What stands there already stays, and is
/// refused if it is something else.
fn generate_selector(object: &mut Value) {
    let (name, uid) = (text(object, &["metadata", "name"]).to_owned(), text(object, &["metadata", "uid"]).to_owned());
    if let Some(labels) = map_mut(object, &["spec", "template", "metadata", "labels"]) {
        for label in NAME_LABELS {
            labels.entry(label).or_insert_with(|| json!(name));
        }
        for label in UID_LABELS {
            labels.entry(label).or_insert_with(|| json!(uid));
        }
    }
    if let Some(labels) = map_mut(object, &["spec", "selector", "matchLabels"]) {
        labels.entry(UID_LABELS[1]).or_insert_with(|| json!(uid));
    }
}

#[cfg(test)]
mod tests;
