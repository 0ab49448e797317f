//! Which objects lead to which node.
//!
//! A pod leads to its node, and what the pod names leads there with it: ServiceAccount, Secrets, ConfigMaps, claims.
//! A PersistentVolume leads where its claim leads, and so do its Secrets. VolumeAttachments, ResourceSlices and
//! PodCertificateRequests name their node. Everything a pod names is counted per node, so that a question is one
//! look-up, and a change costs what its pod names, however many pods there are.
//!
//! Feed it with every object that is added or changed, and with the keys of those deleted, in any order.

use std::collections::{BTreeSet, HashMap};

use k8s_openapi::api::core::v1::{PersistentVolume, Pod};

use super::reference::{pod_references, volume_secrets};

/// A kind of object that can lead to a node.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Kind {
    /// A ConfigMap that a pod names.
    ConfigMap,
    /// A PersistentVolume whose claim a pod names.
    PersistentVolume,
    /// A PersistentVolumeClaim that a pod names.
    PersistentVolumeClaim,
    /// A Pod on the node.
    Pod,
    /// A PodCertificateRequest from the node.
    PodCertificateRequest,
    /// A ResourceClaim that a pod names or that was made for it.
    ResourceClaim,
    /// A ResourceSlice of the node.
    ResourceSlice,
    /// A Secret that a pod names, or its volumes do.
    Secret,
    /// The ServiceAccount of a pod.
    ServiceAccount,
    /// A VolumeAttachment to the node.
    VolumeAttachment,
}

/// An object; the namespace is empty for cluster-wide kinds.
type Vertex = (Kind, String, String);
/// Namespace and name.
type Name = (String, String);

/// The graph.
#[derive(Clone, Debug, Default)]
pub struct Graph {
    /// What each bound pod leads to its node.
    pods: HashMap<Name, BoundPod>,
    /// By how many pods on which node an object is named; pods name themselves.
    named: HashMap<Vertex, HashMap<String, usize>>,
    volumes: HashMap<String, Volume>,
    /// Which volumes name a Secret.
    volumes_of_secret: HashMap<Name, BTreeSet<String>>,
    /// Objects that name their node themselves.
    owned: HashMap<Vertex, String>,
}

#[derive(Clone, Debug, PartialEq, Eq)]
struct BoundPod {
    node: String,
    references: BTreeSet<(Kind, String)>,
}

#[derive(Clone, Debug)]
struct Volume {
    claim: Name,
    secrets: BTreeSet<Name>,
}

impl Graph {
    /// A pod was added or changed. One without a node leads nowhere.
    pub fn set_pod(&mut self, pod: &Pod) {
        let metadata = &pod.metadata;
        let namespace = metadata.namespace.as_deref().unwrap_or_default();
        let name = metadata.name.as_deref().unwrap_or_default();
        let node = pod.spec.as_ref().and_then(|spec| spec.node_name.as_deref()).unwrap_or_default();
        let bound = (!node.is_empty()).then(|| BoundPod { node: node.to_owned(), references: pod_references(pod) });
        let key = (namespace.to_owned(), name.to_owned());
        if self.pods.get(&key) == bound.as_ref() {
            return;
        }
        self.remove_pod(namespace, name);
        let Some(bound) = bound else { return };
        for (kind, referred) in &bound.references {
            let vertex = (*kind, namespace.to_owned(), referred.clone());
            *self.named.entry(vertex).or_default().entry(bound.node.clone()).or_default() += 1;
        }
        self.pods.insert(key, bound);
    }

    /// A pod was deleted.
    pub fn remove_pod(&mut self, namespace: &str, name: &str) {
        let Some(bound) = self.pods.remove(&(namespace.to_owned(), name.to_owned())) else { return };
        for (kind, referred) in bound.references {
            let vertex = (kind, namespace.to_owned(), referred);
            let Some(nodes) = self.named.get_mut(&vertex) else { continue };
            if let Some(count) = nodes.get_mut(&bound.node) {
                *count -= 1;
                if *count == 0 {
                    nodes.remove(&bound.node);
                }
            }
            if nodes.is_empty() {
                self.named.remove(&vertex);
            }
        }
    }

    /// A PersistentVolume was added or changed. One without a claim leads nowhere.
    pub fn set_volume(&mut self, volume: &PersistentVolume) {
        let name = volume.metadata.name.as_deref().unwrap_or_default();
        self.remove_volume(name);
        let Some(claim) = volume.spec.as_ref().and_then(|spec| spec.claim_ref.as_ref()) else { return };
        let claim = (claim.namespace.clone().unwrap_or_default(), claim.name.clone().unwrap_or_default());
        let secrets = volume_secrets(volume);
        for secret in &secrets {
            self.volumes_of_secret.entry(secret.clone()).or_default().insert(name.to_owned());
        }
        self.volumes.insert(name.to_owned(), Volume { claim, secrets });
    }

    /// A PersistentVolume was deleted.
    pub fn remove_volume(&mut self, name: &str) {
        let Some(volume) = self.volumes.remove(name) else { return };
        for secret in volume.secrets {
            let Some(volumes) = self.volumes_of_secret.get_mut(&secret) else { continue };
            volumes.remove(name);
            if volumes.is_empty() {
                self.volumes_of_secret.remove(&secret);
            }
        }
    }

    /// A VolumeAttachment, ResourceSlice or PodCertificateRequest was added or changed, and names this node; or none,
    /// when it is empty or the object was deleted.
    pub fn set_owned(&mut self, kind: Kind, namespace: &str, name: &str, node: &str) {
        let vertex = (kind, namespace.to_owned(), name.to_owned());
        if node.is_empty() {
            self.owned.remove(&vertex);
        } else {
            self.owned.insert(vertex, node.to_owned());
        }
    }

    /// Whether an object leads to `node`.
    pub fn leads_to(&self, kind: Kind, namespace: &str, name: &str, node: &str) -> bool {
        match kind {
            Kind::PersistentVolume => self.volume_leads_to(name, node),
            Kind::VolumeAttachment | Kind::ResourceSlice => self.owner_is(kind, "", name, node),
            Kind::PodCertificateRequest => self.owner_is(kind, namespace, name, node),
            Kind::Secret => {
                self.is_named(kind, namespace, name, node)
                    || self
                        .volumes_of_secret
                        .get(&(namespace.to_owned(), name.to_owned()))
                        .is_some_and(|volumes| volumes.iter().any(|volume| self.volume_leads_to(volume, node)))
            }
            Kind::ConfigMap | Kind::PersistentVolumeClaim | Kind::Pod | Kind::ResourceClaim | Kind::ServiceAccount => {
                self.is_named(kind, namespace, name, node)
            }
        }
    }

    fn is_named(&self, kind: Kind, namespace: &str, name: &str, node: &str) -> bool {
        let vertex = (kind, namespace.to_owned(), name.to_owned());
        self.named.get(&vertex).is_some_and(|nodes| nodes.contains_key(node))
    }

    fn volume_leads_to(&self, volume: &str, node: &str) -> bool {
        self.volumes.get(volume).is_some_and(|Volume { claim: (namespace, name), .. }| {
            self.is_named(Kind::PersistentVolumeClaim, namespace, name, node)
        })
    }

    fn owner_is(&self, kind: Kind, namespace: &str, name: &str, node: &str) -> bool {
        self.owned.get(&(kind, namespace.to_owned(), name.to_owned())).is_some_and(|owner| owner == node)
    }

    /// How many things are remembered, all in all: zero when nothing is left.
    #[cfg(test)]
    pub(super) fn size(&self) -> usize {
        self.pods.len() + self.named.len() + self.volumes.len() + self.volumes_of_secret.len() + self.owned.len()
    }
}
