//! NodeRestriction as an admission step: what a node writes is judged with the objects that it refers to at hand.

use std::sync::Arc;
use std::time::Duration;

use futures_util::future::LocalBoxFuture;
use howdah_api::Key;
use howdah_api::resource;
use k8s_openapi::api::authentication::v1::TokenRequest;
use k8s_openapi::api::certificates::v1::{CertificateSigningRequest, PodCertificateRequest};
use k8s_openapi::api::coordination::v1::Lease;
use k8s_openapi::api::core::v1::{Node, PersistentVolume, PersistentVolumeClaim, Pod, ServiceAccount};
use k8s_openapi::api::policy::v1::Eviction;
use k8s_openapi::api::resource::v1::ResourceSlice;
use k8s_openapi::api::storage::v1::{CSIDriver, CSINode};
use serde::de::DeserializeOwned;
use serde_json::Value;
use tokio::time::Instant;

use super::{Admission, Attributes, Operation};
use crate::authorization::authorizer::Authorizer;
use crate::authorization::node::restriction::{self, Cluster, Object, Refusal, Write, check};
use crate::hub::{Freshness, Hub};
use crate::registry::object::meta;
use crate::status::{ApiError, Subject};

/// How long a cache may take to fill before a node is told to try again.
const PATIENCE: Duration = Duration::from_secs(3);
/// What nodes' writes refer to.
const REFERRED: [(&str, &str, &str); 6] = [
    ("", "v1", "pods"),
    ("", "v1", "nodes"),
    ("", "v1", "serviceaccounts"),
    ("", "v1", "persistentvolumeclaims"),
    ("", "v1", "persistentvolumes"),
    ("storage.k8s.io", "v1", "csidrivers"),
];

/// The step.
pub struct NodeRestriction {
    objects: Cached,
    authorizer: Arc<dyn Authorizer>,
}

/// Objects as the hub has them.
struct Cached(Hub);

impl NodeRestriction {
    /// The step, over what the hub has cached.
    #[must_use]
    pub fn new(hub: Hub, authorizer: Arc<dyn Authorizer>) -> Self {
        Self { objects: Cached(hub), authorizer }
    }
}

impl Admission for NodeRestriction {
    fn admit<'a>(
        &'a self,
        attributes: Attributes<'a>,
        object: &'a mut Value,
    ) -> LocalBoxFuture<'a, Result<Vec<String>, ApiError>> {
        Box::pin(async move {
            if attributes.user.node_name().is_none() {
                return Ok(Vec::new());
            }
            self.objects.fill().await?;
            let new = View::of(&attributes, Some(&*object).filter(|object| !object.is_null()))?;
            let old = View::of(&attributes, attributes.old)?;
            let own = meta(object).name();
            let row = attributes.served.row;
            let write = Write {
                user: attributes.user,
                operation: match attributes.operation {
                    Operation::Create | Operation::Connect => restriction::Operation::Create,
                    Operation::Update => restriction::Operation::Update,
                    Operation::Delete => restriction::Operation::Delete,
                },
                api_group: &row.group,
                api_version: &row.version,
                resource: &row.plural,
                subresource: attributes.subresource,
                namespace: attributes.namespace,
                name: if attributes.name.is_empty() { own } else { attributes.name },
                object: new.object(),
                old: old.object(),
            };
            match check(&write, &self.objects, &*self.authorizer) {
                Ok(()) => Ok(Vec::new()),
                Err(Refusal::Forbidden(cause)) => Err(attributes.forbidden(object, &cause)),
                Err(Refusal::NotFound { resource, name }) => {
                    Err(ApiError::NotFound(Subject { resource: resource.to_owned(), name, ..Subject::default() }))
                }
                Err(Refusal::Retry(why)) => Err(ApiError::Unforeseen(why)),
            }
        })
    }
}

/// A typed view that is owned, so that it can be lent.
enum View {
    None,
    Pod(Box<Pod>),
    Eviction(Box<Eviction>),
    Node(Box<Node>),
    Claim(Box<PersistentVolumeClaim>),
    TokenRequest(Box<TokenRequest>),
    PodCertificateRequest(Box<PodCertificateRequest>),
    Lease(Box<Lease>),
    CsiNode(Box<CSINode>),
    ResourceSlice(Box<ResourceSlice>),
    CertificateSigningRequest(Box<CertificateSigningRequest>),
}

impl View {
    fn of(attributes: &Attributes<'_>, object: Option<&Value>) -> Result<Self, ApiError> {
        let Some(object) = object else { return Ok(Self::None) };
        let row = attributes.served.row;
        Ok(match (&*row.group, &*row.plural, attributes.subresource) {
            ("", "pods", "eviction") => Self::Eviction(view(object)?),
            ("", "pods", "" | "status") => Self::Pod(view(object)?),
            ("", "nodes", _) => Self::Node(view(object)?),
            ("", "persistentvolumeclaims", _) => Self::Claim(view(object)?),
            ("", "serviceaccounts", "token") => Self::TokenRequest(view(object)?),
            ("certificates.k8s.io", "podcertificaterequests", _) => Self::PodCertificateRequest(view(object)?),
            ("certificates.k8s.io", "certificatesigningrequests", _) => Self::CertificateSigningRequest(view(object)?),
            ("coordination.k8s.io", "leases", _) => Self::Lease(view(object)?),
            ("storage.k8s.io", "csinodes", _) => Self::CsiNode(view(object)?),
            ("resource.k8s.io", "resourceslices", _) => Self::ResourceSlice(view(object)?),
            _ => Self::None,
        })
    }

    fn object(&self) -> Object<'_> {
        match self {
            Self::None => Object::None,
            Self::Pod(one) => Object::Pod(one),
            Self::Eviction(one) => Object::Eviction(one),
            Self::Node(one) => Object::Node(one),
            Self::Claim(one) => Object::Claim(one),
            Self::TokenRequest(one) => Object::TokenRequest(one),
            Self::PodCertificateRequest(one) => Object::PodCertificateRequest(one),
            Self::Lease(one) => Object::Lease(one),
            Self::CsiNode(one) => Object::CsiNode(one),
            Self::ResourceSlice(one) => Object::ResourceSlice(one),
            Self::CertificateSigningRequest(one) => Object::CertificateSigningRequest(one),
        }
    }
}

fn view<T: DeserializeOwned>(object: &Value) -> Result<Box<T>, ApiError> {
    T::deserialize(object).map(Box::new).map_err(|error| ApiError::BadRequest(error.to_string()))
}

impl Cached {
    /// Waits until the caches hold what a node's write may refer to.
    async fn fill(&self) -> Result<(), ApiError> {
        let deadline = Instant::now() + PATIENCE;
        for (group, version, plural) in REFERRED {
            if let Some(row) = resource::by_plural(group, version, plural) {
                self.0.cache(row).fresh(Freshness::Any, deadline).await?;
            }
        }
        Ok(())
    }

    fn get<T: DeserializeOwned>(&self, at: (&str, &str), namespace: Option<&str>, name: &str) -> Option<Arc<T>> {
        let (group, plural) = at;
        let row = resource::by_plural(group, "v1", plural)?;
        let entry = self.0.cache(row).get(&Key::new(group, plural, namespace, name).ok()?)?;
        serde_json::from_slice(entry.json()).map(Arc::new).ok()
    }
}

impl Cluster for Cached {
    fn pod(&self, namespace: &str, name: &str) -> Option<Arc<Pod>> {
        self.get(("", "pods"), Some(namespace), name)
    }

    fn node(&self, name: &str) -> Option<Arc<Node>> {
        self.get(("", "nodes"), None, name)
    }

    fn service_account(&self, namespace: &str, name: &str) -> Option<Arc<ServiceAccount>> {
        self.get(("", "serviceaccounts"), Some(namespace), name)
    }

    fn claim(&self, namespace: &str, name: &str) -> Option<Arc<PersistentVolumeClaim>> {
        self.get(("", "persistentvolumeclaims"), Some(namespace), name)
    }

    fn volume(&self, name: &str) -> Option<Arc<PersistentVolume>> {
        self.get(("", "persistentvolumes"), None, name)
    }

    fn csi_driver(&self, name: &str) -> Option<Arc<CSIDriver>> {
        self.get(("storage.k8s.io", "csidrivers"), None, name)
    }
}
