//! Pods: a node makes mirror pods of its own, and deletes, evicts and reports those bound to it.

use k8s_openapi::api::core::v1::{Pod, Volume};

use super::super::graph::Kind;
use super::super::reference::{MIRROR_ANNOTATION, pod_references};
use super::{Checked, NodeWrite, Object, Operation, Refusal, forbidden, unexpected_type};
use howdah_api::go::quote;

impl NodeWrite<'_> {
    pub(super) fn pod(&self) -> Checked {
        let node = quote(self.node);
        match self.write.operation {
            Operation::Create => self.mirror_pod(),
            Operation::Delete if self.bound_here(self.write.name)? => Ok(()),
            Operation::Delete => {
                forbidden(format!("node {node} can only delete pods with spec.nodeName set to itself"))
            }
            Operation::Update => forbidden(format!(
                "unexpected operation \"UPDATE\", node {node} can only create and delete mirror pods"
            )),
        }
    }

    pub(super) fn eviction(&self) -> Checked {
        if self.write.operation != Operation::Create {
            return forbidden(format!("unexpected operation {}", self.write.operation.name()));
        }
        let Object::Eviction(eviction) = self.write.object else { return unexpected_type() };
        let named = eviction.metadata.name.as_deref().unwrap_or_default();
        let name = if self.write.name.is_empty() { named } else { self.write.name };
        if name.is_empty() {
            return forbidden("could not determine pod from request data");
        }
        if self.bound_here(name)? {
            return Ok(());
        }
        forbidden(format!("node {} can only evict pods with spec.nodeName set to itself", self.node))
    }

    pub(super) fn pod_status(&self) -> Checked {
        if self.write.operation != Operation::Update {
            return forbidden(format!("unexpected operation {}", quote(self.write.operation.name())));
        }
        let (Object::Pod(new), Object::Pod(old)) = (self.write.object, self.write.old) else {
            return unexpected_type();
        };
        let node = quote(self.node);
        if node_of(old) != self.node {
            return forbidden(format!(
                "node {node} can only update pod status for pods with spec.nodeName set to itself"
            ));
        }
        let (old_labels, new_labels) = (old.metadata.labels.as_ref(), new.metadata.labels.as_ref());
        if old_labels.into_iter().flatten().ne(new_labels.into_iter().flatten()) {
            return forbidden(format!("node {node} cannot update labels through pod status"));
        }
        let (old, new) = (old.status.clone().unwrap_or_default(), new.status.clone().unwrap_or_default());
        let claims = (old.resource_claim_statuses.unwrap_or_default(), new.resource_claim_statuses.unwrap_or_default());
        if claims.0 != claims.1 {
            return forbidden(format!("node {node} cannot update resource claim statues"));
        }
        if old.extended_resource_claim_status != new.extended_resource_claim_status {
            return forbidden(format!("node {node} cannot update extended resource claim status"));
        }
        let claims = (
            old.node_allocatable_resource_claim_statuses.unwrap_or_default(),
            new.node_allocatable_resource_claim_statuses.unwrap_or_default(),
        );
        if claims.0 != claims.1 {
            return forbidden(format!("node {node} cannot update node allocatable resource claim statuses"));
        }
        Ok(())
    }

    fn mirror_pod(&self) -> Checked {
        let Object::Pod(pod) = self.write.object else { return unexpected_type() };
        let node = quote(self.node);
        let only = |rest: &str| forbidden(format!("node {node} can only create pods with {rest}"));
        if !is_mirror(pod) {
            let annotation = quote(MIRROR_ANNOTATION);
            return forbidden(format!(
                "pod does not have {annotation} annotation, node {node} can only create mirror pods"
            ));
        }
        if node_of(pod) != self.node {
            return only("spec.nodeName set to itself");
        }
        let owner = match pod.metadata.owner_references.as_deref().unwrap_or_default() {
            [owner] => owner,
            [] => return only("an owner reference set to itself"),
            _ => return only("a single owner reference set to itself"),
        };
        if owner.api_version != "v1" || owner.kind != "Node" || owner.name != self.node {
            return only("an owner reference set to itself");
        }
        if owner.controller != Some(true) {
            return only("a controller owner reference set to itself");
        }
        if owner.block_owner_deletion == Some(true) {
            return forbidden(format!("node {node} must not set blockOwnerDeletion on an owner reference"));
        }
        let Some(own) = self.cluster.node(self.node) else {
            return Err(Refusal::NotFound { resource: "node", name: self.node.to_owned() });
        };
        let uid = own.metadata.uid.as_deref().unwrap_or_default();
        if owner.uid != uid {
            return forbidden(format!("node {} UID mismatch: expected {} got {uid}", self.node, owner.uid));
        }
        match api_reference(pod) {
            Some(resource) => forbidden(format!("node {node} can not create pods that reference {resource}")),
            None => Ok(()),
        }
    }

    /// Whether a pod of the write's namespace is bound to the node.
    fn bound_here(&self, name: &str) -> Result<bool, Refusal> {
        match self.cluster.pod(self.write.namespace, name) {
            Some(pod) => Ok(node_of(&pod) == self.node),
            None => Err(Refusal::NotFound { resource: "pod", name: name.to_owned() }),
        }
    }
}

pub(super) fn node_of(pod: &Pod) -> &str {
    pod.spec.as_ref().and_then(|spec| spec.node_name.as_deref()).unwrap_or_default()
}

pub(super) fn is_mirror(pod: &Pod) -> bool {
    pod.metadata.annotations.as_ref().is_some_and(|own| own.contains_key(MIRROR_ANNOTATION))
}

/// The kind of API object that a pod refers to, if it refers to any: a mirror pod must not.
fn api_reference(pod: &Pod) -> Option<&'static str> {
    // What a pod names is not gathered for mirror pods; here it is asked for as if it were none.
    let mut plain = pod.clone();
    plain.metadata.annotations = None;
    let named = pod_references(&plain);
    let names = |kind: Kind| named.iter().any(|(own, _)| *own == kind);
    let spec = pod.spec.as_ref()?;
    if names(Kind::ServiceAccount) {
        return Some("serviceaccounts");
    }
    if names(Kind::Secret) {
        return Some("secrets");
    }
    if names(Kind::ConfigMap) {
        return Some("configmaps");
    }
    if spec.resource_claims.as_ref().is_some_and(|claims| !claims.is_empty()) {
        return Some("resourceclaims");
    }
    spec.volumes.iter().flatten().find_map(volume_reference)
}

fn volume_reference(volume: &Volume) -> Option<&'static str> {
    let whole = [
        (volume.config_map.is_some(), "configmaps (via configmap volumes)"),
        (volume.secret.is_some(), "secrets (via secret volumes)"),
        (volume.csi.is_some(), "csidrivers (via CSI volumes)"),
        (volume.glusterfs.is_some(), "endpoints (via glusterFS volumes)"),
        (volume.persistent_volume_claim.is_some(), "persistentvolumeclaims"),
        (volume.ephemeral.is_some(), "persistentvolumeclaims (via ephemeral volumes)"),
        (volume.azure_file.is_some(), "secrets (via azureFile volumes)"),
    ];
    if let Some((_, resource)) = whole.into_iter().find(|(there, _)| *there) {
        return Some(resource);
    }
    volume.projected.iter().flat_map(|own| own.sources.iter().flatten()).find_map(|source| {
        let parts = [
            (source.config_map.is_some(), "configmaps (via projected volumes)"),
            (source.secret.is_some(), "secrets (via projected volumes)"),
            (source.service_account_token.is_some(), "serviceaccounts (via projected volumes)"),
            (source.cluster_trust_bundle.is_some(), "clustertrustbundles"),
            (source.pod_certificate.is_some(), "podcertificates"),
        ];
        parts.into_iter().find(|(there, _)| *there).map(|(_, resource)| resource)
    })
}
