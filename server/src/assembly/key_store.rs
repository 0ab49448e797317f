//! The cluster's keys in the database that all its servers share, so that each trusts what another has issued.
//!
//! An entry is an object of a group of its own, which no resource has: the API does not serve it. The store's
//! compare-and-swap is the key store's.

use std::io;
use std::time::Duration;

use bytes::Bytes;
use futures_util::future::BoxFuture;
use howdah_api::Key;
use howdah_store::{Deadline, Object, Operation, Payload, Store, Write, WriteError};
use serde::{Deserialize, Serialize};

use crate::pki::{KeyStore, KeyStoreError};

/// The group of what Howdah keeps for itself.
pub(super) const INTERNAL_GROUP: &str = "howdah";
const RESOURCE: &str = "keys";
/// How long a write may take.
const PATIENCE: Duration = Duration::from_secs(30);

/// Keys in the store.
#[derive(Debug, Clone)]
pub struct DatabaseKeyStore {
    store: Store,
}

/// An entry as it is kept.
#[derive(Serialize, Deserialize)]
struct Entry {
    metadata: Metadata,
    pem: String,
}

#[derive(Serialize, Deserialize)]
struct Metadata {
    name: String,
}

impl DatabaseKeyStore {
    /// The keys in this store.
    #[must_use]
    pub const fn new(store: Store) -> Self {
        Self { store }
    }

    async fn object(&self, key: &Key) -> io::Result<Option<Object>> {
        self.store.get(key).await.map_err(io::Error::other)
    }

    async fn swap_now(&self, name: &str, expected: Option<&[u8]>, new: &[u8]) -> io::Result<Vec<u8>> {
        let key = key(name)?;
        let payload = payload(name, new)?;
        // Whoever else swaps makes this one look again, and then it is theirs that stands.
        loop {
            let present = self.object(&key).await?;
            let bytes = present.as_ref().map(pem).transpose()?;
            if let Some(bytes) = &bytes
                && Some(&**bytes) != expected
            {
                return Ok(bytes.clone());
            }
            let operation = match &present {
                None => Operation::Create(payload.clone()),
                Some(object) => Operation::Update { expected: object.revision, payload: payload.clone() },
            };
            match self.store.write(Write { key: key.clone(), operation }, Deadline::after(PATIENCE)).await {
                Ok(_) => return Ok(new.to_vec()),
                Err(WriteError::Conflict { .. }) => {}
                Err(error) => return Err(io::Error::other(error)),
            }
        }
    }
}

impl KeyStore for DatabaseKeyStore {
    fn load<'a>(&'a self, name: &'a str) -> BoxFuture<'a, Result<Option<Vec<u8>>, KeyStoreError>> {
        Box::pin(async move {
            let load = async { self.object(&key(name)?).await?.as_ref().map(pem).transpose() };
            load.await.map_err(|source| KeyStoreError { action: "load the key", name: name.to_owned(), source })
        })
    }

    fn swap<'a>(
        &'a self,
        name: &'a str,
        expected: Option<&'a [u8]>,
        new: &'a [u8],
    ) -> BoxFuture<'a, Result<Vec<u8>, KeyStoreError>> {
        Box::pin(async move {
            let swapped = self.swap_now(name, expected, new).await;
            swapped.map_err(|source| KeyStoreError { action: "store the key", name: name.to_owned(), source })
        })
    }
}

fn key(name: &str) -> io::Result<Key> {
    Key::new(INTERNAL_GROUP, RESOURCE, None, name).map_err(io::Error::other)
}

fn pem(object: &Object) -> io::Result<Vec<u8>> {
    let entry: Entry = serde_json::from_slice(&object.wire).map_err(io::Error::other)?;
    Ok(entry.pem.into_bytes())
}

fn payload(name: &str, pem: &[u8]) -> io::Result<Payload> {
    let pem = String::from_utf8(pem.to_vec()).map_err(io::Error::other)?;
    let entry = Entry { metadata: Metadata { name: name.to_owned() }, pem };
    let json = serde_json::to_string(&entry).map_err(io::Error::other)?;
    // The resourceVersion belongs behind the metadata's only member.
    let at = json.find('}').unwrap_or_default();
    Payload::new(Bytes::from(json), at).map_err(io::Error::other)
}
