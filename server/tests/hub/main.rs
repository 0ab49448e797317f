//! The watch hub on a real store: watchers under concurrent writers, from all beginnings, over a compaction, see
//! exactly what happened.

#![expect(clippy::unwrap_used, clippy::panic, reason = "a test that can't go on has failed")]

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use howdah_api::Key;
use howdah_api::resource::{Resource, by_plural};
use howdah_server::hub::{Encoding, Filter, Freshness, Hub, Scope, Start, WatchOptions, Watcher};
use howdah_store::{
    Change, Database, Deadline, Operation, Payload, PrivatePostgres, PrivatePostgresOptions, Retention, Revision,
    Store, StoreOptions, Write, WriteError,
};
use prometheus_client::registry::Registry;
use rand::RngExt as _;
use serde_json::Value;
use tokio::time::{Instant, timeout};

const PATIENCE: Duration = Duration::from_secs(60);

fn configmaps() -> &'static Resource {
    by_plural("", "v1", "configmaps").unwrap()
}

fn payload(name: &str, label: &str) -> Payload {
    let head = format!(r#"{{"kind":"ConfigMap","apiVersion":"v1","metadata":{{"name":"{name}","uid":"u""#);
    let json = format!(r#"{head},"labels":{{"app":"{label}"}}}}}}"#);
    Payload::new(Bytes::from(json), head.len()).unwrap()
}

fn key(name: &str) -> Key {
    Key::new("", "configmaps", Some("default"), name).unwrap()
}

/// Creates, changes and deletes some objects, others' as well, until `count` of its writes were applied.
async fn scribble(store: Store, writer: u64, count: usize) {
    let mut applied = 0;
    while applied < count {
        let (name, label, gone) = {
            let mut dice = rand::rng();
            let name = format!("shared-{}", dice.random_range(0..12));
            (name, if dice.random_bool(0.5) { "web" } else { "db" }, dice.random_bool(0.25))
        };
        let key = key(&name);
        let current = store.get(&key).await.unwrap();
        let operation = match (current, gone) {
            (None, _) => Operation::Create(payload(&name, label)),
            (Some(object), true) => Operation::Delete { expected: object.revision },
            (Some(object), false) => Operation::Update { expected: object.revision, payload: payload(&name, label) },
        };
        match store.write(Write { key, operation }, Deadline::after(PATIENCE)).await {
            Ok(_) => applied += 1,
            Err(WriteError::Conflict { .. }) => {}
            Err(error) => panic!("writer {writer}: {error}"),
        }
    }
}

fn web() -> Filter {
    Filter::new(Arc::new(|entry| entry.label("app") == Some("web")))
}

fn options(start: Start, filter: Filter) -> WatchOptions {
    WatchOptions {
        scope: Scope::Namespace("default".into()),
        filter,
        start,
        initial_events_end: false,
        bookmarks: false,
        encoding: Encoding::json(configmaps()).unwrap(),
        timeout: None,
    }
}

type Told = (String, String, i64, String);

/// What a watcher is told, up to and with the deletion of the object `end`.
async fn told(mut watcher: Watcher, end: &str) -> Vec<Told> {
    let mut told: Vec<Told> = Vec::new();
    loop {
        let chunk = timeout(PATIENCE, watcher.next()).await.expect("events in time").expect("the watch goes on");
        for line in std::str::from_utf8(&chunk).unwrap().lines() {
            let event: Value = serde_json::from_str(line).unwrap();
            let metadata = &event["object"]["metadata"];
            let text = |value: &Value| value.as_str().unwrap_or_default().to_owned();
            let revision = text(&metadata["resourceVersion"]).parse().unwrap_or_else(|_| panic!("{line}"));
            let last = (text(&event["type"]), text(&metadata["name"]), revision, text(&metadata["labels"]["app"]));
            told.push(last);
        }
        if told.last().is_some_and(|(kind, name, ..)| kind == "DELETED" && name == end) {
            return told;
        }
    }
}

/// What a watcher must be told, from the store's own log.
async fn expected(store: &Store, upto: Revision, selects: bool) -> Vec<Told> {
    let mut log = store.watch(Revision::ZERO);
    let mut labels: BTreeMap<Key, String> = BTreeMap::new();
    let mut expected = Vec::new();
    while log.position() < upto {
        for event in log.next().await.unwrap() {
            let object: Value = serde_json::from_slice(&event.wire).unwrap();
            let label = object["metadata"]["labels"]["app"].as_str().unwrap().to_owned();
            let name = object["metadata"]["name"].as_str().unwrap().to_owned();
            let before = labels.get(&event.key).cloned();
            let wanted = |label: &Option<String>| !selects || label.as_deref() == Some("web");
            let was = before.is_some() && wanted(&before);
            let gone = event.change == Change::Deleted;
            let is = !gone && wanted(&Some(label.clone()));
            if gone {
                labels.remove(&event.key);
            } else {
                labels.insert(event.key.clone(), label.clone());
            }
            let told = match (was, is) {
                (false, false) => continue,
                (false, true) => ("ADDED", label),
                (true, true) => ("MODIFIED", label),
                // What leaves the selection goes as it last was.
                (true, false) => ("DELETED", before.unwrap()),
            };
            expected.push((told.0.to_owned(), name, event.revision.get(), told.1));
        }
    }
    expected
}

struct Fixture {
    _dir: tempfile::TempDir,
    postgres: PrivatePostgres,
}

impl Fixture {
    async fn start() -> Self {
        let dir = tempfile::tempdir().unwrap();
        let postgres = PrivatePostgres::start(PrivatePostgresOptions::new(dir.path())).await.unwrap();
        Self { _dir: dir, postgres }
    }

    fn database(&self) -> Database {
        self.postgres.database()
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn watchers_see_exactly_what_happened() {
    let fixture = Fixture::start().await;
    // Two servers on one database: half of the writes reach the hub as another's.
    let mut options_here = StoreOptions::new(fixture.database());
    // A small ring, so that catching up reads the database too.
    options_here.ring_bytes = 16 << 10;
    let (here, there) = tokio::join!(Store::open(options_here), Store::open(StoreOptions::new(fixture.database())));
    let (here, there) = (here.unwrap(), there.unwrap());
    scribble(here.clone(), 0, 20).await;

    let early = Hub::start(here.clone(), &mut Registry::default());
    let cache = early.cache(configmaps());
    let mut watchers = Vec::new();
    for (from, filter, selects) in
        [(0, Filter::all(), false), (0, web(), true), (9, Filter::all(), false), (9, web(), true)]
    {
        let start = Start::Behind(Revision::new(from).unwrap());
        watchers.push((from, selects, tokio::spawn(told(cache.watch(options(start, filter)).await, "end"))));
    }
    let writers: Vec<_> = (1..=4)
        .map(|writer| tokio::spawn(scribble(if writer % 2 == 0 { &here } else { &there }.clone(), writer, 60)))
        .collect();
    // More begin while it goes on: in the window, behind what a list said, and in a hub that is young.
    for round in 0..6 {
        let revision = cache.fresh(Freshness::Newest, Instant::now() + PATIENCE).await.unwrap();
        let listed = cache.list(cache.prefix()).revision;
        assert!(listed >= revision);
        for (filter, selects) in [(Filter::all(), false), (web(), true)] {
            let watcher = cache.watch(options(Start::Behind(listed), filter.clone())).await;
            watchers.push((listed.get(), selects, tokio::spawn(told(watcher, "end"))));
            let young = Hub::start(here.clone(), &mut Registry::default());
            let from = Revision::new(i64::from(round)).unwrap();
            let watcher = young.cache(configmaps()).watch(options(Start::Behind(from), filter)).await;
            let told = async move {
                let told = told(watcher, "end").await;
                drop(young);
                told
            };
            watchers.push((from.get(), selects, tokio::spawn(told)));
        }
    }
    for writer in writers {
        writer.await.unwrap();
    }
    let created = Write { key: key("end"), operation: Operation::Create(payload("end", "web")) };
    let end = here.write(created, Deadline::after(PATIENCE)).await.unwrap();
    let deleted = Write { key: key("end"), operation: Operation::Delete { expected: end.revision } };
    let end = there.write(deleted, Deadline::after(PATIENCE)).await.unwrap();

    let (all, selected) = tokio::join!(expected(&here, end.revision, false), expected(&here, end.revision, true));
    assert!(all.len() >= 260 && selected.len() > 50);
    for (from, selects, watcher) in watchers {
        let told = watcher.await.unwrap();
        let expected: Vec<_> =
            if selects { &selected } else { &all }.iter().filter(|(_, _, at, _)| *at > from).cloned().collect();
        assert_eq!(told, expected, "from {from}, selecting: {selects}");
    }

    // What a cache holds is what the log leaves.
    cache.fresh(Freshness::AtLeast(end.revision), Instant::now() + PATIENCE).await.unwrap();
    let mut left = BTreeMap::new();
    for (kind, name, revision, _) in &all {
        if kind == "DELETED" {
            left.remove(name)
        } else {
            left.insert(name.clone(), *revision)
        };
    }
    let listing = cache.list(cache.prefix());
    let held: BTreeMap<_, _> =
        listing.entries.iter().map(|entry| (entry.name().to_owned(), entry.revision().get())).collect();
    assert_eq!((listing.revision, held), (end.revision, left));

    drop(early);
    tokio::join!(here.close(), there.close());
    fixture.postgres.stop().await.unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn what_was_compacted_is_too_old_and_the_present_goes_on() {
    let fixture = Fixture::start().await;
    let mut options_here = StoreOptions::new(fixture.database());
    options_here.tick_interval = Duration::from_millis(50);
    options_here.retention = Retention { floor: Duration::from_millis(100), ..Retention::default() };
    options_here.ring_bytes = 1;
    let store = Store::open(options_here).await.unwrap();
    scribble(store.clone(), 0, 40).await;
    let old = Revision::new(3).unwrap();
    // Until the floor has passed; each round is a query.
    let give_up = Instant::now() + PATIENCE;
    while store.watch(old).next().await.is_ok() {
        assert!(Instant::now() < give_up, "nothing was compacted");
        scribble(store.clone(), 0, 1).await;
    }
    let hub = Hub::start(store.clone(), &mut Registry::default());
    let cache = hub.cache(configmaps());
    for filter in [Filter::all(), web()] {
        let mut watcher = cache.watch(options(Start::Behind(old), filter)).await;
        let frame = timeout(PATIENCE, watcher.next()).await.unwrap().unwrap();
        let event: Value = serde_json::from_slice(&frame).unwrap();
        assert_eq!((&event["type"], &event["object"]["code"]), (&Value::from("ERROR"), &Value::from(410)));
        let message = event["object"]["message"].as_str().unwrap();
        assert!(message.starts_with("too old resource version: 3 ("), "{message}");
        assert_eq!(event["object"]["reason"], "Expired");
        assert_eq!(timeout(PATIENCE, watcher.next()).await.unwrap(), None);
    }
    let watcher = cache.watch(options(Start::Now, Filter::all())).await;
    let created = Write { key: key("end"), operation: Operation::Create(payload("end", "web")) };
    let end = store.write(created, Deadline::after(PATIENCE)).await.unwrap();
    let deleted = Write { key: key("end"), operation: Operation::Delete { expected: end.revision } };
    store.write(deleted, Deadline::after(PATIENCE)).await.unwrap();
    let kinds: Vec<_> = told(watcher, "end").await.into_iter().map(|(kind, ..)| kind).collect();
    assert_eq!(kinds, ["ADDED", "DELETED"]);
    drop(hub);
    store.close().await;
    fixture.postgres.stop().await.unwrap();
}
