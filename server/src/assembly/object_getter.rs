//! The objects that tokens name: from the hub's caches, and from the store where a cache does not know one.

use std::sync::Arc;
use std::time::Duration;

use howdah_api::Key;
use howdah_api::resource::by_plural;
use howdah_store::Store;
use k8s_openapi::api::core::v1::{Node, Pod, Secret, ServiceAccount};
use serde::de::DeserializeOwned;
use tokio::time::Instant;

use crate::authentication::service_account::{Lookup, LookupError, ObjectGetter};
use crate::hub::{Cache, Freshness, Hub};

/// How long a cache may take to fill.
const PATIENCE: Duration = Duration::from_secs(10);

/// Looks objects up.
pub(super) struct Objects {
    store: Store,
    service_accounts: Arc<Cache>,
    pods: Arc<Cache>,
    secrets: Arc<Cache>,
    nodes: Arc<Cache>,
}

impl Objects {
    pub(super) fn new(hub: &Hub, store: Store) -> Self {
        let cache = |plural| hub.cache(by_plural("", "v1", plural).expect("the table has the core resources"));
        Self {
            store,
            service_accounts: cache("serviceaccounts"),
            pods: cache("pods"),
            secrets: cache("secrets"),
            nodes: cache("nodes"),
        }
    }

    async fn find<T: DeserializeOwned>(
        &self,
        cache: &Cache,
        namespace: Option<&str>,
        name: &str,
    ) -> Result<Option<Arc<T>>, LookupError> {
        let failed = |error: &dyn std::error::Error| LookupError(error.to_string());
        let plural = cache.prefix().as_str().trim_matches('/').rsplit('/').next().unwrap_or_default();
        // A name that can't be one names nothing.
        let Ok(key) = Key::new("", plural, namespace, name) else { return Ok(None) };
        cache.fresh(Freshness::Any, Instant::now() + PATIENCE).await.map_err(|error| failed(&error))?;
        let json = match cache.get(&key) {
            Some(entry) => Some(entry.json().clone()),
            None => self.store.get(&key).await.map_err(|error| failed(&error))?.map(|object| object.wire),
        };
        json.map(|json| serde_json::from_slice(&json).map(Arc::new)).transpose().map_err(|error| failed(&error))
    }
}

impl ObjectGetter for Objects {
    fn service_account<'a>(&'a self, namespace: &'a str, name: &'a str) -> Lookup<'a, ServiceAccount> {
        Box::pin(self.find(&self.service_accounts, Some(namespace), name))
    }

    fn pod<'a>(&'a self, namespace: &'a str, name: &'a str) -> Lookup<'a, Pod> {
        Box::pin(self.find(&self.pods, Some(namespace), name))
    }

    fn secret<'a>(&'a self, namespace: &'a str, name: &'a str) -> Lookup<'a, Secret> {
        Box::pin(self.find(&self.secrets, Some(namespace), name))
    }

    fn node<'a>(&'a self, name: &'a str) -> Lookup<'a, Node> {
        Box::pin(self.find(&self.nodes, None, name))
    }
}
