//! What happened, as those who asked saw it: calls with the moments of invocation and return, and what watchers saw.
//!
//! Flow: clients and watchers write [`Line`]s by their `pen`; [`assemble`] pairs them up. A call without a return is one
//! whose outcome nobody learned.

use std::collections::BTreeMap;
use std::sync::Arc;

use serde::{Deserialize, Serialize};

use crate::clock::Nanos;

/// What one step of a write does.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) enum Kind {
    /// Makes the object.
    Create,
    /// Replaces it.
    Update,
    /// Deletes it.
    Delete,
    /// Only compares.
    Check,
}

/// One step of a write.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Step {
    /// The object.
    pub(crate) key: Arc<str>,
    /// What is done.
    pub(crate) kind: Kind,
    /// Where the object must stand; zero for nowhere.
    pub(crate) expected: i64,
    /// The token of the new state, where there is one.
    pub(crate) token: Option<Arc<str>>,
}

/// What was asked of a store.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) enum Action {
    /// A write or a transaction.
    Write {
        /// Its steps in order.
        steps: Vec<Step>,
        /// How long the caller said it would wait.
        timeout: Nanos,
    },
    /// One object.
    Get {
        /// Which one.
        key: Arc<str>,
    },
    /// A page of a list.
    List {
        /// What the keys begin with.
        prefix: Arc<str>,
        /// The revision; none for the newest.
        at: Option<i64>,
        /// The key behind which the page begins.
        after: Option<Arc<str>>,
        /// How many objects at most.
        limit: Option<usize>,
    },
    /// The past of one object.
    History {
        /// Which one.
        key: Arc<str>,
        /// How many versions at most.
        limit: usize,
    },
    /// The newest revision.
    Newest,
}

/// An object as it was answered.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Seen {
    /// Where it lives.
    pub(crate) key: Arc<str>,
    /// Its revision.
    pub(crate) revision: i64,
    /// The digest of its bytes.
    pub(crate) wire: u64,
}

/// A change as it was answered.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Event {
    /// The change's revision.
    pub(crate) revision: i64,
    /// The revision of the state before.
    pub(crate) previous: i64,
    /// What was done; never [`Kind::Check`].
    pub(crate) kind: Kind,
    /// The object.
    pub(crate) key: Arc<str>,
    /// The digest of the event's bytes.
    pub(crate) wire: u64,
}

/// What a call came to.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) enum Outcome {
    /// The write was applied; one object for each step that is not a check.
    Written(Vec<Seen>),
    /// The write was refused because of an object's revision.
    Conflict {
        /// The object.
        key: Arc<str>,
        /// Where the caller saw it.
        expected: i64,
        /// Where it stood.
        current: i64,
    },
    /// The write was not applied in time.
    NotApplied,
    /// The write may have been applied.
    Unknown,
    /// Postgres refused the write.
    Refused(String),
    /// The transaction can't be.
    Malformed(String),
    /// The store was closed.
    Closed,
    /// What [`Action::Get`] found.
    Got(Option<Seen>),
    /// What [`Action::List`] found.
    Page {
        /// The list's revision.
        revision: i64,
        /// The page.
        objects: Vec<Seen>,
        /// How many objects are behind it.
        remaining: u64,
    },
    /// What [`Action::History`] found, newest first, each with its time in microseconds since 1970.
    Past(Vec<(Event, i64)>),
    /// What [`Action::Newest`] found.
    Newest(i64),
    /// The revision is no longer kept.
    Compacted {
        /// The one asked for.
        requested: i64,
        /// The oldest kept.
        floor: i64,
    },
    /// The revision is not reached.
    Future {
        /// The one asked for.
        requested: i64,
        /// The newest.
        current: i64,
    },
    /// The database could not be read.
    Failed(String),
}

/// Why a watcher's transcript ends.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) enum Ending {
    /// The watcher had seen everything up to the revision that it was told to wait for.
    Done {
        /// That revision.
        target: i64,
    },
    /// The watcher waited for a revision that did not come in time.
    Stuck {
        /// That revision.
        target: i64,
    },
    /// The watcher went away of its own will.
    Left,
    /// The position is no longer kept.
    Compacted {
        /// The store's word for the position.
        position: i64,
        /// The oldest revision kept.
        floor: i64,
    },
    /// The position is not reached.
    Future {
        /// The store's word for the position.
        position: i64,
        /// The newest revision.
        current: i64,
    },
    /// The history was replaced.
    Replaced,
    /// The database could not be read.
    Failed(String),
    /// The store was closed.
    Closed,
}

/// One line of the journal.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) enum Line {
    /// A call is about to be made.
    Invoke {
        /// The call.
        call: u64,
        /// When.
        at: Nanos,
        /// What is asked.
        action: Action,
    },
    /// A call has returned.
    Return {
        /// The call.
        call: u64,
        /// When.
        at: Nanos,
        /// What it came to.
        outcome: Outcome,
    },
    /// A watch was opened.
    Watch {
        /// The watch.
        watch: u64,
        /// When.
        at: Nanos,
        /// The revision behind which it begins.
        after: i64,
    },
    /// A watch brought changes.
    Events {
        /// The watch.
        watch: u64,
        /// When.
        at: Nanos,
        /// The changes.
        events: Vec<Event>,
    },
    /// A watch has ended.
    Ended {
        /// The watch.
        watch: u64,
        /// When.
        at: Nanos,
        /// The position that the store gave last.
        position: i64,
        /// Why.
        ending: Ending,
    },
}

/// A call and what came of it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Call {
    /// Its number, which begins with its replica's.
    pub(crate) id: u64,
    /// When it was made.
    pub(crate) invoked: Nanos,
    /// What was asked.
    pub(crate) action: Action,
    /// When it returned and with what; none where the process ended before.
    pub(crate) returned: Option<(Nanos, Outcome)>,
}

/// What one watcher saw.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Transcript {
    /// Its number, which begins with its replica's.
    pub(crate) id: u64,
    /// When it was opened.
    pub(crate) opened: Nanos,
    /// The revision behind which it began.
    pub(crate) after: i64,
    /// The changes, each with the moment when it came.
    pub(crate) events: Vec<(Nanos, Event)>,
    /// When, where and why it ended; none where the process ended before.
    pub(crate) ended: Option<(Nanos, i64, Ending)>,
}

/// Why lines are no journal.
#[derive(Debug, thiserror::Error)]
pub(crate) enum JournalError {
    /// A line answers what nobody asked.
    #[error("the line {line:?} belongs to no call or watch before it")]
    Orphan {
        /// The line.
        line: Box<Line>,
    },
}

/// Pairs the lines of a run up, the lines of each replica in their order.
pub(crate) fn assemble(lines: Vec<Line>) -> Result<(Vec<Call>, Vec<Transcript>), JournalError> {
    let mut calls = BTreeMap::new();
    let mut watches = BTreeMap::new();
    for line in lines {
        match line {
            Line::Invoke { call, at, action } => {
                calls.insert(call, Call { id: call, invoked: at, action, returned: None });
            }
            Line::Return { call, at, outcome } => match calls.get_mut(&call) {
                Some(found) if found.returned.is_none() => found.returned = Some((at, outcome)),
                _ => return Err(JournalError::Orphan { line: Box::new(Line::Return { call, at, outcome }) }),
            },
            Line::Watch { watch, at, after } => {
                watches.insert(watch, Transcript { id: watch, opened: at, after, events: Vec::new(), ended: None });
            }
            Line::Events { watch, at, events } => match watches.get_mut(&watch) {
                Some(found) if found.ended.is_none() => found.events.extend(events.into_iter().map(|e| (at, e))),
                _ => return Err(JournalError::Orphan { line: Box::new(Line::Events { watch, at, events }) }),
            },
            Line::Ended { watch, at, position, ending } => match watches.get_mut(&watch) {
                Some(found) if found.ended.is_none() => found.ended = Some((at, position, ending)),
                _ => return Err(JournalError::Orphan { line: Box::new(Line::Ended { watch, at, position, ending }) }),
            },
        }
    }
    Ok((calls.into_values().collect(), watches.into_values().collect()))
}
