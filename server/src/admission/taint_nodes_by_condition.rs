//! TaintNodesByCondition: a new node takes no pods until it was seen to be ready.

use futures_util::future::LocalBoxFuture;
use serde_json::{Value, json};

use super::tree::{is_main, items, list_mut, text};
use crate::registry::admission_seam::{Admission, Attributes, Operation};
use crate::status::ApiError;

const KEY: &str = "node.kubernetes.io/not-ready";
const EFFECT: &str = "NoSchedule";

/// The plugin.
pub struct TaintNodesByCondition;

impl Admission for TaintNodesByCondition {
    fn admit<'a>(
        &'a self,
        attributes: Attributes<'a>,
        object: &'a mut Value,
    ) -> LocalBoxFuture<'a, Result<Vec<String>, ApiError>> {
        if attributes.operation == Operation::Create && is_main(&attributes, "nodes") {
            let path = ["spec", "taints"];
            let stands = |taint: &Value| text(taint, &["key"]) == KEY && text(taint, &["effect"]) == EFFECT;
            if !items(object, &path).iter().any(stands) {
                list_mut(object, &path).push(json!({"key": KEY, "effect": EFFECT}));
            }
        }
        Box::pin(std::future::ready(Ok(Vec::new())))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::admission::testing::Ask;

    #[tokio::test]
    async fn new_nodes_are_tainted_once() {
        let taint = json!({"key": KEY, "effect": EFFECT});
        let other = json!({"key": KEY, "effect": "NoExecute"});
        let rows =
            [(json!(null), json!([taint])), (json!([taint]), json!([taint])), (json!([other]), json!([other, taint]))];
        for (given, expected) in rows {
            let node = json!({"spec": {"taints": given}});
            let admitted = Ask::create("nodes", node.clone()).admit(&TaintNodesByCondition).await.unwrap();
            assert_eq!(admitted["spec"]["taints"], expected);
            let updated = Ask::update("nodes", node.clone(), node.clone()).admit(&TaintNodesByCondition).await.unwrap();
            assert_eq!(updated, node);
        }
    }
}
