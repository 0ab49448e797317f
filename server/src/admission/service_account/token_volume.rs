//! The volume in which containers find their account's token, the cluster's certificate authority and their namespace.

use rand::RngExt as _;
use serde_json::{Value, json};

use crate::admission::tree::{items, items_mut, list_mut, text};

const PREFIX: &str = "kube-api-access-";
const PATH: &str = "/var/run/secrets/kubernetes.io/serviceaccount";
/// An hour and seven seconds: this lifetime tells the issuer that the pod asked for none of its own.
const EXPIRATION_SECONDS: i64 = 3607;
const MODE: i32 = 0o644;
/// No vowels and nothing that looks like one, as in all names that the server makes up.
const LETTERS: &[u8; 27] = b"bcdfghjklmnpqrstvwxz2456789";

/// Mounts the volume in every container that has nothing else at its path, and adds it where one does.
pub(super) fn mount(pod: &mut Value) {
    let volumes = items(pod, &["spec", "volumes"]);
    let existing = volumes.iter().map(|volume| text(volume, &["name"])).find(|name| name.starts_with(PREFIX));
    let existing = existing.map(str::to_owned);
    let name = existing.clone().unwrap_or_else(|| format!("{PREFIX}{}", suffix()));
    let mut is_used = false;
    for list in ["initContainers", "containers"] {
        for container in items_mut(pod, &["spec", list]) {
            let mounts = list_mut(container, &["volumeMounts"]);
            if !mounts.iter().any(|mount| text(mount, &["mountPath"]) == PATH) {
                mounts.push(json!({"name": name, "readOnly": true, "mountPath": PATH}));
                is_used = true;
            }
        }
    }
    if existing.is_none() && is_used {
        list_mut(pod, &["spec", "volumes"]).push(json!({"name": name, "projected": projected()}));
    }
}

fn projected() -> Value {
    let namespace = json!({"path": "namespace", "fieldRef": {"apiVersion": "v1", "fieldPath": "metadata.namespace"}});
    json!({
        "defaultMode": MODE,
        "sources": [
            {"serviceAccountToken": {"path": "token", "expirationSeconds": EXPIRATION_SECONDS}},
            {"configMap": {"name": "kube-root-ca.crt", "items": [{"key": "ca.crt", "path": "ca.crt"}]}},
            {"downwardAPI": {"items": [namespace]}},
        ],
    })
}

fn suffix() -> String {
    let mut random = rand::rng();
    (0..5).map(|_| char::from(LETTERS[random.random_range(0..LETTERS.len())])).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_mounted_already_stays() {
        let own = json!({"name": "own", "mountPath": PATH});
        let mut all_have = json!({"spec": {"containers": [{"name": "a", "volumeMounts": [own]}]}});
        let before = all_have.clone();
        mount(&mut all_have);
        assert_eq!(all_have, before);

        let mut has_volume =
            json!({"spec": {"containers": [{"name": "a"}], "volumes": [{"name": "kube-api-access-x"}]}});
        mount(&mut has_volume);
        assert_eq!(has_volume["spec"]["volumes"], json!([{"name": "kube-api-access-x"}]));
        assert_eq!(has_volume["spec"]["containers"][0]["volumeMounts"][0]["name"], "kube-api-access-x");
    }

    #[test]
    fn the_volume_is_upstreams() {
        let mut pod = json!({"spec": {"containers": [{"name": "a"}]}});
        mount(&mut pod);
        assert_eq!(
            pod["spec"]["volumes"][0]["projected"],
            json!({"defaultMode": 420, "sources": [
                {"serviceAccountToken": {"expirationSeconds": 3607, "path": "token"}},
                {"configMap": {"name": "kube-root-ca.crt", "items": [{"key": "ca.crt", "path": "ca.crt"}]}},
                {"downwardAPI": {"items": [
                    {"path": "namespace", "fieldRef": {"apiVersion": "v1", "fieldPath": "metadata.namespace"}}]}}]})
        );
    }
}
