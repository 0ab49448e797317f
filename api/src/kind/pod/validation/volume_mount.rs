//! What a container sees of the pod's volumes: directories it mounts, and block devices.

use std::collections::{BTreeMap, BTreeSet};

use k8s_openapi::api::core::v1::{Container, VolumeDevice, VolumeMount};

use super::context::Volumes;
use super::local_path::{local_descending_path, no_backsteps};
use super::message::required;
use crate::validation::{Errors, FieldError, FieldPath};

const BIDIRECTIONAL: &str = "Bidirectional";
const PROPAGATIONS: [&str; 3] = [BIDIRECTIONAL, "HostToContainer", "None"];
const RECURSIVE_READ_ONLY: [&str; 3] = ["Disabled", "Enabled", "IfPossible"];
const BIND_MOUNT_OPTIONS: [&str; 3] = ["nodev", "noexec", "nosuid"];

/// All that is wrong with the container's mounts.
pub(super) fn volume_mounts(container: &Container, volumes: &Volumes<'_>, path: &FieldPath<'_>) -> Errors {
    let devices: BTreeMap<&str, &str> =
        container.volume_devices.iter().flatten().map(|device| (&*device.name, &*device.device_path)).collect();
    let privileged = container.security_context.as_ref().is_some_and(|context| context.privileged == Some(true));
    let mut taken = BTreeSet::new();
    let mut errors = Errors::new();
    for (at, mount) in container.volume_mounts.iter().flatten().enumerate() {
        let own = path.index(at);
        let (name_path, mount_path) = (own.child("name"), own.child("mountPath"));
        let (name, target) = (mount.name.as_str(), mount.mount_path.as_str());
        errors.extend(required(name, &name_path));
        if !volumes.contains_key(name) {
            errors.push(FieldError::not_found(&name_path, name));
        }
        errors.extend(required(target, &mount_path));
        if !taken.insert(target) {
            errors.push(FieldError::invalid(&mount_path, target, "must be unique"));
        }
        if devices.contains_key(name) {
            errors.push(FieldError::invalid(&name_path, name, "must not already exist in volumeDevices"));
        }
        if devices.values().any(|device| *device == target) {
            let detail = "must not already exist as a path in volumeDevices";
            errors.push(FieldError::invalid(&mount_path, target, detail));
        }
        // From here on upstream names the list where it means one of its elements.
        errors.extend(sub_path(mount, &own, path));
        errors.extend(mount_propagation(mount, privileged, &path.child("mountPropagation")));
        errors.extend(recursive_read_only(mount, &path.child("recursiveReadOnly")));
        let of_image = volumes.get(name).is_some_and(|volume| volume.image.is_some());
        errors.extend(bind_mount_options(mount, of_image, &own.child("bindMountOptions")));
    }
    errors
}

fn sub_path(mount: &VolumeMount, own: &FieldPath<'_>, list: &FieldPath<'_>) -> Errors {
    let sub_path = mount.sub_path.as_deref().unwrap_or_default();
    let expression = mount.sub_path_expr.as_deref().unwrap_or_default();
    let mut errors = Errors::new();
    if !sub_path.is_empty() {
        errors.extend(local_descending_path(sub_path, &list.child("subPath")));
    }
    if !expression.is_empty() {
        if !sub_path.is_empty() {
            let detail = "subPathExpr and subPath are mutually exclusive";
            errors.push(FieldError::invalid(&own.child("subPathExpr"), expression, detail));
        }
        errors.extend(local_descending_path(expression, &list.child("subPathExpr")));
    }
    errors
}

fn mount_propagation(mount: &VolumeMount, privileged: bool, path: &FieldPath<'_>) -> Option<FieldError> {
    let propagation = mount.mount_propagation.as_deref()?;
    if !PROPAGATIONS.contains(&propagation) {
        return Some(FieldError::not_supported(path, propagation, &PROPAGATIONS));
    }
    let detail = "Bidirectional mount propagation is available only to privileged containers";
    (propagation == BIDIRECTIONAL && !privileged).then(|| FieldError::forbidden(path, detail))
}

fn recursive_read_only(mount: &VolumeMount, path: &FieldPath<'_>) -> Errors {
    let mut errors = Errors::new();
    match mount.recursive_read_only.as_deref() {
        None | Some("Disabled") => {}
        Some("Enabled" | "IfPossible") => {
            if mount.read_only != Some(true) {
                errors.push(FieldError::forbidden(path, "may only be specified when readOnly is true"));
            }
            if mount.mount_propagation.as_deref().is_some_and(|propagation| propagation != "None") {
                let detail = "may only be specified when mountPropagation is None or not specified";
                errors.push(FieldError::forbidden(path, detail));
            }
        }
        Some(other) => errors.push(FieldError::not_supported(path, other, &RECURSIVE_READ_ONLY)),
    }
    errors
}

fn bind_mount_options(mount: &VolumeMount, of_image: bool, path: &FieldPath<'_>) -> Errors {
    let options = mount.bind_mount_options.as_deref().unwrap_or_default();
    let mut seen = BTreeSet::new();
    let mut errors = Errors::new();
    for (at, option) in options.iter().map(String::as_str).enumerate() {
        let path = path.index(at);
        if !BIND_MOUNT_OPTIONS.contains(&option) {
            errors.push(FieldError::not_supported(&path, option, &BIND_MOUNT_OPTIONS));
        }
        if !seen.insert(option) {
            errors.push(FieldError::duplicate(&path, option));
        }
    }
    if of_image && !options.is_empty() {
        let detail = "bindMountOptions may not be used with image volumes";
        errors.push(FieldError::invalid(path, options.to_vec(), detail));
    }
    errors
}

/// All that is wrong with the container's block devices.
pub(super) fn volume_devices(container: &Container, volumes: &Volumes<'_>, path: &FieldPath<'_>) -> Errors {
    let devices: &[VolumeDevice] = container.volume_devices.as_deref().unwrap_or_default();
    let mounts: BTreeMap<&str, &str> =
        container.volume_mounts.iter().flatten().map(|mount| (&*mount.name, &*mount.mount_path)).collect();
    let (mut names, mut paths) = (BTreeSet::new(), BTreeSet::new());
    let mut errors = Errors::new();
    for (at, device) in devices.iter().enumerate() {
        let own = path.index(at);
        let (name_path, device_path) = (own.child("name"), own.child("devicePath"));
        let (name, target) = (device.name.as_str(), device.device_path.as_str());
        errors.extend(required(name, &name_path));
        if names.contains(name) {
            errors.push(FieldError::invalid(&name_path, name, "must be unique"));
        }
        match volumes.get(name) {
            None => errors.push(FieldError::not_found(&name_path, name)),
            Some(volume) if volume.persistent_volume_claim.is_none() && volume.ephemeral.is_none() => {
                let detail = "can only use volume source type of PersistentVolumeClaim or Ephemeral for block mode";
                errors.push(FieldError::invalid(&name_path, name, detail));
            }
            Some(_) => {}
        }
        errors.extend(required(target, &device_path));
        if paths.contains(target) {
            errors.push(FieldError::invalid(&device_path, target, "must be unique"));
        }
        if no_backsteps(target, &device_path).is_empty() {
            paths.insert(target);
        } else {
            errors.push(FieldError::invalid(&device_path, target, "can not contain backsteps ('..')"));
        }
        if mounts.contains_key(name) {
            errors.push(FieldError::invalid(&name_path, name, "must not already exist in volumeMounts"));
        }
        if mounts.values().any(|mount| *mount == target) {
            let detail = "must not already exist as a path in volumeMounts";
            errors.push(FieldError::invalid(&device_path, target, detail));
        }
        if !name.is_empty() {
            names.insert(name);
        }
    }
    errors
}
