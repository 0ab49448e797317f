//! Annotations that mean something in a pod.

use std::collections::BTreeMap;

use k8s_openapi::api::core::v1::{PodSpec, Toleration};
use serde::Deserialize;
use serde_json::{Map, Value};

use super::super::visit;
use super::local_path::local_descending_path;
use super::options::Options;
use super::toleration::tolerations;
use crate::go::quote;
use crate::validation::{Errors, FieldError, FieldPath};

/// Marks the image of a pod that a node runs from its own files.
pub(crate) const MIRROR: &str = "kubernetes.io/config.mirror";
/// What it costs to delete this pod rather than another of its set.
const DELETION_COST: &str = "controller.kubernetes.io/pod-deletion-cost";
const TOLERATIONS: &str = "scheduler.alpha.kubernetes.io/tolerations";
/// The pod's seccomp profile, before it had a field.
pub(crate) const SECCOMP_POD: &str = "seccomp.security.alpha.kubernetes.io/pod";
/// A container's seccomp profile, before it had a field.
pub(crate) const SECCOMP_CONTAINER: &str = "container.seccomp.security.alpha.kubernetes.io/";
/// A container's AppArmor profile, before it had a field.
pub(crate) const APP_ARMOR: &str = "container.apparmor.security.beta.kubernetes.io/";
/// What a profile on the node begins with, in annotations.
pub(crate) const LOCALHOST: &str = "localhost/";
/// The runtime's own profile, in annotations.
pub(crate) const RUNTIME_DEFAULT: &str = "runtime/default";
/// No profile, in annotations.
pub(crate) const UNCONFINED: &str = "unconfined";
/// The runtime's own seccomp profile, as it was once called.
pub(crate) const DOCKER_DEFAULT: &str = "docker/default";

/// Annotations by name.
pub(crate) type Annotations = BTreeMap<String, String>;

/// The annotations of a pod or template.
pub(crate) fn annotations(
    annotations: &Annotations,
    spec: &PodSpec,
    options: &Options,
    path: &FieldPath<'_>,
) -> Errors {
    let mut errors = Errors::new();
    if let Some(value) = annotations.get(MIRROR)
        && spec.node_name.as_deref().unwrap_or_default().is_empty()
    {
        let detail = "must set spec.nodeName if mirror pod annotation is set";
        errors.push(FieldError::invalid(&path.key(MIRROR), value.as_str(), detail));
    }
    if let Some(text) = annotations.get(TOLERATIONS).filter(|text| !text.is_empty()) {
        match parse_tolerations(text) {
            Ok(list) => errors.extend(tolerations(&list, options, &path.child(TOLERATIONS))),
            Err(error) => errors.push(FieldError::invalid(path, TOLERATIONS, error.to_string())),
        }
    }
    if !options.invalid_deletion_cost && !deletion_cost_is_valid(annotations) {
        let value = annotations.get(DELETION_COST).map_or("", String::as_str);
        errors.push(FieldError::invalid(&path.key(DELETION_COST), value, "must be a 32bit integer"));
    }
    if let Some(profile) = annotations.get(SECCOMP_POD) {
        errors.extend(seccomp(profile, &path.child(SECCOMP_POD)));
    }
    for (key, profile) in annotations.iter().filter(|(key, _)| key.starts_with(SECCOMP_CONTAINER)) {
        errors.extend(seccomp(profile, &path.child(key)));
    }
    for (key, profile) in annotations {
        let Some(name) = key.strip_prefix(APP_ARMOR) else { continue };
        if !visit::containers(spec).any(|container| container.name == name) {
            errors.push(FieldError::invalid(&path.key(key), name, "container not found"));
        }
        let is_known = matches!(profile.as_str(), "" | RUNTIME_DEFAULT | UNCONFINED) || profile.starts_with(LOCALHOST);
        if !is_known {
            let detail = format!("invalid AppArmor profile name: {}", quote(profile));
            errors.push(FieldError::invalid(&path.key(key), profile.as_str(), detail));
        }
    }
    errors
}

/// Upstream reads these into a struct of its own, and so doesn't mind the case of the fields' names.
fn parse_tolerations(text: &str) -> Result<Vec<Toleration>, serde_json::Error> {
    let fields = ["key", "operator", "value", "effect", "tolerationSeconds"];
    let known = |name: String| fields.into_iter().find(|known| known.eq_ignore_ascii_case(&name)).map(str::to_owned);
    let list: Option<Vec<Map<String, Value>>> = serde_json::from_str(text)?;
    let list = list.unwrap_or_default().into_iter().map(|one| {
        let fields: Map<String, Value> =
            one.into_iter().filter_map(|(name, value)| Some((known(name)?, value))).collect();
        Toleration::deserialize(Value::Object(fields))
    });
    list.collect()
}

fn seccomp(profile: &str, path: &FieldPath<'_>) -> Errors {
    if matches!(profile, RUNTIME_DEFAULT | DOCKER_DEFAULT | UNCONFINED) {
        return Errors::new();
    }
    match profile.strip_prefix(LOCALHOST) {
        Some(file) => local_descending_path(file, path),
        None => vec![FieldError::invalid(path, profile, "must be a valid seccomp profile")],
    }
}

/// Whether the deletion cost, if there is one, is a number of 32 bits without superfluous signs and zeros.
pub(super) fn deletion_cost_is_valid(annotations: &Annotations) -> bool {
    annotations.get(DELETION_COST).is_none_or(|cost| {
        let begins_well = cost == "0" || cost.starts_with(|c: char| c == '-' || matches!(c, '1'..='9'));
        begins_well && cost.parse::<i32>().is_ok()
    })
}

/// What an update may not do to a pod's annotations, and the rules for all of them.
pub(super) fn annotations_update(
    new: &Annotations,
    old: &Annotations,
    spec: &PodSpec,
    options: &Options,
    path: &FieldPath<'_>,
) -> Errors {
    let mut errors = Errors::new();
    for (key, value) in old {
        if new.get(key) == Some(value) {
            continue;
        }
        if key.starts_with(APP_ARMOR) {
            errors.push(FieldError::forbidden(&path.key(key), "may not remove or update AppArmor annotations"));
        }
        if key == MIRROR {
            errors.push(FieldError::forbidden(&path.key(key), "may not remove or update mirror pod annotation"));
        }
    }
    for key in new.keys().filter(|key| !old.contains_key(*key)) {
        if key.starts_with(APP_ARMOR) {
            errors.push(FieldError::forbidden(&path.key(key), "may not add AppArmor annotations"));
        }
        if key == MIRROR {
            errors.push(FieldError::forbidden(&path.key(key), "may not add mirror pod annotation"));
        }
    }
    errors.extend(annotations(new, spec, options, path));
    errors
}
