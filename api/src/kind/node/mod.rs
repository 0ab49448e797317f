//! Nodes: what a node's owner, its kubelet and its controllers may write.
//!
//! `podCIDR` and `podCIDRs` are one field in two forms; where they disagree, the older `podCIDR` decides. Dynamic
//! configuration (`configSource`) is gone: it is dropped unless the stored node has it.
//!
//! Facts: pkg/registry/core/node/strategy.go, pkg/apis/core/v1/{defaults,conversion}.go.

mod annotation;
mod validation;

use k8s_openapi::api::core::v1::Node;
use serde_json::{Value, json};

use super::generic::{at, check, check_update, list, remove, restore, round_resources, set, text};
use super::{Request, Strategy};
use crate::validation::{Errors, FieldPath, net};

/// Nodes, with their subresource `status`.
#[derive(Debug)]
pub struct NodeStrategy;

impl Strategy for NodeStrategy {
    fn default(&self, object: &mut Value) {
        if at(object, &["status", "allocatable"]).is_none()
            && let Some(capacity) = at(object, &["status", "capacity"]).cloned()
        {
            set(object, &["status", "allocatable"], capacity);
        }
        round_resources(object, &["status", "capacity"]);
        round_resources(object, &["status", "allocatable"]);
        let single = text(object, &["spec", "podCIDR"]).to_owned();
        match list(object, &["spec", "podCIDRs"]).first().and_then(Value::as_str).map(str::to_owned) {
            Some(first) if single.is_empty() => set(object, &["spec", "podCIDR"], first.into()),
            Some(first) if first == single => {}
            None if single.is_empty() => {}
            _ => set(object, &["spec", "podCIDRs"], json!([single])),
        }
    }

    fn prepare_for_create(&self, _request: &Request<'_>, object: &mut Value) {
        remove(object, &["spec", "configSource"]);
        remove(object, &["status", "config"]);
        remove(object, &["spec", "podPreemptionPolicy"]);
    }

    fn prepare_for_update(&self, request: &Request<'_>, object: &mut Value, old: &Value) {
        if request.subresource == "status" {
            restore(object, old, &["spec"]);
            if at(old, &["status", "config"]).is_none() {
                remove(object, &["status", "config"]);
            }
            return;
        }
        restore(object, old, &["status"]);
        for field in ["configSource", "podPreemptionPolicy"] {
            if at(old, &["spec", field]).is_none() {
                remove(object, &["spec", field]);
            }
        }
    }

    fn validate(&self, _request: &Request<'_>, object: &Value) -> Errors {
        check(object, validation::node)
    }

    fn validate_update(&self, request: &Request<'_>, object: &Value, old: &Value) -> Errors {
        check_update(object, old, |new: &Node, old: &Node| {
            let mut errors = if request.subresource == "status" { Errors::new() } else { validation::node(new) };
            errors.extend(validation::node_update(new, old));
            errors
        })
    }

    fn warnings(&self, request: &Request<'_>, object: &Value, _old: Option<&Value>) -> Vec<String> {
        if request.subresource == "status" {
            return Vec::new();
        }
        let mut warnings = Vec::new();
        if at(object, &["spec", "configSource"]).is_some() {
            warnings.push("spec.configSource: the feature is removed".to_owned());
        }
        if !text(object, &["spec", "externalID"]).is_empty() {
            let words = "this field is deprecated, and is unused by Kubernetes";
            warnings.push(format!("spec.externalID: {words}"));
        }
        let spec = FieldPath::new("spec");
        let path = spec.child("podCIDRs");
        for (at, block) in list(object, &["spec", "podCIDRs"]).iter().enumerate() {
            warnings.extend(net::warnings_for_cidr(&path.index(at), block.as_str().unwrap_or_default()));
        }
        warnings
    }

    fn reset_fields(&self, subresource: &str) -> &'static [&'static str] {
        if subresource == "status" { &["spec"] } else { &["status"] }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::kind::testing::{complete, of, request};

    #[test]
    fn defaults_follow_from_what_is_given() {
        let object = json!({"status": {"capacity": {"cpu": "1500001n"}}, "spec": {"podCIDR": "10.0.0.0/24"}});
        let object = complete("", "nodes", object);
        assert_eq!(object["status"]["allocatable"], json!({"cpu": "2m"}));
        assert_eq!(object["spec"], json!({"podCIDR": "10.0.0.0/24", "podCIDRs": ["10.0.0.0/24"]}));
        for (single, many, expected) in [
            ("", json!(["a", "b"]), json!({"podCIDR": "a", "podCIDRs": ["a", "b"]})),
            ("a", json!(["a", "b"]), json!({"podCIDR": "a", "podCIDRs": ["a", "b"]})),
            ("c", json!(["a", "b"]), json!({"podCIDR": "c", "podCIDRs": ["c"]})),
        ] {
            let object = complete("", "nodes", json!({"spec": {"podCIDR": single, "podCIDRs": many}}));
            assert_eq!(object["spec"], expected);
        }
    }

    #[test]
    fn spec_and_status_are_written_apart() {
        let old = json!({"spec": {"unschedulable": true}, "status": {"phase": "Running"}});
        let source = json!({"configMap": {}});
        let new =
            json!({"spec": {"configSource": source}, "status": {"config": {"active": source}, "phase": "Pending"}});
        let node = of("", "nodes");
        let mut object = new.clone();
        node.prepare_for_update(&request(""), &mut object, &old);
        assert_eq!(object, json!({"spec": {}, "status": {"phase": "Running"}}));
        let mut object = new.clone();
        node.prepare_for_update(&request("status"), &mut object, &old);
        assert_eq!(object, json!({"spec": {"unschedulable": true}, "status": {"phase": "Pending"}}));
        let mut object = new;
        node.prepare_for_create(&request(""), &mut object);
        assert_eq!(object, json!({"spec": {}, "status": {"phase": "Pending"}}));
    }

    #[test]
    fn deprecated_fields_are_warned_of() {
        let object = json!({"spec": {"externalID": "x", "podCIDRs": ["10.0.0.1/24", "2001:DB8::/64"]}});
        let warnings = of("", "nodes").warnings(&request(""), &object, None);
        let expected = [
            "spec.externalID: this field is deprecated, and is unused by Kubernetes",
            r#"spec.podCIDRs[0]: CIDR value "10.0.0.1/24" is ambiguous in this context (should be "10.0.0.0/24" or "10.0.0.1/32"?)"#,
            r#"spec.podCIDRs[1]: IPv6 CIDR value "2001:DB8::/64" should be in RFC 5952 canonical format ("2001:db8::/64")"#,
        ];
        assert_eq!(warnings, expected);
    }
}
