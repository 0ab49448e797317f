//! The place where a built-in struct stands before and after it is parsed.

use std::sync::OnceLock;

use super::field::{Struct, StructRef};
use super::node::{Node, Shape};
use super::table;

/// A built-in struct: its text in the table, and the struct once somebody asked for it.
pub(super) struct Cell {
    package: &'static str,
    is_kind: bool,
    head: &'static str,
    body: &'static str,
    parsed: OnceLock<Struct>,
    node: OnceLock<Node>,
}

impl Cell {
    /// `head` is the line that names the struct, without its first word; `body` holds the lines of its fields.
    pub(super) fn new(package: &'static str, is_kind: bool, head: &'static str, body: &'static str) -> Self {
        Self { package, is_kind, head, body, parsed: OnceLock::new(), node: OnceLock::new() }
    }

    /// Go's name.
    pub(super) fn name(&self) -> &'static str {
        self.head.split(' ').next().unwrap_or_default()
    }

    /// What follows the name: `atomic`, `introduced=1.9`.
    pub(super) fn attributes(&self) -> impl Iterator<Item = &'static str> {
        self.head.split(' ').skip(1)
    }

    /// Whether the table calls it a kind.
    pub(super) fn is_kind(&self) -> bool {
        self.is_kind
    }

    /// A node that refers to the struct.
    pub(super) fn node(&'static self) -> &'static Node {
        self.node.get_or_init(|| Node::new(Shape::Struct(StructRef::builtin(self))))
    }

    pub(super) fn get(&self) -> &Struct {
        self.parsed.get_or_init(|| table::parse_struct(self.package, self, self.body))
    }
}
