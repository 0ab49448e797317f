//! The pod template of a workload and the selector that has to match it: what the kinds of `apps` share.
//!
//! Facts: upstream's `ValidatePodTemplateSpecForReplicaSet` and neighbours in `pkg/apis/apps/validation`,
//! `pkg/api/pod`'s functions of templates. The template's own rules stand with pods.

use k8s_openapi::api::core::v1::PodTemplateSpec;
use k8s_openapi::apimachinery::pkg::apis::meta::v1::LabelSelector as ObjectSelector;
use serde::Deserialize;
use serde_json::{Value, json};

use super::access::{integer, is_same, shown};
use super::generic::{at, text};
use super::pod::template;
use crate::selector::LabelSelector;
use crate::validation::label::{SelectorOptions, label_selector};
use crate::validation::meta::non_negative;
use crate::validation::name::is_dns1123_label;
use crate::validation::{Errors, FieldError, FieldPath};

const TEMPLATE: [&str; 2] = ["spec", "template"];
const SELECTOR: [&str; 2] = ["spec", "selector"];

/// Fills in the defaults of `spec.template`.
pub(super) fn default(object: &mut Value) {
    if let Some(template) = object.get_mut("spec").and_then(|spec| spec.get_mut("template")) {
        template::default(template);
    }
}

/// Drops what is switched off from `spec.template`, unless the old object uses it.
pub(super) fn drop_disabled(object: &mut Value, old: Option<&Value>) {
    if let Some(template) = object.get_mut("spec").and_then(|spec| spec.get_mut("template")) {
        template::drop_disabled(template, old.and_then(|old| at(old, &TEMPLATE)));
    }
}

/// The typed view of `spec.template`, with nothing in it where there is none.
fn template_of(object: &Value) -> PodTemplateSpec {
    at(object, &TEMPLATE).and_then(|template| PodTemplateSpec::deserialize(template).ok()).unwrap_or_default()
}

/// What a client is warned of whose new workload's name is no host name.
pub(super) fn name_warning(object: &Value, old: Option<&Value>) -> Vec<String> {
    let sentences = is_dns1123_label(text(object, &["metadata", "name"]));
    if old.is_some() || sentences.is_empty() {
        return Vec::new();
    }
    vec![format!(
        "metadata.name: this is used in Pod names and hostnames, which can result in surprising behavior; a DNS label is \
         recommended: [{}]",
        sentences.join(" ")
    )]
}

/// What a client is warned of about the template, on update only where the generation moved.
pub(super) fn warnings(object: &Value, old: Option<&Value>) -> Vec<String> {
    let generation = ["metadata", "generation"];
    if old.is_some_and(|old| integer(old, &generation) == integer(object, &generation)) {
        return Vec::new();
    }
    let spec = FieldPath::new("spec");
    template::warnings(&template_of(object), old.map(template_of).as_ref(), &spec.child("template"))
}

/// What is wrong with `spec.selector`, of a workload that must have one that selects something. `name` is how upstream's
/// sentence calls the kind.
pub(super) fn selector(object: &Value, name: &str) -> Errors {
    let spec = FieldPath::new("spec");
    let path = spec.child("selector");
    let Some(selector) = at(object, &SELECTOR) else { return vec![FieldError::required(&path, "")] };
    let typed = ObjectSelector::deserialize(selector).unwrap_or_default();
    let mut errors = label_selector(&typed, SelectorOptions::default(), &path);
    if is_empty(&typed) {
        errors.push(FieldError::invalid(
            &path,
            shown(object, &SELECTOR),
            format!("empty selector is invalid for {name}"),
        ));
    }
    errors
}

/// Whether the selector says nothing.
pub(super) fn is_empty(selector: &ObjectSelector) -> bool {
    selector.match_labels.as_ref().is_none_or(|labels| labels.is_empty())
        && selector.match_expressions.as_ref().is_none_or(Vec::is_empty)
}

/// What is wrong with `spec.selector` of a DaemonSet, and whether it selects the template's pods: not having one is no
/// error by itself there.
pub(super) fn selector_of_pods(object: &Value, name: &str) -> Errors {
    let spec = FieldPath::new("spec");
    let path = spec.child("selector");
    let template = template_of(object);
    let Some(selector) = at(object, &SELECTOR) else {
        return vec![mismatch(&template, &spec.child("template"))];
    };
    let typed = ObjectSelector::deserialize(selector).unwrap_or_default();
    let mut errors = label_selector(&typed, SelectorOptions::default(), &path);
    if LabelSelector::from_object(&typed).is_ok_and(|selector| !matches(&selector, &template)) {
        errors.push(mismatch(&template, &spec.child("template")));
    }
    if is_empty(&typed) {
        errors.push(FieldError::invalid(
            &path,
            shown(object, &SELECTOR),
            format!("empty selector is invalid for {name}"),
        ));
    }
    errors
}

/// What is wrong with `spec.template` as a template of pods.
pub(super) fn template(object: &Value, old: Option<&Value>) -> Errors {
    let spec = FieldPath::new("spec");
    template::validate(&template_of(object), old.map(template_of).as_ref(), &spec.child("template"))
}

/// What is wrong with the template of a ReplicaSet or Deployment: it must match the selector and run for ever.
pub(super) fn replica_set_template(object: &Value, old: Option<&Value>) -> Errors {
    let spec = FieldPath::new("spec");
    let selector = at(object, &SELECTOR);
    let parsed = selector
        .map(|selector| LabelSelector::from_object(&ObjectSelector::deserialize(selector).unwrap_or_default()))
        .transpose();
    let Ok(parsed) = parsed else {
        return vec![FieldError::invalid(&spec.child("selector"), shown(object, &SELECTOR), "invalid label selector")];
    };
    let path = spec.child("template");
    let typed = template_of(object);
    // No selector selects nothing: not even this template.
    let mut errors = Errors::new();
    if parsed.is_none_or(|selector| !matches(&selector, &typed)) {
        errors.push(mismatch(&typed, &path));
    }
    errors.extend(template(object, old));
    errors.extend(runs_for_ever(&typed, "ReplicaSet", &path));
    errors
}

/// Whether the selector selects the template's pods.
pub(super) fn matches(selector: &LabelSelector, template: &PodTemplateSpec) -> bool {
    let labels = template.metadata.as_ref().and_then(|metadata| metadata.labels.as_ref());
    selector.matches(|label| labels.and_then(|labels| labels.get(label)).map(String::as_str))
}

/// The error of a template that its selector does not select.
pub(super) fn mismatch(template: &PodTemplateSpec, path: &FieldPath<'_>) -> FieldError {
    let labels = template.metadata.as_ref().and_then(|metadata| metadata.labels.as_ref());
    let metadata = path.child("metadata");
    FieldError::invalid(&metadata.child("labels"), json!(labels), "`selector` does not match template `labels`")
}

/// Pods of workloads that keep them running are always restarted, and have no deadline.
pub(super) fn runs_for_ever(template: &PodTemplateSpec, kind: &str, path: &FieldPath<'_>) -> Errors {
    let mut errors = Errors::new();
    let path = path.child("spec");
    let spec = template.spec.as_ref();
    let policy = spec.and_then(|spec| spec.restart_policy.as_deref()).unwrap_or_default();
    if policy != "Always" {
        errors.push(FieldError::not_supported(&path.child("restartPolicy"), policy, &["Always"]));
    }
    if spec.is_some_and(|spec| spec.active_deadline_seconds.is_some()) {
        let detail = format!("activeDeadlineSeconds in {kind} is not Supported");
        errors.push(FieldError::forbidden(&path.child("activeDeadlineSeconds"), detail));
    }
    errors
}

/// What is wrong with counts of a status: none may be negative, in this order.
pub(super) fn counts(object: &Value, fields: &[&str]) -> Errors {
    let path = FieldPath::new("status");
    let of = |field: &&str| non_negative(integer(object, &["status", field]), &path.child(field));
    fields.iter().flat_map(of).collect()
}

/// What is wrong with counts that are parts of another: `(part, whole, how the sentence calls the whole)`.
pub(super) fn parts(object: &Value, rows: &[(&str, &str, &str)]) -> Errors {
    let path = FieldPath::new("status");
    let of = |field: &str| integer(object, &["status", field]);
    let too_many = rows.iter().filter(|(part, whole, _)| of(part) > of(whole));
    let error = |(part, _, name): &(&str, &str, &str)| {
        FieldError::invalid(&path.child(part), of(part), format!("cannot be greater than {name}"))
    };
    too_many.map(error).collect()
}

/// `status.collisionCount` only grows.
pub(super) fn collision_count(object: &Value, old: &Value) -> Option<FieldError> {
    let path = ["status", "collisionCount"];
    let (new, old) = (at(object, &path).and_then(Value::as_i64), at(old, &path).and_then(Value::as_i64));
    let status = FieldPath::new("status");
    let is_less = old.is_some_and(|old| new.is_none_or(|new| new < old));
    let error = || FieldError::invalid(&status.child("collisionCount"), new.unwrap_or(0), "cannot be decremented");
    is_less.then(error)
}

/// `spec.selector` may not be changed: the pods selected so far would be lost.
pub(super) fn immutable_selector(object: &Value, old: &Value) -> Errors {
    immutable(object, old, "selector")
}

/// A field of the spec that may not be changed.
pub(super) fn immutable(object: &Value, old: &Value, field: &str) -> Errors {
    if is_same(object, old, &["spec", field]) {
        return Errors::new();
    }
    let spec = FieldPath::new("spec");
    vec![FieldError::invalid(&spec.child(field), shown(object, &["spec", field]), "field is immutable")]
}
