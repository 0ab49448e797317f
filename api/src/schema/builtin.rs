//! The built-in types, by package and name and by group, version and kind.
//!
//! The tables are text inside the binary. A package is indexed (which line begins which type) when something in it is
//! first asked for, and a struct is parsed then: a server that serves ten kinds reads ten kinds' lines.

use std::collections::HashMap;
use std::sync::{LazyLock, OnceLock};

use super::builtin_cell::Cell;
use super::node::{Named, Node};

/// One text a package; its second line names path, group and version.
const TEXTS: [&str; 63] = [
    include_str!("table/admission.v1.txt"),
    include_str!("table/admission.v1beta1.txt"),
    include_str!("table/admissionregistration.v1.txt"),
    include_str!("table/admissionregistration.v1alpha1.txt"),
    include_str!("table/admissionregistration.v1beta1.txt"),
    include_str!("table/apidiscovery.v2.txt"),
    include_str!("table/apidiscovery.v2beta1.txt"),
    include_str!("table/apiextensions.v1.txt"),
    include_str!("table/apiregistration.v1.txt"),
    include_str!("table/apiserverinternal.v1alpha1.txt"),
    include_str!("table/apps.v1.txt"),
    include_str!("table/apps.v1beta1.txt"),
    include_str!("table/apps.v1beta2.txt"),
    include_str!("table/authentication.v1.txt"),
    include_str!("table/authentication.v1alpha1.txt"),
    include_str!("table/authentication.v1beta1.txt"),
    include_str!("table/authorization.v1.txt"),
    include_str!("table/authorization.v1beta1.txt"),
    include_str!("table/autoscaling.v1.txt"),
    include_str!("table/autoscaling.v2.txt"),
    include_str!("table/batch.v1.txt"),
    include_str!("table/batch.v1beta1.txt"),
    include_str!("table/certificates.v1.txt"),
    include_str!("table/certificates.v1alpha1.txt"),
    include_str!("table/certificates.v1beta1.txt"),
    include_str!("table/coordination.v1.txt"),
    include_str!("table/coordination.v1alpha2.txt"),
    include_str!("table/coordination.v1beta1.txt"),
    include_str!("table/core.v1.txt"),
    include_str!("table/discovery.v1.txt"),
    include_str!("table/discovery.v1beta1.txt"),
    include_str!("table/events.v1.txt"),
    include_str!("table/events.v1beta1.txt"),
    include_str!("table/extensions.v1beta1.txt"),
    include_str!("table/flowcontrol.v1.txt"),
    include_str!("table/flowcontrol.v1beta1.txt"),
    include_str!("table/flowcontrol.v1beta2.txt"),
    include_str!("table/flowcontrol.v1beta3.txt"),
    include_str!("table/imagepolicy.v1alpha1.txt"),
    include_str!("table/lifecycle.v1alpha1.txt"),
    include_str!("table/meta.v1.txt"),
    include_str!("table/networking.v1.txt"),
    include_str!("table/networking.v1beta1.txt"),
    include_str!("table/node.v1.txt"),
    include_str!("table/node.v1alpha1.txt"),
    include_str!("table/node.v1beta1.txt"),
    include_str!("table/policy.v1.txt"),
    include_str!("table/policy.v1beta1.txt"),
    include_str!("table/rbac.v1.txt"),
    include_str!("table/rbac.v1alpha1.txt"),
    include_str!("table/rbac.v1beta1.txt"),
    include_str!("table/resource.v1.txt"),
    include_str!("table/resource.v1alpha3.txt"),
    include_str!("table/resource.v1beta1.txt"),
    include_str!("table/resource.v1beta2.txt"),
    include_str!("table/scheduling.v1.txt"),
    include_str!("table/scheduling.v1alpha3.txt"),
    include_str!("table/scheduling.v1beta1.txt"),
    include_str!("table/storage.v1.txt"),
    include_str!("table/storage.v1alpha1.txt"),
    include_str!("table/storage.v1beta1.txt"),
    include_str!("table/storagemigration.v1.txt"),
    include_str!("table/storagemigration.v1beta1.txt"),
];

static PACKAGES: LazyLock<Vec<Package>> = LazyLock::new(|| TEXTS.iter().map(|text| Package::new(text)).collect());

/// A type of a package.
pub(super) enum Entry {
    Struct(Box<Cell>),
    String(Named),
    Alias { named: Named, of: &'static str, wrapped: bool },
}

/// A package of built-in types.
struct Package {
    path: &'static str,
    group: &'static str,
    version: &'static str,
    text: &'static str,
    index: OnceLock<Index>,
}

#[derive(Default)]
struct Index {
    entries: HashMap<&'static str, Entry>,
    /// Names in the table's order.
    names: Vec<&'static str>,
}

/// When a kind appeared and when it goes, from the markers at its type.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Lifecycle {
    /// The release that introduced it: `1.9`.
    pub introduced: Option<&'static str>,
    /// The release that deprecated it.
    pub deprecated: Option<&'static str>,
    /// The release that removes it.
    pub removed: Option<&'static str>,
    /// What to use instead: `group/version/Kind`.
    pub replacement: Option<&'static str>,
}

/// A built-in kind.
#[derive(Debug, Clone, Copy)]
pub struct Kind {
    /// The API group; empty for the core group.
    pub group: &'static str,
    /// The version.
    pub version: &'static str,
    /// The kind.
    pub kind: &'static str,
    /// Its schema.
    pub node: &'static Node,
}

/// The schema of a built-in kind. The kinds that every group has (`ListOptions`, `DeleteOptions`, `Status`,
/// `WatchEvent`, …) are found under every group and version that has a table.
#[must_use]
pub fn kind(group: &str, version: &str, kind: &str) -> Option<&'static Node> {
    // meta.k8s.io/v1beta1 is another name for v1 (Table, PartialObjectMetadata).
    let version = if group == "meta.k8s.io" { "v1" } else { version };
    let of = PACKAGES.iter().find(|package| package.group == group && package.version == version)?;
    let own = of.index().kind(kind);
    own.or_else(|| find("meta/v1")?.index().kind(kind))
}

/// The schema of a built-in type that is a struct, by its package's path (`core/v1`) and its name in Go (`PodSpec`).
#[must_use]
pub fn named(package: &str, name: &str) -> Option<&'static Node> {
    match entry(package, name)? {
        Entry::Struct(cell) => Some(cell.node()),
        Entry::String(_) | Entry::Alias { .. } => None,
    }
}

/// All built-in kinds, lists and options included, by package and then in the table's order.
pub fn kinds() -> impl Iterator<Item = Kind> {
    PACKAGES.iter().flat_map(|package| {
        let index = package.index();
        let (group, version) = (package.group, package.version);
        let found = index.names.iter().filter_map(|kind| index.kind(kind).map(|node| (*kind, node)));
        found.map(move |(kind, node)| Kind { group, version, kind, node })
    })
}

/// When a built-in kind appeared and when it goes.
#[must_use]
pub fn lifecycle(group: &str, version: &str, kind: &str) -> Option<Lifecycle> {
    let of = PACKAGES.iter().find(|package| package.group == group && package.version == version)?;
    let Some(Entry::Struct(cell)) = of.index().entries.get(kind) else { return None };
    let mut lifecycle = Lifecycle::default();
    for (key, value) in cell.attributes().filter_map(|attribute| attribute.split_once('=')) {
        match key {
            "introduced" => lifecycle.introduced = Some(value),
            "deprecated" => lifecycle.deprecated = Some(value),
            "removed" => lifecycle.removed = Some(value),
            _ => lifecycle.replacement = Some(value),
        }
    }
    Some(lifecycle)
}

/// A type of a package, for the table's parser.
pub(super) fn entry(package: &str, name: &str) -> Option<&'static Entry> {
    find(package)?.index().entries.get(name)
}

fn find(path: &str) -> Option<&'static Package> {
    // TEXTS is ordered by path; a test holds it to that.
    let found = PACKAGES.binary_search_by(|package| package.path.cmp(path));
    found.ok().map(|at| &PACKAGES[at])
}

impl Package {
    fn new(text: &'static str) -> Self {
        let mut words = text.lines().nth(1).unwrap_or_default().split(' ').skip(1);
        let mut next = || words.next().unwrap_or_default();
        let (path, group, version) = (next(), next(), next());
        Self { path, group: if group == "-" { "" } else { group }, version, text, index: OnceLock::new() }
    }

    fn index(&'static self) -> &'static Index {
        self.index.get_or_init(|| Index::new(self))
    }
}

impl Index {
    fn new(package: &Package) -> Self {
        let go = package.path.rsplit('/').next().unwrap_or_default();
        let mut index = Self::default();
        let mut rest = package.text;
        while !rest.is_empty() {
            let (line, after) = rest.split_once('\n').unwrap_or((rest, ""));
            // The fields follow, behind a blank; the body ends where a line begins without one.
            let length = body_length(after);
            let (body, next) = after.split_at(length);
            rest = next;
            let Some((word, head)) = line.split_once(' ') else { continue };
            let (name, words) = head.split_once(' ').unwrap_or((head, ""));
            let named = Named { package: go, name, words, published: word == "enum" };
            let entry = match word {
                "struct" | "kind" => Entry::Struct(Box::new(Cell::new(package.path, word == "kind", head, body))),
                "string" | "enum" => Entry::String(named),
                "alias" | "wrapped" => {
                    Entry::Alias { named: Named { words: "", ..named }, of: words, wrapped: word == "wrapped" }
                }
                _ => continue,
            };
            index.names.push(name);
            index.entries.insert(name, entry);
        }
        index
    }

    fn kind(&'static self, name: &str) -> Option<&'static Node> {
        match self.entries.get(name)? {
            Entry::Struct(cell) if cell.is_kind() => Some(cell.node()),
            _ => None,
        }
    }
}

/// How many bytes of `text` are lines that begin with a blank.
fn body_length(text: &str) -> usize {
    let lines = text.split_inclusive('\n');
    lines.take_while(|line| line.starts_with(' ')).map(str::len).sum()
}
