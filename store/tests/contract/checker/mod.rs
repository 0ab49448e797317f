//! The judge: a pure function from a run's journal and the log that the database holds to what was broken.
//!
//! Flow: [`History`] holds everything that was recorded; [`check`] looks at the log itself (`log`), at writes against
//! the log (`write`), at the contents of reads (`read`), at watchers (`watch`), at floors (`floor`), and at last at
//! real time (`order`): every observation bounds the moment of a commit, commits are in the order of revisions, and so
//! the run is linearizable exactly when no commit has to lie after a moment before which it must lie.
//! `self_test` hands it bad histories, one for each kind of violation.
//!
//! Absent on purpose: any clock, database or store.

mod floor;
mod log;
mod order;
mod read;
pub(crate) mod self_test;
mod violation;
mod watch;
mod write;

use std::collections::{BTreeMap, HashMap};
use std::sync::Arc;

use crate::clock::Nanos;
use crate::journal::{Call, Kind, Transcript};
use crate::payload;

pub(crate) use violation::{Bound, Observer, Violation, Why};

/// How many violations are told at most.
const TOLD: usize = 25;

/// One row of the log.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Version {
    /// The row's revision.
    pub(crate) revision: i64,
    /// The revision that it says it replaced.
    pub(crate) previous: i64,
    /// What it does; none for a skip.
    pub(crate) kind: Option<Kind>,
    /// The object.
    pub(crate) key: Arc<str>,
    /// The group commit.
    pub(crate) batch: u128,
    /// When, in microseconds since 1970.
    pub(crate) committed: i64,
    /// Where the resourceVersion belongs.
    pub(crate) splice: usize,
    /// The bytes.
    pub(crate) payload: Vec<u8>,
}

/// One row of the table of live objects.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Head {
    /// The object.
    pub(crate) key: Arc<str>,
    /// Its revision.
    pub(crate) revision: i64,
    /// The revision that created it.
    pub(crate) created: i64,
}

/// The loss of the log's tail.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Loss {
    /// The last revision that survived.
    pub(crate) surviving: i64,
    /// A moment after the old database's last answer and before the new one's first.
    pub(crate) at: Nanos,
}

/// Everything that was recorded of a run.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct History {
    /// All rows by revision.
    pub(crate) log: Vec<Version>,
    /// All live objects by key.
    pub(crate) heads: Vec<Head>,
    /// The store's revision.
    pub(crate) newest: i64,
    /// All calls.
    pub(crate) calls: Vec<Call>,
    /// All watchers.
    pub(crate) watches: Vec<Transcript>,
    /// What was lost, by time.
    pub(crate) losses: Vec<Loss>,
    /// How long a revision is kept at least; none where nothing may be compacted.
    pub(crate) retention: Option<Nanos>,
    /// Whether there was no fault: nothing may fail then.
    pub(crate) calm: bool,
}

/// Judges a run; the first violations, or none.
pub(crate) fn check(history: &History) -> Vec<Violation> {
    let mut found = Vec::new();
    log::check(history, &mut found);
    if !found.is_empty() {
        // Everything else is measured by the log.
        found.truncate(TOLD);
        return found;
    }
    let index = Index::new(history);
    let mut order = order::Order::new(&index);
    write::check(&index, &mut order, &mut found);
    read::check(&index, &mut order, &mut found);
    watch::check(&index, &mut order, &mut found);
    order.settle(&mut found);
    floor::check(&index, &order, &mut found);
    found.truncate(TOLD);
    found
}

/// The log, made searchable.
struct Index<'a> {
    history: &'a History,
    /// For each key the places of its rows in the log.
    chains: BTreeMap<&'a str, Vec<usize>>,
    /// For each token the place of the row that holds it. A tombstone holds its last state's token and is not here.
    tokens: HashMap<&'a str, usize>,
    /// The digest of each row's bytes for the wire.
    wires: Vec<u64>,
}

impl<'a> Index<'a> {
    fn new(history: &'a History) -> Self {
        let mut chains: BTreeMap<&str, Vec<usize>> = BTreeMap::new();
        let mut tokens = HashMap::new();
        let mut wires = Vec::with_capacity(history.log.len());
        for (place, row) in history.log.iter().enumerate() {
            wires.push(payload::digest(&payload::wire(&row.payload, row.splice, row.revision)));
            if row.kind.is_none() {
                continue;
            }
            chains.entry(&row.key).or_default().push(place);
            if matches!(row.kind, Some(Kind::Create | Kind::Update))
                && let Some(token) = payload::token(&row.payload)
            {
                tokens.insert(token, place);
            }
        }
        Self { history, chains, tokens, wires }
    }

    /// The row with `revision`.
    fn place(&self, revision: i64) -> Option<usize> {
        self.history.log.binary_search_by_key(&revision, |row| row.revision).ok()
    }

    /// The row with `revision`.
    fn row(&self, revision: i64) -> Option<&'a Version> {
        self.place(revision).map(|place| &self.history.log[place])
    }

    /// Whether `revision`, seen at `at`, went with a tail that was lost.
    fn is_void(&self, revision: i64, at: Nanos) -> bool {
        self.history.losses.iter().any(|loss| at <= loss.at && revision > loss.surviving)
    }

    /// Whether `at` is before a loss: what was absent then may have been so by a change that was lost.
    fn is_before_a_loss(&self, at: Nanos) -> bool {
        self.history.losses.iter().any(|loss| at <= loss.at)
    }

    /// Where `key` stands just before `revision`; zero for nowhere.
    fn head_before(&self, key: &str, revision: i64) -> i64 {
        let rows = self.chain(key);
        let before = rows.partition_point(|place| self.history.log[*place].revision < revision);
        match rows[..before].last().map(|place| &self.history.log[*place]) {
            Some(row) if row.kind != Some(Kind::Delete) => row.revision,
            _ => 0,
        }
    }

    /// The places of the rows of `key`.
    fn chain(&self, key: &str) -> &[usize] {
        self.chains.get(key).map_or(&[], Vec::as_slice)
    }

    /// The spans of revisions, each from its first up to before its end, in which `key` stands at `head`.
    fn spans(&self, key: &str, head: i64) -> Vec<Span> {
        let log = &self.history.log;
        let rows = self.chain(key);
        let end = |next: usize| rows.get(next).map_or(i64::MAX, |place| log[*place].revision);
        if head > 0 {
            let row = rows.iter().position(|place| log[*place].revision == head);
            return match row {
                Some(row) if log[rows[row]].kind != Some(Kind::Delete) => vec![Span { from: head, to: end(row + 1) }],
                _ => Vec::new(),
            };
        }
        let mut spans = vec![Span { from: 0, to: end(0) }];
        for (row, place) in rows.iter().enumerate() {
            if log[*place].kind == Some(Kind::Delete) {
                spans.push(Span { from: log[*place].revision, to: end(row + 1) });
            }
        }
        spans
    }
}

/// The revisions from `from` up to before `to`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Span {
    from: i64,
    to: i64,
}
