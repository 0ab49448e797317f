//! A pod's volumes: their names, and that each has exactly one source.

use std::collections::BTreeSet;

use k8s_openapi::api::core::v1::Volume;

use super::context::Volumes;
use super::leniency::Leniency;
use super::message::{dns1123_label, each_invalid, required};
use super::one_of::OneOf;
use super::{cloud_volume, downward_api, network_volume, projected, volume_source};
use crate::go::quote;
use crate::validation::meta::name_is_dns_subdomain;
use crate::validation::{Errors, FieldError, FieldPath};

/// How long volume name, colon and target portal may be together where an iSCSI initiator is named, in bytes.
const MAX_ISCSI_INTERFACE: usize = 64;

/// All that is wrong with the volumes, and those with which nothing is wrong. `pod_name` is empty where the pod isn't
/// known: in a template.
pub(crate) fn volumes<'a>(
    volumes: &'a [Volume],
    pod_name: &str,
    leniency: Leniency,
    path: &FieldPath<'_>,
) -> (Volumes<'a>, Errors) {
    let created: BTreeSet<String> = volumes
        .iter()
        .filter(|volume| !pod_name.is_empty() && volume.ephemeral.is_some())
        .map(|volume| format!("{pod_name}-{}", volume.name))
        .collect();
    let mut valid = Volumes::new();
    let mut errors = Errors::new();
    for (at, volume) in volumes.iter().enumerate() {
        let path = path.index(at);
        let name_path = path.child("name");
        let mut found = source(volume, pod_name, leniency, &path);
        if volume.name.is_empty() {
            found.extend(required(&volume.name, &name_path));
        } else {
            found.extend(dns1123_label(&volume.name, &name_path));
        }
        if valid.contains_key(volume.name.as_str()) {
            found.push(FieldError::duplicate(&name_path, volume.name.as_str()));
        }
        if found.is_empty() {
            valid.insert(&volume.name, volume);
        }
        errors.append(&mut found);
        if let Some(claim) = volume.persistent_volume_claim.as_ref().filter(|claim| created.contains(&claim.claim_name))
        {
            errors.push(FieldError::invalid(
                &path.child("persistentVolumeClaim").child("claimName"),
                claim.claim_name.as_str(),
                "must not reference a PVC that gets created for an ephemeral volume",
            ));
        }
    }
    (valid, errors)
}

fn source(volume: &Volume, pod_name: &str, leniency: Leniency, path: &FieldPath<'_>) -> Errors {
    let mut one = OneOf::new(path, "volume");
    one.member(volume.empty_dir.as_ref(), "emptyDir", volume_source::empty_dir);
    one.member(volume.host_path.as_ref(), "hostPath", volume_source::host_path);
    one.member(volume.git_repo.as_ref(), "gitRepo", volume_source::git_repo);
    one.member_called(
        volume.gce_persistent_disk.as_ref(),
        "gcePersistentDisk",
        "persistentDisk",
        cloud_volume::gce_persistent_disk,
    );
    one.member(volume.aws_elastic_block_store.as_ref(), "awsElasticBlockStore", cloud_volume::aws_elastic_block_store);
    one.member(volume.secret.as_ref(), "secret", volume_source::secret);
    one.member(volume.nfs.as_ref(), "nfs", network_volume::nfs);
    one.member(volume.iscsi.as_ref(), "iscsi", network_volume::iscsi);
    if let Some(iscsi) = volume.iscsi.as_ref().filter(|iscsi| iscsi.initiator_name.is_some())
        && volume.name.len() + 1 + iscsi.target_portal.len() > MAX_ISCSI_INTERFACE
    {
        one.errors.push(FieldError::invalid(
            &path.child("name"),
            volume.name.as_str(),
            "Total length of <volume name>:<iscsi.targetPortal> must be under 64 characters if iscsi.initiatorName is \
             specified.",
        ));
    }
    one.member(volume.glusterfs.as_ref(), "glusterfs", network_volume::glusterfs);
    one.member(volume.flocker.as_ref(), "flocker", network_volume::flocker);
    one.member(
        volume.persistent_volume_claim.as_ref(),
        "persistentVolumeClaim",
        volume_source::persistent_volume_claim,
    );
    one.member(volume.rbd.as_ref(), "rbd", network_volume::rbd);
    one.member(volume.cinder.as_ref(), "cinder", cloud_volume::cinder);
    one.member_called(volume.cephfs.as_ref(), "cephFS", "cephfs", network_volume::cephfs);
    one.member(volume.quobyte.as_ref(), "quobyte", network_volume::quobyte);
    // Upstream's spelling.
    one.member_called(volume.downward_api.as_ref(), "downwarAPI", "downwardAPI", downward_api::volume);
    one.member(volume.fc.as_ref(), "fc", network_volume::fc);
    one.member(volume.flex_volume.as_ref(), "flexVolume", volume_source::flex_volume);
    one.member(volume.config_map.as_ref(), "configMap", volume_source::config_map);
    one.member(volume.azure_file.as_ref(), "azureFile", cloud_volume::azure_file);
    one.member(volume.vsphere_volume.as_ref(), "vsphereVolume", cloud_volume::vsphere_volume);
    one.member(volume.photon_persistent_disk.as_ref(), "photonPersistentDisk", cloud_volume::photon_persistent_disk);
    one.member(volume.portworx_volume.as_ref(), "portworxVolume", cloud_volume::portworx_volume);
    one.member(volume.azure_disk.as_ref(), "azureDisk", cloud_volume::azure_disk);
    one.member(volume.storageos.as_ref(), "storageos", network_volume::storageos);
    one.member(volume.projected.as_ref(), "projected", |source, path| projected::volume(source, leniency, path));
    one.member(volume.scale_io.as_ref(), "scaleIO", network_volume::scale_io);
    one.member(volume.csi.as_ref(), "csi", volume_source::csi);
    one.member(volume.ephemeral.as_ref(), "ephemeral", |source, own| {
        let mut errors = volume_source::ephemeral(source, own);
        if !pod_name.is_empty() && !volume.name.is_empty() {
            errors.extend(claim_name(pod_name, &volume.name, path));
        }
        errors
    });
    one.member(volume.image.as_ref(), "image", |source, path| volume_source::image(source, leniency, path));
    one.finish()
}

/// The name of the claim that an ephemeral volume is given.
fn claim_name(pod_name: &str, volume_name: &str, path: &FieldPath<'_>) -> Errors {
    let name = format!("{pod_name}-{volume_name}");
    let messages = name_is_dns_subdomain(&name, false).into_iter();
    let messages = messages.map(|message| format!("PVC name {}: {message}", quote(&name))).collect();
    each_invalid(&path.child("name"), volume_name, messages)
}
