//! StatefulSets: pods with names and volumes of their own, in order.
//!
//! Facts: upstream's `ValidateStatefulSet` and neighbours, `SetDefaults_StatefulSet`, `pkg/registry/apps/statefulset`.
//! The strategy Recreate is alpha: only who has it already may keep it.

use k8s_openapi::api::apps::v1::{StatefulSet, StatefulSetSpec, StatefulSetUpdateStrategy};
use k8s_openapi::api::core::v1::{PersistentVolumeClaim, PersistentVolumeClaimVolumeSource, PodTemplateSpec, Volume};
use serde_json::{Value, json};

use super::access::{
    count_generation_if, default_absent, default_text, integer, invalid_each, is_same, list_mut, map_mut, shown,
};
use super::generic::{
    at, at_mut, check, check_update, first_generation, list, reset, restore, round_resources, set, text,
};
use super::pod::internal_form::internal;
use super::pod::validation::annotation;
use super::pod::validation::claim_spec::persistent_volume_claim_spec;
use super::pod::validation::options::Options;
use super::workload_template as template;
use super::{Request, Strategy, int_or_percent};
use crate::go::quote;
use crate::quantity::Quantity;
use crate::selector::LabelSelector;
use crate::validation::label::labels;
use crate::validation::meta::{annotations, name_is_dns_label, non_negative, object_meta, object_meta_update};
use crate::validation::name::is_dns1123_label;
use crate::validation::{Errors, FieldError, FieldPath};

const RETENTIONS: [&str; 2] = ["Retain", "Delete"];
const CLAIMS: [&str; 2] = ["spec", "volumeClaimTemplates"];

/// The strategy of StatefulSets.
#[derive(Debug, Clone, Copy)]
pub struct StatefulSetStrategy;

impl Strategy for StatefulSetStrategy {
    fn default(&self, object: &mut Value) {
        template::default(object);
        let Some(spec) = map_mut(object, &["spec"]) else { return };
        default_text(spec, "podManagementPolicy", "OrderedReady");
        default_absent(spec, "replicas", 1);
        default_absent(spec, "revisionHistoryLimit", 10);
        let has_type = !text(object, &["spec", "updateStrategy", "type"]).is_empty();
        let Some(rollout) = map_mut(object, &["spec", "updateStrategy"]) else { return };
        default_text(rollout, "type", "RollingUpdate");
        if !has_type {
            default_absent(rollout, "rollingUpdate", json!({}));
        }
        let is_rolling = text(object, &["spec", "updateStrategy", "type"]) == "RollingUpdate";
        let rolling = at_mut(object, &["spec", "updateStrategy", "rollingUpdate"]).filter(|_| is_rolling);
        if let Some(rolling) = rolling.and_then(Value::as_object_mut) {
            default_absent(rolling, "partition", 0);
            default_absent(rolling, "maxUnavailable", 1);
        }
        if let Some(policy) = map_mut(object, &["spec", "persistentVolumeClaimRetentionPolicy"]) {
            default_text(policy, "whenDeleted", "Retain");
            default_text(policy, "whenScaled", "Retain");
        }
        list_mut(object, &CLAIMS).for_each(default_claim);
    }

    fn prepare_for_create(&self, _request: &Request<'_>, object: &mut Value) {
        reset(object, "status");
        first_generation(object);
        template::drop_disabled(object, None);
    }

    fn prepare_for_update(&self, request: &Request<'_>, object: &mut Value, old: &Value) {
        if request.subresource == "status" {
            restore(object, old, &["spec"]);
            return;
        }
        restore(object, old, &["status"]);
        template::drop_disabled(object, Some(old));
        let has_changed = !is_same(object, old, &["spec"]);
        count_generation_if(object, old, has_changed);
    }

    fn validate(&self, _request: &Request<'_>, object: &Value) -> Errors {
        check(object, |set: &StatefulSet| {
            let mut errors = object_meta(&set.metadata, true, name_is_dns_label, &FieldPath::new("metadata"));
            errors.extend(spec(object, &set.spec, None, Leniency::default()));
            errors
        })
    }

    fn validate_update(&self, request: &Request<'_>, object: &Value, old: &Value) -> Errors {
        check_update(object, old, |new: &StatefulSet, old_set: &StatefulSet| {
            let metadata = object_meta_update(&new.metadata, &old_set.metadata, &FieldPath::new("metadata"));
            if request.subresource == "status" {
                let mut errors = status(object);
                errors.extend(metadata);
                errors.extend(template::collision_count(object, old));
                return errors;
            }
            let recreates = text(old, &["spec", "updateStrategy", "type"]) == "Recreate";
            let mut leniency = Leniency { is_update: true, recreates, keeps_template: false };
            let old_template = Some(&old_set.spec.template);
            leniency.keeps_template = !spec(old, &old_set.spec, old_template, leniency).is_empty();
            let mut errors = metadata;
            errors.extend(spec(object, &new.spec, old_template, leniency));
            errors.extend(template::immutable_selector(object, old));
            if !is_same(object, old, &CLAIMS) {
                let shown: Value = list(object, &CLAIMS).iter().map(internal_claim).collect();
                let spec = FieldPath::new("spec");
                errors.push(FieldError::invalid(&spec.child("volumeClaimTemplates"), shown, "field is immutable"));
            }
            errors.extend(template::immutable(object, old, "serviceName"));
            errors.extend(template::immutable(object, old, "podManagementPolicy"));
            errors
        })
    }

    fn warnings(&self, request: &Request<'_>, object: &Value, old: Option<&Value>) -> Vec<String> {
        if request.subresource == "status" {
            return Vec::new();
        }
        let mut warnings = template::warnings(object, old);
        // Upstream's path of an update has the capital letter.
        let spec_name = if old.is_none() { "spec" } else { "Spec" };
        for (at, claim) in list(object, &CLAIMS).iter().enumerate() {
            for field in ["requests", "limits"] {
                let amount = text(claim, &["spec", "resources", field, "storage"]);
                if Quantity::parse(amount).is_ok_and(|amount| !amount.is_multiple_of(0)) {
                    let path = format!("spec.volumeClaimTemplates[{at}].{spec_name}.resources.{field}[storage]");
                    let amount = quote(amount);
                    warnings.push(format!("{path}: fractional byte value {amount} is invalid, must be an integer"));
                }
            }
        }
        if integer(object, &["spec", "revisionHistoryLimit"]) < 0 {
            let advice = "a negative value retains all historical revisions; a value >= 0 is recommended";
            warnings.push(format!("spec.revisionHistoryLimit: {advice}"));
        }
        warnings
    }

    fn reset_fields(&self, subresource: &str) -> &'static [&'static str] {
        if subresource == "status" { &["spec"] } else { &["status"] }
    }
}

/// What stands of older rules: those are not held against what is stored already.
#[derive(Debug, Clone, Copy, Default)]
struct Leniency {
    /// Names of services and claims can't be changed any more.
    is_update: bool,
    /// The old object has the strategy Recreate.
    recreates: bool,
    /// The old object would not pass: its template isn't looked at.
    keeps_template: bool,
}

/// A claim template's defaults, and the type that its JSON carries.
fn default_claim(claim: &mut Value) {
    set(claim, &["apiVersion"], "v1".into());
    set(claim, &["kind"], "PersistentVolumeClaim".into());
    if let Some(status) = map_mut(claim, &["status"]) {
        default_text(status, "phase", "Pending");
    }
    if let Some(spec) = map_mut(claim, &["spec"]) {
        default_absent(spec, "volumeMode", "Filesystem");
    }
    for path in [
        &["spec", "resources", "limits"][..],
        &["spec", "resources", "requests"],
        &["status", "capacity"],
        &["status", "allocatedResources"],
    ] {
        round_resources(claim, path);
    }
}

/// A claim template as upstream's error shows it: its internal struct.
fn internal_claim(claim: &Value) -> Value {
    let mut shown = at(claim, &["metadata"]).cloned().unwrap_or_else(|| json!({}));
    set(&mut shown, &["Spec"], internal(at(claim, &["spec"]).unwrap_or(&Value::Null), "PersistentVolumeClaimSpec"));
    let of = |field: &str| at(claim, &["status", field]).cloned().unwrap_or(Value::Null);
    let status = json!({
        "Phase": text(claim, &["status", "phase"]),
        "AccessModes": of("accessModes"),
        "Capacity": of("capacity"),
        "Conditions": of("conditions"),
        "AllocatedResources": of("allocatedResources"),
        "AllocatedResourceStatuses": of("allocatedResourceStatuses"),
        "CurrentVolumeAttributesClassName": of("currentVolumeAttributesClassName"),
        "ModifyVolumeStatus": of("modifyVolumeStatus"),
        "HealthStatus": of("healthStatus"),
    });
    set(&mut shown, &["Status"], status);
    shown
}

fn spec(object: &Value, typed: &StatefulSetSpec, old: Option<&PodTemplateSpec>, leniency: Leniency) -> Errors {
    let path = FieldPath::new("spec");
    let of = |field: &str| integer(object, &["spec", field]);
    let mut errors = Errors::new();
    let policy_path = path.child("podManagementPolicy");
    match typed.pod_management_policy.as_deref().unwrap_or_default() {
        "" => errors.push(FieldError::required(&policy_path, "")),
        "OrderedReady" | "Parallel" => {}
        policy => {
            errors.push(FieldError::invalid(&policy_path, policy, "must be 'OrderedReady' or 'Parallel'"));
        }
    }
    let rollout = typed.update_strategy.clone().unwrap_or_default();
    update_strategy(&rollout, leniency.recreates, &path.child("updateStrategy"), &mut errors);
    if let Some(policy) = &typed.persistent_volume_claim_retention_policy {
        let path = path.child("persistentVolumeClaimRetentionPolicy");
        for (field, value) in [("whenDeleted", &policy.when_deleted), ("whenScaled", &policy.when_scaled)] {
            let value = value.as_deref().unwrap_or_default();
            if !RETENTIONS.contains(&value) {
                errors.push(FieldError::not_supported(&path.child(field), value, &RETENTIONS));
            }
        }
    }
    let claims = typed.volume_claim_templates.as_deref().unwrap_or_default();
    if !leniency.is_update {
        let path = path.child("volumeClaimTemplates");
        for (at, claim) in claims.iter().enumerate() {
            let spec = claim.spec.clone().unwrap_or_default();
            errors.extend(persistent_volume_claim_spec(&spec, &path.index(at).child("spec")));
        }
    }
    errors.extend(non_negative(of("replicas"), &path.child("replicas")));
    errors.extend(non_negative(of("minReadySeconds"), &path.child("minReadySeconds")));
    errors
        .extend(non_negative(integer(object, &["spec", "ordinals", "start"]), &path.child("ordinals").child("start")));
    let service = typed.service_name.as_deref().unwrap_or_default();
    if !leniency.is_update && !service.is_empty() {
        let sentences = is_dns1123_label(service);
        errors.extend(invalid_each(&path.child("serviceName"), service, sentences));
    }
    errors.extend(template::selector(object, "statefulset"));
    errors.extend(pods(object, typed, old, leniency));
    errors.extend(template::runs_for_ever(&typed.template, "StatefulSet", &path.child("template")));
    errors
}

/// The template's rules, for the pods that come of it: names and claims' volumes are the controller's.
fn pods(object: &Value, typed: &StatefulSetSpec, old: Option<&PodTemplateSpec>, leniency: Leniency) -> Errors {
    let spec = FieldPath::new("spec");
    let path = spec.child("template");
    let selector = at(object, &["spec", "selector"]).map(|_| LabelSelector::from_object(&typed.selector)).transpose();
    let Ok(selector) = selector else {
        return vec![FieldError::invalid(&spec.child("selector"), shown(object, &["spec", "selector"]), "")];
    };
    let mut errors = Errors::new();
    if selector.is_none_or(|selector| !template::matches(&selector, &typed.template)) {
        errors.push(template::mismatch(&typed.template, &path));
    }
    if !leniency.keeps_template {
        let pods = with_claims(&typed.template, typed.volume_claim_templates.as_deref().unwrap_or_default());
        errors.extend(super::pod::template::validate(&pods, old, &path));
    }
    // Upstream looks at these once more, under a path without `metadata`.
    let metadata = typed.template.metadata.clone().unwrap_or_default();
    errors.extend(labels(&metadata.labels.unwrap_or_default(), &path.child("labels")));
    let given = metadata.annotations.unwrap_or_default();
    let annotations_path = path.child("annotations");
    errors.extend(annotations(&given, &annotations_path));
    let pod = typed.template.spec.clone().unwrap_or_default();
    errors.extend(annotation::annotations(&given, &pod, &Options::for_template(old), &annotations_path));
    errors
}

fn with_claims(template: &PodTemplateSpec, claims: &[PersistentVolumeClaim]) -> PodTemplateSpec {
    let mut template = template.clone();
    let Some(spec) = &mut template.spec else { return template };
    spec.subdomain = None;
    spec.hostname = None;
    let name = |claim: &PersistentVolumeClaim| claim.metadata.name.clone().unwrap_or_default();
    let mut volumes: Vec<Volume> = Vec::new();
    for name in claims.iter().map(name) {
        if volumes.iter().all(|volume| volume.name != name) {
            let claim = PersistentVolumeClaimVolumeSource { claim_name: name.clone(), ..Default::default() };
            volumes.push(Volume { name, persistent_volume_claim: Some(claim), ..Default::default() });
        }
    }
    let claimed = volumes.len();
    for volume in spec.volumes.take().into_iter().flatten() {
        if volumes[..claimed].iter().all(|claim| claim.name != volume.name) {
            volumes.push(volume);
        }
    }
    spec.volumes = (!volumes.is_empty()).then_some(volumes);
    template
}

fn update_strategy(
    strategy: &StatefulSetUpdateStrategy,
    may_recreate: bool,
    path: &FieldPath<'_>,
    errors: &mut Errors,
) {
    let rolling_path = path.child("rollingUpdate");
    // Upstream shows its internal structs.
    let shown = strategy.rolling_update.as_ref().map(|rolling| {
        json!({
            "Partition": rolling.partition.unwrap_or_default(),
            "MaxUnavailable": rolling.max_unavailable.as_ref().map(|value| int_or_percent::shown(Some(value))),
        })
    });
    match (strategy.type_.as_deref().unwrap_or_default(), &strategy.rolling_update) {
        ("", _) => errors.push(FieldError::required(path, "")),
        ("Recreate", _) if !may_recreate => {
            let shown = json!({"Type": "Recreate", "RollingUpdate": shown});
            errors.push(FieldError::invalid(path, shown, "must be 'RollingUpdate' or 'OnDelete'"));
        }
        ("OnDelete" | "Recreate", Some(_)) => {
            let detail = "only allowed for updateStrategy 'RollingUpdate'";
            errors.push(FieldError::invalid(&rolling_path, json!(shown), detail));
        }
        ("OnDelete" | "Recreate", None) | ("RollingUpdate", None) => {}
        ("RollingUpdate", Some(rolling)) => {
            let partition = i64::from(rolling.partition.unwrap_or_default());
            errors.extend(non_negative(partition, &rolling_path.child("partition")));
            if let unavailable @ Some(_) = rolling.max_unavailable.as_ref() {
                let path = rolling_path.child("maxUnavailable");
                errors.extend(int_or_percent::positive(unavailable, &path));
                if int_or_percent::number(unavailable) == 0 {
                    errors.push(FieldError::invalid(&path, int_or_percent::shown(unavailable), "cannot be 0"));
                }
                errors.extend(int_or_percent::at_most_all(unavailable, &path));
            }
        }
        (kind, _) => {
            let allowed = if may_recreate {
                "'RollingUpdate', 'OnDelete', or 'Recreate'"
            } else {
                "'RollingUpdate' or 'OnDelete'"
            };
            let shown = json!({"Type": kind, "RollingUpdate": shown});
            errors.push(FieldError::invalid(path, shown, format!("must be {allowed}")));
        }
    }
}

fn status(object: &Value) -> Errors {
    let fields = [
        "replicas",
        "readyReplicas",
        "currentReplicas",
        "updatedReplicas",
        "availableReplicas",
        "observedGeneration",
        "collisionCount",
    ];
    let mut errors = template::counts(object, &fields);
    errors.extend(template::parts(
        object,
        &[
            ("readyReplicas", "replicas", "status.replicas"),
            ("currentReplicas", "replicas", "status.replicas"),
            ("updatedReplicas", "replicas", "status.replicas"),
            ("availableReplicas", "replicas", "status.replicas"),
            ("availableReplicas", "readyReplicas", "status.readyReplicas"),
        ],
    ));
    errors
}

#[cfg(test)]
mod tests;
