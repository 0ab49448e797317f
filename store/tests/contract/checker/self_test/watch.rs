//! False transcripts of watchers.

use super::{C, Damage, event};
use crate::checker::Violation;
use crate::journal::{Ending, Kind};

pub(super) const DAMAGES: &[Damage] = &[
    (
        "a change is missed",
        |h| drop(h.watches[0].events.remove(2)),
        |v| matches!(v, Violation::Missed { watch: 101, missed: 3, found: 4 }),
    ),
    (
        "a change is seen twice",
        |h| {
            let again = h.watches[0].events[2].clone();
            h.watches[0].events.insert(3, again);
        },
        |v| matches!(v, Violation::Repeated { watch: 101, found: 3, seen: 3 }),
    ),
    (
        "changes out of order",
        |h| h.watches[0].events.swap(4, 5),
        |v| matches!(v, Violation::Missed { watch: 101, missed: 5, found: 6 }),
    ),
    (
        "a change from before the start",
        |h| {
            let old = h.watches[0].events[2].clone();
            h.watches[1].events.insert(0, old);
        },
        |v| matches!(v, Violation::Repeated { watch: 102, found: 3, seen: 3 }),
    ),
    (
        "other bytes",
        |h| h.watches[1].events[0].1.wire ^= 1,
        |v| matches!(v, Violation::Event { watch: 102, revision: 4, .. }),
    ),
    (
        "another predecessor",
        |h| h.watches[1].events[0].1.previous = 1,
        |v| matches!(v, Violation::Event { watch: 102, revision: 4, .. }),
    ),
    (
        "a change that is not in the log",
        |h| h.watches[0].events.push((5_001, event(8, 7, Kind::Update, C, "t8"))),
        |v| matches!(v, Violation::Event { watch: 101, revision: 8, .. }),
    ),
    ("a change before it was asked for", |h| h.watches[0].events[0].0 = 10, |v| matches!(v, Violation::Order { .. })),
    (
        "the last change is missed",
        |h| drop(h.watches[0].events.pop()),
        |v| matches!(v, Violation::Incomplete { watch: 101, claimed: 7, unseen: 7 }),
    ),
    (
        "a position beyond what was seen",
        |h| {
            h.watches[0].events.truncate(3);
            h.watches[0].ended = Some((6_000, 5, Ending::Left));
        },
        |v| matches!(v, Violation::Incomplete { watch: 101, claimed: 5, unseen: 4 }),
    ),
    (
        "a watcher got stuck",
        |h| {
            h.watches[0].events.truncate(3);
            h.watches[0].ended = Some((6_000, 3, Ending::Stuck { target: 7 }));
        },
        |v| matches!(v, Violation::Stuck { watch: 101, position: 3, target: 7 }),
    ),
    (
        "the history is said to be replaced",
        |h| h.watches[0].ended = Some((6_000, 7, Ending::Replaced)),
        |v| matches!(v, Violation::NeedlesslyReplaced { watch: 101 }),
    ),
    (
        "a position that is long reached is called the future",
        |h| {
            h.watches[1].events.clear();
            (h.watches[1].opened, h.watches[1].after) = (5_500, 6);
            h.watches[1].ended = Some((6_000, 6, Ending::Future { position: 6, current: 4 }));
        },
        |v| matches!(v, Violation::Order { .. }),
    ),
];
