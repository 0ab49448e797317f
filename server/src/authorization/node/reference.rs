//! What a pod and a PersistentVolume name.

use std::collections::BTreeSet;

use k8s_openapi::api::core::v1::{EnvFromSource, EnvVar, PersistentVolume, Pod, PodSpec, SecretReference, Volume};

use super::graph::Kind;

/// Marks the API's copy of a pod that the node got from elsewhere.
pub(super) const MIRROR_ANNOTATION: &str = "kubernetes.io/config.mirror";

/// What a pod names, itself included. A mirror pod names nothing else: a node makes those itself, and must not gain
/// rights by it.
pub(super) fn pod_references(pod: &Pod) -> BTreeSet<(Kind, String)> {
    let name = pod.metadata.name.clone().unwrap_or_default();
    let mut found = BTreeSet::from([(Kind::Pod, name.clone())]);
    let annotations = pod.metadata.annotations.as_ref();
    let is_mirror = annotations.is_some_and(|own| own.contains_key(MIRROR_ANNOTATION));
    let Some(spec) = pod.spec.as_ref().filter(|_| !is_mirror) else { return found };
    let mut add = |kind: Kind, name: Option<&str>| {
        found.extend(name.filter(|name| !name.is_empty()).map(|name| (kind, name.to_owned())));
    };
    add(Kind::ServiceAccount, spec.service_account_name.as_deref());
    for secret in spec.image_pull_secrets.iter().flatten() {
        add(Kind::Secret, Some(&secret.name));
    }
    for (env_from, env) in environments(spec) {
        for source in env_from {
            add(Kind::Secret, source.secret_ref.as_ref().map(|own| own.name.as_str()));
            add(Kind::ConfigMap, source.config_map_ref.as_ref().map(|own| own.name.as_str()));
        }
        for source in env.iter().filter_map(|variable| variable.value_from.as_ref()) {
            add(Kind::Secret, source.secret_key_ref.as_ref().map(|own| own.name.as_str()));
            add(Kind::ConfigMap, source.config_map_key_ref.as_ref().map(|own| own.name.as_str()));
        }
    }
    for volume in spec.volumes.iter().flatten() {
        add_volume(volume, &name, &mut add);
    }
    for claim in spec.resource_claims.iter().flatten() {
        add(Kind::ResourceClaim, claim.resource_claim_name.as_deref());
    }
    if let Some(status) = &pod.status {
        // Claims made from templates, and for extended resources, are named in the status.
        let is_template = |name: &String| {
            let mut claims = spec.resource_claims.iter().flatten();
            claims.any(|claim| claim.name == *name && claim.resource_claim_template_name.is_some())
        };
        for made in status.resource_claim_statuses.iter().flatten().filter(|made| is_template(&made.name)) {
            add(Kind::ResourceClaim, made.resource_claim_name.as_deref());
        }
        let extended = status.extended_resource_claim_status.as_ref();
        add(Kind::ResourceClaim, extended.map(|status| status.resource_claim_name.as_str()));
    }
    found
}

/// The environment of each container, whatever its sort.
fn environments(spec: &PodSpec) -> impl Iterator<Item = (&[EnvFromSource], &[EnvVar])> {
    let plain = spec.init_containers.iter().flatten().chain(&spec.containers).map(|own| (&own.env_from, &own.env));
    let ephemeral = spec.ephemeral_containers.iter().flatten().map(|own| (&own.env_from, &own.env));
    plain.chain(ephemeral).map(|(from, env)| (from.as_deref().unwrap_or_default(), env.as_deref().unwrap_or_default()))
}

fn add_volume(volume: &Volume, pod: &str, add: &mut impl FnMut(Kind, Option<&str>)) {
    let local = [
        volume.cephfs.as_ref().and_then(|own| own.secret_ref.as_ref()),
        volume.cinder.as_ref().and_then(|own| own.secret_ref.as_ref()),
        volume.csi.as_ref().and_then(|own| own.node_publish_secret_ref.as_ref()),
        volume.flex_volume.as_ref().and_then(|own| own.secret_ref.as_ref()),
        volume.iscsi.as_ref().and_then(|own| own.secret_ref.as_ref()),
        volume.rbd.as_ref().and_then(|own| own.secret_ref.as_ref()),
        volume.scale_io.as_ref().map(|own| &own.secret_ref),
        volume.storageos.as_ref().and_then(|own| own.secret_ref.as_ref()),
    ];
    for secret in local.into_iter().flatten() {
        add(Kind::Secret, Some(&secret.name));
    }
    add(Kind::Secret, volume.azure_file.as_ref().map(|own| own.secret_name.as_str()));
    add(Kind::Secret, volume.secret.as_ref().and_then(|own| own.secret_name.as_deref()));
    add(Kind::ConfigMap, volume.config_map.as_ref().map(|own| own.name.as_str()));
    for source in volume.projected.iter().flat_map(|own| own.sources.iter().flatten()) {
        add(Kind::Secret, source.secret.as_ref().map(|own| own.name.as_str()));
        add(Kind::ConfigMap, source.config_map.as_ref().map(|own| own.name.as_str()));
    }
    let claim = volume.persistent_volume_claim.as_ref().map(|own| own.claim_name.as_str());
    add(Kind::PersistentVolumeClaim, claim);
    if volume.ephemeral.is_some() {
        add(Kind::PersistentVolumeClaim, Some(&format!("{pod}-{}", volume.name)));
    }
}

/// The Secrets, by namespace and name, that a node needs for a volume; not those that only controllers need.
pub(super) fn volume_secrets(volume: &PersistentVolume) -> BTreeSet<(String, String)> {
    let mut found = BTreeSet::new();
    let Some(spec) = &volume.spec else { return found };
    let claim_namespace = spec.claim_ref.as_ref().and_then(|claim| claim.namespace.as_deref()).unwrap_or_default();
    let mut add = |namespace: Option<&str>, name: Option<&str>, fallback: &str| {
        let namespace = namespace.filter(|namespace| !namespace.is_empty()).unwrap_or(fallback);
        found.extend(name.filter(|name| !name.is_empty()).map(|name| (namespace.to_owned(), name.to_owned())));
    };
    let parts = |secret: &SecretReference| (secret.namespace.clone(), secret.name.clone());
    // Older objects name no namespace and mean the claim's.
    let claims = [
        spec.cephfs.as_ref().and_then(|own| own.secret_ref.as_ref()).map(parts),
        spec.flex_volume.as_ref().and_then(|own| own.secret_ref.as_ref()).map(parts),
        spec.iscsi.as_ref().and_then(|own| own.secret_ref.as_ref()).map(parts),
        spec.rbd.as_ref().and_then(|own| own.secret_ref.as_ref()).map(parts),
        spec.scale_io.as_ref().map(|own| parts(&own.secret_ref)),
        spec.azure_file.as_ref().map(|own| (own.secret_namespace.clone(), Some(own.secret_name.clone()))),
    ];
    for (namespace, name) in claims.into_iter().flatten() {
        add(namespace.as_deref(), name.as_deref(), claim_namespace);
    }
    let storageos = spec.storageos.as_ref().and_then(|own| own.secret_ref.as_ref());
    let csi = spec.csi.as_ref();
    let explicit = [
        spec.cinder.as_ref().and_then(|own| own.secret_ref.as_ref()).map(parts),
        storageos.map(|own| (own.namespace.clone(), own.name.clone())),
        csi.and_then(|own| own.node_publish_secret_ref.as_ref()).map(parts),
        csi.and_then(|own| own.node_stage_secret_ref.as_ref()).map(parts),
        csi.and_then(|own| own.node_expand_secret_ref.as_ref()).map(parts),
    ];
    for (namespace, name) in explicit.into_iter().flatten() {
        add(namespace.as_deref(), name.as_deref(), "");
    }
    found
}
