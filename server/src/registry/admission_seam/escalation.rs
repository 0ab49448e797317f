//! Nobody hands out rights that they do not hold: the checks in front of roles and bindings, as a validating step.

use std::sync::Arc;

use futures_util::future::LocalBoxFuture;
use k8s_openapi::Metadata;
use k8s_openapi::api::rbac::v1::{ClusterRole, ClusterRoleBinding, Role, RoleBinding, RoleRef};
use k8s_openapi::apimachinery::pkg::apis::meta::v1::ObjectMeta;
use serde::de::DeserializeOwned;
use serde_json::Value;

use super::{Admission, Attributes, Operation};
use crate::authorization::authorizer::Authorizer;
use crate::authorization::forbidden::forbidden_resource_message;
use crate::authorization::rbac::escalation::{EscalationError, Writer, only_releases};
use crate::authorization::rbac::{RBAC_GROUP, RoleReferenceError, Snapshot};
use crate::registry::object::meta;
use crate::status::{ApiError, Subject};

/// Gives the rules in force.
pub type Rules = Arc<dyn Fn() -> Arc<Snapshot> + Send + Sync>;

/// The step.
pub struct Escalation {
    rules: Rules,
    authorizer: Arc<dyn Authorizer>,
}

impl Escalation {
    /// The step over these rules; the authorizer tells who may escalate and bind.
    #[must_use]
    pub fn new(rules: Rules, authorizer: Arc<dyn Authorizer>) -> Self {
        Self { rules, authorizer }
    }

    fn check(&self, attributes: &Attributes<'_>, object: &Value) -> Result<(), ApiError> {
        let row = attributes.served.row;
        let writes = matches!(attributes.operation, Operation::Create | Operation::Update);
        if row.group != RBAC_GROUP || !writes {
            return Ok(());
        }
        let snapshot = (self.rules)();
        let writer = Writer {
            user: attributes.user,
            namespace: attributes.namespace,
            authorizer: &*self.authorizer,
            snapshot: &snapshot,
        };
        // A creation is about no name yet.
        let name = if attributes.operation == Operation::Create { "" } else { attributes.name };
        let checked = match &*row.plural {
            "roles" => with(attributes, object, |role: &Role, _| {
                writer.may_write_role(name, role.rules.as_deref().unwrap_or_default())
            }),
            "clusterroles" => {
                with(attributes, object, |role: &ClusterRole, old| writer.may_write_cluster_role(name, role, old))
            }
            "rolebindings" => {
                with(attributes, object, |binding: &RoleBinding, _| writer.may_bind(&defaulted(&binding.role_ref)))
            }
            "clusterrolebindings" => with(attributes, object, |binding: &ClusterRoleBinding, _| {
                writer.may_bind(&defaulted(&binding.role_ref))
            }),
            _ => Ok(Ok(())),
        };
        checked?.map_err(|error| refused(attributes, object, error))
    }
}

impl Admission for Escalation {
    fn validate<'a>(
        &'a self,
        attributes: Attributes<'a>,
        object: &'a Value,
    ) -> LocalBoxFuture<'a, Result<Vec<String>, ApiError>> {
        Box::pin(async move { self.check(&attributes, object).map(|()| Vec::new()) })
    }
}

/// Checks a typed view, unless the write only lets the object go.
fn with<T>(
    attributes: &Attributes<'_>,
    object: &Value,
    check: impl FnOnce(&T, Option<&T>) -> Result<(), EscalationError>,
) -> Result<Result<(), EscalationError>, ApiError>
where
    T: DeserializeOwned + Metadata<Ty = ObjectMeta> + Clone + PartialEq,
{
    let typed = |object: &Value| T::deserialize(object).map_err(|error| ApiError::Internal(error.to_string()));
    let new = typed(object)?;
    let old = attributes.old.map(typed).transpose()?;
    if old.as_ref().is_some_and(|old| only_releases(&new, old)) {
        return Ok(Ok(()));
    }
    Ok(check(&new, old.as_ref()))
}

/// A reference whose group is open means this one.
fn defaulted(reference: &RoleRef) -> RoleRef {
    let group = reference.api_group.clone().filter(|group| !group.is_empty());
    RoleRef { api_group: Some(group.unwrap_or_else(|| RBAC_GROUP.to_owned())), ..reference.clone() }
}

fn refused(attributes: &Attributes<'_>, object: &Value, error: EscalationError) -> ApiError {
    match error {
        EscalationError::Forbidden(cause) => {
            let Subject { group, resource, name } = attributes.served.subject(meta(object).name());
            let message = forbidden_resource_message(&group, &resource, &name, &cause);
            ApiError::Forbidden { subject: Subject { group, resource, name }, message }
        }
        EscalationError::Role(RoleReferenceError::NotFound { resource, name }) => {
            ApiError::NotFound(Subject { group: RBAC_GROUP.to_owned(), resource: resource.to_owned(), name })
        }
        EscalationError::Role(error) => ApiError::Unforeseen(error.to_string()),
    }
}
