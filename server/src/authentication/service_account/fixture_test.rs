//! Objects, keys and a getter for the tests of tokens.

use std::collections::BTreeMap;
use std::future::ready;

use futures_util::FutureExt as _;
use k8s_openapi::api::core::v1::PodSpec;
use k8s_openapi::apimachinery::pkg::apis::meta::v1::{ObjectMeta, Time};
use k8s_openapi::jiff::Timestamp;

use super::bound::Issuers;
use super::key::SigningKey;
use super::*;

/// Made for these tests; it protects nothing.
const RSA: &str = "-----BEGIN PRIVATE KEY-----\n\
MIIEvAIBADANBgkqhkiG9w0BAQEFAASCBKYwggSiAgEAAoIBAQDVrRj47HfExvJS\n\
JDDySkdTZpYjS8smiM/HqD78QeFU4+7yXcgFBMZrXyJ82748caQp6IG268v/IZqS\n\
PP2cR4zU8fdKEHryfXSwoGf7ike6gIo+UjYZBVVxvHUVvkYEE2cEknOXeAnwD0Z/\n\
8Cp+q6K0YS985rlV581D5bni6d48hUzlFPocMr30RGf7s0ZrShYIRldgO0fet2r+\n\
KWSFKO822Dz996yGiie9eI+Ve3zJgBuE2rooMqSWxSwQUbhwZUR56QYCoGTuBRbh\n\
z9nPntPyQNbPCehM+3MCWYhKMIAjEktqBerM8X1h40xWZ5HSeLfv1jAyPEN8mjkK\n\
9ttF+1ElAgMBAAECggEAAVwIgzy/QgxHbWqaiEOKrK6rb4smdSYX7g4z9ksPlbNH\n\
8QmjMNj7z6ITxqT52PRdw8+73+2Fng9ZONLs2hBLJRJGSLpUQh6R5C/M5P8UTsDH\n\
bJWPwFDD0xkrIBzKTrqRuzQrDX1ylBKNkffpkwSa+Q2L0MdpN8BxvRvUYbr0xMN2\n\
nnviQVkj4sp7V/H0gFweRlORj9GyIm9Bo7FbYbwzgq6iUvScz0S1Ls9T0bLEEbw8\n\
THVaxykaDJ/xdJus7ycmeyTLUEcjmgkVrIcDBxDjwiyanqZY+ZooRqLx3WJO+52G\n\
LQffdsciB4Kln4ieFHMrREj40FF3Q8uFGOMdMmvS/wKBgQDvEloIym0zMGtyOdAU\n\
d89hUKOmO+nlu4jijs1uYa5t2jRbkgR39PYIuu5RYdVqjc60Dw/gl1kJwYA7PbuC\n\
Mjxvu5CQwuCRUQK/CLm0aIz0OtWc3CXfdLtWAvUPQPzvAD3DDjSEOzG/Bk4bVgDo\n\
DV8/kntrW/OmlW3Hwgd70CRaOwKBgQDkzmbRKggkjnFIHVP1sY2VHlkaF8dNvR1i\n\
gQUHK44Wou+Ju8W+BN9YNnwstANbpIE/Rh4dCCkZQRCeVSUS9WnqH8duwiOfYR92\n\
8bSkNRWMYrD6HkRY3Rwny43a0Qz8HILUs9hY6VoX65NxacsL3zM5o5eihsvX9Y7b\n\
TkW5/tLsHwKBgDt0CuPow2NZhT7w1ahhazc+QJRUjgRNsOr2rGvo6uHyw9aJ54aV\n\
aqIdKqsec15+SYtJu58UxFXCw0r4PStRpun6cScu733z8YTkfJo67eLGxtytetWp\n\
R/VJ4vuaI8yj+LgLTlAcEHD69m2h47PRr4A1w2+dfGhO/PASdp350zCFAoGAbxaT\n\
Ltx0ZaNO9s9eczyIXC0G37dJycGW4bt4gHmyG+Vx3XJwWIivE3oood+ofbcKFXlq\n\
p3fN1HgVpHn8bQ8AJG7XejwB5aDXEP3bUZqAYs+L03QchPSddejLb8Dtx/3ju3ey\n\
A8EQP+rdhEP0FEiC62o09fDySWDswidnjR1etMsCgYAIwQFw14/nJKdz70hcHTbI\n\
daKfcK/oVhryy2rvId5FtcOmdmGDH5uq65BDEUvphNOcEM5te5KZV8EWcewdzzxZ\n\
JBTAJ9k2yZBKMxTAThBtc+oRxknQ6ZwpFq5nhoS/WeltQpx095zRUmC2b9If6zJ4\n\
/YUectsjwIwQEwfIxpa29w==\n\
-----END PRIVATE KEY-----\n\
";

/// The moment of all these tests.
pub(crate) const NOW: i64 = 1_750_000_000;

pub(crate) fn now() -> Timestamp {
    Timestamp::from_second(NOW).expect("a time")
}

pub(crate) fn es256() -> SigningKey {
    SigningKey::from_pkcs8(&SigningKey::generate_pkcs8().expect("a key")).expect("a key")
}

pub(crate) fn rs256() -> SigningKey {
    SigningKey::from_pem(RSA.as_bytes()).expect("a key")
}

pub(crate) fn issuers(keys: &[&SigningKey]) -> Issuers {
    Issuers {
        names: vec!["https://issuer".into(), "https://old".into()],
        keys: keys.iter().map(|key| key.verifying_key().clone()).collect(),
        api_audiences: vec!["api".into()],
    }
}

/// Runs what never waits.
pub(crate) fn run<T>(future: impl Future<Output = T>) -> T {
    future.now_or_never().expect("the getter of the tests answers at once")
}

#[derive(Clone, Debug, Default)]
pub(crate) struct Objects {
    pub(crate) accounts: BTreeMap<String, ServiceAccount>,
    pub(crate) pods: BTreeMap<String, Pod>,
    pub(crate) secrets: BTreeMap<String, Secret>,
    pub(crate) nodes: BTreeMap<String, Node>,
}

pub(crate) fn metadata(namespace: &str, name: &str) -> ObjectMeta {
    ObjectMeta {
        namespace: (!namespace.is_empty()).then(|| namespace.to_owned()),
        name: Some(name.to_owned()),
        uid: Some(format!("{name}-uid")),
        ..ObjectMeta::default()
    }
}

/// Marked for deletion so many seconds before [`NOW`].
pub(crate) fn delete(metadata: &mut ObjectMeta, seconds_ago: i64) {
    metadata.deletion_timestamp = Some(Time(Timestamp::from_second(NOW - seconds_ago).expect("a time")));
}

impl Objects {
    /// ServiceAccount `ns/sa`, Pod `ns/pod` of it on Node `node`, Secret `ns/secret`.
    pub(crate) fn example() -> Self {
        let account = ServiceAccount { metadata: metadata("ns", "sa"), ..ServiceAccount::default() };
        let spec =
            PodSpec { service_account_name: Some("sa".into()), node_name: Some("node".into()), ..PodSpec::default() };
        let pod = Pod { metadata: metadata("ns", "pod"), spec: Some(spec), status: None };
        let secret = Secret { metadata: metadata("ns", "secret"), ..Secret::default() };
        let node = Node { metadata: metadata("", "node"), ..Node::default() };
        Self {
            accounts: BTreeMap::from([("ns/sa".into(), account)]),
            pods: BTreeMap::from([("ns/pod".into(), pod)]),
            secrets: BTreeMap::from([("ns/secret".into(), secret)]),
            nodes: BTreeMap::from([("node".into(), node)]),
        }
    }
}

fn found<'a, T: Clone + Send + Sync + 'a>(map: &BTreeMap<String, T>, key: &str) -> Lookup<'a, T> {
    Box::pin(ready(Ok(map.get(key).cloned().map(Arc::new))))
}

impl ObjectGetter for Objects {
    fn service_account<'a>(&'a self, namespace: &'a str, name: &'a str) -> Lookup<'a, ServiceAccount> {
        found(&self.accounts, &format!("{namespace}/{name}"))
    }

    fn pod<'a>(&'a self, namespace: &'a str, name: &'a str) -> Lookup<'a, Pod> {
        found(&self.pods, &format!("{namespace}/{name}"))
    }

    fn secret<'a>(&'a self, namespace: &'a str, name: &'a str) -> Lookup<'a, Secret> {
        found(&self.secrets, &format!("{namespace}/{name}"))
    }

    fn node<'a>(&'a self, name: &'a str) -> Lookup<'a, Node> {
        found(&self.nodes, name)
    }
}
