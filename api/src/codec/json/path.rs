//! Where the reader stands: the two paths that Go keeps while it decodes.

use std::borrow::Cow;
use std::fmt::Write as _;

use super::error::TypeError;
use crate::schema::{Field, Struct};

/// One step down from the root.
pub(super) enum Step<'s, 't> {
    Field(&'s Struct, &'s Field),
    Key(Cow<'t, str>),
    Index(usize),
}

/// The steps from the root to the value at hand.
#[derive(Default)]
pub(super) struct Path<'s, 't>(Vec<Step<'s, 't>>);

impl<'s, 't> Path<'s, 't> {
    pub(super) fn push(&mut self, step: Step<'s, 't>) {
        self.0.push(step);
    }

    pub(super) fn pop(&mut self) {
        self.0.pop();
    }

    /// The path of `field` at the place at hand, with indices and keys.
    pub(super) fn with(&self, field: &str) -> String {
        let mut path = String::new();
        for step in &self.0 {
            match step {
                Step::Field(_, field) => append(&mut path, &field.name),
                Step::Key(key) => append(&mut path, key),
                Step::Index(index) => drop(write!(path, "[{index}]")),
            }
        }
        append(&mut path, field);
        path
    }

    /// A type error at the place at hand.
    pub(super) fn type_error(&self, found: String, expected: String) -> TypeError {
        let mut structure = "";
        let mut path = String::new();
        for step in &self.0 {
            let Step::Field(of, field) = step else { continue };
            structure = &of.name;
            let mut within = *of;
            // Go names the embedded structs on the way, from the outermost in.
            while let Some(embedded) = within.field(&field.name).and_then(|field| field.embedded) {
                within = within.embedded[usize::from(embedded)].of.get();
                append(&mut path, &within.name);
            }
            append(&mut path, &field.name);
        }
        TypeError { found, expected, structure: structure.to_owned(), field: path }
    }
}

fn append(path: &mut String, name: &str) {
    if !path.is_empty() {
        path.push('.');
    }
    path.push_str(name);
}
