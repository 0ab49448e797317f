//! Watchers against the log: each sees the log's suffix behind its start, each change once, in order, with its bytes.

use super::order::{Order, Window};
use super::read::{event_of, newest};
use super::{Index, Observer, Violation};
use crate::journal::{Ending, Transcript};

/// Checks all watchers.
pub(super) fn check(index: &Index<'_>, order: &mut Order<'_, '_>, found: &mut Vec<Violation>) {
    for watch in &index.history.watches {
        check_events(index, order, watch, found);
        check_ending(index, order, watch, found);
    }
}

/// The changes are the log's, up to where the transcript ends.
fn check_events(index: &Index<'_>, order: &mut Order<'_, '_>, watch: &Transcript, found: &mut Vec<Violation>) {
    let log = &index.history.log;
    let mut next = log.partition_point(|row| row.revision <= watch.after);
    let mut seen = watch.after;
    let mut void = is_void_start(index, watch);
    for (at, event) in &watch.events {
        if index.is_void(event.revision, *at) {
            void = true;
            if event.revision <= seen {
                found.push(Violation::Repeated { watch: watch.id, found: event.revision, seen });
                return;
            }
            seen = event.revision;
            continue;
        }
        if void {
            found.push(Violation::NotReplaced { watch: watch.id, revision: seen });
            return;
        }
        while log.get(next).is_some_and(|row| row.kind.is_none()) {
            next += 1;
        }
        if event.revision <= seen {
            found.push(Violation::Repeated { watch: watch.id, found: event.revision, seen });
            return;
        }
        seen = event.revision;
        let Some(row) = log.get(next) else {
            let what = "is not in the log";
            found.push(Violation::Event { watch: watch.id, revision: event.revision, what });
            return;
        };
        if row.revision < event.revision {
            found.push(Violation::Missed { watch: watch.id, missed: row.revision, found: event.revision });
            return;
        }
        let expected = event_of(row.revision, index, next);
        if *event != expected {
            let what = if event.wire == expected.wire {
                "names another key, change or predecessor than the log"
            } else {
                "has other bytes than the log"
            };
            found.push(Violation::Event { watch: watch.id, revision: event.revision, what });
            return;
        }
        order.saw(Observer::Watch(watch.id), event.revision, *at);
        next += 1;
    }
    check_position(index, watch, next, found);
}

/// Whether the watcher began behind what survived.
fn is_void_start(index: &Index<'_>, watch: &Transcript) -> bool {
    index.is_void(watch.after, watch.opened)
}

/// Where the watcher is said to stand, it has seen everything before; `next` is the first row that it has not.
fn check_position(index: &Index<'_>, watch: &Transcript, next: usize, found: &mut Vec<Violation>) {
    let Some((at, position, ending)) = &watch.ended else { return };
    let claimed = match ending {
        Ending::Done { target } => *target.max(position),
        Ending::Replaced => return,
        _ => *position,
    };
    if index.is_void(claimed, *at) {
        return;
    }
    if let Some(row) = index.history.log[next..].iter().find(|row| row.kind.is_some())
        && row.revision <= claimed
    {
        found.push(Violation::Incomplete { watch: watch.id, claimed, unseen: row.revision });
    }
}

/// The reason for the end is a true one.
fn check_ending(index: &Index<'_>, order: &mut Order<'_, '_>, watch: &Transcript, found: &mut Vec<Violation>) {
    let Some((at, position, ending)) = &watch.ended else { return };
    let lost = watch.events.iter().filter(|(at, event)| index.is_void(event.revision, *at)).map(|(_, e)| e.revision);
    let lost = lost.max().or_else(|| is_void_start(index, watch).then_some(watch.after));
    match ending {
        Ending::Stuck { target } => {
            found.push(Violation::Stuck { watch: watch.id, position: *position, target: *target });
        }
        Ending::Replaced => {
            let spans_loss = index.history.losses.iter().any(|loss| watch.opened <= loss.at && loss.at <= *at);
            let from_lost = watch.after > 0 && index.row(watch.after).is_none();
            if !spans_loss && !from_lost {
                found.push(Violation::NeedlesslyReplaced { watch: watch.id });
            }
        }
        Ending::Future { position, current } => {
            let who = Observer::Watch(watch.id);
            if current >= position {
                found.push(Violation::Unexpected { who, outcome: format!("{ending:?}") });
            } else if !index.is_void(*current, *at) {
                let when = Window { who, invoked: watch.opened, returned: *at };
                order.held_within(when, format!("{current} is the newest revision"), vec![newest(index, *current)]);
            }
        }
        Ending::Failed(_) | Ending::Closed if index.history.calm => {
            let (who, outcome) = (Observer::Watch(watch.id), format!("{ending:?}"));
            found.push(Violation::Unexpected { who, outcome });
        }
        Ending::Done { .. } => {
            if let Some(revision) = lost {
                found.push(Violation::NotReplaced { watch: watch.id, revision });
            }
        }
        Ending::Failed(_) | Ending::Closed | Ending::Left | Ending::Compacted { .. } => {}
    }
}
