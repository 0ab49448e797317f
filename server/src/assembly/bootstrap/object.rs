//! The first objects that need no more than to be there: namespaces, priority classes, and how to authenticate clients.

use serde_json::{Value, json};

use super::Facts;
use super::writer::{BootstrapError, Wish, Writer};
use crate::authorization::bootstrap::reconcile::Action;

/// Upstream's `SystemCriticalPriority`.
const SYSTEM_CRITICAL: i64 = 2_000_000_000;

/// The namespaces that upstream keeps: `default` and those of the system.
pub(super) async fn namespaces(writer: &Writer) -> Result<(), BootstrapError> {
    let wishes = ["default", "kube-system", "kube-public", "kube-node-lease"].map(|name| {
        let wanted = json!({
            "metadata": {"name": name, "labels": {"kubernetes.io/metadata.name": name}},
            "spec": {"finalizers": ["kubernetes"]},
            "status": {"phase": "Active"},
        });
        Wish { namespace: None, name: name.to_owned(), wanted, decide: create }
    });
    writer.settle(("", "v1", "namespaces"), wishes.into()).await
}

/// The two priority classes of the system.
pub(super) async fn priority_classes(writer: &Writer) -> Result<(), BootstrapError> {
    let classes = [
        (
            "system-node-critical",
            SYSTEM_CRITICAL + 1000,
            "Used for system critical pods that must not be moved from their current node.",
        ),
        (
            "system-cluster-critical",
            SYSTEM_CRITICAL,
            "Used for system critical pods that must run in the cluster, but can be moved to another node if necessary.",
        ),
    ];
    let wishes = classes.map(|(name, value, description)| {
        let wanted = json!({
            "metadata": {"name": name},
            "value": value,
            "description": description,
            "preemptionPolicy": "PreemptLowerPriority",
        });
        Wish { namespace: None, name: name.to_owned(), wanted, decide: create }
    });
    writer.settle(("scheduling.k8s.io", "v1", "priorityclasses"), wishes.into()).await
}

/// The ConfigMap by which extension servers learn whom to trust.
pub(super) async fn authentication(writer: &Writer, facts: &Facts) -> Result<(), BootstrapError> {
    let list = |names: &[&str]| serde_json::to_string(names).expect("texts are always JSON");
    let wanted = json!({
        "metadata": {"name": "extension-apiserver-authentication", "namespace": "kube-system"},
        "data": {
            "client-ca-file": facts.client_ca,
            "requestheader-allowed-names": list(&["front-proxy-client"]),
            "requestheader-client-ca-file": facts.front_proxy_ca,
            "requestheader-extra-headers-prefix": list(&["X-Remote-Extra-"]),
            "requestheader-group-headers": list(&["X-Remote-Group"]),
            "requestheader-uid-headers": list(&["X-Remote-Uid"]),
            "requestheader-username-headers": list(&["X-Remote-User"]),
        },
    });
    let wish = Wish {
        namespace: Some("kube-system".to_owned()),
        name: "extension-apiserver-authentication".to_owned(),
        wanted,
        decide: complete_data,
    };
    writer.settle(("", "v1", "configmaps"), vec![wish]).await
}

/// Creates what is missing and leaves what is there.
pub(super) fn create(present: Option<&Value>, wanted: &Value) -> Action<Value> {
    if present.is_some() { Action::None } else { Action::Create(wanted.clone()) }
}

/// Puts the wanted data over what is there; other keys stay.
fn complete_data(present: Option<&Value>, wanted: &Value) -> Action<Value> {
    let Some(present) = present else { return Action::Create(wanted.clone()) };
    let mut next = present.clone();
    if !next["data"].is_object() {
        next["data"] = json!({});
    }
    for (key, value) in wanted["data"].as_object().into_iter().flatten() {
        next["data"][key] = value.clone();
    }
    if next == *present { Action::None } else { Action::Update(next) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn data_are_completed_and_others_stay() {
        let wanted = json!({"metadata": {"name": "x"}, "data": {"a": "1"}});
        assert_eq!(complete_data(None, &wanted), Action::Create(wanted.clone()));
        let other = json!({"metadata": {"name": "x", "uid": "u"}, "data": {"a": "0", "b": "2"}});
        let next = json!({"metadata": {"name": "x", "uid": "u"}, "data": {"a": "1", "b": "2"}});
        assert_eq!(complete_data(Some(&other), &wanted), Action::Update(next.clone()));
        assert_eq!(complete_data(Some(&next), &wanted), Action::None);
        assert_eq!(
            complete_data(Some(&json!({"metadata": {}})), &json!({"data": {}})),
            Action::Update(json!({"metadata": {}, "data": {}}))
        );
    }
}
