//! The index that answers "may this user do that?": bindings by subject, roles by name.
//!
//! A request looks up the user's name and each of its groups, among the ClusterRoleBindings and among the
//! RoleBindings of its namespace; only bindings that name the user are ever looked at. A ServiceAccount subject is
//! indexed as the user name it stands for. Bindings are visited in the order of their names, ClusterRoleBindings
//! first, each once; so reasons are the same on every server. Roles are resolved at the visit, which keeps a binding
//! to a missing role what upstream makes of it: an error that matters only when nothing else allows.

use std::collections::HashMap;
use std::sync::Arc;

use k8s_openapi::api::authorization::v1::{NonResourceRule, ResourceRule};
use k8s_openapi::api::rbac::v1::{ClusterRole, ClusterRoleBinding, PolicyRule, Role, RoleBinding, RoleRef, Subject};

use super::rule;
use crate::authentication::user::{UserInfo, service_account_user_name};
use crate::authorization::attributes::Attributes;
use crate::authorization::authorizer::{Authorizer, UserRules, Verdict};
use howdah_api::go::{aggregate, quote};

/// The objects a snapshot is made of.
#[derive(Clone, Debug, Default)]
pub struct RbacObjects {
    /// All Roles.
    pub roles: Vec<Arc<Role>>,
    /// All ClusterRoles.
    pub cluster_roles: Vec<Arc<ClusterRole>>,
    /// All RoleBindings.
    pub role_bindings: Vec<Arc<RoleBinding>>,
    /// All ClusterRoleBindings.
    pub cluster_role_bindings: Vec<Arc<ClusterRoleBinding>>,
}

/// An immutable view of all RBAC objects at one moment.
#[derive(Clone, Debug, Default)]
pub struct Snapshot {
    cluster_roles: HashMap<String, Arc<ClusterRole>>,
    /// By namespace, then name.
    roles: HashMap<String, HashMap<String, Arc<Role>>>,
    cluster_wide: BindingIndex,
    namespaces: HashMap<String, BindingIndex>,
}

/// The bindings of one scope, by whom they name.
#[derive(Clone, Debug, Default)]
struct BindingIndex {
    /// In order of name.
    bindings: Vec<Binding>,
    by_user: HashMap<String, Vec<usize>>,
    by_group: HashMap<String, Vec<usize>>,
}

#[derive(Clone, Debug)]
enum Binding {
    Cluster(Arc<ClusterRoleBinding>),
    Namespaced(Arc<RoleBinding>),
}

/// Why a binding's role could not be resolved; the text is upstream's.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum RoleReferenceError {
    /// There is no such role: 404.
    #[error("{resource}.rbac.authorization.k8s.io {} not found", quote(name))]
    NotFound {
        /// `role` or `clusterrole`.
        resource: &'static str,
        /// The role's name.
        name: String,
    },
    /// The reference is to something that has no rules.
    #[error("unsupported role reference kind: {}", quote(kind))]
    UnsupportedKind {
        /// The kind that was referred to.
        kind: String,
    },
}

/// How much work a decision took.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Visited {
    /// Bindings whose role was looked up.
    pub bindings: usize,
    /// Rules compared with the request.
    pub rules: usize,
}

/// All rules that apply to a user somewhere.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct UserRuleSet {
    /// The rules, in visiting order.
    pub rules: Vec<PolicyRule>,
    /// Why some bindings could not be resolved.
    pub errors: Vec<String>,
}

impl Snapshot {
    /// Indexes the objects.
    pub fn new(objects: RbacObjects) -> Self {
        let RbacObjects { roles, cluster_roles, mut role_bindings, mut cluster_role_bindings } = objects;
        let mut snapshot = Self::default();
        for role in cluster_roles {
            snapshot.cluster_roles.insert(text(&role.metadata.name).to_owned(), role);
        }
        for role in roles {
            let namespace = snapshot.roles.entry(text(&role.metadata.namespace).to_owned()).or_default();
            namespace.insert(text(&role.metadata.name).to_owned(), role);
        }
        cluster_role_bindings.sort_by(|a, b| a.metadata.name.cmp(&b.metadata.name));
        for binding in cluster_role_bindings {
            snapshot.cluster_wide.add(Binding::Cluster(binding), "");
        }
        role_bindings.sort_by(|a, b| a.metadata.name.cmp(&b.metadata.name));
        for binding in role_bindings {
            let namespace = text(&binding.metadata.namespace).to_owned();
            snapshot.namespaces.entry(namespace.clone()).or_default().add(Binding::Namespaced(binding), &namespace);
        }
        snapshot
    }

    /// The rules of the role that a binding in `namespace` refers to; empty for a ClusterRoleBinding.
    ///
    /// # Errors
    /// When there is no such role, or when it is neither a Role nor a ClusterRole.
    pub fn rules_of(&self, reference: &RoleRef, namespace: &str) -> Result<&[PolicyRule], RoleReferenceError> {
        let name = &reference.name;
        let (resource, rules) = match reference.kind.as_str() {
            "ClusterRole" => ("clusterrole", self.cluster_roles.get(name).map(|role| &role.rules)),
            "Role" => {
                let roles = self.roles.get(namespace);
                ("role", roles.and_then(|roles| roles.get(name)).map(|role| &role.rules))
            }
            other => return Err(RoleReferenceError::UnsupportedKind { kind: other.to_owned() }),
        };
        match rules {
            Some(rules) => Ok(rules.as_deref().unwrap_or_default()),
            None => Err(RoleReferenceError::NotFound { resource, name: name.clone() }),
        }
    }

    /// Every rule that applies to `user` in `namespace` (cluster-wide ones included; only those when it is empty).
    pub fn rules_of_user(&self, user: &UserInfo, namespace: &str) -> UserRuleSet {
        let mut found = UserRuleSet::default();
        self.visit(user, namespace, |_, rules| {
            match rules {
                Ok(rules) => found.rules.extend_from_slice(rules),
                Err(error) => found.errors.push(error.to_string()),
            }
            None::<()>
        });
        found
    }

    /// The decision, and how much was looked at for it.
    pub fn decide(&self, attributes: &Attributes) -> (Verdict, Visited) {
        let mut visited = Visited::default();
        let mut errors = Vec::new();
        let allowed_by = self.visit(&attributes.user, &attributes.namespace, |binding, rules| {
            visited.bindings += 1;
            match rules {
                Ok(rules) => {
                    for policy_rule in rules {
                        visited.rules += 1;
                        if rule::allows(policy_rule, attributes) {
                            return Some(binding.describe(&attributes.user));
                        }
                    }
                }
                Err(error) => errors.push(error.to_string()),
            }
            None
        });
        let verdict = match allowed_by {
            Some(source) => Verdict::allow(format!("RBAC: allowed by {source}")),
            None => {
                let reason = aggregate(&errors).map(|errors| format!("RBAC: {errors}"));
                Verdict::no_opinion(reason.unwrap_or_default())
            }
        };
        (verdict, visited)
    }

    /// Calls `visitor` with each binding that names the user, and its role's rules, until it returns something.
    fn visit<T>(
        &self,
        user: &UserInfo,
        namespace: &str,
        mut visitor: impl FnMut(&Binding, Result<&[PolicyRule], RoleReferenceError>) -> Option<T>,
    ) -> Option<T> {
        let scopes = [("", Some(&self.cluster_wide)), (namespace, self.namespaces.get(namespace))];
        for (scope, index) in scopes {
            let Some(index) = index else { continue };
            for position in index.naming(user) {
                let binding = &index.bindings[position];
                let found = visitor(binding, self.rules_of(binding.role_ref(), scope));
                if found.is_some() {
                    return found;
                }
            }
        }
        None
    }
}

impl Authorizer for Snapshot {
    fn authorize(&self, attributes: &Attributes) -> Verdict {
        self.decide(attributes).0
    }

    fn rules_for(&self, user: &UserInfo, namespace: &str) -> UserRules {
        let UserRuleSet { rules, errors } = self.rules_of_user(user, namespace);
        let mut listed = UserRules { errors, ..UserRules::default() };
        for PolicyRule { api_groups, non_resource_urls, resource_names, resources, verbs } in rules {
            if resources.as_ref().is_some_and(|resources| !resources.is_empty()) {
                let verbs = verbs.clone();
                listed.resource_rules.push(ResourceRule { api_groups, resource_names, resources, verbs });
            }
            if non_resource_urls.as_ref().is_some_and(|urls| !urls.is_empty()) {
                listed.non_resource_rules.push(NonResourceRule { non_resource_urls, verbs });
            }
        }
        listed
    }
}

impl BindingIndex {
    fn add(&mut self, binding: Binding, namespace: &str) {
        let position = self.bindings.len();
        for subject in binding.subjects() {
            let (names, name) = match subject.kind.as_str() {
                "User" => (&mut self.by_user, subject.name.clone()),
                "Group" => (&mut self.by_group, subject.name.clone()),
                "ServiceAccount" => match subject.namespace.as_deref().filter(|own| !own.is_empty()) {
                    Some(own) => (&mut self.by_user, service_account_user_name(own, &subject.name)),
                    None if namespace.is_empty() => continue,
                    None => (&mut self.by_user, service_account_user_name(namespace, &subject.name)),
                },
                _ => continue,
            };
            let positions = names.entry(name).or_default();
            if positions.last() != Some(&position) {
                positions.push(position);
            }
        }
        self.bindings.push(binding);
    }

    /// The positions of the bindings that name the user, each once, in order.
    fn naming(&self, user: &UserInfo) -> Vec<usize> {
        let mut positions: Vec<usize> = self.by_user.get(&user.name).cloned().unwrap_or_default();
        for group in &user.groups {
            positions.extend(self.by_group.get(group).into_iter().flatten());
        }
        positions.sort_unstable();
        positions.dedup();
        positions
    }
}

impl Binding {
    fn subjects(&self) -> &[Subject] {
        let subjects = match self {
            Self::Cluster(binding) => &binding.subjects,
            Self::Namespaced(binding) => &binding.subjects,
        };
        subjects.as_deref().unwrap_or_default()
    }

    fn role_ref(&self) -> &RoleRef {
        match self {
            Self::Cluster(binding) => &binding.role_ref,
            Self::Namespaced(binding) => &binding.role_ref,
        }
    }

    /// The audit reason's words, naming the first subject that is the user.
    fn describe(&self, user: &UserInfo) -> String {
        let (kind, own_name, namespace) = match self {
            Self::Cluster(binding) => ("ClusterRoleBinding", text(&binding.metadata.name).to_owned(), ""),
            Self::Namespaced(binding) => {
                let namespace = text(&binding.metadata.namespace);
                ("RoleBinding", format!("{}/{namespace}", text(&binding.metadata.name)), namespace)
            }
        };
        let subject = self.subjects().iter().find(|subject| names(subject, namespace, user));
        let subject = subject.map(|subject| describe_subject(subject, namespace)).unwrap_or_default();
        let RoleRef { kind: role_kind, name: role_name, .. } = self.role_ref();
        format!("{kind} {} of {role_kind} {} to {subject}", quote(&own_name), quote(role_name))
    }
}

fn names(subject: &Subject, namespace: &str, user: &UserInfo) -> bool {
    match subject.kind.as_str() {
        "User" => user.name == subject.name,
        "Group" => user.is_in(&subject.name),
        "ServiceAccount" => {
            let namespace = subject.namespace.as_deref().filter(|own| !own.is_empty()).unwrap_or(namespace);
            !namespace.is_empty() && user.name == service_account_user_name(namespace, &subject.name)
        }
        _ => false,
    }
}

fn describe_subject(subject: &Subject, namespace: &str) -> String {
    if subject.kind != "ServiceAccount" {
        return format!("{} {}", subject.kind, quote(&subject.name));
    }
    let namespace = subject.namespace.as_deref().filter(|own| !own.is_empty()).unwrap_or(namespace);
    format!("{} {}", subject.kind, quote(&format!("{}/{namespace}", subject.name)))
}

fn text(field: &Option<String>) -> &str {
    field.as_deref().unwrap_or_default()
}

#[cfg(test)]
#[path = "snapshot_test.rs"]
mod tests;
