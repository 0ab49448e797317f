//! Volume sources of clouds and of their disks.

use k8s_openapi::api::core::v1::{
    AWSElasticBlockStoreVolumeSource, AzureDiskVolumeSource, AzureFileVolumeSource, CinderVolumeSource,
    GCEPersistentDiskVolumeSource, PhotonPersistentDiskVolumeSource, PortworxVolumeSource,
    VsphereVirtualDiskVolumeSource,
};

use super::message::required;
use crate::validation::{Errors, FieldError, FieldPath};

const CACHING_MODES: [&str; 3] = ["None", "ReadOnly", "ReadWrite"];
const MANAGED_DISK: &str = "Managed";
const DISK_KINDS: [&str; 3] = ["Dedicated", MANAGED_DISK, "Shared"];
const MANAGED_URI: [&str; 1] =
    ["/subscriptions/{sub-id}/resourcegroups/{group-name}/providers/microsoft.compute/disks/{disk-id}"];
const BLOB_URI: [&str; 1] = ["https://{account-name}.blob.core.windows.net/{container-name}/{disk-name}.vhd"];

pub(super) fn gce_persistent_disk(source: &GCEPersistentDiskVolumeSource, path: &FieldPath<'_>) -> Errors {
    let mut errors = Errors::new();
    errors.extend(required(&source.pd_name, &path.child("pdName")));
    errors.extend(partition(source.partition, &path.child("partition")));
    errors
}

pub(super) fn aws_elastic_block_store(source: &AWSElasticBlockStoreVolumeSource, path: &FieldPath<'_>) -> Errors {
    let mut errors = Errors::new();
    errors.extend(required(&source.volume_id, &path.child("volumeID")));
    errors.extend(partition(source.partition, &path.child("partition")));
    errors
}

/// A partition may be 0, the whole disk, though the sentence doesn't say so.
fn partition(number: Option<i32>, path: &FieldPath<'_>) -> Option<FieldError> {
    let number = number.filter(|number| !(0..=255).contains(number))?;
    Some(FieldError::invalid(path, number, "must be between 1 and 255, inclusive"))
}

pub(super) fn cinder(source: &CinderVolumeSource, path: &FieldPath<'_>) -> Errors {
    let mut errors = Errors::new();
    errors.extend(required(&source.volume_id, &path.child("volumeID")));
    if let Some(secret) = &source.secret_ref {
        errors.extend(required(&secret.name, &path.child("secretRef").child("name")));
    }
    errors
}

pub(super) fn azure_file(source: &AzureFileVolumeSource, path: &FieldPath<'_>) -> Errors {
    let mut errors = Errors::new();
    errors.extend(required(&source.secret_name, &path.child("secretName")));
    errors.extend(required(&source.share_name, &path.child("shareName")));
    errors
}

pub(super) fn azure_disk(source: &AzureDiskVolumeSource, path: &FieldPath<'_>) -> Errors {
    let uri_path = path.child("diskURI");
    let mut errors = Errors::new();
    errors.extend(required(&source.disk_name, &path.child("diskName")));
    errors.extend(required(&source.disk_uri, &uri_path));
    if let Some(mode) = source.caching_mode.as_deref().filter(|mode| !CACHING_MODES.contains(mode)) {
        errors.push(FieldError::not_supported(&path.child("cachingMode"), mode, &CACHING_MODES));
    }
    if let Some(kind) = source.kind.as_deref() {
        if !DISK_KINDS.contains(&kind) {
            errors.push(FieldError::not_supported(&path.child("kind"), kind, &DISK_KINDS));
        }
        let uri = source.disk_uri.as_str();
        if kind == MANAGED_DISK && !uri.starts_with("/subscriptions/") {
            errors.push(FieldError::not_supported(&uri_path, uri, &MANAGED_URI));
        }
        if kind != MANAGED_DISK && !uri.starts_with("https://") {
            errors.push(FieldError::not_supported(&uri_path, uri, &BLOB_URI));
        }
    }
    errors
}

pub(super) fn vsphere_volume(source: &VsphereVirtualDiskVolumeSource, path: &FieldPath<'_>) -> Errors {
    required(&source.volume_path, &path.child("volumePath")).into_iter().collect()
}

pub(super) fn photon_persistent_disk(source: &PhotonPersistentDiskVolumeSource, path: &FieldPath<'_>) -> Errors {
    required(&source.pd_id, &path.child("pdID")).into_iter().collect()
}

pub(super) fn portworx_volume(source: &PortworxVolumeSource, path: &FieldPath<'_>) -> Errors {
    required(&source.volume_id, &path.child("volumeID")).into_iter().collect()
}
