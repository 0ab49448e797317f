//! The parts of a run. Each declares its figures, starts what it needs, measures, and ends what it started.

pub(crate) mod list;
pub(crate) mod start;
pub(crate) mod write;

use anyhow::Result;

use crate::process;
use crate::report::mebibytes;
use crate::result::{Metric, Results, Unit};
use crate::store::backend::Backend;
use crate::store::pair::Side;

/// The two figures of a store's memory at the moment called `name` and `label`.
fn memory_metrics(name: &str, label: &str) -> [Metric; 2] {
    [
        Metric::new("Memory", format!("memory_{name}_pss"), format!("PSS {label} (MiB)"), Unit::Mebibytes),
        Metric::new(
            "Memory",
            format!("memory_{name}_without_files"),
            "– of it not pages of files (MiB)",
            Unit::Mebibytes,
        ),
    ]
}

/// Takes both figures of [`memory_metrics`].
fn record_memory(results: &mut Results, side: Side, name: &str, backend: &impl Backend) -> Result<()> {
    let memory = process::memory(backend.pid()?)?;
    results.record(&format!("memory_{name}_pss"), side, mebibytes(memory.pss))?;
    results.record(&format!("memory_{name}_without_files"), side, mebibytes(memory.without_files))
}
