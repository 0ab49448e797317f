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
//! | `/openapi/v3/api`, `/openapi/v3/apis`, `/openapi/v3/apis/G` | what discovery answers there |
//! | `/openapi/v2` | everything, as JSON or protobuf |
//!
//! Invariants: names, types, required fields, defaults and `x-kubernetes` extensions are upstream's; every `$ref` leads
//! to a definition of the same document. Documents are kept compressed: together they are some fifteen megabytes of text,
//! and clients ask for them once and then by their hashes. What people read in them are k8s-openapi's words
//! ([`description`]) or our own.
//!
//! Deliberately absent: v3 as protobuf (kubectl and client-go ask for JSON), the documents of `/version`, `/logs` and the
//! ServiceAccount issuer, CBOR as a media type, and custom resources' schemas.

mod answer;
mod definition;
mod description;
mod form;
mod gnostic;
mod name;
mod operation;
mod parameter;
mod v2;
mod v3;

#[cfg(test)]
mod openapi_test;
#[cfg(test)]
mod oracle_test;

use std::collections::BTreeMap;
use std::io::{Read as _, Write as _};
use std::sync::OnceLock;

use bytes::Bytes;
use flate2::Compression;
use flate2::read::GzDecoder;
use flate2::write::GzEncoder;
use howdah_api::codec::json::encode_any;
use ring::digest::{SHA512, digest};
use serde_json::{Value, json};

use crate::discovery::Served;

/// All OpenAPI documents of one server.
pub struct OpenApi {
    served: Served,
    /// By the path below `/openapi/v3/`.
    parts: BTreeMap<String, (Part, OnceLock<Document>)>,
    index: OnceLock<Document>,
    v2: OnceLock<Document>,
    v2_protobuf: OnceLock<Packed>,
}

/// What a v3 document is about.
enum Part {
    /// A group and a version.
    Version(String, String),
    /// A group.
    Group(String),
    /// All groups.
    Groups,
}

/// A document, and the hash that tells it from others.
#[derive(Debug, Clone)]
struct Document {
    packed: Packed,
    etag: String,
}

/// A text, compressed by gzip.
#[derive(Debug, Clone)]
struct Packed(Bytes);

impl OpenApi {
    /// The documents of these resources.
    #[must_use]
    pub fn new(served: &Served) -> Self {
        let mut parts = BTreeMap::new();
        let mut add = |path: &str, part| parts.insert(path.trim_matches('/').to_owned(), (part, OnceLock::new()));
        add("apis", Part::Groups);
        for group in served.groups() {
            add(&operation::group(&group.name).path, Part::Group(group.name.to_string()));
            for version in &group.versions {
                let part = Part::Version(group.name.to_string(), version.name.to_string());
                add(&operation::prefix(&group.name, &version.name), part);
            }
        }
        let served = served.clone();
        Self { served, parts, index: OnceLock::new(), v2: OnceLock::new(), v2_protobuf: OnceLock::new() }
    }

    /// Makes the v3 documents and their index now. It takes a while, and belongs on a thread that may block.
    pub fn warm(&self) {
        self.index();
    }

    /// The v3 document at a path below `/openapi/v3/`.
    fn v3(&self, path: &str) -> Option<&Document> {
        let (part, document) = self.parts.get(path)?;
        Some(document.get_or_init(|| {
            Document::new(&match part {
                Part::Groups => v3::of_groups(),
                Part::Group(group) => v3::of_group(group),
                Part::Version(group, version) => {
                    let served = self.served.version(group, version).map(|version| &version.resources[..]);
                    v3::of_version(group, version, served.unwrap_or_default())
                }
            })
        }))
    }

    fn index(&self) -> &Document {
        self.index.get_or_init(|| {
            let entry = |path: &String| {
                let etag = self.v3(path).map(|document| document.etag.as_str()).unwrap_or_default();
                (path.clone(), json!({"serverRelativeURL": format!("/openapi/v3/{path}?hash={etag}")}))
            };
            Document::new(&json!({"paths": self.parts.keys().map(entry).collect::<serde_json::Map<_, _>>()}))
        })
    }

    fn v2(&self) -> &Document {
        self.v2.get_or_init(|| Document::new(&v2::document(&self.served)))
    }

    fn v2_protobuf(&self) -> &Packed {
        self.v2_protobuf.get_or_init(|| Packed::new(&gnostic::document(&v2::document(&self.served))))
    }
}

impl Document {
    fn new(tree: &Value) -> Self {
        let text = encode_any(tree);
        let hash = digest(&SHA512, &text);
        Self { packed: Packed::new(&text), etag: hash.as_ref().iter().map(|byte| format!("{byte:02X}")).collect() }
    }
}

impl Packed {
    fn new(text: &[u8]) -> Self {
        let mut writer = GzEncoder::new(Vec::with_capacity(text.len() / 8), Compression::fast());
        let packed = writer.write_all(text).and_then(|()| writer.finish());
        Self(packed.expect("memory takes all bytes").into())
    }

    /// The text.
    fn unpack(&self) -> Bytes {
        let mut text = Vec::with_capacity(self.0.len() * 8);
        GzDecoder::new(&*self.0).read_to_end(&mut text).expect("what was packed here can be unpacked");
        text.into()
    }
}
