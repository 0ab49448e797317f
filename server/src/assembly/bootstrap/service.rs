//! The Service `default/kubernetes` and its endpoints: the servers that live.
//!
//! Each server renews an entry of its own every few seconds; the endpoints are the addresses of those whose entry is not
//! old, so that a server that died is taken out by another, as upstream's lease reconciler does. Whoever goes in good
//! order takes itself out.

use std::collections::BTreeSet;
use std::net::IpAddr;
use std::time::Duration;

use bytes::Bytes;
use howdah_api::{Key, KeyPrefix};
use howdah_store::{At, Deadline, List, Operation, Payload, Revision, Write, WriteError};
use k8s_openapi::jiff::Timestamp;
use serde_json::{Value, json};

use super::Facts;
use super::object::create;
use super::writer::{BootstrapError, Wish, Writer};
use crate::assembly::key_store::INTERNAL_GROUP;
use crate::authorization::bootstrap::reconcile::Action;

/// How often an entry is renewed.
pub(super) const INTERVAL: Duration = Duration::from_secs(10);
/// After how many seconds without renewal a server counts as gone.
const TTL_SECONDS: i64 = 30;
/// How long a write may take.
const PATIENCE: Duration = Duration::from_secs(10);
const RESOURCE: &str = "servers";
const NAME: &str = "kubernetes";
const NAMESPACE: &str = "default";

/// This server among the endpoints.
#[derive(Debug, Clone)]
pub(super) struct Endpoints {
    writer: Writer,
    advertised: IpAddr,
    port: u16,
    service_address: IpAddr,
}

impl Endpoints {
    pub(super) fn new(writer: Writer, facts: &Facts) -> Self {
        let Facts { advertised, port, service_address, .. } = *facts;
        Self { writer, advertised, port, service_address }
    }

    /// Renews this server's entry and brings Service, Endpoints and EndpointSlice about.
    pub(super) async fn reconcile(&self) -> Result<(), BootstrapError> {
        self.settle(("", "v1", "services"), self.service(), create).await?;
        let living = self.living(true).await?;
        self.write_endpoints(&living).await
    }

    /// Takes this server out.
    pub(super) async fn leave(&self) -> Result<(), BootstrapError> {
        let living = self.living(false).await?;
        self.write_endpoints(&living).await
    }

    async fn write_endpoints(&self, living: &BTreeSet<IpAddr>) -> Result<(), BootstrapError> {
        self.settle(("", "v1", "endpoints"), endpoints(living, self.port), over).await?;
        let slice = endpoint_slice(living, self.advertised.is_ipv6(), self.port);
        self.settle(("discovery.k8s.io", "v1", "endpointslices"), slice, over).await
    }

    async fn settle(
        &self,
        resource: (&str, &str, &'static str),
        wanted: Value,
        decide: fn(Option<&Value>, &Value) -> Action<Value>,
    ) -> Result<(), BootstrapError> {
        let wish = Wish { namespace: Some(NAMESPACE.to_owned()), name: NAME.to_owned(), wanted, decide };
        self.writer.settle(resource, vec![wish]).await
    }

    /// The servers that live. This one's entry is renewed, or removed when it is about to go; old ones are removed.
    async fn living(&self, stays: bool) -> Result<BTreeSet<IpAddr>, BootstrapError> {
        let prefix = KeyPrefix::new(INTERNAL_GROUP, RESOURCE, None).map_err(BootstrapError::Name)?;
        let list = List { prefix, at: At::Newest, after: None, limit: None };
        let entries = self.writer.store.list(list).await.map_err(BootstrapError::Read)?.objects;
        let now = (self.writer.clock)();
        let (mut living, mut own) = (BTreeSet::new(), Revision::ZERO);
        for entry in entries {
            let Ok(address) = entry.key.as_str().rsplit('/').next().unwrap_or_default().parse::<IpAddr>() else {
                continue;
            };
            if address == self.advertised {
                own = entry.revision;
            } else if is_fresh(&entry.wire, now) {
                living.insert(address);
            } else {
                self.apply(address, Operation::Delete { expected: entry.revision }).await?;
            }
        }
        if stays {
            living.insert(self.advertised);
            let payload = entry(self.advertised, now)?;
            let operation = match own {
                Revision::ZERO => Operation::Create(payload),
                expected => Operation::Update { expected, payload },
            };
            self.apply(self.advertised, operation).await?;
        } else if own != Revision::ZERO {
            self.apply(self.advertised, Operation::Delete { expected: own }).await?;
        }
        Ok(living)
    }

    /// Writes an entry. Whoever else has changed it knows as much.
    async fn apply(&self, address: IpAddr, operation: Operation) -> Result<(), BootstrapError> {
        let write = Write { key: key(address)?, operation };
        match self.writer.store.write(write, Deadline::after(PATIENCE)).await {
            Ok(_) | Err(WriteError::Conflict { .. }) => Ok(()),
            Err(error) => Err(BootstrapError::Write(error)),
        }
    }

    fn service(&self) -> Value {
        let address = self.service_address.to_string();
        let family = if self.service_address.is_ipv6() { "IPv6" } else { "IPv4" };
        json!({
            "metadata": {
                "name": NAME,
                "namespace": NAMESPACE,
                "labels": {"component": "apiserver", "provider": "kubernetes"},
            },
            "spec": {
                "ports": [{"name": "https", "protocol": "TCP", "port": 443, "targetPort": self.port}],
                "clusterIP": address,
                "clusterIPs": [address],
                "type": "ClusterIP",
                "sessionAffinity": "None",
                "ipFamilies": [family],
                "ipFamilyPolicy": "SingleStack",
                "internalTrafficPolicy": "Cluster",
            },
            "status": {"loadBalancer": {}},
        })
    }
}

fn key(address: IpAddr) -> Result<Key, BootstrapError> {
    Key::new(INTERNAL_GROUP, RESOURCE, None, &address.to_string()).map_err(BootstrapError::Name)
}

/// A server's entry.
fn entry(address: IpAddr, now: Timestamp) -> Result<Payload, BootstrapError> {
    let json = format!(r#"{{"metadata":{{"name":"{address}"}},"renewed":{}}}"#, now.as_second());
    let at = json.find('}').unwrap_or_default();
    Payload::new(Bytes::from(json), at).map_err(|source| match key(address) {
        Ok(key) => BootstrapError::Payload { key, source },
        Err(error) => error,
    })
}

fn is_fresh(json: &[u8], now: Timestamp) -> bool {
    let entry: Value = serde_json::from_slice(json).unwrap_or_default();
    entry["renewed"].as_i64().is_some_and(|renewed| now.as_second() - renewed < TTL_SECONDS)
}

fn endpoints(living: &BTreeSet<IpAddr>, port: u16) -> Value {
    let addresses: Vec<_> = living.iter().map(|address| json!({"ip": address.to_string()})).collect();
    let mut object = json!({
        "metadata": {
            "name": NAME,
            "namespace": NAMESPACE,
            "labels": {"endpointslice.kubernetes.io/skip-mirror": "true"},
        },
    });
    if !addresses.is_empty() {
        let ports = json!([{"name": "https", "port": port, "protocol": "TCP"}]);
        object["subsets"] = json!([{"addresses": addresses, "ports": ports}]);
    }
    object
}

fn endpoint_slice(living: &BTreeSet<IpAddr>, ipv6: bool, port: u16) -> Value {
    let own_family = living.iter().filter(|address| address.is_ipv6() == ipv6);
    let endpoints: Vec<_> =
        own_family.map(|address| json!({"addresses": [address.to_string()], "conditions": {"ready": true}})).collect();
    json!({
        "metadata": {
            "name": NAME,
            "namespace": NAMESPACE,
            "labels": {"kubernetes.io/service-name": NAME},
        },
        "addressType": if ipv6 { "IPv6" } else { "IPv4" },
        "endpoints": endpoints,
        "ports": [{"name": "https", "port": port, "protocol": "TCP"}],
    })
}

/// Puts what is wanted over what is there; its identity and what is not spoken of stay.
fn over(present: Option<&Value>, wanted: &Value) -> Action<Value> {
    let Some(present) = present else { return Action::Create(wanted.clone()) };
    let mut next = present.clone();
    for member in ["subsets", "endpoints", "ports"] {
        match wanted.get(member) {
            Some(value) => next[member] = value.clone(),
            None => drop(next.as_object_mut().and_then(|object| object.shift_remove(member))),
        }
    }
    for (label, value) in wanted["metadata"]["labels"].as_object().into_iter().flatten() {
        next["metadata"]["labels"][label] = value.clone();
    }
    if next == *present { Action::None } else { Action::Update(next) }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn addresses(texts: &[&str]) -> BTreeSet<IpAddr> {
        texts.iter().map(|text| text.parse().unwrap()).collect()
    }

    #[test]
    fn endpoints_are_the_living_servers() {
        let two = endpoints(&addresses(&["10.0.0.2", "10.0.0.1"]), 6443);
        assert_eq!(
            two["subsets"],
            json!([{"addresses": [{"ip": "10.0.0.1"}, {"ip": "10.0.0.2"}],
                    "ports": [{"name": "https", "port": 6443, "protocol": "TCP"}]}])
        );
        assert_eq!(endpoints(&addresses(&[]), 6443).get("subsets"), None);
        let slice = endpoint_slice(&addresses(&["10.0.0.1", "fd00::1"]), true, 6443);
        assert_eq!(slice["endpoints"], json!([{"addresses": ["fd00::1"], "conditions": {"ready": true}}]));
    }

    #[test]
    fn only_a_change_is_written() {
        let wanted = endpoints(&addresses(&["10.0.0.1"]), 6443);
        let mut present = wanted.clone();
        present["metadata"]["uid"] = json!("u");
        assert_eq!(over(Some(&present), &wanted), Action::None);
        let Action::Update(next) = over(Some(&present), &endpoints(&addresses(&[]), 6443)) else { panic!() };
        assert_eq!((next.get("subsets"), &next["metadata"]["uid"]), (None, &json!("u")));
    }

    #[test]
    fn an_old_entry_is_not_fresh() {
        let at = |second| Timestamp::new(second, 0).unwrap();
        let entry = entry("10.0.0.1".parse().unwrap(), at(1000)).unwrap();
        assert!(is_fresh(entry.json(), at(1029)));
        assert!(!is_fresh(entry.json(), at(1030)));
        assert!(!is_fresh(b"{}", at(0)));
    }
}
