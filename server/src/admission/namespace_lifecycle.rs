//! NamespaceLifecycle: nothing is created in a namespace that is absent or on its way out, and three namespaces stay.
//!
//! What this process knows of a namespace may be old. So a refusal always rests on a fresh look, and for a while after a
//! namespace was deleted here, so does a permission.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use futures_util::future::LocalBoxFuture;
use k8s_openapi::apimachinery::pkg::apis::meta::v1::StatusCause;
use serde_json::Value;
use tokio::time::Instant;

use super::lister::{Age, Lister};
use super::tree::is_resource;
use crate::registry::admission_seam::{Admission, Attributes, Operation};
use crate::status::{ApiError, Subject};

/// What may not be deleted.
const IMMORTAL: [&str; 3] = ["default", "kube-system", "kube-public"];
/// How long after its deletion a namespace that seems to live is looked at freshly.
const SUSPICION: Duration = Duration::from_secs(30);
/// How many deletions are remembered.
const MAX_SUSPECTS: usize = 100;

/// The plugin.
pub struct NamespaceLifecycle {
    lister: Arc<dyn Lister>,
    /// Namespaces whose deletion was asked for here, and until when that is remembered.
    suspects: Mutex<HashMap<String, Instant>>,
}

impl NamespaceLifecycle {
    /// The plugin over these objects.
    #[must_use]
    pub fn new(lister: Arc<dyn Lister>) -> Self {
        Self { lister, suspects: Mutex::default() }
    }

    async fn check(&self, attributes: &Attributes<'_>, object: &Value) -> Result<(), ApiError> {
        let deletes = attributes.operation == Operation::Delete;
        if is_resource(attributes, "", "namespaces") {
            if deletes && IMMORTAL.contains(&attributes.name) {
                return Err(attributes.forbidden(object, "this namespace may not be deleted"));
            }
            if deletes {
                self.suspect(attributes.name);
            }
            return Ok(());
        }
        let may_tell_nothing = is_resource(attributes, "authorization.k8s.io", "localsubjectaccessreviews");
        if attributes.operation != Operation::Create || attributes.namespace.is_empty() || may_tell_nothing {
            return Ok(());
        }
        let name = attributes.namespace;
        let known = self.lister.namespace(name, Age::Cached).await?;
        if known.is_some_and(|known| !known.is_terminating) && !self.is_suspect(name) {
            return Ok(());
        }
        match self.lister.namespace(name, Age::Newest).await? {
            None => {
                let subject =
                    Subject { resource: "namespaces".to_owned(), name: name.to_owned(), ..Subject::default() };
                Err(ApiError::NotFound(subject))
            }
            Some(namespace) if namespace.is_terminating => Err(terminating(attributes, object)),
            Some(_) => Ok(()),
        }
    }

    fn suspect(&self, name: &str) {
        let now = Instant::now();
        let mut suspects = self.suspects.lock().unwrap_or_else(PoisonError::into_inner);
        suspects.retain(|_, until| *until > now);
        if suspects.len() >= MAX_SUSPECTS {
            let oldest = suspects.iter().min_by_key(|(_, until)| **until).map(|(name, _)| name.clone());
            oldest.map(|oldest| suspects.remove(&oldest));
        }
        suspects.insert(name.to_owned(), now + SUSPICION);
    }

    fn is_suspect(&self, name: &str) -> bool {
        let suspects = self.suspects.lock().unwrap_or_else(PoisonError::into_inner);
        suspects.get(name).is_some_and(|until| *until > Instant::now())
    }
}

fn terminating(attributes: &Attributes<'_>, object: &Value) -> ApiError {
    let namespace = attributes.namespace;
    let cause = format!("unable to create new content in namespace {namespace} because it is being terminated");
    let mut status = attributes.forbidden(object, &cause).status();
    let cause = StatusCause {
        reason: Some("NamespaceTerminating".to_owned()),
        message: Some(format!("namespace {namespace} is being terminated")),
        field: Some("metadata.namespace".to_owned()),
    };
    status.details.get_or_insert_default().causes.get_or_insert_default().push(cause);
    ApiError::Status(Box::new(status))
}

impl Admission for NamespaceLifecycle {
    fn admit<'a>(
        &'a self,
        attributes: Attributes<'a>,
        object: &'a mut Value,
    ) -> LocalBoxFuture<'a, Result<Vec<String>, ApiError>> {
        Box::pin(async move { self.check(&attributes, object).await.map(|()| Vec::new()) })
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::admission::testing::{Ask, Objects, message};

    fn objects() -> Objects {
        Objects::default().with_namespace("live", false).with_namespace("dying", true)
    }

    #[tokio::test]
    async fn only_live_namespaces_take_new_objects() {
        let plugin = NamespaceLifecycle::new(Arc::new(objects()));
        let rows = [
            (Ask::create("configmaps", json!({"metadata": {"name": "c"}})).within("live"), None),
            (
                Ask::create("configmaps", json!({"metadata": {"name": "c"}})).within("gone"),
                Some(r#"namespaces "gone" not found"#),
            ),
            (
                Ask::create("configmaps", json!({"metadata": {"name": "c"}})).within("dying"),
                Some(
                    r#"configmaps "c" is forbidden: unable to create new content in namespace dying because it is being terminated"#,
                ),
            ),
            (
                Ask::create("pods", json!({"metadata": {"generateName": "p-"}})).within("dying"),
                Some(
                    r#"pods "p-" is forbidden: unable to create new content in namespace dying because it is being terminated"#,
                ),
            ),
            (Ask::update("configmaps", json!({}), json!({})).within("dying"), None),
            (Ask::delete("configmaps", json!({})).within("gone"), None),
            (Ask::create("nodes", json!({"metadata": {"name": "n"}})).within(""), None),
            (Ask::delete("namespaces", json!({})).within("live").named("live"), None),
            (
                Ask::delete("namespaces", json!({})).within("kube-system").named("kube-system"),
                Some(r#"namespaces "kube-system" is forbidden: this namespace may not be deleted"#),
            ),
        ];
        for (ask, expected) in rows {
            assert_eq!(message(ask.admit(&plugin).await.map(|_| ())).as_deref(), expected, "{ask:?}");
        }
    }

    #[tokio::test]
    async fn termination_has_a_cause_of_its_own() {
        let plugin = NamespaceLifecycle::new(Arc::new(objects()));
        let ask = Ask::create("configmaps", json!({"metadata": {"name": "c"}})).within("dying");
        let status = ask.admit(&plugin).await.unwrap_err().status();
        assert_eq!((status.code, status.reason.as_deref()), (Some(403), Some("Forbidden")));
        let cause = status.details.unwrap().causes.unwrap().remove(0);
        assert_eq!(cause.reason.as_deref(), Some("NamespaceTerminating"));
        assert_eq!(cause.message.as_deref(), Some("namespace dying is being terminated"));
        assert_eq!(cause.field.as_deref(), Some("metadata.namespace"));
    }

    #[tokio::test]
    async fn refusals_and_permissions_after_a_deletion_rest_on_a_fresh_look() {
        // This process has not heard yet that one came, one went, and one came back.
        let objects = Objects::default()
            .with_namespace("went", false)
            .with_namespace("back", true)
            .changed("came", Some(false))
            .changed("went", Some(true))
            .changed("back", Some(false));
        let plugin = NamespaceLifecycle::new(Arc::new(objects));
        let create = |namespace| Ask::create("configmaps", json!({"metadata": {"name": "c"}})).within(namespace);
        assert!(create("came").admit(&plugin).await.is_ok());
        assert!(create("back").admit(&plugin).await.is_ok());
        assert!(create("went").admit(&plugin).await.is_ok(), "nothing speaks against it");
        Ask::delete("namespaces", json!({})).within("went").named("went").admit(&plugin).await.unwrap();
        assert!(create("went").admit(&plugin).await.is_err());
    }

    #[tokio::test]
    async fn suspicion_is_bounded() {
        let plugin = NamespaceLifecycle::new(Arc::new(objects()));
        (0..MAX_SUSPECTS * 2).for_each(|number| plugin.suspect(&number.to_string()));
        assert_eq!(plugin.suspects.lock().unwrap().len(), MAX_SUSPECTS);
        assert!(plugin.is_suspect("199"));
    }
}
