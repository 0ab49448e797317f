//! Pins the policy: its counts, a digest of its canonical form, and what it means for well-known users.

use std::sync::Arc;

use ring::digest::{SHA256, digest};
use serde::Serialize;

use super::*;
use crate::authentication::user::UserInfo;
use crate::authorization::attributes::Attributes;
use crate::authorization::authorizer::Authorizer;
use crate::authorization::rbac::aggregation::aggregated_rules;
use crate::authorization::rbac::cover::uncovered;
use crate::authorization::rbac::{RbacObjects, Snapshot};

/// The first eight bytes of the SHA-256 of the objects' JSON, one a line, in hex.
fn fingerprint<T: Serialize>(objects: &[T]) -> String {
    let lines: Vec<String> = objects.iter().map(|o| serde_json::to_string(o).expect("an object is JSON")).collect();
    digest(&SHA256, lines.join("\n").as_bytes()).as_ref()[..8].iter().map(|byte| format!("{byte:02x}")).collect()
}

#[test]
fn counts_and_digests_are_upstreams() {
    let policy = BootstrapPolicy::load();
    let cluster_rules: usize = policy.cluster_roles.iter().map(|role| role.rules.as_ref().map_or(0, Vec::len)).sum();
    let rules: usize = policy.roles.iter().map(|role| role.rules.as_ref().map_or(0, Vec::len)).sum();
    assert_eq!((policy.cluster_roles.len(), cluster_rules), (73, 325));
    assert_eq!((policy.roles.len(), rules), (7, 12));
    assert_eq!((policy.cluster_role_bindings.len(), policy.role_bindings.len()), (54, 7));
    let fingerprints = [
        fingerprint(&policy.cluster_roles),
        fingerprint(&policy.roles),
        fingerprint(&policy.cluster_role_bindings),
        fingerprint(&policy.role_bindings),
    ];
    assert_eq!(fingerprints, ["1729d58479acbc43", "c7af12cd19d3f5a4", "06720b67f64e4976", "3ba62f0303088a2d"]);
}

#[test]
fn every_binding_binds_a_role_of_the_policy() {
    let policy = BootstrapPolicy::load();
    let has_cluster_role = |name: &str| policy.cluster_roles.iter().any(|r| r.metadata.name.as_deref() == Some(name));
    for binding in &policy.cluster_role_bindings {
        assert!(has_cluster_role(&binding.role_ref.name), "{binding:?}");
    }
    for binding in &policy.role_bindings {
        let bound = policy.roles.iter().any(|role| {
            role.metadata.namespace == binding.metadata.namespace
                && role.metadata.name.as_deref() == Some(&binding.role_ref.name)
        });
        assert!(bound, "{binding:?}");
    }
}

#[test]
fn well_known_users_may_do_what_they_may_upstream() {
    let policy = BootstrapPolicy::load();
    let snapshot = Snapshot::new(RbacObjects {
        roles: policy.roles.into_iter().map(Arc::new).collect(),
        cluster_roles: policy.cluster_roles.into_iter().map(Arc::new).collect(),
        role_bindings: policy.role_bindings.into_iter().map(Arc::new).collect(),
        cluster_role_bindings: policy.cluster_role_bindings.into_iter().map(Arc::new).collect(),
    });
    let cases = [
        ("x", "system:masters", "delete nodes", true),
        ("x", "system:authenticated", "create authorization.k8s.io/selfsubjectaccessreviews", true),
        ("x", "system:unauthenticated", "create authorization.k8s.io/selfsubjectaccessreviews", false),
        ("x", "system:authenticated", "get pods", false),
        ("x", "system:authenticated", "get /apis", true),
        ("x", "system:unauthenticated", "get /apis", false),
        ("x", "system:unauthenticated", "get /version", true),
        ("x", "system:unauthenticated", "get /healthz", true),
        ("system:kube-scheduler", "system:authenticated", "create pods/binding", true),
        ("system:kube-scheduler", "system:authenticated", "create pods", false),
        ("system:kube-controller-manager", "system:authenticated", "create serviceaccounts/token", true),
        ("system:serviceaccount:kube-system:deployment-controller", "x", "create apps/replicasets", true),
        ("system:serviceaccount:kube-system:deployment-controller", "x", "create pods", false),
        (
            "system:serviceaccount:kube-system:generic-garbage-collector",
            "x",
            "delete anything.example.org/things",
            true,
        ),
        ("x", "system:nodes", "get pods", false),
        ("x", "system:serviceaccounts", "get /openid/v1/jwks", true),
    ];
    for (user, group, request, allowed) in cases {
        let user = Arc::new(UserInfo::new(user, [group]));
        let (verb, object) = request.split_once(' ').expect("verb and object");
        let attributes = if object.starts_with('/') {
            Attributes::path(user, verb, object)
        } else {
            let (group, resource) = match object.split_once('/') {
                Some((group, resource)) if group.contains('.') || group == "apps" => (group, resource),
                _ => ("", object),
            };
            let (resource, subresource) = resource.split_once('/').unwrap_or((resource, ""));
            Attributes::resource(user, verb, group, resource).on_subresource(subresource)
        };
        assert_eq!(snapshot.authorize(&attributes).is_allowed(), allowed, "{request} {attributes:?}");
    }
}

#[test]
fn admin_gathers_edit_and_view() {
    let policy = BootstrapPolicy::load();
    let role = |name: &str| {
        let mut roles = policy.cluster_roles.iter();
        roles.find(|role| role.metadata.name.as_deref() == Some(name)).expect("a role of the policy")
    };
    let mut gathered = policy.cluster_roles.clone();
    // As the controller does it, round by round: view into edit into admin.
    for name in ["view", "edit", "admin"] {
        let rules = aggregated_rules(role(name), &gathered).expect("valid selectors").expect("an aggregated role");
        assert!(!rules.is_empty(), "{name}");
        let position = gathered.iter().position(|role| role.metadata.name.as_deref() == Some(name));
        gathered[position.expect("a role of the policy")].rules = Some(rules);
    }
    let rules = |name: &str| {
        let mut roles = gathered.iter();
        let role = roles.find(|role| role.metadata.name.as_deref() == Some(name)).expect("a role of the policy");
        role.rules.clone().unwrap_or_default()
    };
    assert_eq!(uncovered(&rules("admin"), &rules("edit")), []);
    assert_eq!(uncovered(&rules("edit"), &rules("view")), []);
    assert!(!uncovered(&rules("view"), &rules("edit")).is_empty());
}
