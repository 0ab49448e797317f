//! PodResizeValidator: a running pod is not resized beyond what its node could ever give.

use std::sync::Arc;

use futures_util::future::LocalBoxFuture;
use howdah_api::go::quote;
use howdah_api::quantity::Quantity;
use k8s_openapi::api::core::v1::Node;
use k8s_openapi::apimachinery::pkg::apis::meta::v1::StatusCause;
use serde_json::Value;

use super::lister::Lister;
use super::resource_list::{Counting, Half, parse_texts, pod};
use super::tree::{generation, is_resource, text};
use crate::registry::admission_seam::{Admission, Attributes, Operation};
use crate::status::ApiError;

/// What the spec asks for counts, with overhead.
const COUNTING: Counting = Counting { status: false, overhead: true, huge_pages_of_pod: true };

/// The plugin.
pub struct PodResize {
    lister: Arc<dyn Lister>,
}

impl PodResize {
    /// The plugin over these objects.
    #[must_use]
    pub fn new(lister: Arc<dyn Lister>) -> Self {
        Self { lister }
    }
}

impl Admission for PodResize {
    fn validate<'a>(
        &'a self,
        attributes: Attributes<'a>,
        object: &'a Value,
    ) -> LocalBoxFuture<'a, Result<Vec<String>, ApiError>> {
        Box::pin(async move {
            let resizes = is_resource(&attributes, "", "pods")
                && attributes.subresource == "resize"
                && attributes.operation == Operation::Update;
            let name = text(object, &["spec", "nodeName"]);
            let old_generation = attributes.old.map(generation);
            if !resizes || name.is_empty() || old_generation == Some(generation(object)) {
                return Ok(Vec::new());
            }
            let Some(node) = self.lister.node(name).await? else {
                return Err(attributes.forbidden(object, &format!("node {} not found", quote(name))));
            };
            match refusal(object, name, &node) {
                None => Ok(Vec::new()),
                Some((cause, reason)) => {
                    let mut status = attributes.forbidden(object, &cause).status();
                    let cause = StatusCause { reason: Some(reason.to_owned()), ..StatusCause::default() };
                    status.details.get_or_insert_default().causes.get_or_insert_default().push(cause);
                    Err(ApiError::Status(Box::new(status)))
                }
            }
        })
    }
}

/// Why the node can't have the pod as it would be, as a sentence and as a cause.
fn refusal(object: &Value, name: &str, node: &Node) -> Option<(String, &'static str)> {
    let labels = node.metadata.labels.as_ref();
    if let Some(system) = labels.and_then(|labels| labels.get("kubernetes.io/os")).filter(|system| *system != "linux") {
        let sentence =
            format!("pod resize is only supported on linux nodes, node {} is {}", quote(name), quote(system));
        return Some((sentence, "UnsupportedPlatform"));
    }
    let allocatable = parse_texts(node.status.as_ref().and_then(|status| status.allocatable.as_ref()));
    let requests = pod(object, Half::Requests, COUNTING);
    let both = |resource: &str| {
        let of = |list: &super::resource_list::ResourceList| list.get(resource).copied().unwrap_or(Quantity::ZERO);
        Some((of(&requests), of(&allocatable))).filter(|(requested, allocatable)| requested > allocatable)
    };
    let told = [
        both("cpu").map(|(requested, allocatable)| {
            format!("cpu, requested: {}, allocatable: {}", requested.milli_value(), allocatable.milli_value())
        }),
        both("memory").map(|(requested, allocatable)| {
            format!("memory, requested: {}, allocatable: {}", requested.value(), allocatable.value())
        }),
    ];
    let told: Vec<String> = told.into_iter().flatten().collect();
    let sentence = format!("node didn't have enough allocatable resources: {}", told.join("; "));
    (!told.is_empty()).then_some((sentence, "NodeCapacity"))
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::admission::testing::{Ask, Objects, message};

    #[tokio::test]
    async fn resizes_stay_within_the_node() {
        let node = |name: &str, system: &str| {
            json!({"metadata": {"name": name, "labels": {"kubernetes.io/os": system}},
                "status": {"allocatable": {"cpu": "2", "memory": "1Gi"}}})
        };
        let objects = Objects::default().with_node(node("n", "linux")).with_node(node("w", "windows"));
        let plugin = PodResize::new(Arc::new(objects));
        let pod = |node: &str, generation: i64, cpu: &str, memory: &str| {
            json!({"metadata": {"name": "p", "generation": generation}, "spec": {"nodeName": node, "containers": [
                {"name": "a", "resources": {"requests": {"cpu": cpu, "memory": memory}}}]}})
        };
        let rows = [
            (pod("n", 2, "2", "1Gi"), None),
            (pod("", 2, "9", "9Gi"), None),
            (pod("n", 1, "9", "9Gi"), None),
            (
                pod("n", 2, "2500m", "2Gi"),
                Some(
                    r#"pods "p" is forbidden: node didn't have enough allocatable resources: cpu, requested: 2500, allocatable: 2000; memory, requested: 2147483648, allocatable: 1073741824"#,
                ),
            ),
            (
                pod("w", 2, "1", "1Gi"),
                Some(r#"pods "p" is forbidden: pod resize is only supported on linux nodes, node "w" is "windows""#),
            ),
            (pod("gone", 2, "1", "1Gi"), Some(r#"pods "p" is forbidden: node "gone" not found"#)),
        ];
        for (new, expected) in rows {
            let ask = Ask::update("pods", new, pod("n", 1, "1", "1Gi")).on("resize").named("p");
            assert_eq!(message(ask.validate(&plugin).await).as_deref(), expected);
        }
    }
}
