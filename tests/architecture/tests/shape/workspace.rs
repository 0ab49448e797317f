//! Reads the workspace: its root, its packages by `cargo metadata`, its text files. No rules in here.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context as _, Result, ensure};
use serde_json::Value;

/// A member of the workspace.
#[derive(Debug)]
pub(crate) struct Package {
    /// Its folder, relative to the workspace's root: `api`, `tests/bench`.
    pub(crate) room: String,
    /// Its manifest's text.
    pub(crate) manifest: String,
    pub(crate) dependencies: Vec<Dependency>,
}

/// A dependency as a manifest declares it.
#[derive(Debug)]
pub(crate) struct Dependency {
    /// The crate's own name, whatever it is renamed to.
    pub(crate) name: String,
    /// The folder of the member that it is; `None` for a crate from outside.
    pub(crate) room: Option<String>,
    /// Whether only the member's tests and examples use it.
    pub(crate) dev: bool,
}

/// A text file of the tree.
#[derive(Debug)]
pub(crate) struct SourceFile {
    /// Its path relative to the workspace's root.
    pub(crate) path: String,
    pub(crate) text: String,
}

/// The workspace's root.
pub(crate) fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).ancestors().nth(2).expect("this crate lives two folders deep").to_owned()
}

/// The workspace's members, from `cargo metadata`; their manifests from disk.
pub(crate) fn packages() -> Result<Vec<Package>> {
    let output = Command::new(env!("CARGO"))
        .args(["metadata", "--format-version", "1", "--offline", "--no-deps"])
        .current_dir(root())
        .output()
        .context("running cargo metadata")?;
    ensure!(output.status.success(), "cargo metadata failed: {}", String::from_utf8_lossy(&output.stderr));
    let metadata = serde_json::from_slice(&output.stdout).context("reading cargo's metadata")?;
    packages_of(&metadata, |manifest| fs::read_to_string(manifest).with_context(|| format!("reading {manifest}")))
}

/// The members in `metadata`; `read` gives a manifest's text by its path.
pub(crate) fn packages_of(metadata: &Value, read: impl Fn(&str) -> Result<String>) -> Result<Vec<Package>> {
    let root = text(metadata, "workspace_root")?;
    array(metadata, "packages")?
        .iter()
        .map(|package| {
            let manifest = text(package, "manifest_path")?;
            let dependencies = array(package, "dependencies")?.iter().map(|value| dependency(value, root));
            Ok(Package {
                room: room(manifest.trim_end_matches("/Cargo.toml"), root)?,
                manifest: read(manifest)?,
                dependencies: dependencies.collect::<Result<_>>()?,
            })
        })
        .collect()
}

fn dependency(value: &Value, root: &str) -> Result<Dependency> {
    Ok(Dependency {
        name: text(value, "name")?.to_owned(),
        room: value.get("path").and_then(Value::as_str).map(|path| room(path, root)).transpose()?,
        dev: value.get("kind").and_then(Value::as_str) == Some("dev"),
    })
}

fn room(folder: &str, root: &str) -> Result<String> {
    let room = folder.strip_prefix(root).with_context(|| format!("{folder} lies outside of the workspace"))?;
    Ok(room.trim_start_matches('/').to_owned())
}

fn text<'v>(value: &'v Value, field: &str) -> Result<&'v str> {
    value.get(field).and_then(Value::as_str).with_context(|| format!("cargo's metadata has no text {field}"))
}

fn array<'v>(value: &'v Value, field: &str) -> Result<&'v Vec<Value>> {
    value.get(field).and_then(Value::as_array).with_context(|| format!("cargo's metadata has no list {field}"))
}

/// Every text file of the tree. Left out: build folders (they carry cargo's CACHEDIR.TAG), hidden folders but CI's,
/// and files that are not UTF-8.
pub(crate) fn source_files() -> Result<Vec<SourceFile>> {
    let root = root();
    let mut files = Vec::new();
    let mut folders = vec![root.clone()];
    while let Some(folder) = folders.pop() {
        for entry in fs::read_dir(&folder).with_context(|| format!("reading {}", folder.display()))? {
            let entry = entry?;
            let path = entry.path();
            let name = entry.file_name().to_string_lossy().into_owned();
            let kind = entry.file_type()?;
            if kind.is_dir() {
                if (!name.starts_with('.') || name == ".ci") && !path.join("CACHEDIR.TAG").exists() {
                    folders.push(path);
                }
            } else if kind.is_file() {
                let Ok(text) = String::from_utf8(fs::read(&path)?) else { continue };
                let path = path.strip_prefix(&root).context("the walk left the root")?.display().to_string();
                files.push(SourceFile { path, text });
            }
        }
    }
    Ok(files)
}
