//! The checks of a standard, in upstream's order, and what all of them share.

use std::collections::BTreeSet;

use serde_json::Value;

use super::baseline;
use super::policy::{Level, Standard, Version};
use super::restricted;
use crate::admission::tree::{at, items, text};

/// The newest release whose checks are known.
const NEWEST: u32 = 37;

/// A pod, or the template of pods: an object with `metadata` and `spec`, and the release whose rules are asked for.
#[derive(Clone, Copy)]
pub(super) struct Subject<'p> {
    pub(super) pod: &'p Value,
    pub(super) minor: u32,
}

/// What a pod does that it may not.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Violation {
    /// What, in few words.
    pub(super) reason: String,
    /// Who does it, and which values.
    pub(super) detail: String,
}

impl Violation {
    pub(super) fn new(reason: &str, detail: String) -> Option<Self> {
        Some(Self { reason: reason.to_owned(), detail })
    }
}

/// A check; it finds nothing in releases that it does not belong to.
type Check = fn(Subject<'_>) -> Option<Violation>;

/// The checks of both levels. A restricted one may take a baseline one's place from a release on.
const BASELINE: [(Check, u32); 12] = [
    (baseline::app_armor_profile, u32::MAX),
    (baseline::capabilities, 22),
    (baseline::host_namespaces, u32::MAX),
    (baseline::host_path_volumes, 0),
    (baseline::host_ports, u32::MAX),
    (baseline::host_probes_and_lifecycle, u32::MAX),
    (baseline::privileged, u32::MAX),
    (baseline::proc_mount, 35),
    (baseline::se_linux_options, u32::MAX),
    (baseline::seccomp_profile, 19),
    (baseline::sysctls, u32::MAX),
    (baseline::windows_host_process, u32::MAX),
];
const RESTRICTED: [Check; 7] = [
    restricted::allow_privilege_escalation,
    restricted::capabilities,
    restricted::proc_mount,
    restricted::volumes,
    restricted::run_as_non_root,
    restricted::run_as_user,
    restricted::seccomp_profile,
];

/// All that the pod does against the standard.
pub(super) fn violations(pod: &Value, standard: Standard) -> Vec<Violation> {
    let minor = match standard.version {
        Version::Latest => NEWEST,
        Version::Minor(minor) => minor.min(NEWEST),
    };
    let subject = Subject { pod, minor };
    let is_restricted = standard.level == Level::Restricted;
    if standard.level == Level::Privileged {
        return Vec::new();
    }
    let baseline = BASELINE.iter().filter(|(_, replaced)| !is_restricted || minor < *replaced).map(|(check, _)| check);
    let restricted = RESTRICTED.iter().filter(|_| is_restricted);
    baseline.chain(restricted).filter_map(|check| check(subject)).collect()
}

/// Few words for all violations.
pub(super) fn reasons(violations: &[Violation]) -> String {
    violations.iter().map(|violation| violation.reason.as_str()).collect::<Vec<_>>().join(", ")
}

/// All violations with their details.
pub(super) fn details(violations: &[Violation]) -> String {
    let one = |violation: &Violation| match violation.detail.as_str() {
        "" => violation.reason.clone(),
        detail => format!("{} ({detail})", violation.reason),
    };
    violations.iter().map(one).collect::<Vec<_>>().join(", ")
}

impl<'p> Subject<'p> {
    /// The value at a path in the pod.
    pub(super) fn at(&self, path: &[&str]) -> &'p Value {
        at(self.pod, path)
    }

    /// All containers: those of the beginning, the regular ones, those attached.
    pub(super) fn containers(&self) -> impl Iterator<Item = &'p Value> + use<'p> {
        let pod = self.pod;
        ["initContainers", "containers", "ephemeralContainers"]
            .into_iter()
            .flat_map(move |list| items(pod, &["spec", list]))
    }

    /// The names of the containers that satisfy a condition.
    pub(super) fn names(&self, condition: impl Fn(&'p Value) -> bool) -> Vec<&'p str> {
        self.containers().filter(|container| condition(container)).map(|container| text(container, &["name"])).collect()
    }

    /// Whether the pod has users of its own, and root in it is nobody outside.
    pub(super) fn has_own_users(&self) -> bool {
        self.at(&["spec", "hostUsers"]) == &Value::Bool(false)
    }

    /// Whether the pod is made for Windows.
    pub(super) fn is_windows(&self) -> bool {
        text(self.pod, &["spec", "os", "name"]) == "windows"
    }
}

/// A field of a container's security context, or of a pod's spec.
pub(super) fn security<'v>(of: &'v Value, path: &[&str]) -> &'v Value {
    at(at(of, &["securityContext"]), path)
}

/// `container "a"`, `containers "a", "b"`.
pub(super) fn containers(names: &[&str]) -> String {
    format!("{} {}", plural("container", "containers", names.len()), quoted(names))
}

/// The pod and containers that do something, as the sentences begin; `None` where nobody does.
pub(super) fn setters(by_pod: bool, names: &[&str]) -> Option<String> {
    match (by_pod, names) {
        (false, []) => None,
        (true, []) => Some("pod".to_owned()),
        (false, names) => Some(containers(names)),
        (true, names) => Some(format!("pod and {}", containers(names))),
    }
}

pub(super) fn quoted<T: AsRef<str>>(texts: impl IntoIterator<Item = T>) -> String {
    let all: Vec<String> = texts.into_iter().map(|text| format!(r#""{}""#, text.as_ref())).collect();
    all.join(", ")
}

pub(super) const fn plural(one: &'static str, many: &'static str, count: usize) -> &'static str {
    if count == 1 { one } else { many }
}

/// Different texts, sorted.
pub(super) fn distinct<'v>(values: impl Iterator<Item = &'v Value>) -> BTreeSet<&'v str> {
    values.map(|value| value.as_str().unwrap_or_default()).collect()
}
