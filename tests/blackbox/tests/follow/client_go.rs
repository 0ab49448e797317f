//! client-go's informers, by the Go program in `tests/client-go`, which is built here where Go is at hand.
//!
//! The program changes objects and judges what its informers were told; here its report is read, and whether the
//! informers used the encoding and the way to list that the trial is about.
//!
//! Go is not among the packages that Howdah's scripts install. Without it, with one that is too old, or where client-go's
//! modules can't be fetched, the trials are ignored and say so; `HOWDAH_TEST_GO=required` makes that a failure. `GO` names another `go`.

use std::ffi::OsString;
use std::path::{Path, PathBuf};
use std::process::{Output, Stdio};
use std::time::Duration;

use anyhow::{Context as _, Result, bail, ensure};
use libtest_mimic::Completion;
use serde_json::Value;
use tokio::process::Command;

use crate::{Steps, World};

pub(crate) const TRIALS: &[(&str, Steps)] = &[
    ("client-go: protobuf, streamed lists", |world| trial(world, "protobuf", true)),
    ("client-go: protobuf, paged lists", |world| trial(world, "protobuf", false)),
    ("client-go: JSON, streamed lists", |world| trial(world, "json", true)),
    ("client-go: JSON, paged lists", |world| trial(world, "json", false)),
];

/// How long building may take: the modules are fetched and compiled.
const BUILD: Duration = Duration::from_secs(900);
/// How long the program may take.
const RUN: Duration = Duration::from_secs(600);

fn trial(world: &World, content_type: &str, is_streamed: bool) -> Result<Completion> {
    let source = Path::new(env!("CARGO_MANIFEST_DIR")).with_file_name("client-go");
    let go = std::env::var_os("GO").unwrap_or_else(|| OsString::from("go"));
    if let Err(missing) = world.runtime.block_on(at_hand(&go, &source)) {
        ensure!(std::env::var("HOWDAH_TEST_GO").as_deref() != Ok("required"), "{missing:#}");
        return Ok(Completion::ignored_with(format!("{missing:#}")));
    }
    let place = world.any_server()?;
    let report = world.runtime.block_on(async {
        let program = build(&go, &source).await?;
        let mut command = Command::new(program);
        command.arg("--kubeconfig").arg(place.kubeconfig()).args(["--content-type", content_type]);
        command.arg(format!("--watch-list={is_streamed}"));
        command.args(["--changes", &(world.changes / 4).to_string()]);
        let output = finish(command, RUN).await?;
        let text = String::from_utf8_lossy(&output.stdout);
        let errors = String::from_utf8_lossy(&output.stderr);
        ensure!(output.status.success(), "it ended with {}\n{text}{errors}", output.status);
        serde_json::from_str::<Value>(&text).with_context(|| format!("it reported {text:?}"))
    })?;
    println!("\n{} changes in {:.1} s", report["changes"], report["seconds"].as_f64().unwrap_or_default());
    let informers = report["informers"].as_array().context("the report has no informers")?;
    ensure!(!informers.is_empty(), "the report has no informers");
    for informer in informers {
        let name = informer["name"].as_str().context("an informer has a name")?;
        let count = |field: &str| informer["requests"][field].as_u64().with_context(|| format!("no count of {field}"));
        ensure!(informer["events"].as_u64() > Some(0), "{name} was told of nothing");
        // One list is the program's own, to compare the cache with.
        let ways = (count("streamed_lists")?, count("lists")?);
        ensure!(ways == if is_streamed { (1, 1) } else { (0, 2) }, "{name} listed in another way: {informer}");
        // The metadata client speaks protobuf only.
        let other = if content_type == "protobuf" || name.starts_with("metadata") { "json" } else { "protobuf" };
        ensure!(count(other)? == 0, "{name} was answered in {other}: {informer}");
    }
    Ok(Completion::Completed)
}

/// Why the program can't be built here, if the machine lacks what it takes.
async fn at_hand(go: &OsString, source: &Path) -> Result<()> {
    let module = std::fs::read_to_string(source.join("go.mod")).context("the Go program has no go.mod")?;
    let needed = module.lines().find_map(|line| line.strip_prefix("go ")).context("go.mod names no version of Go")?;
    let mut command = Command::new(go);
    command.args(["env", "GOVERSION"]).env("GOTOOLCHAIN", "local");
    let output =
        finish(command, RUN).await.with_context(|| format!("Go {needed} is needed for client-go's informers"))?;
    let found = String::from_utf8_lossy(&output.stdout).trim().trim_start_matches("go").to_owned();
    let number = |version: &str| -> Vec<u32> { version.split('.').map_while(|part| part.parse().ok()).collect() };
    ensure!(number(&found) >= number(needed), "Go {needed} is needed for client-go's informers, not {found:?}");
    let mut command = Command::new(go);
    command.args(["mod", "download"]).current_dir(source);
    let output = finish(command, BUILD).await.context("fetching the modules of client-go")?;
    let errors = String::from_utf8_lossy(&output.stderr);
    ensure!(output.status.success(), "the modules of client-go can't be fetched: {errors}");
    Ok(())
}

/// Builds the program beside the test; Go's cache makes it quick the second time.
async fn build(go: &OsString, source: &Path) -> Result<PathBuf> {
    let own = std::env::current_exe()?;
    let folder = own.parent().and_then(Path::parent).context("the test has no build folder")?;
    let program = folder.join("howdah-client-go");
    let mut command = Command::new(go);
    command.args(["build", "-mod=readonly", "-buildvcs=false", "-o"]).arg(&program).arg(".").current_dir(source);
    let output = finish(command, BUILD).await.context("building the Go program")?;
    if !output.status.success() {
        bail!("the Go program can't be built:\n{}", String::from_utf8_lossy(&output.stderr));
    }
    Ok(program)
}

/// Runs a command to its end; it is killed where that takes too long.
async fn finish(mut command: Command, patience: Duration) -> Result<Output> {
    command.stdin(Stdio::null()).kill_on_drop(true);
    let output = tokio::time::timeout(patience, command.output()).await;
    Ok(output.with_context(|| format!("it took more than {} s", patience.as_secs()))??)
}
