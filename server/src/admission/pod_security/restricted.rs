//! The checks that the level `restricted` adds: what a well-behaved container does without.

use std::collections::BTreeSet;

use serde_json::Value;

use super::baseline::{bad_seccomp_profile, confines, seccomp, unmasked_proc_mount};
use super::check::{Subject, Violation, containers, distinct, plural, quoted, security, setters};
use crate::admission::tree::{at, items, text};

/// Kinds of volumes that any pod may have.
const FREE_VOLUMES: [&str; 9] = [
    "configMap",
    "csi",
    "downwardAPI",
    "emptyDir",
    "ephemeral",
    "image",
    "persistentVolumeClaim",
    "projected",
    "secret",
];
/// Kinds of volumes that are told by name, in the order in which they are looked for.
const OTHER_VOLUMES: [&str; 21] = [
    "hostPath",
    "gcePersistentDisk",
    "awsElasticBlockStore",
    "gitRepo",
    "nfs",
    "iscsi",
    "glusterfs",
    "rbd",
    "flexVolume",
    "cinder",
    "cephfs",
    "flocker",
    "fc",
    "azureFile",
    "vsphereVolume",
    "quobyte",
    "azureDisk",
    "photonPersistentDisk",
    "portworxVolume",
    "scaleIO",
    "storageos",
];

/// Whether Windows pods are spared what only Linux has.
fn spares_windows(subject: Subject<'_>) -> bool {
    subject.minor >= 25 && subject.is_windows()
}

/// Whether root in pods with users of their own is spared.
fn spares_own_users(subject: Subject<'_>) -> bool {
    subject.minor >= 35 && subject.has_own_users()
}

pub(super) fn allow_privilege_escalation(subject: Subject<'_>) -> Option<Violation> {
    if subject.minor < 8 || spares_windows(subject) {
        return None;
    }
    let names = subject.names(|container| security(container, &["allowPrivilegeEscalation"]) != &Value::Bool(false));
    if names.is_empty() {
        return None;
    }
    Violation::new(
        "allowPrivilegeEscalation != false",
        format!("{} must set securityContext.allowPrivilegeEscalation=false", containers(&names)),
    )
}

pub(super) fn capabilities(subject: Subject<'_>) -> Option<Violation> {
    if subject.minor < 22 || spares_windows(subject) {
        return None;
    }
    let list = |container, field| items(security(container, &["capabilities"]), &[field]);
    let is_bad = |one: &&Value| *one != "NET_BIND_SERVICE";
    let keeping = subject.names(|container| !list(container, "drop").iter().any(|one| one == "ALL"));
    let adding = subject.names(|container| list(container, "add").iter().any(|one| is_bad(&one)));
    let mut told = Vec::new();
    if !keeping.is_empty() {
        told.push(format!(r#"{} must set securityContext.capabilities.drop=["ALL"]"#, containers(&keeping)));
    }
    if !adding.is_empty() {
        let bad = distinct(subject.containers().flat_map(|container| list(container, "add")).filter(is_bad));
        told.push(format!(
            "{} must not include {} in securityContext.capabilities.add",
            containers(&adding),
            quoted(bad)
        ));
    }
    if told.is_empty() { None } else { Violation::new("unrestricted capabilities", told.join("; ")) }
}

pub(super) fn proc_mount(subject: Subject<'_>) -> Option<Violation> {
    if subject.minor < 35 { None } else { unmasked_proc_mount(subject) }
}

pub(super) fn volumes(subject: Subject<'_>) -> Option<Violation> {
    let has = |volume: &Value, kind: &str| !at(volume, &[kind]).is_null();
    let all = items(subject.pod, &["spec", "volumes"]).iter();
    let bad: Vec<&Value> = all.filter(|volume| !FREE_VOLUMES.iter().any(|kind| has(volume, kind))).collect();
    if bad.is_empty() {
        return None;
    }
    let names: Vec<&str> = bad.iter().map(|volume| text(volume, &["name"])).collect();
    let kinds: BTreeSet<&str> = bad
        .iter()
        .map(|volume| OTHER_VOLUMES.into_iter().find(|kind| has(volume, kind)).unwrap_or("unknown"))
        .collect();
    let detail = format!(
        "{} {} {} {} {}",
        plural("volume", "volumes", names.len()),
        quoted(&names),
        plural("uses", "use", names.len()),
        plural("restricted volume type", "restricted volume types", kinds.len()),
        quoted(kinds)
    );
    Violation::new("restricted volume types", detail)
}

pub(super) fn run_as_non_root(subject: Subject<'_>) -> Option<Violation> {
    if spares_own_users(subject) {
        return None;
    }
    let reason = "runAsNonRoot != true";
    let said = |of| security(of, &["runAsNonRoot"]).as_bool();
    let by_pod = said(subject.at(&["spec"]));
    let explicit = subject.names(|container| said(container) == Some(false));
    if let Some(by) = setters(by_pod == Some(false), &explicit) {
        return Violation::new(reason, format!("{by} must not set securityContext.runAsNonRoot=false"));
    }
    let silent = subject.names(|container| said(container).is_none() && by_pod != Some(true));
    if silent.is_empty() {
        return None;
    }
    Violation::new(reason, format!("pod or {} must set securityContext.runAsNonRoot=true", containers(&silent)))
}

pub(super) fn run_as_user(subject: Subject<'_>) -> Option<Violation> {
    if subject.minor < 23 || spares_own_users(subject) {
        return None;
    }
    let is_root = |of| security(of, &["runAsUser"]).as_i64() == Some(0);
    let by = setters(is_root(subject.at(&["spec"])), &subject.names(is_root))?;
    Violation::new("runAsUser=0", format!("{by} must not set runAsUser=0"))
}

pub(super) fn seccomp_profile(subject: Subject<'_>) -> Option<Violation> {
    if subject.minor < 19 || spares_windows(subject) {
        return None;
    }
    if let Some(bad) = bad_seccomp_profile(subject) {
        return Some(bad);
    }
    let by_pod = confines(seccomp(subject.at(&["spec"])));
    let silent = subject.names(|container| seccomp(container).is_null() && !by_pod);
    if silent.is_empty() {
        return None;
    }
    let sentence = r#"must set securityContext.seccompProfile.type to "RuntimeDefault" or "Localhost""#;
    Violation::new("seccompProfile", format!("pod or {} {sentence}", containers(&silent)))
}
