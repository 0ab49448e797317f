//! The fuzzers are a workspace of their own, which the main one's build does not see: every target is named in their
//! manifest, without which it would never run, and has a seed.

use std::collections::BTreeSet;
use std::fs;
use std::path::Path;

use anyhow::{Context as _, Result};

use crate::workspace::{packages, root};

/// The names of what lies in a folder, without extensions.
fn names(folder: &Path) -> Result<BTreeSet<String>> {
    let entries = fs::read_dir(folder).with_context(|| format!("reading {}", folder.display()))?;
    entries
        .map(|entry| Ok(entry?.path().with_extension("").file_name().unwrap_or_default().display().to_string()))
        .collect()
}

/// The targets that a manifest names.
fn named_targets(manifest: &str) -> BTreeSet<String> {
    let paths = manifest.lines().filter_map(|line| line.strip_prefix("path = \"fuzz_targets/")?.strip_suffix(".rs\""));
    paths.map(str::to_owned).collect()
}

#[test]
fn every_fuzz_target_is_named_and_has_a_seed() -> Result<()> {
    let fuzz = root().join("fuzz");
    let targets = names(&fuzz.join("fuzz_targets"))?;
    assert!(targets.contains("json"), "the targets were not found");
    assert_eq!(named_targets(&fs::read_to_string(fuzz.join("Cargo.toml"))?), targets);
    assert_eq!(names(&fuzz.join("seed"))?, targets);
    Ok(())
}

#[test]
fn the_fuzzers_are_not_part_of_the_workspace() -> Result<()> {
    assert!(packages()?.iter().all(|package| !package.room.starts_with("fuzz")));
    Ok(())
}

#[test]
fn targets_are_read_from_a_manifest() {
    let manifest = "[[bin]]\nname = \"a\"\npath = \"fuzz_targets/a.rs\"\n\n[dependencies]\nb = { path = \"../b\" }\n";
    assert_eq!(named_targets(manifest), BTreeSet::from(["a".to_owned()]));
}
