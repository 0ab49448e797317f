//! The secrets that a pod refers to.

use k8s_openapi::api::core::v1::ServiceAccount as Account;
use serde_json::Value;

use crate::admission::tree::{at, items, text};

/// The lists of containers, with the words for one.
const CONTAINERS: [(&str, &str); 3] =
    [("initContainers", "init container"), ("containers", "container"), ("ephemeralContainers", "ephemeral container")];
/// Kinds of volumes that may refer to a secret, and where its name stands.
const VOLUMES: [(&str, &[&str]); 9] = [
    ("azureFile", &["secretName"]),
    ("cephfs", &["secretRef", "name"]),
    ("cinder", &["secretRef", "name"]),
    ("flexVolume", &["secretRef", "name"]),
    ("rbd", &["secretRef", "name"]),
    ("secret", &["secretName"]),
    ("scaleIO", &["secretRef", "name"]),
    ("iscsi", &["secretRef", "name"]),
    ("storageos", &["secretRef", "name"]),
];

/// Whether the pod refers to any secret.
pub(super) fn names_secrets(pod: &Value) -> bool {
    let named = |value: &Value, path: &[&str]| !text(value, path).is_empty();
    let pulls = items(pod, &["spec", "imagePullSecrets"]).iter().any(|secret| named(secret, &["name"]));
    let in_container = |container: &Value| {
        items(container, &["envFrom"]).iter().any(|source| named(source, &["secretRef", "name"]))
            || items(container, &["env"]).iter().any(|env| named(env, &["valueFrom", "secretKeyRef", "name"]))
    };
    let in_volume = |volume: &Value| {
        VOLUMES.iter().any(|(kind, path)| named(at(volume, &[kind]), path))
            || named(volume, &["csi", "nodePublishSecretRef", "name"])
            || items(volume, &["projected", "sources"]).iter().any(|source| named(source, &["secret", "name"]))
    };
    pulls
        || CONTAINERS.iter().any(|(list, _)| items(pod, &["spec", list]).iter().any(in_container))
        || items(pod, &["spec", "volumes"]).iter().any(in_volume)
}

/// The first reference of a new pod to a secret that its account does not list, as a sentence.
pub(super) fn mountable_only(pod: &Value, account: &Account) -> Option<String> {
    let told = Told::new(account);
    for volume in items(pod, &["spec", "volumes"]) {
        let secret = at(volume, &["secret"]);
        if !secret.is_null() && !told.lists(text(secret, &["secretName"])) {
            return Some(told.sentence("volume with", text(secret, &["secretName"])));
        }
    }
    for (list, kind) in &CONTAINERS[..2] {
        if let Some(sentence) = in_containers(pod, list, kind, &told) {
            return Some(sentence);
        }
    }
    let pulls: Vec<&str> = account.image_pull_secrets.iter().flatten().map(|secret| secret.name.as_str()).collect();
    items(pod, &["spec", "imagePullSecrets"]).iter().enumerate().find_map(|(index, secret)| {
        let name = text(secret, &["name"]);
        (!pulls.contains(&name)).then(|| {
            format!(
                r#"imagePullSecrets[{index}].name="{name}" is not allowed because service account {} does not reference that imagePullSecret"#,
                told.account
            )
        })
    })
}

/// The same for containers that are attached to a running pod.
pub(super) fn attached_mountable_only(pod: &Value, account: &Account) -> Option<String> {
    let (list, kind) = CONTAINERS[2];
    in_containers(pod, list, kind, &Told::new(account))
}

fn in_containers(pod: &Value, list: &str, kind: &str, told: &Told<'_>) -> Option<String> {
    for container in items(pod, &["spec", list]) {
        let name = text(container, &["name"]);
        for env in items(container, &["env"]) {
            let secret = at(env, &["valueFrom", "secretKeyRef"]);
            if !secret.is_null() && !told.lists(text(secret, &["name"])) {
                let what = format!("{kind} {name} with envVar {} referencing", text(env, &["name"]));
                return Some(told.sentence(&what, text(secret, &["name"])));
            }
        }
        for source in items(container, &["envFrom"]) {
            let secret = at(source, &["secretRef"]);
            if !secret.is_null() && !told.lists(text(secret, &["name"])) {
                let what = format!("{kind} {name} with envFrom referencing");
                return Some(told.sentence(&what, text(secret, &["name"])));
            }
        }
    }
    None
}

/// An account, as the sentences tell of it.
struct Told<'a> {
    account: &'a str,
    secrets: Vec<&'a str>,
}

impl<'a> Told<'a> {
    fn new(account: &'a Account) -> Self {
        let secrets = account.secrets.iter().flatten().filter_map(|secret| secret.name.as_deref()).collect();
        Self { account: account.metadata.name.as_deref().unwrap_or_default(), secrets }
    }

    fn lists(&self, secret: &str) -> bool {
        self.secrets.contains(&secret)
    }

    fn sentence(&self, what: &str, secret: &str) -> String {
        format!(
            r#"{what} secret.secretName="{secret}" is not allowed because service account {} does not reference that secret"#,
            self.account
        )
    }
}
