//! The field set of a value: everything that it has.

use std::collections::BTreeMap;

use serde_json::Value;

use super::{Part, Type};
use crate::apply::element::PathElement;
use crate::apply::field_set::FieldSet;

/// What a value has: its leaves, the elements of its lists and the keys of its maps, and null and empty maps.
pub(in crate::apply) fn field_set(value: &Value, of: Type<'_>) -> FieldSet {
    walk(value, of).1
}

/// Whether the value is a leaf itself, and what is below it.
fn walk(value: &Value, of: Type<'_>) -> (bool, FieldSet) {
    match of.deduce(Some(value)).part() {
        Part::Scalar(_) => (true, FieldSet::new()),
        Part::List(of) if !of.is_associative => (true, FieldSet::new()),
        Part::Map(of) if of.is_atomic => (true, FieldSet::new()),
        Part::List(of) => {
            let Value::Array(list) = value else { return (false, FieldSet::new()) };
            let elements: Vec<_> = list.iter().map(|item| of.path_element(item).ok()).collect();
            let mut counts: BTreeMap<&PathElement, usize> = BTreeMap::new();
            for element in elements.iter().flatten() {
                *counts.entry(element).or_default() += 1;
            }
            let mut set = FieldSet::new();
            for (item, element) in list.iter().zip(&elements) {
                let Some(element) = element else { continue };
                // Elements that share a key are owned as one.
                let children = if counts[element] > 1 { FieldSet::new() } else { walk(item, of.element).1 };
                set.attach(element.clone(), true, children);
            }
            (false, set)
        }
        Part::Map(of) => {
            let Value::Object(map) = value else { return (false, FieldSet::new()) };
            let mut set = FieldSet::new();
            for (name, value) in map {
                let declared = of.field(name);
                let below = declared.or(of.element).unwrap_or(Type::Untyped);
                let (is_leaf, children) = walk(value, below);
                let is_nothing = value.is_null() || value.as_object().is_some_and(serde_json::Map::is_empty);
                set.attach(PathElement::field(name), is_leaf || is_nothing || declared.is_none(), children);
            }
            (false, set)
        }
    }
}
