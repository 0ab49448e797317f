//! DefaultTolerationSeconds: a pod stays five minutes on a node that is not ready or not reached, unless it says otherwise.

use futures_util::future::LocalBoxFuture;
use serde_json::{Value, json};

use super::tree::{is_main, items, list_mut, text};
use crate::registry::admission_seam::{Admission, Attributes, Operation};
use crate::status::ApiError;

/// How long, in seconds.
const PATIENCE_SECONDS: i64 = 300;
/// The taints.
const TAINTS: [&str; 2] = ["node.kubernetes.io/not-ready", "node.kubernetes.io/unreachable"];

/// The plugin.
pub struct DefaultTolerationSeconds;

impl Admission for DefaultTolerationSeconds {
    fn admit<'a>(
        &'a self,
        attributes: Attributes<'a>,
        object: &'a mut Value,
    ) -> LocalBoxFuture<'a, Result<Vec<String>, ApiError>> {
        if is_main(&attributes, "pods") && matches!(attributes.operation, Operation::Create | Operation::Update) {
            tolerate(object);
        }
        Box::pin(std::future::ready(Ok(Vec::new())))
    }
}

fn tolerate(pod: &mut Value) {
    let path = ["spec", "tolerations"];
    for taint in TAINTS {
        let is_tolerated = items(pod, &path).iter().any(|toleration| {
            matches!(text(toleration, &["key"]), key if key.is_empty() || key == taint)
                && matches!(text(toleration, &["effect"]), "" | "NoExecute")
        });
        if !is_tolerated {
            list_mut(pod, &path).push(json!({
                "key": taint,
                "operator": "Exists",
                "effect": "NoExecute",
                "tolerationSeconds": PATIENCE_SECONDS,
            }));
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::admission::testing::Ask;

    #[tokio::test]
    async fn tolerations_are_added_where_none_covers_the_taint() {
        let not_ready =
            json!({"key": TAINTS[0], "operator": "Exists", "effect": "NoExecute", "tolerationSeconds": 300});
        let unreachable =
            json!({"key": TAINTS[1], "operator": "Exists", "effect": "NoExecute", "tolerationSeconds": 300});
        let all = json!({"operator": "Exists"});
        let own = json!({"key": TAINTS[0], "operator": "Exists", "tolerationSeconds": 5});
        let scheduling = json!({"key": TAINTS[0], "operator": "Exists", "effect": "NoSchedule"});
        let rows = [
            (json!(null), json!([not_ready, unreachable])),
            (json!([all]), json!([all])),
            (json!([own]), json!([own, unreachable])),
            (json!([scheduling]), json!([scheduling, not_ready, unreachable])),
        ];
        for (given, expected) in rows {
            let ask = Ask::create("pods", json!({"spec": {"tolerations": given}}));
            assert_eq!(ask.admit(&DefaultTolerationSeconds).await.unwrap()["spec"]["tolerations"], expected);
        }
        let status = Ask::update("pods", json!({"spec": {}}), json!({})).on("status");
        assert_eq!(status.admit(&DefaultTolerationSeconds).await.unwrap(), json!({"spec": {}}));
    }
}
