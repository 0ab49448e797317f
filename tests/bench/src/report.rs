//! The report: a Markdown table for people, JSON with every sample for programs.

use std::fmt::Write as _;
use std::fs;
use std::path::Path;

use anyhow::{Context as _, Result};
use serde::Serialize;

use crate::machine::Machine;
use crate::result::{Goal, Results, Row, Spread, Unit};

/// What a run came to, ready to be told.
pub(crate) struct Report<'a, S> {
    /// The heading.
    pub(crate) title: &'static str,
    /// On what the run took place, and what was measured.
    pub(crate) machine: &'a Machine,
    /// How it was measured, in a sentence.
    pub(crate) method: String,
    /// How large the run was.
    pub(crate) settings: &'a S,
    /// The figures.
    pub(crate) results: &'a Results,
    /// What a reader of the table has to know, behind an empty line.
    pub(crate) notes: &'static str,
}

#[derive(Serialize)]
struct Json<'a, S> {
    format: u32,
    title: &'static str,
    machine: &'a Machine,
    method: &'a str,
    settings: &'a S,
    columns: &'a [String],
    rows: Vec<JsonRow<'a>>,
}

#[derive(Serialize)]
struct JsonRow<'a> {
    #[serde(flatten)]
    row: &'a Row,
    /// One for each column, as the samples are.
    spreads: Vec<Option<Spread>>,
    /// The first column's median over that of each other column.
    ratios: Vec<Option<f64>>,
    met: Option<bool>,
}

impl<S: Serialize> Report<'_, S> {
    /// Prints the table to standard output, and writes the JSON with every sample to `json`.
    ///
    /// # Errors
    /// Where the file can't be written.
    pub(crate) fn publish(&self, json: Option<&Path>) -> Result<()> {
        if let Some(file) = json {
            let text = serde_json::to_string_pretty(&self.json())?;
            fs::write(file, text + "\n").with_context(|| format!("writing {}", file.display()))?;
        }
        println!("{}", self.markdown());
        Ok(())
    }

    fn json(&self) -> Json<'_, S> {
        let columns = self.results.columns();
        let rows = self.results.rows().map(|row| JsonRow {
            row,
            spreads: (0..columns.len()).map(|column| row.spread(column)).collect(),
            ratios: (1..columns.len()).map(|column| row.ratio(column)).collect(),
            met: row.met(),
        });
        Json {
            format: 2,
            title: self.title,
            machine: self.machine,
            method: &self.method,
            settings: self.settings,
            columns,
            rows: rows.collect(),
        }
    }

    fn markdown(&self) -> String {
        let mut text = String::new();
        let mut line = |arguments: std::fmt::Arguments<'_>| {
            text.write_fmt(arguments).and_then(|()| text.write_str("\n")).expect("writing into memory can't fail");
        };
        let machine = self.machine;
        line(format_args!("# {}\n", self.title));
        line(format_args!(
            "Machine: {}, {} cores, {:.1} GiB; Linux {}; data on {}; load average before the run {:.2}.  ",
            machine.cpu,
            machine.cores,
            mebibytes(machine.memory_bytes) / 1024.0,
            machine.kernel,
            machine.filesystem,
            machine.load_before
        ));
        line(format_args!("Versions: {}.  ", machine.versions.join(", ")));
        line(format_args!("Method: {}", self.method));
        let mut sections: Vec<&str> = Vec::new();
        for row in self.results.rows() {
            if !sections.contains(&row.metric.section) {
                sections.push(row.metric.section);
            }
        }
        let columns = self.results.columns();
        for section in sections {
            line(format_args!("\n## {section}\n\n{}", head(columns)));
            for row in self.results.rows().filter(|row| row.metric.section == section) {
                line(format_args!("{}", table_line(row, columns.len())));
            }
        }
        line(format_args!("{}", self.notes));
        text
    }
}

/// The head of a table: the columns, the first one's ratio to each other, the goal.
fn head(columns: &[String]) -> String {
    let ratios = columns.iter().skip(1).map(|other| format!("{}/{other}", columns[0]));
    let figures: Vec<String> = columns.iter().cloned().chain(ratios).collect();
    format!("| | {} | goal | |\n|---|{}---|---|", figures.join(" | "), "--:|".repeat(figures.len()))
}

fn table_line(row: &Row, columns: usize) -> String {
    let metric = &row.metric;
    let cells = row.samples.iter().map(|samples| cell(samples, metric.unit));
    let ratio = |column| row.ratio(column).map_or_else(|| "–".to_owned(), |ratio| format!("{ratio:.2}×"));
    let figures: Vec<String> = cells.chain((1..columns).map(ratio)).collect();
    format!(
        "| {} | {} | {} | {} |",
        metric.label,
        figures.join(" | "),
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
        Goal::RatioAtMost(ratio) => format!("≤ {ratio}×"),
        Goal::AtMost(most) => format!("≤ {most} {}", symbol(unit)).trim_end().to_owned(),
    }
}

fn symbol(unit: Unit) -> &'static str {
    match unit {
        Unit::PerSecond => "/s",
        Unit::Milliseconds => "ms",
        Unit::Microseconds => "µs",
        Unit::Mebibytes => "MiB",
        Unit::Percent => "%",
        Unit::Count => "",
    }
}

/// A figure with about three digits that mean something.
fn number(value: f64, unit: Unit) -> String {
    match unit {
        Unit::PerSecond | Unit::Count => grouped(value),
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
    use crate::result::Metric;

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
            versions: vec!["postgres 15".into(), "etcd 3.4".into()],
        };
        let mut results = Results::new(["Howdah", "etcd"]);
        results.declare([
            Metric::new("Writes", "w", "writes/s", Unit::PerSecond).with(Goal::RatioAtLeast(3.0)),
            Metric::new("Memory", "m", "PSS", Unit::Mebibytes),
            Metric::new("Writes", "v", "more writes/s", Unit::PerSecond),
            Metric::new("Watch", "l", "lost", Unit::Count).with(Goal::AtMost(0.0)),
        ]);
        for (name, column, sample) in
            [("w", 0, 2000.0), ("w", 1, 1000.0), ("m", 0, 20.0), ("v", 0, 10.0), ("l", 0_usize, 0.0)]
        {
            results.record(name, column, sample).expect("declared");
        }
        let report =
            Report { title: "T", machine: &machine, method: "m".into(), settings: &(), results: &results, notes: "" };
        let text = report.markdown();
        for expected in [
            "| | Howdah | etcd | Howdah/etcd | goal | |\n|---|--:|--:|--:|---|---|\n",
            "| writes/s | 2,000 | 1,000 | 2.00× | ≥ 3× | **missed** |",
            "| PSS | 20.0 | – | – |  |  |",
            "| lost | 0 | – | – | ≤ 0 | met |",
        ] {
            assert!(text.contains(expected), "{expected} is not in {text}");
        }
        assert_eq!((text.matches("## Writes").count(), text.matches("## Memory").count()), (1, 1), "{text}");
        let json = serde_json::to_value(report.json()).expect("the report is JSON");
        assert_eq!(json["columns"], serde_json::json!(["Howdah", "etcd"]));
        assert_eq!(json["rows"][0]["samples"], serde_json::json!([[2000.0], [1000.0]]));
        assert_eq!((&json["rows"][0]["ratios"][0], &json["rows"][0]["met"]), (&2.0.into(), &false.into()));
    }

    #[test]
    fn a_single_column_has_no_ratio() {
        assert_eq!(head(&["one".to_owned()]), "| | one | goal | |\n|---|--:|---|---|");
    }
}
