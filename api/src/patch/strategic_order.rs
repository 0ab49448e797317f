//! The order of a merged list: what the patch names stands in the patch's order, the rest in the order in which it
//! stood, and the two are interleaved as they stood as far as that is possible.

use serde_json::Value;

use super::PatchError;
use super::strategic::no_merge_key;

/// How elements are told apart: by a field, or, for scalars, by themselves.
#[derive(Debug, Clone, Copy)]
pub(super) struct Identity<'a> {
    pub(super) merge_key: Option<&'a str>,
}

impl Identity<'_> {
    /// What identifies the element.
    pub(super) fn of<'v>(&self, element: &'v Value) -> Result<&'v Value, PatchError> {
        match self.merge_key {
            None => Ok(element),
            Some(merge_key) => element.get(merge_key).ok_or_else(|| no_merge_key(element, merge_key)),
        }
    }

    fn position(&self, list: &[Value], id: &Value) -> Option<usize> {
        list.iter().position(|element| self.of(element).ok() == Some(id))
    }
}

/// `merged` with the elements that `order` names in that order, and the others as they stood in `standing`.
pub(super) fn merge_by_order(
    merged: Vec<Value>,
    order: &[Value],
    standing: &[Value],
    identity: Identity<'_>,
) -> Result<Vec<Value>, PatchError> {
    let (mut named, mut others) = (Vec::new(), Vec::new());
    for element in merged {
        let id = identity.of(&element)?;
        let stood = identity.position(standing, id);
        match identity.position(order, id) {
            Some(at) => named.push((at, stood, element)),
            None => others.push((stood, element)),
        }
    }
    named.sort_by_key(|(at, _, _)| *at);
    // What stood nowhere keeps its place behind the rest.
    others.sort_by_key(|(stood, _)| stood.unwrap_or(usize::MAX));
    let mut out = Vec::with_capacity(named.len() + others.len());
    let mut others = others.into_iter().peekable();
    for (_, stood, element) in named {
        let before =
            |other: &(Option<usize>, Value)| matches!((other.0, stood), (Some(other), Some(own)) if other < own);
        while let Some((_, other)) = others.next_if(before) {
            out.push(other);
        }
        out.push(element);
    }
    out.extend(others.map(|(_, other)| other));
    Ok(out)
}
