//! Columns, and the ones that many kinds share.

use serde::Serialize;

/// A `TableColumnDefinition`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
pub struct Column {
    /// The heading.
    pub name: &'static str,
    /// What the cells are, in OpenAPI's words: `string`, `integer`, `boolean`, `date`.
    #[serde(rename = "type")]
    pub kind: &'static str,
    /// `name` for the column that names the object, else empty.
    pub format: &'static str,
    /// What it tells.
    pub description: &'static str,
    /// 0, or 1 where only wide output shows it.
    pub priority: i32,
}

/// The object's name.
pub(super) const NAME: Column = Column { format: "name", ..text("Name", "The object's name.") };
/// Its age.
pub(super) const AGE: Column = text("Age", "How long ago the object was created.");
/// The containers of its pod template, or of a job's.
pub(super) const CONTAINERS: Column = wide("Containers", "Names of the template's containers.");
/// Their images.
pub(super) const IMAGES: Column = wide("Images", "Images of the template's containers.");
/// The pods that it selects.
pub(super) const SELECTOR: Column = wide("Selector", "Labels of the pods that belong to it.");

/// A column of texts.
pub(super) const fn text(name: &'static str, description: &'static str) -> Column {
    Column { name, kind: "string", format: "", description, priority: 0 }
}

/// A column of texts that only wide output shows.
pub(super) const fn wide(name: &'static str, description: &'static str) -> Column {
    Column { priority: 1, ..text(name, description) }
}

/// A column of whole numbers.
pub(super) const fn integer(name: &'static str, description: &'static str) -> Column {
    Column { kind: "integer", ..text(name, description) }
}

/// A column of bools.
pub(super) const fn boolean(name: &'static str, description: &'static str) -> Column {
    Column { kind: "boolean", ..text(name, description) }
}
