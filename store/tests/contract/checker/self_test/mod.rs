//! Tests of the judge: a good history has no violation, and each kind of damage to it is found and called by its name.

mod floor;
mod log;
mod loss;
mod read;
mod watch;
mod write;

use std::sync::Arc;

use anyhow::ensure;

use super::{Head, History, Loss, Version, Violation, check};
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
    ("every_damage_to_the_log_is_found", || all(log::DAMAGES)),
    ("every_false_answer_to_a_write_is_found", || all(write::DAMAGES)),
    ("every_false_read_is_found", || all(read::DAMAGES)),
    ("every_false_watch_is_found", || all(watch::DAMAGES)),
    ("every_false_floor_is_found", || all(floor::DAMAGES)),
    ("a_lost_tail_must_be_covered_and_told", || all(loss::DAMAGES)),
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
    let events = [
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
