//! What was measured: one row a figure, one sample a round and side, and the goals they are held to.

use std::collections::HashMap;

use anyhow::{Context as _, Result};
use serde::Serialize;

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
    /// A whole number.
    Count,
}

/// What is promised of a figure of the first column.
#[derive(Debug, Clone, Copy, PartialEq, Serialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum Goal {
    /// The median is at least so many times the second column's.
    RatioAtLeast(f64),
    /// The median is at most so many times the second column's.
    RatioAtMost(f64),
    /// The median is at most this.
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

/// A figure and its samples.
#[derive(Debug, Clone, Serialize)]
pub(crate) struct Row {
    /// The figure.
    #[serde(flatten)]
    pub(crate) metric: Metric,
    /// The samples of each column, in the order of the rounds.
    pub(crate) samples: Vec<Vec<f64>>,
}

/// Every figure, in the report's order.
#[derive(Debug)]
pub(crate) struct Results {
    columns: Vec<String>,
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

    /// The figure with a goal.
    pub(crate) fn with(self, goal: Goal) -> Self {
        Self { goal: Some(goal), ..self }
    }
}

impl Results {
    /// No figures yet, of those under test that `columns` names; the goals are held to the first.
    pub(crate) fn new<S: Into<String>>(columns: impl IntoIterator<Item = S>) -> Self {
        let columns = columns.into_iter().map(Into::into).collect();
        Self { columns, rows: Vec::new(), index: HashMap::new() }
    }

    /// The names of those under test.
    pub(crate) fn columns(&self) -> &[String] {
        &self.columns
    }

    /// Makes rows for figures, which fixes their order in the report.
    pub(crate) fn declare(&mut self, metrics: impl IntoIterator<Item = Metric>) {
        for metric in metrics {
            self.index.insert(metric.name.clone(), self.rows.len());
            self.rows.push(Row { metric, samples: vec![Vec::new(); self.columns.len()] });
        }
    }

    /// Adds one sample of the column `column` to the figure `name`, which has been declared.
    pub(crate) fn record(&mut self, name: &str, column: impl Into<usize>, sample: f64) -> Result<()> {
        let index = *self.index.get(name).with_context(|| format!("the figure {name} was never declared"))?;
        let column = self.rows[index].samples.get_mut(column.into()).context("there is no such column")?;
        column.push(sample);
        Ok(())
    }

    /// The rows that have samples.
    pub(crate) fn rows(&self) -> impl Iterator<Item = &Row> {
        self.rows.iter().filter(|row| row.samples.iter().any(|samples| !samples.is_empty()))
    }
}

impl Row {
    /// The spread of a column's samples, or `None` where it was not measured.
    pub(crate) fn spread(&self, column: usize) -> Option<Spread> {
        Spread::of(self.samples.get(column)?)
    }

    /// The first column's median over that of `column`, where both were measured.
    pub(crate) fn ratio(&self, column: usize) -> Option<f64> {
        let (first, other) = (self.spread(0)?, self.spread(column)?);
        (other.median > 0.0).then(|| first.median / other.median)
    }

    /// Whether the goal is met; `None` where there is none, or nothing to hold to it.
    pub(crate) fn met(&self) -> Option<bool> {
        Some(match self.metric.goal? {
            Goal::RatioAtLeast(least) => self.ratio(1)? >= least,
            Goal::RatioAtMost(most) => self.ratio(1)? <= most,
            Goal::AtMost(most) => self.spread(0)?.median <= most,
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

    fn row(goal: Goal, first: &[f64], second: &[f64]) -> Row {
        let metric = Metric::new("s", "n", "l", Unit::PerSecond).with(goal);
        Row { metric, samples: vec![first.to_vec(), second.to_vec()] }
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
        assert_eq!(row(Goal::RatioAtMost(0.1), &[1.0], &[10.0]).met(), Some(true));
        assert_eq!(row(Goal::RatioAtMost(0.1), &[1.1], &[10.0]).met(), Some(false));
        assert_eq!(row(Goal::RatioAtMost(0.1), &[1.0], &[]).met(), None);
        assert_eq!(row(Goal::AtMost(5.0), &[5.0], &[]).met(), Some(true));
        assert_eq!(row(Goal::AtMost(5.0), &[5.1], &[1.0]).met(), Some(false));
    }

    #[test]
    fn rows_keep_their_order_and_empty_ones_are_left_out() {
        let mut results = Results::new(["one", "two"]);
        results.declare(["a", "b", "c"].map(|name| Metric::new("s", name, name, Unit::Percent)));
        results.record("c", 1_usize, 1.0).expect("declared");
        results.record("a", 0_usize, 1.0).expect("declared");
        let names: Vec<_> = results.rows().map(|row| row.metric.name.as_str()).collect();
        assert_eq!(names, ["a", "c"]);
        assert!(results.record("d", 0_usize, 1.0).is_err());
        assert!(results.record("a", 2_usize, 1.0).is_err());
    }
}
