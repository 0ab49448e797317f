//! Field sets after a change of the schema: what became atomic is owned as a whole.
//!
//! The way back is not made: who owned an atomic part owns that one path, and nothing below it.

use super::{MapAtom, Part, Type};
use crate::apply::element::PathElement;
use crate::apply::field_set::FieldSet;

/// The set as the schema has it now; `None` where it fits already.
pub(in crate::apply) fn reconcile(set: &FieldSet, of: Type<'_>) -> Option<FieldSet> {
    let mut atomic = FieldSet::new();
    walk(Some(set), false, of, &mut Vec::new(), &mut atomic);
    (!atomic.is_empty()).then(|| set.recursive_difference(&atomic).union(&atomic))
}

/// `is_leaf`: whether the place is a member without anything below it, as an atomic part is. `atomic` takes the paths
/// that are to be owned as a whole.
fn walk(set: Option<&FieldSet>, is_leaf: bool, of: Type<'_>, path: &mut Vec<PathElement>, atomic: &mut FieldSet) {
    match of.resolve().part() {
        Part::Scalar(_) => {}
        Part::List(of) if !of.is_associative => {
            if !is_leaf {
                atomic.insert(path);
            }
        }
        Part::List(of) => children(set, |_| Some(of.element), path, atomic),
        Part::Map(of) if of.is_deduced() => {}
        Part::Map(of) if of.is_atomic => {
            if !is_leaf && set.is_some_and(|set| !set.is_empty()) {
                atomic.insert(path);
            }
        }
        Part::Map(of) => children(set, |element| below(of, element), path, atomic),
    }
}

fn below<'n>(of: MapAtom<'n>, element: &PathElement) -> Option<Type<'n>> {
    match element {
        PathElement::Field(name) => of.child(name),
        _ => of.element,
    }
}

fn children<'n>(
    set: Option<&FieldSet>,
    below: impl Fn(&PathElement) -> Option<Type<'n>>,
    path: &mut Vec<PathElement>,
    atomic: &mut FieldSet,
) {
    for entry in set.map(FieldSet::entries).unwrap_or_default() {
        // What the schema doesn't have is left alone.
        let Some(of) = below(&entry.element) else { continue };
        let set = Some(&entry.children).filter(|children| !children.is_empty());
        path.push(entry.element.clone());
        walk(set, entry.member && set.is_none(), of, path, atomic);
        path.pop();
    }
}
