//! What an update may change: of a pod itself, and of its ephemeral containers.
//!
//! Trees and typed views both: the rules read the views, what may not change at all is compared in the trees, where
//! nothing is lost. Source: upstream's `ValidatePodUpdate`, `ValidatePodEphemeralContainersUpdate`.

use k8s_openapi::api::core::v1::{Container, NodeSelectorTerm, Pod, PodSchedulingGate, PodSpec, Toleration};
use serde_json::{Map, Value, json};

use super::super::access::{list, put_back, text};
use super::super::difference::unified;
use super::super::equality::equal;
use super::super::internal_form;
use super::annotation::{MIRROR, annotations_update};
use super::options::Options;
use super::pod::{metadata_and_spec, or_default};
use super::toleration::tolerations;
use crate::go::quote;
use crate::validation::meta::object_meta_update;
use crate::validation::name::inclusive_range_error;
use crate::validation::{Errors, FieldError, FieldPath};

const MAY_CHANGE: &str = concat!(
    "pod updates may not change fields other than `spec.containers[*].image`,`spec.initContainers[*].image`,",
    "`spec.activeDeadlineSeconds`,`spec.tolerations` (only additions to existing tolerations),",
    "`spec.terminationGracePeriodSeconds` (allow it to be set to 1 if it was previously negative)"
);

/// A pod before and after a change, as typed views and as trees.
#[derive(Clone, Copy)]
pub(crate) struct Change<'a> {
    /// The new pod.
    pub(crate) new: &'a Pod,
    /// The old pod.
    pub(crate) old: &'a Pod,
    /// The new pod's tree.
    pub(crate) tree: &'a Value,
    /// The old pod's tree.
    pub(crate) old_tree: &'a Value,
}

/// What every change of a pod is held to.
pub(super) fn common(change: Change<'_>, options: &Options) -> Errors {
    let path = FieldPath::new("metadata");
    let mut errors = object_meta_update(&change.new.metadata, &change.old.metadata, &path);
    errors.extend(metadata_and_spec(change.new, &or_default(change.new.spec.as_ref()), options));
    errors
}

/// The rules of annotations for a change.
pub(super) fn annotation_changes(change: Change<'_>, options: &Options) -> Errors {
    let path = FieldPath::new("metadata");
    annotations_update(
        &or_default(change.new.metadata.annotations.as_ref()),
        &or_default(change.old.metadata.annotations.as_ref()),
        &or_default(change.new.spec.as_ref()),
        options,
        &path.child("annotations"),
    )
}

/// An update of the pod itself.
pub(crate) fn update(change: Change<'_>) -> Errors {
    let options = Options::for_pod(Some(change.old));
    let mut errors = common(change, &options);
    errors.extend(annotation_changes(change, &options));
    let new = or_default(change.new.spec.as_ref());
    let old = or_default(change.old.spec.as_ref());
    let path = FieldPath::new("spec");
    let lists: [(&str, &[Container], &[Container]); 2] = [
        ("containers", &new.containers, &old.containers),
        (
            "initContainers",
            new.init_containers.as_deref().unwrap_or_default(),
            old.init_containers.as_deref().unwrap_or_default(),
        ),
    ];
    for (name, new, old) in lists {
        let at = path.child(name);
        if new.len() != old.len() {
            errors.push(FieldError::forbidden(&at, "pod updates may not add or remove containers"));
            return errors;
        }
        errors.extend(images(new, &at));
    }
    if !deadline(&new, &old, &path, &mut errors) {
        return errors;
    }
    let added = new.tolerations.as_deref().unwrap_or_default();
    let had = old.tolerations.as_deref().unwrap_or_default();
    errors.extend(only_added_tolerations(added, had, &options, &path.child("tolerations")));
    errors.extend(only_deleted_gates(
        new.scheduling_gates.as_deref().unwrap_or_default(),
        old.scheduling_gates.as_deref().unwrap_or_default(),
        &path.child("schedulingGates"),
    ));
    errors.extend(immutable_rest(change, &path));
    errors
}

fn images(containers: &[Container], path: &FieldPath<'_>) -> Errors {
    let mut errors = Errors::new();
    for (index, container) in containers.iter().enumerate() {
        let at = path.index(index);
        let at = at.child("image");
        let image = container.image.as_deref().unwrap_or_default();
        if image.is_empty() {
            errors.push(FieldError::required(&at, ""));
        }
        if image.trim().len() != image.len() {
            errors.push(FieldError::invalid(&at, image, "must not have leading or trailing whitespace"));
        }
    }
    errors
}

/// Whether validation goes on.
fn deadline(new: &PodSpec, old: &PodSpec, path: &FieldPath<'_>, errors: &mut Errors) -> bool {
    let path = path.child("activeDeadlineSeconds");
    match (new.active_deadline_seconds, old.active_deadline_seconds) {
        (Some(new), _) if !(0..=i64::from(i32::MAX)).contains(&new) => {
            errors.push(FieldError::invalid(&path, new, inclusive_range_error(0, i64::from(i32::MAX))));
            false
        }
        (Some(new), Some(old)) if old < new => {
            errors.push(FieldError::invalid(&path, new, "must be less than or equal to previous value"));
            false
        }
        (None, Some(_)) => {
            let detail = "must not update from a positive integer to nil value";
            errors.push(FieldError::invalid(&path, Value::Null, detail));
            true
        }
        _ => true,
    }
}

fn only_added_tolerations(new: &[Toleration], old: &[Toleration], options: &Options, path: &FieldPath<'_>) -> Errors {
    let same = |a: &Toleration, b: &Toleration| {
        (&a.key, &a.operator, &a.value, &a.effect) == (&b.key, &b.operator, &b.value, &b.effect)
    };
    if old.iter().all(|old| new.iter().any(|new| same(new, old))) {
        return tolerations(new, options, path);
    }
    vec![FieldError::forbidden(path, "existing toleration can not be modified except its tolerationSeconds")]
}

fn only_deleted_gates(new: &[PodSchedulingGate], old: &[PodSchedulingGate], path: &FieldPath<'_>) -> Errors {
    let mut errors = Errors::new();
    for (index, gate) in new.iter().enumerate() {
        let is_repeated = new[index + 1..].iter().any(|other| other.name == gate.name);
        if !is_repeated && !old.iter().any(|old| old.name == gate.name) {
            let at = path.index(index);
            let detail = format!("only deletion is allowed, but found new scheduling gate '{}'", gate.name);
            errors.push(FieldError::forbidden(&at.child("name"), detail));
        }
    }
    errors
}

/// Puts back what may change, and compares the rest.
fn immutable_rest(change: Change<'_>, path: &FieldPath<'_>) -> Errors {
    let (Some(Value::Object(new)), Some(old)) = (change.tree.get("spec"), change.old_tree.get("spec")) else {
        return Errors::new();
    };
    let mut errors = Errors::new();
    let mut rest = new.clone();
    for name in ["containers", "initContainers"] {
        let containers = rest.get_mut(name).and_then(Value::as_array_mut).into_iter().flatten();
        for (container, old) in containers.zip(list(old, name)) {
            if let Some(container) = container.as_object_mut() {
                put_back(container, old, "image");
            }
        }
    }
    for name in ["activeDeadlineSeconds", "schedulingGates", "tolerations"] {
        put_back(&mut rest, old, name);
    }
    const GRACE: &str = "terminationGracePeriodSeconds";
    if old.get(GRACE).and_then(Value::as_i64).is_some_and(|seconds| seconds < 0)
        && rest.get(GRACE).and_then(Value::as_i64) == Some(1)
    {
        put_back(&mut rest, old, GRACE);
    }
    if !list(old, "schedulingGates").is_empty() {
        errors.extend(node_selector(&mut rest, old, &path.child("nodeSelector")));
        errors.extend(node_affinity(&mut rest, old, change, path));
    }
    let rest = Value::Object(rest);
    if !equal(Some(&rest), Some(old)) {
        let difference = unified(&internal_form::text(old, "PodSpec"), &internal_form::text(&rest, "PodSpec"));
        errors.push(FieldError::forbidden(path, format!("{MAY_CHANGE}\n{difference}")));
    }
    errors
}

/// A gated pod may get more node selectors.
fn node_selector(rest: &mut Map<String, Value>, old: &Value, path: &FieldPath<'_>) -> Option<FieldError> {
    let none = Map::new();
    let new_one = rest.get("nodeSelector").and_then(Value::as_object).unwrap_or(&none);
    let old_one = old.get("nodeSelector").and_then(Value::as_object).unwrap_or(&none);
    let error = old_one.iter().any(|(key, value)| new_one.get(key) != Some(value)).then(|| {
        let mut sorted = new_one.clone();
        sorted.sort_keys();
        let value = if sorted.is_empty() { Value::Null } else { Value::Object(sorted) };
        FieldError::invalid(path, value, "only additions to spec.nodeSelector are allowed (no mutations or deletions)")
    });
    put_back(rest, old, "nodeSelector");
    error
}

/// A gated pod's required node affinity may become stricter.
fn node_affinity(rest: &mut Map<String, Value>, old: &Value, change: Change<'_>, path: &FieldPath<'_>) -> Errors {
    let of = |value: Option<&Value>| value.and_then(|value| value.get("nodeAffinity")).cloned();
    let old_one = of(old.get("affinity"));
    let new_one = of(rest.get("affinity"));
    if equal(old_one.as_ref(), new_one.as_ref()) {
        return Errors::new();
    }
    let path = path.child("affinity");
    let errors = node_affinity_change(change, &path.child("nodeAffinity"));
    match (rest.get_mut("affinity").and_then(Value::as_object_mut), old_one) {
        (None, None) => {}
        (None, Some(old_one)) => {
            rest.insert("affinity".to_owned(), json!({"nodeAffinity": old_one}));
        }
        (Some(affinity), old_one) => {
            let has_others = ["podAffinity", "podAntiAffinity"].iter().any(|name| affinity.contains_key(*name));
            if old.get("affinity").is_none() && !has_others {
                rest.shift_remove("affinity");
            } else if let Some(old_one) = old_one {
                affinity.insert("nodeAffinity".to_owned(), old_one);
            } else {
                affinity.shift_remove("nodeAffinity");
            }
        }
    }
    errors
}

fn node_affinity_change(change: Change<'_>, path: &FieldPath<'_>) -> Errors {
    let terms = |pod: &Pod| -> Option<Vec<NodeSelectorTerm>> {
        let affinity = pod.spec.as_ref()?.affinity.as_ref()?.node_affinity.as_ref()?;
        Some(affinity.required_during_scheduling_ignored_during_execution.as_ref()?.node_selector_terms.clone())
    };
    let Some(old) = terms(change.old) else { return Errors::new() };
    let new = terms(change.new).unwrap_or_default();
    let shown = |term: &NodeSelectorTerm| {
        internal_form::internal(&serde_json::to_value(term).unwrap_or(Value::Null), "NodeSelectorTerm")
    };
    let path = path.child("requiredDuringSchedulingIgnoredDuringExecution");
    let path = path.child("nodeSelectorTerms");
    if !old.is_empty() && old.len() != new.len() {
        let value = if new.is_empty() { Value::Null } else { new.iter().map(shown).collect() };
        let detail = "no additions/deletions to non-empty NodeSelectorTerms list are allowed";
        return vec![FieldError::invalid(&path, value, detail)];
    }
    let mut errors = Errors::new();
    for (index, (new, old)) in new.iter().zip(&old).enumerate() {
        if !only_adds(new, old) {
            let detail = "only additions are allowed (no mutations or deletions)";
            errors.push(FieldError::invalid(&path.index(index), shown(new), detail));
        }
    }
    errors
}

fn only_adds(new: &NodeSelectorTerm, old: &NodeSelectorTerm) -> bool {
    let (new_expressions, old_expressions) =
        (new.match_expressions.as_deref().unwrap_or_default(), old.match_expressions.as_deref().unwrap_or_default());
    let (new_fields, old_fields) =
        (new.match_fields.as_deref().unwrap_or_default(), old.match_fields.as_deref().unwrap_or_default());
    // An empty term matches nothing; adding to it would let the pod match more.
    if old_expressions.is_empty() && old_fields.is_empty() {
        return new_expressions.is_empty() && new_fields.is_empty();
    }
    new_expressions.starts_with(old_expressions) && new_fields.starts_with(old_fields)
}

/// An update of `ephemeralcontainers`: they may only be added.
pub(crate) fn ephemeral_containers_update(change: Change<'_>) -> Errors {
    let options = Options::for_pod(Some(change.old));
    let mut errors = common(change, &options);
    errors.extend(annotation_changes(change, &options));
    if change.old.metadata.annotations.as_ref().is_some_and(|annotations| annotations.contains_key(MIRROR)) {
        return vec![FieldError::forbidden(&FieldPath::new(""), "static pods do not support ephemeral containers")];
    }
    let path = FieldPath::new("spec");
    let path = path.child("ephemeralContainers");
    let of =
        |pod: &'_ Value| pod.get("spec").map(|spec| list(spec, "ephemeralContainers").to_vec()).unwrap_or_default();
    let new = of(change.tree);
    for old in of(change.old_tree) {
        let name = text(&old, "name");
        let Some(new) = new.iter().rev().find(|new| text(new, "name") == name) else {
            let detail = format!("existing ephemeral containers {} may not be removed\n", quote(name));
            errors.push(FieldError::forbidden(&path, detail));
            continue;
        };
        if !equal(Some(&old), Some(new)) {
            const FORM: &str = "EphemeralContainer";
            let difference = unified(&internal_form::text(&old, FORM), &internal_form::text(new, FORM));
            let detail = format!("existing ephemeral containers {} may not be changed\n{difference}", quote(name));
            errors.push(FieldError::forbidden(&path, detail));
        }
    }
    errors
}
