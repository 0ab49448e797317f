//! Writes against the log: who wrote which row, and whether every answer is true.

use std::collections::{HashMap, HashSet};

use super::order::Order;
use super::{Index, Observer, Violation};
use crate::clock::Nanos;
use crate::journal::{Action, Call, Kind, Outcome, Step};

/// How long after its deadline a write may return: the machine is shared.
const LATE: Nanos = 3_000_000_000;

/// Checks all writes.
pub(super) fn check(index: &Index<'_>, order: &mut Order<'_, '_>, found: &mut Vec<Violation>) {
    let mut owners: HashMap<i64, u64> = HashMap::new();
    // Deletes whose outcome nobody knows, by key and the revision that they would have deleted.
    let mut open_deletes: HashSet<(&str, i64)> = HashSet::new();
    for call in &index.history.calls {
        let Action::Write { steps, timeout } = &call.action else { continue };
        check_deadline(call, *timeout, found);
        let applied = match &call.returned {
            Some((at, Outcome::Written(seen))) => {
                if seen.iter().any(|object| index.is_void(object.revision, *at)) {
                    continue;
                }
                check_acknowledged(index, order, call, steps, found)
            }
            None | Some((_, Outcome::Unknown)) => {
                let deletes = steps.iter().filter(|step| step.kind == Kind::Delete);
                open_deletes.extend(deletes.map(|step| (&*step.key, step.expected)));
                if let (true, Some((_, outcome))) = (index.history.calm, &call.returned) {
                    unexpected(call, outcome, found);
                }
                check_open(index, order, call, steps, found)
            }
            Some((_, outcome)) => {
                check_refused(index, call, steps, outcome, found);
                if let Outcome::Conflict { key, expected, current } = outcome {
                    check_conflict(index, order, call, steps, (key, *expected, *current), found);
                }
                None
            }
        };
        for (revision, _) in applied.into_iter().flatten() {
            if let Some(first) = owners.insert(revision, call.id) {
                found.push(Violation::Shared { revision, first, second: call.id });
            }
        }
    }
    for row in &index.history.log {
        let Some(kind) = row.kind else { continue };
        let open = kind == Kind::Delete && open_deletes.contains(&(&*row.key, row.previous));
        if !owners.contains_key(&row.revision) && !open {
            found.push(Violation::Phantom { revision: row.revision, key: row.key.clone(), kind });
        }
    }
}

/// The rows that a call wrote: each one's revision and step.
type Applied<'a> = Option<Vec<(i64, &'a Step)>>;

/// A write returns by its deadline.
fn check_deadline(call: &Call, timeout: Nanos, found: &mut Vec<Violation>) {
    let Some((at, _)) = &call.returned else { return };
    let late = at.saturating_sub(call.invoked.saturating_add(timeout));
    if late > LATE {
        found.push(Violation::Overdue { call: call.id, late_ms: late / 1_000_000 });
    }
}

/// An acknowledged write stands where its caller was told, with all of its steps side by side.
fn check_acknowledged<'a>(
    index: &Index<'_>,
    order: &mut Order<'_, '_>,
    call: &'a Call,
    steps: &'a [Step],
    found: &mut Vec<Violation>,
) -> Applied<'a> {
    let Some((_, Outcome::Written(seen))) = &call.returned else { return None };
    let writing: Vec<&Step> = steps.iter().filter(|step| step.kind != Kind::Check).collect();
    if is_malformed(steps) {
        found.push(Violation::Answer { call: call.id, what: format!("{steps:?} was accepted") });
    }
    if seen.len() != writing.len() || seen.iter().zip(&writing).any(|(object, step)| object.key != step.key) {
        let what = format!("{} steps write, and the answer has {} objects or other ones", writing.len(), seen.len());
        found.push(Violation::Answer { call: call.id, what });
        return None;
    }
    let mut applied = Vec::with_capacity(seen.len());
    for (object, step) in seen.iter().zip(writing) {
        match index.place(object.revision) {
            Some(place) if is_work_of(index, place, step) => {
                if index.wires[place] != object.wire {
                    let what = format!("the answer's bytes are not those of revision {}", object.revision);
                    found.push(Violation::Answer { call: call.id, what });
                }
                applied.push((object.revision, step));
            }
            _ => {
                let (revision, key) = (object.revision, step.key.clone());
                found.push(Violation::Lost { call: call.id, revision, key });
            }
        }
    }
    check_whole(index, call, &applied, found);
    check_conditions(index, call, steps, &applied, found);
    order.wrote(call, applied.iter().map(|(revision, _)| *revision));
    Some(applied)
}

/// A write with an open outcome is in the log whole or not at all.
fn check_open<'a>(
    index: &Index<'_>,
    order: &mut Order<'_, '_>,
    call: &'a Call,
    steps: &'a [Step],
    found: &mut Vec<Violation>,
) -> Applied<'a> {
    let writing: Vec<&Step> = steps.iter().filter(|step| step.kind != Kind::Check).collect();
    // A token tells where the first step would stand; deletes have none, so the suite's transactions always have one.
    let (first, known) = writing.iter().enumerate().find_map(|(nth, step)| {
        let place = *index.tokens.get(step.token.as_deref()?)?;
        Some((index.history.log[place].revision - i64::try_from(nth).ok()?, nth))
    })?;
    let mut applied = Vec::new();
    for (revision, step) in (first..).zip(writing) {
        match index.place(revision) {
            Some(place) if is_work_of(index, place, step) => applied.push((revision, step)),
            _ => {
                let what = format!("step {known} stands in the log, {:?} of {} does not", step.kind, step.key);
                found.push(Violation::Torn { call: call.id, what });
                return None;
            }
        }
    }
    check_whole(index, call, &applied, found);
    check_conditions(index, call, steps, &applied, found);
    order.wrote(call, applied.iter().map(|(revision, _)| *revision));
    Some(applied)
}

/// Whether the row at `place` is what `step` writes.
fn is_work_of(index: &Index<'_>, place: usize, step: &Step) -> bool {
    let row = &index.history.log[place];
    let token = match &step.token {
        Some(token) => index.tokens.get(&**token) == Some(&place),
        None => true,
    };
    row.key == step.key && row.kind == Some(step.kind) && row.previous == step.expected && token
}

/// The rows of one transaction stand side by side, in order, in one group commit.
fn check_whole(index: &Index<'_>, call: &Call, applied: &[(i64, &Step)], found: &mut Vec<Violation>) {
    for pair in applied.windows(2) {
        let (one, two) = (pair[0].0, pair[1].0);
        let together = index.row(one).map(|row| row.batch) == index.row(two).map(|row| row.batch);
        if two != one + 1 || !together {
            let what = format!(
                "its steps stand at {one} and {two}, in {} group commit",
                if together { "one" } else { "another" }
            );
            found.push(Violation::Torn { call: call.id, what });
        }
    }
}

/// Every condition of an applied write held just before it.
fn check_conditions(
    index: &Index<'_>,
    call: &Call,
    steps: &[Step],
    applied: &[(i64, &Step)],
    found: &mut Vec<Violation>,
) {
    let Some((revision, _)) = applied.first().copied() else { return };
    for step in steps {
        let at = index.head_before(&step.key, revision);
        if at != step.expected {
            let (key, expected) = (step.key.clone(), step.expected);
            found.push(Violation::Condition { call: call.id, revision, key, expected, found: at });
        }
    }
}

/// A write that was answered as not applied is not in the log. Its deletes are covered by [`Violation::Phantom`].
fn check_refused(index: &Index<'_>, call: &Call, steps: &[Step], outcome: &Outcome, found: &mut Vec<Violation>) {
    for token in steps.iter().filter_map(|step| step.token.as_deref()) {
        if let Some(place) = index.tokens.get(token) {
            let revision = index.history.log[*place].revision;
            found.push(Violation::Appeared { call: call.id, outcome: format!("{outcome:?}"), revision });
        }
    }
    let is_refusal = matches!(
        outcome,
        Outcome::Conflict { .. } | Outcome::NotApplied | Outcome::Refused(_) | Outcome::Malformed(_) | Outcome::Closed
    );
    if !is_refusal {
        found.push(Violation::Answer { call: call.id, what: format!("a write was answered {outcome:?}") });
    } else if index.history.calm && !matches!(outcome, Outcome::Conflict { .. } | Outcome::Malformed(_)) {
        unexpected(call, outcome, found);
    }
    if matches!(outcome, Outcome::Malformed(_)) != is_malformed(steps) {
        found.push(Violation::Answer { call: call.id, what: format!("{steps:?} was answered {outcome:?}") });
    }
}

/// An answer that has no place in a run without faults.
fn unexpected(call: &Call, outcome: &Outcome, found: &mut Vec<Violation>) {
    found.push(Violation::Unexpected { who: Observer::Call(call.id), outcome: format!("{outcome:?}") });
}

/// Whether a transaction must be refused as it stands: it writes nothing or names a key twice.
fn is_malformed(steps: &[Step]) -> bool {
    let keys: HashSet<&str> = steps.iter().map(|step| &*step.key).collect();
    steps.iter().all(|step| step.kind == Kind::Check) || keys.len() < steps.len()
}

/// A conflict names one of the call's conditions, and where the key really stood.
fn check_conflict(
    index: &Index<'_>,
    order: &mut Order<'_, '_>,
    call: &Call,
    steps: &[Step],
    (key, expected, current): (&str, i64, i64),
    found: &mut Vec<Violation>,
) {
    if !steps.iter().any(|step| &*step.key == key && step.expected == expected) || current == expected {
        let what = format!("the conflict ({key} stands at {current}, not at {expected}) is none of the call's");
        found.push(Violation::Answer { call: call.id, what });
        return;
    }
    let lost = |at| index.is_void(current, at) || current == 0 && index.is_before_a_loss(at);
    if call.returned.as_ref().is_some_and(|(at, _)| lost(*at)) {
        return;
    }
    order.held(call, format!("{key} stands at {current}"), index.spans(key, current));
}
