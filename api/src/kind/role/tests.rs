//! Roles and ClusterRoles: policy rules, aggregation.

use serde_json::{Value, json};

use super::RoleStrategy;
use crate::kind::cluster_role::ClusterRoleStrategy;
use crate::kind::test_rows::{check_create, check_update};

fn role() -> Value {
    json!({
        "apiVersion": "rbac.authorization.k8s.io/v1", "kind": "Role",
        "metadata": {"name": "system:a", "namespace": "default", "uid": "u", "resourceVersion": "1"},
        "rules": [{"apiGroups": [""], "resources": ["pods"], "verbs": ["get"]}],
    })
}

fn cluster_role() -> Value {
    let mut role = role();
    role["kind"] = json!("ClusterRole");
    role["metadata"]["namespace"] = Value::Null;
    role
}

#[expect(clippy::needless_pass_by_value, reason = "callers write literals")]
fn rules(rules: Value) -> Value {
    json!({"rules": rules})
}

#[test]
fn roles() {
    check_create(
        &RoleStrategy,
        &role(),
        &[
            (json!({"rules": null}), &[]),
            (json!({"metadata": {"name": "a/b"}}), &["metadata.name: Invalid value: \"a/b\": may not contain '/'"]),
            (
                rules(json!([{"verbs": []}])),
                &[
                    "rules[0].apiGroups: Required value: resource rules must supply at least one api group",
                    "rules[0].resources: Required value: resource rules must supply at least one resource",
                    "rules[0].verbs: Required value",
                ],
            ),
            (
                rules(json!([{"verbs": ["get"], "nonResourceURLs": ["/a"], "resources": ["pods"]}])),
                &[
                    "rules[0].nonResourceURLs: Invalid value: [\"/a\"]: namespaced rules cannot apply to non-resource URLs",
                    "rules[0].nonResourceURLs: Invalid value: [\"/a\"]: rules cannot apply to both regular resources and \
                     non-resource URLs",
                ],
            ),
        ],
    );
    let bad = rules(json!([{"verbs": [], "apiGroups": [""], "resources": ["pods"]}]));
    check_update(
        &RoleStrategy,
        "",
        &role(),
        &[
            // The declared rule looks at changed lists only; the handwritten one gives its reason.
            (
                bad.clone(),
                json!({"metadata": {"labels": {"a": "b"}}}),
                &["rules[0].verbs: Required value: verbs must contain at least one value"],
            ),
            (json!({}), bad, &["rules[0].verbs: Required value"]),
        ],
    );
}

#[test]
fn cluster_roles() {
    let aggregation = |selectors: Value| json!({"aggregationRule": {"clusterRoleSelectors": selectors}});
    let odd = aggregation(json!([{"matchExpressions": [{"key": "a", "operator": "Odd"}]}]));
    check_create(
        &ClusterRoleStrategy,
        &cluster_role(),
        &[
            (rules(json!([{"verbs": ["get"], "nonResourceURLs": ["/a"]}])), &[]),
            (aggregation(json!([{"matchLabels": {"a": "b"}}])), &[]),
            (
                aggregation(json!([])),
                &[
                    "aggregationRule.clusterRoleSelectors: Required value: at least one clusterRoleSelector required if \
                   aggregationRule is non-nil",
                ],
            ),
            (
                odd,
                &[
                    "aggregationRule.clusterRoleSelectors[0].matchExpressions[0].operator: Invalid value: \"Odd\": not a \
                     valid selector operator",
                    "aggregationRule.clusterRoleSelectors[0]: Invalid value: null: invalid label selector.",
                ],
            ),
        ],
    );
}
