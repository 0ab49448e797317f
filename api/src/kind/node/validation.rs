//! The rules of nodes. Some errors name fields where they don't stand (`metadata.taints`); upstream's do.
//!
//! Facts: pkg/apis/core/validation.

use std::collections::{BTreeMap, BTreeSet};

use k8s_openapi::api::core::v1::{ConfigMapNodeConfigSource, Node, NodeConfigSource, NodeStatus, Taint};
use k8s_openapi::apimachinery::pkg::api::resource::Quantity as QuantityText;
use serde_json::{Value, json};

use super::annotation::annotations;
use crate::go::quote;
use crate::quantity::Quantity;
use crate::validation::label::label_name;
use crate::validation::meta::{name_is_dns_label, name_is_dns_subdomain, object_meta, object_meta_update};
use crate::validation::name::{DNS_SUBDOMAIN_MAX_LENGTH, is_config_map_key, is_valid_label_value};
use crate::validation::net::{is_valid_cidr_for_legacy_field, parse_cidr_sloppy};
use crate::validation::resource_name::resource_quantity_value;
use crate::validation::{Errors, FieldError, FieldPath};

const NO_CHANGE: &str = "node updates may not change podCIDR except from \"\" to valid";

/// A new node.
pub(super) fn node(node: &Node) -> Errors {
    let metadata = FieldPath::new("metadata");
    let mut errors = object_meta(&node.metadata, false, name_is_dns_subdomain, &metadata);
    errors.extend(node_annotations(node, &metadata));
    let spec = node.spec.clone().unwrap_or_default();
    errors.extend(taints(spec.taints.as_deref().unwrap_or_default(), &metadata.child("taints")));
    let status = node.status.clone().unwrap_or_default();
    errors.extend(resources(&status));
    let swap = status.node_info.as_ref().and_then(|info| info.swap.as_ref()).and_then(|swap| swap.capacity);
    if let Some(capacity) = swap.filter(|capacity| *capacity <= 0) {
        let swap = metadata.child("nodeSwapStatus");
        errors.push(FieldError::invalid(&swap.child("capacity"), capacity, "must be greater than zero"));
    }
    errors.extend(declared_features(&status));
    errors.extend(pod_blocks(spec.pod_cidrs.as_deref().unwrap_or_default()));
    errors
}

/// A node and what stood before, for the node and for its status.
pub(super) fn node_update(new: &Node, old: &Node) -> Errors {
    let metadata = FieldPath::new("metadata");
    let mut errors = object_meta_update(&new.metadata, &old.metadata, &metadata);
    errors.extend(node_annotations(new, &metadata));
    let (spec, old_spec) = (new.spec.clone().unwrap_or_default(), old.spec.clone().unwrap_or_default());
    let status = new.status.clone().unwrap_or_default();
    errors.extend(resources(&status));
    errors.extend(declared_features(&status));
    errors.extend(addresses(&status));

    let spec_path = FieldPath::new("spec");
    let path = spec_path.child("podCIDRs");
    let (blocks, old_blocks) = (spec.pod_cidrs.unwrap_or_default(), old_spec.pod_cidrs.unwrap_or_default());
    if !old_blocks.is_empty() {
        // One error for a different number of blocks, else one for each that differs.
        let differing = match blocks.len() == old_blocks.len() {
            true => blocks.iter().zip(&old_blocks).filter(|(new, old)| new != old).count(),
            false => 1,
        };
        errors.extend((0..differing).map(|_| FieldError::forbidden(&path, NO_CHANGE)));
    }
    let (provider, old_provider) = (spec.provider_id.unwrap_or_default(), old_spec.provider_id.unwrap_or_default());
    if !old_provider.is_empty() && provider != old_provider {
        let words =
            if provider.is_empty() { "field cannot be cleared once set" } else { "field cannot be modified once set" };
        errors.push(FieldError::invalid(&spec_path.child("providerID"), Value::Null, words));
    }
    if let Some(source) = &spec.config_source {
        errors.extend(config_source(source, false, &spec_path.child("configSource")));
    }
    if let Some(config) = &status.config {
        let status_path = FieldPath::new("status");
        let path = status_path.child("config");
        let sources =
            [("assigned", &config.assigned), ("active", &config.active), ("lastKnownGood", &config.last_known_good)];
        for (name, source) in sources {
            errors.extend(source.iter().flat_map(|source| config_source(source, true, &path.child(name))));
        }
    }
    errors.extend(taints(spec.taints.as_deref().unwrap_or_default(), &metadata.child("taints")));
    if spec.external_id.unwrap_or_default() != old_spec.external_id.unwrap_or_default() {
        errors.push(FieldError::forbidden(&spec_path.child("externalID"), "may not be updated"));
    }
    errors
}

fn node_annotations(node: &Node, metadata: &FieldPath<'_>) -> Errors {
    let given = node.metadata.annotations.as_ref();
    given.map(|given| annotations(given, &metadata.child("annotations"))).unwrap_or_default()
}

/// Taints: keys, values, effects, and each pair of key and effect once.
pub(super) fn taints(taints: &[Taint], path: &FieldPath<'_>) -> Errors {
    let mut errors = Errors::new();
    let mut seen = BTreeSet::new();
    for (at, taint) in taints.iter().enumerate() {
        let path = path.index(at);
        errors.extend(label_name(&taint.key, &path.child("key")));
        let value = taint.value.as_deref().unwrap_or_default();
        let wrong = is_valid_label_value(value);
        if !wrong.is_empty() {
            errors.push(FieldError::invalid(&path.child("value"), value, wrong.join(";")));
        }
        errors.extend(taint_effect(&taint.effect, &path.child("effect")));
        if !seen.insert((&taint.key, &taint.effect)) {
            let shown = json!({
                "Key": taint.key, "Value": value, "Effect": taint.effect, "TimeAdded": taint.time_added,
            });
            let mut error = FieldError::duplicate(&path, shown);
            error.detail = "taints must be unique by key and effect pair".to_owned();
            errors.push(error);
        }
    }
    errors
}

fn taint_effect(effect: &str, path: &FieldPath<'_>) -> Option<FieldError> {
    let known = ["NoSchedule", "PreferNoSchedule", "NoExecute"];
    match effect {
        "" => Some(FieldError::required(path, "")),
        effect if known.contains(&effect) => None,
        effect => Some(FieldError::not_supported(path, effect, &known)),
    }
}

fn resources(status: &NodeStatus) -> Errors {
    let path = FieldPath::new("status");
    let mut errors = Errors::new();
    let mut check = |name: &str, amounts: &Option<BTreeMap<String, QuantityText>>| {
        let path = path.child(name);
        for (resource, amount) in amounts.iter().flatten() {
            // What is no quantity has been refused by the decoder.
            let Ok(amount) = Quantity::parse(&amount.0) else { continue };
            errors.extend(resource_quantity_value(resource, amount, &path.child(resource)));
        }
    };
    check("capacity", &status.capacity);
    check("allocatable", &status.allocatable);
    errors
}

fn declared_features(status: &NodeStatus) -> Errors {
    let root = FieldPath::new("status");
    let path = root.child("declaredFeatures");
    let features = status.declared_features.as_deref().unwrap_or_default();
    let mut errors = Errors::new();
    for (at, feature) in features.iter().enumerate() {
        if let Some(wrong) = feature_name(feature) {
            errors.push(FieldError::invalid(&path.index(at), feature.as_str(), wrong));
        }
        let Some(next) = features.get(at + 1) else { continue };
        let next_path = path.index(at + 1);
        if feature == next {
            errors.push(FieldError::duplicate(&next_path, next.as_str()));
        } else if feature > next {
            errors.push(FieldError::invalid(&next_path, next.as_str(), "list must be sorted alphabetically"));
        }
    }
    errors
}

fn feature_name(name: &str) -> Option<String> {
    if name.len() > DNS_SUBDOMAIN_MAX_LENGTH {
        let most = DNS_SUBDOMAIN_MAX_LENGTH;
        return Some(format!("invalid feature name {}: must be no more than {most} characters", quote(name)));
    }
    let segment = |segment: &str| {
        segment.starts_with(|c: char| c.is_ascii_alphabetic()) && segment.bytes().all(|c| c.is_ascii_alphanumeric())
    };
    if name.starts_with(|c: char| c.is_ascii_uppercase()) && name.split('/').all(segment) {
        return None;
    }
    let words = "must start with an UpperCamelCase segment, with subsequent segments separated by '/' (e.g., MyFeature \
                 or MyFeature/mySubFeature), and contain only alphanumeric characters and slashes";
    Some(format!("invalid feature name {}: {words}", quote(name)))
}

fn addresses(status: &NodeStatus) -> Errors {
    let root = FieldPath::new("status");
    let path = root.child("addresses");
    let mut seen = BTreeSet::new();
    let mut errors = Errors::new();
    for (at, address) in status.addresses.iter().flatten().enumerate() {
        if !seen.insert((&address.type_, &address.address)) {
            let shown = json!({ "Type": address.type_, "Address": address.address });
            errors.push(FieldError::duplicate(&path.index(at), shown));
        }
    }
    errors
}

fn pod_blocks(blocks: &[String]) -> Errors {
    let spec = FieldPath::new("spec");
    let path = spec.child("podCIDRs");
    let mut errors = Errors::new();
    for (at, block) in blocks.iter().enumerate() {
        errors.extend(is_valid_cidr_for_legacy_field(&path.index(at), block, &[]));
    }
    if blocks.len() < 2 {
        return errors;
    }
    let families: Option<BTreeSet<bool>> =
        blocks.iter().map(|block| parse_cidr_sloppy(block).map(|block| block.is_ipv6())).collect();
    let is_dual = match families {
        Some(families) => families.len() == 2,
        None => {
            let mut wrong = blocks.iter().enumerate().filter(|(_, block)| parse_cidr_sloppy(block).is_none());
            let (at, block) = wrong.next().map_or((0, ""), |(at, block)| (at, block.as_str()));
            let words = format!(
                "invalid PodCIDRs. failed to check with dual stack with error:invalid CIDR[{at}]: <nil> (invalid CIDR \
                 address: {block})"
            );
            errors.push(FieldError::internal(&path, words));
            false
        }
    };
    if !is_dual || blocks.len() > 2 {
        let words = "may specify no more than one CIDR for each IP family";
        errors.push(FieldError::invalid(&path, blocks, words));
    }
    errors
}

/// A source of dynamic configuration: in a status its object is pinned, in a spec it may not be.
fn config_source(source: &NodeConfigSource, is_pinned: bool, path: &FieldPath<'_>) -> Errors {
    let Some(map) = &source.config_map else {
        let words = "exactly one reference subfield must be non-nil";
        return vec![FieldError::invalid(path, json!({ "ConfigMap": null }), words)];
    };
    let path = path.child("configMap");
    let mut errors = Errors::new();
    for (name, value) in [("uid", &map.uid), ("resourceVersion", &map.resource_version)] {
        let is_set = value.as_ref().is_some_and(|value| !value.is_empty());
        let at = path.child(name);
        match (is_pinned, is_set) {
            (true, false) => errors.push(FieldError::required(&at, "")),
            (false, true) => errors.push(FieldError::forbidden(&at, format!("{name} must not be set in spec"))),
            _ => {}
        }
    }
    errors.extend(config_map_source(map, &path));
    errors
}

fn config_map_source(map: &ConfigMapNodeConfigSource, path: &FieldPath<'_>) -> Errors {
    let mut errors = Errors::new();
    let mut check = |name: &str, value: &str, wrong: Vec<String>| {
        let path = path.child(name);
        if value.is_empty() {
            errors.push(FieldError::required(&path, ""));
        } else {
            errors.extend(wrong.into_iter().map(|wrong| FieldError::invalid(&path, value, wrong)));
        }
    };
    check("namespace", &map.namespace, name_is_dns_label(&map.namespace, false));
    check("name", &map.name, name_is_dns_subdomain(&map.name, false));
    check("kubeletConfigKey", &map.kubelet_config_key, is_config_map_key(&map.kubelet_config_key));
    errors
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::kind::testing::{create_errors, update_errors};

    fn named(mut object: Value) -> Value {
        if object.get("metadata").is_none() {
            object["metadata"] = json!({});
        }
        object["metadata"]["name"] = "n".into();
        object
    }

    #[test]
    fn wrong_nodes_are_refused() {
        let taints = json!([
            {"key": "a", "effect": "NoSchedule"}, {"key": "a", "effect": "NoExecute"},
            {"key": "a", "value": "v", "effect": "NoSchedule"}, {"key": "b"}, {"key": "c", "effect": "x"},
        ]);
        let rows = [
            (
                json!({"spec": {"taints": taints}}),
                vec![
                    r#"metadata.taints[2]: Duplicate value: {"Key":"a","Value":"v","Effect":"NoSchedule","TimeAdded":null}: taints must be unique by key and effect pair"#,
                    "metadata.taints[3].effect: Required value",
                    r#"metadata.taints[4].effect: Unsupported value: "x": supported values: "NoSchedule", "PreferNoSchedule", "NoExecute""#,
                ],
            ),
            (
                json!({"status": {"capacity": {"cpu": "-1", "pods": "1500m"}, "allocatable": {}}}),
                vec![
                    r#"status.capacity.cpu: Invalid value: "-1": must be greater than or equal to 0"#,
                    r#"status.capacity.pods: Invalid value: "1500m": must be an integer"#,
                    r#"status.allocatable.cpu: Invalid value: "-1": must be greater than or equal to 0"#,
                    r#"status.allocatable.pods: Invalid value: "1500m": must be an integer"#,
                ],
            ),
            (
                json!({"status": {"nodeInfo": {"swap": {"capacity": 0}}}}),
                vec!["metadata.nodeSwapStatus.capacity: Invalid value: 0: must be greater than zero"],
            ),
            (
                json!({"status": {"declaredFeatures": ["B/c", "A", "A"]}}),
                vec![
                    r#"status.declaredFeatures[1]: Invalid value: "A": list must be sorted alphabetically"#,
                    r#"status.declaredFeatures[2]: Duplicate value: "A""#,
                ],
            ),
            (
                json!({"status": {"declaredFeatures": ["a"]}}),
                vec![
                    r#"status.declaredFeatures[0]: Invalid value: "a": invalid feature name "a": must start with an UpperCamelCase segment, with subsequent segments separated by '/' (e.g., MyFeature or MyFeature/mySubFeature), and contain only alphanumeric characters and slashes"#,
                ],
            ),
            (json!({"spec": {"podCIDRs": ["10.0.0.0/24", "2001:db8::/64"]}}), vec![]),
            (
                json!({"spec": {"podCIDRs": ["10.0.0.0/24", "10.0.1.0/24"]}}),
                vec![
                    r#"spec.podCIDRs: Invalid value: ["10.0.0.0/24","10.0.1.0/24"]: may specify no more than one CIDR for each IP family"#,
                ],
            ),
            (
                json!({"spec": {"podCIDRs": ["10.0.0.0/24", "x"]}}),
                vec![
                    r#"spec.podCIDRs[1]: Invalid value: "x": must be a valid CIDR value, (e.g. 10.9.8.0/24 or 2001:db8::/64)"#,
                    "spec.podCIDRs: Internal error: invalid PodCIDRs. failed to check with dual stack with error:invalid \
                     CIDR[1]: <nil> (invalid CIDR address: x)",
                    r#"spec.podCIDRs: Invalid value: ["10.0.0.0/24","x"]: may specify no more than one CIDR for each IP family"#,
                ],
            ),
            (
                json!({"metadata": {"annotations": {
                    "scheduler.alpha.kubernetes.io/taints": "[{\"key\":\"a\",\"effect\":\"x\"}]",
                    "scheduler.alpha.kubernetes.io/preferAvoidPods":
                        "{\"preferAvoidPods\":[{},{\"podSignature\":{\"podController\":{\"controller\":false}}}]}",
                }}}),
                vec![
                    r#"metadata.annotations.scheduler.alpha.kubernetes.io/taints[0].effect: Unsupported value: "x": supported values: "NoSchedule", "PreferNoSchedule", "NoExecute""#,
                    "metadata.annotations.scheduler.alpha.kubernetes.io/preferAvoidPods[0].PodSignature: Required value",
                    "metadata.annotations.scheduler.alpha.kubernetes.io/preferAvoidPods[1].PodSignature.PodController.Controller: Invalid value: false: must point to a controller",
                ],
            ),
            (
                json!({"metadata": {"annotations": {"scheduler.alpha.kubernetes.io/taints": "["}}}),
                vec![
                    r#"metadata.annotations: Invalid value: "scheduler.alpha.kubernetes.io/taints": unexpected end of JSON input"#,
                ],
            ),
        ];
        for (object, expected) in rows {
            assert_eq!(create_errors("", "nodes", named(object)), expected);
        }
    }

    #[test]
    fn what_is_set_once_stays() {
        let old = named(json!({"spec": {"podCIDR": "10.0.0.0/24", "providerID": "p", "externalID": "e"}}));
        let new = named(json!({"spec": {"podCIDR": "10.0.1.0/24", "providerID": "q"}}));
        let forbidden = r#"spec.podCIDRs: Forbidden: node updates may not change podCIDR except from "" to valid"#;
        let expected = [
            forbidden,
            "spec.providerID: Invalid value: null: field cannot be modified once set",
            "spec.externalID: Forbidden: may not be updated",
        ];
        assert_eq!(update_errors("", "nodes", "", new, old.clone()), expected);
        let new = named(json!({"spec": {"externalID": "e"}}));
        let expected = [forbidden, "spec.providerID: Invalid value: null: field cannot be cleared once set"];
        assert_eq!(update_errors("", "nodes", "", new.clone(), old.clone()), expected);
        assert_eq!(update_errors("", "nodes", "status", new, old), [""; 0]);
        let set = named(json!({"spec": {"podCIDR": "10.0.1.0/24", "providerID": "q"}}));
        assert_eq!(update_errors("", "nodes", "", set, named(json!({}))), [""; 0]);
    }

    #[test]
    fn a_status_is_checked_alone() {
        let addresses = json!([
            {"type": "InternalIP", "address": "10.0.0.1"}, {"type": "InternalIP", "address": "10.0.0.2"},
            {"type": "InternalIP", "address": "10.0.0.1"},
        ]);
        let config =
            json!({"active": {"configMap": {"uid": "u", "namespace": "A", "name": "", "kubeletConfigKey": "k"}}});
        let old = named(json!({"status": {"config": {"error": "x"}}}));
        let new = named(json!({"status": {"addresses": addresses, "config": config}}));
        let errors = update_errors("", "nodes", "status", new, old);
        assert_eq!(errors[0], r#"status.addresses[2]: Duplicate value: {"Type":"InternalIP","Address":"10.0.0.1"}"#);
        assert_eq!(errors[1], "status.config.active.configMap.resourceVersion: Required value");
        assert!(
            errors[2]
                .starts_with("status.config.active.configMap.namespace: Invalid value: \"A\": a lowercase RFC 1123")
        );
        assert_eq!(errors[3..], ["status.config.active.configMap.name: Required value"]);
    }
}
