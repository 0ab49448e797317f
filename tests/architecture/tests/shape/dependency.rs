//! Dependencies point one way: `api ← store ← server`; `api ← scheduler, controllers, network`;
//! `runtime, network ← kubelet`; `howdah` joins all. What is below `tests/` may use anything.
//!
//! Rooms that are not built yet have their row already, so that their first commit is held to it.

use anyhow::Result;
use serde_json::{Value, json};

use crate::workspace::{Package, packages, packages_of};

/// Each room and the rooms that it may use. A room that is not in the table is a finding.
const ARROWS: &[(&str, &[&str])] = &[
    ("api", &[]),
    ("store", &["api"]),
    ("server", &["api", "store"]),
    ("scheduler", &["api"]),
    ("controllers", &["api"]),
    ("network", &["api"]),
    ("runtime", &[]),
    ("kubelet", &["api", "runtime", "network"]),
    ("howdah", &["api", "store", "server", "scheduler", "controllers", "network", "runtime", "kubelet"]),
];

/// Families of crates (the name itself and `name-…`) that one room alone may use, and why.
const OWNED: &[(&str, &str, &str)] = &[
    ("sqlx", "store", "all SQL is the store's"),
    ("libcontainer", "runtime", "containers are made in one place"),
    ("actix", "server", "HTTP handlers are the server's"),
];

/// Families of crates that the vocabulary must do without, so that it stays pure.
const IMPURE: &[&str] = &["tokio", "async-std", "sqlx", "actix", "hyper", "reqwest", "kube", "rustix", "nix", "libc"];

/// Rooms whose code may be unsafe, and which therefore have lints of their own.
pub(crate) const UNSAFE_ROOMS: &[&str] = &["runtime"];

fn is_test(room: &str) -> bool {
    room.starts_with("tests/")
}

fn is_of(family: &str, name: &str) -> bool {
    name.strip_prefix(family).is_some_and(|rest| rest.is_empty() || rest.starts_with('-'))
}

/// Dependencies between rooms that point the wrong way, and rooms without a row.
fn wrong_arrows(packages: &[Package]) -> Vec<String> {
    let mut findings = Vec::new();
    for package in packages.iter().filter(|package| !is_test(&package.room)) {
        let room = &package.room;
        let Some((_, allowed)) = ARROWS.iter().find(|(from, _)| from == room) else {
            findings.push(format!("{room} has no row in the table of rooms"));
            continue;
        };
        for dependency in &package.dependencies {
            let Some(target) = dependency.room.as_deref() else { continue };
            if !(allowed.contains(&target) || dependency.dev && is_test(target)) {
                findings.push(format!("{room} must not use {target}"));
            }
        }
    }
    findings
}

/// Crates from outside in a room where they don't belong.
fn misplaced_crates(packages: &[Package]) -> Vec<String> {
    let mut findings = Vec::new();
    for Package { room, dependencies, .. } in packages.iter().filter(|package| !is_test(&package.room)) {
        for dependency in dependencies.iter().filter(|dependency| dependency.room.is_none()) {
            let name = &dependency.name;
            for (family, owner, why) in OWNED {
                if is_of(family, name) && room != owner {
                    findings.push(format!("{room} must not use {name}: {why}"));
                }
            }
            if room == "api" && IMPURE.iter().any(|family| is_of(family, name)) {
                findings.push(format!("api must not use {name}: it is pure"));
            }
        }
    }
    findings
}

/// Members that do not take the workspace's lints over.
fn own_lints(packages: &[Package]) -> Vec<String> {
    let odd = packages.iter().filter(|package| !inherits_lints(&package.manifest));
    odd.map(|package| package.room.clone()).filter(|room| !UNSAFE_ROOMS.contains(&room.as_str())).collect()
}

fn inherits_lints(manifest: &str) -> bool {
    section(manifest, "lints").any(|line| line == "workspace = true")
}

/// The lines of a manifest's section, trimmed.
fn section<'m>(manifest: &'m str, name: &str) -> impl Iterator<Item = &'m str> {
    let header = format!("[{name}]");
    let mut lines = manifest.lines().map(str::trim);
    lines.by_ref().find(|line| *line == header);
    lines.take_while(|line| !line.starts_with('['))
}

#[test]
fn dependencies_point_one_way() -> Result<()> {
    let packages = packages()?;
    assert!(packages.iter().any(|package| package.room == "store"), "the store was not found in {packages:?}");
    assert_eq!(wrong_arrows(&packages), Vec::<String>::new());
    Ok(())
}

#[test]
fn crates_stay_in_the_rooms_that_own_them() -> Result<()> {
    let packages = packages()?;
    let sql = packages.iter().find(|package| package.dependencies.iter().any(|dep| dep.name == "sqlx"));
    assert!(sql.is_some(), "nobody uses sqlx: the rule would guard nothing");
    assert_eq!(misplaced_crates(&packages), Vec::<String>::new());
    Ok(())
}

#[test]
fn every_member_inherits_the_lints_which_forbid_unsafe_code() -> Result<()> {
    let root = std::fs::read_to_string(crate::workspace::root().join("Cargo.toml"))?;
    assert!(section(&root, "workspace.lints.rust").any(|line| line == r#"unsafe_code = "forbid""#));
    assert_eq!(own_lints(&packages()?), Vec::<String>::new());
    Ok(())
}

#[test]
fn the_table_of_rooms_has_no_circle() {
    // Rooms stand in an order in which each uses only rooms above it; `kubelet` and `howdah` come last.
    for (at, (room, uses)) in ARROWS.iter().enumerate() {
        for used in *uses {
            assert!(ARROWS[..at].iter().any(|(above, _)| above == used), "{room} uses {used}, which stands below it");
        }
    }
}

/// What the rules find in a workspace with one member in the folder `room`.
fn findings(room: &str, dependencies: &Value, manifest: &str) -> Result<[Vec<String>; 3]> {
    let metadata = json!({
        "workspace_root": "/w",
        "packages": [{ "manifest_path": format!("/w/{room}/Cargo.toml"), "dependencies": dependencies }],
    });
    let packages = packages_of(&metadata, |_| Ok(manifest.to_owned()))?;
    Ok([wrong_arrows(&packages), misplaced_crates(&packages), own_lints(&packages)])
}

const LINTS: &str = "[package]\nname = \"x\"\n\n[lints]\nworkspace = true\n";

#[test]
fn a_dependency_the_wrong_way_round_is_found() -> Result<()> {
    let store = json!([{ "name": "howdah-store", "kind": null, "path": "/w/store" }]);
    assert_eq!(findings("api", &store, LINTS)?[0], ["api must not use store"]);
    assert_eq!(findings("controllers", &store, LINTS)?[0], ["controllers must not use store"]);
    assert_eq!(findings("server", &store, LINTS)?[0], [""; 0]);
    assert_eq!(findings("tests/bench", &store, LINTS)?[0], [""; 0]);
    assert_eq!(findings("attic", &store, LINTS)?[0], ["attic has no row in the table of rooms"]);
    Ok(())
}

#[test]
fn only_tests_use_what_lies_below_tests() -> Result<()> {
    let harness = |kind| json!([{ "name": "howdah-harness", "kind": kind, "path": "/w/tests/harness" }]);
    assert_eq!(findings("store", &harness(Some("dev")), LINTS)?[0], [""; 0]);
    assert_eq!(findings("store", &harness(None), LINTS)?[0], ["store must not use tests/harness"]);
    assert_eq!(findings("store", &harness(Some("build")), LINTS)?[0], ["store must not use tests/harness"]);
    Ok(())
}

#[test]
fn a_crate_in_the_wrong_room_is_found() -> Result<()> {
    let sqlx = json!([{ "name": "sqlx-core", "kind": null, "rename": "harmless" }]);
    assert_eq!(findings("server", &sqlx, LINTS)?[1], ["server must not use sqlx-core: all SQL is the store's"]);
    assert_eq!(findings("store", &sqlx, LINTS)?[1], [""; 0]);
    let tokio = json!([{ "name": "tokio", "kind": "dev" }, { "name": "tokio-util", "kind": null }]);
    let found = findings("api", &tokio, LINTS)?;
    assert_eq!(found[1], ["api must not use tokio: it is pure", "api must not use tokio-util: it is pure"]);
    assert_eq!(findings("api", &json!([{ "name": "kubert", "kind": null }]), LINTS)?[1], [""; 0]);
    Ok(())
}

#[test]
fn lints_of_its_own_are_found() -> Result<()> {
    let none = "[package]\nname = \"x\"\n\n[dependencies]\n";
    let elsewhere = "[lints]\n\n[dependencies]\nworkspace = true\n";
    for manifest in [none, elsewhere] {
        assert_eq!(findings("api", &json!([]), manifest)?[2], ["api"], "{manifest}");
    }
    assert_eq!(findings("api", &json!([]), LINTS)?[2], [""; 0]);
    assert_eq!(findings("runtime", &json!([]), none)?[2], [""; 0]);
    Ok(())
}
