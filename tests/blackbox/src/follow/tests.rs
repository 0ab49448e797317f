//! The checker finds each kind of fault, and none where there is none.

use super::{History, Sighting, State, Step, Version, check};

fn state(name: &str, number: u64, side: &str) -> State {
    let (namespace, phase) = ("ns".to_owned(), String::new());
    State { namespace, name: name.to_owned(), number, side: side.to_owned(), phase }
}

fn sighting(name: &str, revision: u64, number: u64) -> Sighting {
    Sighting { key: format!("configmaps/ns/{name}"), revision, number }
}

fn listed(name: &str, revision: u64, number: u64) -> Step {
    Step::Listed(sighting(name, revision, number))
}

fn applied(name: &str, revision: u64, number: u64) -> Step {
    Step::Applied(sighting(name, revision, number))
}

fn deleted(name: &str, revision: u64, number: u64) -> Step {
    Step::Deleted(sighting(name, revision, number))
}

/// `a` is made at 1, changed at 3 and 6 (leaves the left), deleted at 8, made again at 9; `b` is made at 2, deleted at 5;
/// `c` is made at 4 and changed at 7.
fn history() -> History {
    /// The name, the revision where it is known, and what is left: its number and side.
    type Row<'a> = (&'a str, Option<u64>, Option<(u64, &'a str)>);
    let rows: [Row<'_>; 9] = [
        ("a", Some(1), Some((1, "left"))),
        ("b", Some(2), Some((2, "left"))),
        ("a", Some(3), Some((3, "left"))),
        ("c", Some(4), Some((4, "right"))),
        ("b", None, None),
        ("a", Some(6), Some((5, "right"))),
        ("c", Some(7), Some((6, "left"))),
        ("a", None, None),
        ("a", Some(9), Some((7, "left"))),
    ];
    let mut history = History::default();
    for (name, revision, made) in rows {
        let state = made.map(|(number, side)| state(name, number, side));
        history.push(&format!("configmaps/ns/{name}"), Version { revision, state });
    }
    history
}

/// What a watcher of everything sees that lists at 3.
fn whole() -> Vec<Step> {
    vec![
        Step::Started,
        listed("a", 3, 3),
        listed("b", 2, 2),
        Step::Synced,
        applied("c", 4, 4),
        deleted("b", 5, 2),
        applied("a", 6, 5),
        applied("c", 7, 6),
        deleted("a", 8, 5),
        applied("a", 9, 7),
    ]
}

fn judge(steps: &[Step], selects: &dyn Fn(&str, &State) -> bool) -> Result<(), String> {
    let mut history = history();
    history.learn(&whole())?;
    history.learn(steps)?;
    check(&history, selects, steps).map(|_| ())
}

fn judge_all(steps: &[Step]) -> Result<(), String> {
    judge(steps, &|_, _| true)
}

#[test]
fn what_is_right_passes() {
    judge_all(&whole()).unwrap();
    let left =
        [Step::Started, listed("a", 3, 3), Step::Synced, deleted("a", 6, 3), applied("c", 7, 6), applied("a", 9, 7)];
    judge(&left, &|_, state| state.side == "left").unwrap();
    // Listed anew in between, with what was missed; an attempt to list that was broken off counts for nothing.
    let mut again = whole()[..5].to_vec();
    again.extend([Step::Started, listed("a", 6, 5), Step::Started, listed("a", 6, 5), listed("c", 7, 6), Step::Synced]);
    again.extend([deleted("a", 8, 5), applied("a", 9, 7)]);
    judge_all(&again).unwrap();
    let late = [Step::Started, listed("a", 9, 7), listed("c", 7, 6), Step::Synced];
    judge_all(&late).unwrap();
}

#[test]
fn each_fault_is_found() {
    let whole = whole();
    for at in 0..whole.len() {
        if !matches!(whole[at], Step::Started) {
            let mut lossy = whole.clone();
            lossy.remove(at);
            assert!(judge_all(&lossy).is_err(), "without {:?}", whole[at]);
        }
    }
    for at in 4..whole.len() {
        let mut twice = whole.clone();
        twice.insert(at, whole[at].clone());
        assert!(judge_all(&twice).is_err(), "twice {:?}", whole[at]);
    }
    for at in 5..whole.len() {
        let mut turned = whole.clone();
        turned.swap(at - 1, at);
        assert!(judge_all(&turned).is_err(), "{:?} before {:?}", whole[at], whole[at - 1]);
    }
    let edits: [(&str, usize, Step); 6] = [
        ("another's content", 6, applied("a", 6, 3)),
        ("another's revision", 6, applied("a", 5, 5)),
        ("a change as a delete", 6, deleted("a", 6, 3)),
        ("a delete as a change", 5, applied("b", 5, 2)),
        ("another delete", 5, deleted("b", 6, 2)),
        ("what nobody wrote", 4, applied("d", 4, 4)),
    ];
    for (what, at, step) in edits {
        let mut edited = whole.clone();
        edited[at] = step;
        assert!(judge_all(&edited).is_err(), "{what}");
    }
}

#[test]
fn a_list_is_one_state() {
    let rows: [(&str, &[Step]); 5] = [
        ("an old object", &[listed("a", 6, 5), listed("c", 7, 6)]),
        ("a deleted object", &[listed("a", 9, 7), listed("b", 2, 2), listed("c", 7, 6)]),
        ("an object twice", &[listed("a", 9, 7), listed("a", 9, 7), listed("c", 7, 6)]),
        ("a missing object", &[listed("a", 9, 7)]),
        ("an object of nobody", &[listed("a", 9, 7), listed("c", 7, 6), listed("d", 7, 6)]),
    ];
    for (what, list) in rows {
        let mut steps = vec![Step::Started];
        steps.extend_from_slice(list);
        steps.push(Step::Synced);
        assert!(judge_all(&steps).is_err(), "{what}");
    }
    assert!(judge(&whole(), &|_, state| state.side == "left").is_err(), "what is not selected");
}

#[test]
fn a_delete_that_nobody_saw_had_to_be_seen_where_the_watch_went_on() {
    let history = history();
    let check = |steps: &[Step]| check(&history, &|_, _| true, steps).map(|_| ());
    let blind: Vec<Step> = whole().into_iter().filter(|step| !matches!(step, Step::Deleted(_))).collect();
    assert!(check(&blind).is_err());
    // Listed anew behind both deletes: nobody had to see them.
    let late = [Step::Started, listed("c", 7, 6), Step::Synced, applied("a", 9, 7)];
    check(&late).unwrap();
    let before = [Step::Started, listed("a", 6, 5), listed("c", 7, 6), Step::Synced, applied("a", 9, 7)];
    assert!(check(&before).is_err());
}

/// A pod is made at 1, marked at 2 and deleted at 3; the answer to the delete told only the latter.
#[test]
fn a_mark_is_learnt_and_asked_for() {
    let key = "pods/ns/p";
    let seen = |revision: u64| Sighting { key: key.to_owned(), revision, number: 1 };
    let judge = |steps: &[Step], others: &[Step]| {
        let mut history = History::default();
        let rows = [(Some(1), true), (None, true), (Some(3), false)];
        for (revision, lives) in rows {
            history.push(key, Version { revision, state: lives.then(|| state("p", 1, "left")) });
        }
        history.learn(steps)?;
        history.learn(others)?;
        check(&history, &|_, _| true, steps).map(|_| ())
    };
    let whole = [Step::Started, Step::Synced, Step::Applied(seen(1)), Step::Applied(seen(2)), Step::Deleted(seen(3))];
    judge(&whole, &[]).unwrap();
    let late = [Step::Started, Step::Listed(seen(2)), Step::Synced, Step::Deleted(seen(3))];
    judge(&late, &[]).unwrap();
    judge(&[Step::Started, Step::Synced], &late).unwrap();
    let blind = [&whole[..3], &whole[4..]].concat();
    let unmarked = [Step::Started, Step::Listed(seen(1)), Step::Synced, Step::Deleted(seen(3))];
    for steps in [&blind[..], &unmarked] {
        assert!(judge(steps, &[]).is_err(), "{steps:?}");
        assert!(judge(steps, &whole).is_err(), "{steps:?}");
    }
    let elsewhere = [Step::Started, Step::Synced, Step::Applied(seen(1)), Step::Applied(seen(4))];
    assert!(judge(&whole, &elsewhere).is_err());
}
