//! Whether a value fits a type. The sentences reach clients: `.spec.foo: field not declared in schema`.

use std::collections::BTreeSet;
use std::fmt;

use serde_json::{Map, Value};

use super::{Kind, ListAtom, MapAtom, Part, Type};
use crate::apply::element::PathElement;
use crate::apply::value;

/// Whether lists may have elements with equal keys. Live objects may: they got them when nobody checked.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(in crate::apply) enum Duplicates {
    Allowed,
    Refused,
}

/// What does not fit, each with its path.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(in crate::apply) struct ValidationErrors(Vec<(String, String)>);

impl fmt::Display for ValidationErrors {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let one = |(path, message): &(String, String)| {
            if path.is_empty() { message.clone() } else { format!("{path}: {message}") }
        };
        if let [only] = self.0.as_slice() {
            return f.write_str(&one(only));
        }
        f.write_str("errors:")?;
        self.0.iter().try_for_each(|error| write!(f, "\n  {}", one(error)))
    }
}

/// Checks a value.
///
/// # Errors
/// All that doesn't fit, in the value's order; behind an unknown field the rest of its struct is not looked at.
pub(in crate::apply) fn validate(value: &Value, of: Type<'_>, duplicates: Duplicates) -> Result<(), ValidationErrors> {
    let mut walker = Walker { duplicates, path: Vec::new(), errors: Vec::new() };
    walker.value(value, of);
    if walker.errors.is_empty() { Ok(()) } else { Err(ValidationErrors(walker.errors)) }
}

struct Walker {
    duplicates: Duplicates,
    path: Vec<PathElement>,
    errors: Vec<(String, String)>,
}

impl Walker {
    fn fail(&mut self, message: String) {
        let path = self.path.iter().map(ToString::to_string).collect();
        self.errors.push((path, message));
    }

    fn value(&mut self, value: &Value, of: Type<'_>) {
        match of.deduce(Some(value)).part() {
            Part::Scalar(kind) => {
                if let Some(message) = scalar(value, kind) {
                    self.fail(message);
                }
            }
            Part::List(of) => match value {
                Value::Array(list) => self.list(list, of),
                Value::Null => {}
                value => self.fail(format!("expected list, got &{{{}}}", value::plain(value))),
            },
            Part::Map(of) => match value {
                Value::Object(map) => self.map(map, of),
                Value::Null => {}
                value => self.fail(format!("expected map, got &{{{}}}", value::plain(value))),
            },
        }
    }

    fn list(&mut self, list: &[Value], of: ListAtom<'_>) {
        let mut seen = BTreeSet::new();
        for (item, index) in list.iter().zip(0..) {
            let element = if of.is_associative {
                match of.path_element(item) {
                    Ok(element) => element,
                    Err(reason) => return self.fail(format!("element {index}: {reason}")),
                }
            } else {
                PathElement::Index(index)
            };
            if of.is_associative && !seen.insert(element.clone()) && self.duplicates == Duplicates::Refused {
                self.fail(format!("duplicate entries for key {element}"));
            }
            self.path.push(element);
            self.value(item, of.element);
            self.path.pop();
        }
    }

    fn map(&mut self, map: &Map<String, Value>, of: MapAtom<'_>) {
        for (name, value) in map {
            self.path.push(PathElement::field(name));
            match of.child(name) {
                Some(of) => self.value(value, of),
                None => {
                    self.fail("field not declared in schema".to_owned());
                    self.path.pop();
                    return;
                }
            }
            self.path.pop();
        }
    }
}

fn scalar(value: &Value, kind: Kind) -> Option<String> {
    let fits = match (kind, value) {
        (_, Value::Null) => true,
        (Kind::Number, Value::Number(_)) => true,
        (Kind::Text, Value::String(_)) => true,
        (Kind::Bool, Value::Bool(_)) => true,
        (Kind::Any, value) => !value.is_array() && !value.is_object(),
        _ => false,
    };
    if fits {
        return None;
    }
    Some(match kind {
        Kind::Number => format!("expected numeric (int or float), got {}", value::type_name(value)),
        Kind::Text => format!("expected string, got &value.valueUnstructured{{Value:{}}}", value::in_syntax(value)),
        Kind::Bool => format!("expected boolean, got &{{{}}}", value::plain(value)),
        Kind::Any => format!("expected any scalar, got &{{{}}}", value::plain(value)),
    })
}
