//! The log by itself: dense revisions, skips, each key's chain, the bytes, the heads.

use std::collections::{BTreeMap, HashMap};

use super::{History, Violation};
use crate::journal::{Action, Kind, Outcome};
use crate::payload;

/// Checks the log by itself.
pub(super) fn check(history: &History, found: &mut Vec<Violation>) {
    let mut last = 0;
    // Where each live key stands: its revision, the revision that created it, and its place in the log.
    let mut heads: BTreeMap<&str, (i64, i64, usize)> = BTreeMap::new();
    let mut tokens: HashMap<&str, i64> = HashMap::new();
    for (place, row) in history.log.iter().enumerate() {
        let revision = row.revision;
        let Some(kind) = row.kind else {
            if row.previous != last || revision <= last {
                found.push(Violation::Skip { revision, previous: row.previous, expected: last });
            }
            if history.losses.is_empty() {
                found.push(Violation::NeedlessSkip { revision });
            }
            last = revision;
            continue;
        };
        if revision != last + 1 {
            found.push(Violation::Gap { after: last, found: revision });
        }
        last = revision;
        let head = heads.get(&*row.key).copied();
        let expected = head.map_or(0, |(revision, ..)| revision);
        if row.previous != expected {
            let key = row.key.clone();
            found.push(Violation::Chain { revision, key, previous: row.previous, expected });
        }
        if (kind == Kind::Create) == head.is_some() || kind == Kind::Check {
            found.push(Violation::Impossible { revision, key: row.key.clone(), kind, lived: head.is_some() });
        }
        let whole = match (kind, head) {
            (Kind::Delete, Some((_, _, before))) => {
                let before = &history.log[before];
                row.payload == before.payload && row.splice == before.splice
            }
            _ => payload::token(&row.payload).is_some_and(|token| {
                let made = payload::make(&row.key, token);
                made.json == row.payload && made.splice == row.splice
            }),
        };
        if !whole {
            found.push(Violation::Payload { revision, key: row.key.clone() });
        }
        if kind == Kind::Delete {
            heads.remove(&*row.key);
            continue;
        }
        heads.insert(&row.key, (revision, head.map_or(revision, |(_, created, _)| created), place));
        if let Some(token) = payload::token(&row.payload)
            && let Some(first) = tokens.insert(token, revision)
        {
            found.push(Violation::Twice { token: token.into(), first, second: revision });
        }
    }
    if history.newest != last {
        found.push(Violation::Newest { revision: history.newest, last });
    }
    check_heads(history, &heads, found);
    check_skips(history, found);
}

/// The table of heads must be what replaying the log gives.
fn check_heads(history: &History, expected: &BTreeMap<&str, (i64, i64, usize)>, found: &mut Vec<Violation>) {
    let table: BTreeMap<&str, (i64, i64)> =
        history.heads.iter().map(|head| (&*head.key, (head.revision, head.created))).collect();
    for (key, head) in &table {
        let log = expected.get(key).map(|(revision, created, _)| (*revision, *created));
        if log != Some(*head) {
            found.push(Violation::Head { key: (*key).into(), found: Some(*head), expected: log });
        }
    }
    for (key, (revision, created, _)) in expected {
        if !table.contains_key(key) {
            let expected = Some((*revision, *created));
            found.push(Violation::Head { key: (*key).into(), found: None, expected });
        }
    }
}

/// Behind each loss stands a skip that leads past everything handed out before it.
fn check_skips(history: &History, found: &mut Vec<Violation>) {
    for loss in &history.losses {
        let handed_out = handed_out(history, loss.at);
        let covered = history
            .log
            .iter()
            .any(|row| row.kind.is_none() && row.previous >= loss.surviving && row.revision > handed_out);
        if handed_out > loss.surviving && !covered {
            found.push(Violation::Uncovered { surviving: loss.surviving, handed_out });
        }
    }
}

/// The greatest revision that anybody had seen by the moment `at`.
fn handed_out(history: &History, at: u64) -> i64 {
    let answered = history.calls.iter().filter_map(|call| match (&call.action, &call.returned) {
        (Action::Write { .. }, Some((when, Outcome::Written(seen)))) if *when <= at => {
            seen.iter().map(|object| object.revision).max()
        }
        (_, Some((when, Outcome::Got(Some(object))))) if *when <= at => Some(object.revision),
        (_, Some((when, Outcome::Page { revision, .. } | Outcome::Newest(revision)))) if *when <= at => Some(*revision),
        _ => None,
    });
    let watched =
        history.watches.iter().flat_map(|watch| &watch.events).filter(|(when, _)| *when <= at).map(|(_, e)| e.revision);
    answered.chain(watched).max().unwrap_or(0)
}
