//! DaemonSets: a pod of one template on every node that fits.
//!
//! The template's generation, a field of older versions, lives in an annotation; the server counts it. Facts: upstream's
//! `ValidateDaemonSet` and neighbours, `SetDefaults_DaemonSet`, `pkg/registry/apps/daemonset`. Absent: upstream's checks
//! that clients don't count the template's generation themselves, which preparation makes impossible.

use k8s_openapi::api::apps::v1::{DaemonSet, DaemonSetUpdateStrategy, RollingUpdateDaemonSet};
use serde_json::{Value, json};

use super::access::{count_generation_if, default_absent, default_text, integer, is_same, map_mut};
use super::generic::{check, check_update, first_generation, reset, restore, set, text};
use super::workload_template as template;
use super::{Request, Strategy, int_or_percent};
use crate::validation::meta::{name_is_dns_subdomain, non_negative, object_meta, object_meta_update};
use crate::validation::{Errors, FieldError, FieldPath};

const TEMPLATE_GENERATION: [&str; 3] = ["metadata", "annotations", "deprecated.daemonset.template.generation"];

/// The strategy of DaemonSets.
#[derive(Debug, Clone, Copy)]
pub struct DaemonSetStrategy;

impl Strategy for DaemonSetStrategy {
    fn default(&self, object: &mut Value) {
        template::default(object);
        let Some(spec) = map_mut(object, &["spec"]) else { return };
        default_absent(spec, "revisionHistoryLimit", 10);
        let Some(rollout) = map_mut(object, &["spec", "updateStrategy"]) else { return };
        default_text(rollout, "type", "RollingUpdate");
        if text(object, &["spec", "updateStrategy", "type"]) == "RollingUpdate"
            && let Some(rolling) = map_mut(object, &["spec", "updateStrategy", "rollingUpdate"])
        {
            default_absent(rolling, "maxUnavailable", 1);
            default_absent(rolling, "maxSurge", 0);
        }
    }

    fn prepare_for_create(&self, _request: &Request<'_>, object: &mut Value) {
        reset(object, "status");
        first_generation(object);
        set_template_generation(object, template_generation(object).max(1));
        template::drop_disabled(object, None);
    }

    fn prepare_for_update(&self, request: &Request<'_>, object: &mut Value, old: &Value) {
        let generation = template_generation(old);
        if request.subresource == "status" {
            restore(object, old, &["spec"]);
            set_template_generation(object, generation);
            return;
        }
        template::drop_disabled(object, Some(old));
        restore(object, old, &["status"]);
        let has_other_template = !is_same(object, old, &["spec", "template"]);
        set_template_generation(object, generation + i64::from(has_other_template));
        let has_changed = !is_same(object, old, &["spec"]);
        count_generation_if(object, old, has_changed);
    }

    fn validate(&self, _request: &Request<'_>, object: &Value) -> Errors {
        check(object, |set: &DaemonSet| {
            let mut errors = object_meta(&set.metadata, true, name_is_dns_subdomain, &FieldPath::new("metadata"));
            errors.extend(spec(object, None, set));
            errors
        })
    }

    fn validate_update(&self, request: &Request<'_>, object: &Value, old: &Value) -> Errors {
        check_update(object, old, |new: &DaemonSet, old_set: &DaemonSet| {
            let mut errors = object_meta_update(&new.metadata, &old_set.metadata, &FieldPath::new("metadata"));
            if request.subresource == "status" {
                errors.extend(status(object, old));
            } else {
                errors.extend(template::immutable_selector(object, old));
                errors.extend(spec(object, Some(old), new));
            }
            errors
        })
    }

    fn warnings(&self, request: &Request<'_>, object: &Value, old: Option<&Value>) -> Vec<String> {
        let is_same_template = old.is_some_and(|old| template_generation(object) == template_generation(old));
        if request.subresource == "status" || is_same_template {
            return Vec::new();
        }
        template::warnings(object, old)
    }

    fn reset_fields(&self, subresource: &str) -> &'static [&'static str] {
        if subresource == "status" { &["spec"] } else { &["status"] }
    }
}

fn template_generation(object: &Value) -> i64 {
    text(object, &TEMPLATE_GENERATION).parse().unwrap_or(0)
}

fn set_template_generation(object: &mut Value, generation: i64) {
    set(object, &TEMPLATE_GENERATION, generation.to_string().into());
}

fn spec(object: &Value, old: Option<&Value>, daemon_set: &DaemonSet) -> Errors {
    let path = FieldPath::new("spec");
    let of = |field: &str| integer(object, &["spec", field]);
    let mut errors = template::selector_of_pods(object, "daemonset");
    errors.extend(template::template(object, old));
    errors.extend(template::runs_for_ever(&daemon_set.spec.template, "DaemonSet", &path.child("template")));
    errors.extend(non_negative(of("minReadySeconds"), &path.child("minReadySeconds")));
    let rollout = daemon_set.spec.update_strategy.clone().unwrap_or_default();
    update_strategy(&rollout, &path.child("updateStrategy"), &mut errors);
    errors.extend(non_negative(of("revisionHistoryLimit"), &path.child("revisionHistoryLimit")));
    errors
}

fn update_strategy(strategy: &DaemonSetUpdateStrategy, path: &FieldPath<'_>, errors: &mut Errors) {
    let rolling_path = path.child("rollingUpdate");
    match (strategy.type_.as_deref().unwrap_or_default(), &strategy.rolling_update) {
        ("OnDelete", _) => {}
        ("RollingUpdate", None) => errors.push(FieldError::required(&rolling_path, "")),
        ("RollingUpdate", Some(rolling)) => rolling_update(rolling, &rolling_path, errors),
        (kind, rolling) => {
            // Upstream shows its internal struct.
            let rolling = rolling.as_ref().map(|rolling| {
                json!({
                    "MaxUnavailable": int_or_percent::shown(rolling.max_unavailable.as_ref()),
                    "MaxSurge": int_or_percent::shown(rolling.max_surge.as_ref()),
                })
            });
            let shown = json!({"Type": kind, "RollingUpdate": rolling});
            errors.push(FieldError::not_supported(path, shown, &["RollingUpdate", "OnDelete"]));
        }
    }
}

fn rolling_update(rolling: &RollingUpdateDaemonSet, path: &FieldPath<'_>, errors: &mut Errors) {
    let (unavailable, surge) = (rolling.max_unavailable.as_ref(), rolling.max_surge.as_ref());
    let (unavailable_path, surge_path) = (path.child("maxUnavailable"), path.child("maxSurge"));
    errors.extend(int_or_percent::positive(unavailable, &unavailable_path));
    errors.extend(int_or_percent::positive(surge, &surge_path));
    errors.extend(int_or_percent::at_most_all(unavailable, &unavailable_path));
    errors.extend(int_or_percent::at_most_all(surge, &surge_path));
    match (int_or_percent::number(unavailable) != 0, int_or_percent::number(surge) != 0) {
        (true, true) => {
            let detail = "may not be set when maxUnavailable is non-zero";
            errors.push(FieldError::invalid(&surge_path, int_or_percent::shown(surge), detail));
        }
        (false, false) => errors.push(FieldError::required(&unavailable_path, "cannot be 0 when maxSurge is 0")),
        _ => {}
    }
}

fn status(object: &Value, old: &Value) -> Errors {
    let mut errors = template::counts(
        object,
        &[
            "currentNumberScheduled",
            "numberMisscheduled",
            "desiredNumberScheduled",
            "numberReady",
            "observedGeneration",
            "updatedNumberScheduled",
            "numberAvailable",
            "numberUnavailable",
            "collisionCount",
        ],
    );
    errors.extend(template::collision_count(object, old));
    errors
}

#[cfg(test)]
mod tests;
