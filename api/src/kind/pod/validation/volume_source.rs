//! Volume sources of the cluster itself: directories, objects, claims, images and drivers.

use k8s_openapi::api::core::v1::{
    CSIVolumeSource, ConfigMapVolumeSource, EmptyDirVolumeSource, EphemeralVolumeSource, FlexVolumeSource,
    GitRepoVolumeSource, HostPathVolumeSource, ImageVolumeSource, PersistentVolumeClaimVolumeSource,
    SecretVolumeSource,
};

use super::claim_spec::claim_template;
use super::container::pull_policy;
use super::leniency::Leniency;
use super::local_path::{local_descending_path, no_backsteps};
use super::message::{each_invalid, required};
use super::resource::parsed;
use super::volume_file::{file_mode, keys_to_paths, user};
use crate::validation::meta::name_is_dns_subdomain;
use crate::validation::name::is_dns1123_subdomain;
use crate::validation::{Errors, FieldError, FieldPath};

const HOST_PATH_TYPES: [&str; 8] =
    ["", "BlockDevice", "CharDevice", "Directory", "DirectoryOrCreate", "File", "FileOrCreate", "Socket"];

pub(super) fn empty_dir(source: &EmptyDirVolumeSource, path: &FieldPath<'_>) -> Errors {
    let mut errors = Errors::new();
    if source.size_limit.as_ref().is_some_and(|limit| parsed(limit).is_negative()) {
        let detail = "SizeLimit field must be a valid resource quantity";
        errors.push(FieldError::forbidden(&path.child("sizeLimit"), detail));
    }
    if let Some(mode) = source.mode.filter(|mode| !(0..=0o1777).contains(mode)) {
        let detail = "must be a number between 0 and 01777 (octal), both inclusive";
        errors.push(FieldError::invalid(&path.child("mode"), mode, detail));
    }
    errors
}

pub(super) fn host_path(source: &HostPathVolumeSource, path: &FieldPath<'_>) -> Errors {
    if let Some(missing) = required(&source.path, &path.child("path")) {
        return vec![missing];
    }
    let mut errors = no_backsteps(&source.path, &path.child("path"));
    if let Some(kind) = source.type_.as_deref().filter(|kind| !HOST_PATH_TYPES.contains(kind)) {
        errors.push(FieldError::not_supported(&path.child("type"), kind, &HOST_PATH_TYPES));
    }
    errors
}

pub(super) fn git_repo(source: &GitRepoVolumeSource, path: &FieldPath<'_>) -> Errors {
    let mut errors = Errors::new();
    errors.extend(required(&source.repository, &path.child("repository")));
    let directory = source.directory.as_deref().unwrap_or_default();
    errors.extend(local_descending_path(directory, &path.child("directory")));
    errors
}

pub(super) fn secret(source: &SecretVolumeSource, path: &FieldPath<'_>) -> Errors {
    let mut errors = Errors::new();
    errors.extend(required(source.secret_name.as_deref().unwrap_or_default(), &path.child("secretName")));
    errors.extend(file_mode(source.default_mode, &path.child("defaultMode")));
    errors.extend(user(source.default_user, &path.child("defaultUser")));
    errors.extend(keys_to_paths(source.items.as_deref().unwrap_or_default(), &path.child("items")));
    errors
}

pub(super) fn config_map(source: &ConfigMapVolumeSource, path: &FieldPath<'_>) -> Errors {
    let mut errors = Errors::new();
    errors.extend(required(&source.name, &path.child("name")));
    errors.extend(file_mode(source.default_mode, &path.child("defaultMode")));
    errors.extend(user(source.default_user, &path.child("defaultUser")));
    errors.extend(keys_to_paths(source.items.as_deref().unwrap_or_default(), &path.child("items")));
    errors
}

pub(super) fn persistent_volume_claim(source: &PersistentVolumeClaimVolumeSource, path: &FieldPath<'_>) -> Errors {
    required(&source.claim_name, &path.child("claimName")).into_iter().collect()
}

pub(super) fn flex_volume(source: &FlexVolumeSource, path: &FieldPath<'_>) -> Errors {
    let mut errors = Errors::new();
    errors.extend(required(&source.driver, &path.child("driver")));
    for option in source.options.iter().flatten().map(|(option, _)| option.as_str()) {
        let namespace = option.split_once('/').map_or(option, |(namespace, _)| namespace);
        let normal = format!(".{}", namespace.to_lowercase());
        if normal.ends_with(".kubernetes.io") || normal.ends_with(".k8s.io") {
            let detail = "kubernetes.io and k8s.io namespaces are reserved";
            errors.push(FieldError::invalid(&path.child("options").key(option), option, detail));
        }
    }
    errors
}

/// The longest name of a CSI driver, in bytes.
const MAX_DRIVER_NAME: usize = 63;

pub(super) fn csi(source: &CSIVolumeSource, path: &FieldPath<'_>) -> Errors {
    let mut errors = csi_driver_name(&source.driver, &path.child("driver"));
    if let Some(secret) = &source.node_publish_secret_ref {
        if secret.name.is_empty() {
            errors.push(FieldError::required(&path.child("nodePublishSecretRef").child("name"), ""));
        } else {
            let messages = name_is_dns_subdomain(&secret.name, false);
            errors.extend(each_invalid(&path.child("name"), secret.name.as_str(), messages));
        }
    }
    errors
}

/// The name of a CSI driver: a DNS subdomain, capitals allowed.
pub(crate) fn csi_driver_name(name: &str, path: &FieldPath<'_>) -> Errors {
    if let Some(missing) = required(name, path) {
        return vec![missing];
    }
    let mut errors = Errors::new();
    if name.len() > MAX_DRIVER_NAME {
        errors.push(FieldError::too_long(path, MAX_DRIVER_NAME));
    }
    errors.extend(each_invalid(path, name, is_dns1123_subdomain(&name.to_lowercase())));
    errors
}

pub(super) fn ephemeral(source: &EphemeralVolumeSource, path: &FieldPath<'_>) -> Errors {
    let path = path.child("volumeClaimTemplate");
    match &source.volume_claim_template {
        Some(template) => claim_template(template, &path),
        None => vec![FieldError::required(&path, "")],
    }
}

pub(super) fn image(source: &ImageVolumeSource, leniency: Leniency, path: &FieldPath<'_>) -> Errors {
    let mut errors = Errors::new();
    if !leniency.empty_image_reference {
        errors.extend(required(source.reference.as_deref().unwrap_or_default(), &path.child("reference")));
    }
    errors.extend(pull_policy(source.pull_policy.as_deref(), &path.child("pullPolicy")));
    errors
}
