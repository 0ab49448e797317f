//! Requests: create, update, patch and get of ConfigMaps and Pods, at each number of clients.
//!
//! Every round makes its objects anew and removes them, so that no target carries what a faster round left behind.

use anyhow::Result;

use super::{memory_metrics, record_memory, with_memory};
use crate::api::load::{Load, Population, Verb};
use crate::api::object::Kind;
use crate::api::settings::Settings;
use crate::api::target::{Target, order, settle};
use crate::result::{Goal, Metric, Results, Unit};

/// How many times the baseline's writes a second are promised, from 16 clients on.
const WRITE_GOAL: f64 = 5.0;

/// The figures of this part, in the report's order.
pub(crate) fn metrics(settings: &Settings) -> Vec<Metric> {
    let mut metrics = Vec::new();
    for kind in Kind::ALL {
        let [rates, latencies, cpu] = sections(kind);
        let shapes = || {
            let verbs = [Verb::Create, Verb::Update, Verb::Patch, Verb::Get];
            verbs.into_iter().flat_map(|verb| settings.clients.iter().map(move |clients| (verb, *clients)))
        };
        for (verb, clients) in shapes() {
            let metric = Metric::new(rates, name(kind, verb, clients, "rate"), label(verb, clients), Unit::PerSecond);
            let promised = verb != Verb::Get && clients >= 16;
            metrics.push(if promised { metric.with(Goal::RatioAtLeast(WRITE_GOAL)) } else { metric });
        }
        for quantile in ["p50", "p99"] {
            for (verb, clients) in shapes() {
                let label = format!("{}, {quantile} (ms)", label(verb, clients));
                metrics.push(Metric::new(latencies, name(kind, verb, clients, quantile), label, Unit::Milliseconds));
            }
        }
        for (side, who) in [("cpu_server", "the server's processes"), ("cpu_bench", "this process")] {
            for (verb, clients) in shapes().filter(|(_, clients)| settings.clients.last() == Some(clients)) {
                let label = format!("{}: {who} (µs)", label(verb, clients));
                metrics.push(Metric::new(cpu, name(kind, verb, clients, side), label, Unit::Microseconds));
            }
        }
    }
    metrics.extend(memory_metrics("requests_peak", "at most, during the requests"));
    metrics.extend(memory_metrics("requests", "after the requests"));
    metrics
}

fn sections(kind: Kind) -> [&'static str; 3] {
    match kind {
        Kind::ConfigMap => ["ConfigMaps, requests/s", "ConfigMaps, latency", "ConfigMaps, CPU time for a request"],
        Kind::Pod => ["Pods, requests/s", "Pods, latency", "Pods, CPU time for a request"],
    }
}

fn name(kind: Kind, verb: Verb, clients: usize, what: &str) -> String {
    format!("{}_{}_{clients}_{what}", kind.plural(), verb.name())
}

fn label(verb: Verb, clients: usize) -> String {
    format!("{}, {clients} {}", verb.name(), if clients == 1 { "client" } else { "clients" })
}

/// Runs this part; answers the mean length of an object of each kind as the first target sends it, in bytes.
pub(crate) async fn run(targets: &[Target], settings: &Settings, results: &mut Results) -> Result<Vec<(Kind, usize)>> {
    let mut lengths = Vec::new();
    for round in 0..settings.rounds {
        for kind in Kind::ALL {
            for target in order(targets, round) {
                settle(targets).await?;
                let measured = measure(targets, target, kind, settings, results);
                let (length, memory) = with_memory(target, measured).await?;
                record_memory(results, target, "requests_peak", memory)?;
                if target.column == 0 && round == 0 {
                    lengths.push((kind, length));
                }
                target.empty(kind).await?;
            }
            eprintln!("round {} of {}: {} done", round + 1, settings.rounds, kind.plural());
        }
    }
    settle(targets).await?;
    for target in targets {
        record_memory(results, target, "requests", target.memory()?)?;
    }
    Ok(lengths)
}

async fn measure(
    targets: &[Target],
    target: &Target,
    kind: Kind,
    settings: &Settings,
    results: &mut Results,
) -> Result<usize> {
    let mut population = Population::fill(target, kind, settings.objects, settings.connections).await?;
    for verb in Verb::ALL {
        for clients in &settings.clients {
            settle(targets).await?;
            let load = population.load(target, verb, *clients, settings.connections, settings.window()).await?;
            let what = label(verb, *clients);
            eprintln!("{}: {} {what}: {:.0}/s", target.label, kind.plural(), load.rate);
            record(results, target, &load, |figure| name(kind, verb, *clients, figure), settings, *clients)?;
        }
    }
    Ok(population.mean_bytes())
}

fn record(
    results: &mut Results,
    target: &Target,
    load: &Load,
    name: impl Fn(&str) -> String,
    settings: &Settings,
    clients: usize,
) -> Result<()> {
    let mut sample = |figure: &str, value| results.record(&name(figure), target.column, value);
    sample("rate", load.rate)?;
    sample("p50", load.latency.p50)?;
    sample("p99", load.latency.p99)?;
    if settings.clients.last() == Some(&clients) {
        sample("cpu_bench", load.bench_cpu_micros)?;
        if let Some(cpu) = load.server_cpu_micros {
            sample("cpu_server", cpu)?;
        }
    }
    Ok(())
}
