//! What was written, key by key, and what a watcher saw.

use std::collections::BTreeMap;

/// An object after a write: what selections look at, and the number that makes the write known again.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct State {
    /// Its namespace.
    pub namespace: String,
    /// Its name.
    pub name: String,
    /// The write that made it; no two writes of a run share one.
    pub number: u64,
    /// Its label `side`.
    pub side: String,
    /// Its `status.phase`; empty where the kind has none.
    pub phase: String,
}

/// One acknowledged write of a key.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Version {
    /// Its resourceVersion; [`History::learn`] finds it out from those who saw it where no answer told it. That is so
    /// for most deletes, and for the mark that a pod gets before it is deleted.
    pub revision: Option<u64>,
    /// The object after it, with the number of the write before where it is only marked; `None` after a delete.
    pub state: Option<State>,
}

/// An object as a watcher saw it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Sighting {
    /// `plural/namespace/name`.
    pub key: String,
    /// Its resourceVersion.
    pub revision: u64,
    /// Its [`State::number`].
    pub number: u64,
}

/// What an informer is told, in its order.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Step {
    /// A list begins; what was known before is void once it ends.
    Started,
    /// An object of the list.
    Listed(Sighting),
    /// The list is complete.
    Synced,
    /// An object came, came into the selection, or changed.
    Applied(Sighting),
    /// An object went, or left the selection.
    Deleted(Sighting),
}

/// The acknowledged writes, each key's in their order.
#[derive(Debug, Clone, Default)]
pub struct History {
    keys: BTreeMap<String, Vec<Version>>,
}

impl History {
    /// Appends a write of `key`.
    pub fn push(&mut self, key: &str, version: Version) {
        self.keys.entry(key.to_owned()).or_default().push(version);
    }

    /// Takes over `other`'s writes, behind what is here of the same keys.
    pub fn append(&mut self, other: Self) {
        for (key, versions) in other.keys {
            self.keys.entry(key).or_default().extend(versions);
        }
    }

    /// The number of writes.
    #[must_use]
    pub fn len(&self) -> usize {
        self.keys.values().map(Vec::len).sum()
    }

    /// Whether nothing was written.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.keys.is_empty()
    }

    /// Every key with its writes.
    pub fn keys(&self) -> impl Iterator<Item = (&str, &[Version])> {
        self.keys.iter().map(|(key, versions)| (key.as_str(), versions.as_slice()))
    }

    /// The writes of a key.
    #[must_use]
    pub fn versions(&self, key: &str) -> &[Version] {
        self.keys.get(key).map_or(&[], Vec::as_slice)
    }

    /// What remains in the end of what `selects` picks: each key's revision and number.
    #[must_use]
    pub fn remaining(&self, selects: &dyn Fn(&str, &State) -> bool) -> BTreeMap<String, (u64, u64)> {
        let last = |(key, versions): (&String, &Vec<Version>)| {
            let Version { revision, state } = versions.last()?;
            let state = state.as_ref().filter(|state| selects(key, state))?;
            Some((key.clone(), ((*revision)?, state.number)))
        };
        self.keys.iter().filter_map(last).collect()
    }

    /// Takes the revisions of deletes and marks from what a watcher saw.
    ///
    /// # Errors
    /// Where two watchers saw one of them at different revisions; the text says which.
    pub fn learn(&mut self, steps: &[Step]) -> Result<(), String> {
        for step in steps {
            let (seen, is_gone) = match step {
                Step::Listed(seen) | Step::Applied(seen) => (seen, false),
                Step::Deleted(seen) => (seen, true),
                Step::Started | Step::Synced => continue,
            };
            let Some(versions) = self.keys.get_mut(&seen.key) else { continue };
            let of = |version: &Version| version.state.as_ref().is_some_and(|state| state.number == seen.number);
            let at = if is_gone {
                // Where no delete follows, the object left the selection by an update, whose revision is known.
                let delete = versions.iter().rposition(of).map_or(0, |at| at + 1);
                Some(delete).filter(|at| versions.get(*at).is_some_and(|version| version.state.is_none()))
            } else {
                let first = versions.iter().position(of);
                let is_other =
                    |at: &usize| versions.get(*at).is_some_and(|first| first.revision != Some(seen.revision));
                first.filter(is_other).map(|at| at + 1).filter(|at| versions.get(*at).is_some_and(of))
            };
            let Some(version) = at.and_then(|at| versions.get_mut(at)) else { continue };
            match version.revision {
                Some(known) if known != seen.revision => {
                    return Err(format!("one write of {} was seen at {known} and at {}", seen.key, seen.revision));
                }
                _ => version.revision = Some(seen.revision),
            }
        }
        Ok(())
    }
}
