//! Fields whose feature gates are off: they are dropped, unless the old object has them already.
//!
//! The gates are upstream's defaults of v1.37, so this is a fixed list; a gate that comes on takes its rows along.
//! Source: upstream's `pkg/api/pod/util.go`.

use serde_json::Value;

use super::access::{Object, is_set, is_zero, items, object};

/// What every list of containers in a spec is called.
const CONTAINER_LISTS: [&str; 3] = ["initContainers", "containers", "ephemeralContainers"];
/// What every list of containers' statuses is called.
const STATUS_LISTS: [&str; 3] = ["initContainerStatuses", "containerStatuses", "ephemeralContainerStatuses"];
const PROBES: [&str; 3] = ["livenessProbe", "readinessProbe", "startupProbe"];
/// Annotations by which v1.7 and before knew init containers.
const INIT_CONTAINER_ANNOTATIONS: [&str; 4] = [
    "pod.beta.kubernetes.io/init-containers",
    "pod.alpha.kubernetes.io/init-containers",
    "pod.beta.kubernetes.io/init-container-statuses",
    "pod.alpha.kubernetes.io/init-container-statuses",
];

/// What is done at each place: it gets the object that holds the field, and the field's name.
type Visit<'v> = dyn FnMut(&mut Object, &str) + 'v;

/// A field that stands at a place of its own or at many, and how it is found and dropped.
struct Disabled {
    /// Visits each place where the field can stand.
    places: fn(&mut Object, &mut Visit<'_>),
}

/// The disabled fields of a PodSpec. Each row is dropped or kept as a whole.
const SPEC: [Disabled; 8] = [
    // GenericWorkload
    Disabled { places: |spec, visit| visit(spec, "schedulingGroup") },
    // EvictionRequestAPI
    Disabled { places: |spec, visit| visit(spec, "evictionResponders") },
    // AtomicWriteVolumeUserFields
    Disabled { places: volume_users },
    // GRPCContainerProbeTLS
    Disabled {
        places: |spec, visit| {
            each_probe(spec, |probe| {
                if let Some(action) = object(probe, "grpc") {
                    visit(action, "mode");
                }
            });
        },
    },
    // EmptyDirVolumeMode
    Disabled {
        places: |spec, visit| {
            for source in items(spec, "volumes").filter_map(|volume| object(volume, "emptyDir")) {
                visit(source, "mode");
            }
        },
    },
    // VolumeBindMountOptions
    Disabled {
        places: |spec, visit| {
            each_container(spec, |container| {
                items(container, "volumeMounts").for_each(|mount| visit(mount, "bindMountOptions"));
            });
        },
    },
    // ContainerStopSignals
    Disabled {
        places: |spec, visit| {
            each_container(spec, |container| {
                let Some(lifecycle) = object(container, "lifecycle") else { return };
                let had = is_set(lifecycle, "stopSignal");
                visit(lifecycle, "stopSignal");
                if had && lifecycle.values().all(Value::is_null) {
                    container.remove("lifecycle");
                }
            });
        },
    },
    // H2CContainerProbe
    Disabled {
        places: |spec, visit| {
            each_container(spec, |container| {
                for probe in PROBES {
                    if let Some(action) = object(container, probe).and_then(|probe| object(probe, "httpGet")) {
                        visit(action, "protocol");
                    }
                }
                if let Some(lifecycle) = object(container, "lifecycle") {
                    for handler in ["postStart", "preStop"] {
                        if let Some(action) = object(lifecycle, handler).and_then(|handler| object(handler, "httpGet"))
                        {
                            visit(action, "protocol");
                        }
                    }
                }
            });
        },
    },
];

/// The disabled fields of a PodStatus.
const STATUS: [Disabled; 3] = [
    // ImageVolumeWithDigest
    Disabled {
        places: |status, visit| {
            for list in STATUS_LISTS {
                for container in items(status, list) {
                    items(container, "volumeMounts").for_each(|mount| visit(mount, "volumeStatus"));
                }
            }
        },
    },
    // DRANodeAllocatableResources
    Disabled { places: |status, visit| visit(status, "nodeAllocatableResourceClaimStatuses") },
    // CSIVolumeHealth
    Disabled { places: |status, visit| visit(status, "volumeHealth") },
];

/// Drops disabled fields of a pod.
pub(super) fn drop_from_pod(pod: &mut Value, old: Option<&Value>) {
    drop_from(pod, old, "spec", &SPEC);
    drop_from(pod, old, "status", &STATUS);
    drop_init_container_annotations(pod);
}

/// Drops disabled fields of a template.
pub(super) fn drop_from_template(template: &mut Value, old: Option<&Value>) {
    drop_from(template, old, "spec", &SPEC);
    drop_init_container_annotations(template);
}

/// Drops the annotations by which v1.7 and before knew init containers.
pub(super) fn drop_init_container_annotations(of: &mut Value) {
    let Some(metadata) = of.get_mut("metadata").and_then(Value::as_object_mut) else { return };
    let Some(annotations) = object(metadata, "annotations") else { return };
    let before = annotations.len();
    for key in INIT_CONTAINER_ANNOTATIONS {
        annotations.shift_remove(key);
    }
    if annotations.is_empty() && before > 0 {
        metadata.shift_remove("annotations");
    }
}

fn drop_from(of: &mut Value, old: Option<&Value>, part: &str, rows: &[Disabled]) {
    let Some(part_of_new) = of.get_mut(part).and_then(Value::as_object_mut) else { return };
    for row in rows {
        let mut has = false;
        (row.places)(part_of_new, &mut |holder, name| has |= is_set(holder, name));
        if !has || old.and_then(|old| old.get(part)).is_some_and(|old| in_use(row, old)) {
            continue;
        }
        (row.places)(part_of_new, &mut |holder, name| {
            holder.shift_remove(name);
        });
    }
}

/// Visiting wants to write, so a copy is looked at; this runs only for objects that use a disabled field.
fn in_use(row: &Disabled, old: &Value) -> bool {
    let Value::Object(mut old) = old.clone() else { return false };
    let mut used = false;
    (row.places)(&mut old, &mut |holder, name| used |= holder.get(name).is_some_and(|value| !is_unset(value)));
    used
}

/// Lists count as unset when they are empty; a pointer to zero is set.
fn is_unset(value: &Value) -> bool {
    value.is_null() || (value.is_array() && is_zero(value))
}

fn each_container(spec: &mut Object, mut visit: impl FnMut(&mut Object)) {
    for list in CONTAINER_LISTS {
        items(spec, list).for_each(&mut visit);
    }
}

fn each_probe(spec: &mut Object, mut visit: impl FnMut(&mut Object)) {
    each_container(spec, |container| {
        for probe in PROBES {
            if let Some(probe) = object(container, probe) {
                visit(probe);
            }
        }
    });
}

/// `defaultUser` of volumes and `user` of what they hold.
fn volume_users(spec: &mut Object, visit: &mut Visit<'_>) {
    for volume in items(spec, "volumes") {
        for kind in ["secret", "configMap", "downwardAPI"] {
            if let Some(source) = object(volume, kind) {
                visit(source, "defaultUser");
                items(source, "items").for_each(|item| visit(item, "user"));
            }
        }
        let Some(projected) = object(volume, "projected") else { continue };
        visit(projected, "defaultUser");
        for source in items(projected, "sources") {
            for kind in ["secret", "configMap", "downwardAPI"] {
                if let Some(source) = object(source, kind) {
                    items(source, "items").for_each(|item| visit(item, "user"));
                }
            }
            for kind in ["serviceAccountToken", "clusterTrustBundle", "podCertificate"] {
                if let Some(source) = object(source, kind) {
                    visit(source, "user");
                }
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn disabled_fields_go_unless_they_were_there() {
        let rows = [
            (json!({"schedulingGroup": {"podGroupName": "g"}}), json!({})),
            (json!({"evictionResponders": [{"name": "a.b/c"}]}), json!({})),
            (
                json!({"volumes": [{"name": "v", "emptyDir": {"mode": 1}}]}),
                json!({"volumes": [{"name": "v", "emptyDir": {}}]}),
            ),
            (
                json!({"volumes": [{"secret": {"defaultUser": 0, "items": [{"key": "k", "user": 1}]}}]}),
                json!({"volumes": [{"secret": {"items": [{"key": "k"}]}}]}),
            ),
            (json!({"containers": [{"lifecycle": {"stopSignal": "SIGINT"}}]}), json!({"containers": [{}]})),
            (
                json!({"containers": [{"lifecycle": {"stopSignal": "SIGINT", "preStop": {"httpGet": {"protocol": "HTTP1"}}},
                    "livenessProbe": {"grpc": {"port": 1, "mode": "TLS"}},
                    "volumeMounts": [{"name": "v", "bindMountOptions": ["nosuid"]}]}]}),
                json!({"containers": [{"lifecycle": {"preStop": {"httpGet": {}}},
                    "livenessProbe": {"grpc": {"port": 1}}, "volumeMounts": [{"name": "v"}]}]}),
            ),
        ];
        for (spec, dropped) in rows {
            let mut pod = json!({"spec": spec});
            drop_from_pod(&mut pod, None);
            assert_eq!(pod, json!({"spec": dropped}));

            let mut pod = json!({"spec": spec});
            let old = pod.clone();
            drop_from_pod(&mut pod, Some(&old));
            assert_eq!(pod, old, "in use");
        }
    }

    #[test]
    fn legacy_annotations_go() {
        let mut template = json!({"metadata": {"annotations": {
            "pod.beta.kubernetes.io/init-containers": "[]", "a": "b"}}, "spec": {}});
        drop_from_template(&mut template, None);
        assert_eq!(template, json!({"metadata": {"annotations": {"a": "b"}}, "spec": {}}));
    }
}
