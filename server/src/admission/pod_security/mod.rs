//! PodSecurity: namespaces' labels say how much pods in them may do.
//!
//! `enforce` refuses pods; `warn` warns of them and of what would make them; `audit` is for the audit log, which is not
//! kept. Without labels all is allowed, and nothing is looked at. Source: KEP 2579, upstream's `pod-security-admission`.

mod baseline;
mod check;
mod policy;
mod restricted;

#[cfg(test)]
mod tests;

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use futures_util::future::LocalBoxFuture;
use howdah_api::go::quote;
use serde_json::Value;
use tokio::time::Instant;

use self::check::{details, reasons, violations};
use self::policy::{Level, Policy, Standard};
use super::lister::{Age, Lister};
use super::tree::{at, is_resource, items, name, text};
use crate::registry::admission_seam::{Admission, Attributes, Operation};
use crate::status::ApiError;

/// How many pods are looked at when a namespace becomes stricter, and for how long.
const MAX_PODS: usize = 3000;
const PODS_PATIENCE: Duration = Duration::from_secs(1);
/// What makes pods, and where the template of the pods stands.
const TEMPLATES: [(&str, &str, &[&str]); 8] = [
    ("", "podtemplates", &["template"]),
    ("", "replicationcontrollers", &["spec", "template"]),
    ("apps", "replicasets", &["spec", "template"]),
    ("apps", "deployments", &["spec", "template"]),
    ("apps", "statefulsets", &["spec", "template"]),
    ("apps", "daemonsets", &["spec", "template"]),
    ("batch", "jobs", &["spec", "template"]),
    ("batch", "cronjobs", &["spec", "jobTemplate", "spec", "template"]),
];
/// Subresources that don't change what a pod may do.
const HARMLESS: [&str; 8] = ["exec", "attach", "binding", "eviction", "log", "portforward", "proxy", "status"];

/// The plugin.
pub struct PodSecurity {
    lister: Arc<dyn Lister>,
}

impl PodSecurity {
    /// The plugin over these objects.
    #[must_use]
    pub fn new(lister: Arc<dyn Lister>) -> Self {
        Self { lister }
    }

    async fn policy(&self, namespace: &str) -> Result<Option<Policy>, ApiError> {
        let known = match self.lister.namespace(namespace, Age::Cached).await? {
            None => self.lister.namespace(namespace, Age::Newest).await?,
            known => known,
        };
        Ok(known.map(|namespace| Policy::of(&namespace.labels).0))
    }

    async fn namespace(&self, attributes: &Attributes<'_>, object: &Value) -> Result<Vec<String>, ApiError> {
        let (policy, errors) = Policy::of(&labels(object));
        let old = attributes.old.map(|old| Policy::of(&labels(old)));
        let is_known = old.as_ref().is_some_and(|(_, of_old)| *of_old == errors);
        if !errors.is_empty() && !is_known {
            return Err(ApiError::invalid("", "Namespace", attributes.name, &errors));
        }
        let Some((old, _)) = old.filter(|_| attributes.operation == Operation::Update) else { return Ok(Vec::new()) };
        let enforce = policy.enforce;
        if enforce.level == Level::Privileged || !enforce.is_tightened_from(&old.enforce) {
            return Ok(Vec::new());
        }
        self.existing(name(object), enforce).await
    }

    /// Warnings about the pods that a namespace has already.
    async fn existing(&self, namespace: &str, enforce: Standard) -> Result<Vec<String>, ApiError> {
        let deadline = Instant::now() + PODS_PATIENCE;
        let (pods, count) = self.lister.pods(namespace, MAX_PODS).await?;
        let mut of_reason: BTreeMap<String, (String, usize)> = BTreeMap::new();
        let mut checked = 0;
        for pod in &pods {
            let found = violations(pod, enforce);
            if !found.is_empty() {
                let (first, number) = of_reason.entry(reasons(&found)).or_insert_with(|| (name(pod).to_owned(), 0));
                *number += 1;
                if name(pod) < first.as_str() {
                    name(pod).clone_into(first);
                }
            }
            checked += 1;
            if Instant::now() > deadline {
                break;
            }
        }
        let mut warnings = Vec::new();
        if checked < count {
            warnings.push(format!(
                "new PodSecurity enforce level only checked against the first {checked} of {count} existing pods"
            ));
        }
        if !of_reason.is_empty() {
            warnings.push(format!(
                r#"existing pods in namespace {} violate the new PodSecurity enforce level "{enforce}""#,
                quote(namespace)
            ));
        }
        let mut told: Vec<String> = of_reason
            .into_iter()
            .map(|(reason, (first, number))| match number {
                1 => format!("{first}: {reason}"),
                2 => format!("{first} (and 1 other pod): {reason}"),
                _ => format!("{first} (and {} other pods): {reason}", number - 1),
            })
            .collect();
        told.sort();
        warnings.extend(told);
        Ok(warnings)
    }

    async fn pod(&self, attributes: &Attributes<'_>, object: &Value) -> Result<Vec<String>, ApiError> {
        let Some(policy) = self.policy(attributes.namespace).await? else {
            return Err(ApiError::Internal(format!("failed to lookup namespace {}", quote(attributes.namespace))));
        };
        let changes_nothing = || {
            let old = attributes.old.filter(|_| attributes.operation == Operation::Update);
            old.is_some_and(|old| !is_significant(object, old))
        };
        if policy.is_fully_privileged() || changes_nothing() {
            return Ok(Vec::new());
        }
        let found = violations(object, policy.enforce);
        if !found.is_empty() {
            let cause = format!(r#"violates PodSecurity "{}": {}"#, policy.enforce, details(&found));
            return Err(attributes.forbidden(object, &cause));
        }
        Ok(warning(object, policy.warn).into_iter().collect())
    }
}

/// What a mode that only tells says of a pod.
fn warning(pod: &Value, standard: Standard) -> Option<String> {
    let found = violations(pod, standard);
    (!found.is_empty()).then(|| format!(r#"would violate PodSecurity "{standard}": {}"#, details(&found)))
}

fn labels(namespace: &Value) -> BTreeMap<String, String> {
    let all = at(namespace, &["metadata", "labels"]).as_object().into_iter().flatten();
    all.map(|(name, value)| (name.clone(), value.as_str().unwrap_or_default().to_owned())).collect()
}

/// Whether an update may change what the pod does: other images, or other containers.
fn is_significant(pod: &Value, old: &Value) -> bool {
    let image = |container: &Value| text(container, &["image"]).to_owned();
    let images = |pod: &Value, list: &str| items(pod, &["spec", list]).iter().map(image).collect::<Vec<_>>();
    let differs = |list: &str| images(pod, list) != images(old, list);
    let attached = |pod| items(pod, &["spec", "ephemeralContainers"]).iter();
    let is_new = |container: &Value| {
        let before = attached(old).find(|before| text(before, &["name"]) == text(container, &["name"]));
        before.is_none_or(|before| image(before) != image(container))
    };
    differs("containers") || differs("initContainers") || attached(pod).any(is_new)
}

impl Admission for PodSecurity {
    fn validate<'a>(
        &'a self,
        attributes: Attributes<'a>,
        object: &'a Value,
    ) -> LocalBoxFuture<'a, Result<Vec<String>, ApiError>> {
        Box::pin(async move {
            if !matches!(attributes.operation, Operation::Create | Operation::Update) {
                return Ok(Vec::new());
            }
            if is_resource(&attributes, "", "pods") {
                if HARMLESS.contains(&attributes.subresource) {
                    return Ok(Vec::new());
                }
                return self.pod(&attributes, object).await;
            }
            if !attributes.subresource.is_empty() {
                return Ok(Vec::new());
            }
            if is_resource(&attributes, "", "namespaces") {
                return self.namespace(&attributes, object).await;
            }
            let row = attributes.served.row;
            let makes = TEMPLATES.iter().find(|(group, plural, _)| row.group == *group && row.plural == *plural);
            let Some((_, _, path)) = makes else { return Ok(Vec::new()) };
            let template = at(object, path);
            let Some(policy) = self.policy(attributes.namespace).await?.filter(|_| !template.is_null()) else {
                return Ok(Vec::new());
            };
            Ok(warning(template, policy.warn).into_iter().collect())
        })
    }
}
