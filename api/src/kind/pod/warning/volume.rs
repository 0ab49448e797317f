//! Warnings of volumes that have gone, or go.

use k8s_openapi::api::core::v1::PodSpec;

use super::fractional;
use crate::validation::FieldPath;

/// All volumes of the spec at `path`.
pub(super) fn volumes(spec: &PodSpec, path: &FieldPath<'_>) -> Vec<String> {
    let mut warnings = Vec::new();
    let path = path.child("volumes");
    for (index, volume) in spec.volumes.iter().flatten().enumerate() {
        let at = path.index(index);
        let mut warn = |is_set: bool, name: &str, message: &str| {
            if is_set {
                warnings.push(format!("{}: {message}", at.child(name)));
            }
        };
        let old = "deprecated in v1.22, non-functional in v1.25+";
        let storage = "deprecated in v1.28, non-functional in v1.31+";
        warn(
            volume.photon_persistent_disk.is_some(),
            "photonPersistentDisk",
            "deprecated in v1.11, non-functional in v1.16+",
        );
        warn(volume.git_repo.is_some(), "gitRepo", "deprecated in v1.11, and disabled by default in v1.33+");
        warn(volume.scale_io.is_some(), "scaleIO", "deprecated in v1.16, non-functional in v1.22+");
        warn(volume.flocker.is_some(), "flocker", old);
        warn(volume.storageos.is_some(), "storageOS", old);
        warn(volume.quobyte.is_some(), "quobyte", old);
        warn(volume.glusterfs.is_some(), "glusterfs", "deprecated in v1.25, non-functional in v1.26+");
        let claim = volume.ephemeral.as_ref().and_then(|source| source.volume_claim_template.as_ref());
        if let Some(resources) = claim.and_then(|claim| claim.spec.resources.as_ref()) {
            let at = at.child("ephemeral");
            let at = at.child("volumeClaimTemplate");
            let at = at.child("spec");
            let at = at.child("resources");
            for (name, list) in [("requests", &resources.requests), ("limits", &resources.limits)] {
                let text = list.as_ref().and_then(|list| list.get("storage")).map(|text| text.0.as_str());
                let at = at.child(name);
                warnings.extend(fractional(text, &at.key("storage")));
            }
        }
        let mut warn = |is_set: bool, name: &str| {
            if is_set {
                warnings.push(format!("{}: {storage}", at.child(name)));
            }
        };
        warn(volume.cephfs.is_some(), "cephfs");
        warn(volume.rbd.is_some(), "rbd");
    }
    warnings
}
