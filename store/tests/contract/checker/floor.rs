//! Compaction: what is called compacted lies below a floor that only rises, no sooner than the retention allows, and
//! nothing below a floor is answered once somebody was told of it.

use super::order::Order;
use super::{Index, Observer, Violation};
use crate::clock::Nanos;
use crate::journal::{Action, Ending, Outcome};

/// How far the clock of the database and that of the journal may drift apart within a run.
const DRIFT: Nanos = 100_000_000;

/// Somebody was told of a floor.
struct Told {
    who: Observer,
    invoked: Nanos,
    returned: Nanos,
    requested: i64,
    floor: i64,
}

/// Checks all floors.
pub(super) fn check(index: &Index<'_>, order: &Order<'_, '_>, found: &mut Vec<Violation>) {
    let mut told = told(index);
    for Told { who, returned, requested, floor, .. } in &told {
        let (who, requested, floor) = (*who, *requested, *floor);
        // A revision that was lost, or skipped, is none that could be kept.
        if requested >= floor && index.row(requested).is_some() {
            found.push(Violation::NotBelow { who, requested, floor });
        }
        match index.history.retention {
            None if requested > 0 && index.row(requested).is_none() && !index.history.losses.is_empty() => {}
            None => found.push(Violation::Unexpected { who, outcome: format!("Compacted (floor {floor})") }),
            Some(kept) if order.earliest(floor).saturating_add(kept) > returned.saturating_add(DRIFT) => {
                found.push(Violation::FloorTooHigh { who, floor });
            }
            Some(_) => {}
        }
    }
    told.sort_by_key(|told| told.returned);
    // The highest floor that had been answered by each moment.
    let mut highest: Vec<(Nanos, i64)> = Vec::new();
    for Told { returned, floor, .. } in &told {
        let before = highest.last().map_or(0, |(_, floor)| *floor);
        highest.push((*returned, before.max(*floor)));
    }
    let known = |at: Nanos| {
        let before = highest.partition_point(|(returned, _)| *returned < at);
        highest[..before].last().map_or(0, |(_, floor)| *floor)
    };
    for Told { who, invoked, floor, .. } in &told {
        let before = known(*invoked);
        if *floor < before {
            found.push(Violation::FloorBackwards { who: *who, floor: *floor, before });
        }
    }
    for call in &index.history.calls {
        if let (Action::List { at: Some(requested), .. }, Some((_, Outcome::Page { .. }))) =
            (&call.action, &call.returned)
            && *requested < known(call.invoked)
        {
            let (who, floor) = (Observer::Call(call.id), known(call.invoked));
            found.push(Violation::BelowFloor { who, requested: *requested, floor });
        }
    }
    for watch in &index.history.watches {
        let floor = known(watch.opened);
        if watch.after < floor && !watch.events.is_empty() {
            found.push(Violation::BelowFloor { who: Observer::Watch(watch.id), requested: watch.after, floor });
        }
    }
}

/// Everybody who was told of a floor.
fn told(index: &Index<'_>) -> Vec<Told> {
    let calls = index.history.calls.iter().filter_map(|call| match &call.returned {
        Some((returned, Outcome::Compacted { requested, floor })) => Some(Told {
            who: Observer::Call(call.id),
            invoked: call.invoked,
            returned: *returned,
            requested: *requested,
            floor: *floor,
        }),
        _ => None,
    });
    let watches = index.history.watches.iter().filter_map(|watch| match &watch.ended {
        // A watcher learns of its end when it asks again, which is not sooner than its last event.
        Some((returned, _, Ending::Compacted { position, floor })) => Some(Told {
            who: Observer::Watch(watch.id),
            invoked: watch.events.last().map_or(watch.opened, |(at, _)| *at),
            returned: *returned,
            requested: *position,
            floor: *floor,
        }),
        _ => None,
    });
    calls.chain(watches).collect()
}
