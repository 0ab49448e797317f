//! Laying one value over another.
//!
//! Leaves and atomic parts come from the upper value where it has them; structs, maps and associative lists are merged.
//! Lists keep the lower one's order for what only it has, and take the upper one's for what both have.

use std::collections::{BTreeMap, BTreeSet};

use serde_json::{Map, Value};

use super::{ListAtom, MapAtom, Part, Type};
use crate::apply::element::PathElement;

/// Lays `upper` over `lower`. Null in `upper` replaces a leaf; it leaves a map, struct or associative list alone.
pub(in crate::apply) fn merge(lower: &Value, upper: &Value, of: Type<'_>) -> Value {
    walk(Some(lower), Some(upper), of).unwrap_or(Value::Null)
}

fn walk(lower: Option<&Value>, upper: Option<&Value>, of: Type<'_>) -> Option<Value> {
    let (Some(_), Some(_)) = (lower, upper) else { return upper.or(lower).cloned() };
    let leaf = || upper.cloned();
    match of.deduce(upper).part() {
        Part::Scalar(_) => leaf(),
        Part::List(of) => {
            let (below, above) = (list(lower), list(upper));
            if !of.is_associative || below.is_empty() && above.is_empty() {
                return leaf();
            }
            Some(lists(below, above, of)).filter(|list| !list.is_empty()).map(Value::Array)
        }
        Part::Map(of) => {
            let (below, above) = (lower.and_then(Value::as_object), upper.and_then(Value::as_object));
            let is_empty = |map: Option<&Map<_, _>>| map.is_none_or(Map::is_empty);
            if of.is_atomic || is_empty(below) && is_empty(above) {
                return leaf();
            }
            Some(maps(below, above, of)).filter(|map| !map.is_empty()).map(Value::Object)
        }
    }
}

fn list(value: Option<&Value>) -> &[Value] {
    value.and_then(Value::as_array).map_or(&[], Vec::as_slice)
}

fn maps(lower: Option<&Map<String, Value>>, upper: Option<&Map<String, Value>>, of: MapAtom<'_>) -> Map<String, Value> {
    let mut out = Map::new();
    let mut visit = |name: &str, lower: Option<&Value>, upper: Option<&Value>| {
        if let Some(value) = walk(lower, upper, of.child(name).unwrap_or(Type::Untyped)) {
            out.insert(name.to_owned(), value);
        }
    };
    for (name, value) in lower.into_iter().flatten() {
        visit(name, Some(value), upper.and_then(|upper| upper.get(name)));
    }
    for (name, value) in upper.into_iter().flatten() {
        if !lower.is_some_and(|lower| lower.contains_key(name)) {
            visit(name, None, Some(value));
        }
    }
    out
}

/// A list's elements by their path elements.
struct Index<'v> {
    elements: Vec<(PathElement, &'v Value)>,
    /// `None` stands for several elements with one key: none of them is merged with.
    by_element: BTreeMap<PathElement, Option<&'v Value>>,
}

impl<'v> Index<'v> {
    fn new(list: &'v [Value], of: ListAtom<'_>) -> Self {
        let elements: Vec<_> =
            list.iter().filter_map(|item| of.path_element(item).ok().map(|element| (element, item))).collect();
        let mut by_element = BTreeMap::new();
        for (element, item) in &elements {
            by_element.entry(element.clone()).and_modify(|one| *one = None).or_insert(Some(*item));
        }
        Self { elements, by_element }
    }

    fn has(&self, element: &PathElement) -> bool {
        self.by_element.contains_key(element)
    }

    /// The element to merge with: null where there are several.
    fn get(&self, element: &PathElement) -> Option<&'v Value> {
        const NULL: &Value = &Value::Null;
        self.by_element.get(element).map(|item| item.unwrap_or(NULL))
    }
}

/// Merges two lists: upstream's zip. It goes along both; the upper list's elements come in its own order, what only
/// the lower list has stays behind the shared element that it stood behind.
fn lists(lower: &[Value], upper: &[Value], of: ListAtom<'_>) -> Vec<Value> {
    let (below, above) = (Index::new(lower, of), Index::new(upper, of));
    let mut shared = above.elements.iter().map(|(element, _)| element).filter(|element| below.has(element));
    let mut next_shared = shared.next();
    let mut merged = BTreeSet::new();
    let mut out = Vec::with_capacity(lower.len().max(upper.len()));
    let (mut at_lower, mut at_upper) = (0, 0);
    while at_lower < below.elements.len() || at_upper < above.elements.len() {
        let low = below.elements.get(at_lower);
        let high = above.elements.get(at_upper);
        if let (Some((low, _)), Some((high, _))) = (low, high) {
            if low == high {
                merged.insert(low);
                out.extend(walk(below.get(low), above.get(low), of.element));
                at_lower += 1;
                at_upper += 1;
                next_shared = shared.next();
                continue;
            }
            if above.has(low) && next_shared.is_some_and(|next| next != low) {
                // Shared, but its turn comes later.
                at_lower += 1;
                continue;
            }
        }
        if let Some((low, item)) = low {
            if !above.has(low) {
                out.extend(walk(Some(item), None, of.element));
                at_lower += 1;
                continue;
            }
            if merged.contains(low) {
                at_lower += 1;
            }
        }
        if let Some((high, _)) = high {
            merged.insert(high);
            out.extend(walk(below.get(high), above.get(high), of.element));
            at_upper += 1;
            if next_shared == Some(high) {
                next_shared = shared.next();
            }
        }
    }
    out
}
