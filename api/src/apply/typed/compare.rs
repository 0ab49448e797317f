//! What changed between two values, as field sets.

use std::collections::BTreeMap;

use serde_json::{Map, Value};

use super::{ListAtom, MapAtom, Part, Type};
use crate::apply::element::PathElement;
use crate::apply::field_set::FieldSet;
use crate::apply::value;

/// What one value has and another has not, or has otherwise.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub(in crate::apply) struct Comparison {
    /// What the second has and the first has not.
    pub(in crate::apply) added: FieldSet,
    /// What both have and is different.
    pub(in crate::apply) modified: FieldSet,
    /// What the first has and the second has not.
    pub(in crate::apply) removed: FieldSet,
}

/// What happened to a place itself.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Verdict {
    Same,
    Added,
    Modified,
    Removed,
}

/// Compares two objects of one type.
pub(in crate::apply) fn compare(before: &Value, after: &Value, of: Type<'_>) -> Comparison {
    walk(Some(before), Some(after), of).1
}

impl Comparison {
    fn attach(&mut self, element: PathElement, (verdict, below): (Verdict, Self)) {
        if verdict == Verdict::Same && below == Self::default() {
            return;
        }
        self.added.attach(element.clone(), verdict == Verdict::Added, below.added);
        self.modified.attach(element.clone(), verdict == Verdict::Modified, below.modified);
        self.removed.attach(element, verdict == Verdict::Removed, below.removed);
    }

    fn union(&self, other: &Self) -> Self {
        Self {
            added: self.added.union(&other.added),
            modified: self.modified.union(&other.modified),
            removed: self.removed.union(&other.removed),
        }
    }
}

fn walk(before: Option<&Value>, after: Option<&Value>, of: Type<'_>) -> (Verdict, Comparison) {
    let (was, is) = (of.deduce(before), of.deduce(after));
    if after.is_none() {
        return part(before, after, was.part());
    }
    if before.is_none() || was.is_same(is) {
        return part(before, after, is.part());
    }
    // The value is of another sort now. It counts as what it was and as what it is.
    let (first, former) = part(before, after, was.part());
    let (second, present) = part(before, after, is.part());
    let verdict = if first == Verdict::Same { second } else { first };
    (verdict, former.union(&present))
}

fn part(before: Option<&Value>, after: Option<&Value>, part: Part<'_>) -> (Verdict, Comparison) {
    let below = match part {
        Part::Scalar(_) => None,
        Part::List(of) => {
            let (was, is) = (list(before), list(after));
            let is_leaf = !of.is_associative || was.is_empty() && is.is_empty();
            (!is_leaf).then(|| lists(was, is, of))
        }
        Part::Map(of) => {
            let (was, is) = (before.and_then(Value::as_object), after.and_then(Value::as_object));
            let is_empty = |map: Option<&Map<_, _>>| map.is_none_or(Map::is_empty);
            let is_leaf = of.is_atomic || is_empty(was) && is_empty(is);
            (!is_leaf).then(|| maps(was, is, of))
        }
    };
    let verdict = match (before, after) {
        (None, _) => Verdict::Added,
        (_, None) => Verdict::Removed,
        (Some(before), Some(after)) if below.is_none() && !value::equal(before, after) => Verdict::Modified,
        _ => Verdict::Same,
    };
    (verdict, below.unwrap_or_default())
}

fn list(value: Option<&Value>) -> &[Value] {
    value.and_then(Value::as_array).map_or(&[], Vec::as_slice)
}

fn maps(was: Option<&Map<String, Value>>, is: Option<&Map<String, Value>>, of: MapAtom<'_>) -> Comparison {
    let mut out = Comparison::default();
    let mut visit = |name: &str, before: Option<&Value>, after: Option<&Value>| {
        let below = of.child(name).unwrap_or(Type::Untyped);
        out.attach(PathElement::field(name), walk(before, after, below));
    };
    for (name, before) in was.into_iter().flatten() {
        visit(name, Some(before), is.and_then(|is| is.get(name)));
    }
    for (name, after) in is.into_iter().flatten() {
        if !was.is_some_and(|was| was.contains_key(name)) {
            visit(name, None, Some(after));
        }
    }
    out
}

fn lists(was: &[Value], is: &[Value], of: ListAtom<'_>) -> Comparison {
    let mut pairs: BTreeMap<PathElement, (Vec<&Value>, Vec<&Value>)> = BTreeMap::new();
    for item in was {
        if let Ok(element) = of.path_element(item) {
            pairs.entry(element).or_default().0.push(item);
        }
    }
    for item in is {
        if let Ok(element) = of.path_element(item) {
            pairs.entry(element).or_default().1.push(item);
        }
    }
    let mut out = Comparison::default();
    for (element, (was, is)) in pairs {
        match (was.as_slice(), is.as_slice()) {
            ([] | [_], [] | [_]) => {
                out.attach(element, walk(was.first().copied(), is.first().copied(), of.element));
            }
            // Elements that share a key are one thing.
            ([_, _, ..], [_, _, ..]) => {
                let is_same = was.len() == is.len() && was.iter().zip(&is).all(|(a, b)| value::equal(a, b));
                out.modified.attach(element, !is_same, FieldSet::new());
            }
            ([_, _, ..], rest) => {
                if let Some(item) = rest.first() {
                    out.attach(element.clone(), walk(None, Some(item), of.element));
                }
                out.removed.attach(element, true, FieldSet::new());
            }
            (rest, [_, _, ..]) => {
                if let Some(item) = rest.first() {
                    out.attach(element.clone(), walk(Some(item), None, of.element));
                }
                out.added.attach(element, true, FieldSet::new());
            }
        }
    }
    out
}
