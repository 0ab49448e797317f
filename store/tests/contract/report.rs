//! What the person who reads of a violation needs to see besides: the calls and watchers that it names.

use std::collections::BTreeSet;
use std::fmt::Write as _;

use crate::checker::{History, Violation};
use crate::pen::replica_of;

/// How many calls and watchers are shown at most.
const SHOWN: usize = 12;

/// How much of one is shown, in characters.
const LENGTH: usize = 600;

/// The calls and watchers that `found` names.
pub(crate) fn involved(history: &History, found: &[Violation]) -> String {
    let mut named = BTreeSet::new();
    for violation in found {
        let text = violation.to_string();
        let words: Vec<&str> = text.split(|c: char| !c.is_alphanumeric()).collect();
        for pair in words.windows(2) {
            if let (["call" | "calls" | "and" | "watch"], Ok(number)) = (&pair[..1], pair[1].parse::<u64>()) {
                named.insert(number);
            }
        }
    }
    let mut shown = String::new();
    let calls = history.calls.iter().filter(|call| named.contains(&call.id)).map(|call| (call.id, format!("{call:?}")));
    let watches = history.watches.iter().filter(|watch| named.contains(&watch.id)).map(|watch| {
        let (first, last) = (watch.events.first(), watch.events.last());
        let text = format!(
            "watch opened {} after {}, first {first:?}, last {last:?}, {:?}",
            watch.opened, watch.after, watch.ended
        );
        (watch.id, text)
    });
    for (id, text) in calls.chain(watches).take(SHOWN) {
        let text: String = text.chars().take(LENGTH).collect();
        let _ = write!(shown, "\n  {id} (replica {}): {text}", replica_of(id));
    }
    shown
}
