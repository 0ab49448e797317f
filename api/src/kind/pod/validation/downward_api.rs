//! What a pod may read of itself: fields of its object and resources of its containers, as variables and as files.

use k8s_openapi::api::core::v1::{
    DownwardAPIVolumeFile, DownwardAPIVolumeSource, ObjectFieldSelector, ResourceFieldSelector,
};

use super::local_path::local_non_reserved_path;
use super::message::{qualified_name, required};
use super::resource::parsed;
use super::volume_file::{file_mode, user};
use crate::validation::{Errors, FieldError, FieldPath};

/// The fields that a variable may show, in the order of the sentence.
pub(super) const ENV_FIELDS: [&str; 9] = [
    "metadata.name",
    "metadata.namespace",
    "metadata.uid",
    "spec.nodeName",
    "spec.serviceAccountName",
    "status.hostIP",
    "status.hostIPs",
    "status.podIP",
    "status.podIPs",
];

/// The fields that a file may show, in the order of the sentence.
const VOLUME_FIELDS: [&str; 5] =
    ["metadata.annotations", "metadata.labels", "metadata.name", "metadata.namespace", "metadata.uid"];

/// The fields that have a name at all.
const KNOWN_FIELDS: [&str; 14] = [
    "metadata.annotations",
    "metadata.labels",
    "metadata.name",
    "metadata.namespace",
    "metadata.uid",
    "spec.nodeName",
    "spec.restartPolicy",
    "spec.serviceAccountName",
    "spec.schedulerName",
    "status.phase",
    "status.hostIP",
    "status.hostIPs",
    "status.podIP",
    "status.podIPs",
];

const RESOURCE_FIELDS: [&str; 6] = [
    "limits.cpu",
    "limits.ephemeral-storage",
    "limits.memory",
    "requests.cpu",
    "requests.ephemeral-storage",
    "requests.memory",
];

const HUGE_PAGES: [&str; 2] = ["limits.hugepages-", "requests.hugepages-"];
const CPU_DIVISORS: [&str; 2] = ["1m", "1"];
const SIZE_DIVISORS: [&str; 13] = ["1", "1k", "1M", "1G", "1T", "1P", "1E", "1Ki", "1Mi", "1Gi", "1Ti", "1Pi", "1Ei"];

/// A volume of such files.
pub(super) fn volume(source: &DownwardAPIVolumeSource, path: &FieldPath<'_>) -> Errors {
    let mut errors = Errors::new();
    errors.extend(file_mode(source.default_mode, &path.child("defaultMode")));
    errors.extend(user(source.default_user, &path.child("defaultUser")));
    // Upstream's paths don't tell the files apart.
    errors.extend(source.items.iter().flatten().flat_map(|item| file(item, path)));
    errors
}

/// One such file; `path` is the volume's.
pub(super) fn file(file: &DownwardAPIVolumeFile, path: &FieldPath<'_>) -> Errors {
    let mut errors = Errors::new();
    errors.extend(required(&file.path, &path.child("path")));
    errors.extend(local_non_reserved_path(&file.path, &path.child("path")));
    if let Some(field) = &file.field_ref {
        errors.extend(object_field(field, &VOLUME_FIELDS, &path.child("fieldRef")));
        if file.resource_field_ref.is_some() {
            let detail = "fieldRef and resourceFieldRef can not be specified simultaneously";
            errors.push(FieldError::invalid(path, "resource", detail));
        }
    } else if let Some(resource) = &file.resource_field_ref {
        errors.extend(resource_field(resource, true, &path.child("resourceFieldRef")));
    } else {
        errors.push(FieldError::required(path, "one of fieldRef and resourceFieldRef is required"));
    }
    errors.extend(file_mode(file.mode, &path.child("mode")));
    errors.extend(user(file.user, &path.child("user")));
    errors
}

/// A field of the pod: one of `fields`, or a single label or annotation.
pub(super) fn object_field(selector: &ObjectFieldSelector, fields: &[&str], path: &FieldPath<'_>) -> Errors {
    let version = selector.api_version.as_deref().unwrap_or_default();
    let missing = required(version, &path.child("apiVersion"));
    if let Some(missing) = missing.or_else(|| required(&selector.field_path, &path.child("fieldPath"))) {
        return vec![missing];
    }
    let field_path = path.child("fieldPath");
    let field = selector.field_path.as_str();
    let unknown =
        |reason: String| vec![FieldError::invalid(&field_path, field, format!("error converting fieldPath: {reason}"))];
    if version != "v1" {
        return unknown(format!("unsupported pod version: {version}"));
    }
    match split_subscript(field) {
        Some(("metadata.annotations", subscript)) => qualified_name(&subscript.to_lowercase(), path),
        Some(("metadata.labels", subscript)) => qualified_name(subscript, path),
        Some(_) => unknown(format!("field label does not support subscript: {field}")),
        None => {
            // An old client's word for it.
            let field = if field == "spec.host" { "spec.nodeName" } else { field };
            if !KNOWN_FIELDS.contains(&field) {
                unknown(format!("field label not supported: {field}"))
            } else if fields.contains(&field) {
                Errors::new()
            } else {
                vec![FieldError::not_supported(&field_path, field, fields)]
            }
        }
    }
}

/// `metadata.labels['a/b']` is `metadata.labels` and `a/b`.
fn split_subscript(field: &str) -> Option<(&str, &str)> {
    field.strip_suffix("']")?.split_once("['").filter(|(path, _)| !path.is_empty())
}

/// A resource of a container; a file has to say which container's.
pub(super) fn resource_field(selector: &ResourceFieldSelector, names_container: bool, path: &FieldPath<'_>) -> Errors {
    let resource = selector.resource.as_str();
    let mut errors = Errors::new();
    if names_container && selector.container_name.as_deref().unwrap_or_default().is_empty() {
        errors.push(FieldError::required(&path.child("containerName"), ""));
    } else if resource.is_empty() {
        errors.push(FieldError::required(&path.child("resource"), ""));
    } else if !RESOURCE_FIELDS.contains(&resource) && !is_huge_pages(resource) {
        errors.push(FieldError::not_supported(&path.child("resource"), resource, &RESOURCE_FIELDS));
    }
    errors.extend(divisor(selector, path));
    errors
}

fn is_huge_pages(resource: &str) -> bool {
    HUGE_PAGES.iter().any(|prefix| resource.starts_with(prefix))
}

fn divisor(selector: &ResourceFieldSelector, path: &FieldPath<'_>) -> Option<FieldError> {
    let divisor = parsed(selector.divisor.as_ref()?);
    if divisor.is_zero() {
        return None;
    }
    let resource = selector.resource.as_str();
    let (allowed, noun): (&[&str], &str) = match resource {
        "limits.cpu" | "requests.cpu" => (&CPU_DIVISORS, "cpu resource"),
        "limits.memory" | "requests.memory" => (&SIZE_DIVISORS, "memory resource"),
        "limits.ephemeral-storage" | "requests.ephemeral-storage" => {
            (&SIZE_DIVISORS, "local ephemeral storage resource")
        }
        _ if is_huge_pages(resource) => (&SIZE_DIVISORS, "hugepages resource"),
        _ => return None,
    };
    if allowed.contains(&divisor.to_string().as_str()) {
        return None;
    }
    let values = if noun == "cpu resource" { allowed.join(" and ") } else { allowed.join(", ") };
    let detail = format!("only divisor's values {values} are supported with the {noun}");
    Some(FieldError::invalid(&path.child("divisor"), resource, detail))
}
