//! What is served.

use howdah_api::resource::{self, Resource, Text};

/// The resources that a server serves, by group and version.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Served {
    groups: Vec<ServedGroup>,
}

/// A group, with at least one version.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ServedGroup {
    /// Its name; empty for the core group.
    pub name: Text,
    /// Its versions, the preferred one first.
    pub versions: Vec<ServedVersion>,
}

/// A version of a group, with at least one resource.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ServedVersion {
    /// Its name.
    pub name: Text,
    /// Its resources, ordered by their plurals, with the subresources that are served.
    pub resources: Vec<Resource>,
}

impl Served {
    /// What `serves` says of the built-in resources: it is asked about each row of the resource table with an empty
    /// name, and then about each subresource of those that are served with the subresource's name.
    #[must_use]
    pub fn built_in(serves: impl Fn(&Resource, &str) -> bool) -> Self {
        let rows = resource::resources().iter().filter(|row| serves(row, ""));
        Self::of(rows.map(|row| {
            let mut row = row.clone();
            let all = std::mem::take(&mut row.subresources);
            row.subresources = all.into_iter().filter(|below| serves(&row, &below.name)).collect();
            row
        }))
    }

    /// These resources. Groups and versions that the resource table knows come first and in its order.
    #[must_use]
    pub fn of(resources: impl IntoIterator<Item = Resource>) -> Self {
        let mut served = Self::default();
        for resource in resources {
            let group = served.groups.iter().position(|group| group.name == resource.group).unwrap_or_else(|| {
                served.groups.push(ServedGroup { name: resource.group.clone(), versions: Vec::new() });
                served.groups.len() - 1
            });
            let versions = &mut served.groups[group].versions;
            let version = versions.iter().position(|version| version.name == resource.version).unwrap_or_else(|| {
                versions.push(ServedVersion { name: resource.version.clone(), resources: Vec::new() });
                versions.len() - 1
            });
            versions[version].resources.push(resource);
        }
        let known = resource::groups();
        let place = |name: &Text| known.iter().position(|group| group.name == *name).unwrap_or(known.len());
        served.groups.sort_by_key(|group| place(&group.name));
        for group in &mut served.groups {
            let order = known.iter().find(|known| known.name == group.name).map(|known| &known.versions[..]);
            let order = order.unwrap_or_default();
            let place = |name: &Text| order.iter().position(|version| version == name).unwrap_or(order.len());
            group.versions.sort_by_key(|version| place(&version.name));
            for version in &mut group.versions {
                version.resources.sort_by(|a, b| a.plural.cmp(&b.plural));
            }
        }
        served
    }

    /// The groups, the core group first where it is served.
    #[must_use]
    pub fn groups(&self) -> &[ServedGroup] {
        &self.groups
    }

    /// A version of a group.
    #[must_use]
    pub fn version(&self, group: &str, version: &str) -> Option<&ServedVersion> {
        let group = self.groups.iter().find(|of| of.name == group)?;
        group.versions.iter().find(|of| of.name == version)
    }

    /// All resources.
    pub fn resources(&self) -> impl Iterator<Item = &Resource> {
        self.groups.iter().flat_map(|group| &group.versions).flat_map(|version| &version.resources)
    }
}
