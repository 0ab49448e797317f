//! What a delete does, as a table.

use howdah_api::kind::Request;
use howdah_api::time::Layout;
use howdah_api::validation::Errors;
use serde_json::json;

use super::*;

/// Objects with this grace period, or without one.
struct Kind {
    grace: Option<i64>,
    propagation: kind::Propagation,
}

impl Strategy for Kind {
    fn default(&self, _: &mut Value) {}
    fn prepare_for_create(&self, _: &Request<'_>, _: &mut Value) {}
    fn prepare_for_update(&self, _: &Request<'_>, _: &mut Value, _: &Value) {}
    fn validate(&self, _: &Request<'_>, _: &Value) -> Errors {
        Errors::new()
    }
    fn validate_update(&self, _: &Request<'_>, _: &Value, _: &Value) -> Errors {
        Errors::new()
    }
    fn grace_period(&self, _: &Value, requested: Option<i64>) -> Option<i64> {
        self.grace.map(|own| requested.unwrap_or(own))
    }
    fn default_propagation(&self) -> kind::Propagation {
        self.propagation
    }
}

fn now() -> Time {
    Time::parse("2024-01-01T00:01:00Z", Layout::Seconds).unwrap()
}

fn planned(grace: Option<i64>, object: &Value, options: &DeleteOptions) -> Plan {
    let kind = Kind { grace, propagation: kind::Propagation::Background };
    of_object(Rules { strategy: &kind, is_namespace: false }, object, options, now())
}

fn seconds(grace_seconds: i64) -> DeleteOptions {
    DeleteOptions { grace_seconds: Some(grace_seconds), ..DeleteOptions::default() }
}

fn propagating(propagation: Propagation) -> DeleteOptions {
    DeleteOptions { propagation: Some(propagation), ..DeleteOptions::default() }
}

#[test]
fn what_has_no_grace_goes_unless_finalizers_hold_it() {
    let none = DeleteOptions::default();
    assert_eq!(planned(None, &json!({"metadata":{"name":"a"}}), &none), Plan::Remove);
    let held = json!({"metadata":{"name":"a","generation":3,"finalizers":["x/y"]}});
    let marked = json!({"metadata":{"name":"a","generation":4,"finalizers":["x/y"],"deletionTimestamp":"2024-01-01T00:01:00Z","deletionGracePeriodSeconds":0}});
    assert_eq!(planned(None, &held, &none), Plan::Mark(marked.clone()));
    // Asking again changes nothing.
    assert_eq!(planned(None, &marked, &none), Plan::Mark(marked));
}

#[test]
fn grace_is_given_and_only_shortened() {
    let pod = json!({"metadata":{"name":"p","generation":1}});
    let marked = |until: &str, seconds: i64| json!({"metadata":{"name":"p","generation":2,"deletionTimestamp":until,"deletionGracePeriodSeconds":seconds}});
    let until = "2024-01-01T00:01:30Z";
    assert_eq!(planned(Some(30), &pod, &DeleteOptions::default()), Plan::Mark(marked(until, 30)));
    assert_eq!(planned(Some(30), &pod, &seconds(0)), Plan::MarkAndRemove(marked("2024-01-01T00:01:00Z", 0)));
    let standing = marked(until, 30);
    for options in [DeleteOptions::default(), seconds(30), seconds(60)] {
        assert_eq!(planned(Some(30), &standing, &options), Plan::Pending, "{options:?}");
    }
    assert_eq!(planned(Some(30), &standing, &seconds(10)), Plan::Mark(marked("2024-01-01T00:01:10Z", 10)));
    // The whole of the shorter time is over already: one second is left, for others to see it end.
    let late = marked("2024-01-01T00:01:05Z", 30);
    assert_eq!(planned(Some(30), &late, &seconds(10)), Plan::Mark(marked("2024-01-01T00:01:00Z", 1)));
    assert_eq!(planned(Some(30), &late, &seconds(0)), Plan::MarkAndRemove(marked("2024-01-01T00:01:00Z", 0)));
    // What was marked and never taken away goes now.
    assert_eq!(planned(Some(30), &marked(until, 0), &DeleteOptions::default()), Plan::Remove);
}

#[test]
fn finalizers_of_the_collector_follow_the_options() {
    let finalizers = |had: &[&str], options: &DeleteOptions, default| {
        let object = json!({"metadata":{"finalizers":had}});
        let kind = Kind { grace: None, propagation: default };
        match of_object(Rules { strategy: &kind, is_namespace: false }, &object, options, now()) {
            Plan::Mark(marked) => meta(&marked).finalizers().join(","),
            plan => format!("{plan:?}"),
        }
    };
    let (background, orphan) = (kind::Propagation::Background, kind::Propagation::Orphan);
    let old = |orphan| DeleteOptions { orphan_dependents: Some(orphan), ..DeleteOptions::default() };
    let rows = [
        (vec![], propagating(Propagation::Orphan), background, "orphan"),
        (vec![], propagating(Propagation::Foreground), background, "foregroundDeletion"),
        (vec!["a"], propagating(Propagation::Foreground), background, "a,foregroundDeletion"),
        (vec!["orphan"], propagating(Propagation::Foreground), background, "foregroundDeletion"),
        (vec!["orphan"], propagating(Propagation::Background), background, "Remove"),
        (vec!["orphan"], DeleteOptions::default(), background, "orphan"),
        (vec!["foregroundDeletion"], DeleteOptions::default(), orphan, "foregroundDeletion"),
        (vec![], DeleteOptions::default(), orphan, "orphan"),
        (vec![], DeleteOptions::default(), background, "Remove"),
        (vec![], old(true), background, "orphan"),
        (vec!["foregroundDeletion"], old(false), background, "Remove"),
        (vec!["orphan"], propagating(Propagation::Foreground), kind::Propagation::Unsupported, "Remove"),
    ];
    for (had, options, default, expected) in rows {
        assert_eq!(finalizers(&had, &options, default), expected, "{had:?} {options:?} {default:?}");
    }
}

#[test]
fn namespaces_are_marked_and_wait_for_their_finalizers() {
    let namespace = json!({"metadata":{"name":"n"},"spec":{"finalizers":["kubernetes"]},"status":{"phase":"Active"}});
    let Some(Plan::Mark(marked)) = of_namespace(&namespace, &DeleteOptions::default(), now()) else {
        panic!("a namespace is marked first")
    };
    assert_eq!(marked["status"]["phase"], "Terminating");
    assert_eq!(meta(&marked).text("deletionTimestamp"), "2024-01-01T00:01:00Z");
    assert_eq!(meta(&marked).grace_seconds(), None);
    assert_eq!(of_namespace(&marked, &DeleteOptions::default(), now()), Some(Plan::Pending));
    let mut emptied = marked.clone();
    emptied["spec"]["finalizers"] = json!([]);
    assert_eq!(of_namespace(&emptied, &DeleteOptions::default(), now()), None);
    assert!(ends_deletion(&emptied, &marked, true));
    assert!(!ends_deletion(&marked, &marked, true));
}

#[test]
fn an_update_ends_a_deletion_that_nothing_holds() {
    let old = |grace: Value| json!({"metadata":{"deletionTimestamp":"2024-01-01T00:01:00Z","deletionGracePeriodSeconds":grace,"finalizers":["x"]}});
    let emptied = json!({"metadata":{}});
    assert!(ends_deletion(&emptied, &old(json!(0)), false));
    assert!(ends_deletion(&emptied, &old(Value::Null), false));
    assert!(!ends_deletion(&emptied, &old(json!(30)), false));
    assert!(!ends_deletion(&json!({"metadata":{"finalizers":["y"]}}), &old(json!(0)), false));
    assert!(!ends_deletion(&emptied, &json!({"metadata":{}}), false));
}
