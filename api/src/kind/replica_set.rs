//! ReplicaSets: as many pods of one template as asked for.
//!
//! Facts: upstream's `ValidateReplicaSet` and neighbours, `SetDefaults_ReplicaSet`, `pkg/registry/apps/replicaset`.

use k8s_openapi::api::apps::v1::ReplicaSet;
use serde_json::Value;

use super::access::{count_generation_if, default_absent, integer, is_same, map_mut};
use super::generic::{check, check_update, first_generation, reset, restore};
use super::workload_template as template;
use super::{Request, Strategy};
use crate::validation::meta::{name_is_dns_subdomain, non_negative, object_meta, object_meta_update};
use crate::validation::{Errors, FieldPath};

/// The strategy of ReplicaSets.
#[derive(Debug, Clone, Copy)]
pub struct ReplicaSetStrategy;

impl Strategy for ReplicaSetStrategy {
    fn default(&self, object: &mut Value) {
        template::default(object);
        if let Some(spec) = map_mut(object, &["spec"]) {
            default_absent(spec, "replicas", 1);
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
            return;
        }
        restore(object, old, &["status"]);
        template::drop_disabled(object, Some(old));
        let has_changed = !is_same(object, old, &["spec"]);
        count_generation_if(object, old, has_changed);
    }

    fn validate(&self, _request: &Request<'_>, object: &Value) -> Errors {
        check(object, |set: &ReplicaSet| {
            let mut errors = object_meta(&set.metadata, true, name_is_dns_subdomain, &FieldPath::new("metadata"));
            errors.extend(spec(object, None));
            errors
        })
    }

    fn validate_update(&self, request: &Request<'_>, object: &Value, old: &Value) -> Errors {
        check_update(object, old, |new: &ReplicaSet, old_set: &ReplicaSet| {
            let mut errors = object_meta_update(&new.metadata, &old_set.metadata, &FieldPath::new("metadata"));
            if request.subresource == "status" {
                errors.extend(status(object));
            } else {
                errors.extend(spec(object, Some(old)));
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
        if subresource == "status" { &["spec"] } else { &["status"] }
    }
}

fn spec(object: &Value, old: Option<&Value>) -> Errors {
    let path = FieldPath::new("spec");
    let of = |field: &str| integer(object, &["spec", field]);
    let mut errors = non_negative(of("replicas"), &path.child("replicas"));
    errors.extend(non_negative(of("minReadySeconds"), &path.child("minReadySeconds")));
    // Upstream's sentence says deployment here, too.
    errors.extend(template::selector(object, "deployment"));
    errors.extend(template::replica_set_template(object, old));
    errors
}

fn status(object: &Value) -> Errors {
    let fields = [
        "replicas",
        "fullyLabeledReplicas",
        "readyReplicas",
        "availableReplicas",
        "observedGeneration",
        "terminatingReplicas",
    ];
    let mut errors = template::counts(object, &fields);
    errors.extend(template::parts(
        object,
        &[
            ("fullyLabeledReplicas", "replicas", "status.replicas"),
            ("readyReplicas", "replicas", "status.replicas"),
            ("availableReplicas", "replicas", "status.replicas"),
            ("availableReplicas", "readyReplicas", "readyReplicas"),
        ],
    ));
    errors
}

#[cfg(test)]
mod tests;
