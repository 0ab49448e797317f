//! The annotations of nodes that have a form: taints and pods to avoid, both from before there were fields for them.

use std::collections::BTreeMap;

use k8s_openapi::api::core::v1::Taint;
use serde::Deserialize;
use serde_json::Value;

use super::validation::taints;
use crate::codec::json;
use crate::kind::generic::{at, list};
use crate::schema::{ListType, Node as Schema, builtin};
use crate::validation::{Errors, FieldError, FieldPath};

const TAINTS: &str = "scheduler.alpha.kubernetes.io/taints";
const AVOID_PODS: &str = "scheduler.alpha.kubernetes.io/preferAvoidPods";

/// What is wrong with these annotations.
pub(super) fn annotations(annotations: &BTreeMap<String, String>, path: &FieldPath<'_>) -> Errors {
    let content = |key: &str| annotations.get(key).filter(|content| !content.is_empty());
    let mut errors = Errors::new();
    if let Some(content) = content(TAINTS) {
        errors.extend(taint_annotation(content, path));
    }
    if let Some(content) = content(AVOID_PODS) {
        errors.extend(avoid_pods(content, path));
    }
    errors
}

fn taint_annotation(content: &str, path: &FieldPath<'_>) -> Errors {
    let taint = builtin::named("core/v1", "Taint").cloned();
    let schema = taint.map(|taint| Schema::list(taint, ListType::Atomic));
    match read(content, schema.as_ref()) {
        Ok(value) => {
            let found: Vec<Taint> = Deserialize::deserialize(value).unwrap_or_default();
            taints(&found, &path.child(TAINTS))
        }
        Err(words) => vec![FieldError::invalid(path, TAINTS, words)],
    }
}

fn avoid_pods(content: &str, path: &FieldPath<'_>) -> Errors {
    let value = match read(content, builtin::named("core/v1", "AvoidPods")) {
        Ok(value) => value,
        Err(words) => return vec![FieldError::invalid(&path.child("AvoidPods"), AVOID_PODS, words)],
    };
    let mut errors = Errors::new();
    let entries = path.child(AVOID_PODS);
    for (index, entry) in list(&value, &["preferAvoidPods"]).iter().enumerate() {
        let entry_path = entries.index(index);
        let signature = entry_path.child("PodSignature");
        match at(entry, &["podSignature", "podController"]) {
            None => errors.push(FieldError::required(&signature, "")),
            Some(controller) if at(controller, &["controller"]) == Some(&Value::Bool(true)) => {}
            Some(_) => {
                let controller = signature.child("PodController");
                let path = controller.child("Controller");
                errors.push(FieldError::invalid(&path, false, "must point to a controller"));
            }
        }
    }
    errors
}

fn read(content: &str, schema: Option<&Schema>) -> Result<Value, String> {
    let decoded = match schema {
        Some(schema) => json::decode(content.as_bytes(), schema),
        None => json::decode_any(content.as_bytes()),
    };
    decoded.map(|decoded| decoded.value).map_err(|error| error.to_string())
}
