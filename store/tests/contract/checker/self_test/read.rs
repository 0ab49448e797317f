//! False reads.

use super::{A, B, C, Damage, answer, event, of, seen};
use crate::checker::{Observer, Violation};
use crate::journal::{Action, Kind, Outcome};

pub(super) const DAMAGES: &[Damage] = &[
    ("a stale get", |h| answer(h, 9, Outcome::Got(Some(seen(3, A, "t3")))), |v| matches!(v, Violation::Order { .. })),
    (
        "a get of other bytes",
        |h| answer(h, 9, Outcome::Got(Some(seen(5, A, "t3")))),
        |v| matches!(v, Violation::Answer { call: 9, .. }),
    ),
    (
        "a get of a deleted object",
        |h| {
            of(h, 9).action = Action::Get { key: B.into() };
            answer(h, 9, Outcome::Got(Some(seen(2, B, "t2"))));
        },
        |v| matches!(v, Violation::Order { .. }),
    ),
    (
        "a get finds nothing of what lives",
        |h| answer(h, 9, Outcome::Got(None)),
        |v| matches!(v, Violation::Order { .. }),
    ),
    (
        "a get finds nothing between two lives, but too late",
        |h| {
            of(h, 9).action = Action::Get { key: B.into() };
            answer(h, 9, Outcome::Got(None));
        },
        |v| matches!(v, Violation::NeverHeld { who: Observer::Call(9), .. }),
    ),
    ("a stale newest revision", |h| answer(h, 10, Outcome::Newest(4)), |v| matches!(v, Violation::Order { .. })),
    (
        "an invented revision",
        |h| answer(h, 10, Outcome::Newest(70)),
        |v| matches!(v, Violation::Answer { call: 10, .. }),
    ),
    (
        "a list lacks an object",
        |h| {
            answer(
                h,
                11,
                Outcome::Page { revision: 7, objects: vec![seen(5, A, "t5"), seen(7, C, "t7")], remaining: 0 },
            )
        },
        |v| matches!(v, Violation::List { call: 11, .. }),
    ),
    (
        "a list has an old object",
        |h| {
            answer(
                h,
                11,
                Outcome::Page { revision: 7, objects: vec![seen(3, A, "t3"), seen(6, B, "t6")], remaining: 1 },
            )
        },
        |v| matches!(v, Violation::List { call: 11, .. }),
    ),
    (
        "a list ends too early",
        |h| answer(h, 12, Outcome::Page { revision: 7, objects: Vec::new(), remaining: 0 }),
        |v| matches!(v, Violation::List { call: 12, .. }),
    ),
    (
        "a list goes beyond its limit",
        |h| {
            let objects = vec![seen(5, A, "t5"), seen(6, B, "t6"), seen(7, C, "t7")];
            answer(h, 11, Outcome::Page { revision: 7, objects, remaining: 0 });
        },
        |v| matches!(v, Violation::List { call: 11, .. }),
    ),
    (
        "a wrong count of what remains",
        |h| {
            answer(
                h,
                11,
                Outcome::Page { revision: 7, objects: vec![seen(5, A, "t5"), seen(6, B, "t6")], remaining: 2 },
            )
        },
        |v| matches!(v, Violation::List { call: 11, .. }),
    ),
    (
        "a list at an old revision shows the newest",
        |h| answer(h, 13, Outcome::Page { revision: 4, objects: vec![seen(5, A, "t5")], remaining: 0 }),
        |v| matches!(v, Violation::List { call: 13, .. }),
    ),
    (
        "a list at another revision",
        |h| answer(h, 13, Outcome::Page { revision: 5, objects: vec![seen(5, A, "t5")], remaining: 0 }),
        |v| matches!(v, Violation::Answer { call: 13, .. }),
    ),
    (
        "a stale newest list",
        |h| answer(h, 11, Outcome::Page { revision: 4, objects: vec![seen(3, A, "t3")], remaining: 0 }),
        |v| matches!(v, Violation::Order { .. }),
    ),
    (
        "a list from before its own revision",
        |h| of(h, 13).returned.as_mut().expect("it returned").0 = 60,
        |v| matches!(v, Violation::Order { .. }),
    ),
    (
        "a past that lacks a version",
        |h| {
            answer(
                h,
                14,
                Outcome::Past(vec![
                    (event(5, 3, Kind::Update, A, "t5"), 5_000),
                    (event(1, 0, Kind::Create, A, "t1"), 1_000),
                ]),
            )
        },
        |v| matches!(v, Violation::Answer { call: 14, .. }),
    ),
    (
        "a stale past",
        |h| {
            answer(
                h,
                14,
                Outcome::Past(vec![
                    (event(3, 1, Kind::Update, A, "t3"), 3_000),
                    (event(1, 0, Kind::Create, A, "t1"), 1_000),
                ]),
            )
        },
        |v| matches!(v, Violation::Order { .. }),
    ),
    (
        "a past with another time",
        |h| {
            answer(
                h,
                14,
                Outcome::Past(vec![
                    (event(5, 3, Kind::Update, A, "t5"), 5_001),
                    (event(3, 1, Kind::Update, A, "t3"), 3_000),
                ]),
            )
        },
        |v| matches!(v, Violation::Answer { call: 14, .. }),
    ),
    (
        "a past revision is called the future",
        |h| answer(h, 15, Outcome::Future { requested: 9, current: 9 }),
        |v| matches!(v, Violation::Answer { call: 15, .. }),
    ),
    (
        "a stale future",
        |h| answer(h, 15, Outcome::Future { requested: 9, current: 5 }),
        |v| matches!(v, Violation::Order { .. }),
    ),
    (
        "a read fails without a fault",
        |h| {
            h.calm = true;
            answer(h, 9, Outcome::Failed("gone".to_owned()));
        },
        |v| matches!(v, Violation::Unexpected { .. }),
    ),
    (
        "a read is answered as a write",
        |h| answer(h, 9, Outcome::Unknown),
        |v| matches!(v, Violation::Answer { call: 9, .. }),
    ),
];
