//! Losses that are not covered, or not told.

use super::{A, C, Damage, answer, event, lossy, seen};
use crate::checker::Violation;
use crate::journal::{Ending, Kind, Outcome};

pub(super) const DAMAGES: &[Damage] = &[
    (
        "no skip leads past what was lost",
        |h| {
            *h = lossy();
            h.log[7].revision = 8;
            h.log[8].revision = 9;
            h.newest = 9;
            h.heads[2].revision = 9;
        },
        |v| matches!(v, Violation::Uncovered { surviving: 7, handed_out: 8 }),
    ),
    (
        "a skip that does not say where it came from",
        |h| {
            *h = lossy();
            h.log[7].previous = 6;
        },
        |v| matches!(v, Violation::Skip { revision: 1_000, previous: 6, expected: 7 }),
    ),
    (
        "a watcher is not told and goes on",
        |h| {
            *h = lossy();
            h.watches[0].events.push((13_000, event(1_001, 7, Kind::Update, C, "t30")));
            h.watches[0].ended = Some((14_000, 1_001, Ending::Done { target: 1_001 }));
        },
        |v| matches!(v, Violation::NotReplaced { watch: 101, revision: 8 }),
    ),
    (
        "an acknowledged write from before what survived is lost",
        |h| {
            *h = lossy();
            answer(h, 3, Outcome::Written(vec![seen(2, A, "t3")]));
        },
        |v| matches!(v, Violation::Lost { call: 3, .. }),
    ),
    (
        "a write from after the loss is lost",
        |h| {
            *h = lossy();
            answer(h, 200, Outcome::Written(vec![seen(9, C, "t30")]));
        },
        |v| matches!(v, Violation::Lost { call: 200, .. }),
    ),
];
