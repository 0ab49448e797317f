//! Templates of pods, for the kinds that hold one.

use k8s_openapi::api::core::v1::PodTemplateSpec;
use serde_json::Value;

use super::validation::options::Options;
use super::validation::pod;
use super::warning;
use super::{defaulting, disabled};
use crate::validation::{Errors, FieldPath};

/// Fills in a template's code defaults. Idempotent; nothing happens where it isn't an object.
pub(crate) fn default(template: &mut Value) {
    if let Some(spec) = template.get_mut("spec") {
        defaulting::pod_spec(spec);
    }
}

/// Drops fields whose feature gates are off, unless the old template has them. `old` is `None` on create.
pub(crate) fn drop_disabled(template: &mut Value, old: Option<&Value>) {
    disabled::drop_from_template(template, old);
}

/// All that is wrong with a template at `path`; `old` is the one that it replaces. What a kind asks of its template
/// beyond that (labels that its selector matches, a restart policy) is the kind's matter.
pub(crate) fn validate(template: &PodTemplateSpec, old: Option<&PodTemplateSpec>, path: &FieldPath<'_>) -> Errors {
    pod::template(template, &Options::for_template(old), path)
}

/// What the client is warned of, for a template at `path`. Upstream looks at the new template alone.
pub(crate) fn warnings(
    template: &PodTemplateSpec,
    _old: Option<&PodTemplateSpec>,
    path: &FieldPath<'_>,
) -> Vec<String> {
    let (Some(spec), metadata) = (&template.spec, template.metadata.as_ref()) else { return Vec::new() };
    let annotations = metadata.and_then(|metadata| metadata.annotations.as_ref());
    warning::warnings(spec, annotations, Some(path))
}
