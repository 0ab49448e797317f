//! What the snapshot decides, in which words, and after how much work.

use k8s_openapi::apimachinery::pkg::apis::meta::v1::ObjectMeta;

use super::*;
use crate::authorization::authorizer::Decision;

fn meta(namespace: &str, name: &str) -> ObjectMeta {
    let namespace = (!namespace.is_empty()).then(|| namespace.to_owned());
    ObjectMeta { name: Some(name.to_owned()), namespace, ..ObjectMeta::default() }
}

fn allow(verb: &str, resource: &str) -> PolicyRule {
    PolicyRule {
        verbs: vec![verb.to_owned()],
        api_groups: Some(vec![String::new()]),
        resources: Some(vec![resource.to_owned()]),
        ..PolicyRule::default()
    }
}

fn reference(kind: &str, name: &str) -> RoleRef {
    RoleRef { api_group: Some(crate::authorization::rbac::RBAC_GROUP.into()), kind: kind.into(), name: name.into() }
}

/// `User u`, `Group g`, `ServiceAccount ns/sa`, `ServiceAccount sa`.
fn subject(text: &str) -> Subject {
    let (kind, name) = text.split_once(' ').expect("kind and name");
    let (namespace, name) = match name.split_once('/') {
        Some((namespace, name)) => (Some(namespace.to_owned()), name),
        None => (None, name),
    };
    Subject { api_group: None, kind: kind.into(), name: name.into(), namespace }
}

fn cluster_role(name: &str, rules: Vec<PolicyRule>) -> Arc<ClusterRole> {
    Arc::new(ClusterRole { metadata: meta("", name), rules: Some(rules), aggregation_rule: None })
}

fn cluster_binding(name: &str, role: RoleRef, subjects: &[&str]) -> Arc<ClusterRoleBinding> {
    let subjects = Some(subjects.iter().map(|text| subject(text)).collect());
    Arc::new(ClusterRoleBinding { metadata: meta("", name), role_ref: role, subjects })
}

fn binding(namespace: &str, name: &str, role: RoleRef, subjects: &[&str]) -> Arc<RoleBinding> {
    let subjects = Some(subjects.iter().map(|text| subject(text)).collect());
    Arc::new(RoleBinding { metadata: meta(namespace, name), role_ref: role, subjects })
}

fn example() -> Snapshot {
    Snapshot::new(RbacObjects {
        roles: vec![Arc::new(Role { metadata: meta("ns", "reader"), rules: Some(vec![allow("get", "pods")]) })],
        cluster_roles: vec![
            cluster_role("viewer", vec![allow("list", "nodes"), allow("list", "pods")]),
            cluster_role("writer", vec![allow("create", "pods")]),
        ],
        role_bindings: vec![
            binding("ns", "r1", reference("Role", "reader"), &["User x", "ServiceAccount sa"]),
            binding("ns", "r2", reference("ClusterRole", "writer"), &["Group g", "ServiceAccount other/sa"]),
            binding("other", "r3", reference("Role", "reader"), &["User lost"]),
            binding("other", "r4", reference("Thing", "reader"), &["User lost"]),
        ],
        cluster_role_bindings: vec![
            cluster_binding("c2", reference("ClusterRole", "viewer"), &["Group g"]),
            cluster_binding("c1", reference("ClusterRole", "viewer"), &["User x", "Group g", "ServiceAccount sa"]),
            cluster_binding("c3", reference("ClusterRole", "gone"), &["User lost"]),
            cluster_binding("c4", reference("Role", "reader"), &["User odd"]),
        ],
    })
}

#[test]
fn decides_with_upstreams_reasons() {
    let cases = [
        (
            "x",
            "",
            "list nodes ",
            Decision::Allow,
            r#"RBAC: allowed by ClusterRoleBinding "c1" of ClusterRole "viewer" to User "x""#,
        ),
        (
            "y",
            "g",
            "list pods ns",
            Decision::Allow,
            r#"RBAC: allowed by ClusterRoleBinding "c1" of ClusterRole "viewer" to Group "g""#,
        ),
        (
            "x",
            "",
            "get pods ns",
            Decision::Allow,
            r#"RBAC: allowed by RoleBinding "r1/ns" of Role "reader" to User "x""#,
        ),
        (
            "system:serviceaccount:ns:sa",
            "",
            "get pods ns",
            Decision::Allow,
            r#"RBAC: allowed by RoleBinding "r1/ns" of Role "reader" to ServiceAccount "sa/ns""#,
        ),
        (
            "system:serviceaccount:other:sa",
            "",
            "create pods ns",
            Decision::Allow,
            r#"RBAC: allowed by RoleBinding "r2/ns" of ClusterRole "writer" to ServiceAccount "sa/other""#,
        ),
        // A ServiceAccount subject without a namespace names nobody in a ClusterRoleBinding.
        ("system:serviceaccount::sa", "", "list nodes ", Decision::NoOpinion, ""),
        // A RoleBinding is worth nothing outside its namespace, nor cluster-wide.
        ("x", "", "get pods other", Decision::NoOpinion, ""),
        ("x", "", "get pods ", Decision::NoOpinion, ""),
        ("nobody", "h", "get pods ns", Decision::NoOpinion, ""),
        (
            "lost",
            "",
            "get pods ",
            Decision::NoOpinion,
            r#"RBAC: clusterrole.rbac.authorization.k8s.io "gone" not found"#,
        ),
        (
            "lost",
            "",
            "get pods other",
            Decision::NoOpinion,
            r#"RBAC: [clusterrole.rbac.authorization.k8s.io "gone" not found, role.rbac.authorization.k8s.io "reader" not found, unsupported role reference kind: "Thing"]"#,
        ),
        ("odd", "", "get pods ns", Decision::NoOpinion, r#"RBAC: role.rbac.authorization.k8s.io "reader" not found"#),
    ];
    let snapshot = example();
    for (user, group, request, decision, reason) in cases {
        let parts: Vec<&str> = request.split(' ').collect();
        let user = Arc::new(UserInfo::new(user, [group]));
        let attributes = Attributes::resource(user, parts[0], "", parts[1]).in_namespace(parts[2]);
        let verdict = snapshot.authorize(&attributes);
        assert_eq!((verdict.decision, verdict.reason.as_str()), (decision, reason), "{request}");
    }
}

#[test]
fn only_bindings_that_name_the_user_are_visited() {
    let mut objects =
        RbacObjects { cluster_roles: vec![cluster_role("r", vec![allow("get", "pods")])], ..Default::default() };
    for number in 0..2000 {
        let user = format!("User u{number}");
        objects.cluster_role_bindings.push(cluster_binding(
            &format!("b{number}"),
            reference("ClusterRole", "r"),
            &[&user],
        ));
        objects.role_bindings.push(binding(
            "ns",
            &format!("b{number}"),
            reference("ClusterRole", "r"),
            &[&user, "Group g"],
        ));
    }
    let snapshot = Snapshot::new(objects);
    let visited = |user: UserInfo, verb: &str| {
        let attributes = Attributes::resource(Arc::new(user), verb, "", "pods").in_namespace("ns");
        snapshot.decide(&attributes).1
    };
    assert_eq!(visited(UserInfo::new("u7", [""; 0]), "get"), Visited { bindings: 1, rules: 1 });
    assert_eq!(visited(UserInfo::new("u7", [""; 0]), "list"), Visited { bindings: 2, rules: 2 });
    assert_eq!(visited(UserInfo::new("nobody", ["h"]), "list"), Visited { bindings: 0, rules: 0 });
    // Named by user and by group, a binding still counts once.
    assert_eq!(visited(UserInfo::new("u7", ["g"]), "list"), Visited { bindings: 2001, rules: 2001 });
}

#[test]
fn rules_are_listed_with_what_could_not_be_resolved() {
    let snapshot = example();
    let rules = snapshot.rules_for(&UserInfo::new("x", [""; 0]), "ns");
    let listed: Vec<(&str, &[String])> = rules
        .resource_rules
        .iter()
        .map(|rule| (rule.verbs[0].as_str(), rule.resources.as_deref().unwrap_or_default()))
        .collect();
    assert_eq!(
        listed,
        [("list", &["nodes".to_owned()][..]), ("list", &["pods".to_owned()]), ("get", &["pods".to_owned()])]
    );
    assert_eq!((rules.incomplete, rules.evaluation_error()), (false, None));

    let rules = snapshot.rules_for(&UserInfo::new("lost", [""; 0]), "");
    assert_eq!(rules.resource_rules, []);
    let error = r#"clusterrole.rbac.authorization.k8s.io "gone" not found"#;
    assert_eq!((rules.incomplete, rules.evaluation_error().as_deref()), (false, Some(error)));
}
