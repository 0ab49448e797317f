//! The feed's bookkeeping: continuity, the ring's bounds, generations.

use bytes::Bytes;
use howdah_api::Key;
use uuid::Uuid;

use super::*;
use crate::Change;

fn event(revision: i64) -> LogEntry {
    LogEntry::Event(Arc::new(WatchEvent {
        key: Key::new("", "pods", Some("default"), "web").unwrap(),
        revision: Revision::from_db(revision),
        previous: Revision::from_db(revision - 1),
        change: Change::Updated,
        wire: Bytes::from(vec![b'x'; 100]),
        batch: BatchId(Uuid::nil()),
    }))
}

fn skip(from: i64, revision: i64) -> LogEntry {
    LogEntry::Skip { revision: Revision::from_db(revision), from: Revision::from_db(from), batch: BatchId(Uuid::nil()) }
}

fn mark(revision: i64) -> Mark {
    Mark { revision: Revision::from_db(revision), batch: Some(BatchId(Uuid::nil())) }
}

fn feed(ring_bytes: usize) -> Feed {
    let feed = Feed::new(ring_bytes, Arc::new(Metrics::default()));
    feed.attached(Mark::START, false);
    feed
}

fn revisions(feed: &Feed, after: i64) -> Option<Vec<i64>> {
    let events = feed.lock().ring.after(Revision::from_db(after), MOST)?;
    Some(events.iter().map(|event| event.revision.get()).collect())
}

const MOST: usize = 1000;

#[test]
fn entries_join_only_where_they_follow() {
    let feed = feed(1 << 20);
    assert_eq!(feed.append(0, vec![event(1), event(2)]), Appended::Whole);
    assert_eq!(feed.append(0, vec![event(4)]), Appended::Gap);
    assert_eq!(feed.append(0, vec![event(1), event(2), event(3)]), Appended::Whole, "what was seen is passed over");
    assert_eq!(revisions(&feed, 0), Some(vec![1, 2, 3]));
    assert_eq!(feed.last().1.revision.get(), 3);
}

#[test]
fn the_ring_forgets_the_oldest_and_says_so() {
    let feed = feed(3 * weight_of_one());
    feed.append(0, (1..=10).map(event).collect());
    assert_eq!(revisions(&feed, 7), Some(vec![8, 9, 10]));
    assert_eq!(revisions(&feed, 6), None, "what lies behind 6 is not all in memory");
    assert_eq!(revisions(&feed, 10), Some(vec![]));
}

#[test]
fn a_skip_is_followed_and_hides_its_hole() {
    let feed = feed(1 << 20);
    feed.append(0, vec![event(1), skip(1, 1000), event(1001)]);
    assert_eq!(feed.last().1.revision.get(), 1001);
    assert_eq!(revisions(&feed, 1000), Some(vec![1001]));
    assert_eq!(revisions(&feed, 500), None, "a position within the jump is for the database to judge");
    assert_eq!(feed.append(0, vec![skip(999, 2000)]), Appended::Gap, "a skip from elsewhere");
}

#[test]
fn a_replaced_history_starts_a_new_generation() {
    let feed = feed(1 << 20);
    feed.append(0, vec![event(1), event(2)]);
    feed.acknowledge(mark(5));
    assert_eq!(feed.known().revision.get(), 5);
    feed.attached(mark(5), false);
    assert_eq!(feed.last().0, 0, "nothing was lost");
    feed.attached(mark(1000), true);
    assert_eq!(feed.last(), (1, mark(1000)));
    assert_eq!(feed.append(0, vec![event(3)]), Appended::Stale);
    assert_eq!(feed.known().revision.get(), 1000);
}

#[test]
fn a_doubted_history_starts_over_even_where_attaching_finds_no_fault() {
    let feed = feed(1 << 20);
    feed.append(0, vec![event(1), event(2)]);
    feed.doubt(0);
    feed.attached(mark(9), false);
    assert_eq!(feed.last(), (1, mark(9)));
    feed.doubt(0);
    feed.attached(mark(10), false);
    assert_eq!(feed.last(), (1, mark(9)), "a doubt about an older generation is void");
}

fn weight_of_one() -> usize {
    match event(1) {
        LogEntry::Event(event) => weight(&event),
        LogEntry::Skip { .. } => unreachable!("an event was made"),
    }
}
