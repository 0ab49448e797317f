//! The report: a Markdown table for people, JSON with every sample for programs.

use std::fmt::Write as _;

use serde::Serialize;

use crate::machine::Machine;
use crate::result::{Goal, Results, Row, Spread, Unit};
use crate::settings::Settings;

/// The JSON report.
#[derive(Serialize)]
pub(crate) struct Json<'a> {
    format: u32,
    machine: &'a Machine,
    settings: &'a Settings,
    object_bytes: usize,
    rows: Vec<JsonRow<'a>>,
}

#[derive(Serialize)]
struct JsonRow<'a> {
    #[serde(flatten)]
    row: &'a Row,
    howdah_spread: Option<Spread>,
    etcd_spread: Option<Spread>,
    ratio: Option<f64>,
    met: Option<bool>,
}

/// The report as a value for JSON.
pub(crate) fn json<'a>(
    machine: &'a Machine,
    settings: &'a Settings,
    object_bytes: usize,
    results: &'a Results,
) -> Json<'a> {
    let rows = results.rows().map(|row| JsonRow {
        row,
        howdah_spread: Spread::of(&row.howdah),
        etcd_spread: Spread::of(&row.etcd),
        ratio: row.ratio(),
        met: row.met(),
    });
    Json { format: 1, machine, settings, object_bytes, rows: rows.collect() }
}

/// The report as Markdown.
pub(crate) fn markdown(machine: &Machine, settings: &Settings, object_bytes: usize, results: &Results) -> String {
    let mut text = String::new();
    let mut line = |arguments: std::fmt::Arguments<'_>| {
        text.write_fmt(arguments).and_then(|()| text.write_str("\n")).expect("writing into memory can't fail");
    };
    line(format_args!("# Howdah's store beside etcd\n"));
    line(format_args!(
        "Machine: {}, {} cores, {:.1} GiB; Linux {}; data on {}; load average before the run {:.2}.  ",
        machine.cpu,
        machine.cores,
        mebibytes(machine.memory_bytes) / 1024.0,
        machine.kernel,
        machine.filesystem,
        machine.load_before
    ));
    let etcd = machine.etcd.as_deref().map_or_else(|| "no etcd was found".to_owned(), |etcd| format!("etcd {etcd}"));
    line(format_args!("Versions: Howdah {}, {}, {etcd}.  ", env!("CARGO_PKG_VERSION"), machine.postgres));
    line(format_args!(
        "Method: {} interleaved rounds of {} s; {} objects of {object_bytes} bytes (Pods), compare-and-swap \
         updates; each figure is the median of the rounds (smallest–largest).",
        settings.rounds, settings.seconds, settings.keys
    ));
    let mut sections: Vec<&str> = Vec::new();
    for row in results.rows() {
        if !sections.contains(&row.metric.section) {
            sections.push(row.metric.section);
        }
    }
    for section in sections {
        line(format_args!("\n## {section}\n\n| | Howdah | etcd | Howdah/etcd | goal | |\n|---|--:|--:|--:|---|---|"));
        for row in results.rows().filter(|row| row.metric.section == section) {
            line(format_args!("{}", table_line(row)));
        }
    }
    line(format_args!("{NOTES}"));
    text
}

const NOTES: &str = "
Load generator, watchers and stores share the machine's cores on both sides. Howdah's store is a library inside this
process; etcd is reached over loopback by gRPC. Memory and idle CPU are those of the Postgres processes and of etcd;
this process, with Howdah's store in it and etcd's client, is counted for neither. Two watchers read whole payloads of
everything: in the first part on the server that writes (etcd's on connections of their own), in the part with two
servers on the other one, where each change has come through Postgres. From ack: zero where the event was there before
the acknowledgement. In the CPU rows, \"this process\" is clients and watchers, for Howdah with its stores in it; \"all
else\" is what the kernel and other programs took: where that is more than a little, the machine was not quiet and the
figures are worth less.";

fn table_line(row: &Row) -> String {
    let metric = &row.metric;
    format!(
        "| {} | {} | {} | {} | {} | {} |",
        metric.label,
        cell(&row.howdah, metric.unit),
        cell(&row.etcd, metric.unit),
        row.ratio().map_or_else(|| "–".to_owned(), |ratio| format!("{ratio:.2}×")),
        metric.goal.map_or_else(String::new, |goal| self::goal(goal, metric.unit)),
        match row.met() {
            Some(true) => "met",
            Some(false) => "**missed**",
            None => "",
        },
    )
}

fn cell(samples: &[f64], unit: Unit) -> String {
    let Some(spread) = Spread::of(samples) else { return "–".to_owned() };
    let median = number(spread.median, unit);
    if samples.len() == 1 {
        return median;
    }
    format!("{median} ({}–{})", number(spread.min, unit), number(spread.max, unit))
}

fn goal(goal: Goal, unit: Unit) -> String {
    match goal {
        Goal::RatioAtLeast(ratio) => format!("≥ {ratio}×"),
        Goal::AtMost(most) => format!("≤ {} {}", most, symbol(unit)),
    }
}

fn symbol(unit: Unit) -> &'static str {
    match unit {
        Unit::PerSecond => "/s",
        Unit::Milliseconds => "ms",
        Unit::Microseconds => "µs",
        Unit::Mebibytes => "MiB",
        Unit::Percent => "%",
    }
}

/// A figure with about three digits that mean something.
fn number(value: f64, unit: Unit) -> String {
    match unit {
        Unit::PerSecond => grouped(value),
        Unit::Percent => format!("{value:.2}"),
        _ if value >= 100.0 => grouped(value),
        _ if value >= 10.0 => format!("{value:.1}"),
        _ => format!("{value:.2}"),
    }
}

/// A whole number with its thousands parted.
fn grouped(value: f64) -> String {
    let digits = format!("{value:.0}");
    let mut text = String::new();
    for (index, digit) in digits.chars().enumerate() {
        if index > 0 && (digits.len() - index).is_multiple_of(3) {
            text.push(',');
        }
        text.push(digit);
    }
    text
}

/// Bytes as mebibytes.
#[expect(clippy::cast_precision_loss, reason = "a double holds every count of bytes below 2^53")]
pub(crate) fn mebibytes(bytes: u64) -> f64 {
    bytes as f64 / f64::from(1 << 20)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::result::{Metric, Side};

    #[test]
    fn figures_are_written_for_people() {
        assert_eq!(number(1_234_567.4, Unit::PerSecond), "1,234,567");
        assert_eq!(number(987.0, Unit::PerSecond), "987");
        assert_eq!(number(0.456, Unit::Milliseconds), "0.46");
        assert_eq!(number(45.67, Unit::Milliseconds), "45.7");
        assert_eq!(cell(&[2.0, 1.0, 3.0], Unit::Percent), "2.00 (1.00–3.00)");
        assert_eq!(cell(&[], Unit::Percent), "–");
    }

    #[test]
    fn a_missed_goal_is_said() {
        let machine = Machine {
            cpu: "c".into(),
            cores: 2,
            memory_bytes: 1 << 30,
            kernel: "6".into(),
            filesystem: "ext4 on x".into(),
            load_before: 0.0,
            postgres: "postgres 15".into(),
            etcd: Some("3.4".into()),
        };
        let mut results = Results::default();
        let goal = Some(Goal::RatioAtLeast(3.0));
        results.declare([
            Metric { goal, ..Metric::new("Writes", "w", "writes/s", Unit::PerSecond) },
            Metric::new("Memory", "m", "PSS", Unit::Mebibytes),
            Metric::new("Writes", "v", "more writes/s", Unit::PerSecond),
        ]);
        results.record("w", Side::Howdah, 2000.0).expect("declared");
        results.record("w", Side::Etcd, 1000.0).expect("declared");
        results.record("m", Side::Howdah, 20.0).expect("declared");
        results.record("v", Side::Howdah, 10.0).expect("declared");
        let text = markdown(&machine, &Settings::quick(), 2048, &results);
        assert!(text.contains("| writes/s | 2,000 | 1,000 | 2.00× | ≥ 3× | **missed** |"), "{text}");
        assert_eq!((text.matches("## Writes").count(), text.matches("## Memory").count()), (1, 1), "{text}");
    }
}
