//! Tests of the judge: a good history has no violation, and each kind of damage to it is found and called by its name.

use std::sync::Arc;

use anyhow::ensure;

use super::{Head, History, Loss, Observer, Version, Violation, check};
use crate::journal::{Action, Call, Ending, Event, Kind, Outcome, Seen, Step, Transcript};
use crate::payload;

const A: &str = "core/configmaps/one/a";
const B: &str = "core/configmaps/one/b";
const C: &str = "core/configmaps/two/c";

/// A test of the judge.
pub(crate) type Test = (&'static str, fn() -> anyhow::Result<()>);

/// All tests of the judge.
pub(crate) const TESTS: &[Test] = &[
    ("a_good_history_has_no_violation", good_history),
    ("every_damage_to_the_log_is_found", || all(LOG)),
    ("every_false_answer_to_a_write_is_found", || all(WRITES)),
    ("every_false_read_is_found", || all(READS)),
    ("every_false_watch_is_found", || all(WATCHES)),
    ("every_false_floor_is_found", || all(FLOORS)),
    ("a_lost_tail_must_be_covered_and_told", || all(LOSSES)),
    ("a_covered_loss_is_no_violation", || expect_none(&lossy())),
];

/// A name, the damage, and what must be found.
type Damage = (&'static str, fn(&mut History), fn(&Violation) -> bool);

fn expect_none(history: &History) -> anyhow::Result<()> {
    let found = check(history);
    ensure!(found.is_empty(), "{found:#?}");
    Ok(())
}

fn good_history() -> anyhow::Result<()> {
    expect_none(&good())
}

fn all(damages: &[Damage]) -> anyhow::Result<()> {
    for (name, damage, is_it) in damages {
        let mut history = good();
        damage(&mut history);
        let found = check(&history);
        ensure!(found.iter().any(is_it), "{name}: found {found:#?}");
        // The telling is part of the job.
        ensure!(found.iter().all(|violation| !violation.to_string().is_empty()), "{name}");
    }
    Ok(())
}

fn row(revision: i64, previous: i64, kind: Kind, key: &str, token: &str) -> Version {
    let made = payload::make(key, token);
    Version {
        revision,
        previous,
        kind: Some(kind),
        key: key.into(),
        batch: u128::try_from(revision.min(5)).unwrap_or_default(),
        committed: revision * 1_000,
        splice: made.splice,
        payload: made.json,
    }
}

fn seen(revision: i64, key: &str, token: &str) -> Seen {
    let made = payload::make(key, token);
    Seen { key: key.into(), revision, wire: payload::digest(&payload::wire(&made.json, made.splice, revision)) }
}

fn event(revision: i64, previous: i64, kind: Kind, key: &str, token: &str) -> Event {
    let Seen { key, wire, .. } = seen(revision, key, token);
    Event { revision, previous, kind, key, wire }
}

fn step(kind: Kind, key: &str, expected: i64, token: &str) -> Step {
    let token = (!token.is_empty()).then(|| token.into());
    Step { key: key.into(), kind, expected, token }
}

/// The call `id` is made at 100 times its number and takes 50.
fn call(id: u64, action: Action, outcome: Outcome) -> Call {
    Call { id, invoked: id * 100, action, returned: Some((id * 100 + 50, outcome)) }
}

fn write(steps: Vec<Step>) -> Action {
    Action::Write { steps, timeout: 1_000 }
}

fn list(at: Option<i64>, after: Option<&str>, limit: Option<usize>) -> Action {
    Action::List { prefix: "core/configmaps/".into(), at, after: after.map(Arc::from), limit }
}

/// Seven revisions: two creations, an update, a deletion, a transaction of two with a check, and a creation of unknown
/// outcome; then a conflict, reads and watchers. Calls 1 to 6 write, 7 is in conflict, 8 was not applied.
fn good() -> History {
    let log = vec![
        row(1, 0, Kind::Create, A, "t1"),
        row(2, 0, Kind::Create, B, "t2"),
        row(3, 1, Kind::Update, A, "t3"),
        row(4, 2, Kind::Delete, B, "t2"),
        row(5, 3, Kind::Update, A, "t5"),
        row(6, 0, Kind::Create, B, "t6"),
        row(7, 0, Kind::Create, C, "t7"),
    ];
    let conflict = Outcome::Conflict { key: A.into(), expected: 3, current: 5 };
    let page = |revision, objects, remaining| Outcome::Page { revision, objects, remaining };
    let past = [event(5, 3, Kind::Update, A, "t5"), event(3, 1, Kind::Update, A, "t3")];
    let calls = vec![
        call(1, write(vec![step(Kind::Create, A, 0, "t1")]), Outcome::Written(vec![seen(1, A, "t1")])),
        call(2, write(vec![step(Kind::Create, B, 0, "t2")]), Outcome::Written(vec![seen(2, B, "t2")])),
        call(3, write(vec![step(Kind::Update, A, 1, "t3")]), Outcome::Written(vec![seen(3, A, "t3")])),
        call(4, write(vec![step(Kind::Delete, B, 2, "")]), Outcome::Written(vec![seen(4, B, "t2")])),
        call(
            5,
            write(vec![step(Kind::Update, A, 3, "t5"), step(Kind::Check, C, 0, ""), step(Kind::Create, B, 0, "t6")]),
            Outcome::Written(vec![seen(5, A, "t5"), seen(6, B, "t6")]),
        ),
        call(6, write(vec![step(Kind::Create, C, 0, "t7")]), Outcome::Unknown),
        call(7, write(vec![step(Kind::Update, A, 3, "t9")]), conflict),
        call(8, write(vec![step(Kind::Update, A, 5, "t10")]), Outcome::NotApplied),
        call(9, Action::Get { key: A.into() }, Outcome::Got(Some(seen(5, A, "t5")))),
        call(10, Action::Newest, Outcome::Newest(7)),
        call(11, list(None, None, Some(2)), page(7, vec![seen(5, A, "t5"), seen(6, B, "t6")], 1)),
        call(12, list(Some(7), Some(B), Some(2)), page(7, vec![seen(7, C, "t7")], 0)),
        call(13, list(Some(4), None, None), page(4, vec![seen(3, A, "t3")], 0)),
        call(
            14,
            Action::History { key: A.into(), limit: 2 },
            Outcome::Past(past.map(|e| (e.clone(), e.revision * 1_000)).to_vec()),
        ),
        call(15, list(Some(9), None, None), Outcome::Future { requested: 9, current: 7 }),
        call(16, Action::Get { key: "core/configmaps/two/d".into() }, Outcome::Got(None)),
        call(17, write(vec![step(Kind::Check, A, 5, "")]), Outcome::Malformed("writes nothing".to_owned())),
        call(18, write(Vec::new()), Outcome::Malformed("empty".to_owned())),
    ];
    let events = vec![
        event(1, 0, Kind::Create, A, "t1"),
        event(2, 0, Kind::Create, B, "t2"),
        event(3, 1, Kind::Update, A, "t3"),
        event(4, 2, Kind::Delete, B, "t2"),
        event(5, 3, Kind::Update, A, "t5"),
        event(6, 0, Kind::Create, B, "t6"),
        event(7, 0, Kind::Create, C, "t7"),
    ];
    let watch = |id: u64, after: usize| Transcript {
        id,
        opened: 90,
        after: i64::try_from(after).unwrap_or_default(),
        events: events[after..].iter().map(|event| (5_000, event.clone())).collect(),
        ended: Some((6_000, 7, Ending::Done { target: 7 })),
    };
    let head = |key: &str, revision, created| Head { key: key.into(), revision, created };
    History {
        log,
        heads: vec![head(A, 5, 1), head(B, 6, 6), head(C, 7, 7)],
        newest: 7,
        calls,
        watches: vec![watch(101, 0), watch(102, 3)],
        ..History::default()
    }
}

/// The good history, in whose middle revision 8, acknowledged and watched, is lost: the store skips to 1,000, and call
/// 30 writes 1,001.
fn lossy() -> History {
    let mut history = good();
    history.losses.push(Loss { surviving: 7, at: 10_000 });
    history.log.push(Version { kind: None, ..row(1_000, 7, Kind::Check, "", "skip") });
    history.log.push(row(1_001, 7, Kind::Update, C, "t30"));
    history.newest = 1_001;
    history.heads[2].revision = 1_001;
    history.calls.push(call(
        20,
        write(vec![step(Kind::Update, C, 7, "t20")]),
        Outcome::Written(vec![seen(8, C, "t20")]),
    ));
    history.calls.push(call(
        200,
        write(vec![step(Kind::Update, C, 7, "t30")]),
        Outcome::Written(vec![seen(1_001, C, "t30")]),
    ));
    history.watches[0].events.push((7_000, event(8, 7, Kind::Update, C, "t20")));
    history.watches[0].ended = Some((12_000, 8, Ending::Replaced));
    history
}

/// The call with the number `id`.
fn of(history: &mut History, id: u64) -> &mut Call {
    history.calls.iter_mut().find(|call| call.id == id).expect("the good history has the call")
}

/// Gives the call `id` another answer.
fn answer(history: &mut History, id: u64, outcome: Outcome) {
    if let Some((_, old)) = &mut of(history, id).returned {
        *old = outcome;
    }
}

const LOG: &[Damage] = &[
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

const WRITES: &[Damage] = &[
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

const READS: &[Damage] = &[
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

const WATCHES: &[Damage] = &[
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

const FLOORS: &[Damage] = &[
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

const LOSSES: &[Damage] = &[
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
