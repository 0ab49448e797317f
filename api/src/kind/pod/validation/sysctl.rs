//! Kernel parameters of a pod.

use std::collections::BTreeSet;

use k8s_openapi::api::core::v1::{PodSpec, Sysctl};

use super::options::Options;
use crate::validation::{Errors, FieldError, FieldPath};

const MAX_LENGTH: usize = 253;
const REGEX: &str = r"^([a-z0-9]([-_a-z0-9]*[a-z0-9])?[\./])*[a-z0-9]([-_a-z0-9]*[a-z0-9])?$";

/// All sysctls of a spec.
pub(super) fn sysctls(sysctls: &[Sysctl], spec: &PodSpec, options: &Options, path: &FieldPath<'_>) -> Errors {
    let mut errors = Errors::new();
    let mut seen = BTreeSet::new();
    for (index, sysctl) in sysctls.iter().enumerate() {
        let at = path.index(index);
        let at = at.child("name");
        let name = sysctl.name.as_str();
        if name.is_empty() {
            errors.push(FieldError::required(&at, ""));
        } else if !is_name(name) {
            let detail = format!("must have at most {MAX_LENGTH} characters and match regex {REGEX}");
            errors.push(FieldError::invalid(&at, name, detail));
        } else if seen.contains(name) {
            errors.push(FieldError::duplicate(&at, name));
        }
        if !options.sysctls_of_host {
            errors.extend(host_sysctl(name, spec, &at));
        }
        seen.insert(name);
    }
    errors
}

fn is_name(name: &str) -> bool {
    let is_edge = |b: u8| b.is_ascii_lowercase() || b.is_ascii_digit();
    name.len() <= MAX_LENGTH
        && name.split(['.', '/']).all(|part| {
            let bytes = part.as_bytes();
            let inner = bytes.iter().all(|b| is_edge(*b) || matches!(b, b'-' | b'_'));
            inner && bytes.first().is_some_and(|b| is_edge(*b)) && bytes.last().is_some_and(|b| is_edge(*b))
        })
}

/// The kernel's namespaces, as far as a pod can share them with the node and sysctls belong to them.
#[derive(PartialEq, Eq)]
enum Namespace {
    Ipc,
    Net,
    Other,
}

/// What is wrong with a sysctl of a namespace that the pod shares with the node.
pub(super) fn host_sysctl(name: &str, spec: &PodSpec, path: &FieldPath<'_>) -> Option<FieldError> {
    let detail = match namespace(name) {
        Namespace::Net if spec.host_network == Some(true) => "may not be specified when 'hostNetwork' is true",
        Namespace::Ipc if spec.host_ipc == Some(true) => "may not be specified when 'hostIPC' is true",
        _ => return None,
    };
    Some(FieldError::invalid(path, name, detail))
}

fn namespace(name: &str) -> Namespace {
    // With slashes for separators (`net/ipv4/conf/eno2.100/rp_filter`), dots are part of names.
    let separator = name.find(['.', '/']).map(|at| name.as_bytes()[at]);
    let swapped: String;
    let name = if separator == Some(b'/') {
        let swap = |c| match c {
            '.' => '/',
            '/' => '.',
            c => c,
        };
        swapped = name.chars().map(swap).collect();
        &swapped
    } else {
        name
    };
    let name = name.split('*').next().unwrap_or_default();
    match name {
        "kernel.sem"
        | "kernel.shmall"
        | "kernel.shmmax"
        | "kernel.shmmni"
        | "kernel.shm_rmid_forced"
        | "kernel.shm"
        | "kernel.msgmax"
        | "kernel.msgmnb"
        | "kernel.msgmni"
        | "kernel.msg" => Namespace::Ipc,
        _ if name.starts_with("net.") => Namespace::Net,
        _ if name.starts_with("fs.mqueue.") => Namespace::Ipc,
        _ => Namespace::Other,
    }
}
