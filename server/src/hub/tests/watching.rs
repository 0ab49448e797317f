//! Watches from all their beginnings.

use std::time::Duration;

use howdah_api::resource::{Resource, by_plural};
use howdah_api::{Key, KeyPrefix};
use prometheus_client::registry::Registry;
use serde_json::Value;
use std::sync::Arc;
use tokio::time::{Instant, timeout};

use super::feed::{Log, revision};
use crate::hub::{CacheError, Encoding, Filter, Freshness, Hub, Reflector, Scope, Start, WatchOptions, Watcher};

fn pods() -> &'static Resource {
    by_plural("", "v1", "pods").unwrap()
}

fn soon() -> Instant {
    Instant::now() + Duration::from_secs(10)
}

fn hub(log: &Log) -> Hub {
    Hub::start(log.clone(), &mut Registry::default())
}

fn options(start: Start) -> WatchOptions {
    WatchOptions {
        scope: Scope::All,
        filter: Filter::all(),
        start,
        initial_events_end: false,
        bookmarks: false,
        encoding: Encoding::json(pods()).unwrap(),
        timeout: None,
    }
}

fn web() -> Filter {
    Filter::new(Arc::new(|entry| entry.label("app") == Some("web")))
}

/// The next events, as `TYPE name revision`, until `count` are there.
async fn told(watcher: &mut Watcher, count: usize) -> Vec<String> {
    let mut lines = Vec::new();
    while lines.len() < count {
        let chunk = timeout(Duration::from_secs(10), watcher.next()).await.expect("events in time");
        let Some(chunk) = chunk else { break };
        let text = std::str::from_utf8(&chunk).unwrap();
        assert!(text.ends_with('\n'), "a chunk is whole frames");
        lines.extend(text.lines().map(|line| {
            let event: Value = serde_json::from_str(line).unwrap();
            let (kind, object) = (event["type"].as_str().unwrap(), &event["object"]);
            if kind == "ERROR" {
                return format!("ERROR {} {}", object["code"], object["message"].as_str().unwrap());
            }
            let end = object["metadata"]["annotations"]["k8s.io/initial-events-end"].as_str().unwrap_or_default();
            let name = object["metadata"]["name"].as_str().unwrap_or(end);
            format!("{kind} {name} {}", object["metadata"]["resourceVersion"].as_str().unwrap())
        }));
    }
    lines
}

#[tokio::test]
async fn a_cache_lists_what_was_and_follows_what_comes() {
    let log = Log::default();
    log.write("core/pods/a/one", Some("web"));
    log.write("core/pods/b/two", Some("db"));
    log.write("core/nodes/n1", Some("x"));
    let hub = hub(&log);
    let cache = hub.cache(pods());
    assert_eq!(cache.fresh(Freshness::Any, soon()).await.unwrap(), revision(3));
    let names = |prefix: &KeyPrefix| {
        let listing = cache.list(prefix);
        let names: Vec<_> = listing.entries.iter().map(|entry| entry.name().to_owned()).collect();
        (listing.revision.get(), names)
    };
    assert_eq!(names(cache.prefix()), (3, vec!["one".to_owned(), "two".to_owned()]));
    log.write("core/pods/b/aaa", Some("db"));
    log.write("core/pods/a/one", None);
    // Another resource's write moves the revision as well.
    let newest = log.write("core/nodes/n1", Some("y"));
    assert_eq!(cache.fresh(Freshness::Newest, soon()).await.unwrap(), revision(newest));
    assert_eq!(names(cache.prefix()), (6, vec!["aaa".to_owned(), "two".to_owned()]));
    let b = KeyPrefix::new("", "pods", Some("b")).unwrap();
    let page = cache.page(&b, Some(&Key::parse("core/pods/b/aaa").unwrap()), 5, &Filter::all());
    assert_eq!((page.entries.len(), page.more), (1, false));
    let page = cache.page(&b, None, 1, &Filter::all());
    assert_eq!((page.entries[0].name(), page.more), ("aaa", true));
}

#[tokio::test]
async fn a_revision_that_does_not_come_is_too_large() {
    let log = Log::default();
    log.write("core/pods/a/one", Some("web"));
    let hub = hub(&log);
    let cache = hub.cache(pods());
    let asked = Freshness::AtLeast(revision(9));
    let error = cache.fresh(asked, Instant::now() + Duration::from_millis(50)).await.unwrap_err();
    assert!(matches!(error, CacheError::TooLarge { asked, current } if (asked.get(), current.get()) == (9, 1)));
    // In a watch that is an event.
    let mut watcher = cache.watch(options(Start::Initial(asked))).await;
    assert_eq!(told(&mut watcher, 9).await, ["ERROR 504 Timeout: Too large resource version: 9, current: 1"]);
}

#[tokio::test]
async fn initial_events_come_by_key_and_end_in_their_bookmark() {
    let log = Log::default();
    log.write("core/pods/b/two", Some("web"));
    log.write("core/pods/a/one", Some("web"));
    log.write("core/pods/a/other", Some("db"));
    let hub = hub(&log);
    let cache = hub.cache(pods());
    let mut watcher = cache
        .watch(WatchOptions {
            filter: web(),
            initial_events_end: true,
            bookmarks: true,
            ..options(Start::Initial(Freshness::Newest))
        })
        .await;
    assert_eq!(told(&mut watcher, 3).await, ["ADDED one 2", "ADDED two 1", "BOOKMARK true 3"]);
    log.write("core/pods/a/one", Some("db"));
    log.write("core/pods/a/other", Some("web"));
    assert_eq!(told(&mut watcher, 2).await, ["DELETED one 4", "ADDED other 5"]);
}

#[tokio::test]
async fn a_watch_begins_in_the_window_or_in_the_log() {
    let log = Log::default();
    log.write("core/pods/a/one", Some("web"));
    log.write("core/pods/a/one", Some("db"));
    log.write("core/pods/a/two", Some("web"));
    let early = hub(&log);
    let early = early.cache(pods());
    early.fresh(Freshness::Any, soon()).await.unwrap();
    log.write("core/pods/a/one", Some("web"));
    log.write("core/pods/a/two", None);
    log.write("core/pods/a/three", Some("db"));
    let late = hub(&log);
    let late = late.cache(pods());
    // One cache has the later half in its window, the other has to read all of it from the log.
    for cache in [&early, &late] {
        for (filter, from, expected) in [
            (
                Filter::all(),
                1,
                &["MODIFIED one 2", "ADDED two 3", "MODIFIED one 4", "DELETED two 5", "ADDED three 6"][..],
            ),
            (Filter::all(), 4, &["DELETED two 5", "ADDED three 6"]),
            (web(), 1, &["DELETED one 2", "ADDED two 3", "ADDED one 4", "DELETED two 5"]),
            (web(), 3, &["ADDED one 4", "DELETED two 5"]),
        ] {
            let mut watcher =
                cache.watch(WatchOptions { filter: filter.clone(), ..options(Start::Behind(revision(from))) }).await;
            assert_eq!(told(&mut watcher, expected.len()).await, expected, "from {from}");
        }
    }
    // What comes then comes to all.
    let mut watcher = late.watch(options(Start::Behind(revision(5)))).await;
    assert_eq!(told(&mut watcher, 1).await, ["ADDED three 6"]);
    log.write("core/pods/a/four", Some("web"));
    assert_eq!(told(&mut watcher, 1).await, ["ADDED four 7"]);
}

#[tokio::test]
async fn scopes_and_fields_see_their_own() {
    let log = Log::default();
    let hub = hub(&log);
    let cache = hub.cache(pods());
    let by_node = |node: &'static str| {
        let filter = Filter::new(Arc::new(move |entry| entry.field("spec.nodeName") == Some(node)));
        filter.exact("spec.nodeName", node)
    };
    let by_name = |name: &'static str| {
        let filter = Filter::new(Arc::new(move |entry| entry.name() == name));
        filter.exact("metadata.name", name)
    };
    let now = || options(Start::Now);
    let a = || Scope::Namespace("a".into());
    let mut all = cache.watch(now()).await;
    let mut inside = cache.watch(WatchOptions { scope: a(), ..now() }).await;
    let mut node = cache.watch(WatchOptions { filter: by_node("n1"), ..now() }).await;
    let mut node_inside = cache.watch(WatchOptions { scope: a(), filter: by_node("n1"), ..now() }).await;
    let mut one = cache.watch(WatchOptions { scope: a(), filter: by_name("one"), ..now() }).await;
    log.write("core/pods/a/one", Some("n1"));
    log.write("core/pods/b/one", Some("n1"));
    log.write("core/pods/a/two", Some("n2"));
    log.write("core/pods/b/one", Some("n2"));
    log.write("core/pods/a/one", Some("n2"));
    log.write("core/pods/a/one", None);
    assert_eq!(told(&mut all, 6).await.len(), 6);
    assert_eq!(told(&mut inside, 4).await, ["ADDED one 1", "ADDED two 3", "MODIFIED one 5", "DELETED one 6"]);
    assert_eq!(told(&mut node, 4).await, ["ADDED one 1", "ADDED one 2", "DELETED one 4", "DELETED one 5"]);
    assert_eq!(told(&mut node_inside, 2).await, ["ADDED one 1", "DELETED one 5"]);
    assert_eq!(told(&mut one, 3).await, ["ADDED one 1", "MODIFIED one 5", "DELETED one 6"]);
}

#[tokio::test]
async fn what_is_compacted_is_expired_and_a_lost_history_ends_watches() {
    let log = Log::default();
    for _ in 0..5 {
        log.write("core/pods/a/one", Some("web"));
    }
    log.compact(4);
    let hub = hub(&log);
    let cache = hub.cache(pods());
    for filter in [Filter::all(), web()] {
        let mut old = cache.watch(WatchOptions { filter, ..options(Start::Behind(revision(2))) }).await;
        assert_eq!(told(&mut old, 9).await, ["ERROR 410 too old resource version: 2 (4)"]);
    }
    let mut watcher = cache.watch(options(Start::Now)).await;
    let pods: Reflector<Value> = Reflector::start(&cache);
    assert!(pods.ready(soon()).await);
    assert_eq!(pods.list().len(), 1);
    log.replace();
    let lost = told(&mut watcher, 9).await;
    assert!(lost.len() == 1 && lost[0].starts_with("ERROR 410 too old resource version: 5 ("), "{lost:?}");
    let mut changes = pods.changes();
    timeout(Duration::from_secs(10), changes.wait_for(|_| pods.list().is_empty())).await.unwrap().unwrap();
    // It goes on in the new history.
    assert_eq!(cache.fresh(Freshness::Newest, soon()).await.unwrap(), revision(1005));
    let mut watcher = cache.watch(options(Start::Behind(revision(1005)))).await;
    log.write("core/pods/a/new", Some("web"));
    assert_eq!(told(&mut watcher, 1).await, ["ADDED new 1006"]);
    timeout(Duration::from_secs(10), changes.wait_for(|_| pods.list().len() == 1)).await.unwrap().unwrap();
}

#[tokio::test]
async fn a_bookmark_says_how_far_everything_is_and_a_timeout_ends_the_watch() {
    let log = Log::default();
    log.write("core/pods/a/one", Some("web"));
    let hub = hub(&log);
    let cache = hub.cache(pods());
    let began = Instant::now();
    let timeout = Some(Duration::from_millis(2300));
    let mut watcher =
        cache.watch(WatchOptions { bookmarks: true, timeout, filter: web(), ..options(Start::Now) }).await;
    // Not its own, and yet what it has seen everything up to.
    log.write("core/nodes/n1", Some("x"));
    assert_eq!(told(&mut watcher, 9).await, ["BOOKMARK  2"]);
    assert!(began.elapsed() >= Duration::from_millis(2300));
}

#[tokio::test]
async fn a_slow_watcher_is_cut_off_and_another_is_not() {
    let log = Log::default();
    let hub = hub(&log);
    let cache = hub.cache(pods());
    let (mut slow, mut quick) = (cache.watch(options(Start::Now)).await, cache.watch(options(Start::Now)).await);
    let mut last = String::new();
    // Together twice what a channel holds.
    let large = "x".repeat(8 << 10);
    for _ in 0..500 {
        let revision = log.write("core/pods/a/one", Some(&large));
        if revision % 20 == 0 {
            while !last.ends_with(&format!(" {revision}")) {
                last = told(&mut quick, 1).await.pop().unwrap();
            }
        }
    }
    assert_eq!(told(&mut slow, 1).await, Vec::<String>::new());
}

#[tokio::test]
async fn a_thousand_watchers_share_what_they_are_sent() {
    const EVENTS: i64 = 300;
    let log = Log::default();
    let hub = hub(&log);
    let cache = hub.cache(pods());
    let mut watchers = Vec::new();
    for _ in 0..1000 {
        watchers.push(cache.watch(options(Start::Now)).await);
    }
    for _ in 0..EVENTS {
        log.write("core/pods/a/one", Some("web"));
    }
    let mut pieces = std::collections::HashSet::new();
    let mut sent = 0;
    for watcher in &mut watchers {
        let mut frames = Vec::new();
        while frames.len() < usize::try_from(EVENTS).unwrap() {
            let chunk = timeout(Duration::from_secs(30), watcher.next()).await.unwrap().unwrap();
            let lines = std::str::from_utf8(&chunk).unwrap().lines();
            frames.extend(lines.map(|line| {
                let at = line.find(r#""resourceVersion":""#).unwrap() + 19;
                line[at..].split('"').next().unwrap().parse::<i64>().unwrap()
            }));
            pieces.insert(chunk.as_ptr());
            sent += 1;
        }
        assert!(frames.iter().copied().eq(1..=EVENTS), "every event once and in order");
    }
    // Every piece was made once; all watchers were sent the same ones.
    assert_eq!(pieces.len() * 1000, sent);
    assert!(pieces.len() < 300, "{} pieces for {EVENTS} events", pieces.len());
}

#[tokio::test]
async fn a_stopped_hub_ends_its_watches() {
    let log = Log::default();
    let hub = hub(&log);
    let mut watcher = hub.cache(pods()).watch(options(Start::Now)).await;
    hub.stop();
    assert_eq!(told(&mut watcher, 1).await, Vec::<String>::new());
}
