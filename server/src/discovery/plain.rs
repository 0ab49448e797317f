//! The plain documents, as trees.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use howdah_api::resource::{Resource, Subresource, Verb};
use ring::digest::{SHA256, digest};
use serde_json::{Value, json};

use super::{Served, ServedGroup, ServedVersion};

/// `/api`.
pub(super) fn versions(served: &Served, address: &str) -> Value {
    let core = served.groups().iter().find(|group| group.name.is_empty());
    let versions: Vec<_> = core.into_iter().flat_map(|group| &group.versions).map(|version| &version.name).collect();
    json!({
        "versions": versions,
        "serverAddressByClientCIDRs": [{"clientCIDR": "0.0.0.0/0", "serverAddress": address}],
    })
}

/// `/apis`.
pub(super) fn groups(served: &Served) -> Value {
    let groups: Vec<_> = served.groups().iter().filter(|group| !group.name.is_empty()).map(group).collect();
    json!({ "groups": groups })
}

/// `/apis/G`.
pub(super) fn group(of: &ServedGroup) -> Value {
    let version = |version: &ServedVersion| json!({"groupVersion": format!("{}/{}", of.name, version.name), "version": version.name});
    let versions: Vec<_> = of.versions.iter().map(version).collect();
    json!({"name": of.name, "preferredVersion": versions.first(), "versions": versions})
}

/// `/api/v1` and `/apis/G/V`.
pub(super) fn resources(group: &ServedGroup, version: &ServedVersion) -> Value {
    let group_version =
        if group.name.is_empty() { version.name.to_string() } else { format!("{}/{}", group.name, version.name) };
    let resources: Vec<_> = version
        .resources
        .iter()
        .flat_map(|of| std::iter::once(resource(of)).chain(of.subresources.iter().map(|below| subresource(of, below))))
        .collect();
    json!({"groupVersion": group_version, "resources": resources})
}

fn resource(of: &Resource) -> Value {
    let mut tree = json!({
        "name": of.plural,
        "singularName": of.singular,
        "namespaced": of.namespaced,
        "kind": of.kind,
        "verbs": verbs(&of.verbs),
        "shortNames": of.short_names,
        "categories": of.categories,
    });
    if is_stored(of) {
        tree["storageVersionHash"] = storage_version_hash(of).into();
    }
    tree
}

fn subresource(of: &Resource, below: &Subresource) -> Value {
    let mut tree = json!({
        "name": format!("{}/{}", of.plural, below.name),
        "singularName": "",
        "namespaced": of.namespaced,
        "kind": below.kind,
        "verbs": verbs(&below.verbs),
    });
    if below.version != of.group_version() {
        tree["group"] = (&*below.version.group).into();
        tree["version"] = (&*below.version.version).into();
    }
    tree
}

/// Verbs by their names.
pub(super) fn verbs(of: &[Verb]) -> Vec<&'static str> {
    of.iter().map(|verb| verb.as_str()).collect()
}

/// Whether objects of it are stored: all that can be watched.
fn is_stored(of: &Resource) -> bool {
    of.has(Verb::Watch)
}

/// Tells one stored form from another: base64 of the first eight bytes of the SHA-256 of `group/version/Kind`.
fn storage_version_hash(of: &Resource) -> String {
    // Upstream has told this version of definitions ever since they were stored in it, and clients compare.
    let told = if of.kind == "CustomResourceDefinition" { "v1beta1" } else { &of.storage.version };
    let text = format!("{}/{told}/{}", of.storage.group, of.kind);
    STANDARD.encode(&digest(&SHA256, text.as_bytes()).as_ref()[..8])
}
