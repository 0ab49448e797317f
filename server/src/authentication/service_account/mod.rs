//! ServiceAccount tokens: signing, checking, issuing, and the documents by which others check them.
//!
//! A token is a JWT ([`jwt`]) signed with one of the cluster's keys ([`key`]). [`bound`] tokens name the ServiceAccount
//! and the object they live and die with; [`legacy`] ones are kept in a Secret. [`issue`] is what `TokenRequest` does,
//! [`discovery`] the OpenID documents. Whether the objects a token names still live is asked through
//! [`ObjectGetter`], whose implementation reads the caches, and the store when a cache does not know an object.
//!
//! Source: <https://kubernetes.io/docs/reference/access-authn-authz/service-accounts-admin/>, KEP-1205, KEP-4193.

pub mod bound;
pub mod discovery;
pub mod issue;
pub mod jwt;
pub mod key;
pub mod legacy;

use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;

use k8s_openapi::api::core::v1::{Node, Pod, Secret, ServiceAccount};

/// The extra key of the pod a token is bound to.
pub const POD_NAME_KEY: &str = "authentication.kubernetes.io/pod-name";
/// The extra key of that pod's uid.
pub const POD_UID_KEY: &str = "authentication.kubernetes.io/pod-uid";
/// The extra key of the node a token is bound to, or its pod ran on.
pub const NODE_NAME_KEY: &str = "authentication.kubernetes.io/node-name";
/// The extra key of that node's uid.
pub const NODE_UID_KEY: &str = "authentication.kubernetes.io/node-uid";

/// An object, `None` when there is none, or why that can't be told.
pub type Lookup<'a, T> = Pin<Box<dyn Future<Output = Result<Option<Arc<T>>, LookupError>> + Send + 'a>>;

/// An object could not be looked up: nothing is known about it.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{0}")]
pub struct LookupError(pub String);

/// Finds the objects that tokens name. An object is found when it exists, even when it is being deleted.
pub trait ObjectGetter: Send + Sync {
    /// A ServiceAccount.
    fn service_account<'a>(&'a self, namespace: &'a str, name: &'a str) -> Lookup<'a, ServiceAccount>;
    /// A Pod.
    fn pod<'a>(&'a self, namespace: &'a str, name: &'a str) -> Lookup<'a, Pod>;
    /// A Secret.
    fn secret<'a>(&'a self, namespace: &'a str, name: &'a str) -> Lookup<'a, Secret>;
    /// A Node.
    fn node<'a>(&'a self, name: &'a str) -> Lookup<'a, Node>;
}

#[cfg(test)]
#[path = "fixture_test.rs"]
pub(crate) mod fixture;
