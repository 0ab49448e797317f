//! A change as watchers are told of it, and frames that all watchers of one encoding share.

use std::sync::{Arc, Mutex, OnceLock, PoisonError};

use bytes::{Bytes, BytesMut};
use howdah_store::{Change, Revision};

use super::encoding::{EncodeError, Encoding, EventType};
use super::entry::Entry;
use super::filter::Filter;

/// A change of one object.
#[derive(Debug)]
pub struct Event {
    /// What happened.
    pub change: Change,
    /// The object's new state; of a deleted one the last, with the deletion's revision.
    pub object: Arc<Entry>,
    /// The state that was replaced, where there was one and it is known.
    pub previous: Option<Arc<Entry>>,
    /// The previous state with this event's revision, made when a watcher's selection loses the object.
    departed: OnceLock<Arc<Entry>>,
    frames: Mutex<Vec<(Encoding, EventType, Bytes)>>,
}

impl Event {
    /// The change that made `object` of `previous`.
    #[must_use]
    pub fn new(change: Change, object: Arc<Entry>, previous: Option<Arc<Entry>>) -> Self {
        Self { change, object, previous, departed: OnceLock::new(), frames: Mutex::new(Vec::new()) }
    }

    /// The write's revision.
    #[must_use]
    pub fn revision(&self) -> Revision {
        self.object.revision()
    }

    /// What a watcher with this filter is told: nothing, or an event of this type.
    ///
    /// As upstream: an object that comes into the selection is added to it, one that leaves it is deleted.
    pub(super) fn seen_by(&self, filter: &Filter) -> Option<EventType> {
        if filter.is_all() {
            return Some(match self.change {
                Change::Created => EventType::Added,
                Change::Updated => EventType::Modified,
                Change::Deleted => EventType::Deleted,
            });
        }
        // A tombstone has the last state.
        let (before, now) = match self.change {
            Change::Deleted => (filter.matches(&self.object), false),
            Change::Created | Change::Updated => {
                (self.previous.as_ref().is_some_and(|entry| filter.matches(entry)), filter.matches(&self.object))
            }
        };
        match (before, now) {
            (false, false) => None,
            (false, true) => Some(EventType::Added),
            (true, true) => Some(EventType::Modified),
            (true, false) => Some(EventType::Deleted),
        }
    }

    /// The object that an event of this type carries.
    pub(super) fn told(&self, kind: EventType) -> &Arc<Entry> {
        match (kind, &self.previous) {
            (EventType::Deleted, Some(previous)) if self.change != Change::Deleted => {
                self.departed.get_or_init(|| Arc::new(previous.at(self.revision())))
            }
            _ => &self.object,
        }
    }

    /// The event's frame: made once, then shared.
    pub(super) fn frame(&self, encoding: &Encoding, kind: EventType) -> Result<Bytes, EncodeError> {
        let mut frames = self.frames.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some((_, _, frame)) = frames.iter().find(|(made, of, _)| *of == kind && made == encoding) {
            return Ok(frame.clone());
        }
        let mut out = BytesMut::new();
        self.put(&mut out, encoding, kind)?;
        let frame = out.freeze();
        frames.push((encoding.clone(), kind, frame.clone()));
        Ok(frame)
    }

    /// Puts the event's frame behind what `out` has, for those who share a larger piece.
    pub(super) fn put(&self, out: &mut BytesMut, encoding: &Encoding, kind: EventType) -> Result<(), EncodeError> {
        encoding.framing().put(out, kind, &self.told(kind).body(encoding)?);
        Ok(())
    }

    /// What it weighs in a queue, in bytes.
    pub(super) fn weight(&self) -> usize {
        const OVERHEAD: usize = 256;
        self.object.json().len() + OVERHEAD
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::hub::entry::tests::entry;
    use howdah_api::resource::by_plural;

    fn labelled(revision: i64, label: &str) -> Arc<Entry> {
        Arc::new(entry("core/pods/d/p", revision, &format!(r#","labels":{{"app":"{label}"}}"#)))
    }

    #[test]
    fn selection_turns_changes_into_upstreams_events() {
        let web = Filter::new(Arc::new(|entry| entry.label("app") == Some("web")));
        let (was, is) = (labelled(5, "web"), labelled(6, "web"));
        let (was_not, is_not) = (labelled(5, "db"), labelled(6, "db"));
        use Change::{Created, Deleted, Updated};
        use EventType as E;
        for (change, before, now, expected) in [
            (Created, None, &is, Some(E::Added)),
            (Created, None, &is_not, None),
            (Updated, Some(&was), &is, Some(E::Modified)),
            (Updated, Some(&was_not), &is, Some(E::Added)),
            (Updated, Some(&was), &is_not, Some(E::Deleted)),
            (Updated, Some(&was_not), &is_not, None),
            (Deleted, Some(&was), &is, Some(E::Deleted)),
            (Deleted, Some(&was_not), &is_not, None),
        ] {
            let event = Event::new(change, Arc::clone(now), before.cloned());
            assert_eq!(event.seen_by(&web), expected, "{change:?}");
        }
    }

    #[test]
    fn who_loses_an_object_is_told_its_old_state_and_the_new_revision() {
        let json = Encoding::json(by_plural("", "v1", "pods").unwrap()).unwrap();
        let event = Event::new(Change::Updated, labelled(6, "db"), Some(labelled(5, "web")));
        let frame = event.frame(&json, EventType::Deleted).unwrap();
        let text = std::str::from_utf8(&frame).unwrap();
        assert!(text.starts_with(r#"{"type":"DELETED","object":{"#), "{text}");
        assert!(text.contains(r#""resourceVersion":"6""#) && text.contains(r#""app":"web""#), "{text}");
        assert_eq!(event.frame(&json, EventType::Deleted).unwrap().as_ptr(), frame.as_ptr());
    }
}
