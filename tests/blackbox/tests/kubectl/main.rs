//! Journeys of stock kubectl, the oldest and the newest at hand: what people type, and what they read.
//!
//! The server runs alone: no controllers, no nodes. Older ones speak JSON, newer ones protobuf where they can.

mod apply;
mod change;
mod discover;
mod lifetime;
mod look;
mod permission;

use anyhow::{Context as _, Result};
use howdah_blackbox::{Kubectl, Server, kubeconfig_of_the_environment};
use libtest_mimic::{Arguments, Failed, Trial};

/// A journey: its name and its steps. It has a namespace of its own.
type Journey = (&'static str, fn(&Kubectl) -> Result<()>);

fn main() -> Result<()> {
    let arguments = Arguments::from_args();
    let (server, kubeconfig) = match kubeconfig_of_the_environment() {
        Some(kubeconfig) => (None, kubeconfig),
        None if arguments.list => (None, std::path::PathBuf::new()),
        None => {
            let server = Server::start(&[]).context("the suite's server")?;
            let kubeconfig = server.kubeconfig();
            (Some(server), kubeconfig)
        }
    };
    let modules = [
        discover::JOURNEYS,
        look::JOURNEYS,
        change::JOURNEYS,
        apply::JOURNEYS,
        lifetime::JOURNEYS,
        permission::JOURNEYS,
    ];
    let mut trials = Vec::new();
    let kubectls = Kubectl::at_hand(&kubeconfig)?;
    if kubectls.is_empty() {
        let name = "no kubectl 1.27 or newer at hand; install one, or name it: KUBECTL=/path/to/kubectl";
        trials.push(Trial::test(name, || Ok(())).with_ignored_flag(true));
    }
    for kubectl in kubectls {
        for (name, journey) in modules.into_iter().flatten() {
            let kubectl = kubectl.within(&format!("{}-1-{}", name.replace(' ', "-"), kubectl.minor));
            let journey = *journey;
            trials.push(Trial::test(format!("kubectl 1.{}: {name}", kubectl.minor), move || {
                set_out(&kubectl).and_then(|()| journey(&kubectl)).map_err(|error| Failed::from(format!("{error:#}")))
            }));
        }
    }
    let conclusion = libtest_mimic::run(&arguments, trials);
    drop(server);
    conclusion.exit_if_failed();
    Ok(())
}

/// Makes the journey's namespace, with the account that pods run as: no controller makes it here.
fn set_out(kubectl: &Kubectl) -> Result<()> {
    let namespace = kubectl.namespace();
    kubectl.run(&format!("create namespace {namespace}"))?;
    kubectl.run("create serviceaccount default")?;
    Ok(())
}

/// Fails unless `text` contains every one of `parts`.
fn contains(text: &str, parts: &[&str]) -> Result<()> {
    for part in parts {
        anyhow::ensure!(text.contains(part), "{part:?} is not in:\n{text}");
    }
    Ok(())
}

/// Fails unless the two are equal.
fn equal(seen: &str, expected: &str) -> Result<()> {
    anyhow::ensure!(seen == expected, "expected:\n{expected}\nseen:\n{seen}");
    Ok(())
}

/// The columns of a table's first line.
fn header(table: &str) -> Vec<&str> {
    table.lines().next().unwrap_or_default().split("  ").map(str::trim).filter(|word| !word.is_empty()).collect()
}
