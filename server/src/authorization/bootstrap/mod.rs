//! The roles and bindings that every cluster begins with: upstream's bootstrap policy of Kubernetes v1.37.
//!
//! The policy stands in the text files beside this one, one line a rule, in a grammar of our own ([`parse`]), and is
//! parsed when it is first asked for. [`reconcile`] says what to do about an object that is there already. Roles are
//! reconciled before bindings, cluster-wide ones first.
//!
//! Not here: who applies it (a task of the server, at its start), and the rules of feature gates that are off.

mod parse;
pub mod reconcile;

use k8s_openapi::api::rbac::v1::{ClusterRole, ClusterRoleBinding, Role, RoleBinding};

use parse::Policy;

/// The label that marks every object of the policy.
pub const BOOTSTRAPPING_LABEL: (&str, &str) = ("kubernetes.io/bootstrapping", "rbac-defaults");
/// What labels that put a ClusterRole's rules into an aggregated one begin with; its short name follows.
pub const AGGREGATE_TO_LABEL_PREFIX: &str = "rbac.authorization.k8s.io/aggregate-to-";

const TEXTS: [&str; 6] = [
    include_str!("cluster_roles.txt"),
    include_str!("controller_roles.txt"),
    include_str!("cluster_role_bindings.txt"),
    include_str!("controller_role_bindings.txt"),
    include_str!("roles.txt"),
    include_str!("role_bindings.txt"),
];

/// The bootstrap policy, as objects without server-set metadata.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct BootstrapPolicy {
    /// General ones first, then the controllers'.
    pub cluster_roles: Vec<ClusterRole>,
    /// General ones first, then the controllers'.
    pub cluster_role_bindings: Vec<ClusterRoleBinding>,
    /// In `kube-public` and `kube-system`.
    pub roles: Vec<Role>,
    /// In `kube-public` and `kube-system`.
    pub role_bindings: Vec<RoleBinding>,
}

impl BootstrapPolicy {
    /// The policy of Kubernetes v1.37 with its default feature gates.
    pub fn load() -> Self {
        let mut policy = Policy::default();
        for text in TEXTS {
            policy.read(text).expect("the compiled-in policy parses; a test reads it all");
        }
        policy.finish()
    }
}

#[cfg(test)]
#[path = "policy_test.rs"]
mod tests;
