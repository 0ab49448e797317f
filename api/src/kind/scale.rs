//! `scale`: the subresource under which Deployments, ReplicaSets, StatefulSets and ReplicationControllers show how many
//! replicas they have, and let it be set, in one kind (`autoscaling/v1` Scale).
//!
//! A write goes: stored object → its Scale (`from_*`) → the client's change → [`apply`] → the object's own strategy, with
//! the subresource `scale`, which counts the generation and validates as any update does → the answer (`from_*` again).
//! A Scale's `resourceVersion` becomes the object's: none means that whatever stands is overwritten.
//!
//! Absent: what becomes of `managedFields` on the way, which is apply's. Facts: upstream's `ScaleREST` in
//! `pkg/registry/apps/*/storage`, `ValidateScale`.

use k8s_openapi::api::autoscaling::v1::Scale;
use k8s_openapi::apimachinery::pkg::apis::meta::v1::LabelSelector as ObjectSelector;
use serde::Deserialize;
use serde_json::{Map, Value, json};

use super::access::integer;
use super::generic::{at, check, remove, set, text};
use crate::selector::{LabelSelector, SelectorError};
use crate::validation::meta::{managed_fields, non_negative};
use crate::validation::{Errors, FieldPath};

/// Why a Scale could not be written.
#[derive(Debug, Clone, PartialEq, thiserror::Error)]
pub enum ScaleError {
    /// The Scale is wrong: 422, about kind `Scale` in `autoscaling` and the object's name.
    #[error("the Scale is invalid")]
    Invalid(Errors),
    /// The Scale names another object: 409 about `RESOURCE/scale`; Display is what stands behind the colon.
    #[error("Precondition failed: UID in precondition: {given}, UID in object meta: {actual}")]
    Uid {
        /// The Scale's uid.
        given: String,
        /// The object's uid.
        actual: String,
    },
}

/// The Scale of a Deployment. An error is a selector that says nothing sensible: 400 with its text.
pub fn from_deployment(object: &Value) -> Result<Value, SelectorError> {
    Ok(scale(object, &selector(object)?))
}

/// The Scale of a ReplicaSet.
pub fn from_replica_set(object: &Value) -> Result<Value, SelectorError> {
    Ok(scale(object, &selector(object)?))
}

/// The Scale of a StatefulSet.
pub fn from_stateful_set(object: &Value) -> Result<Value, SelectorError> {
    Ok(scale(object, &selector(object)?))
}

/// The Scale of a ReplicationController, whose selector is a plain map.
pub fn from_replication_controller(object: &Value) -> Result<Value, SelectorError> {
    let labels = at(object, &["spec", "selector"]).and_then(Value::as_object);
    let mut terms: Vec<String> = labels
        .into_iter()
        .flatten()
        .map(|(key, value)| format!("{key}={}", value.as_str().unwrap_or_default()))
        .collect();
    terms.sort_unstable();
    Ok(scale(object, &terms.join(",")))
}

/// The selector's text: nothing for none, and for the one that selects everything.
fn selector(object: &Value) -> Result<String, SelectorError> {
    let selector = at(object, &["spec", "selector"]).and_then(|selector| ObjectSelector::deserialize(selector).ok());
    selector.map_or_else(|| Ok(String::new()), |selector| Ok(LabelSelector::from_object(&selector)?.to_string()))
}

fn scale(object: &Value, selector: &str) -> Value {
    let members = ["name", "namespace", "uid", "resourceVersion", "creationTimestamp"];
    let metadata: Map<String, Value> = members
        .into_iter()
        .filter_map(|member| Some((member.to_owned(), at(object, &["metadata", member])?.clone())))
        .collect();
    let mut scale = json!({
        "kind": "Scale",
        "apiVersion": "autoscaling/v1",
        "metadata": metadata,
        "spec": {},
        "status": {"replicas": integer(object, &["status", "replicas"])},
    });
    let replicas = integer(object, &["spec", "replicas"]);
    if replicas != 0 {
        set(&mut scale, &["spec", "replicas"], replicas.into());
    }
    if !selector.is_empty() {
        set(&mut scale, &["status", "selector"], selector.into());
    }
    scale
}

/// The object as the written Scale wants it: its replicas and `resourceVersion` are the Scale's, all else is `old`'s.
/// A Scale without replicas means none.
pub fn apply(scale: &Value, old: &Value) -> Result<Value, ScaleError> {
    let errors = validate(scale);
    if !errors.is_empty() {
        return Err(ScaleError::Invalid(errors));
    }
    let (given, actual) = (text(scale, &["metadata", "uid"]), text(old, &["metadata", "uid"]));
    if !given.is_empty() && given != actual {
        return Err(ScaleError::Uid { given: given.to_owned(), actual: actual.to_owned() });
    }
    let mut object = old.clone();
    set(&mut object, &["spec", "replicas"], integer(scale, &["spec", "replicas"]).into());
    match text(scale, &["metadata", "resourceVersion"]) {
        "" => remove(&mut object, &["metadata", "resourceVersion"]),
        version => set(&mut object, &["metadata", "resourceVersion"], version.into()),
    }
    Ok(object)
}

/// All that is wrong with a Scale: only its managed fields and replicas are looked at.
#[must_use]
pub fn validate(scale: &Value) -> Errors {
    check(scale, |typed: &Scale| {
        let (metadata, spec) = (FieldPath::new("metadata"), FieldPath::new("spec"));
        let managed = typed.metadata.managed_fields.as_deref().unwrap_or_default();
        let mut errors = managed_fields(managed, &metadata.child("managedFields"));
        errors.extend(non_negative(integer(scale, &["spec", "replicas"]), &spec.child("replicas")));
        errors
    })
}

#[cfg(test)]
mod tests;
