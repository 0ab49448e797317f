//! What the objects of a resource use of a quota, and which quotas concern them.

use std::collections::BTreeSet;

use howdah_api::quantity::Quantity;
use serde_json::Value;

use super::pod;
use crate::admission::resource_list::{ResourceList, parse};
use crate::admission::tree::{at, items, text};
use crate::registry::admission_seam::{Attributes, Operation};

/// What is never counted: questions, and events.
const IGNORED: [(&str, &str); 10] = [
    ("", "bindings"),
    ("", "componentstatuses"),
    ("", "events"),
    ("events.k8s.io", "events"),
    ("authentication.k8s.io", "tokenreviews"),
    ("authentication.k8s.io", "selfsubjectreviews"),
    ("authorization.k8s.io", "subjectaccessreviews"),
    ("authorization.k8s.io", "selfsubjectaccessreviews"),
    ("authorization.k8s.io", "localsubjectaccessreviews"),
    ("authorization.k8s.io", "selfsubjectrulesreviews"),
];
/// Core resources whose number has an older name besides `count/…`: their own.
const NAMED: [&str; 4] = ["configmaps", "resourcequotas", "replicationcontrollers", "secrets"];
/// What stands between a storage class and the resource that is counted for it.
const STORAGE_CLASS: &str = ".storageclass.storage.k8s.io/";

/// How a resource is measured.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Evaluator {
    /// Pods: cpu, memory and their like, and their number.
    Pods,
    /// Services: their number, by type, and node ports.
    Services,
    /// Persistent volume claims: storage and their number, also by storage class.
    Claims,
    /// Only the number of objects, under these names.
    Count(Vec<String>),
}

/// One condition of a quota on the objects that it counts.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Scope {
    pub(super) name: String,
    pub(super) operator: String,
    pub(super) values: Vec<String>,
}

impl Evaluator {
    /// How this resource is measured; `None` where it is not.
    pub(super) fn of(group: &str, plural: &str) -> Option<Self> {
        if IGNORED.contains(&(group, plural)) {
            return None;
        }
        Some(match (group, plural) {
            ("", "pods") => Self::Pods,
            ("", "services") => Self::Services,
            ("", "persistentvolumeclaims") => Self::Claims,
            ("", plural) if NAMED.contains(&plural) => Self::Count(vec![format!("count/{plural}"), plural.to_owned()]),
            ("", plural) => Self::Count(vec![format!("count/{plural}")]),
            (group, plural) => Self::Count(vec![format!("count/{plural}.{group}")]),
        })
    }

    /// Whether this write may change what is used.
    pub(super) fn handles(&self, attributes: &Attributes<'_>, object: &Value) -> bool {
        let old = attributes.old.unwrap_or(&Value::Null);
        match (self, attributes.subresource, attributes.operation) {
            (Self::Pods, "", Operation::Update) => pod::has_deadline(object) != pod::has_deadline(old),
            (Self::Pods, "resize", Operation::Update) => true,
            (Self::Services | Self::Claims, "", Operation::Update) => true,
            (Self::Claims, "status", Operation::Update) => true,
            (_, "", Operation::Create) => true,
            _ => false,
        }
    }

    /// Those of a quota's resources that are measured here.
    pub(super) fn matching<'n>(&self, names: impl Iterator<Item = &'n String>) -> BTreeSet<String> {
        let matches = |name: &str| match self {
            Self::Pods => pod::is_measured(name),
            Self::Services => {
                matches!(name, "count/services" | "services" | "services.nodeports" | "services.loadbalancers")
            }
            Self::Claims => {
                let resource = name.split_once(STORAGE_CLASS).map_or(name, |(_, resource)| resource);
                matches!(resource, "persistentvolumeclaims" | "requests.storage")
                    || name == "count/persistentvolumeclaims"
            }
            Self::Count(own) => own.iter().any(|own| own == name),
        };
        names.filter(|name| matches(name)).cloned().collect()
    }

    /// What the object lacks of what a quota requires to be told.
    pub(super) fn missing(&self, required: &BTreeSet<String>, object: &Value) -> Option<String> {
        match self {
            Self::Pods => pod::missing(required, object),
            Self::Services | Self::Claims | Self::Count(_) => None,
        }
    }

    /// Whether the object is in the scope.
    pub(super) fn is_in(&self, scope: &Scope, object: &Value) -> bool {
        match self {
            Self::Pods => pod::is_in(scope, object),
            Self::Claims if scope.name == "VolumeAttributesClass" => {
                let classes = [
                    text(object, &["spec", "volumeAttributesClassName"]),
                    text(object, &["status", "currentVolumeAttributesClassName"]),
                    text(object, &["status", "modifyVolumeStatus", "targetVolumeAttributesClassName"]),
                ];
                let classes: Vec<&str> = classes.into_iter().filter(|class| !class.is_empty()).collect();
                if classes.is_empty() {
                    scope.holds(None)
                } else {
                    classes.iter().any(|class| scope.holds(Some(class)))
                }
            }
            Self::Services | Self::Claims | Self::Count(_) => false,
        }
    }

    /// What the object uses at this time (seconds since 1970).
    pub(super) fn usage(&self, object: &Value, now: i64) -> ResourceList {
        match self {
            Self::Pods => pod::usage(object, now),
            Self::Services => services(object),
            Self::Claims => claims(object),
            Self::Count(names) => names.iter().map(|name| (name.clone(), Quantity::new(1))).collect(),
        }
    }
}

impl Scope {
    /// Whether a class, or none, satisfies the scope's operator.
    pub(super) fn holds(&self, class: Option<&str>) -> bool {
        let is_listed = class.is_some_and(|class| self.values.iter().any(|value| value == class));
        match self.operator.as_str() {
            "Exists" => class.is_some(),
            "DoesNotExist" => class.is_none(),
            "In" => is_listed,
            "NotIn" => !is_listed,
            _ => false,
        }
    }
}

fn services(service: &Value) -> ResourceList {
    let ports = items(service, &["spec", "ports"]);
    let number = |count: usize| Quantity::new(i64::try_from(count).unwrap_or(i64::MAX));
    let with_number = ports.iter().filter(|port| at(port, &["nodePort"]).as_i64().is_some_and(|port| port != 0));
    let (node_ports, balancers) = match text(service, &["spec", "type"]) {
        "NodePort" => (ports.len(), 0),
        // Numbers aren't given out yet: what counts is what is asked for.
        "LoadBalancer" if at(service, &["spec", "allocateLoadBalancerNodePorts"]) == &Value::Bool(false) => {
            (with_number.count(), 1)
        }
        "LoadBalancer" => (ports.len(), 1),
        _ => (0, 0),
    };
    [("count/services", 1), ("services", 1), ("services.loadbalancers", balancers), ("services.nodeports", node_ports)]
        .into_iter()
        .map(|(name, count)| (name.to_owned(), number(count)))
        .collect()
}

fn claims(claim: &Value) -> ResourceList {
    let by_annotation = text(claim, &["metadata", "annotations", "volume.beta.kubernetes.io/storage-class"]);
    let by_field = text(claim, &["spec", "storageClassName"]);
    let class = if by_annotation.is_empty() { by_field } else { by_annotation };
    let mut usage = ResourceList::new();
    let mut charge = |resource: &str, quantity: Quantity| {
        usage.insert(resource.to_owned(), quantity);
        if !class.is_empty() {
            usage.insert(format!("{class}{STORAGE_CLASS}{resource}"), quantity);
        }
    };
    charge("persistentvolumeclaims", Quantity::new(1));
    if let Some(requested) = parse(at(claim, &["spec", "resources", "requests"])).get("storage") {
        let allotted = parse(at(claim, &["status", "allocatedResources"])).get("storage").copied();
        charge("requests.storage", allotted.map_or(*requested, |allotted| allotted.max(*requested)).rounded(0));
    }
    usage.insert("count/persistentvolumeclaims".to_owned(), Quantity::new(1));
    usage
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::admission::resource_list::tree;

    #[test]
    fn resources_have_evaluators() {
        let count = |names: &[&str]| Some(Evaluator::Count(names.iter().map(|&name| name.to_owned()).collect()));
        let rows = [
            ("", "pods", Some(Evaluator::Pods)),
            ("", "configmaps", count(&["count/configmaps", "configmaps"])),
            ("", "endpoints", count(&["count/endpoints"])),
            ("apps", "deployments", count(&["count/deployments.apps"])),
            ("", "events", None),
            ("authorization.k8s.io", "localsubjectaccessreviews", None),
        ];
        for (group, plural, expected) in rows {
            assert_eq!(Evaluator::of(group, plural), expected);
        }
    }

    #[test]
    fn services_are_measured_by_type() {
        let ports = json!([{"port": 1, "nodePort": 30000}, {"port": 2}]);
        let rows = [
            (json!({"type": "ClusterIP", "ports": ports}), ("0", "0")),
            (json!({"type": "NodePort", "ports": ports}), ("2", "0")),
            (json!({"type": "LoadBalancer", "ports": ports}), ("2", "1")),
            (json!({"type": "LoadBalancer", "allocateLoadBalancerNodePorts": false, "ports": ports}), ("1", "1")),
        ];
        for (spec, (node_ports, balancers)) in rows {
            let expected = json!({"count/services": "1", "services": "1", "services.loadbalancers": balancers,
                "services.nodeports": node_ports});
            assert_eq!(tree(&services(&json!({"spec": spec}))), expected);
        }
    }

    #[test]
    fn claims_are_measured_by_class() {
        let claim = json!({"spec": {"storageClassName": "gold", "resources": {"requests": {"storage": "1500m"}}}});
        assert_eq!(
            tree(&claims(&claim)),
            json!({"count/persistentvolumeclaims": "1", "gold.storageclass.storage.k8s.io/persistentvolumeclaims": "1",
                "gold.storageclass.storage.k8s.io/requests.storage": "2", "persistentvolumeclaims": "1",
                "requests.storage": "2"})
        );
        let grown = json!({"spec": {"resources": {"requests": {"storage": "1Gi"}}},
            "status": {"allocatedResources": {"storage": "2Gi"}}});
        assert_eq!(tree(&claims(&grown))["requests.storage"], "2Gi");
        let names = ["cpu", "requests.storage", "gold.storageclass.storage.k8s.io/requests.storage", "x.storage"];
        let names: Vec<String> = names.map(str::to_owned).to_vec();
        assert_eq!(Evaluator::Claims.matching(names.iter()).len(), 2);
        let scope = |operator: &str| Scope {
            name: "VolumeAttributesClass".to_owned(),
            operator: operator.to_owned(),
            values: vec!["a".to_owned()],
        };
        let of_a = json!({"spec": {"volumeAttributesClassName": "a"}});
        let rows =
            [("In", true, false), ("NotIn", false, true), ("Exists", true, false), ("DoesNotExist", false, true)];
        for (operator, with, without) in rows {
            assert_eq!(Evaluator::Claims.is_in(&scope(operator), &of_a), with);
            assert_eq!(Evaluator::Claims.is_in(&scope(operator), &json!({})), without);
        }
    }
}
