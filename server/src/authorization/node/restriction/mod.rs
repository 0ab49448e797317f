//! NodeRestriction: what a node may write, judged by the object it writes.
//!
//! The Node authorizer lets a node write Nodes, pods, tokens and so on without seeing the objects; this admission step
//! sees them. [`check`] is a function of the write and of the objects it refers to ([`Cluster`]); it changes nothing.
//! Upstream's defaults of v1.37 hold: `ServiceAccountNodeAudienceRestriction` is on, insecure kubelet certificate
//! requests and CSI volume health are off. Deliberately absent: the translation of in-tree volumes to CSI drivers, so
//! a token for such a driver needs the volume to name the driver, or the audience to be allowed by RBAC.

mod object;
mod pod;
mod token;

use std::sync::Arc;

use k8s_openapi::api::authentication::v1::TokenRequest;
use k8s_openapi::api::certificates::v1::{CertificateSigningRequest, PodCertificateRequest};
use k8s_openapi::api::coordination::v1::Lease;
use k8s_openapi::api::core::v1::{Node, PersistentVolume, PersistentVolumeClaim, Pod, ServiceAccount};
use k8s_openapi::api::policy::v1::Eviction;
use k8s_openapi::api::resource::v1::ResourceSlice;
use k8s_openapi::api::storage::v1::{CSIDriver, CSINode};

use crate::authentication::user::UserInfo;
use crate::authorization::authorizer::Authorizer;
use howdah_api::go::quote;

/// What is done to the object.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Operation {
    /// It is created.
    Create,
    /// It is updated, or patched.
    Update,
    /// It is deleted.
    Delete,
}

impl Operation {
    /// As admission spells it.
    fn name(self) -> &'static str {
        match self {
            Self::Create => "CREATE",
            Self::Update => "UPDATE",
            Self::Delete => "DELETE",
        }
    }
}

/// A typed view of the object that is written; `None` for kinds that are not looked into.
#[derive(Clone, Copy, Debug, Default)]
pub enum Object<'a> {
    /// Nothing, or a kind that is not looked into.
    #[default]
    None,
    /// A pod, on `pods` and `pods/status`.
    Pod(&'a Pod),
    /// On `pods/eviction`.
    Eviction(&'a Eviction),
    /// A node.
    Node(&'a Node),
    /// A claim, on `persistentvolumeclaims/status`.
    Claim(&'a PersistentVolumeClaim),
    /// On `serviceaccounts/token`.
    TokenRequest(&'a TokenRequest),
    /// A request for a pod's certificate.
    PodCertificateRequest(&'a PodCertificateRequest),
    /// A Lease.
    Lease(&'a Lease),
    /// A CSINode.
    CsiNode(&'a CSINode),
    /// A ResourceSlice.
    ResourceSlice(&'a ResourceSlice),
    /// A request for a certificate.
    CertificateSigningRequest(&'a CertificateSigningRequest),
}

/// One write.
#[derive(Clone, Copy)]
pub struct Write<'a> {
    /// Who writes.
    pub user: &'a Arc<UserInfo>,
    /// What is done.
    pub operation: Operation,
    /// The API group.
    pub api_group: &'a str,
    /// The API version.
    pub api_version: &'a str,
    /// The resource.
    pub resource: &'a str,
    /// The subresource, or empty.
    pub subresource: &'a str,
    /// The namespace, or empty.
    pub namespace: &'a str,
    /// The object's name; for a creation the one in the object, where it has one.
    pub name: &'a str,
    /// The object as it is to be.
    pub object: Object<'a>,
    /// The object as it is.
    pub old: Object<'a>,
}

/// The objects that a write may refer to.
pub trait Cluster {
    /// A pod.
    fn pod(&self, namespace: &str, name: &str) -> Option<Arc<Pod>>;
    /// A node.
    fn node(&self, name: &str) -> Option<Arc<Node>>;
    /// A ServiceAccount.
    fn service_account(&self, namespace: &str, name: &str) -> Option<Arc<ServiceAccount>>;
    /// A claim.
    fn claim(&self, namespace: &str, name: &str) -> Option<Arc<PersistentVolumeClaim>>;
    /// A volume.
    fn volume(&self, name: &str) -> Option<Arc<PersistentVolume>>;
    /// A CSI driver.
    fn csi_driver(&self, name: &str) -> Option<Arc<CSIDriver>>;
}

/// Why a node may not write that.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Refusal {
    /// 403: the cause inside the usual frame.
    #[error("{0}")]
    Forbidden(String),
    /// 404.
    #[error("{resource} {} not found", quote(name))]
    NotFound {
        /// What is missing, in the singular, as upstream has it here.
        resource: &'static str,
        /// The name.
        name: String,
    },
    /// 500: our view may be behind, so the node may try again.
    #[error("{0}")]
    Retry(String),
}

type Checked = Result<(), Refusal>;

fn forbidden<T>(cause: impl Into<String>) -> Result<T, Refusal> {
    Err(Refusal::Forbidden(cause.into()))
}

/// The object had another kind than its resource has: the caller's mistake.
fn unexpected_type<T>() -> Result<T, Refusal> {
    forbidden("unexpected type")
}

/// A write of one node.
#[derive(Clone, Copy)]
struct NodeWrite<'a> {
    node: &'a str,
    write: &'a Write<'a>,
    cluster: &'a dyn Cluster,
    authorizer: &'a dyn Authorizer,
}

/// Whether the write may go on, as far as NodeRestriction is asked: whoever is no node may write anything.
///
/// # Errors
/// See [`Refusal`].
pub fn check(write: &Write<'_>, cluster: &dyn Cluster, authorizer: &dyn Authorizer) -> Checked {
    let Some(node) = write.user.node_name() else { return Ok(()) };
    if node.is_empty() {
        return forbidden(format!("could not determine node from user {}", quote(&write.user.name)));
    }
    let own = NodeWrite { node, write, cluster, authorizer };
    match (write.api_group, write.resource, write.subresource) {
        ("", "pods", "") => own.pod(),
        ("", "pods", "status") => own.pod_status(),
        ("", "pods", "eviction") => own.eviction(),
        ("", "pods", other) => {
            forbidden(format!("unexpected pod subresource {}, only 'status' and 'eviction' are allowed", quote(other)))
        }
        ("", "nodes", _) => own.node(),
        ("", "persistentvolumeclaims", "status") => own.claim_status(),
        ("", "persistentvolumeclaims", _) => forbidden("may only update PVC status"),
        ("", "serviceaccounts", "token") if write.operation == Operation::Create => own.token(),
        ("certificates.k8s.io", "podcertificaterequests", _) => own.pod_certificate_request(),
        ("coordination.k8s.io", "leases", _) => own.lease(),
        ("storage.k8s.io", "csinodes", _) => own.csi_node(),
        ("resource.k8s.io", "resourceslices", _) => own.resource_slice(),
        ("certificates.k8s.io", "certificatesigningrequests", _) => own.certificate_signing_request(),
        _ => Ok(()),
    }
}

#[cfg(test)]
#[path = "restriction_test.rs"]
mod tests;
