//! The checks of the level `baseline`: what is known to lead out of a container.

use std::collections::BTreeSet;

use howdah_api::go::quote;
use serde_json::Value;

use super::check::{Subject, Violation, containers, distinct, plural, quoted, security, setters};
use crate::admission::tree::{at, items, text};

const CAPABILITIES: [&str; 13] = [
    "AUDIT_WRITE",
    "CHOWN",
    "DAC_OVERRIDE",
    "FOWNER",
    "FSETID",
    "KILL",
    "MKNOD",
    "NET_BIND_SERVICE",
    "SETFCAP",
    "SETGID",
    "SETPCAP",
    "SETUID",
    "SYS_CHROOT",
];
/// Sysctls that concern the pod alone, and since which release they may be set.
const SYSCTLS: [(&str, u32); 14] = [
    ("kernel.shm_rmid_forced", 0),
    ("net.ipv4.ip_local_port_range", 0),
    ("net.ipv4.tcp_syncookies", 0),
    ("net.ipv4.ping_group_range", 0),
    ("net.ipv4.ip_unprivileged_port_start", 0),
    ("net.ipv4.ip_local_reserved_ports", 27),
    ("net.ipv4.tcp_keepalive_time", 29),
    ("net.ipv4.tcp_fin_timeout", 29),
    ("net.ipv4.tcp_keepalive_intvl", 29),
    ("net.ipv4.tcp_keepalive_probes", 29),
    ("net.ipv4.tcp_rmem", 32),
    ("net.ipv4.tcp_wmem", 32),
    ("net.ipv4.tcp_slow_start_after_idle", 37),
    ("net.ipv4.tcp_notsent_lowat", 37),
];
const APP_ARMOR_PREFIX: &str = "container.apparmor.security.beta.kubernetes.io/";
const SECCOMP_POD: &str = "seccomp.security.alpha.kubernetes.io/pod";
const SECCOMP_PREFIX: &str = "container.seccomp.security.alpha.kubernetes.io/";

pub(super) fn app_armor_profile(subject: Subject<'_>) -> Option<Violation> {
    let profile = |of| security(of, &["appArmorProfile"]);
    let is_bad = |of| {
        let profile = profile(of);
        !profile.is_null() && !matches!(text(profile, &["type"]), "RuntimeDefault" | "Localhost")
    };
    let spec = subject.at(&["spec"]);
    let names = subject.names(is_bad);
    let bad = std::iter::once(spec).chain(subject.containers()).filter(|of| is_bad(of));
    let mut values: Vec<String> =
        distinct(bad.map(|of| at(profile(of), &["type"]))).into_iter().map(str::to_owned).collect();
    let annotations = subject.at(&["metadata", "annotations"]).as_object().into_iter().flatten();
    let mut forbidden: Vec<String> = annotations
        .filter_map(|(name, value)| Some((name, value.as_str()?)))
        .filter(|(name, value)| {
            let is_allowed = value.is_empty() || *value == "runtime/default" || value.starts_with("localhost/");
            name.starts_with(APP_ARMOR_PREFIX) && !is_allowed
        })
        .map(|(name, value)| format!("{name}={}", quote(value)))
        .collect();
    forbidden.sort();
    let by_annotation = plural("annotation", "annotations", forbidden.len());
    let by = match (setters(is_bad(spec), &names), forbidden.is_empty()) {
        (None, true) => return None,
        (Some(by), true) => by,
        (None, false) => by_annotation.to_owned(),
        (Some(by), false) => format!("{by} and {by_annotation}"),
    };
    values.extend(forbidden);
    let reason = plural("forbidden AppArmor profile", "forbidden AppArmor profiles", values.len());
    Violation::new(reason, format!("{by} must not set AppArmor profile type to {}", quoted(&values)))
}

pub(super) fn capabilities(subject: Subject<'_>) -> Option<Violation> {
    let added = |container| items(security(container, &["capabilities"]), &["add"]);
    let is_bad = |one: &&Value| !one.as_str().is_some_and(|name| CAPABILITIES.contains(&name));
    let names = subject.names(|container| added(container).iter().any(|one| is_bad(&one)));
    if names.is_empty() {
        return None;
    }
    let bad = distinct(subject.containers().flat_map(added).filter(is_bad));
    Violation::new(
        "non-default capabilities",
        format!("{} must not include {} in securityContext.capabilities.add", containers(&names), quoted(bad)),
    )
}

pub(super) fn host_namespaces(subject: Subject<'_>) -> Option<Violation> {
    let shared = ["hostNetwork", "hostPID", "hostIPC"];
    let shared = shared.into_iter().filter(|field| subject.at(&["spec", field]) == &Value::Bool(true));
    let told: Vec<String> = shared.map(|field| format!("{field}=true")).collect();
    if told.is_empty() { None } else { Violation::new("host namespaces", told.join(", ")) }
}

pub(super) fn host_path_volumes(subject: Subject<'_>) -> Option<Violation> {
    let volumes = items(subject.pod, &["spec", "volumes"]).iter();
    let names: Vec<&str> =
        volumes.filter(|volume| !at(volume, &["hostPath"]).is_null()).map(|volume| text(volume, &["name"])).collect();
    if names.is_empty() {
        return None;
    }
    Violation::new("hostPath volumes", format!("{} {}", plural("volume", "volumes", names.len()), quoted(&names)))
}

pub(super) fn host_ports(subject: Subject<'_>) -> Option<Violation> {
    let ports = |container| {
        let all = items(container, &["ports"]).iter();
        all.filter_map(|port| at(port, &["hostPort"]).as_i64()).filter(|port| *port != 0)
    };
    let names = subject.names(|container| ports(container).next().is_some());
    if names.is_empty() {
        return None;
    }
    let ports: BTreeSet<String> = subject.containers().flat_map(ports).map(|port| port.to_string()).collect();
    let listed: Vec<&str> = ports.iter().map(String::as_str).collect();
    let what = plural("hostPort", "hostPorts", ports.len());
    let detail = format!("{} {} {what} {}", containers(&names), plural("uses", "use", names.len()), listed.join(", "));
    Violation::new("hostPort", detail)
}

pub(super) fn host_probes_and_lifecycle(subject: Subject<'_>) -> Option<Violation> {
    if subject.minor < 34 {
        return None;
    }
    let handlers = |container| {
        [
            at(container, &["livenessProbe"]),
            at(container, &["readinessProbe"]),
            at(container, &["startupProbe"]),
            at(container, &["lifecycle", "postStart"]),
            at(container, &["lifecycle", "preStop"]),
        ]
    };
    let hosts = |container| {
        let of = |handler| ["httpGet", "tcpSocket"].map(|kind| text(handler, &[kind, "host"]));
        handlers(container).into_iter().flat_map(of).filter(|host: &&str| !host.is_empty())
    };
    let names: BTreeSet<&str> = subject.names(|container| hosts(container).next().is_some()).into_iter().collect();
    if names.is_empty() {
        return None;
    }
    let names: Vec<&str> = names.into_iter().collect();
    let hosts: BTreeSet<&str> = subject.containers().flat_map(hosts).collect();
    let what = plural("probe or lifecycle host", "probe or lifecycle hosts", hosts.len());
    let detail = format!("{} {} {what} {}", containers(&names), plural("uses", "use", names.len()), quoted(hosts));
    Violation::new("probe or lifecycle host", detail)
}

pub(super) fn privileged(subject: Subject<'_>) -> Option<Violation> {
    let names = subject.names(|container| security(container, &["privileged"]) == &Value::Bool(true));
    if names.is_empty() {
        return None;
    }
    Violation::new("privileged", format!("{} must not set securityContext.privileged=true", containers(&names)))
}

pub(super) fn proc_mount(subject: Subject<'_>) -> Option<Violation> {
    if subject.minor >= 35 && subject.has_own_users() {
        return None;
    }
    unmasked_proc_mount(subject)
}

/// Whoever asks for the whole of `/proc`.
pub(super) fn unmasked_proc_mount(subject: Subject<'_>) -> Option<Violation> {
    let mount = |container| security(container, &["procMount"]);
    let is_bad = |container| !mount(container).is_null() && mount(container) != "Default";
    let names = subject.names(is_bad);
    if names.is_empty() {
        return None;
    }
    let values = distinct(subject.containers().filter(|container| is_bad(container)).map(mount));
    let detail = format!("{} must not set securityContext.procMount to {}", containers(&names), quoted(values));
    Violation::new("procMount", detail)
}

pub(super) fn se_linux_options(subject: Subject<'_>) -> Option<Violation> {
    let options = |of| security(of, &["seLinuxOptions"]);
    let is_allowed = |kind: &str| {
        matches!(kind, "" | "container_t" | "container_init_t" | "container_kvm_t")
            || (subject.minor >= 31 && kind == "container_engine_t")
    };
    let is_set = |of, field| !text(options(of), &[field]).is_empty();
    let is_bad = |of| !is_allowed(text(options(of), &["type"])) || is_set(of, "user") || is_set(of, "role");
    let spec = subject.at(&["spec"]);
    let by = setters(is_bad(spec), &subject.names(is_bad))?;
    let all = || std::iter::once(spec).chain(subject.containers());
    let types: BTreeSet<&str> = all().map(|of| text(options(of), &["type"])).filter(|kind| !is_allowed(kind)).collect();
    let mut told = Vec::new();
    if !types.is_empty() {
        told.push(format!("{} {}", plural("type", "types", types.len()), quoted(types)));
    }
    for field in ["user", "role"] {
        if all().any(|of| is_set(of, field)) {
            told.push(format!("{field} may not be set"));
        }
    }
    let detail = format!("{by} set forbidden securityContext.seLinuxOptions: {}", told.join("; "));
    Violation::new("seLinuxOptions", detail)
}

pub(super) fn seccomp_profile(subject: Subject<'_>) -> Option<Violation> {
    if subject.minor < 19 {
        return seccomp_annotations(subject);
    }
    bad_seccomp_profile(subject)
}

fn seccomp_annotations(subject: Subject<'_>) -> Option<Violation> {
    let of_containers = subject.containers().map(|container| format!("{SECCOMP_PREFIX}{}", text(container, &["name"])));
    let forbidden: BTreeSet<String> = std::iter::once(SECCOMP_POD.to_owned())
        .chain(of_containers)
        .filter_map(|name| {
            let value = subject.at(&["metadata", "annotations", &name]).as_str()?;
            let is_allowed = matches!(value, "runtime/default" | "docker/default") || value.starts_with("localhost/");
            (!is_allowed).then(|| format!("{name}={}", quote(value)))
        })
        .collect();
    if forbidden.is_empty() {
        return None;
    }
    let told: Vec<&str> = forbidden.iter().map(String::as_str).collect();
    let what = plural("annotation", "annotations", told.len());
    Violation::new("seccompProfile", format!("forbidden {what} {}", told.join(", ")))
}

/// The seccomp profile of a container or a pod's spec.
pub(super) fn seccomp(of: &Value) -> &Value {
    security(of, &["seccompProfile"])
}

/// Whether a profile is one that confines.
pub(super) fn confines(profile: &Value) -> bool {
    matches!(text(profile, &["type"]), "RuntimeDefault" | "Localhost")
}

/// Whoever sets a profile that does not confine.
pub(super) fn bad_seccomp_profile(subject: Subject<'_>) -> Option<Violation> {
    let is_bad = |of| !seccomp(of).is_null() && !confines(seccomp(of));
    let spec = subject.at(&["spec"]);
    let by = setters(is_bad(spec), &subject.names(is_bad))?;
    let bad = std::iter::once(spec).chain(subject.containers()).filter(|of| is_bad(of));
    let values = distinct(bad.map(|of| at(seccomp(of), &["type"])));
    let detail = format!("{by} must not set securityContext.seccompProfile.type to {}", quoted(values));
    Violation::new("seccompProfile", detail)
}

pub(super) fn sysctls(subject: Subject<'_>) -> Option<Violation> {
    let is_allowed = |name: &str| SYSCTLS.iter().any(|(allowed, since)| *allowed == name && subject.minor >= *since);
    let all = items(subject.pod, &["spec", "securityContext", "sysctls"]).iter();
    let bad: Vec<&str> = all.map(|sysctl| text(sysctl, &["name"])).filter(|name| !is_allowed(name)).collect();
    if bad.is_empty() { None } else { Violation::new("forbidden sysctls", bad.join(", ")) }
}

pub(super) fn windows_host_process(subject: Subject<'_>) -> Option<Violation> {
    let is_bad = |of| security(of, &["windowsOptions", "hostProcess"]) == &Value::Bool(true);
    let by = setters(is_bad(subject.at(&["spec"])), &subject.names(is_bad))?;
    Violation::new("hostProcess", format!("{by} must not set securityContext.windowsOptions.hostProcess=true"))
}
