//! Who may write which role and which binding.

use std::sync::Arc;

use k8s_openapi::api::rbac::v1::{AggregationRule, ClusterRoleBinding, Subject};
use k8s_openapi::apimachinery::pkg::apis::meta::v1::LabelSelector;

use super::*;
use crate::authorization::rbac::RbacObjects;

fn rule(verbs: &[&str], group: &str, resource: &str) -> PolicyRule {
    PolicyRule {
        verbs: verbs.iter().map(ToString::to_string).collect(),
        api_groups: Some(vec![group.to_owned()]),
        resources: Some(vec![resource.to_owned()]),
        ..PolicyRule::default()
    }
}

fn role(name: &str, rules: Vec<PolicyRule>) -> ClusterRole {
    let metadata = ObjectMeta { name: Some(name.to_owned()), ..ObjectMeta::default() };
    ClusterRole { metadata, rules: Some(rules), aggregation_rule: None }
}

fn reference(kind: &str, name: &str) -> RoleRef {
    RoleRef { api_group: Some(RBAC_GROUP.into()), kind: kind.into(), name: name.into() }
}

/// Users `admin`, `escalator`, `binder` and `reader` hold the role of their name; `torn` is bound to a missing one.
fn snapshot() -> Snapshot {
    let roles = [
        role("admin", everything().to_vec()),
        role("escalator", vec![rule(&["escalate"], RBAC_GROUP, "*")]),
        role("binder", vec![rule(&["bind"], RBAC_GROUP, "clusterroles")]),
        role("reader", vec![rule(&["get", "list"], "", "pods")]),
    ];
    let bindings = ["admin", "escalator", "binder", "reader", "torn"].map(|name| ClusterRoleBinding {
        metadata: ObjectMeta { name: Some(name.to_owned()), ..ObjectMeta::default() },
        role_ref: reference("ClusterRole", name),
        subjects: Some(vec![Subject { kind: "User".into(), name: name.into(), api_group: None, namespace: None }]),
    });
    Snapshot::new(RbacObjects {
        cluster_roles: roles.into_iter().map(Arc::new).collect(),
        cluster_role_bindings: bindings.into_iter().map(Arc::new).collect(),
        ..RbacObjects::default()
    })
}

fn ask<T>(user: &str, groups: &[&str], question: impl FnOnce(&Writer<'_>) -> T) -> T {
    let snapshot = snapshot();
    let user = Arc::new(UserInfo::new(user, groups.iter().copied()));
    question(&Writer { user: &user, namespace: "ns", authorizer: &snapshot, snapshot: &snapshot })
}

#[test]
fn a_role_needs_its_rules_or_escalate_or_masters() {
    let secrets = [rule(&["get", "list"], "", "secrets")];
    let write = |user: &str, groups: &[&str], rules: &[PolicyRule]| ask(user, groups, |w| w.may_write_role("r", rules));
    assert_eq!(write("admin", &[], &secrets), Ok(()));
    assert_eq!(write("escalator", &[], &secrets), Ok(()));
    assert_eq!(write("x", &[SYSTEM_MASTERS], &secrets), Ok(()));
    assert_eq!(write("reader", &[], &[rule(&["list"], "", "pods")]), Ok(()));
    let message = "user \"reader\" (groups=[\"g\" \"h\"]) is attempting to grant RBAC permissions not currently held:\n\
                   {APIGroups:[\"\"], Resources:[\"secrets\"], Verbs:[\"get\" \"list\"]}";
    assert_eq!(write("reader", &["g", "h"], &secrets), Err(EscalationError::Forbidden(message.into())));
    let message = "user \"torn\" (groups=[]) is attempting to grant RBAC permissions not currently held:\n\
                   {APIGroups:[\"\"], Resources:[\"secrets\"], Verbs:[\"get\" \"list\"]}; \
                   resolution errors: [clusterrole.rbac.authorization.k8s.io \"torn\" not found]";
    assert_eq!(write("torn", &[], &secrets), Err(EscalationError::Forbidden(message.into())));
}

#[test]
fn an_aggregated_role_needs_everything() {
    let plain = role("r", vec![]);
    let aggregation_rule = AggregationRule { cluster_role_selectors: Some(vec![LabelSelector::default()]) };
    let aggregated = ClusterRole { aggregation_rule: Some(aggregation_rule), ..plain.clone() };
    let refused = "must have cluster-admin privileges to use the aggregationRule";
    let refused = || Err(EscalationError::Forbidden(refused.into()));
    for (user, new, old, expected) in [
        ("reader", &plain, None, Ok(())),
        ("reader", &aggregated, None, refused()),
        ("reader", &plain, Some(&aggregated), refused()),
        ("admin", &aggregated, None, Ok(())),
        ("escalator", &aggregated, Some(&plain), Ok(())),
    ] {
        assert_eq!(ask(user, &[], |writer| writer.may_write_cluster_role("r", new, old)), expected, "{user}");
    }
}

#[test]
fn a_binding_needs_the_roles_rules_or_bind_or_masters() {
    let bind = |user: &str, groups: &[&str], kind: &str, name: &str| {
        ask(user, groups, |writer| writer.may_bind(&reference(kind, name)))
    };
    assert_eq!(bind("admin", &[], "ClusterRole", "admin"), Ok(()));
    assert_eq!(bind("binder", &[], "ClusterRole", "admin"), Ok(()));
    assert_eq!(bind("binder", &[], "ClusterRole", "not-there"), Ok(()));
    assert_eq!(bind("x", &[SYSTEM_MASTERS], "ClusterRole", "not-there"), Ok(()));
    assert_eq!(bind("reader", &[], "ClusterRole", "reader"), Ok(()));
    let not_found = |resource| EscalationError::Role(RoleReferenceError::NotFound { resource, name: "gone".into() });
    assert_eq!(bind("reader", &[], "ClusterRole", "gone"), Err(not_found("clusterrole")));
    assert_eq!(bind("binder", &[], "Role", "gone"), Err(not_found("role")));
    let text = bind("reader", &["g"], "ClusterRole", "admin").expect_err("reader is no admin").to_string();
    let expected = "user \"reader\" (groups=[\"g\"]) is attempting to grant RBAC permissions not currently held:\n\
                    {APIGroups:[\"*\"], Resources:[\"*\"], Verbs:[\"*\"]}\n{NonResourceURLs:[\"*\"], Verbs:[\"*\"]}";
    assert_eq!(text, expected);
}

#[test]
fn releasing_an_object_is_no_escalation() {
    let old = role("r", vec![]);
    let mut new = old.clone();
    new.metadata.finalizers = Some(vec!["f".into()]);
    assert!(only_releases(&new, &old));
    new.metadata.labels = Some([("a".to_owned(), "b".to_owned())].into());
    assert!(!only_releases(&new, &old));
}
