//! What was measured: one row a figure, one sample a round and side, and the goals they are held to.

use std::collections::HashMap;

use anyhow::{Context as _, Result};
use serde::Serialize;

/// One of the two stores.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Side {
    /// Howdah's store.
    Howdah,
    /// The baseline.
    Etcd,
}

/// What a figure is counted in.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum Unit {
    /// Events a second; more is better. In all other units less is better.
    PerSecond,
    /// Milliseconds.
    Milliseconds,
    /// Microseconds.
    Microseconds,
    /// 2^20 bytes.
    Mebibytes,
    /// Percent of one core.
    Percent,
}

/// What Howdah promises of a figure.
#[derive(Debug, Clone, Copy, PartialEq, Serialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum Goal {
    /// Howdah's median is at least so many times etcd's.
    RatioAtLeast(f64),
    /// Howdah's median is at most this.
    AtMost(f64),
}

/// A figure that is measured.
#[derive(Debug, Clone, Serialize)]
pub(crate) struct Metric {
    /// The section of the report.
    pub(crate) section: &'static str,
    /// Its stable name.
    pub(crate) name: String,
    /// What the report calls it.
    pub(crate) label: String,
    /// What it is counted in.
    pub(crate) unit: Unit,
    /// What is promised.
    pub(crate) goal: Option<Goal>,
}

/// A figure and its samples, one a round.
#[derive(Debug, Clone, Serialize)]
pub(crate) struct Row {
    /// The figure.
    #[serde(flatten)]
    pub(crate) metric: Metric,
    /// Howdah's samples, in the order of the rounds.
    pub(crate) howdah: Vec<f64>,
    /// etcd's samples.
    pub(crate) etcd: Vec<f64>,
}

/// Every figure, in the report's order.
#[derive(Debug, Default)]
pub(crate) struct Results {
    rows: Vec<Row>,
    index: HashMap<String, usize>,
}

/// The middle of a set of samples and its ends.
#[derive(Debug, Clone, Copy, PartialEq, Serialize)]
pub(crate) struct Spread {
    /// The median.
    pub(crate) median: f64,
    /// The smallest sample.
    pub(crate) min: f64,
    /// The largest sample.
    pub(crate) max: f64,
}

impl Metric {
    /// A figure without a goal.
    pub(crate) fn new(section: &'static str, name: impl Into<String>, label: impl Into<String>, unit: Unit) -> Self {
        Self { section, name: name.into(), label: label.into(), unit, goal: None }
    }
}

impl Results {
    /// Makes rows for figures, which fixes their order in the report.
    pub(crate) fn declare(&mut self, metrics: impl IntoIterator<Item = Metric>) {
        for metric in metrics {
            self.index.insert(metric.name.clone(), self.rows.len());
            self.rows.push(Row { metric, howdah: Vec::new(), etcd: Vec::new() });
        }
    }

    /// Adds one sample to the figure `name`, which has been declared.
    pub(crate) fn record(&mut self, name: &str, side: Side, sample: f64) -> Result<()> {
        let index = *self.index.get(name).with_context(|| format!("the figure {name} was never declared"))?;
        let row = &mut self.rows[index];
        match side {
            Side::Howdah => row.howdah.push(sample),
            Side::Etcd => row.etcd.push(sample),
        }
        Ok(())
    }

    /// The rows that have samples.
    pub(crate) fn rows(&self) -> impl Iterator<Item = &Row> {
        self.rows.iter().filter(|row| !row.howdah.is_empty() || !row.etcd.is_empty())
    }
}

impl Row {
    /// Howdah's median over etcd's, where both were measured.
    pub(crate) fn ratio(&self) -> Option<f64> {
        let (howdah, etcd) = (Spread::of(&self.howdah)?, Spread::of(&self.etcd)?);
        (etcd.median > 0.0).then(|| howdah.median / etcd.median)
    }

    /// Whether the goal is met; `None` where there is none, or nothing to hold to it.
    pub(crate) fn met(&self) -> Option<bool> {
        Some(match self.metric.goal? {
            Goal::RatioAtLeast(least) => self.ratio()? >= least,
            Goal::AtMost(most) => Spread::of(&self.howdah)?.median <= most,
        })
    }
}

impl Spread {
    /// The spread of `samples`, or `None` where there is none.
    pub(crate) fn of(samples: &[f64]) -> Option<Self> {
        let mut sorted = samples.to_vec();
        sorted.sort_by(f64::total_cmp);
        let (min, max) = (*sorted.first()?, *sorted.last()?);
        let middle = sorted.len() / 2;
        let median =
            if sorted.len() % 2 == 1 { sorted[middle] } else { f64::midpoint(sorted[middle - 1], sorted[middle]) };
        Some(Self { median, min, max })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn row(goal: Goal, howdah: &[f64], etcd: &[f64]) -> Row {
        let metric = Metric { goal: Some(goal), ..Metric::new("s", "n", "l", Unit::PerSecond) };
        Row { metric, howdah: howdah.to_vec(), etcd: etcd.to_vec() }
    }

    #[test]
    fn the_median_lies_in_the_middle() {
        assert_eq!(Spread::of(&[]), None);
        assert_eq!(Spread::of(&[3.0, 1.0, 2.0]), Some(Spread { median: 2.0, min: 1.0, max: 3.0 }));
        assert_eq!(Spread::of(&[4.0, 1.0]), Some(Spread { median: 2.5, min: 1.0, max: 4.0 }));
    }

    #[test]
    fn goals_are_held_to_medians() {
        assert_eq!(row(Goal::RatioAtLeast(3.0), &[1.0, 300.0, 310.0], &[100.0]).met(), Some(true));
        assert_eq!(row(Goal::RatioAtLeast(3.0), &[299.0], &[100.0]).met(), Some(false));
        assert_eq!(row(Goal::RatioAtLeast(3.0), &[299.0], &[]).met(), None);
        assert_eq!(row(Goal::AtMost(5.0), &[5.0], &[]).met(), Some(true));
        assert_eq!(row(Goal::AtMost(5.0), &[5.1], &[1.0]).met(), Some(false));
    }

    #[test]
    fn rows_keep_their_order_and_empty_ones_are_left_out() {
        let mut results = Results::default();
        results.declare(["a", "b", "c"].map(|name| Metric::new("s", name, name, Unit::Percent)));
        results.record("c", Side::Etcd, 1.0).expect("declared");
        results.record("a", Side::Howdah, 1.0).expect("declared");
        let names: Vec<_> = results.rows().map(|row| row.metric.name.as_str()).collect();
        assert_eq!(names, ["a", "c"]);
        assert!(results.record("d", Side::Howdah, 1.0).is_err());
    }
}
