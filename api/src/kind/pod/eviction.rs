//! Eviction, as far as it is a decision: whether a pod may go in view of the budgets that guard it.
//!
//! The caller reads the pod and the budgets of its namespace that select it, asks [`plan`], and carries out what it
//! says with the preconditions that it names. Deliberately absent: reading, writing, retrying on conflicts.
//! Source: upstream's `pkg/registry/core/pod/storage/eviction.go`.

use k8s_openapi::api::core::v1::{Pod, PodStatus};
use k8s_openapi::api::policy::v1::PodDisruptionBudget;

/// How many disrupted pods a budget may carry at a time.
const MAX_DISRUPTED_PODS: usize = 2000;
/// What a refused client is told to wait, in seconds, while a budget is being worked on.
const RETRY_SECONDS: i32 = 10;

/// What to do with an eviction.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Plan {
    /// Delete the pod. No budget is touched.
    Delete {
        /// Whether the delete must find the pod as it was read, since the decision rests on its state.
        pin_resource_version: bool,
    },
    /// Record the disruption in this budget, and delete the pod once that is written.
    Disrupt {
        /// The budget's name.
        budget: String,
    },
    /// Answer this.
    Refuse(Refusal),
}

/// Why an eviction is refused. Display is the answer's message.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Refusal {
    /// More than one budget guards the pod: 500.
    #[error("This pod has more than one PodDisruptionBudget, which the eviction subresource does not support.")]
    SeveralBudgets,
    /// The budget allows no disruption now: 429.
    #[error("Cannot evict pod as it would violate the pod's disruption budget.")]
    TooManyRequests {
        /// What the client is told to wait; 0 says nothing.
        retry_after_seconds: i32,
        /// The cause `DisruptionBudget`'s message.
        cause: String,
    },
    /// The budget's own state forbids it: 403 on `poddisruptionbudgets`.
    #[error("{message}")]
    Forbidden {
        /// The budget's name.
        budget: String,
        /// Why.
        message: &'static str,
        /// The cause `DisruptionBudget`'s message.
        cause: String,
    },
}

/// Whether the pod may be evicted while `budgets`, those of its namespace that select it, guard it.
#[must_use]
pub fn plan(pod: &Pod, budgets: &[PodDisruptionBudget]) -> Plan {
    let phase = pod.status.as_ref().and_then(|status| status.phase.as_deref()).unwrap_or_default();
    let is_terminal = matches!(phase, "Succeeded" | "Failed") || pod.metadata.deletion_timestamp.is_some();
    if is_terminal || phase == "Pending" {
        return Plan::Delete { pin_resource_version: !is_terminal };
    }
    let budget = match budgets {
        [] => return Plan::Delete { pin_resource_version: false },
        [budget] => budget,
        _ => return Plan::Refuse(Refusal::SeveralBudgets),
    };
    if !pod.status.as_ref().is_some_and(is_ready) && spares_unready(budget) {
        return Plan::Delete { pin_resource_version: true };
    }
    match refusal(budget) {
        Some(refusal) => Plan::Refuse(refusal),
        None => Plan::Disrupt { budget: budget.metadata.name.clone().unwrap_or_default() },
    }
}

fn is_ready(status: &PodStatus) -> bool {
    status.conditions.iter().flatten().any(|condition| condition.type_ == "Ready" && condition.status == "True")
}

/// Whether a pod that isn't ready may go without counting.
fn spares_unready(budget: &PodDisruptionBudget) -> bool {
    let policy = budget.spec.as_ref().and_then(|spec| spec.unhealthy_pod_eviction_policy.as_deref());
    let status = budget.status.as_ref();
    let current = status.and_then(|status| status.current_healthy).unwrap_or(0);
    let desired = status.and_then(|status| status.desired_healthy).unwrap_or(0);
    policy == Some("AlwaysAllow") || (current >= desired && desired > 0)
}

fn refusal(budget: &PodDisruptionBudget) -> Option<Refusal> {
    let name = budget.metadata.name.clone().unwrap_or_default();
    let status = budget.status.clone().unwrap_or_default();
    if status.observed_generation.unwrap_or(0) < budget.metadata.generation.unwrap_or(0) {
        return Some(being_processed(&name));
    }
    let forbidden = |message, why: &str| {
        let cause = format!("The disruption budget {name} does not allow evicting pods currently: {why}");
        Some(Refusal::Forbidden { budget: name.clone(), message, cause })
    };
    let allowed = status.disruptions_allowed.unwrap_or(0);
    if allowed < 0 {
        return forbidden("pdb disruptions allowed is negative", "pdb disruptions allowed is negative");
    }
    if status.disrupted_pods.as_ref().map_or(0, std::collections::BTreeMap::len) > MAX_DISRUPTED_PODS {
        return forbidden(
            "DisruptedPods map too big - too many evictions not confirmed by PDB controller",
            "too many pending evictions not confirmed by PDB controller",
        );
    }
    if allowed > 0 {
        return None;
    }
    let (current, desired) = (status.current_healthy.unwrap_or(0), status.desired_healthy.unwrap_or(0));
    let condition = status
        .conditions
        .iter()
        .flatten()
        .find(|condition| condition.type_ == "DisruptionAllowed")
        .filter(|condition| condition.status == "False" && !condition.message.is_empty());
    let cause = match condition {
        Some(condition) if condition.reason == "SyncFailed" => format!(
            "The disruption budget {name} does not allow evicting pods currently because it failed sync: {}",
            condition.message
        ),
        _ if current <= desired => {
            format!("The disruption budget {name} needs {desired} healthy pods and has {current} currently")
        }
        Some(condition) => format!(
            "The disruption budget {name} does not allow evicting pods currently ({}): {}",
            condition.reason, condition.message
        ),
        None => format!("The disruption budget {name} does not allow evicting pods currently"),
    };
    Some(Refusal::TooManyRequests { retry_after_seconds: 0, cause })
}

/// The answer while the budget's controller has yet to see its newest form, or the pod changed under the decision.
#[must_use]
pub fn being_processed(budget: &str) -> Refusal {
    Refusal::TooManyRequests {
        retry_after_seconds: RETRY_SECONDS,
        cause: format!("The disruption budget {budget} is still being processed by the server."),
    }
}

#[cfg(test)]
mod tests {
    use serde::Deserialize;
    use serde_json::{Value, json};

    use super::*;

    fn plan_of(pod: &Value, budgets: &[Value]) -> Plan {
        let budgets: Vec<PodDisruptionBudget> =
            budgets.iter().map(|budget| PodDisruptionBudget::deserialize(budget).unwrap()).collect();
        plan(&Pod::deserialize(pod).unwrap(), &budgets)
    }

    fn budget(status: &Value) -> Value {
        let mut all = json!({"currentHealthy": 0, "desiredHealthy": 0, "disruptionsAllowed": 0, "expectedPods": 0,
            "observedGeneration": 1});
        all.as_object_mut().unwrap().extend(status.as_object().unwrap().clone());
        json!({"metadata": {"name": "pdb", "generation": 1}, "spec": {}, "status": all})
    }

    fn too_many(retry_after_seconds: i32, cause: &str) -> Plan {
        Plan::Refuse(Refusal::TooManyRequests { retry_after_seconds, cause: cause.to_owned() })
    }

    #[test]
    fn budgets_guard_what_runs() {
        let running = json!({"status": {"phase": "Running", "conditions": [{"type": "Ready", "status": "True"}]}});
        let unready = json!({"status": {"phase": "Running"}});
        let delete = |pin_resource_version| Plan::Delete { pin_resource_version };
        let condition = |reason: &str| {
            json!([{"type": "DisruptionAllowed", "status": "False", "reason": reason, "message": "why",
                "lastTransitionTime": "2025-01-01T00:00:00Z"}])
        };
        let rows = [
            (json!({"status": {"phase": "Succeeded"}}), vec![budget(&json!({}))], delete(false)),
            (json!({"status": {"phase": "Pending"}}), vec![budget(&json!({}))], delete(true)),
            (running.clone(), vec![], delete(false)),
            (running.clone(), vec![budget(&json!({})), budget(&json!({}))], Plan::Refuse(Refusal::SeveralBudgets)),
            (
                running.clone(),
                vec![budget(&json!({"disruptionsAllowed": 1}))],
                Plan::Disrupt { budget: "pdb".to_owned() },
            ),
            (
                running.clone(),
                vec![budget(&json!({"observedGeneration": 0}))],
                too_many(10, "The disruption budget pdb is still being processed by the server."),
            ),
            (
                running.clone(),
                vec![budget(&json!({"currentHealthy": 2, "desiredHealthy": 2}))],
                too_many(0, "The disruption budget pdb needs 2 healthy pods and has 2 currently"),
            ),
            (
                running.clone(),
                vec![budget(&json!({"currentHealthy": 3, "desiredHealthy": 2}))],
                too_many(0, "The disruption budget pdb does not allow evicting pods currently"),
            ),
            (
                running.clone(),
                vec![budget(&json!({"currentHealthy": 3, "desiredHealthy": 2, "conditions": condition("Other")}))],
                too_many(0, "The disruption budget pdb does not allow evicting pods currently (Other): why"),
            ),
            (
                running.clone(),
                vec![budget(&json!({"conditions": condition("SyncFailed")}))],
                too_many(
                    0,
                    "The disruption budget pdb does not allow evicting pods currently because it failed sync: why",
                ),
            ),
            (
                running,
                vec![budget(&json!({"disruptionsAllowed": -1}))],
                Plan::Refuse(Refusal::Forbidden {
                    budget: "pdb".to_owned(),
                    message: "pdb disruptions allowed is negative",
                    cause: "The disruption budget pdb does not allow evicting pods currently: pdb disruptions allowed \
                            is negative"
                        .to_owned(),
                }),
            ),
            (unready.clone(), vec![budget(&json!({"currentHealthy": 2, "desiredHealthy": 2}))], delete(true)),
            (
                unready,
                vec![budget(&json!({"currentHealthy": 1, "desiredHealthy": 2}))],
                too_many(0, "The disruption budget pdb needs 2 healthy pods and has 1 currently"),
            ),
        ];
        for (pod, budgets, expected) in rows {
            assert_eq!(plan_of(&pod, &budgets), expected, "{pod} {budgets:?}");
        }
    }
}
