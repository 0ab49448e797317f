//! What to do about a bootstrap object: create it, complete it, replace it, or leave it.
//!
//! Missing labels, annotations, rules, selectors and subjects are added; what people added stays, and so do values
//! they changed. A binding to another role is replaced, because a binding's role can't be changed. An object whose
//! `rbac.authorization.kubernetes.io/autoupdate` is `false` is left alone.
//!
//! Pure: the caller performs the action, and computes it anew when it meets a conflict.

use std::collections::BTreeMap;

use k8s_openapi::api::rbac::v1::{
    AggregationRule, ClusterRole, ClusterRoleBinding, PolicyRule, Role, RoleBinding, RoleRef, Subject,
};
use k8s_openapi::apimachinery::pkg::apis::meta::v1::{LabelSelector, ObjectMeta};

use crate::authorization::rbac::AUTO_UPDATE_ANNOTATION;
use crate::authorization::rbac::cover::uncovered;

/// What has to be done.
#[derive(Clone, Debug, PartialEq)]
pub enum Action<T> {
    /// Nothing.
    None,
    /// Create the object.
    Create(T),
    /// Write the object over what stands.
    Update(T),
    /// Delete what stands, on the condition that it is still the same object, and create this.
    Recreate(T),
}

/// What to do about a ClusterRole.
pub fn cluster_role(existing: Option<&ClusterRole>, wanted: &ClusterRole) -> Action<ClusterRole> {
    let Some(existing) = existing else { return Action::Create(wanted.clone()) };
    if is_protected(&existing.metadata) {
        return Action::None;
    }
    let mut result = existing.clone();
    merge_metadata(&mut result.metadata, &wanted.metadata);
    add_rules(&mut result.rules, wanted.rules.as_deref());
    match (&mut result.aggregation_rule, &wanted.aggregation_rule) {
        (aggregation, None) => *aggregation = None,
        (aggregation, Some(wanted)) => add_selectors(aggregation, wanted),
    }
    update_if_changed(existing, result)
}

/// What to do about a Role.
pub fn role(existing: Option<&Role>, wanted: &Role) -> Action<Role> {
    let Some(existing) = existing else { return Action::Create(wanted.clone()) };
    if is_protected(&existing.metadata) {
        return Action::None;
    }
    let mut result = existing.clone();
    merge_metadata(&mut result.metadata, &wanted.metadata);
    add_rules(&mut result.rules, wanted.rules.as_deref());
    update_if_changed(existing, result)
}

/// What to do about a ClusterRoleBinding.
pub fn cluster_role_binding(
    existing: Option<&ClusterRoleBinding>,
    wanted: &ClusterRoleBinding,
) -> Action<ClusterRoleBinding> {
    let Some(existing) = existing else { return Action::Create(wanted.clone()) };
    if is_protected(&existing.metadata) {
        return Action::None;
    }
    if !same_role(&existing.role_ref, &wanted.role_ref) {
        return Action::Recreate(wanted.clone());
    }
    let mut result = existing.clone();
    merge_metadata(&mut result.metadata, &wanted.metadata);
    add_subjects(&mut result.subjects, wanted.subjects.as_deref());
    update_if_changed(existing, result)
}

/// What to do about a RoleBinding.
pub fn role_binding(existing: Option<&RoleBinding>, wanted: &RoleBinding) -> Action<RoleBinding> {
    let Some(existing) = existing else { return Action::Create(wanted.clone()) };
    if is_protected(&existing.metadata) {
        return Action::None;
    }
    if !same_role(&existing.role_ref, &wanted.role_ref) {
        return Action::Recreate(wanted.clone());
    }
    let mut result = existing.clone();
    merge_metadata(&mut result.metadata, &wanted.metadata);
    add_subjects(&mut result.subjects, wanted.subjects.as_deref());
    update_if_changed(existing, result)
}

fn is_protected(metadata: &ObjectMeta) -> bool {
    let annotations = metadata.annotations.as_ref();
    annotations.and_then(|own| own.get(AUTO_UPDATE_ANNOTATION)).is_some_and(|value| value == "false")
}

fn merge_metadata(own: &mut ObjectMeta, wanted: &ObjectMeta) {
    merge(&mut own.annotations, wanted.annotations.as_ref());
    merge(&mut own.labels, wanted.labels.as_ref());
}

fn merge(own: &mut Option<BTreeMap<String, String>>, wanted: Option<&BTreeMap<String, String>>) {
    for (key, value) in wanted.into_iter().flatten() {
        own.get_or_insert_default().entry(key.clone()).or_insert_with(|| value.clone());
    }
}

/// The missing rules come broken down to their atoms.
fn add_rules(own: &mut Option<Vec<PolicyRule>>, wanted: Option<&[PolicyRule]>) {
    let missing = uncovered(own.as_deref().unwrap_or_default(), wanted.unwrap_or_default());
    if !missing.is_empty() {
        own.get_or_insert_default().extend(missing);
    }
}

fn add_selectors(own: &mut Option<AggregationRule>, wanted: &AggregationRule) {
    let known = |own: &Option<AggregationRule>, selector: &LabelSelector| {
        let selectors = own.as_ref().and_then(|own| own.cluster_role_selectors.as_ref());
        selectors.is_some_and(|selectors| selectors.contains(selector))
    };
    for selector in wanted.cluster_role_selectors.iter().flatten() {
        if !known(own, selector) {
            own.get_or_insert_default().cluster_role_selectors.get_or_insert_default().push(selector.clone());
        }
    }
}

fn add_subjects(own: &mut Option<Vec<Subject>>, wanted: Option<&[Subject]>) {
    for subject in wanted.unwrap_or_default() {
        if !own.iter().flatten().any(|known| same_subject(known, subject)) {
            own.get_or_insert_default().push(subject.clone());
        }
    }
}

/// Absent and empty are the same on the wire's other side.
fn same_subject(a: &Subject, b: &Subject) -> bool {
    let optional = |field: &Option<String>| field.clone().unwrap_or_default();
    a.kind == b.kind
        && a.name == b.name
        && optional(&a.api_group) == optional(&b.api_group)
        && optional(&a.namespace) == optional(&b.namespace)
}

fn same_role(a: &RoleRef, b: &RoleRef) -> bool {
    a.kind == b.kind && a.name == b.name && a.api_group.as_deref().unwrap_or("") == b.api_group.as_deref().unwrap_or("")
}

fn update_if_changed<T: PartialEq>(existing: &T, result: T) -> Action<T> {
    if *existing == result { Action::None } else { Action::Update(result) }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::authorization::bootstrap::BootstrapPolicy;

    fn find_role(name: &str) -> ClusterRole {
        let mut roles = BootstrapPolicy::load().cluster_roles.into_iter();
        roles.find(|role| role.metadata.name.as_deref() == Some(name)).expect("a bootstrap role")
    }

    fn find_binding(name: &str) -> ClusterRoleBinding {
        let mut bindings = BootstrapPolicy::load().cluster_role_bindings.into_iter();
        bindings.find(|binding| binding.metadata.name.as_deref() == Some(name)).expect("a bootstrap binding")
    }

    fn rule(verbs: &[&str]) -> PolicyRule {
        PolicyRule {
            verbs: verbs.iter().map(ToString::to_string).collect(),
            non_resource_urls: Some(vec!["/x".into()]),
            ..PolicyRule::default()
        }
    }

    #[test]
    fn everything_is_created_once_and_then_left() {
        let policy = BootstrapPolicy::load();
        for wanted in &policy.cluster_roles {
            assert_eq!(cluster_role(None, wanted), Action::Create(wanted.clone()));
            assert_eq!(cluster_role(Some(wanted), wanted), Action::None);
        }
        for wanted in &policy.roles {
            assert_eq!(role(None, wanted), Action::Create(wanted.clone()));
            assert_eq!(role(Some(wanted), wanted), Action::None);
        }
        for wanted in &policy.cluster_role_bindings {
            assert_eq!(cluster_role_binding(None, wanted), Action::Create(wanted.clone()));
            assert_eq!(cluster_role_binding(Some(wanted), wanted), Action::None);
        }
        for wanted in &policy.role_bindings {
            assert_eq!(role_binding(None, wanted), Action::Create(wanted.clone()));
            assert_eq!(role_binding(Some(wanted), wanted), Action::None);
        }
    }

    #[test]
    fn missing_rules_are_added_and_extra_ones_kept() {
        let mut wanted = find_role("system:discovery");
        wanted.rules = Some(vec![rule(&["get", "post"])]);
        let mut existing = wanted.clone();
        existing.rules = Some(vec![rule(&["delete", "get"])]);
        let mut expected = existing.clone();
        expected.rules = Some(vec![rule(&["delete", "get"]), rule(&["post"])]);
        assert_eq!(cluster_role(Some(&existing), &wanted), Action::Update(expected));
        existing.rules = Some(vec![rule(&["*"])]);
        assert_eq!(cluster_role(Some(&existing), &wanted), Action::None);
    }

    #[test]
    fn labels_are_added_and_changed_ones_kept() {
        let wanted = find_role("edit");
        let mut existing = wanted.clone();
        existing.metadata.labels = Some(BTreeMap::from([("kubernetes.io/bootstrapping".into(), "mine".into())]));
        existing.metadata.annotations = None;
        let Action::Update(result) = cluster_role(Some(&existing), &wanted) else { panic!("an update is due") };
        let labels = result.metadata.labels.unwrap_or_default();
        assert_eq!(labels["kubernetes.io/bootstrapping"], "mine");
        assert_eq!(labels["rbac.authorization.k8s.io/aggregate-to-admin"], "true");
        assert_eq!(result.metadata.annotations, wanted.metadata.annotations);
    }

    #[test]
    fn aggregation_is_completed_or_removed() {
        let wanted = find_role("edit");
        let mut existing = wanted.clone();
        existing.rules = Some(vec![rule(&["get"])]);
        assert_eq!(cluster_role(Some(&existing), &wanted), Action::None, "aggregated rules are not extra");
        let own = LabelSelector::default();
        existing.aggregation_rule = Some(AggregationRule { cluster_role_selectors: Some(vec![own.clone()]) });
        let Action::Update(result) = cluster_role(Some(&existing), &wanted) else { panic!("an update is due") };
        let selectors = result.aggregation_rule.and_then(|rule| rule.cluster_role_selectors).unwrap_or_default();
        assert_eq!((selectors.len(), &selectors[0]), (2, &own));
        let wanted = find_role("system:discovery");
        let mut existing = wanted.clone();
        existing.aggregation_rule = Some(AggregationRule { cluster_role_selectors: Some(vec![own]) });
        assert_eq!(cluster_role(Some(&existing), &wanted), Action::Update(wanted.clone()));
    }

    #[test]
    fn subjects_are_added_and_another_role_replaces_the_binding() {
        let wanted = find_binding("cluster-admin");
        let mut existing = wanted.clone();
        let extra = Subject { kind: "User".into(), name: "extra".into(), api_group: None, namespace: None };
        existing.subjects = Some(vec![extra.clone()]);
        let Action::Update(result) = cluster_role_binding(Some(&existing), &wanted) else { panic!("an update is due") };
        let mut subjects = vec![extra];
        subjects.extend(wanted.subjects.clone().unwrap_or_default());
        assert_eq!(result.subjects, Some(subjects));
        existing.role_ref.name = "view".into();
        assert_eq!(cluster_role_binding(Some(&existing), &wanted), Action::Recreate(wanted.clone()));
    }

    #[test]
    fn protected_objects_are_left_alone() {
        let protect = |metadata: &mut ObjectMeta| {
            metadata.annotations = Some(BTreeMap::from([(AUTO_UPDATE_ANNOTATION.into(), "false".into())]));
        };
        let wanted = find_role("view");
        let mut existing = wanted.clone();
        protect(&mut existing.metadata);
        existing.aggregation_rule = None;
        assert_eq!(cluster_role(Some(&existing), &wanted), Action::None);
        let wanted = find_binding("cluster-admin");
        let mut existing = wanted.clone();
        protect(&mut existing.metadata);
        existing.role_ref.name = "view".into();
        assert_eq!(cluster_role_binding(Some(&existing), &wanted), Action::None);
    }
}
