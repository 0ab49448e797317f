//! Defaults of volumes.

use serde_json::{Value, json};

use super::super::access::{Object, items, object, set_if_nil, set_if_zero};
use super::container::{field_ref, pull_policy};
use super::quantity::round_up_requirements;

/// The mode of files that nobody set one for: 0644.
const FILE_MODE: i32 = 0o644;
/// How long a projected token is valid, in seconds.
const TOKEN_EXPIRATION: i32 = 3600;

/// Fills in a volume. One without a source is an `emptyDir`.
pub(super) fn volume(volume: &mut Object) {
    if volume.iter().all(|(key, value)| key == "name" || value.is_null()) {
        volume.insert("emptyDir".to_owned(), json!({}));
    }
    if let Some(image) = object(volume, "image") {
        let reference = image.get("reference").and_then(Value::as_str).unwrap_or_default();
        let policy = pull_policy(reference);
        set_if_zero(image, "pullPolicy", policy);
    }
    if let Some(source) = object(volume, "hostPath") {
        set_if_nil(source, "type", "");
    }
    for name in ["secret", "configMap", "downwardAPI", "projected"] {
        if let Some(source) = object(volume, name) {
            set_if_nil(source, "defaultMode", FILE_MODE);
        }
    }
    if let Some(source) = object(volume, "downwardAPI") {
        files(source);
    }
    if let Some(source) = object(volume, "projected") {
        for source in items(source, "sources") {
            if let Some(source) = object(source, "downwardAPI") {
                files(source);
            }
            if let Some(token) = object(source, "serviceAccountToken") {
                set_if_nil(token, "expirationSeconds", TOKEN_EXPIRATION);
            }
        }
    }
    if let Some(claim) = object(volume, "ephemeral").and_then(|source| object(source, "volumeClaimTemplate"))
        && let Some(spec) = object(claim, "spec")
    {
        set_if_nil(spec, "volumeMode", "Filesystem");
        if let Some(resources) = object(spec, "resources") {
            round_up_requirements(resources);
        }
    }
    block_storage(volume);
}

fn files(source: &mut Object) {
    for field in items(source, "items").filter_map(|file| object(file, "fieldRef")) {
        field_ref(field);
    }
}

fn block_storage(volume: &mut Object) {
    if let Some(source) = object(volume, "iscsi") {
        set_if_zero(source, "iscsiInterface", "default");
    }
    if let Some(source) = object(volume, "rbd") {
        set_if_zero(source, "pool", "rbd");
        set_if_zero(source, "user", "admin");
        set_if_zero(source, "keyring", "/etc/ceph/keyring");
    }
    if let Some(source) = object(volume, "azureDisk") {
        set_if_nil(source, "cachingMode", "ReadWrite");
        set_if_nil(source, "fsType", "ext4");
        set_if_nil(source, "readOnly", false);
        set_if_nil(source, "kind", "Shared");
    }
    if let Some(source) = object(volume, "scaleIO") {
        set_if_zero(source, "storageMode", "ThinProvisioned");
        set_if_zero(source, "fsType", "xfs");
    }
}
