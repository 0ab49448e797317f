//! Warnings of files of one volume that stand in each other's way: one path twice, or one inside another.

use std::fmt;

use k8s_openapi::api::core::v1::{DownwardAPIVolumeFile, KeyToPath, Volume, VolumeProjection};

use crate::go::quote;

/// A file's path, and what puts it there, where that is worth saying.
#[derive(Debug, Clone, PartialEq, Eq)]
struct File {
    path: String,
    source: String,
}

impl fmt::Display for File {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&quote(&self.path))?;
        if self.source.is_empty() { Ok(()) } else { write!(f, " ({})", self.source) }
    }
}

/// All volumes of a spec.
pub(super) fn overlapping_paths(volumes: &[Volume]) -> Vec<String> {
    let mut warnings = Vec::new();
    for volume in volumes {
        let mut warn = |description: &str, files: Vec<File>| {
            for overlap in overlaps(files) {
                let name = quote(&volume.name);
                warnings.push(format!("volume {name} ({description}): overlapping paths: {overlap}"));
            }
        };
        if let Some(source) = &volume.config_map {
            let description = format!("ConfigMap {}", quote(&source.name));
            warn(&description, keys(source.items.as_deref(), ""));
        }
        if let Some(source) = &volume.secret {
            let description = format!("Secret {}", quote(source.secret_name.as_deref().unwrap_or_default()));
            warn(&description, keys(source.items.as_deref(), ""));
        }
        if let Some(source) = &volume.downward_api {
            warn("DownwardAPI", fields(source.items.as_deref(), ""));
        }
        if let Some(source) = &volume.projected {
            let sources = source.sources.as_deref().unwrap_or_default();
            warn("Projected", sources.iter().flat_map(projected).collect());
            for _ in sources.iter().filter(|source| **source == VolumeProjection::default()) {
                warnings.push(format!("volume {} (Projected) has no sources provided", quote(&volume.name)));
            }
        }
    }
    warnings
}

fn overlaps(files: Vec<File>) -> Vec<String> {
    let mut warnings = Vec::new();
    let mut before: Vec<File> = Vec::new();
    for mut file in files {
        file.path.truncate(file.path.trim_end_matches('/').len());
        let (path, inside) = (file.path.as_str(), format!("{}/", file.path));
        let collides = |other: &&File| {
            let holds = format!("{}/", other.path);
            !other.path.is_empty() && !path.is_empty() && (holds.starts_with(&inside) || inside.starts_with(&holds))
        };
        warnings.extend(before.iter().filter(collides).map(|other| format!("{file} with {other}")));
        before.push(file);
    }
    warnings
}

fn keys(items: Option<&[KeyToPath]>, source: &str) -> Vec<File> {
    items.unwrap_or_default().iter().map(|item| file(&item.path, source)).collect()
}

fn fields(items: Option<&[DownwardAPIVolumeFile]>, source: &str) -> Vec<File> {
    items.unwrap_or_default().iter().map(|item| file(&item.path, source)).collect()
}

fn file(path: &str, source: &str) -> File {
    File { path: path.to_owned(), source: source.to_owned() }
}

fn projected(source: &VolumeProjection) -> Vec<File> {
    if let Some(source) = source.config_map.as_ref().filter(|source| source.items.is_some()) {
        return keys(source.items.as_deref(), &format!("ConfigMap {}", quote(&source.name)));
    }
    if let Some(source) = source.secret.as_ref().filter(|source| source.items.is_some()) {
        return keys(source.items.as_deref(), &format!("Secret {}", quote(&source.name)));
    }
    if let Some(source) = source.downward_api.as_ref().filter(|source| source.items.is_some()) {
        return fields(source.items.as_deref(), "DownwardAPI");
    }
    if let Some(token) = &source.service_account_token {
        return vec![file(&token.path, "ServiceAccountToken")];
    }
    if let Some(bundle) = &source.cluster_trust_bundle {
        let name = bundle.name.as_ref().or(bundle.signer_name.as_ref()).map_or("", String::as_str);
        return vec![file(&bundle.path, &format!("ClusterTrustBundle {}", quote(name)))];
    }
    let Some(certificate) = &source.pod_certificate else { return Vec::new() };
    [
        (&certificate.certificate_chain_path, "PodCertificate chain"),
        (&certificate.key_path, "PodCertificate key"),
        (&certificate.credential_bundle_path, "PodCertificate credential bundle"),
    ]
    .into_iter()
    .filter_map(|(path, source)| Some(file(path.as_deref().filter(|path| !path.is_empty())?, source)))
    .collect()
}
