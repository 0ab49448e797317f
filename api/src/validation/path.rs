//! The path of a field, as errors name it: `spec.containers[0].ports[1].name`, `metadata.labels[a/b]`.

use std::fmt;

/// A path, linked towards its root: making one costs nothing, and only an error renders it.
#[derive(Debug, Clone, Copy)]
pub struct FieldPath<'a> {
    parent: Option<&'a FieldPath<'a>>,
    step: Step<'a>,
}

#[derive(Debug, Clone, Copy)]
enum Step<'a> {
    Field(&'a str),
    Index(usize),
    Key(&'a str),
}

impl<'a> FieldPath<'a> {
    /// A path of one field.
    #[must_use]
    pub const fn new(name: &'a str) -> Self {
        Self { parent: None, step: Step::Field(name) }
    }

    /// The path of a field of this one.
    #[must_use]
    pub const fn child(&'a self, name: &'a str) -> Self {
        Self { parent: Some(self), step: Step::Field(name) }
    }

    /// The path of an element of this list.
    #[must_use]
    pub const fn index(&'a self, at: usize) -> Self {
        Self { parent: Some(self), step: Step::Index(at) }
    }

    /// The path of a value of this map.
    #[must_use]
    pub const fn key(&'a self, key: &'a str) -> Self {
        Self { parent: Some(self), step: Step::Key(key) }
    }
}

impl fmt::Display for FieldPath<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if let Some(parent) = self.parent {
            parent.fmt(f)?;
        }
        match self.step {
            // The whole object, which some rules of upstream name so.
            Step::Field("") => f.write_str("[]"),
            Step::Field(name) if self.parent.is_some() => write!(f, ".{name}"),
            Step::Field(name) => f.write_str(name),
            Step::Index(at) => write!(f, "[{at}]"),
            Step::Key(key) => write!(f, "[{key}]"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn paths_read_as_upstreams() {
        let spec = FieldPath::new("spec");
        let containers = spec.child("containers");
        assert_eq!(FieldPath::new("").to_string(), "[]");
        assert_eq!(containers.index(2).child("env").key("A").to_string(), "spec.containers[2].env[A]");
    }
}
