//! All objects of a resource and then every change, for use within the process.
//!
//! A subscription never ends while the hub runs: where it fell behind or the history broke off, it is told everything
//! anew.

use std::sync::Arc;

use super::cache::Cache;
use super::channel::{Cursor, Ending, Pulled};
use super::entry::Entry;
use super::event::Event;
use super::filter::{Filter, Keys};
use super::routes::Route;
use howdah_store::Revision;

/// How many batches are taken at once.
const BATCHES: usize = 256;

/// A reader of a whole cache.
#[derive(Debug)]
pub struct Subscription {
    cache: Arc<Cache>,
    cursor: Option<Cursor>,
    position: Revision,
}

/// What a subscriber is told.
#[derive(Debug)]
pub enum Update {
    /// These are all objects; whatever was known before is void.
    Reset(Vec<Arc<Entry>>),
    /// These changes came, in this order; at least one.
    Changed(Vec<Arc<Event>>),
}

impl Subscription {
    pub(super) fn new(cache: Arc<Cache>) -> Self {
        Self { cache, cursor: None, position: Revision::ZERO }
    }

    /// The next news; `None` once the hub is stopped. Cancelling loses nothing.
    pub async fn next(&mut self) -> Option<Update> {
        loop {
            let Some(cursor) = &mut self.cursor else {
                self.cache.filled().await;
                let keys = Keys::Prefix(self.cache.prefix.clone());
                // It may have broken off again in between.
                let Some(snapshot) = self.cache.snapshot(&keys, &Filter::all(), &Route::All) else { continue };
                self.position = snapshot.revision;
                self.cursor = Some(snapshot.cursor);
                return Some(Update::Reset(snapshot.entries));
            };
            match cursor.pull(BATCHES) {
                Pulled::Batches(batches) if batches.is_empty() => cursor.wait().await,
                Pulled::Batches(batches) => {
                    let events = batches.iter().flat_map(|batch| &batch.events);
                    let news: Vec<_> = events.filter(|event| event.revision() > self.position).cloned().collect();
                    if let Some(last) = news.last() {
                        self.position = last.revision();
                        return Some(Update::Changed(news));
                    }
                }
                Pulled::Lagged | Pulled::Ended(Ending::HistoryLost) => self.cursor = None,
                Pulled::Ended(Ending::Stopped) => return None,
            }
        }
    }
}
