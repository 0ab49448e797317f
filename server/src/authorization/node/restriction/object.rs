//! The node's own Node, Lease, CSINode and ResourceSlices, its claims' status, and its certificate requests.

use std::collections::{BTreeMap, BTreeSet};

use k8s_openapi::api::core::v1::{NodeSpec, PersistentVolumeClaim};
use rustls_pki_types::pem::{PemObject as _, SectionKind};
use x509_parser::certification_request::X509CertificationRequest;
use x509_parser::prelude::FromDer;

use super::{Checked, NodeWrite, Object, Operation, forbidden, unexpected_type};
use howdah_api::go::quote;

/// Labels that a node may set on itself, beside those of the namespaces below and of everybody's own.
const NODE_LABELS: [&str; 11] = [
    "kubernetes.io/hostname",
    "topology.kubernetes.io/zone",
    "topology.kubernetes.io/region",
    "failure-domain.beta.kubernetes.io/zone",
    "failure-domain.beta.kubernetes.io/region",
    "beta.kubernetes.io/instance-type",
    "node.kubernetes.io/instance-type",
    "kubernetes.io/os",
    "kubernetes.io/arch",
    "beta.kubernetes.io/os",
    "beta.kubernetes.io/arch",
];
const NODE_LABEL_NAMESPACES: [&str; 2] = ["kubelet.kubernetes.io", "node.kubernetes.io"];
const RESTRICTED_NAMESPACE: &str = "node-restriction.kubernetes.io";

type Labels = BTreeMap<String, String>;

impl NodeWrite<'_> {
    pub(super) fn node(&self) -> Checked {
        let node = quote(self.node);
        if self.write.name != self.node {
            return forbidden(format!("node {node} is not allowed to modify node {}", quote(self.write.name)));
        }
        match self.write.operation {
            Operation::Delete => Ok(()),
            Operation::Create => {
                let Object::Node(new) = self.write.object else { return unexpected_type() };
                if new.spec.as_ref().is_some_and(|spec| spec.config_source.is_some()) {
                    return forbidden(format!("node {node} is not allowed to create pods with a non-nil configSource"));
                }
                match forbidden_labels(new.metadata.labels.as_ref(), None) {
                    Some(labels) => {
                        forbidden(format!("node {node} is not allowed to set the following labels: {labels}"))
                    }
                    None => Ok(()),
                }
            }
            Operation::Update => self.node_update(),
        }
    }

    fn node_update(&self) -> Checked {
        let (Object::Node(new), Object::Node(old)) = (self.write.object, self.write.old) else {
            return unexpected_type();
        };
        let node = quote(self.node);
        let none = NodeSpec::default();
        let (new_spec, old_spec) = (new.spec.as_ref().unwrap_or(&none), old.spec.as_ref().unwrap_or(&none));
        if new_spec.config_source.is_some() && new_spec.config_source != old_spec.config_source {
            return forbidden(format!(
                "node {node} is not allowed to update configSource to a new non-nil configSource"
            ));
        }
        if new_spec.taints.iter().flatten().ne(old_spec.taints.iter().flatten()) {
            return forbidden(format!("node {node} is not allowed to modify taints"));
        }
        let (new, old) = (&new.metadata, &old.metadata);
        if new.owner_references.iter().flatten().ne(old.owner_references.iter().flatten()) {
            return forbidden(format!("node {node} is not allowed to modify ownerReferences"));
        }
        match forbidden_labels(new.labels.as_ref(), old.labels.as_ref()) {
            Some(labels) => forbidden(format!("is not allowed to modify labels: {labels}")),
            None => Ok(()),
        }
    }

    pub(super) fn claim_status(&self) -> Checked {
        if self.write.operation != Operation::Update {
            return forbidden(format!("unexpected operation {}", quote(self.write.operation.name())));
        }
        let (Object::Claim(new), Object::Claim(old)) = (self.write.object, self.write.old) else {
            return unexpected_type();
        };
        if without_node_fields(new) == without_node_fields(old) {
            return Ok(());
        }
        forbidden(format!(
            "node {} is not allowed to update fields other than status.quantity and status.conditions",
            quote(self.node)
        ))
    }

    pub(super) fn lease(&self) -> Checked {
        if self.write.namespace != super::super::LEASE_NAMESPACE {
            let namespace = quote(super::super::LEASE_NAMESPACE);
            return forbidden(format!("can only access leases in the {namespace} system namespace"));
        }
        let name = match (self.write.operation, self.write.object) {
            (Operation::Create, Object::Lease(lease)) => lease.metadata.name.as_deref().unwrap_or_default(),
            (Operation::Create, _) => return unexpected_type(),
            _ => self.write.name,
        };
        if name == self.node {
            return Ok(());
        }
        forbidden("can only access node lease with the same name as the requesting node")
    }

    pub(super) fn csi_node(&self) -> Checked {
        let name = match (self.write.operation, self.write.object) {
            (Operation::Create, Object::CsiNode(own)) => own.metadata.name.as_deref().unwrap_or_default(),
            (Operation::Create, _) => return forbidden("unable to access the object name"),
            _ => self.write.name,
        };
        if name != self.node {
            return forbidden("can only access CSINode with the same name as the requesting node");
        }
        if self.write.subresource == "status" {
            return forbidden("CSIVolumeHealth feature gate is disabled");
        }
        Ok(())
    }

    pub(super) fn resource_slice(&self) -> Checked {
        let (object, verb) = match self.write.operation {
            Operation::Create => (self.write.object, "create"),
            Operation::Delete => (self.write.old, "delete"),
            Operation::Update => return Ok(()),
        };
        let Object::ResourceSlice(slice) = object else { return unexpected_type() };
        if slice.spec.node_name.as_deref() == Some(self.node) {
            return Ok(());
        }
        forbidden(format!("can only {verb} ResourceSlice with the same NodeName as the requesting node"))
    }

    pub(super) fn certificate_signing_request(&self) -> Checked {
        if self.write.operation != Operation::Create {
            return Ok(());
        }
        let Object::CertificateSigningRequest(request) = self.write.object else { return unexpected_type() };
        let signer = request.spec.signer_name.as_str();
        if !["kubernetes.io/kubelet-serving", "kubernetes.io/kube-apiserver-client-kubelet"].contains(&signer) {
            return Ok(());
        }
        match common_name(&request.spec.request.0) {
            Err(reason) => forbidden(format!("unable to parse csr: {reason}")),
            Ok(name) if name == format!("system:node:{}", self.node) => Ok(()),
            Ok(_) => forbidden(format!("can only create a node CSR with CN=system:node:{}", self.node)),
        }
    }
}

/// The labels that a node must not have changed, joined; `None` when there is none.
fn forbidden_labels(new: Option<&Labels>, old: Option<&Labels>) -> Option<String> {
    let keys: BTreeSet<&String> = new.into_iter().chain(old).flat_map(BTreeMap::keys).collect();
    let value = |labels: Option<&Labels>, key: &String| labels.and_then(|labels| labels.get(key)).cloned();
    let changed = keys.into_iter().filter(|key| value(new, key) != value(old, key));
    let wrong: Vec<&str> = changed.map(String::as_str).filter(|key| is_forbidden_label(key)).collect();
    (!wrong.is_empty()).then(|| wrong.join(", "))
}

fn is_forbidden_label(key: &str) -> bool {
    let namespace = key.split_once('/').map_or("", |(namespace, _)| namespace);
    let within = |outer: &str| namespace == outer || namespace.ends_with(&format!(".{outer}"));
    let is_nodes = NODE_LABELS.contains(&key) || NODE_LABEL_NAMESPACES.into_iter().any(within);
    within(RESTRICTED_NAMESPACE) || ((within("kubernetes.io") || within("k8s.io")) && !is_nodes)
}

/// The claim without what a node reports about it.
fn without_node_fields(claim: &PersistentVolumeClaim) -> PersistentVolumeClaim {
    let mut claim = claim.clone();
    claim.metadata.resource_version = None;
    claim.metadata.managed_fields = None;
    let mut status = claim.status.take().unwrap_or_default();
    status.capacity = None;
    status.conditions = None;
    status.allocated_resource_statuses = None;
    status.allocated_resources = None;
    claim.status = Some(status);
    claim
}

/// The common name that a PEM certificate request asks for.
fn common_name(pem: &[u8]) -> Result<String, &'static str> {
    let (kind, der) =
        <(SectionKind, Vec<u8>)>::from_pem_slice(pem).map_err(|_| "PEM block type must be CERTIFICATE REQUEST")?;
    if kind != SectionKind::Csr {
        return Err("PEM block type must be CERTIFICATE REQUEST");
    }
    let (_, request) = X509CertificationRequest::from_der(&der).map_err(|_| "it is no PKCS#10 request")?;
    let subject = &request.certification_request_info.subject;
    let name = subject.iter_common_name().last().and_then(|name| name.as_str().ok()).unwrap_or_default();
    Ok(name.to_owned())
}
