//! AppArmor profiles that are told by annotation, as they were before they had fields.

use serde_json::{Value, json};

use super::access::{Object, is_set, items, object, object_or_new, text};
use super::validation::annotation::{APP_ARMOR, LOCALHOST, RUNTIME_DEFAULT, UNCONFINED};

/// The longest path of a profile.
const MAX_PATH: usize = 4095;

/// Copies the annotations' profiles into containers that have none, where they differ from the pod's.
pub(super) fn sync(pod: &mut Value) {
    let annotations = pod["metadata"]["annotations"].clone();
    if pod["spec"]["os"]["name"] == "windows" || !annotations.is_object() {
        return;
    }
    let of_pod = pod["spec"]["securityContext"]["appArmorProfile"].clone();
    let Some(spec) = pod.get_mut("spec").and_then(Value::as_object_mut) else { return };
    for list in ["initContainers", "containers", "ephemeralContainers"] {
        for container in items(spec, list) {
            let key = format!("{APP_ARMOR}{}", container.get("name").and_then(Value::as_str).unwrap_or_default());
            let has_profile = object(container, "securityContext").is_some_and(|sc| is_set(sc, "appArmorProfile"));
            let profile = annotations.get(&key).and_then(Value::as_str).and_then(valid_profile);
            if let Some(profile) = profile.filter(|profile| !has_profile && *profile != of_pod) {
                set(container, profile);
            }
        }
    }
}

fn set(container: &mut Object, profile: Value) {
    if let Some(context) = object_or_new(container, "securityContext") {
        context.insert("appArmorProfile".to_owned(), profile);
    }
}

fn valid_profile(annotation: &str) -> Option<Value> {
    profile(annotation).filter(|profile| {
        let file = text(profile, "localhostProfile");
        file.trim() == file && file.len() <= MAX_PATH
    })
}

/// The field that says what the annotation says, if it says something.
pub(super) fn profile(annotation: &str) -> Option<Value> {
    match annotation {
        UNCONFINED => Some(json!({"type": "Unconfined"})),
        RUNTIME_DEFAULT => Some(json!({"type": "RuntimeDefault"})),
        _ => {
            let file = annotation.strip_prefix(LOCALHOST).filter(|file| !file.is_empty())?;
            Some(json!({"type": "Localhost", "localhostProfile": file}))
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn annotations_become_fields() {
        let mut pod = json!({
            "metadata": {"annotations": {
                "container.apparmor.security.beta.kubernetes.io/a": "runtime/default",
                "container.apparmor.security.beta.kubernetes.io/b": "localhost/profile",
                "container.apparmor.security.beta.kubernetes.io/c": "unconfined",
                "container.apparmor.security.beta.kubernetes.io/d": "nonsense"
            }},
            "spec": {"securityContext": {"appArmorProfile": {"type": "RuntimeDefault"}}, "containers": [
                {"name": "a"}, {"name": "b"}, {"name": "d"},
                {"name": "c", "securityContext": {"appArmorProfile": {"type": "RuntimeDefault"}}}]}
        });
        sync(&mut pod);
        assert_eq!(
            pod["spec"]["containers"],
            json!([
                {"name": "a"},
                {"name": "b", "securityContext": {"appArmorProfile": {"type": "Localhost", "localhostProfile": "profile"}}},
                {"name": "d"},
                {"name": "c", "securityContext": {"appArmorProfile": {"type": "RuntimeDefault"}}}
            ])
        );
    }
}
