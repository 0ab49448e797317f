//! False floors.

use super::{A, B, Damage, answer, list, of, seen};
use crate::checker::Violation;
use crate::journal::Outcome;

pub(super) const DAMAGES: &[Damage] = &[
    (
        "compaction that nobody asked for",
        |h| answer(h, 13, Outcome::Compacted { requested: 4, floor: 5 }),
        |v| matches!(v, Violation::Unexpected { .. }),
    ),
    (
        "a revision at the floor is called compacted",
        |h| {
            h.retention = Some(1);
            answer(h, 13, Outcome::Compacted { requested: 4, floor: 4 });
        },
        |v| matches!(v, Violation::NotBelow { requested: 4, floor: 4, .. }),
    ),
    (
        "a floor that is too young",
        |h| {
            h.retention = Some(1_000_000_000_000);
            answer(h, 13, Outcome::Compacted { requested: 4, floor: 5 });
        },
        |v| matches!(v, Violation::FloorTooHigh { floor: 5, .. }),
    ),
    (
        "a floor that goes down",
        |h| {
            h.retention = Some(1);
            answer(h, 13, Outcome::Compacted { requested: 4, floor: 6 });
            of(h, 15).action = list(Some(3), None, None);
            answer(h, 15, Outcome::Compacted { requested: 3, floor: 5 });
        },
        |v| matches!(v, Violation::FloorBackwards { floor: 5, before: 6, .. }),
    ),
    (
        "a list below the floor",
        |h| {
            h.retention = Some(1);
            answer(
                h,
                11,
                Outcome::Page { revision: 7, objects: vec![seen(5, A, "t5"), seen(6, B, "t6")], remaining: 1 },
            );
            of(h, 12).action = list(Some(3), None, None);
            answer(h, 12, Outcome::Compacted { requested: 3, floor: 5 });
        },
        |v| matches!(v, Violation::BelowFloor { requested: 4, floor: 5, .. }),
    ),
    (
        "a watcher below the floor",
        |h| {
            h.retention = Some(1);
            of(h, 13).action = list(Some(3), None, None);
            answer(h, 13, Outcome::Compacted { requested: 3, floor: 5 });
            h.watches[1].opened = 4_000;
        },
        |v| matches!(v, Violation::BelowFloor { requested: 3, floor: 5, .. }),
    ),
];
