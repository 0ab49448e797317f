//! ServiceAccount: every pod acts as a service account that exists, and its containers get that one's token.
//!
//! A service account that this process doesn't know is looked for freshly, and `default`, which a controller makes in
//! every new namespace, is waited for. Mirror pods are left as they are and may refer to neither accounts nor secrets.

mod reference;
mod token_volume;

use std::sync::Arc;

use futures_util::future::LocalBoxFuture;
use k8s_openapi::api::core::v1::ServiceAccount as Account;
use serde_json::{Value, json};

use self::reference::{mountable_only, names_secrets};
use super::lister::{Age, Lister};
use super::tree::{at, is_resource, items, map_mut, text};
use crate::registry::admission_seam::{Admission, Attributes, Operation};
use crate::status::ApiError;

const DEFAULT: &str = "default";
const MIRROR_ANNOTATION: &str = "kubernetes.io/config.mirror";
const MOUNTABLE_ANNOTATION: &str = "kubernetes.io/enforce-mountable-secrets";

/// The plugin.
pub struct ServiceAccount {
    lister: Arc<dyn Lister>,
}

impl ServiceAccount {
    /// The plugin over these objects.
    #[must_use]
    pub fn new(lister: Arc<dyn Lister>) -> Self {
        Self { lister }
    }

    async fn complete(&self, attributes: &Attributes<'_>, pod: &mut Value) -> Result<(), ApiError> {
        if is_mirror(pod) {
            return self.check_new(attributes, pod).await;
        }
        if text(pod, &["spec", "serviceAccountName"]).is_empty() {
            let spec = map_mut(pod, &["spec"]);
            for field in ["serviceAccountName", "serviceAccount"] {
                spec.insert(field.to_owned(), DEFAULT.into());
            }
        }
        let account = self.account(attributes, pod).await?;
        let wish = at(pod, &["spec", "automountServiceAccountToken"]).as_bool();
        if wish.or(account.automount_service_account_token).unwrap_or(true) {
            token_volume::mount(pod);
        }
        if items(pod, &["spec", "imagePullSecrets"]).is_empty() {
            let secrets: Vec<Value> =
                account.image_pull_secrets.iter().flatten().map(|secret| json!({"name": secret.name})).collect();
            if !secrets.is_empty() {
                map_mut(pod, &["spec"]).insert("imagePullSecrets".to_owned(), secrets.into());
            }
        }
        judge_secrets(attributes, pod, &account)
    }

    async fn check_new(&self, attributes: &Attributes<'_>, pod: &Value) -> Result<(), ApiError> {
        if is_mirror(pod) {
            return match mirror_violation(pod) {
                Some(cause) => Err(attributes.forbidden(pod, cause)),
                None => Ok(()),
            };
        }
        let account = self.account(attributes, pod).await?;
        judge_secrets(attributes, pod, &account)
    }

    /// Containers that are attached to a running pod.
    async fn check_attached(&self, attributes: &Attributes<'_>, pod: &Value) -> Result<(), ApiError> {
        let account = self.account(attributes, pod).await?;
        match is_restricted(&account).then(|| reference::attached_mountable_only(pod, &account)).flatten() {
            Some(sentence) => Err(ApiError::Unforeseen(sentence)),
            None => Ok(()),
        }
    }

    async fn account(&self, attributes: &Attributes<'_>, pod: &Value) -> Result<Arc<Account>, ApiError> {
        let (namespace, name) = (attributes.namespace, text(pod, &["spec", "serviceAccountName"]));
        if name.is_empty() {
            let cause =
                format!("no service account specified for pod {namespace}/{}", text(pod, &["metadata", "name"]));
            return Err(attributes.forbidden(pod, &cause));
        }
        let found = match self.lister.service_account(namespace, name, Age::Cached).await? {
            None if name == DEFAULT => self.lister.coming_service_account(namespace, name).await?,
            None => self.lister.service_account(namespace, name, Age::Newest).await?,
            found => found,
        };
        found.ok_or_else(|| {
            let missing = format!("serviceaccount {} not found", howdah_api::go::quote(name));
            attributes.forbidden(pod, &format!("error looking up service account {namespace}/{name}: {missing}"))
        })
    }
}

fn is_mirror(pod: &Value) -> bool {
    !at(pod, &["metadata", "annotations", MIRROR_ANNOTATION]).is_null()
}

fn mirror_violation(pod: &Value) -> Option<&'static str> {
    if !text(pod, &["spec", "serviceAccountName"]).is_empty() {
        return Some("a mirror pod may not reference service accounts");
    }
    if names_secrets(pod) {
        return Some("a mirror pod may not reference secrets");
    }
    let projections =
        items(pod, &["spec", "volumes"]).iter().flat_map(|volume| items(volume, &["projected", "sources"]));
    let has_token =
        projections.into_iter().any(|source| source.get("serviceAccountToken").is_some_and(|token| !token.is_null()));
    has_token.then_some("a mirror pod may not use ServiceAccountToken volume projections")
}

/// Whether pods of the account may only refer to the secrets that it lists.
fn is_restricted(account: &Account) -> bool {
    let annotation = account.metadata.annotations.as_ref().and_then(|all| all.get(MOUNTABLE_ANNOTATION));
    annotation.is_some_and(|value| matches!(value.as_str(), "1" | "t" | "T" | "true" | "TRUE" | "True"))
}

fn judge_secrets(attributes: &Attributes<'_>, pod: &Value, account: &Account) -> Result<(), ApiError> {
    match is_restricted(account).then(|| mountable_only(pod, account)).flatten() {
        Some(cause) => Err(attributes.forbidden(pod, &cause)),
        None => Ok(()),
    }
}

impl Admission for ServiceAccount {
    fn admit<'a>(
        &'a self,
        attributes: Attributes<'a>,
        object: &'a mut Value,
    ) -> LocalBoxFuture<'a, Result<Vec<String>, ApiError>> {
        Box::pin(async move {
            let creates = attributes.operation == Operation::Create && attributes.subresource.is_empty();
            if creates && is_resource(&attributes, "", "pods") {
                self.complete(&attributes, object).await?;
            }
            Ok(Vec::new())
        })
    }

    fn validate<'a>(
        &'a self,
        attributes: Attributes<'a>,
        object: &'a Value,
    ) -> LocalBoxFuture<'a, Result<Vec<String>, ApiError>> {
        Box::pin(async move {
            if is_resource(&attributes, "", "pods") {
                match (attributes.operation, attributes.subresource) {
                    (Operation::Create, "") => self.check_new(&attributes, object).await?,
                    (Operation::Update, "ephemeralcontainers") => self.check_attached(&attributes, object).await?,
                    _ => {}
                }
            }
            Ok(Vec::new())
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::admission::testing::{Ask, Objects, message};

    fn plugin(accounts: &[Value]) -> ServiceAccount {
        let add = |objects: Objects, account: &Value| objects.with_service_account("ns", account.clone());
        ServiceAccount::new(Arc::new(accounts.iter().fold(Objects::default(), add)))
    }

    fn account(name: &str) -> Value {
        json!({"metadata": {"name": name}, "imagePullSecrets": [{"name": "pull"}]})
    }

    fn pod(spec: Value) -> Value {
        let mut pod = json!({"metadata": {"name": "p"}});
        pod["spec"] = spec;
        pod
    }

    #[tokio::test]
    async fn pods_get_an_account_its_token_and_its_pull_secrets() {
        let plugin = plugin(&[account("default")]);
        let given = pod(json!({"containers": [{"name": "a"}], "initContainers": [{"name": "i"}]}));
        let admitted = Ask::create("pods", given).admit(&plugin).await.unwrap();
        let spec = &admitted["spec"];
        assert_eq!((&spec["serviceAccountName"], &spec["serviceAccount"]), (&json!("default"), &json!("default")));
        assert_eq!(spec["imagePullSecrets"], json!([{"name": "pull"}]));
        let name = spec["volumes"][0]["name"].as_str().unwrap();
        assert!(name.starts_with("kube-api-access-") && name.len() == 21, "{name}");
        let mount =
            json!({"name": name, "readOnly": true, "mountPath": "/var/run/secrets/kubernetes.io/serviceaccount"});
        for list in ["containers", "initContainers"] {
            assert_eq!(spec[list][0]["volumeMounts"], json!([mount]));
        }
        let own = pod(json!({"containers": [], "imagePullSecrets": [{"name": "own"}]}));
        let admitted = Ask::create("pods", own).admit(&plugin).await.unwrap();
        assert_eq!(admitted["spec"]["imagePullSecrets"], json!([{"name": "own"}]));
    }

    #[tokio::test]
    async fn the_pods_wish_comes_before_the_accounts() {
        let rows = [
            (None, None, true),
            (None, Some(false), false),
            (Some(true), Some(false), true),
            (Some(false), Some(true), false),
        ];
        for (of_pod, of_account, mounts) in rows {
            let mut account = account("default");
            account["automountServiceAccountToken"] = json!(of_account);
            let given = pod(json!({"containers": [{"name": "a"}], "automountServiceAccountToken": of_pod}));
            let admitted = Ask::create("pods", given).admit(&plugin(&[account])).await.unwrap();
            assert_eq!(admitted["spec"].get("volumes").is_some(), mounts, "{of_pod:?} {of_account:?}");
        }
    }

    #[tokio::test]
    async fn refusals() {
        let mut restricted = account("restricted");
        restricted["metadata"]["annotations"] = json!({MOUNTABLE_ANNOTATION: "true"});
        restricted["secrets"] = json!([{"name": "known"}]);
        let plugin = plugin(&[account("default"), restricted]);
        let mirror =
            |spec: Value| json!({"metadata": {"name": "p", "annotations": {MIRROR_ANNOTATION: "x"}}, "spec": spec});
        let of = |mut spec: Value| {
            spec["serviceAccountName"] = json!("restricted");
            pod(spec)
        };
        let env = |secret: &str| json!([{"name": "E", "valueFrom": {"secretKeyRef": {"name": secret, "key": "k"}}}]);
        let not_listed = "is not allowed because service account restricted does not reference that secret";
        let rows = [
            (
                pod(json!({"serviceAccountName": "none"})),
                Some(r#"error looking up service account ns/none: serviceaccount "none" not found"#.to_owned()),
            ),
            (mirror(json!({"containers": [{"name": "a"}]})), None),
            (
                mirror(json!({"serviceAccountName": "default"})),
                Some("a mirror pod may not reference service accounts".to_owned()),
            ),
            (
                mirror(json!({"volumes": [{"name": "v", "secret": {"secretName": "s"}}]})),
                Some("a mirror pod may not reference secrets".to_owned()),
            ),
            (
                mirror(json!({"volumes": [{"name": "v", "projected": {"sources": [{"serviceAccountToken": {"path": "t"}}]}}]})),
                Some("a mirror pod may not use ServiceAccountToken volume projections".to_owned()),
            ),
            (of(json!({"volumes": [{"name": "v", "secret": {"secretName": "known"}}]})), None),
            (
                of(json!({"volumes": [{"name": "v", "secret": {"secretName": "s"}}]})),
                Some(format!(r#"volume with secret.secretName="s" {not_listed}"#)),
            ),
            (
                of(json!({"containers": [{"name": "a", "env": env("s")}]})),
                Some(format!(r#"container a with envVar E referencing secret.secretName="s" {not_listed}"#)),
            ),
            (
                of(json!({"initContainers": [{"name": "i", "envFrom": [{"secretRef": {"name": "s"}}]}]})),
                Some(format!(r#"init container i with envFrom referencing secret.secretName="s" {not_listed}"#)),
            ),
            (
                of(json!({"imagePullSecrets": [{"name": "s"}]})),
                Some(
                    r#"imagePullSecrets[0].name="s" is not allowed because service account restricted does not reference that imagePullSecret"#
                        .to_owned(),
                ),
            ),
        ];
        for (given, cause) in rows {
            let expected = cause.map(|cause| format!(r#"pods "p" is forbidden: {cause}"#));
            let outcome = Ask::create("pods", given.clone()).admit(&plugin).await;
            assert_eq!(message(outcome.map(|_| ())), expected, "{given}");
        }
        let attached = of(json!({"ephemeralContainers": [{"name": "e", "env": env("s")}]}));
        let ask = Ask::update("pods", attached.clone(), attached).on("ephemeralcontainers");
        assert_eq!(
            message(ask.validate(&plugin).await),
            Some(format!(r#"ephemeral container e with envVar E referencing secret.secretName="s" {not_listed}"#))
        );
    }
}
