//! RoleBindings and ClusterRoleBindings: defaults, subjects, references.

use serde_json::{Value, json};

use super::RoleBindingStrategy;
use crate::kind::Strategy;
use crate::kind::cluster_role_binding::ClusterRoleBindingStrategy;
use crate::kind::test_rows::{check_create, check_update};

fn role_binding() -> Value {
    json!({
        "apiVersion": "rbac.authorization.k8s.io/v1", "kind": "RoleBinding",
        "metadata": {"name": "a", "namespace": "default", "uid": "u", "resourceVersion": "1"},
        "subjects": [{"kind": "User", "name": "ann"}],
        "roleRef": {"kind": "Role", "name": "r"},
    })
}

fn cluster_role_binding() -> Value {
    let mut binding = role_binding();
    binding["kind"] = json!("ClusterRoleBinding");
    binding["metadata"]["namespace"] = Value::Null;
    binding["roleRef"]["kind"] = json!("ClusterRole");
    binding
}

#[test]
fn defaults() {
    let mut binding = json!({"roleRef": {"kind": "Role", "name": "r"}, "subjects": [
        {"kind": "User", "name": "a"}, {"kind": "Group", "name": "b"}, {"kind": "ServiceAccount", "name": "c"},
        {"kind": "User", "name": "d", "apiGroup": "x"}]});
    RoleBindingStrategy.default(&mut binding);
    let group = "rbac.authorization.k8s.io";
    assert_eq!(
        binding,
        json!({"roleRef": {"kind": "Role", "name": "r", "apiGroup": group}, "subjects": [
            {"kind": "User", "name": "a", "apiGroup": group}, {"kind": "Group", "name": "b", "apiGroup": group},
            {"kind": "ServiceAccount", "name": "c"}, {"kind": "User", "name": "d", "apiGroup": "x"}]})
    );
}

#[test]
fn rules() {
    let subject = |subject: Value| json!({"subjects": [subject]});
    let rows: &[(Value, &[&str])] = &[
        (json!({"subjects": null}), &[]),
        (subject(json!({"kind": "ServiceAccount", "name": "a", "namespace": "n"})), &[]),
        (
            subject(json!({"kind": "Odd", "name": ""})),
            &[
                "subjects[0].kind: Unsupported value: \"Odd\": supported values: \"ServiceAccount\", \"User\", \"Group\"",
                "subjects[0].name: Required value",
            ],
        ),
        (
            subject(json!({"kind": "User", "name": "a", "apiGroup": "x"})),
            &["subjects[0].apiGroup: Unsupported value: \"x\": supported values: \"rbac.authorization.k8s.io\""],
        ),
        (
            subject(json!({"kind": "ServiceAccount", "name": "a", "namespace": "n", "apiGroup": "x"})),
            &["subjects[0].apiGroup: Unsupported value: \"x\": supported values: \"\""],
        ),
        (json!({"roleRef": {"name": ""}}), &["roleRef.name: Required value"]),
        (json!({"roleRef": {"name": "a%b"}}), &["roleRef.name: Invalid value: \"a%b\": may not contain '%'"]),
        (
            json!({"roleRef": {"apiGroup": "x"}}),
            &["roleRef.apiGroup: Unsupported value: \"x\": supported values: \"rbac.authorization.k8s.io\""],
        ),
    ];
    check_create(&RoleBindingStrategy, &role_binding(), rows);
    check_create(&ClusterRoleBindingStrategy, &cluster_role_binding(), rows);
    check_create(
        &RoleBindingStrategy,
        &role_binding(),
        &[
            (subject(json!({"kind": "ServiceAccount", "name": "a"})), &[]),
            (
                json!({"roleRef": {"kind": "Odd"}}),
                &["roleRef.kind: Unsupported value: \"Odd\": supported values: \"Role\", \"ClusterRole\""],
            ),
        ],
    );
    check_create(
        &ClusterRoleBindingStrategy,
        &cluster_role_binding(),
        &[
            (subject(json!({"kind": "ServiceAccount", "name": "a"})), &["subjects[0].namespace: Required value"]),
            (
                json!({"roleRef": {"kind": "Role"}}),
                &["roleRef.kind: Unsupported value: \"Role\": supported values: \"ClusterRole\""],
            ),
        ],
    );
    let changed = "roleRef: Invalid value: {\"APIGroup\":\"rbac.authorization.k8s.io\",\"Kind\":\"ClusterRole\",\
                   \"Name\":\"s\"}: field is immutable";
    let change = json!({"roleRef": {"kind": "ClusterRole", "name": "s"}});
    check_update(&RoleBindingStrategy, "", &role_binding(), &[(json!({}), change.clone(), &[changed])]);
    check_update(&ClusterRoleBindingStrategy, "", &cluster_role_binding(), &[(json!({}), change, &[changed])]);
}
