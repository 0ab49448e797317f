//! Pods and templates: what is checked on create, and what every update checks again.

use std::borrow::Cow;

use k8s_openapi::api::core::v1::{Container, Pod, PodSpec, PodTemplateSpec};

use super::annotation::{Annotations, annotations};
use super::container::containers_only_for_pod;
use super::options::Options;
use super::pod_security::{app_armor_agrees, seccomp_agrees};
use super::spec::pod_spec;
use crate::validation::label::labels;
use crate::validation::meta::{self, name_is_dns_subdomain, non_negative, object_meta};
use crate::validation::{Errors, FieldError, FieldPath};

/// What stands where there is none: upstream validates values, not pointers.
pub(super) fn or_default<T: Clone + Default>(value: Option<&T>) -> Cow<'_, T> {
    value.map_or_else(|| Cow::Owned(T::default()), Cow::Borrowed)
}

/// A new pod.
pub(crate) fn create(pod: &Pod) -> Errors {
    let spec = or_default(pod.spec.as_ref());
    let mut errors = metadata_and_spec(pod, &spec, &Options::for_pod(None));
    let path = FieldPath::new("spec");
    if spec.ephemeral_containers.as_ref().is_some_and(|list| !list.is_empty()) {
        errors.push(FieldError::forbidden(&path.child("ephemeralContainers"), "cannot be set on create"));
    }
    let is_gated = spec.scheduling_gates.as_ref().is_some_and(|gates| !gates.is_empty());
    if is_gated && spec.node_name.as_ref().is_some_and(|node| !node.is_empty()) {
        let detail = "cannot be set until all schedulingGates have been cleared";
        errors.push(FieldError::forbidden(&path.child("nodeName"), detail));
    }
    errors.extend(agreement(&or_default(pod.metadata.annotations.as_ref()), &spec, &path));
    errors
}

/// Fields and the annotations that came before them must say the same.
fn agreement(annotations: &Annotations, spec: &PodSpec, path: &FieldPath<'_>) -> Errors {
    let mut errors = seccomp_agrees(annotations, spec, path);
    errors.extend(app_armor_agrees(annotations, spec, path));
    errors
}

/// What holds for a pod at any time.
pub(super) fn metadata_and_spec(pod: &Pod, spec: &PodSpec, options: &Options) -> Errors {
    let path = FieldPath::new("metadata");
    let mut errors = object_meta(&pod.metadata, true, name_is_dns_subdomain, &path);
    let all = or_default(pod.metadata.annotations.as_ref());
    errors.extend(annotations(&all, spec, options, &path.child("annotations")));
    let path = FieldPath::new("spec");
    errors.extend(pod_spec(spec, Some(&pod.metadata), options, &path));
    if spec.service_account_name.as_deref().unwrap_or_default().is_empty() {
        errors.extend(tokens_without_account(spec, &path));
    }
    if let Some(seconds) = spec.termination_grace_period_seconds {
        errors.extend(non_negative(seconds, &path.child("terminationGracePeriodSeconds")));
    }
    errors.extend(containers_only_for_pod(&spec.containers, &path.child("containers")));
    let init: &[Container] = spec.init_containers.as_deref().unwrap_or_default();
    errors.extend(containers_only_for_pod(init, &path.child("initContainers")));
    errors
}

fn tokens_without_account(spec: &PodSpec, path: &FieldPath<'_>) -> Errors {
    let mut errors = Errors::new();
    let volumes = path.child("volumes");
    for (index, volume) in spec.volumes.iter().flatten().enumerate() {
        let at = volumes.index(index);
        let at = at.child("projected");
        let at = at.child("sources");
        let sources = volume.projected.iter().flat_map(|projected| projected.sources.iter().flatten());
        for (index, _) in sources.enumerate().filter(|(_, source)| source.service_account_token.is_some()) {
            let at = at.index(index);
            let detail = "must not be specified when serviceAccountName is not set";
            errors.push(FieldError::forbidden(&at.child("serviceAccountToken"), detail));
        }
    }
    errors
}

/// A template of pods, wherever it stands.
pub(crate) fn template(template: &PodTemplateSpec, options: &Options, path: &FieldPath<'_>) -> Errors {
    let metadata = or_default(template.metadata.as_ref());
    let spec = or_default(template.spec.as_ref());
    let all = or_default(metadata.annotations.as_ref());
    let mut errors = Errors::new();
    if let Some(map) = &metadata.labels {
        errors.extend(labels(map, &path.child("labels")));
    }
    let at = path.child("annotations");
    errors.extend(meta::annotations(&all, &at));
    errors.extend(annotations(&all, &spec, options, &at));
    let at = path.child("spec");
    errors.extend(pod_spec(&spec, None, options, &at));
    errors.extend(agreement(&all, &spec, &at));
    if spec.ephemeral_containers.as_ref().is_some_and(|list| !list.is_empty()) {
        let detail = "ephemeral containers not allowed in pod template";
        errors.push(FieldError::forbidden(&at.child("ephemeralContainers"), detail));
    }
    errors
}
