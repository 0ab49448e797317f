//! Warnings of containers: profiles by annotation, fractional bytes, environment, ports.

use std::collections::{BTreeMap, BTreeSet};

use k8s_openapi::api::core::v1::{ContainerPort, EnvVar, PodSpec};

use super::super::app_armor;
use super::super::validation::annotation::{APP_ARMOR, Annotations, SECCOMP_CONTAINER, SECCOMP_POD};
use super::super::visit::{self, Visited};
use super::fractional;
use crate::go::quote;
use crate::validation::FieldPath;

const SECCOMP: &str = r#"non-functional in v1.27+; use the "seccompProfile" field instead"#;
const APP_ARMOR_FIELD: &str = r#"deprecated since v1.30; use the "appArmorProfile" field instead"#;

/// All containers of the spec at `path`, and the pod's own profile by annotation.
pub(super) fn containers(
    spec: &PodSpec,
    annotations: &Annotations,
    is_template: bool,
    path: &FieldPath<'_>,
    annotation_path: &FieldPath<'_>,
) -> Vec<String> {
    let mut warnings = Vec::new();
    let context = spec.security_context.as_ref();
    if annotations.contains_key(SECCOMP_POD) && context.is_none_or(|context| context.seccomp_profile.is_none()) {
        warnings.push(format!("{}: {SECCOMP}", annotation_path.key(SECCOMP_POD)));
    }
    for container in visit::containers(spec) {
        let list = path.child(container.list);
        let at = list.index(container.index);
        let key = format!("{SECCOMP_CONTAINER}{}", container.name);
        let has_seccomp = container.security_context.is_some_and(|context| context.seccomp_profile.is_some());
        if annotations.contains_key(&key) && !has_seccomp {
            warnings.push(format!("{}: {SECCOMP}", annotation_path.key(&key)));
        }
        let key = format!("{APP_ARMOR}{}", container.name);
        if let Some(annotation) = annotations.get(&key)
            && is_old_app_armor(annotation, spec, &container, is_template)
        {
            warnings.push(format!("{}: {APP_ARMOR_FIELD}", annotation_path.key(&key)));
        }
        let resources = at.child("resources");
        for name in ["memory", "ephemeral-storage"] {
            for (half, list) in [
                ("limits", container.resources.and_then(|resources| resources.limits.as_ref())),
                ("requests", container.resources.and_then(|resources| resources.requests.as_ref())),
            ] {
                let half = resources.child(half);
                let text = list.and_then(|list| list.get(name)).map(|text| text.0.as_str());
                warnings.extend(fractional(text, &half.key(name)));
            }
        }
        warnings.extend(environment(container.env, &at.child("env")));
    }
    warnings.extend(ports(spec, path));
    warnings.extend(port_names(spec, path));
    warnings
}

/// Whether the annotation stands for a profile that should be a field. A pod's annotations have become fields by now,
/// so the container's profile is the annotation's there.
fn is_old_app_armor(annotation: &str, spec: &PodSpec, container: &Visited<'_>, is_template: bool) -> bool {
    let shown = |profile: &k8s_openapi::api::core::v1::AppArmorProfile| serde_json::to_value(profile).ok();
    let of_pod = spec.security_context.as_ref().and_then(|context| context.app_armor_profile.as_ref());
    let own = container.security_context.and_then(|context| context.app_armor_profile.as_ref());
    let said = app_armor::profile(annotation);
    if is_template {
        return own.is_none() && (of_pod.is_none() || of_pod.and_then(shown) != said);
    }
    if spec.os.as_ref().is_some_and(|os| os.name == "windows") {
        return false;
    }
    match own {
        Some(own) => said.is_some() && shown(own) == said,
        None => said.is_none(),
    }
}

fn environment(env: &[EnvVar], path: &FieldPath<'_>) -> Vec<String> {
    let mut warnings = Vec::new();
    let mut seen = BTreeSet::new();
    for (index, variable) in env.iter().enumerate() {
        if seen.insert(variable.name.as_str()) {
            continue;
        }
        let reference = format!("$({})", variable.name);
        let value = variable.value.as_deref().unwrap_or_default();
        // Building upon the earlier value is fine.
        if variable.value_from.is_some() || value == reference || !value.contains(&reference) {
            warnings.push(format!(
                "{}: hides previous definition of {}, which may be dropped when using apply",
                path.index(index),
                quote(&variable.name)
            ));
        }
    }
    warnings
}

fn ports(spec: &PodSpec, path: &FieldPath<'_>) -> Vec<String> {
    let mut warnings = Vec::new();
    let mut all: BTreeMap<(i32, &str), Vec<(String, &ContainerPort)>> = BTreeMap::new();
    for (at, port) in each_port(spec, path) {
        let (ip, host_port) = host(port);
        let protocol = port.protocol.as_deref().unwrap_or_default();
        if !ip.is_empty() && host_port == 0 {
            warnings.push(format!(
                "{at}: hostIP set without hostPort: {{Name:{} HostPort:{host_port} ContainerPort:{} Protocol:{protocol} \
                 HostIP:{ip}}}",
                port.name.as_deref().unwrap_or_default(),
                port.container_port,
            ));
        }
        let others = all.entry((port.container_port, protocol)).or_default();
        for (other_at, other) in others.iter() {
            let (other_ip, other_port) = host(other);
            let problem = if (ip, host_port) == (other_ip, other_port) {
                "duplicate port definition"
            } else if host_port == 0 || other_port == 0 {
                "overlapping port definition"
            } else if host_port == other_port && ip.is_empty() != other_ip.is_empty() {
                "dangerously ambiguous port definition"
            } else {
                continue;
            };
            warnings.push(format!("{at}: {problem} with {other_at}"));
        }
        others.push((at, port));
    }
    warnings
}

fn host(port: &ContainerPort) -> (&str, i32) {
    (port.host_ip.as_deref().unwrap_or_default(), port.host_port.unwrap_or(0))
}

fn port_names(spec: &PodSpec, path: &FieldPath<'_>) -> Vec<String> {
    let mut warnings = Vec::new();
    let mut all: BTreeMap<&str, String> = BTreeMap::new();
    for (at, port) in each_port(spec, path) {
        let Some(name) = port.name.as_deref().filter(|name| !name.is_empty()) else { continue };
        match all.get(name) {
            Some(other) => warnings.push(format!(
                "{at}: duplicate port name {} with {other}, services and probes that select ports by name will use \
                 {other}",
                quote(name)
            )),
            None => {
                all.insert(name, at);
            }
        }
    }
    warnings
}

fn each_port<'a>(spec: &'a PodSpec, path: &'a FieldPath<'_>) -> impl Iterator<Item = (String, &'a ContainerPort)> {
    visit::containers(spec).flat_map(move |container| {
        container.ports.iter().enumerate().map(move |(index, port)| {
            let list = path.child(container.list);
            let at = list.index(container.index);
            let at = at.child("ports");
            (at.index(index).to_string(), port)
        })
    })
}
