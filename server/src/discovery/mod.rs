//! Discovery: which groups, versions and resources there are, plain and aggregated.
//!
//! [`Served`] says what is served; [`Discovery::new`] makes all documents of it once, in every encoding, and
//! [`Discovery::answer`] hands them out. When custom resources come or go, a new `Discovery` takes the old one's place.
//!
//! | path | document |
//! |---|---|
//! | `/api` | `APIVersions`, or by `Accept` the core group's `APIGroupDiscoveryList` |
//! | `/apis` | `APIGroupList`, or by `Accept` all other groups' `APIGroupDiscoveryList` |
//! | `/apis/G` | `APIGroup` |
//! | `/api/v1`, `/apis/G/V` | `APIResourceList` |
//!
//! Invariants: a group without served versions isn't told of; groups and versions stand in the resource table's order,
//! which is upstream's, resources in their names'. The aggregated documents carry an ETag and are answered 304 where the
//! client has them. Upstream: `pkg/endpoints/discovery` of k8s.io/apiserver, `handler_apis.go` of kube-aggregator.

mod aggregated;
mod answer;
mod plain;
mod served;

#[cfg(test)]
mod discovery_test;

use std::collections::HashMap;

use bytes::Bytes;
use howdah_api::codec::{json, protobuf, yaml};
use howdah_api::schema::{Node, builtin};
use howdah_api::tree::normalise;
use ring::digest::{SHA512, digest};
use serde_json::Value;

pub use self::served::{Served, ServedGroup, ServedVersion};
use crate::negotiation::Encoding;

/// All discovery documents of one server.
pub struct Discovery {
    plain: HashMap<String, Document>,
    /// `/api` and `/apis`, each in v2 and v2beta1.
    aggregated: HashMap<(&'static str, &'static str), Aggregated>,
}

/// A document in all encodings.
struct Document {
    json: Bytes,
    yaml: Bytes,
    protobuf: Bytes,
}

struct Aggregated {
    document: Document,
    etag: String,
}

impl Discovery {
    /// Makes all documents. `address` is the host and port that clients outside find this server at.
    #[must_use]
    pub fn new(served: &Served, address: &str) -> Self {
        let mut plain = HashMap::new();
        plain.insert("/api".to_owned(), Document::new(plain::versions(served, address), "APIVersions", ""));
        plain.insert("/apis".to_owned(), Document::new(plain::groups(served), "APIGroupList", "v1"));
        for group in served.groups() {
            let root = if group.name.is_empty() { "/api".to_owned() } else { format!("/apis/{}", group.name) };
            if !group.name.is_empty() {
                plain.insert(root.clone(), Document::new(plain::group(group), "APIGroup", "v1"));
            }
            for version in &group.versions {
                // The core group's list has never told its own version.
                let own = if group.name.is_empty() { "" } else { "v1" };
                let document = Document::new(plain::resources(group, version), "APIResourceList", own);
                plain.insert(format!("{root}/{}", version.name), document);
            }
        }
        let mut aggregated = HashMap::new();
        for (path, list) in [("/api", aggregated::list(served, true)), ("/apis", aggregated::list(served, false))] {
            for version in ["v2", "v2beta1"] {
                aggregated.insert((path, version), Aggregated::new(list.clone(), version));
            }
        }
        Self { plain, aggregated }
    }
}

impl Document {
    /// A document of a kind of `meta/v1`; `api_version` is what it tells of itself, which for some is nothing.
    fn new(document: Value, kind: &str, api_version: &str) -> Self {
        let node = builtin::named("meta/v1", kind).expect("the schema tables have discovery's kinds");
        Self::encode(document, node, kind, api_version)
    }

    fn encode(mut document: Value, node: &Node, kind: &str, api_version: &str) -> Self {
        document["kind"] = kind.into();
        if !api_version.is_empty() {
            document["apiVersion"] = api_version.into();
        }
        normalise(&mut document, node);
        let raw = protobuf::encode(&document, node).expect("discovery's documents fit their own schema");
        let envelope = protobuf::Envelope { api_version, kind, raw: &raw, ..protobuf::Envelope::default() };
        Self {
            json: json::encode(&document, node).into(),
            yaml: yaml::encode(&document).into(),
            protobuf: envelope.write().into(),
        }
    }

    fn body(&self, encoding: Encoding, pretty: bool) -> Bytes {
        match encoding {
            Encoding::Json if pretty => crate::negotiation::indent(&self.json).into(),
            Encoding::Json => [&*self.json, b"\n"].concat().into(),
            Encoding::Yaml => self.yaml.clone(),
            Encoding::Protobuf => self.protobuf.clone(),
        }
    }
}

impl Aggregated {
    fn new(list: Value, version: &str) -> Self {
        const KIND: &str = "APIGroupDiscoveryList";
        let group = "apidiscovery.k8s.io";
        let node = builtin::kind(group, version, KIND).expect("the schema tables have both versions of the list");
        let document = Document::encode(list, node, KIND, &format!("{group}/{version}"));
        let hash = digest(&SHA512, &document.json);
        Self { etag: hash.as_ref().iter().map(|byte| format!("{byte:02X}")).collect(), document }
    }
}
