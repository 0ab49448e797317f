//! The names of definitions.

use std::collections::HashMap;
use std::sync::LazyLock;

use howdah_api::schema::builtin;

/// By package and name of a type: group and version.
type Kinds = HashMap<(String, String), (&'static str, &'static str)>;

/// The built-in kinds.
static KINDS: LazyLock<Kinds> = LazyLock::new(|| {
    let kinds = builtin::kinds().filter_map(|kind| {
        let of = kind.node.as_struct()?;
        Some(((of.package.to_string(), of.name.to_string()), (kind.group, kind.version)))
    });
    kinds.collect()
});

/// `io.k8s.api.core.v1.Pod`, of a type's package (`core/v1`) and name.
pub(super) fn definition(package: &str, name: &str) -> String {
    let home = match package.split('/').next().unwrap_or_default() {
        "meta" => "io.k8s.apimachinery.pkg.apis",
        "apiextensions" => "io.k8s.apiextensions-apiserver.pkg.apis",
        "apiregistration" => "io.k8s.kube-aggregator.pkg.apis",
        _ => "io.k8s.api",
    };
    format!("{home}.{}.{name}", package.replace('/', "."))
}

/// Group, version and kind of a type that is a kind.
pub(super) fn kind(package: &str, name: &str) -> Option<(&'static str, &'static str)> {
    // Status, and discovery's documents: kinds of v1.
    if package == "meta/v1" {
        return KINDS.contains_key(&(package.to_owned(), name.to_owned())).then_some(("", "v1"));
    }
    KINDS.get(&(package.to_owned(), name.to_owned())).copied()
}

/// `AppsV1`, `RbacAuthorizationV1`: group and version within an operation's name.
pub(super) fn operation(group: &str, version: &str) -> String {
    let mut text: String = parts(group).map(capital).collect();
    text.push_str(&capital(version));
    text
}

/// `apps_v1`, `rbacAuthorization_v1`: the tag of a group version's operations; `apps`: of a group's (no version).
pub(super) fn tag(group: &str, version: &str) -> String {
    let mut text = String::new();
    for (at, part) in parts(group).enumerate() {
        text.push_str(&if at == 0 { part.to_owned() } else { capital(part) });
    }
    if version.is_empty() { text } else { format!("{text}_{version}") }
}

fn parts(group: &str) -> impl Iterator<Item = &str> {
    let group = if group.is_empty() { "core" } else { group };
    group.strip_suffix(".k8s.io").unwrap_or(group).split('.')
}

/// The text with its first letter large.
pub(super) fn capital(text: &str) -> String {
    let mut letters = text.chars();
    letters.next().map(|first| first.to_ascii_uppercase().to_string() + letters.as_str()).unwrap_or_default()
}
