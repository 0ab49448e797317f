//! Real time. Commits are in the order of revisions, so their moments must be too.
//!
//! Each observation bounds the moment of a commit: who was told of a revision bounds it from above, who still found it
//! missing bounds it from below, and so does who asked for it. A read that saw the state between two commits is exactly
//! one bound on each. Carrying the bounds along the order (the latest lower bound forward, the earliest upper bound
//! backward) makes the check complete: the run is linearizable exactly when no revision's lower bound is above its upper
//! one. Only an absence that fits several spans is no bound; it is compared with the bounds at the end.

use super::{Bound, Index, Observer, Span, Violation, Why};
use crate::clock::Nanos;
use crate::journal::Call;

/// The bounds on all commits.
pub(super) struct Order<'i, 'a> {
    index: &'i Index<'a>,
    /// For each place in the log the latest moment before which it was not committed.
    low: Vec<Option<Bound>>,
    /// For each place in the log the earliest moment by which it was committed.
    high: Vec<Option<Bound>>,
    /// What fits several spans.
    open: Vec<Open>,
}

/// Something that must have held in one of several spans.
struct Open {
    when: Window,
    what: String,
    spans: Vec<Span>,
}

/// Who saw something, and the time within which it must have been so.
#[derive(Debug, Clone, Copy)]
pub(super) struct Window {
    pub(super) who: Observer,
    pub(super) invoked: Nanos,
    pub(super) returned: Nanos,
}

impl<'i, 'a> Order<'i, 'a> {
    pub(super) fn new(index: &'i Index<'a>) -> Self {
        let places = index.history.log.len();
        Self { index, low: vec![None; places], high: vec![None; places], open: Vec::new() }
    }

    /// `call` wrote `revisions`, acknowledged or not.
    pub(super) fn wrote(&mut self, call: &Call, revisions: impl Iterator<Item = i64>) {
        let who = Observer::Call(call.id);
        let acknowledged = match &call.returned {
            Some((at, crate::journal::Outcome::Written(_))) => Some(*at),
            _ => None,
        };
        for revision in revisions {
            self.after(Bound { at: call.invoked, revision, who, why: Why::Asked });
            if let Some(at) = acknowledged {
                self.before(Bound { at, revision, who, why: Why::Acknowledged });
            }
        }
    }

    /// `who` had seen `revision` by `at`.
    pub(super) fn saw(&mut self, who: Observer, revision: i64, at: Nanos) {
        self.before(Bound { at, revision, who, why: Why::Observed });
    }

    /// Within `call` it was so at one moment, which is to say, in one of `spans`.
    pub(super) fn held(&mut self, call: &Call, what: String, spans: Vec<Span>) {
        let Some((returned, _)) = call.returned else { return };
        let when = Window { who: Observer::Call(call.id), invoked: call.invoked, returned };
        self.held_within(when, what, spans);
    }

    /// Within the window it was so at one moment, which is to say, in one of `spans`.
    pub(super) fn held_within(&mut self, when: Window, what: String, spans: Vec<Span>) {
        let Window { who, invoked, returned } = when;
        if let [Span { from, to }] = spans[..] {
            self.before(Bound { at: returned, revision: from, who, why: Why::Observed });
            self.after(Bound { at: invoked, revision: to, who, why: Why::NotYet });
        } else {
            self.open.push(Open { when, what, spans });
        }
    }

    /// The revision was committed before.
    fn before(&mut self, bound: Bound) {
        // The first row at or behind the revision: a skipped one has no row of its own. What is beyond the log was
        // never committed at all and is told by those who look at the contents.
        let place = self.index.history.log.partition_point(|row| row.revision <= bound.revision);
        if place == 0 {
            return;
        }
        let high = &mut self.high[place - 1];
        if high.is_none_or(|known| bound.at < known.at) {
            *high = Some(bound);
        }
    }

    /// The revision was committed after.
    fn after(&mut self, bound: Bound) {
        let place = self.index.history.log.partition_point(|row| row.revision < bound.revision);
        let Some(low) = self.low.get_mut(place) else { return };
        if low.is_none_or(|known| bound.at > known.at) {
            *low = Some(bound);
        }
    }

    /// Carries the bounds along and compares them.
    pub(super) fn settle(&mut self, found: &mut Vec<Violation>) {
        for place in 1..self.low.len() {
            let before = self.low[place - 1];
            let low = &mut self.low[place];
            if before.is_some_and(|before| low.is_none_or(|low| before.at > low.at)) {
                *low = before;
            }
        }
        for place in (1..self.high.len()).rev() {
            let behind = self.high[place];
            let high = &mut self.high[place - 1];
            if behind.is_some_and(|behind| high.is_none_or(|high| behind.at < high.at)) {
                *high = behind;
            }
        }
        let mut told = None;
        for (place, row) in self.index.history.log.iter().enumerate() {
            if let (Some(late), Some(early)) = (self.low[place], self.high[place])
                && late.at > early.at
                && told != Some((late, early))
            {
                told = Some((late, early));
                found.push(Violation::Order { revision: row.revision, early, late });
            }
        }
        for open in &self.open {
            let Window { who, invoked, returned } = open.when;
            let possible = |span: &Span| {
                self.earliest(span.from) <= returned && self.latest(span.to).is_none_or(|at| at >= invoked)
            };
            if !open.spans.iter().any(possible) {
                found.push(Violation::NeverHeld { who, what: open.what.clone() });
            }
        }
    }

    /// The moment after which `revision` was committed, for all that is known.
    pub(super) fn earliest(&self, revision: i64) -> Nanos {
        let place = self.index.history.log.partition_point(|row| row.revision <= revision);
        if place == 0 {
            return 0;
        }
        self.low[place - 1].map_or(0, |bound| bound.at)
    }

    /// The moment before which `revision` was committed, where one is known.
    fn latest(&self, revision: i64) -> Option<Nanos> {
        let place = self.index.history.log.partition_point(|row| row.revision < revision);
        self.high.get(place).copied().flatten().map(|bound| bound.at)
    }
}
