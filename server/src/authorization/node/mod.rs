//! What a node agent may do: read what the pods bound to its node need, and write what is its own.
//!
//! [`Graph`] knows which objects lead to which node and is fed with every change of the objects it is about.
//! [`NodeAuthorizer`] decides by it. What can't be seen before an object is decoded (whether a node writes its own
//! Node, pods bound to itself, tokens for its pods) is checked in admission: [`restriction`].
//!
//! Source: <https://kubernetes.io/docs/reference/access-authn-authz/node/>, with upstream's feature
//! `AuthorizeNodeWithSelectors`: lists and watches of pods have to select the node.

mod graph;
mod reference;
pub mod restriction;

use std::sync::{Arc, PoisonError, RwLock};

use k8s_openapi::api::rbac::v1::PolicyRule;

pub use graph::{Graph, Kind};

use super::attributes::Attributes;
use super::authorizer::{Authorizer, UserRules, Verdict};
use super::bootstrap::BootstrapPolicy;
use super::rbac::rule;
use crate::authentication::user::UserInfo;
use howdah_api::go::quote;

/// The namespace of the nodes' Leases.
const LEASE_NAMESPACE: &str = "kube-node-lease";

/// Decides about the requests of nodes; no opinion about anybody else's.
pub struct NodeAuthorizer {
    graph: Arc<RwLock<Graph>>,
    /// The rules of the ClusterRole `system:node`, for what is not divided among nodes.
    rules: Vec<PolicyRule>,
}

impl NodeAuthorizer {
    /// The name upstream gives to this authorizer in a union.
    pub const NAME: &'static str = "node";

    /// An authorizer over a graph that somebody else keeps up to date.
    pub fn new(graph: Arc<RwLock<Graph>>) -> Self {
        let roles = BootstrapPolicy::load().cluster_roles;
        let role = roles.into_iter().find(|role| role.metadata.name.as_deref() == Some("system:node"));
        let rules = role.and_then(|role| role.rules).expect("the policy has the ClusterRole system:node");
        Self { graph, rules }
    }

    fn decide(&self, node: &str, attributes: &Attributes) -> Verdict {
        let request = Request { node, attributes, graph: &self.graph };
        match (attributes.api_group.as_str(), attributes.resource.as_str()) {
            _ if !attributes.is_resource_request => self.by_rules(attributes),
            ("", "secrets") => request.read_namespaced(Kind::Secret),
            ("", "configmaps") => request.read_namespaced(Kind::ConfigMap),
            ("", "persistentvolumeclaims") if attributes.subresource == "status" => request.update_claim_status(),
            ("", "persistentvolumeclaims") => request.get(Kind::PersistentVolumeClaim),
            ("", "persistentvolumes") => request.get(Kind::PersistentVolume),
            ("resource.k8s.io", "resourceclaims") => request.get(Kind::ResourceClaim),
            ("storage.k8s.io", "volumeattachments") => request.get(Kind::VolumeAttachment),
            ("", "serviceaccounts") => request.service_account(),
            ("coordination.k8s.io", "leases") => request.lease(),
            ("storage.k8s.io", "csinodes") => request.csi_node(),
            ("resource.k8s.io", "resourceslices") => request.resource_slice(),
            ("", "nodes") => request.node(),
            ("", "pods") => request.pod(),
            ("certificates.k8s.io", "podcertificaterequests") => request.pod_certificate_request(),
            _ => self.by_rules(attributes),
        }
    }

    fn by_rules(&self, attributes: &Attributes) -> Verdict {
        let allowed = self.rules.iter().any(|own| rule::allows(own, attributes));
        if allowed { Verdict::allow("") } else { Verdict::no_opinion("") }
    }
}

impl Authorizer for NodeAuthorizer {
    fn authorize(&self, attributes: &Attributes) -> Verdict {
        match attributes.user.node_name() {
            None => Verdict::no_opinion(""),
            Some("") => Verdict::no_opinion(format!("unknown node for user {}", quote(&attributes.user.name))),
            Some(node) => self.decide(node, attributes),
        }
    }

    fn rules_for(&self, user: &UserInfo, _namespace: &str) -> UserRules {
        if user.node_name().is_none() {
            return UserRules::default();
        }
        let errors = vec!["node authorizer does not support user rule resolution".to_owned()];
        UserRules { incomplete: true, errors, ..UserRules::default() }
    }
}

/// One request of one node.
struct Request<'a> {
    node: &'a str,
    attributes: &'a Attributes,
    graph: &'a RwLock<Graph>,
}

impl Request<'_> {
    fn verb(&self) -> &str {
        &self.attributes.verb
    }

    fn subresource(&self) -> &str {
        &self.attributes.subresource
    }

    /// Allowed when the object leads to the node.
    fn related(&self, kind: Kind) -> Verdict {
        if self.attributes.name.is_empty() {
            return Verdict::no_opinion("No Object name found");
        }
        self.leads_here(kind)
    }

    fn leads_here(&self, kind: Kind) -> Verdict {
        let graph = self.graph.read().unwrap_or_else(PoisonError::into_inner);
        if graph.leads_to(kind, &self.attributes.namespace, &self.attributes.name, self.node) {
            return Verdict::allow("");
        }
        Verdict::no_opinion(format!("no relationship found between node '{}' and this object", self.node))
    }

    /// Whether the field selector asks for this node's objects only.
    fn selects_own(&self, field: &str) -> bool {
        let requirements = self.attributes.field_selector.as_deref().unwrap_or_default();
        requirements.iter().any(|own| own.equals && own.field == field && own.value == self.node)
    }

    fn get(&self, kind: Kind) -> Verdict {
        match (self.verb(), self.subresource()) {
            ("get", "") => self.related(kind),
            ("get", _) => Verdict::no_opinion("cannot get subresource"),
            _ => Verdict::no_opinion("can only get individual resources of this type"),
        }
    }

    fn read_namespaced(&self, kind: Kind) -> Verdict {
        let refused = if !self.attributes.is_read_only() {
            "can only read resources of this type"
        } else if !self.subresource().is_empty() {
            "cannot read subresource"
        } else if self.attributes.namespace.is_empty() {
            "can only read namespaced object of this type"
        } else {
            return self.related(kind);
        };
        Verdict::no_opinion(refused)
    }

    fn update_claim_status(&self) -> Verdict {
        match self.verb() {
            "update" | "patch" => self.related(Kind::PersistentVolumeClaim),
            _ => Verdict::no_opinion("can only get/update/patch this type"),
        }
    }

    fn service_account(&self) -> Verdict {
        if self.verb() == "get" && self.subresource().is_empty() {
            return self.read_namespaced(Kind::ServiceAccount);
        }
        if self.verb() != "create" || self.attributes.name.is_empty() {
            return Verdict::no_opinion("can only create tokens for individual service accounts");
        }
        if self.subresource() != "token" {
            return Verdict::no_opinion("can only create token subresource of serviceaccount");
        }
        self.leads_here(Kind::ServiceAccount)
    }

    fn lease(&self) -> Verdict {
        let refused = if !matches!(self.verb(), "get" | "create" | "update" | "patch" | "delete") {
            "can only get, create, update, patch, or delete a node lease".to_owned()
        } else if self.attributes.namespace != LEASE_NAMESPACE {
            format!("can only access leases in the {} system namespace", quote(LEASE_NAMESPACE))
        } else if self.verb() != "create" && self.attributes.name != self.node {
            "can only access node lease with the same name as the requesting node".to_owned()
        } else {
            return Verdict::allow("");
        };
        Verdict::no_opinion(refused)
    }

    fn csi_node(&self) -> Verdict {
        let refused = match (self.subresource(), self.verb()) {
            ("", "create") => return Verdict::allow(""),
            ("", "get" | "update" | "patch" | "delete") if self.attributes.name == self.node => {
                return Verdict::allow("");
            }
            ("", "get" | "update" | "patch" | "delete") => {
                "can only access CSINode with the same name as the requesting node"
            }
            ("", _) => "can only get, create, update, patch, or delete a CSINode",
            ("status", _) => "CSINode status access requires CSIVolumeHealth feature",
            _ => "cannot authorize CSINode subresources",
        };
        Verdict::no_opinion(refused)
    }

    fn resource_slice(&self) -> Verdict {
        if !self.subresource().is_empty() {
            return Verdict::no_opinion("cannot authorize ResourceSlice subresources");
        }
        match self.verb() {
            // Admission checks that the slice is the node's own.
            "create" => Verdict::allow(""),
            "get" | "update" | "patch" | "delete" => self.related(Kind::ResourceSlice),
            "watch" | "list" | "deletecollection" if self.selects_own("spec.nodeName") => Verdict::allow(""),
            "watch" | "list" | "deletecollection" => {
                Verdict::no_opinion("can only list/watch/deletecollection resourceslices with nodeName field selector")
            }
            _ => Verdict::no_opinion(
                "only the following verbs are allowed for a ResourceSlice: get, watch, list, create, update, patch, \
                 delete, deletecollection",
            ),
        }
    }

    fn pod_certificate_request(&self) -> Verdict {
        if !self.subresource().is_empty() {
            return Verdict::no_opinion("nodes may not access the status subresource of PodCertificateRequests");
        }
        match self.verb() {
            // Admission checks that it is for a pod on the node.
            "create" => Verdict::allow(""),
            "get" => self.related(Kind::PodCertificateRequest),
            "list" | "watch" if self.selects_own("spec.nodeName") => Verdict::allow(""),
            "list" | "watch" => {
                Verdict::no_opinion("can only list/watch podcertificaterequests with nodeName field selector")
            }
            verb => Verdict::no_opinion(format!("nodes may not {verb} podcertificaterequests")),
        }
    }

    fn node(&self) -> Verdict {
        let (own, asked) = (self.node, self.attributes.name.as_str());
        match (self.subresource(), self.verb()) {
            // Admission checks that it is the node's own.
            ("", "create" | "update" | "patch") | ("status", "update" | "patch") => Verdict::allow(""),
            // By name, not by the graph: a node may ask for itself before it exists.
            ("", "get" | "list" | "watch") if asked == own => Verdict::allow(""),
            ("", "get" | "list" | "watch") if asked.is_empty() => {
                Verdict::no_opinion(format!("node '{own}' cannot read all nodes, only its own Node object"))
            }
            ("", "get" | "list" | "watch") => {
                Verdict::no_opinion(format!("node '{own}' cannot read '{asked}', only its own Node object"))
            }
            _ => Verdict::no_opinion(""),
        }
    }

    fn pod(&self) -> Verdict {
        match (self.subresource(), self.verb()) {
            ("", "get") => self.get(Kind::Pod),
            ("", "list" | "watch") if self.selects_own("spec.nodeName") => Verdict::allow(""),
            ("", "list" | "watch") if !self.attributes.name.is_empty() => self.related(Kind::Pod),
            ("", "list" | "watch") => Verdict::no_opinion("can only list/watch pods with spec.nodeName field selector"),
            // Admission checks that the pod is bound to the node, and a mirror pod where that matters.
            ("", "create" | "delete") | ("status", "update" | "patch") | ("eviction", "create") => Verdict::allow(""),
            _ => Verdict::no_opinion(""),
        }
    }
}

#[cfg(test)]
#[path = "node_test.rs"]
mod tests;
