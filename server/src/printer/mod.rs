//! Table answers: the columns of each resource, and the cells of an object.
//!
//! [`Printer::of`] finds what prints a resource or a subresource; [`list_table`], [`object_table`] and [`event_table`]
//! make whole `meta.k8s.io` Tables of it. Cells are read from an object's stored form, so that every version of a
//! resource prints alike; the objects inside the rows are in the version that was asked for.
//!
//! Invariants: printing can't fail, whatever is stored; a row has a cell for every column. One exception is upstream's
//! own: an IPAddress has a third cell, its age, behind its two columns. Columns, their order and the cells' texts are
//! those of upstream's `pkg/printers/internalversion` (and of its default table convertor, for what has no printer); the
//! columns' descriptions are our own words.
//!
//! Absent: columns of custom resources, and hiding wide columns, which clients do.

mod admission;
mod batch;
mod certificate;
mod column;
mod core;
mod event;
mod flow;
mod human;
mod kind;
mod lifecycle;
mod network;
mod node;
mod pod;
mod policy;
mod resource;
mod scheduling;
mod storage;
mod table;
mod view;
mod workload;

#[cfg(test)]
mod test;

use howdah_api::resource::Resource;
use howdah_api::time::Time;
use serde_json::Value;

pub use self::column::Column;
pub use self::kind::Printer;
pub use self::table::{Head, IncludeObject, Item, Options, TableVersion, event_table, list_table, object_table};

/// The columns of a resource, those that only wide output shows included.
#[must_use]
pub fn columns(group: &str, version: &str, plural: &str) -> &'static [Column] {
    let row = howdah_api::resource::by_plural(group, version, plural);
    row.map_or(kind::DEFAULT.columns, |row| Printer::of(row, "").columns())
}

/// The cells of an object in its stored form ([`Resource::storage`]), one a column.
#[must_use]
pub fn cells(resource: &Resource, object: &Value, now: Time) -> Vec<Value> {
    Printer::of(resource, "").cells(object, now)
}

/// A row's cells of values that become JSON.
macro_rules! row {
    ($($cell:expr),* $(,)?) => { vec![$(serde_json::Value::from($cell)),*] };
}
use row;
