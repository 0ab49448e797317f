//! Where objects are read from: the hub's caches and the store behind them.
//!
//! A write begins with what the cache holds, which may be a little old ([`Source::cached`]); what an error or a missing
//! write rests on is read from the store ([`Source::newest`]).

use std::sync::Arc;

use bytes::Bytes;
use howdah_api::Key;
use howdah_api::resource::Resource;
use howdah_store::{Object, ReadError, Revision, Store, WriteError};
use tokio::time::Instant;

use super::route::Served;
use crate::hub::{Cache, Entry, Freshness, Hub};
use crate::status::{ApiError, Subject};

/// An object as it stands, or stood.
#[derive(Debug, Clone)]
pub(super) struct Current {
    /// The write that made it so.
    pub(super) revision: Revision,
    /// Its stored JSON, with its resourceVersion.
    pub(super) wire: Bytes,
}

impl From<Object> for Current {
    fn from(object: Object) -> Self {
        Self { revision: object.revision, wire: object.wire }
    }
}

impl From<&Entry> for Current {
    fn from(entry: &Entry) -> Self {
        Self { revision: entry.revision(), wire: entry.json().clone() }
    }
}

impl Current {
    /// What a transaction made of the write that it begins with, which is no check.
    pub(super) fn first(written: Vec<Object>) -> Self {
        written.into_iter().next().map(Self::from).expect("a write that is no check gives one object")
    }
}

/// The hub and the store.
pub(super) struct Source {
    hub: Hub,
    store: Store,
}

impl Source {
    pub(super) fn new(hub: Hub, store: Store) -> Self {
        Self { hub, store }
    }

    pub(super) fn store(&self) -> &Store {
        &self.store
    }

    pub(super) fn cache(&self, resource: &Resource) -> Arc<Cache> {
        self.hub.cache(resource)
    }

    /// The object as the cache has it, perhaps behind the store.
    pub(super) async fn cached(
        &self,
        served: &Served,
        key: &Key,
        deadline: Instant,
    ) -> Result<Option<Current>, ApiError> {
        let cache = self.cache(served.stored);
        cache.fresh(Freshness::Any, deadline).await?;
        Ok(cache.get(key).map(|entry| Current::from(&*entry)))
    }

    /// The object as it stands at some moment during the call.
    pub(super) async fn newest(&self, key: &Key) -> Result<Option<Current>, ApiError> {
        self.store().get(key).await.map(|object| object.map(Current::from)).map_err(|error| read_error(&error))
    }
}

/// A failed read, as the client is told.
pub(super) fn read_error(error: &ReadError) -> ApiError {
    match error {
        ReadError::Compacted { .. } => {
            ApiError::Expired("The resourceVersion for the provided list is too old.".to_owned())
        }
        ReadError::Future { requested, current } => ApiError::ResourceVersionTooLarge {
            asked: requested.get().unsigned_abs(),
            current: current.get().unsigned_abs(),
        },
        ReadError::Database { source } => {
            tracing::error!(error = source as &dyn std::error::Error, "the store could not be read");
            ApiError::ServiceUnavailable("the database is not reachable".to_owned())
        }
        ReadError::Closed => ApiError::ServiceUnavailable("apiserver is shutting down".to_owned()),
    }
}

/// A failed write that is no conflict, as the client is told.
pub(super) fn write_error(error: &WriteError, subject: Subject, verb: &'static str) -> ApiError {
    match error {
        WriteError::NotApplied => ApiError::ServerTimeout(subject, verb),
        WriteError::Unknown => ApiError::DeadlinePassed,
        WriteError::Refused { source } => {
            tracing::error!(error = &**source as &dyn std::error::Error, "the store refused a write");
            ApiError::Internal("the database refused the write".to_owned())
        }
        WriteError::Closed => ApiError::ServiceUnavailable("apiserver is shutting down".to_owned()),
        // Both are the caller's to handle, or its mistake.
        WriteError::Conflict { .. } | WriteError::Malformed { .. } => ApiError::Internal(error.to_string()),
    }
}
