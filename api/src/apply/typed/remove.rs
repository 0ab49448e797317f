//! Taking parts out of a value.

use serde_json::{Map, Value};

use super::{Part, Type};
use crate::apply::element::PathElement;
use crate::apply::field_set::FieldSet;

/// The value without the members of `items`, each with all that is below it. What loses everything becomes null;
/// nothing is taken out of atomic parts.
pub(in crate::apply) fn remove_items(value: &Value, items: &FieldSet, of: Type<'_>) -> Value {
    walk(value, items, of)
}

fn walk(value: &Value, items: &FieldSet, of: Type<'_>) -> Value {
    match of.deduce(Some(value)).part() {
        Part::Scalar(_) => value.clone(),
        Part::List(of) => {
            let Value::Array(list) = value else { return Value::Null };
            if !of.is_associative {
                return Value::Null;
            }
            let kept = list.iter().filter_map(|item| match items.entry(&of.path_element(item).ok()?) {
                Some(entry) if entry.member => None,
                Some(entry) => Some(walk(item, &entry.children, of.element)),
                None => Some(item.clone()),
            });
            Some(kept.collect::<Vec<_>>()).filter(|kept| !kept.is_empty()).map_or(Value::Null, Value::Array)
        }
        Part::Map(of) => {
            let Value::Object(map) = value else { return Value::Null };
            if of.is_atomic {
                return Value::Null;
            }
            let kept = map.iter().filter_map(|(name, value)| match items.entry(&PathElement::field(name)) {
                Some(entry) if entry.member => None,
                Some(entry) => {
                    let below = of.child(name).unwrap_or(Type::Untyped);
                    Some((name.clone(), walk(value, &entry.children, below)))
                }
                None => Some((name.clone(), value.clone())),
            });
            Some(kept.collect::<Map<_, _>>()).filter(|kept| !kept.is_empty()).map_or(Value::Null, Value::Object)
        }
    }
}
