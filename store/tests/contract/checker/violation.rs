//! What a run can have broken, each with what is needed to find the place.

use std::fmt;
use std::sync::Arc;

use crate::clock::Nanos;
use crate::journal::Kind;

/// A promise of the store that a run shows broken.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub(crate) enum Violation {
    /// Revisions are not dense.
    #[error("the log goes from revision {after} to {found}")]
    Gap {
        /// The revision before the gap.
        after: i64,
        /// The one behind it.
        found: i64,
    },
    /// A skip row does not say where it came from, or goes back.
    #[error("the skip to revision {revision} says that it came from {previous}; the log before it ends at {expected}")]
    Skip {
        /// The skip row's revision.
        revision: i64,
        /// What it says.
        previous: i64,
        /// What the log says.
        expected: i64,
    },
    /// Nothing was lost, and yet there is a skip.
    #[error("the log skips to revision {revision}, though nothing was lost")]
    NeedlessSkip {
        /// The skip row's revision.
        revision: i64,
    },
    /// Revisions were lost and no skip covers them.
    #[error("revisions behind {surviving} were lost after {handed_out} was handed out, and no skip leads past it")]
    Uncovered {
        /// The last revision that survived.
        surviving: i64,
        /// The greatest that anybody had seen.
        handed_out: i64,
    },
    /// The revision table and the log disagree.
    #[error("the store's revision is {revision}, the log ends at {last}")]
    Newest {
        /// What `meta` says.
        revision: i64,
        /// What the log says.
        last: i64,
    },
    /// A row names another predecessor than the key's.
    #[error("revision {revision} of {key} says that it replaced {previous}; the key stood at {expected}")]
    Chain {
        /// The row.
        revision: i64,
        /// Its key.
        key: Arc<str>,
        /// What it says.
        previous: i64,
        /// What the log says; zero for no object.
        expected: i64,
    },
    /// A row creates what exists, or changes what doesn't.
    #[error("revision {revision} is a {kind:?} of {key}, which {}", if *.lived { "exists" } else { "does not exist" })]
    Impossible {
        /// The row.
        revision: i64,
        /// Its key.
        key: Arc<str>,
        /// What it does.
        kind: Kind,
        /// Whether the object existed before.
        lived: bool,
    },
    /// A row's bytes or its splice are not what was written.
    #[error("revision {revision} of {key} does not hold the bytes that were written")]
    Payload {
        /// The row.
        revision: i64,
        /// Its key.
        key: Arc<str>,
    },
    /// The table of heads and the log disagree.
    #[error("{key} has the head {found:?}, the log says {expected:?} (revision, created at)")]
    Head {
        /// The key.
        key: Arc<str>,
        /// What the table says.
        found: Option<(i64, i64)>,
        /// What the log says.
        expected: Option<(i64, i64)>,
    },
    /// A row that no call can have written.
    #[error("revision {revision} ({kind:?} of {key}) is the work of no call")]
    Phantom {
        /// The row.
        revision: i64,
        /// Its key.
        key: Arc<str>,
        /// What it does.
        kind: Kind,
    },
    /// A write was applied twice.
    #[error("the write with token {token} stands at revision {first} and again at {second}")]
    Twice {
        /// The write's token.
        token: Arc<str>,
        /// Its first revision.
        first: i64,
        /// Its second.
        second: i64,
    },
    /// Two writes were told the same revision.
    #[error("calls {first} and {second} were both told that they wrote revision {revision}")]
    Shared {
        /// The revision.
        revision: i64,
        /// One call.
        first: u64,
        /// The other.
        second: u64,
    },
    /// An acknowledged write is not in the log.
    #[error("call {call} was told that it wrote revision {revision} of {key}, which the log does not have")]
    Lost {
        /// The call.
        call: u64,
        /// What it was told.
        revision: i64,
        /// The key.
        key: Arc<str>,
    },
    /// A write that was answered as not applied is in the log.
    #[error("call {call} was answered {outcome}, yet revision {revision} is its work")]
    Appeared {
        /// The call.
        call: u64,
        /// What it was told.
        outcome: String,
        /// The revision.
        revision: i64,
    },
    /// A transaction was applied in part, or not in one piece.
    #[error("the transaction of call {call} is not whole: {what}")]
    Torn {
        /// The call.
        call: u64,
        /// What is wrong.
        what: String,
    },
    /// A write was applied though its condition did not hold.
    #[error("call {call} was applied at revision {revision}, though {key} stood at {found} and not at {expected}")]
    Condition {
        /// The call.
        call: u64,
        /// Its first revision.
        revision: i64,
        /// The key whose condition failed.
        key: Arc<str>,
        /// Where it had to stand.
        expected: i64,
        /// Where it stood.
        found: i64,
    },
    /// An answer does not fit what was asked.
    #[error("call {call}: {what}")]
    Answer {
        /// The call.
        call: u64,
        /// What is wrong.
        what: String,
    },
    /// What was answered never held between the question and the answer.
    #[error("{who} was told that {what}, which did not hold at any moment in between")]
    NeverHeld {
        /// Who asked.
        who: Observer,
        /// What it was told.
        what: String,
    },
    /// Two observations can't both be of one order of commits.
    #[error("revision {revision} can't have been committed {early} and also {late}")]
    Order {
        /// A revision that both bind.
        revision: i64,
        /// Why it came early.
        early: Bound,
        /// Why it came late.
        late: Bound,
    },
    /// A list is not what the log says.
    #[error("call {call}: the list at revision {revision} differs from the log: {what}")]
    List {
        /// The call.
        call: u64,
        /// The list's revision.
        revision: i64,
        /// The first difference.
        what: String,
    },
    /// A watcher did not see a change.
    #[error("watch {watch} saw revision {found} where {missed} was next")]
    Missed {
        /// The watch.
        watch: u64,
        /// What it should have seen.
        missed: i64,
        /// What it saw.
        found: i64,
    },
    /// A watcher saw something again, or something older.
    #[error("watch {watch} saw revision {found} behind {seen}")]
    Repeated {
        /// The watch.
        watch: u64,
        /// What it saw.
        found: i64,
        /// What it had seen before.
        seen: i64,
    },
    /// A watcher's event is not what the log says.
    #[error("watch {watch}: the event of revision {revision} {what}")]
    Event {
        /// The watch.
        watch: u64,
        /// The event.
        revision: i64,
        /// What is wrong.
        what: &'static str,
    },
    /// A watcher ended, or was told to be further than it was, without having seen everything.
    #[error("watch {watch} claims to stand at {claimed}, but never saw revision {unseen}")]
    Incomplete {
        /// The watch.
        watch: u64,
        /// Where it is said to stand.
        claimed: i64,
        /// The first revision that it did not see.
        unseen: i64,
    },
    /// A watcher got no further.
    #[error("watch {watch} stood at {position} and never came to {target}")]
    Stuck {
        /// The watch.
        watch: u64,
        /// Where it stood.
        position: i64,
        /// Where it should have come.
        target: i64,
    },
    /// A watcher saw revisions that were lost, and was not told.
    #[error("watch {watch} saw revision {revision}, which was lost, and was not ended for it")]
    NotReplaced {
        /// The watch.
        watch: u64,
        /// A lost revision.
        revision: i64,
    },
    /// A watch was ended for a replaced history, but none was.
    #[error("watch {watch} was told that the history was replaced, which it was not")]
    NeedlesslyReplaced {
        /// The watch.
        watch: u64,
    },
    /// A revision was called compacted that is not below the floor.
    #[error("{who} was told that revision {requested} is below the floor {floor}")]
    NotBelow {
        /// Who asked.
        who: Observer,
        /// The revision.
        requested: i64,
        /// The floor that was answered.
        floor: i64,
    },
    /// The floor is higher than the retention allows.
    #[error("{who} was told of the floor {floor}, which was not yet old enough")]
    FloorTooHigh {
        /// Who asked.
        who: Observer,
        /// The floor.
        floor: i64,
    },
    /// The floor went down.
    #[error("{who} was told of the floor {floor} after {before} had been answered")]
    FloorBackwards {
        /// Who asked.
        who: Observer,
        /// The floor.
        floor: i64,
        /// The one before.
        before: i64,
    },
    /// Something below the floor was answered all the same.
    #[error("{who} read revision {requested}, though the floor {floor} had been answered before")]
    BelowFloor {
        /// Who asked.
        who: Observer,
        /// The revision.
        requested: i64,
        /// The floor.
        floor: i64,
    },
    /// An outcome that has no place in a run without faults.
    #[error("{who} was answered {outcome}, and there was no fault")]
    Unexpected {
        /// Who asked.
        who: Observer,
        /// The answer.
        outcome: String,
    },
    /// A write returned long after its deadline.
    #[error("call {call} returned {late_ms} ms after its deadline")]
    Overdue {
        /// The call.
        call: u64,
        /// How late.
        late_ms: u64,
    },
}

/// Who saw something.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Observer {
    /// A call.
    Call(u64),
    /// A watcher.
    Watch(u64),
}

impl fmt::Display for Observer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Call(id) => write!(f, "call {id}"),
            Self::Watch(id) => write!(f, "watch {id}"),
        }
    }
}

/// A moment before or after which a revision was committed, and the reason.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Bound {
    /// The moment.
    pub(crate) at: Nanos,
    /// The revision from which the bound follows.
    pub(crate) revision: i64,
    /// Who saw it.
    pub(crate) who: Observer,
    /// What it saw.
    pub(crate) why: Why,
}

/// What bounds the moment of a commit.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Why {
    /// The write was acknowledged at this moment: committed before.
    Acknowledged,
    /// The write was asked for at this moment: committed after.
    Asked,
    /// The revision was seen at this moment: committed before.
    Observed,
    /// What the revision changed was still unchanged at this moment: committed after.
    NotYet,
}

impl fmt::Display for Bound {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { at, revision, who, why } = self;
        let moment = format!("{}.{:06} ms", at / 1_000_000, at % 1_000_000);
        match why {
            Why::Acknowledged => write!(f, "before {moment}, when {who} was acknowledged revision {revision}"),
            Why::Asked => write!(f, "after {moment}, when {who} asked for the write of revision {revision}"),
            Why::Observed => write!(f, "before {moment}, when {who} had seen revision {revision}"),
            Why::NotYet => write!(f, "after {moment}, since {who} found revision {revision} not yet there"),
        }
    }
}
