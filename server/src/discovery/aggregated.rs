//! The aggregated document, as a tree: all resources of all versions of all groups at once.

use howdah_api::resource::{Resource, Subresource};
use serde_json::{Value, json};

use super::plain::verbs;
use super::{Served, ServedGroup, ServedVersion};

/// The core group's (`core`) or all other groups' `APIGroupDiscoveryList`.
pub(super) fn list(served: &Served, core: bool) -> Value {
    let groups: Vec<_> = served.groups().iter().filter(|group| group.name.is_empty() == core).map(group).collect();
    json!({ "items": groups })
}

fn group(of: &ServedGroup) -> Value {
    json!({"metadata": {"name": of.name}, "versions": of.versions.iter().map(version).collect::<Vec<_>>()})
}

fn version(of: &ServedVersion) -> Value {
    let resources: Vec<_> = of.resources.iter().map(resource).collect();
    json!({"version": of.name, "resources": resources, "freshness": "Current"})
}

fn resource(of: &Resource) -> Value {
    json!({
        "resource": of.plural,
        // Group and version are told where they are not those of the document.
        "responseKind": {"group": "", "version": "", "kind": of.kind},
        "scope": if of.namespaced { "Namespaced" } else { "Cluster" },
        "singularResource": of.singular,
        "verbs": verbs(&of.verbs),
        "shortNames": of.short_names,
        "categories": of.categories,
        "subresources": of.subresources.iter().map(|below| subresource(of, below)).collect::<Vec<_>>(),
    })
}

fn subresource(of: &Resource, below: &Subresource) -> Value {
    let foreign = below.version != of.group_version();
    let (group, version) = if foreign { (&*below.version.group, &*below.version.version) } else { ("", "") };
    json!({
        "subresource": below.name,
        "responseKind": {"group": group, "version": version, "kind": below.kind},
        "verbs": verbs(&below.verbs),
    })
}
