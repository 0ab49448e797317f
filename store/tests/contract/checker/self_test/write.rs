//! False answers to writes.

use super::{A, B, C, Damage, answer, of, seen, step};
use crate::checker::{Observer, Violation};
use crate::journal::{Action, Kind, Outcome};

pub(super) const DAMAGES: &[Damage] = &[
    (
        "an acknowledged write is lost",
        |h| answer(h, 3, Outcome::Written(vec![seen(9, A, "t3")])),
        |v| matches!(v, Violation::Lost { call: 3, revision: 9, .. }),
    ),
    (
        "another write stands at the acknowledged revision",
        |h| answer(h, 3, Outcome::Written(vec![seen(5, A, "t3")])),
        |v| matches!(v, Violation::Lost { call: 3, revision: 5, .. }),
    ),
    (
        "a row of no call",
        |h| h.calls.retain(|call| call.id != 6),
        |v| matches!(v, Violation::Phantom { revision: 7, .. }),
    ),
    (
        "a delete of no call",
        |h| h.calls.retain(|call| call.id != 4),
        |v| matches!(v, Violation::Phantom { revision: 4, kind: Kind::Delete, .. }),
    ),
    (
        "a delete that was answered as refused",
        |h| answer(h, 4, Outcome::Refused("disk full".to_owned())),
        |v| matches!(v, Violation::Phantom { revision: 4, kind: Kind::Delete, .. }),
    ),
    (
        "two deletes are told the same revision",
        |h| {
            let mut second = of(h, 4).clone();
            second.id = 40;
            h.calls.push(second);
        },
        |v| matches!(v, Violation::Shared { revision: 4, first: 4, second: 40 }),
    ),
    (
        "a write that was called not applied is in the log",
        |h| answer(h, 6, Outcome::NotApplied),
        |v| matches!(v, Violation::Appeared { call: 6, revision: 7, .. }),
    ),
    (
        "a write that was called refused is in the log",
        |h| answer(h, 6, Outcome::Refused("disk full".to_owned())),
        |v| matches!(v, Violation::Appeared { call: 6, .. }),
    ),
    (
        "a write that was called a conflict is in the log",
        |h| answer(h, 6, Outcome::Conflict { key: C.into(), expected: 0, current: 7 }),
        |v| matches!(v, Violation::Appeared { call: 6, .. }),
    ),
    ("a transaction in two group commits", |h| h.log[5].batch = 99, |v| matches!(v, Violation::Torn { call: 5, .. })),
    (
        "half of a transaction of unknown outcome",
        |h| {
            answer(h, 6, Outcome::Unknown);
            let Action::Write { steps, .. } = &mut of(h, 6).action else { return };
            steps.push(step(Kind::Create, "core/configmaps/two/e", 0, "t8"));
        },
        |v| matches!(v, Violation::Torn { call: 6, .. }),
    ),
    (
        "a check that did not hold",
        |h| {
            let Action::Write { steps, .. } = &mut of(h, 5).action else { return };
            steps[1] = step(Kind::Check, C, 2, "");
        },
        |v| matches!(v, Violation::Condition { call: 5, found: 0, expected: 2, .. }),
    ),
    (
        "a transaction that writes nothing is accepted",
        |h| answer(h, 17, Outcome::Written(Vec::new())),
        |v| matches!(v, Violation::Answer { call: 17, .. }),
    ),
    (
        "a malformed transaction is answered as a conflict",
        |h| answer(h, 17, Outcome::Conflict { key: A.into(), expected: 5, current: 3 }),
        |v| matches!(v, Violation::Answer { call: 17, .. }),
    ),
    (
        "a conflict with what the caller expected",
        |h| answer(h, 7, Outcome::Conflict { key: A.into(), expected: 3, current: 3 }),
        |v| matches!(v, Violation::Answer { call: 7, .. }),
    ),
    (
        "a conflict about another key",
        |h| answer(h, 7, Outcome::Conflict { key: B.into(), expected: 3, current: 6 }),
        |v| matches!(v, Violation::Answer { call: 7, .. }),
    ),
    (
        "a conflict with a revision that is long gone",
        |h| answer(h, 7, Outcome::Conflict { key: A.into(), expected: 3, current: 1 }),
        |v| matches!(v, Violation::Order { .. }),
    ),
    (
        "a conflict with a revision that is another key's",
        |h| answer(h, 7, Outcome::Conflict { key: A.into(), expected: 3, current: 6 }),
        |v| matches!(v, Violation::NeverHeld { who: Observer::Call(7), .. }),
    ),
    (
        "a conflict with an absence that never was",
        |h| answer(h, 7, Outcome::Conflict { key: A.into(), expected: 3, current: 0 }),
        |v| matches!(v, Violation::Order { .. }),
    ),
    (
        "a sound transaction is called malformed",
        |h| answer(h, 8, Outcome::Malformed("no".to_owned())),
        |v| matches!(v, Violation::Answer { call: 8, .. }),
    ),
    (
        "other bytes are acknowledged",
        |h| answer(h, 3, Outcome::Written(vec![seen(3, A, "t1")])),
        |v| matches!(v, Violation::Answer { call: 3, .. }),
    ),
    (
        "real time turned round",
        |h| (of(h, 1).invoked, of(h, 1).returned) = (9_000, Some((9_050, Outcome::Written(vec![seen(1, A, "t1")])))),
        |v| matches!(v, Violation::Order { .. }),
    ),
    (
        "a write returns long after its deadline",
        |h| of(h, 8).returned = Some((20_000_000_000, Outcome::NotApplied)),
        |v| matches!(v, Violation::Overdue { call: 8, .. }),
    ),
    (
        "an unknown outcome without a fault",
        |h| h.calm = true,
        |v| matches!(v, Violation::Unexpected { outcome, .. } if outcome == "Unknown"),
    ),
];
