//! The contents of reads against the replay of the log, and the moments at which they can have been true.

use std::collections::BTreeMap;
use std::ops::Bound::{Excluded, Included, Unbounded};
use std::sync::Arc;

use super::order::Order;
use super::{Index, Observer, Span, Violation};
use crate::journal::{Action, Call, Event, Kind, Outcome, Seen};

/// Checks all reads.
pub(super) fn check(index: &Index<'_>, order: &mut Order<'_, '_>, found: &mut Vec<Violation>) {
    let mut pages = Vec::new();
    for call in &index.history.calls {
        let Some((at, outcome)) = &call.returned else { continue };
        match (&call.action, outcome) {
            (Action::Write { .. }, _) => {}
            (Action::Get { key }, Outcome::Got(object)) => check_get(index, order, call, key, object.as_ref(), found),
            (Action::Newest, Outcome::Newest(revision)) => {
                if !index.is_void(*revision, *at) {
                    check_reached(index, order, call, *revision, found);
                }
            }
            (Action::List { at: asked, .. }, Outcome::Page { revision, .. }) => {
                if index.is_void(*revision, *at) {
                    continue;
                }
                match asked {
                    None => check_reached(index, order, call, *revision, found),
                    Some(asked) if asked == revision && *asked <= index.history.newest => {
                        order.saw(Observer::Call(call.id), *revision, *at);
                    }
                    Some(asked) => {
                        let last = index.history.newest;
                        let what =
                            format!("a list at {asked} was answered with one at {revision}; the log ends at {last}");
                        found.push(Violation::Answer { call: call.id, what });
                    }
                }
                pages.push((*revision, call));
            }
            (Action::List { at: Some(asked), .. }, Outcome::Future { requested, current }) => {
                if asked != requested || current >= requested {
                    found.push(Violation::Answer { call: call.id, what: format!("{outcome:?}") });
                } else if !index.is_void(*current, *at) {
                    check_reached(index, order, call, *current, found);
                }
            }
            // Whether the floor is right is looked at with the floors.
            (Action::List { at: Some(asked), .. }, Outcome::Compacted { requested, .. }) if asked == requested => {}
            (Action::History { key, limit }, Outcome::Past(past)) => {
                check_past(index, order, call, (key, *limit), past, found);
            }
            (_, Outcome::Failed(_) | Outcome::Closed) => {
                if index.history.calm {
                    let (who, outcome) = (Observer::Call(call.id), format!("{outcome:?}"));
                    found.push(Violation::Unexpected { who, outcome });
                }
            }
            (action, outcome) => {
                let what = format!("{action:?} was answered {outcome:?}");
                found.push(Violation::Answer { call: call.id, what });
            }
        }
    }
    check_pages(index, pages, found);
}

/// Within the call `revision` was the newest.
fn check_reached(index: &Index<'_>, order: &mut Order<'_, '_>, call: &Call, revision: i64, found: &mut Vec<Violation>) {
    if revision != 0 && index.place(revision).is_none() {
        let what = format!("revision {revision} was called the newest, and the log does not have it");
        found.push(Violation::Answer { call: call.id, what });
        return;
    }
    order.held(call, format!("{revision} is the newest revision"), vec![newest(index, revision)]);
}

/// The span in which `revision` is the newest.
pub(super) fn newest(index: &Index<'_>, revision: i64) -> Span {
    let next = index.history.log.partition_point(|row| row.revision <= revision);
    Span { from: revision, to: index.history.log.get(next).map_or(i64::MAX, |row| row.revision) }
}

/// The object that was got stood there at a moment of the call.
fn check_get(
    index: &Index<'_>,
    order: &mut Order<'_, '_>,
    call: &Call,
    key: &str,
    object: Option<&Seen>,
    found: &mut Vec<Violation>,
) {
    let Some((at, _)) = call.returned else { return };
    let revision = object.map_or(0, |object| object.revision);
    if index.is_void(revision, at) || revision == 0 && index.is_before_a_loss(at) {
        return;
    }
    if let Some(object) = object
        && (&*object.key != key || index.place(revision).is_none_or(|place| index.wires[place] != object.wire))
    {
        let what = format!("{key} was answered as {object:?}, and the log has other bytes or none");
        found.push(Violation::Answer { call: call.id, what });
        return;
    }
    order.held(call, format!("{key} stands at {revision}"), index.spans(key, revision));
}

/// The past of an object is its chain, newest first, as it stood at a moment of the call.
fn check_past(
    index: &Index<'_>,
    order: &mut Order<'_, '_>,
    call: &Call,
    (key, limit): (&str, usize),
    past: &[(Event, i64)],
    found: &mut Vec<Violation>,
) {
    let Some((at, _)) = call.returned else { return };
    let log = &index.history.log;
    let chain = index.chain(key);
    let newest = past.first().map_or(0, |(event, _)| event.revision);
    if past.iter().any(|(event, _)| index.is_void(event.revision, at)) || past.is_empty() && index.is_before_a_loss(at)
    {
        return;
    }
    let reached = chain.partition_point(|place| log[*place].revision <= newest);
    let expected: Vec<usize> = chain[..reached].iter().rev().take(limit).copied().collect();
    // Where history is compacted away, its older part may be missing.
    let short = index.history.retention.is_some();
    let same = (past.len() == expected.len() || short && past.len() < expected.len())
        && past.iter().zip(&expected).all(|((event, committed), place)| {
            let row = &log[*place];
            *event == event_of(row.revision, index, *place) && *committed == row.committed
        });
    if !same {
        let what = format!("the past of {key} (at most {limit}) differs from the log: {past:?}");
        found.push(Violation::Answer { call: call.id, what });
        return;
    }
    if short && past.is_empty() {
        return;
    }
    let to = chain.get(reached).map_or(i64::MAX, |place| log[*place].revision);
    order.held(call, format!("the past of {key} ends at {newest}"), vec![Span { from: newest, to }]);
}

/// The event that the row at `place` must be seen as.
pub(super) fn event_of(revision: i64, index: &Index<'_>, place: usize) -> Event {
    let row = &index.history.log[place];
    Event {
        revision,
        previous: row.previous,
        kind: row.kind.unwrap_or(Kind::Check),
        key: row.key.clone(),
        wire: index.wires[place],
    }
}

/// Replays the log once and compares each page where it belongs.
fn check_pages(index: &Index<'_>, mut pages: Vec<(i64, &Call)>, found: &mut Vec<Violation>) {
    pages.sort_by_key(|(revision, _)| *revision);
    let mut live: BTreeMap<Arc<str>, usize> = BTreeMap::new();
    let mut next = 0;
    for (revision, call) in pages {
        while let Some(row) = index.history.log.get(next).filter(|row| row.revision <= revision) {
            match row.kind {
                Some(Kind::Delete) => {
                    live.remove(&row.key);
                }
                Some(_) => {
                    live.insert(row.key.clone(), next);
                }
                None => {}
            }
            next += 1;
        }
        check_page(index, &live, call, found);
    }
}

/// Compares one page with the live objects at its revision.
fn check_page(index: &Index<'_>, live: &BTreeMap<Arc<str>, usize>, call: &Call, found: &mut Vec<Violation>) {
    let Action::List { prefix, after, limit, .. } = &call.action else { return };
    let Some((_, Outcome::Page { revision, objects, remaining })) = &call.returned else { return };
    let from = match after {
        Some(after) if **after >= **prefix => Excluded(&**after),
        _ if prefix.is_empty() => Unbounded,
        _ => Included(&**prefix),
    };
    let mut rows = live.range::<str, _>((from, Unbounded)).take_while(|(key, _)| key.starts_with(&**prefix));
    let mut tell = |what| found.push(Violation::List { call: call.id, revision: *revision, what });
    for nth in 0..limit.unwrap_or(usize::MAX) {
        match (rows.next(), objects.get(nth)) {
            (None, None) => break,
            (Some((key, place)), Some(object)) => {
                let row = &index.history.log[*place];
                if object.key != *key || object.revision != row.revision || object.wire != index.wires[*place] {
                    return tell(format!("object {nth} is {object:?}, the log has {key} at {}", row.revision));
                }
            }
            (Some((key, place)), None) => {
                return tell(format!("{key} at {} is missing", index.history.log[*place].revision));
            }
            (None, Some(object)) => return tell(format!("{object:?} is one too many")),
        }
    }
    if let Some(object) = limit.and_then(|limit| objects.get(limit)) {
        return tell(format!("{object:?} is beyond the limit"));
    }
    let counted = rows.count();
    if u64::try_from(counted).ok() != Some(*remaining) {
        tell(format!("{remaining} objects are said to remain; there are {counted}"));
    }
}
