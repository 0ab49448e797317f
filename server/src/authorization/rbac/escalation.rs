//! Nobody may hand out rights that they do not hold: the checks in front of writes to roles and bindings.
//!
//! A role may be written by `system:masters`, by whoever has the verb `escalate` on it, and else only by somebody who
//! holds all its rules where it applies. A binding may be written by `system:masters`, by whoever has the verb `bind`
//! on the role, and else only by somebody who holds all the role's rules. Writes that only release an object to the
//! garbage collector pass.

use std::sync::Arc;

use k8s_openapi::Metadata;
use k8s_openapi::api::rbac::v1::{ClusterRole, PolicyRule, RoleRef};
use k8s_openapi::apimachinery::pkg::apis::meta::v1::ObjectMeta;

use super::cover::{describe, uncovered};
use super::{RBAC_GROUP, RoleReferenceError, Snapshot};
use crate::authentication::user::{SYSTEM_MASTERS, UserInfo};
use crate::authorization::attributes::Attributes;
use crate::authorization::authorizer::Authorizer;
use howdah_api::go::{aggregate, quote, quote_list};

/// Why a role or a binding may not be written.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum EscalationError {
    /// The user would grant what it does not hold: 403; the text is the cause inside the usual frame.
    #[error("{0}")]
    Forbidden(String),
    /// The role that would be bound cannot be resolved.
    #[error("{0}")]
    Role(RoleReferenceError),
}

/// Who writes, and where.
#[derive(Clone, Copy)]
pub struct Writer<'a> {
    /// The user that sent the request.
    pub user: &'a Arc<UserInfo>,
    /// The request's namespace, empty for cluster-wide kinds.
    pub namespace: &'a str,
    /// Answers whether the user has `escalate` or `bind`.
    pub authorizer: &'a dyn Authorizer,
    /// The rules in force.
    pub snapshot: &'a Snapshot,
}

impl Writer<'_> {
    /// Whether the user may write a Role with these rules; `name` is the request's, empty on a creation.
    ///
    /// # Errors
    /// [`EscalationError::Forbidden`] when a rule is not held.
    pub fn may_write_role(&self, name: &str, rules: &[PolicyRule]) -> Result<(), EscalationError> {
        if self.may_escalate("roles", name) { Ok(()) } else { self.holds(rules) }
    }

    /// Whether the user may write a ClusterRole; `old` is what it replaces. An aggregated one gathers rules that
    /// nobody knows yet, so that it asks for everything.
    ///
    /// # Errors
    /// [`EscalationError::Forbidden`] when a rule is not held, or not every rule while either is aggregated.
    pub fn may_write_cluster_role(
        &self,
        name: &str,
        new: &ClusterRole,
        old: Option<&ClusterRole>,
    ) -> Result<(), EscalationError> {
        if self.may_escalate("clusterroles", name) {
            return Ok(());
        }
        self.holds(new.rules.as_deref().unwrap_or_default())?;
        if is_aggregated(new) || old.is_some_and(is_aggregated) {
            let refused = "must have cluster-admin privileges to use the aggregationRule";
            self.holds(&everything()).map_err(|_| EscalationError::Forbidden(refused.to_owned()))?;
        }
        Ok(())
    }

    /// Whether the user may bind the role in the request's namespace, or cluster-wide when that is empty.
    ///
    /// # Errors
    /// [`EscalationError::Role`] when the role cannot be resolved, [`EscalationError::Forbidden`] when one of its
    /// rules is not held.
    pub fn may_bind(&self, role: &RoleRef) -> Result<(), EscalationError> {
        if self.user.is_in(SYSTEM_MASTERS) || self.has_bind(role) {
            return Ok(());
        }
        let rules = self.snapshot.rules_of(role, self.namespace).map_err(EscalationError::Role)?;
        self.holds(rules)
    }

    fn may_escalate(&self, resource: &str, name: &str) -> bool {
        self.user.is_in(SYSTEM_MASTERS) || self.is_allowed("escalate", RBAC_GROUP, resource, name)
    }

    fn has_bind(&self, role: &RoleRef) -> bool {
        let resource = match role.kind.as_str() {
            "ClusterRole" => "clusterroles",
            "Role" => "roles",
            _ => return false,
        };
        self.is_allowed("bind", role.api_group.as_deref().unwrap_or_default(), resource, &role.name)
    }

    fn is_allowed(&self, verb: &str, group: &str, resource: &str, name: &str) -> bool {
        let mut attributes = Attributes::resource(self.user.clone(), verb, group, resource);
        attributes = attributes.in_namespace(self.namespace).named(name);
        "*".clone_into(&mut attributes.api_version);
        self.authorizer.authorize(&attributes).is_allowed()
    }

    fn holds(&self, rules: &[PolicyRule]) -> Result<(), EscalationError> {
        let held = self.snapshot.rules_of_user(self.user, self.namespace);
        let missing = uncovered(&held.rules, rules);
        if missing.is_empty() {
            return Ok(());
        }
        let mut message = format!(
            "user {} (groups={}) is attempting to grant RBAC permissions not currently held:\n{}",
            quote(&self.user.name),
            quote_list(&self.user.groups),
            describe(&missing)
        );
        if let Some(errors) = aggregate(&held.errors) {
            message.push_str(&format!("; resolution errors: [{errors}]"));
        }
        Err(EscalationError::Forbidden(message))
    }
}

/// Whether an update touches nothing but owner references, finalizers and managed fields: such a write passes
/// unchecked, or objects that their owner could not write again would never be collected.
pub fn only_releases<T>(new: &T, old: &T) -> bool
where
    T: Metadata<Ty = ObjectMeta> + Clone + PartialEq,
{
    let mut copy = new.clone();
    let (metadata, old_metadata) = (copy.metadata_mut(), old.metadata());
    metadata.owner_references.clone_from(&old_metadata.owner_references);
    metadata.finalizers.clone_from(&old_metadata.finalizers);
    metadata.managed_fields.clone_from(&old_metadata.managed_fields);
    metadata.self_link.clone_from(&old_metadata.self_link);
    copy == *old
}

fn is_aggregated(role: &ClusterRole) -> bool {
    let selectors = role.aggregation_rule.as_ref().and_then(|rule| rule.cluster_role_selectors.as_ref());
    selectors.is_some_and(|selectors| !selectors.is_empty())
}

fn everything() -> [PolicyRule; 2] {
    let all = || vec!["*".to_owned()];
    [
        PolicyRule { verbs: all(), api_groups: Some(all()), resources: Some(all()), ..PolicyRule::default() },
        PolicyRule { verbs: all(), non_resource_urls: Some(all()), ..PolicyRule::default() },
    ]
}

#[cfg(test)]
#[path = "escalation_test.rs"]
mod tests;
