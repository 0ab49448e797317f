//! Other objects as the watch hub has them; quotas are charged in the store.
//!
//! Objects are read where they are asked for: what is asked on every write (namespaces, nodes' labels, whether there are
//! quotas) is in the caches' entries already. One that can't be read is left out with a warning.

use std::collections::{BTreeMap, HashSet};
use std::sync::Arc;
use std::time::Duration;

use howdah_api::apply::{self, Manager, Reset};
use howdah_api::resource::{self, Resource};
use howdah_api::time::Time;
use howdah_api::{Key, KeyPrefix};
use howdah_store::{Deadline, Operation, Store, Write, WriteError};
use k8s_openapi::api::core::v1::{LimitRange, Node, ServiceAccount};
use k8s_openapi::api::scheduling::v1::PriorityClass;
use k8s_openapi::jiff::Timestamp;
use serde::de::DeserializeOwned;
use serde_json::Value;
use tokio::time::{Instant, timeout_at};

use super::lister::{Age, Charge, Charged, Lister, Namespace, Quota, Reading};
use super::resource_list::tree;
use super::tree::{map_mut, name, text};
use crate::hub::{Cache, Entry, FRESHNESS_TIMEOUT, Freshness, Hub};
use crate::registry::payload;
use crate::registry::route::by_plural;
use crate::status::{ApiError, Subject};

/// How long the service account that every namespace gets is waited for: upstream asks ten times in about that time.
const ACCOUNT_PATIENCE: Duration = Duration::from_millis(1500);
/// How long the store may take to charge quotas.
const CHARGE_PATIENCE: Duration = Duration::from_secs(5);
/// The name under which quotas are charged, as managedFields tell it.
const MANAGER: &str = "kube-apiserver";

/// The hub and the store.
pub(super) struct HubLister {
    hub: Hub,
    store: Store,
    clock: fn() -> Timestamp,
}

impl HubLister {
    pub(super) fn new(hub: Hub, store: Store, clock: fn() -> Timestamp) -> Self {
        Self { hub, store, clock }
    }

    /// The cache of a resource, as new as asked for.
    async fn cache(&self, group: &str, plural: &str, age: Age) -> Result<Arc<Cache>, ApiError> {
        let cache = self.hub.cache(row(group, plural)?);
        let how = match age {
            Age::Cached => Freshness::Any,
            Age::AtLeast(revision) => Freshness::AtLeast(revision),
            Age::Newest => Freshness::Newest,
        };
        cache.fresh(how, Instant::now() + FRESHNESS_TIMEOUT).await?;
        Ok(cache)
    }

    async fn get(
        &self,
        plural: &str,
        namespace: Option<&str>,
        name: &str,
        age: Age,
    ) -> Result<Option<Arc<Entry>>, ApiError> {
        let cache = self.cache("", plural, age).await?;
        // What can't be a key names nothing.
        Ok(Key::new("", plural, namespace, name).ok().and_then(|key| cache.get(&key)))
    }

    async fn list(
        &self,
        (group, plural): (&str, &str),
        namespace: Option<&str>,
        age: Age,
    ) -> Result<Vec<Arc<Entry>>, ApiError> {
        let cache = self.cache(group, plural, age).await?;
        let prefix = KeyPrefix::new(group, plural, namespace);
        Ok(prefix.map(|prefix| cache.list(&prefix).entries).unwrap_or_default())
    }

    async fn account(&self, namespace: &str, name: &str, age: Age) -> Result<Option<Arc<ServiceAccount>>, ApiError> {
        let entry = self.get("serviceaccounts", Some(namespace), name, age).await?;
        Ok(entry.as_deref().and_then(typed).map(Arc::new))
    }

    /// The write that charges a quota.
    fn write(&self, charge: Charge) -> Result<Write, ApiError> {
        let served = by_plural("", "v1", "resourcequotas").ok_or(ApiError::UnknownResource)?;
        let Charge { quota: Quota { object, revision }, used } = charge;
        let key = served.key(text(&object, &["metadata", "namespace"]), name(&object))?;
        let mut charged = object.clone();
        map_mut(&mut charged, &["status"]).insert("used".to_owned(), tree(&used));
        let now = (self.clock)();
        let manager = Manager {
            name: MANAGER,
            operation: apply::Operation::Update,
            api_version: "v1",
            kind: "ResourceQuota",
            subresource: "status",
            time: Time { seconds: now.as_second(), nanos: 0 },
            siblings: &[],
        };
        apply::update(Some(&object), &mut charged, served.stored_node, &manager, Reset::Fields(&["spec"]));
        Ok(Write { key, operation: Operation::Update { expected: revision, payload: payload(served, charged)? } })
    }
}

fn row(group: &str, plural: &str) -> Result<&'static Resource, ApiError> {
    resource::by_plural(group, "v1", plural).ok_or(ApiError::UnknownResource)
}

fn typed<T: DeserializeOwned>(entry: &Entry) -> Option<T> {
    serde_json::from_slice(entry.json())
        .map_err(|error| tracing::warn!(key = %entry.key(), %error, "admission can't read an object"))
        .ok()
}

fn labels(entry: &Entry) -> BTreeMap<String, String> {
    entry.labels().map(|(name, value)| (name.to_owned(), value.to_owned())).collect()
}

fn all<T: DeserializeOwned>(entries: &[Arc<Entry>]) -> Vec<T> {
    entries.iter().filter_map(|entry| typed(entry)).collect()
}

impl Lister for HubLister {
    fn namespace<'a>(&'a self, name: &'a str, age: Age) -> Reading<'a, Option<Namespace>> {
        Box::pin(async move {
            let entry = self.get("namespaces", None, name, age).await?;
            Ok(entry.map(|entry| Namespace {
                is_terminating: entry.field("status.phase") == Some("Terminating"),
                labels: labels(&entry),
            }))
        })
    }

    fn service_account<'a>(
        &'a self,
        namespace: &'a str,
        name: &'a str,
        age: Age,
    ) -> Reading<'a, Option<Arc<ServiceAccount>>> {
        Box::pin(self.account(namespace, name, age))
    }

    fn coming_service_account<'a>(
        &'a self,
        namespace: &'a str,
        name: &'a str,
    ) -> Reading<'a, Option<Arc<ServiceAccount>>> {
        Box::pin(async move {
            let deadline = Instant::now() + ACCOUNT_PATIENCE;
            let mut news = self.hub.cache(row("", "serviceaccounts")?).subscribe();
            // The first news is all that there is, so nothing can come unnoticed in between.
            while let Ok(Some(_)) = timeout_at(deadline, news.next()).await {
                if let Some(account) = self.account(namespace, name, Age::Cached).await? {
                    return Ok(Some(account));
                }
            }
            self.account(namespace, name, Age::Newest).await
        })
    }

    fn limit_ranges<'a>(&'a self, namespace: &'a str) -> Reading<'a, Vec<LimitRange>> {
        Box::pin(async move { Ok(all(&self.list(("", "limitranges"), Some(namespace), Age::Cached).await?)) })
    }

    fn priority_classes(&self, age: Age) -> Reading<'_, Vec<PriorityClass>> {
        Box::pin(async move { Ok(all(&self.list(("scheduling.k8s.io", "priorityclasses"), None, age).await?)) })
    }

    fn node_labels<'a>(&'a self, name: &'a str) -> Reading<'a, Option<BTreeMap<String, String>>> {
        Box::pin(async move { Ok(self.get("nodes", None, name, Age::Cached).await?.map(|entry| labels(&entry))) })
    }

    fn node<'a>(&'a self, name: &'a str) -> Reading<'a, Option<Node>> {
        Box::pin(async move { Ok(self.get("nodes", None, name, Age::Cached).await?.as_deref().and_then(typed)) })
    }

    fn pods<'a>(&'a self, namespace: &'a str, limit: usize) -> Reading<'a, (Vec<Value>, usize)> {
        Box::pin(async move {
            let entries = self.list(("", "pods"), Some(namespace), Age::Cached).await?;
            let count = entries.len();
            let mut owners = HashSet::new();
            let is_first = |entry: &Arc<Entry>| entry.owners().first().is_none_or(|owner| owners.insert(owner.clone()));
            let (mut chosen, rest): (Vec<_>, Vec<_>) = entries.into_iter().partition(is_first);
            chosen.extend(rest);
            chosen.truncate(limit);
            Ok((all(&chosen), count))
        })
    }

    fn has_quotas<'a>(&'a self, namespace: &'a str) -> Reading<'a, bool> {
        Box::pin(async move { Ok(!self.list(("", "resourcequotas"), Some(namespace), Age::Cached).await?.is_empty()) })
    }

    fn quotas<'a>(&'a self, namespace: &'a str, age: Age) -> Reading<'a, Vec<Quota>> {
        Box::pin(async move {
            let entries = self.list(("", "resourcequotas"), Some(namespace), age).await?;
            let quota = |entry: &Arc<Entry>| Some(Quota { object: typed(entry)?, revision: entry.revision() });
            Ok(entries.iter().filter_map(quota).collect())
        })
    }

    fn charge(&self, charges: Vec<Charge>) -> Reading<'_, Charged> {
        Box::pin(async move {
            let name = charges.first().map(|charge| text(&charge.quota.object, &["metadata", "name"]).to_owned());
            let writes = charges.into_iter().map(|charge| self.write(charge)).collect::<Result<Vec<_>, _>>()?;
            match self.store.transact(writes, Deadline::after(CHARGE_PATIENCE)).await {
                Ok(written) => {
                    let last = written.iter().map(|object| object.revision).max();
                    Ok(last.map_or(Charged::Overtaken, Charged::At))
                }
                Err(WriteError::Conflict { .. }) => Ok(Charged::Overtaken),
                Err(WriteError::Unknown) => Err(ApiError::DeadlinePassed),
                Err(WriteError::Closed) => Err(ApiError::ServiceUnavailable("apiserver is shutting down".to_owned())),
                Err(WriteError::NotApplied) => {
                    let subject = Subject {
                        resource: "resourcequotas".to_owned(),
                        name: name.unwrap_or_default(),
                        ..Subject::default()
                    };
                    Err(ApiError::ServerTimeout(subject, "update"))
                }
                Err(error @ (WriteError::Refused { .. } | WriteError::Malformed { .. })) => {
                    tracing::error!(error = &error as &dyn std::error::Error, "quotas could not be charged");
                    Err(ApiError::Internal("quotas could not be charged".to_owned()))
                }
            }
        })
    }
}
