//! Writes the objects that a cluster begins with: completes what is there, and lets another server be first.
//!
//! Objects are written to the store as the registry would have them: canonical, in normal form, with defaults, a uid and
//! the time. Nobody is asked: this is the server itself, before there are rules to ask.

use std::time::Duration;

use bytes::Bytes;
use futures_util::{StreamExt as _, TryStreamExt as _, stream};
use howdah_api::codec::json;
use howdah_api::tree::normalise;
use howdah_api::{Key, KeyError};
use howdah_store::{
    At, Deadline, List, Object, Operation, Payload, PayloadError, ReadError, Revision, Store, Write, WriteError,
};
use k8s_openapi::jiff::Timestamp;
use serde::Serialize;
use serde::de::DeserializeOwned;
use serde_json::Value;

use crate::authorization::bootstrap::reconcile::Action;
use crate::registry::allocation::with_units;
use crate::registry::route::{self, Served};

/// How long one write may take.
const PATIENCE: Duration = Duration::from_secs(30);
/// How often an object is looked at again when somebody else changes it.
const ATTEMPTS: usize = 16;
/// How many objects are worked on at once.
const AT_ONCE: usize = 64;

/// Why a cluster's first objects could not be written.
#[derive(Debug, thiserror::Error)]
pub enum BootstrapError {
    /// The resource is not served.
    #[error("{0} are not served")]
    NotServed(&'static str),
    /// A name can't be one.
    #[error("an object of the bootstrap can't be named so")]
    Name(#[source] KeyError),
    /// An object can't be read or written as JSON.
    #[error("{key} can't be read or written")]
    Json {
        /// The object.
        key: Key,
        /// The cause.
        source: serde_json::Error,
    },
    /// An object can't be stored.
    #[error("{key} can't be stored")]
    Payload {
        /// The object.
        key: Key,
        /// The cause.
        source: PayloadError,
    },
    /// The database can't be read.
    #[error("the store can't be read")]
    Read(#[source] ReadError),
    /// The database can't be written.
    #[error("the store can't be written")]
    Write(#[source] WriteError),
    /// Others change an object all the time.
    #[error("{0} is changed by somebody else all the time")]
    Unsettled(Key),
}

/// Writes to the store.
#[derive(Debug, Clone)]
pub(super) struct Writer {
    pub(super) store: Store,
    pub(super) clock: fn() -> Timestamp,
}

/// An object that is to be there, and what to do about one that is.
pub(super) struct Wish<T, D> {
    pub(super) namespace: Option<String>,
    pub(super) name: String,
    pub(super) wanted: T,
    /// From what stands and what is wanted.
    pub(super) decide: D,
}

impl Writer {
    /// Brings all objects of a resource to where they are wanted.
    pub(super) async fn settle<T, D>(
        &self,
        resource: (&str, &str, &'static str),
        wishes: Vec<Wish<T, D>>,
    ) -> Result<(), BootstrapError>
    where
        T: Serialize + DeserializeOwned,
        D: Fn(Option<&T>, &T) -> Action<T>,
    {
        let (group, version, plural) = resource;
        let served = route::by_plural(group, version, plural).ok_or(BootstrapError::NotServed(plural))?;
        let prefix = served.prefix("").map_err(|_| BootstrapError::NotServed(plural))?;
        let list = List { prefix, at: At::Newest, after: None, limit: None };
        let present = self.store.list(list).await.map_err(BootstrapError::Read)?.objects;
        let all = wishes.into_iter().map(|wish| {
            let present = &present;
            async move {
                let key = Key::new(&served.stored.group, plural, wish.namespace.as_deref(), &wish.name);
                let key = key.map_err(BootstrapError::Name)?;
                let found = present.iter().find(|object| object.key == key).cloned();
                self.settle_one(served, key, found, &wish).await
            }
        });
        stream::iter(all).buffer_unordered(AT_ONCE).try_collect().await
    }

    async fn settle_one<T, D>(
        &self,
        served: &Served,
        key: Key,
        mut found: Option<Object>,
        wish: &Wish<T, D>,
    ) -> Result<(), BootstrapError>
    where
        T: Serialize + DeserializeOwned,
        D: Fn(Option<&T>, &T) -> Action<T>,
    {
        for _ in 0..ATTEMPTS {
            let json = |source| BootstrapError::Json { key: key.clone(), source };
            let present: Option<T> =
                found.as_ref().map(|object| serde_json::from_slice(&object.wire)).transpose().map_err(json)?;
            let stands = found.as_ref().map_or(Revision::ZERO, |object| object.revision);
            let operation = match (wish.decide)(present.as_ref(), &wish.wanted) {
                Action::None => return Ok(()),
                Action::Create(object) => Operation::Create(self.payload(served, &key, &object, None)?),
                Action::Update(object) => {
                    let payload = self.payload(served, &key, &object, found.as_ref())?;
                    Operation::Update { expected: stands, payload }
                }
                // What is wanted is created in the next round.
                Action::Recreate(_) => Operation::Delete { expected: stands },
            };
            let done = !matches!(operation, Operation::Delete { .. });
            let write = Write { key: key.clone(), operation };
            match self.store.transact(with_units(write), Deadline::after(PATIENCE)).await {
                Ok(_) if done => return Ok(()),
                Ok(_) | Err(WriteError::Conflict { .. }) => {}
                Err(error) => return Err(BootstrapError::Write(error)),
            }
            found = self.store.get(&key).await.map_err(BootstrapError::Read)?;
        }
        Err(BootstrapError::Unsettled(key))
    }

    /// The object as it is stored, with the identity of the one that stands or a new one.
    fn payload<T: Serialize>(
        &self,
        served: &Served,
        key: &Key,
        object: &T,
        present: Option<&Object>,
    ) -> Result<Payload, BootstrapError> {
        let failed = |source| BootstrapError::Json { key: key.clone(), source };
        let mut tree = serde_json::to_value(object).map_err(failed)?;
        let stored = present.map(|present| serde_json::from_slice::<Value>(&present.wire)).transpose();
        let stored = stored.map_err(failed)?.unwrap_or_default();
        let kept = |member: &str| stored["metadata"][member].as_str().map(str::to_owned);
        let uid = kept("uid").unwrap_or_else(|| uuid::Uuid::new_v4().to_string());
        let created = kept("creationTimestamp").unwrap_or_else(|| {
            let now = (self.clock)();
            now.strftime("%Y-%m-%dT%H:%M:%SZ").to_string()
        });
        tree["kind"] = Value::from(&*served.stored.kind);
        tree["apiVersion"] = Value::from(served.stored.group_version().to_string());
        if let Some(metadata) = tree["metadata"].as_object_mut() {
            metadata.shift_remove("resourceVersion");
            metadata.insert("uid".to_owned(), Value::from(uid.clone()));
            metadata.insert("creationTimestamp".to_owned(), Value::from(created));
        }
        if let Ok(strategy) = served.strategy() {
            strategy.default(&mut tree);
        }
        normalise(&mut tree, served.stored_node);
        let json = json::encode(&tree, served.stored_node);
        // The uid is random, so its first place is its own.
        let member = format!(r#""uid":"{uid}""#);
        let at = json.windows(member.len()).position(|bytes| bytes == member.as_bytes());
        let at = at.map_or(0, |at| at + member.len());
        Payload::new(Bytes::from(json), at).map_err(|source| BootstrapError::Payload { key: key.clone(), source })
    }
}
