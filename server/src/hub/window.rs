//! The recent events of a cache, for watchers that begin in the recent past.

use std::collections::VecDeque;
use std::sync::Arc;

use howdah_store::Revision;

use super::event::Event;

/// The most bytes of events that are kept.
const MOST_BYTES: usize = 4 << 20;
/// The most events that are kept.
const MOST_EVENTS: usize = 4096;

/// Every event behind `base`, bounded by number and bytes: the oldest go first.
#[derive(Debug, Default)]
pub(super) struct Window {
    events: VecDeque<Arc<Event>>,
    base: Revision,
    bytes: usize,
}

impl Window {
    /// An empty window: nothing happened since `base`.
    pub(super) fn behind(base: Revision) -> Self {
        Self { base, ..Self::default() }
    }

    pub(super) fn push(&mut self, event: &Arc<Event>) {
        self.bytes += event.weight();
        self.events.push_back(Arc::clone(event));
        while self.bytes > MOST_BYTES || self.events.len() > MOST_EVENTS {
            let Some(oldest) = self.events.pop_front() else { break };
            self.bytes -= oldest.weight();
            self.base = oldest.revision();
        }
    }

    /// The events behind `position`; `None` where they are no longer all here.
    pub(super) fn after(&self, position: Revision) -> Option<impl Iterator<Item = &Arc<Event>>> {
        if position < self.base {
            return None;
        }
        let start = self.events.partition_point(|event| event.revision() <= position);
        Some(self.events.range(start..))
    }

    /// How many events are kept.
    pub(super) fn len(&self) -> usize {
        self.events.len()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::hub::entry::tests::entry;
    use howdah_store::Change;

    #[test]
    fn the_window_is_bounded_and_knows_where_it_begins() {
        let revision = |number| Revision::new(number).unwrap();
        let mut window = Window::behind(revision(10));
        let event = |number| Arc::new(Event::new(Change::Updated, Arc::new(entry("core/pods/d/p", number, "")), None));
        for number in 11..20 {
            window.push(&event(number));
        }
        let after = |window: &Window, position| {
            window.after(revision(position)).map(|events| events.map(|event| event.revision().get()).collect())
        };
        assert_eq!(after(&window, 9), None::<Vec<_>>);
        assert_eq!(after(&window, 10).map(|all| all.len()), Some(9));
        assert_eq!(after(&window, 17), Some(vec![18, 19]));
        assert_eq!(after(&window, 25), Some(vec![]));
        for number in 20..20_000 {
            window.push(&event(number));
        }
        assert_eq!(window.len(), MOST_EVENTS);
        assert_eq!(window.base.get() + MOST_EVENTS as i64, 19_999);
    }
}
