//! Where admission stands in the pipeline: what it is told of a write, and what it may do.
//!
//! Two phases. [`Admission::admit`] may change the object; it runs behind managedFields and before the strategy's steps.
//! [`Admission::validate`] sees the object as it would be stored; it runs last. A delete has no object, only an old one;
//! `admit` then only judges. [`Chain`] runs several in order.

mod escalation;
mod node_restriction;

use std::sync::Arc;

use futures_util::future::LocalBoxFuture;
use serde_json::Value;

pub use escalation::{Escalation, Rules};
pub use node_restriction::NodeRestriction;

use super::object::meta;
use super::route::Served;
use crate::authentication::user::UserInfo;
use crate::authorization::forbidden::forbidden_resource_message;
use crate::status::{ApiError, Subject};

/// What is done to the object.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[expect(missing_docs, reason = "the API's words")]
pub enum Operation {
    Create,
    Update,
    Delete,
    Connect,
}

/// One write, as admission sees it. Trees are in the stored version, but those of subresources with kinds of their own
/// (bindings, evictions, tokens, reviews), which are as they were sent.
#[derive(Clone, Copy)]
pub struct Attributes<'a> {
    /// Who writes.
    pub user: &'a Arc<UserInfo>,
    /// The resource.
    pub served: &'static Served,
    /// The subresource; empty for the object itself.
    pub subresource: &'a str,
    /// What is done.
    pub operation: Operation,
    /// The namespace; of a namespace, its own name.
    pub namespace: &'a str,
    /// The name; empty where the server is yet to make one up.
    pub name: &'a str,
    /// The object as it is.
    pub old: Option<&'a Value>,
    /// Whether nothing is going to be stored.
    pub dry_run: bool,
}

/// An admission plugin. Shared by all threads; a request stays on its own.
pub trait Admission: Send + Sync {
    /// Judges and completes the object (null for a delete). Returns warnings for the client.
    fn admit<'a>(
        &'a self,
        _attributes: Attributes<'a>,
        _object: &'a mut Value,
    ) -> LocalBoxFuture<'a, Result<Vec<String>, ApiError>> {
        Box::pin(std::future::ready(Ok(Vec::new())))
    }

    /// Judges the object as it would be stored (null for a delete). Returns warnings for the client.
    fn validate<'a>(
        &'a self,
        _attributes: Attributes<'a>,
        _object: &'a Value,
    ) -> LocalBoxFuture<'a, Result<Vec<String>, ApiError>> {
        Box::pin(std::future::ready(Ok(Vec::new())))
    }
}

/// Plugins in order. None admits everything.
#[derive(Clone, Default)]
pub struct Chain(Vec<Arc<dyn Admission>>);

impl Chain {
    /// The chain of these plugins.
    #[must_use]
    pub fn new(plugins: Vec<Arc<dyn Admission>>) -> Self {
        Self(plugins)
    }
}

impl Admission for Chain {
    fn admit<'a>(
        &'a self,
        attributes: Attributes<'a>,
        object: &'a mut Value,
    ) -> LocalBoxFuture<'a, Result<Vec<String>, ApiError>> {
        Box::pin(async move {
            let mut warnings = Vec::new();
            for plugin in &self.0 {
                warnings.extend(plugin.admit(attributes, object).await?);
            }
            Ok(warnings)
        })
    }

    fn validate<'a>(
        &'a self,
        attributes: Attributes<'a>,
        object: &'a Value,
    ) -> LocalBoxFuture<'a, Result<Vec<String>, ApiError>> {
        Box::pin(async move {
            let mut warnings = Vec::new();
            for plugin in &self.0 {
                warnings.extend(plugin.validate(attributes, object).await?);
            }
            Ok(warnings)
        })
    }
}

impl Attributes<'_> {
    /// 403 in upstream's frame: `pods "x" is forbidden: CAUSE`. A creation without a name is told by what is known of it.
    #[must_use]
    pub fn forbidden(&self, object: &Value, cause: &str) -> ApiError {
        let own = meta(object);
        let name =
            [self.name, own.name(), own.generate_name()].into_iter().find(|name| !name.is_empty()).unwrap_or("Unknown");
        let Subject { group, resource, .. } = self.served.subject(name);
        let message = forbidden_resource_message(&group, &resource, name, cause);
        ApiError::Forbidden { subject: Subject { group, resource, name: name.to_owned() }, message }
    }
}
