//! The resource table: what a server of Kubernetes 1.37 serves, one row a resource and version.
//!
//! Routes, discovery, RBAC's names and tests derive from it. `table.txt` is the maintained source: `group NAME
//! VERSION…` (`-` for the core group; versions in the order in which discovery prefers them) begins a group, and groups
//! stand in discovery's order. Then, behind one blank, a row a resource: `VERSION PLURAL KIND ns|cluster VERBS`, with
//!
//! | attribute | meaning |
//! |---|---|
//! | `short=A,B` | short names |
//! | `in=A` | categories |
//! | `storage=V`, `storage=G/V` | the version (of another group) that is stored, where it is not this one |
//! | `fields=A,B>C` | labels of field selectors besides `metadata.name` and its namespace; `B>C`: B is read as C |
//!
//! and, behind two blanks, a row a subresource: `NAME KIND VERBS`, the kind as `group/version/Kind` where it is another
//! group's. `*` is all of create, delete, deletecollection, get, list, patch, update and watch.
//!
//! The singular is the kind in small letters, the list's kind ends in `List`. A few labels of field selectors are not
//! paths: an Event's `source` is its source's component or else its reporting component, a Job's `status.successful`
//! its count of successful pods, a Pod's `status.podIPs` and a bool's text. Absent: which versions are on by default
//! (the server's choice; upstream's are the stable ones), printer columns, strategies, custom resources' rows (built at
//! run time with the same types).

use std::borrow::Cow;
use std::sync::LazyLock;

const TEXT: &str = include_str!("table.txt");

static TABLE: LazyLock<Table> = LazyLock::new(|| Table::parse(TEXT));

/// A text of the table, or of a custom resource's row.
pub type Text = Cow<'static, str>;

/// An API group.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Group {
    /// The name; empty for the core group.
    pub name: Text,
    /// The versions, the preferred one first.
    pub versions: Vec<Text>,
}

/// A resource in one version.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Resource {
    /// The API group; empty for the core group.
    pub group: Text,
    /// The version.
    pub version: Text,
    /// The kind of its objects.
    pub kind: Text,
    /// The name in paths: `deployments`.
    pub plural: Text,
    /// `deployment`.
    pub singular: Text,
    /// The kind of its lists.
    pub list_kind: Text,
    /// What kubectl takes for it: `deploy`.
    pub short_names: Vec<Text>,
    /// The groups of resources that it belongs to: `all`.
    pub categories: Vec<Text>,
    /// Whether its objects live in namespaces.
    pub namespaced: bool,
    /// What can be done with it, ordered by name.
    pub verbs: Vec<Verb>,
    /// Its subresources, ordered by name.
    pub subresources: Vec<Subresource>,
    /// The group and version that is stored.
    pub storage: GroupVersion,
    /// The labels that field selectors may use.
    pub selectable: Vec<Selectable>,
}

/// A subresource.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Subresource {
    /// `status`, `scale`, `exec`.
    pub name: Text,
    /// The group and version of its kind.
    pub version: GroupVersion,
    /// The kind that it takes and gives. For what is connected to, the kind of its options.
    pub kind: Text,
    /// What can be done with it, as discovery tells it.
    pub verbs: Vec<Verb>,
}

/// A group and a version.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct GroupVersion {
    /// The group; empty for the core group.
    pub group: Text,
    /// The version.
    pub version: Text,
}

/// A label of field selectors.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Selectable {
    /// What a request names.
    pub label: Text,
    /// The field that it stands for; the same but for old names.
    pub field: Text,
}

/// What can be done with a resource.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[expect(missing_docs, reason = "the API's words")]
pub enum Verb {
    Create,
    Delete,
    DeleteCollection,
    Get,
    List,
    Patch,
    Update,
    Watch,
}

/// All groups, in discovery's order; the core group comes first.
#[must_use]
pub fn groups() -> &'static [Group] {
    &TABLE.groups
}

/// All resources in all versions, by group as [`groups`] has them, then by version and plural.
#[must_use]
pub fn resources() -> &'static [Resource] {
    &TABLE.resources
}

/// The resource with this plural.
#[must_use]
pub fn by_plural(group: &str, version: &str, plural: &str) -> Option<&'static Resource> {
    TABLE.resources.iter().find(|row| row.plural == plural && row.version == version && row.group == group)
}

/// The resource of this kind.
#[must_use]
pub fn by_kind(group: &str, version: &str, kind: &str) -> Option<&'static Resource> {
    TABLE.resources.iter().find(|row| row.kind == kind && row.version == version && row.group == group)
}

impl Resource {
    /// The subresource of this name.
    #[must_use]
    pub fn subresource(&self, name: &str) -> Option<&Subresource> {
        self.subresources.iter().find(|row| row.name == name)
    }

    /// Whether `verb` can be done with it.
    #[must_use]
    pub fn has(&self, verb: Verb) -> bool {
        self.verbs.contains(&verb)
    }

    /// Its group and version.
    #[must_use]
    pub fn group_version(&self) -> GroupVersion {
        GroupVersion { group: self.group.clone(), version: self.version.clone() }
    }
}

impl std::fmt::Display for GroupVersion {
    /// The form of `apiVersion`: `v1`, `apps/v1`.
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        if self.group.is_empty() { f.write_str(&self.version) } else { write!(f, "{}/{}", self.group, self.version) }
    }
}

impl Verb {
    /// All verbs, ordered by name.
    pub const ALL: [Self; 8] = [
        Self::Create,
        Self::Delete,
        Self::DeleteCollection,
        Self::Get,
        Self::List,
        Self::Patch,
        Self::Update,
        Self::Watch,
    ];

    /// The API's word.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Create => "create",
            Self::Delete => "delete",
            Self::DeleteCollection => "deletecollection",
            Self::Get => "get",
            Self::List => "list",
            Self::Patch => "patch",
            Self::Update => "update",
            Self::Watch => "watch",
        }
    }
}

#[derive(Default)]
struct Table {
    groups: Vec<Group>,
    resources: Vec<Resource>,
}

impl Table {
    fn parse(text: &'static str) -> Self {
        let mut table = Self::default();
        for line in text.lines() {
            let blanks = line.len() - line.trim_start().len();
            let mut words = line.split_ascii_whitespace();
            match (blanks, words.next()) {
                (0, Some("group")) => {
                    let name = group(words.next().unwrap_or_default());
                    table.groups.push(Group { name, versions: words.map(Text::from).collect() });
                }
                (1, Some(version)) => {
                    let group = table.groups.last().map(|group| group.name.clone()).unwrap_or_default();
                    table.resources.push(row(group, version, words));
                }
                (2, Some(name)) => {
                    if let Some(resource) = table.resources.last_mut() {
                        let subresource = subrow(resource, name, words);
                        resource.subresources.push(subresource);
                    }
                }
                _ => {}
            }
        }
        table
    }
}

fn row(group: Text, version: &'static str, mut words: impl Iterator<Item = &'static str>) -> Resource {
    let mut next = || words.next().unwrap_or_default();
    let (plural, kind, scope, verbs) = (next(), next(), next(), next());
    let label = |label: &'static str| {
        let (label, field) = label.split_once('>').unwrap_or((label, label));
        Selectable { label: label.into(), field: field.into() }
    };
    let namespaced = scope == "ns";
    let mut resource = Resource {
        storage: GroupVersion { group: group.clone(), version: version.into() },
        group,
        version: version.into(),
        kind: kind.into(),
        plural: plural.into(),
        singular: kind.to_ascii_lowercase().into(),
        list_kind: format!("{kind}List").into(),
        short_names: Vec::new(),
        categories: Vec::new(),
        namespaced,
        verbs: parse_verbs(verbs),
        subresources: Vec::new(),
        selectable: vec![label("metadata.name")],
    };
    if namespaced {
        resource.selectable.push(label("metadata.namespace"));
    }
    for (key, value) in words.filter_map(|word| word.split_once('=')) {
        let values = value.split(',');
        match key {
            "short" => resource.short_names = values.map(Text::from).collect(),
            "in" => resource.categories = values.map(Text::from).collect(),
            "fields" => resource.selectable.extend(values.map(label)),
            _ => match value.split_once('/') {
                Some((of, version)) => {
                    resource.storage = GroupVersion { group: self::group(of), version: version.into() };
                }
                None => resource.storage.version = value.into(),
            },
        }
    }
    resource
}

fn subrow(resource: &Resource, name: &'static str, mut words: impl Iterator<Item = &'static str>) -> Subresource {
    let mut next = || words.next().unwrap_or_default();
    let (kind, verbs) = (next(), next());
    let (version, kind) = match kind.rsplit_once('/') {
        Some((version, kind)) => {
            let (group, version) = version.split_once('/').unwrap_or(("", version));
            (GroupVersion { group: group.into(), version: version.into() }, kind)
        }
        None => (resource.group_version(), kind),
    };
    Subresource { name: name.into(), version, kind: kind.into(), verbs: parse_verbs(verbs) }
}

fn group(name: &'static str) -> Text {
    Text::from(if name == "-" { "" } else { name })
}

fn parse_verbs(text: &str) -> Vec<Verb> {
    let named = |verb: &Verb| text == "*" || text.split(',').any(|word| word == verb.as_str());
    Verb::ALL.into_iter().filter(named).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::schema::builtin;

    #[test]
    fn every_row_has_a_schema_and_a_list() {
        assert!(resources().len() > 80);
        for row in resources() {
            let kind = |group: &str, version: &str, kind: &str| builtin::kind(group, version, kind).is_some();
            assert!(kind(&row.group, &row.version, &row.kind), "{row:?}");
            assert_eq!(row.has(Verb::List), row.has(Verb::Get), "{row:?}");
            if row.has(Verb::List) {
                assert!(kind(&row.group, &row.version, &row.list_kind), "{row:?}");
            }
            assert!(kind(&row.storage.group, &row.storage.version, &row.kind), "the stored form of {row:?}");
            for subresource in &row.subresources {
                let of = &subresource.version;
                assert!(kind(&of.group, &of.version, &subresource.kind), "{subresource:?}");
                assert!(!subresource.verbs.is_empty());
            }
            assert!(groups().iter().any(|group| group.name == row.group && group.versions.contains(&row.version)));
        }
    }

    #[test]
    fn rows_say_what_upstream_says() {
        let pod = by_plural("", "v1", "pods").unwrap();
        assert_eq!((&*pod.kind, &*pod.singular, &*pod.list_kind), ("Pod", "pod", "PodList"));
        assert_eq!((&pod.short_names[..], &pod.categories[..]), (&["po".into()][..], &["all".into()][..]));
        assert!(pod.namespaced && pod.has(Verb::DeleteCollection));
        assert!(pod.selectable.iter().any(|field| field.label == "spec.host" && field.field == "spec.nodeName"));
        let eviction = pod.subresource("eviction").unwrap();
        assert_eq!((eviction.version.to_string().as_str(), &*eviction.kind), ("policy/v1", "Eviction"));
        assert!(!by_plural("", "v1", "namespaces").unwrap().has(Verb::DeleteCollection));
        let events = by_kind("events.k8s.io", "v1", "Event").unwrap();
        assert_eq!(events.storage.to_string(), "v1");
        let bundle = by_kind("certificates.k8s.io", "v1", "ClusterTrustBundle").unwrap();
        assert_eq!(bundle.storage.to_string(), "certificates.k8s.io/v1beta1");
        assert_eq!(by_kind("", "v1", "Endpoints").unwrap().singular, "endpoints");
    }

    #[test]
    fn names_are_unique_within_a_group() {
        for row in resources() {
            let clash = resources().iter().find(|other| {
                other.group == row.group
                    && other.plural != row.plural
                    && row.short_names.iter().any(|name| other.short_names.contains(name) || other.plural == *name)
            });
            assert_eq!(clash, None, "{row:?}");
        }
    }
}
