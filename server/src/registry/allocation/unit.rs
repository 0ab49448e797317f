//! What there is only once, and the key in the store that says who has it.
//!
//! Keys are `howdah/clusterips/ADDRESS` and `howdah/nodeports/PORT`. The group has no dot, so no group of custom
//! resources can have its name, and no row of the resource table has it. The payload is
//! `{"metadata":{"name":…},"parentRef":{"group":"","resource":"services","namespace":…,"name":…,"uid":…}}`.

use std::net::IpAddr;

use bytes::Bytes;
use howdah_api::{Key, KeyPrefix};
use howdah_store::Payload;
use serde_json::{Value, json};

/// The group of the keys.
const GROUP: &str = "howdah";

/// An address or a port.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(super) enum Unit {
    /// A cluster address.
    Address(IpAddr),
    /// A node port.
    Port(u16),
}

/// The sorts of units.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Sort {
    Address,
    Port,
}

impl Sort {
    const fn resource(self) -> &'static str {
        match self {
            Self::Address => "clusterips",
            Self::Port => "nodeports",
        }
    }

    /// The common beginning of the keys.
    pub(super) fn prefix(self) -> KeyPrefix {
        KeyPrefix::new(GROUP, self.resource(), None).expect("both are path segments")
    }
}

impl Unit {
    pub(super) const fn sort(self) -> Sort {
        match self {
            Self::Address(_) => Sort::Address,
            Self::Port(_) => Sort::Port,
        }
    }

    fn name(self) -> String {
        match self {
            Self::Address(ip) => ip.to_string(),
            Self::Port(port) => port.to_string(),
        }
    }

    /// Where it is written down who has it.
    pub(super) fn key(self) -> Key {
        Key::new(GROUP, self.sort().resource(), None, &self.name()).expect("addresses and numbers are path segments")
    }

    /// The unit that a key is of.
    pub(super) fn of(key: &Key) -> Option<Self> {
        let (resource, name) = key.as_str().strip_prefix(GROUP)?.strip_prefix('/')?.split_once('/')?;
        match resource {
            "clusterips" => name.parse().ok().map(Self::Address),
            "nodeports" => name.parse().ok().map(Self::Port),
            _ => None,
        }
    }

    /// What is stored while `service` has it.
    pub(super) fn payload(self, service: &Value) -> Payload {
        let own = &service["metadata"];
        let text = |field: &str| own[field].as_str().unwrap_or_default();
        let owner = json!({
            "group": "", "resource": "services", "namespace": text("namespace"), "name": text("name"), "uid": text("uid"),
        });
        // The resourceVersion belongs behind the name.
        let head = format!(r#"{{"metadata":{{"name":{}"#, Value::from(self.name()));
        let at = head.len();
        let json = format!(r#"{head}}},"parentRef":{owner}}}"#);
        Payload::new(Bytes::from(json), at).expect("it is small, and the place is inside")
    }
}

/// The uid of the Service that has a unit, by what is stored of it; empty where that can't be read.
pub(super) fn owner_uid(wire: &[u8]) -> String {
    let stored: Value = serde_json::from_slice(wire).unwrap_or_default();
    stored["parentRef"]["uid"].as_str().unwrap_or_default().to_owned()
}

#[cfg(test)]
mod tests {
    use howdah_store::Revision;

    use super::*;

    #[test]
    fn units_have_keys_that_tell_them() {
        let rows = [
            (Unit::Address("10.96.0.1".parse().unwrap()), "howdah/clusterips/10.96.0.1"),
            (Unit::Address("fd00::1".parse().unwrap()), "howdah/clusterips/fd00::1"),
            (Unit::Port(30000), "howdah/nodeports/30000"),
        ];
        for (unit, text) in rows {
            let key = unit.key();
            assert_eq!((key.as_str(), Unit::of(&key)), (text, Some(unit)));
            assert!(key.is_below(&unit.sort().prefix()));
        }
        for other in ["core/services/ns/web", "howdah/clusterips/x", "howdah/others/1", "howdahs/nodeports/1"] {
            assert_eq!(Unit::of(&Key::parse(other).unwrap()), None, "{other}");
        }
    }

    #[test]
    fn payloads_name_the_owner() {
        let service = json!({"metadata": {"namespace": "ns", "name": "web", "uid": "u"}});
        let wire = Unit::Port(30000).payload(&service).wire(Revision::new(7).unwrap());
        let expected = json!({
            "metadata": {"name": "30000", "resourceVersion": "7"},
            "parentRef": {"group": "", "resource": "services", "namespace": "ns", "name": "web", "uid": "u"},
        });
        assert_eq!(serde_json::from_slice::<Value>(&wire).unwrap(), expected);
        assert_eq!((owner_uid(&wire).as_str(), owner_uid(b"?").as_str()), ("u", ""));
    }
}
