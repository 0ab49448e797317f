//! Deployments: the usual workload, whose ReplicaSets are rolled from one template to the next.
//!
//! Facts: upstream's `ValidateDeployment` and neighbours, `SetDefaults_Deployment`, `pkg/registry/apps/deployment`.

use k8s_openapi::api::apps::v1::{Deployment, DeploymentStrategy as Rollout, RollingUpdateDeployment};
use serde_json::{Value, json};

use super::access::{count_generation_if, default_absent, default_text, integer, is_same, map_mut};
use super::generic::{at, check, check_update, first_generation, reset, restore, text};
use super::workload_template as template;
use super::{Request, Strategy, int_or_percent};
use crate::validation::meta::{name_is_dns_subdomain, non_negative, object_meta, object_meta_update};
use crate::validation::{Errors, FieldError, FieldPath};

const ROLLBACK_TO: &str = "deprecated.deployment.rollback.to";

/// The strategy of Deployments.
#[derive(Debug, Clone, Copy)]
pub struct DeploymentStrategy;

impl Strategy for DeploymentStrategy {
    fn default(&self, object: &mut Value) {
        template::default(object);
        let Some(spec) = map_mut(object, &["spec"]) else { return };
        default_absent(spec, "replicas", 1);
        default_absent(spec, "revisionHistoryLimit", 10);
        default_absent(spec, "progressDeadlineSeconds", 600);
        let Some(rollout) = map_mut(object, &["spec", "strategy"]) else { return };
        default_text(rollout, "type", "RollingUpdate");
        if text(object, &["spec", "strategy", "type"]) == "RollingUpdate"
            && let Some(rolling) = map_mut(object, &["spec", "strategy", "rollingUpdate"])
        {
            default_absent(rolling, "maxUnavailable", "25%");
            default_absent(rolling, "maxSurge", "25%");
        }
    }

    fn prepare_for_create(&self, _request: &Request<'_>, object: &mut Value) {
        reset(object, "status");
        first_generation(object);
        template::drop_disabled(object, None);
    }

    fn prepare_for_update(&self, request: &Request<'_>, object: &mut Value, old: &Value) {
        if request.subresource == "status" {
            restore(object, old, &["spec"]);
            restore(object, old, &["metadata", "labels"]);
            return;
        }
        restore(object, old, &["status"]);
        template::drop_disabled(object, Some(old));
        // Annotations count: they are copied to the ReplicaSets.
        let has_changed = !is_same(object, old, &["spec"]) || !is_same(object, old, &["metadata", "annotations"]);
        count_generation_if(object, old, has_changed);
    }

    fn validate(&self, _request: &Request<'_>, object: &Value) -> Errors {
        check(object, |deployment: &Deployment| {
            let path = FieldPath::new("metadata");
            let mut errors = object_meta(&deployment.metadata, true, name_is_dns_subdomain, &path);
            errors.extend(spec(object, None, deployment));
            errors
        })
    }

    fn validate_update(&self, request: &Request<'_>, object: &Value, old: &Value) -> Errors {
        check_update(object, old, |new: &Deployment, old_deployment: &Deployment| {
            let path = FieldPath::new("metadata");
            let mut errors = object_meta_update(&new.metadata, &old_deployment.metadata, &path);
            if request.subresource == "status" {
                errors.extend(status(object, old));
            } else {
                errors.extend(spec(object, Some(old), new));
                errors.extend(template::immutable_selector(object, old));
            }
            errors
        })
    }

    fn warnings(&self, request: &Request<'_>, object: &Value, old: Option<&Value>) -> Vec<String> {
        if request.subresource == "status" {
            return Vec::new();
        }
        let mut warnings = template::name_warning(object, old);
        warnings.extend(template::warnings(object, old));
        warnings
    }

    fn reset_fields(&self, subresource: &str) -> &'static [&'static str] {
        if subresource == "status" { &["spec", "metadata.labels"] } else { &["status"] }
    }
}

fn spec(object: &Value, old: Option<&Value>, deployment: &Deployment) -> Errors {
    let path = FieldPath::new("spec");
    let of = |field: &str| integer(object, &["spec", field]);
    let mut errors = non_negative(of("replicas"), &path.child("replicas"));
    errors.extend(template::selector(object, "deployment"));
    errors.extend(template::replica_set_template(object, old));
    let rollout = deployment.spec.strategy.clone().unwrap_or_default();
    strategy(&rollout, &path.child("strategy"), &mut errors);
    errors.extend(non_negative(of("minReadySeconds"), &path.child("minReadySeconds")));
    errors.extend(non_negative(of("revisionHistoryLimit"), &path.child("revisionHistoryLimit")));
    // Upstream reads the annotation that stands for a field of older versions.
    let rollback = text(object, &["metadata", "annotations", ROLLBACK_TO]).parse().unwrap_or(0);
    errors.extend(non_negative(rollback, &path.child("rollback").child("version")));
    if at(object, &["spec", "progressDeadlineSeconds"]).is_some() {
        let path = path.child("progressDeadlineSeconds");
        let deadline = of("progressDeadlineSeconds");
        errors.extend(non_negative(deadline, &path));
        if deadline <= of("minReadySeconds") {
            errors.push(FieldError::invalid(&path, deadline, "must be greater than minReadySeconds"));
        }
    }
    errors
}

fn strategy(strategy: &Rollout, path: &FieldPath<'_>, errors: &mut Errors) {
    let rolling_path = path.child("rollingUpdate");
    match (strategy.type_.as_deref().unwrap_or_default(), &strategy.rolling_update) {
        ("Recreate", None) => {}
        ("Recreate", Some(_)) => {
            let detail = "may not be specified when strategy `type` is 'Recreate'";
            errors.push(FieldError::forbidden(&rolling_path, detail));
        }
        ("RollingUpdate", None) => {
            errors.push(FieldError::required(&rolling_path, "this should be defaulted and never be nil"));
        }
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
            errors.push(FieldError::not_supported(path, shown, &["Recreate", "RollingUpdate"]));
        }
    }
}

fn rolling_update(rolling: &RollingUpdateDeployment, path: &FieldPath<'_>, errors: &mut Errors) {
    let (unavailable, surge) = (rolling.max_unavailable.as_ref(), rolling.max_surge.as_ref());
    let unavailable_path = path.child("maxUnavailable");
    errors.extend(int_or_percent::positive(unavailable, &unavailable_path));
    errors.extend(int_or_percent::positive(surge, &path.child("maxSurge")));
    if int_or_percent::number(unavailable) == 0 && int_or_percent::number(surge) == 0 {
        let detail = "may not be 0 when `maxSurge` is 0";
        errors.push(FieldError::invalid(&unavailable_path, int_or_percent::shown(unavailable), detail));
    }
    errors.extend(int_or_percent::at_most_all(unavailable, &unavailable_path));
}

fn status(object: &Value, old: &Value) -> Errors {
    let mut errors = template::counts(
        object,
        &[
            "observedGeneration",
            "replicas",
            "updatedReplicas",
            "readyReplicas",
            "availableReplicas",
            "unavailableReplicas",
            "terminatingReplicas",
            "collisionCount",
        ],
    );
    errors.extend(template::parts(
        object,
        &[
            ("updatedReplicas", "replicas", "status.replicas"),
            ("readyReplicas", "replicas", "status.replicas"),
            ("availableReplicas", "replicas", "status.replicas"),
            ("availableReplicas", "readyReplicas", "readyReplicas"),
        ],
    ));
    errors.extend(template::collision_count(object, old));
    errors
}

#[cfg(test)]
mod tests;
