//! A container's variables: their names, and where their values come from.

use std::collections::BTreeMap;

use k8s_openapi::api::core::v1::{EnvFromSource, EnvVar, EnvVarSource, FileKeySelector, PodSpec, Volume};

use super::downward_api::{ENV_FIELDS, object_field, resource_field};
use super::local_path::no_backsteps;
use super::message::{dns1123_label, each_invalid, required};
use crate::validation::meta::name_is_dns_subdomain;
use crate::validation::name::{is_config_map_key, is_relaxed_env_var_name};
use crate::validation::{Errors, FieldError, FieldPath};

/// All that is wrong with the variables.
pub(super) fn env(variables: &[EnvVar], path: &FieldPath<'_>) -> Errors {
    let mut errors = Errors::new();
    for (at, variable) in variables.iter().enumerate() {
        let path = path.index(at);
        let name_path = path.child("name");
        if variable.name.is_empty() {
            errors.push(FieldError::required(&name_path, ""));
        } else {
            let messages = is_relaxed_env_var_name(&variable.name);
            errors.extend(each_invalid(&name_path, variable.name.as_str(), messages));
        }
        if let Some(source) = &variable.value_from {
            let has_value = variable.value.as_deref().is_some_and(|value| !value.is_empty());
            errors.extend(value_from(source, has_value, &path.child("valueFrom")));
        }
    }
    errors
}

fn value_from(source: &EnvVarSource, has_value: bool, path: &FieldPath<'_>) -> Errors {
    let mut errors = Errors::new();
    let mut sources = 0;
    if let Some(field) = &source.field_ref {
        sources += 1;
        errors.extend(object_field(field, &ENV_FIELDS, &path.child("fieldRef")));
    }
    if let Some(resource) = &source.resource_field_ref {
        sources += 1;
        errors.extend(resource_field(resource, false, &path.child("resourceFieldRef")));
    }
    if let Some(selector) = &source.config_map_key_ref {
        sources += 1;
        errors.extend(key_of_object(&selector.name, &selector.key, &path.child("configMapKeyRef")));
    }
    if let Some(selector) = &source.secret_key_ref {
        sources += 1;
        errors.extend(key_of_object(&selector.name, &selector.key, &path.child("secretKeyRef")));
    }
    if let Some(selector) = &source.file_key_ref {
        sources += 1;
        errors.extend(key_of_file(selector, &path.child("fileKeyRef")));
    }
    let detail = match sources {
        0 => "must specify one of: `fieldRef`, `resourceFieldRef`, `configMapKeyRef`, `secretKeyRef` or `fileKeyRef`",
        _ if has_value => "may not be specified when `value` is not empty",
        1 => return errors,
        _ => "may not have more than one field specified at a time",
    };
    errors.push(FieldError::invalid(path, "", detail));
    errors
}

/// A key of a ConfigMap or a Secret.
fn key_of_object(name: &str, key: &str, path: &FieldPath<'_>) -> Errors {
    let mut errors = each_invalid(&path.child("name"), name, name_is_dns_subdomain(name, false));
    let key_path = path.child("key");
    if key.is_empty() {
        errors.push(FieldError::required(&key_path, ""));
    } else {
        errors.extend(each_invalid(&key_path, key, is_config_map_key(key)));
    }
    errors
}

/// A variable of a file in a volume.
fn key_of_file(selector: &FileKeySelector, path: &FieldPath<'_>) -> Errors {
    let mut errors = Errors::new();
    let (key, volume, file) = (path.child("key"), path.child("volumeName"), path.child("path"));
    if selector.key.is_empty() {
        errors.push(FieldError::required(&key, ""));
    } else {
        errors.extend(each_invalid(&key, selector.key.as_str(), is_relaxed_env_var_name(&selector.key)));
    }
    if selector.volume_name.is_empty() {
        errors.push(FieldError::required(&volume, ""));
    } else {
        errors.extend(dns1123_label(&selector.volume_name, &volume));
    }
    if selector.path.is_empty() {
        errors.push(FieldError::required(&file, ""));
    } else {
        errors.extend(no_backsteps(&selector.path, &file));
    }
    errors
}

/// All that is wrong with the objects all of whose keys become variables.
pub(super) fn env_from(sources: &[EnvFromSource], path: &FieldPath<'_>) -> Errors {
    let mut errors = Errors::new();
    for (at, source) in sources.iter().enumerate() {
        let own = path.index(at);
        let prefix = source.prefix.as_deref().unwrap_or_default();
        if !prefix.is_empty() {
            errors.extend(each_invalid(&own.child("prefix"), prefix, is_relaxed_env_var_name(prefix)));
        }
        if let Some(config_map) = &source.config_map_ref {
            errors.extend(object_name(&config_map.name, &own.child("configMapRef").child("name")));
        }
        if let Some(secret) = &source.secret_ref {
            errors.extend(object_name(&secret.name, &own.child("secretRef").child("name")));
        }
        // Upstream names the list, not the element.
        match (&source.config_map_ref, &source.secret_ref) {
            (None, None) => {
                let detail = "must specify one of: `configMapRef` or `secretRef`";
                errors.push(FieldError::invalid(path, "", detail));
            }
            (Some(_), Some(_)) => {
                let detail = "may not have more than one field specified at a time";
                errors.push(FieldError::invalid(path, "", detail));
            }
            _ => {}
        }
    }
    errors
}

/// The name of an object; upstream looks at it as at the beginning of one.
fn object_name(name: &str, path: &FieldPath<'_>) -> Errors {
    match required(name, path) {
        Some(missing) => vec![missing],
        None => each_invalid(path, name, name_is_dns_subdomain(name, true)),
    }
}

/// The volumes that variables are read from have to be there, and be empty directories at first. `path` is the spec's.
pub(crate) fn file_key_ref_volumes(spec: &PodSpec, path: &FieldPath<'_>) -> Errors {
    let volumes = spec.volumes.iter().flatten().map(|volume| (volume.name.as_str(), volume)).collect();
    let init = spec.init_containers.iter().flatten().map(|container| container.env.as_deref());
    let regular = spec.containers.iter().map(|container| container.env.as_deref());
    let ephemeral = spec.ephemeral_containers.iter().flatten().map(|container| container.env.as_deref());
    let mut errors = file_volumes_of(init, &volumes, &path.child("initContainers"));
    errors.extend(file_volumes_of(regular, &volumes, &path.child("containers")));
    errors.extend(file_volumes_of(ephemeral, &volumes, &path.child("ephemeralContainers")));
    errors
}

fn file_volumes_of<'a>(
    variables: impl Iterator<Item = Option<&'a [EnvVar]>>,
    volumes: &BTreeMap<&str, &Volume>,
    path: &FieldPath<'_>,
) -> Errors {
    let mut errors = Errors::new();
    for (container, variables) in variables.enumerate() {
        for (at, variable) in variables.unwrap_or_default().iter().enumerate() {
            let source = variable.value_from.as_ref().and_then(|source| source.file_key_ref.as_ref());
            let Some(name) = source.map(|source| source.volume_name.as_str()) else { continue };
            let path = path.index(container);
            let path = path.child("env");
            let path = path.index(at);
            let path = path.child("valueFrom");
            let path = path.child("fileKeyRef");
            let path = path.child("volumeName");
            match volumes.get(name) {
                None => errors.push(FieldError::not_found(&path, name)),
                Some(volume) if volume.empty_dir.is_none() => {
                    errors.push(FieldError::invalid(&path, name, "referenced volume must be of type emptyDir"));
                }
                Some(_) => {}
            }
        }
    }
    errors
}
