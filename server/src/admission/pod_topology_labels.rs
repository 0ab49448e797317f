//! PodTopologyLabels: a pod is told the zone and region of its node, in its labels.
//!
//! On a binding they become the binding's labels, which binding copies to the pod. A node that isn't known adds nothing.

use std::sync::Arc;

use futures_util::future::LocalBoxFuture;
use serde_json::Value;

use super::lister::Lister;
use super::tree::{is_resource, map_mut, text};
use crate::registry::admission_seam::{Admission, Attributes, Operation};
use crate::status::ApiError;

/// The labels that are copied.
const LABELS: [&str; 2] = ["topology.kubernetes.io/zone", "topology.kubernetes.io/region"];

/// The plugin.
pub struct PodTopologyLabels {
    lister: Arc<dyn Lister>,
}

impl PodTopologyLabels {
    /// The plugin over these objects.
    #[must_use]
    pub fn new(lister: Arc<dyn Lister>) -> Self {
        Self { lister }
    }
}

impl Admission for PodTopologyLabels {
    fn admit<'a>(
        &'a self,
        attributes: Attributes<'a>,
        object: &'a mut Value,
    ) -> LocalBoxFuture<'a, Result<Vec<String>, ApiError>> {
        Box::pin(async move {
            if attributes.operation != Operation::Create || !is_resource(&attributes, "", "pods") {
                return Ok(Vec::new());
            }
            let node = match attributes.subresource {
                "" => text(object, &["spec", "nodeName"]),
                "binding" if text(object, &["target", "kind"]) == "Node" => text(object, &["target", "name"]),
                _ => "",
            };
            if node.is_empty() {
                return Ok(Vec::new());
            }
            let of_node = self.lister.node_labels(node).await?.unwrap_or_default();
            for label in LABELS {
                if let Some(value) = of_node.get(label) {
                    map_mut(object, &["metadata", "labels"]).insert(label.to_owned(), value.as_str().into());
                }
            }
            Ok(Vec::new())
        })
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::admission::testing::{Ask, Objects};

    #[tokio::test]
    async fn zone_and_region_are_copied() {
        let labels = json!({"topology.kubernetes.io/zone": "z", "topology.kubernetes.io/region": "r", "other": "o"});
        let node = json!({"metadata": {"name": "n", "labels": labels}});
        let plugin = PodTopologyLabels::new(Arc::new(Objects::default().with_node(node)));
        let copied = json!({"topology.kubernetes.io/zone": "z", "topology.kubernetes.io/region": "r"});
        let rows = [
            (Ask::create("pods", json!({"spec": {"nodeName": "n"}})), copied.clone()),
            (Ask::create("pods", json!({"spec": {"nodeName": "m"}})), json!(null)),
            (Ask::create("pods", json!({"spec": {}})), json!(null)),
            (Ask::create("pods", json!({"target": {"kind": "Node", "name": "n"}})).on("binding"), copied),
            (Ask::create("pods", json!({"target": {"kind": "Other", "name": "n"}})).on("binding"), json!(null)),
            (Ask::create("pods", json!({"spec": {"nodeName": "n"}})).on("eviction"), json!(null)),
        ];
        for (ask, expected) in rows {
            assert_eq!(
                ask.admit(&plugin).await.unwrap().pointer("/metadata/labels").unwrap_or(&Value::Null),
                &expected
            );
        }
    }
}
