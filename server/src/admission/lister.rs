//! What the plugins read of other objects, and the one thing that they write: what quotas have in use.
//!
//! The seam between the plugins and the hub, so that the plugins' rules can be checked without a database.

use std::collections::BTreeMap;
use std::sync::Arc;

use futures_util::future::BoxFuture;
use howdah_store::Revision;
use k8s_openapi::api::core::v1::{LimitRange, Node, ServiceAccount};
use k8s_openapi::api::scheduling::v1::PriorityClass;
use serde_json::Value;

use super::resource_list::ResourceList;
use crate::status::ApiError;

/// An answer that may have to be waited for.
pub type Reading<'a, T> = BoxFuture<'a, Result<T, ApiError>>;

/// How new an answer must be.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Age {
    /// What this process knows; it may lag a little.
    Cached,
    /// This revision or a later one.
    AtLeast(Revision),
    /// As it stands at some moment during the call.
    Newest,
}

/// What admission wants to know of a namespace.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Namespace {
    /// `status.phase` is Terminating.
    pub is_terminating: bool,
    /// `metadata.labels`.
    pub labels: BTreeMap<String, String>,
}

/// A resource quota.
#[derive(Debug, Clone, PartialEq)]
pub struct Quota {
    /// The object as it is stored.
    pub object: Value,
    /// The write that made it so.
    pub revision: Revision,
}

/// A new `status.used` of a quota.
#[derive(Debug, Clone, PartialEq)]
pub struct Charge {
    /// The quota as it was seen.
    pub quota: Quota,
    /// The whole of what is used from now on.
    pub used: ResourceList,
}

/// What came of charging.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Charged {
    /// All quotas were written, the last one at this revision.
    At(Revision),
    /// One of them no longer stood as it was seen; nothing was written.
    Overtaken,
}

/// Other objects. Shared by all threads.
pub trait Lister: Send + Sync {
    /// The namespace.
    fn namespace<'a>(&'a self, name: &'a str, age: Age) -> Reading<'a, Option<Namespace>>;

    /// The service account.
    fn service_account<'a>(
        &'a self,
        namespace: &'a str,
        name: &'a str,
        age: Age,
    ) -> Reading<'a, Option<Arc<ServiceAccount>>>;

    /// The service account, waited for for a while where it is not there yet.
    fn coming_service_account<'a>(
        &'a self,
        namespace: &'a str,
        name: &'a str,
    ) -> Reading<'a, Option<Arc<ServiceAccount>>>;

    /// The limit ranges of a namespace, by name.
    fn limit_ranges<'a>(&'a self, namespace: &'a str) -> Reading<'a, Vec<LimitRange>>;

    /// All priority classes, by name.
    fn priority_classes(&self, age: Age) -> Reading<'_, Vec<PriorityClass>>;

    /// A node's labels.
    fn node_labels<'a>(&'a self, name: &'a str) -> Reading<'a, Option<BTreeMap<String, String>>>;

    /// A node.
    fn node<'a>(&'a self, name: &'a str) -> Reading<'a, Option<Node>>;

    /// Pods of a namespace, at most so many, of different owners first; and how many there are.
    fn pods<'a>(&'a self, namespace: &'a str, limit: usize) -> Reading<'a, (Vec<Value>, usize)>;

    /// Whether a namespace has resource quotas, as far as this process knows.
    fn has_quotas<'a>(&'a self, namespace: &'a str) -> Reading<'a, bool>;

    /// The resource quotas of a namespace, by name.
    fn quotas<'a>(&'a self, namespace: &'a str, age: Age) -> Reading<'a, Vec<Quota>>;

    /// Writes what quotas have in use: all of them or none, and only where each stands as it was seen.
    fn charge(&self, charges: Vec<Charge>) -> Reading<'_, Charged>;
}
