//! The judgement on one watcher.
//!
//! A watcher's steps fall into spans: a list, and the events behind it up to the next list. A list shows the state at one
//! revision *r*. It isn't told, but no write that the selection concerns lies between *r* and the first event, so the
//! list has to equal the state just before that event, or, where nothing follows any more, the last state. From the first
//! event on, each write has to be there, once, in order, with the content that its writer was told; up to the last
//! event of the span, and to the end of the history in the last span.
//!
//! A delete or a mark that nobody saw has an unknown revision between its neighbours'. Such a delete's key may be listed
//! or not, but nobody may have had to see it. Of a list that no event follows before the next list, only its objects are
//! judged.

use std::collections::{BTreeMap, BTreeSet};

use super::history::{History, Sighting, State, Step, Version};

/// The most complaints that are collected.
const MOST: usize = 20;

/// What a watcher without fault saw.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Summary {
    /// Lists, complete ones.
    pub lists: usize,
    /// Events.
    pub events: usize,
}

/// A list and what followed.
#[derive(Default)]
struct Span<'s> {
    listed: Vec<&'s Sighting>,
    synced: bool,
    /// Whether the object went, and what was seen.
    events: Vec<(bool, &'s Sighting)>,
}

/// Judges what a watcher of the keys and states that `selects` picks saw of `history`.
///
/// # Errors
/// What is wrong, a line each, at most 20.
pub fn check(history: &History, selects: &dyn Fn(&str, &State) -> bool, steps: &[Step]) -> Result<Summary, String> {
    let mut judge = Judge { history, selects, complaints: Vec::new() };
    let spans = judge.spans(steps);
    let mut position = 0;
    for (at, span) in spans.iter().enumerate() {
        judge.span(span, at + 1 == spans.len(), position);
        position = span.events.last().map_or(position, |(_, seen)| seen.revision);
    }
    if !judge.complaints.is_empty() {
        return Err(judge.complaints.join("\n"));
    }
    let lists = spans.iter().filter(|span| span.synced).count();
    Ok(Summary { lists, events: spans.iter().map(|span| span.events.len()).sum() })
}

struct Judge<'h> {
    history: &'h History,
    selects: &'h dyn Fn(&str, &State) -> bool,
    complaints: Vec<String>,
}

impl Judge<'_> {
    fn complain(&mut self, complaint: String) {
        if self.complaints.len() < MOST {
            self.complaints.push(complaint);
        }
    }

    fn spans<'s>(&mut self, steps: &'s [Step]) -> Vec<Span<'s>> {
        let mut spans: Vec<Span<'s>> = Vec::new();
        for step in steps {
            if matches!(step, Step::Started) || spans.is_empty() {
                spans.push(Span::default());
            }
            let Some(span) = spans.last_mut() else { continue };
            match step {
                Step::Started => {}
                Step::Listed(seen) => span.listed.push(seen),
                Step::Synced => span.synced = true,
                Step::Applied(seen) => span.events.push((false, seen)),
                Step::Deleted(seen) => span.events.push((true, seen)),
            }
            if !span.synced && !span.events.is_empty() {
                self.complain(format!("an event before the list was complete: {step:?}"));
            }
        }
        if !spans.last().is_some_and(|span| span.synced) {
            self.complain("the watcher never got a complete list in its last attempt".to_owned());
        }
        spans
    }

    fn span(&mut self, span: &Span<'_>, is_last: bool, position: u64) {
        let mut listed = BTreeMap::new();
        for &seen in &span.listed {
            if listed.insert(seen.key.as_str(), seen).is_some() {
                self.complain(format!("{} was listed twice", seen.key));
            }
            if !self.selected(seen) {
                self.complain(format!("listed, but never written so, or not selected: {seen:?}"));
            }
        }
        let newest_listed = span.listed.iter().map(|seen| seen.revision).max().unwrap_or(0);
        let first = span.events.first().map(|(_, seen)| seen.revision);
        let mut before = newest_listed.max(position);
        for (_, seen) in &span.events {
            if seen.revision <= before {
                self.complain(format!("seen again or out of order: {seen:?} behind revision {before}"));
            }
            before = before.max(seen.revision);
        }
        // What came up to here is all that this span can be asked for.
        let (Some(first), true) = (first.or(is_last.then_some(u64::MAX)), span.synced) else { return };
        let end = if is_last { u64::MAX } else { before };
        let mut events: BTreeMap<&str, Vec<(bool, u64, u64)>> = BTreeMap::new();
        for (gone, seen) in &span.events {
            events.entry(&seen.key).or_default().push((*gone, seen.revision, seen.number));
        }
        let history = self.history;
        for (key, versions) in history.keys() {
            let listed = listed.get(key).map(|seen| (seen.revision, seen.number));
            let seen = events.get(key).map_or(&[][..], Vec::as_slice);
            self.key(key, versions, listed, seen, first..=end);
        }
        let known: BTreeSet<&str> = history.keys().map(|(key, _)| key).collect();
        for key in events.keys().filter(|key| !known.contains(*key)) {
            self.complain(format!("an event of {key}, which nobody wrote"));
        }
    }

    /// Whether somebody wrote what was seen, and the selection picks it.
    fn selected(&self, seen: &Sighting) -> bool {
        self.history.versions(&seen.key).iter().any(|version| {
            let state = version.state.as_ref();
            version.revision == Some(seen.revision)
                && state.is_some_and(|state| state.number == seen.number && (self.selects)(&seen.key, state))
        })
    }

    /// Judges a key in a span whose events are asked for in `range`.
    fn key(
        &mut self,
        key: &str,
        versions: &[Version],
        listed: Option<(u64, u64)>,
        seen: &[(bool, u64, u64)],
        range: std::ops::RangeInclusive<u64>,
    ) {
        let (first, end) = range.into_inner();
        let picked = |version: &Version| {
            let state = version.state.as_ref().filter(|state| (self.selects)(key, state));
            state.map(|state| state.number)
        };
        let mut base: Option<(u64, u64)> = None;
        let mut base_may_be_gone = false;
        let mut expected = Vec::new();
        let mut unseen = None;
        // The revision and, where it is picked, the number of the write before.
        let (mut last, mut last_picked) = (0, None);
        for (at, version) in versions.iter().enumerate() {
            let now = picked(version);
            let Some(revision) = version.revision else {
                // Nobody saw it: it lies somewhere before the next write.
                let next = versions[at..].iter().find_map(|next| next.revision).unwrap_or(u64::MAX);
                let is_listed_as_before = listed.is_some() && listed == base;
                if last_picked.is_some() && next <= end && (last >= first || is_listed_as_before) {
                    unseen = Some(last);
                }
                if version.state.is_some() {
                    continue;
                }
                if next <= first {
                    (base, base_may_be_gone) = (None, false);
                } else if last < first {
                    base_may_be_gone = true;
                }
                last_picked = None;
                continue;
            };
            if revision < first {
                (base, base_may_be_gone) = (now.map(|number| (revision, number)), false);
            } else if revision <= end {
                match (last_picked, now) {
                    (_, Some(number)) => expected.push((false, revision, number)),
                    (Some(number), None) => expected.push((true, revision, number)),
                    (None, None) => {}
                }
            }
            (last, last_picked) = (revision, now);
        }
        if listed != base && !(base_may_be_gone && listed.is_none()) {
            self.complain(format!("{key}: listed as {listed:?} where it was {base:?} (revision and number)"));
        }
        if let Some(last) = unseen {
            self.complain(format!("{key}: its delete, or the mark before, behind revision {last} was not seen"));
        }
        if seen != expected {
            let at = seen.iter().zip(&expected).take_while(|(seen, expected)| seen == expected).count();
            let (saw, instead) = (seen.get(at), expected.get(at));
            self.complain(format!(
                "{key}: event {at} of the span is {saw:?} where {instead:?} was written (gone, revision, number)"
            ));
        }
    }
}
