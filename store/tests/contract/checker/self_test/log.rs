//! Damage to the log itself.

use super::{B, C, Damage, row};
use crate::checker::{Head, Version, Violation};
use crate::journal::Kind;
use crate::payload;

pub(super) const DAMAGES: &[Damage] = &[
    ("a revision is missing", |h| drop(h.log.remove(2)), |v| matches!(v, Violation::Gap { after: 2, found: 4 })),
    ("the first is missing", |h| drop(h.log.remove(0)), |v| matches!(v, Violation::Gap { after: 0, found: 2 })),
    ("a wrong predecessor", |h| h.log[2].previous = 2, |v| matches!(v, Violation::Chain { revision: 3, .. })),
    (
        "a creation of what lives",
        |h| h.log[2].kind = Some(Kind::Create),
        |v| matches!(v, Violation::Impossible { revision: 3, lived: true, .. }),
    ),
    (
        "an update of what does not live",
        |h| h.log[5].kind = Some(Kind::Update),
        |v| matches!(v, Violation::Impossible { revision: 6, lived: false, .. }),
    ),
    ("other bytes", |h| h.log[2].payload[40] ^= 1, |v| matches!(v, Violation::Payload { revision: 3, .. })),
    ("another splice", |h| h.log[2].splice += 1, |v| matches!(v, Violation::Payload { revision: 3, .. })),
    (
        "a tombstone without the last state",
        |h| h.log[3].payload = payload::make(B, "t6").json,
        |v| matches!(v, Violation::Payload { revision: 4, .. }),
    ),
    (
        "a head that stands elsewhere",
        |h| h.heads[0].revision = 3,
        |v| matches!(v, Violation::Head { found: Some((3, 1)), .. }),
    ),
    ("a head is missing", |h| drop(h.heads.remove(0)), |v| matches!(v, Violation::Head { found: None, .. })),
    (
        "a head is left over",
        |h| h.heads.push(Head { key: "x/y/z".into(), revision: 1, created: 1 }),
        |v| matches!(v, Violation::Head { expected: None, .. }),
    ),
    ("meta is ahead", |h| h.newest = 8, |v| matches!(v, Violation::Newest { revision: 8, last: 7 })),
    (
        "a write twice",
        |h| {
            h.log.push(row(8, 7, Kind::Update, C, "t7"));
            h.newest = 8;
            h.heads[2].revision = 8;
        },
        |v| matches!(v, Violation::Twice { first: 7, second: 8, .. }),
    ),
    (
        "a skip without a loss",
        |h| {
            h.log.push(Version { kind: None, ..row(100, 7, Kind::Check, "", "s") });
            h.newest = 100;
        },
        |v| matches!(v, Violation::NeedlessSkip { revision: 100 }),
    ),
];
