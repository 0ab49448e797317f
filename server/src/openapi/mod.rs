//! OpenAPI v2 and v3 documents, made from the schema tree and the resource table.
//!
//! [`operation`] lists what can be done at which path, [`definition`] describes the types, [`v3`] and [`v2`] put both
//! into the form of their version; [`gnostic`] writes a v2 document as protobuf, which is what kubectl asks for.
//! [`OpenApi`] makes each document when it is first asked for, and keeps it.
//!
//! | path | document |
//! |---|---|
//! | `/openapi/v3` | the index: which documents there are, and their hashes |
//! | `/openapi/v3/api/v1`, `/openapi/v3/apis/G/V` | one group version, as JSON |
//! | `/openapi/v2` | everything, as JSON or protobuf |
//!
//! Invariants: names, types, required fields, defaults and `x-kubernetes` extensions are upstream's; every `$ref` leads
//! to a definition of the same document. What people read are our own words or [`description`]'s.
//!
//! Deliberately absent: v3 as protobuf (no client of ours asks for it alone; JSON is always acceptable), the documents
//! of `/version`, `/logs` and the discovery paths, and CBOR as a media type.

mod answer;
mod definition;
mod description;
mod gnostic;
mod name;
mod operation;
mod parameter;
mod v2;
mod v3;

#[cfg(test)]
mod openapi_test;

use std::collections::BTreeMap;
use std::sync::OnceLock;

use bytes::Bytes;
use howdah_api::codec::json::encode_any;
use ring::digest::{SHA512, digest};
use serde_json::{Value, json};

use crate::discovery::Served;

/// All OpenAPI documents of one server.
pub struct OpenApi {
    served: Served,
    /// By the path below `/openapi/v3/`.
    versions: BTreeMap<String, GroupVersion>,
    index: OnceLock<Document>,
    v2: OnceLock<Document>,
    v2_protobuf: OnceLock<Bytes>,
}

struct GroupVersion {
    group: String,
    version: String,
    document: OnceLock<Document>,
}

/// A document, and the hash that tells it from others.
#[derive(Debug, Clone)]
struct Document {
    body: Bytes,
    etag: String,
}

impl OpenApi {
    /// The documents of these resources.
    #[must_use]
    pub fn new(served: &Served) -> Self {
        let mut versions = BTreeMap::new();
        for group in served.groups() {
            for version in &group.versions {
                let path = operation::prefix(&group.name, &version.name).trim_start_matches('/').to_owned();
                let (group, version) = (group.name.to_string(), version.name.to_string());
                versions.insert(path, GroupVersion { group, version, document: OnceLock::new() });
            }
        }
        let empty = OnceLock::new;
        Self { served: served.clone(), versions, index: empty(), v2: empty(), v2_protobuf: OnceLock::new() }
    }

    /// Makes all documents now. It takes a while, and belongs on a thread that may block.
    pub fn warm(&self) {
        self.index();
        self.v2_protobuf();
    }

    /// The v3 document at a path below `/openapi/v3/`.
    fn v3(&self, path: &str) -> Option<&Document> {
        let of = self.versions.get(path)?;
        let served = self.served.version(&of.group, &of.version)?;
        let make = || Document::new(&v3::document(&of.group, &of.version, &served.resources));
        Some(of.document.get_or_init(make))
    }

    fn index(&self) -> &Document {
        self.index.get_or_init(|| {
            let entry = |path: &String| {
                let etag = self.v3(path).map(|document| document.etag.as_str()).unwrap_or_default();
                (path.clone(), json!({"serverRelativeURL": format!("/openapi/v3/{path}?hash={etag}")}))
            };
            Document::new(&json!({"paths": self.versions.keys().map(entry).collect::<serde_json::Map<_, _>>()}))
        })
    }

    fn v2(&self) -> &Document {
        self.v2.get_or_init(|| Document::new(&v2::document(&self.served)))
    }

    fn v2_protobuf(&self) -> &Bytes {
        self.v2_protobuf.get_or_init(|| gnostic::document(&v2::document(&self.served)).into())
    }
}

impl Document {
    fn new(tree: &Value) -> Self {
        let body = Bytes::from(encode_any(tree));
        let hash = digest(&SHA512, &body);
        Self { body, etag: hash.as_ref().iter().map(|byte| format!("{byte:02X}")).collect() }
    }
}
