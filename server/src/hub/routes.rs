//! Which channels an event goes to.
//!
//! A watcher is put on the narrowest channel that has all it wants: one object, one value of a field
//! (`spec.nodeName=n1`), one namespace, or the whole resource. So a thousand kubelets are not asked about every pod.
//! An event goes to the channels of both states' values, for the one who loses an object must be told.

use std::collections::HashMap;
use std::sync::Arc;

use howdah_api::Key;

use super::channel::{Channel, Ending};
use super::entry::Entry;
use super::event::Event;
use super::filter::{Filter, Keys, Scope};

/// The channel that a watcher belongs to.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub(super) enum Route {
    All,
    Namespace(Box<str>),
    Object(Key),
    Field(Box<str>, Box<str>),
}

impl Route {
    /// The narrowest route, and whether it has nothing but what the watcher wants.
    pub(super) fn of(scope: &Scope, keys: &Keys, filter: &Filter) -> (Self, bool) {
        let whole = filter.is_all();
        match (scope, keys, filter.route()) {
            (Scope::Object { .. }, Keys::One(key), _) => (Self::Object(key.clone()), whole),
            (_, _, Some((label, value))) => (Self::Field(label.clone(), value.clone()), false),
            (Scope::Namespace(namespace), _, None) => (Self::Namespace(namespace.clone()), whole),
            (Scope::All, _, None) => (Self::All, whole),
            (Scope::Object { .. }, _, None) => (Self::All, false),
        }
    }
}

/// A cache's channels. Those that nobody watches go when the next event would be theirs.
#[derive(Debug, Default)]
pub(super) struct Routes {
    all: Option<Arc<Channel>>,
    namespaces: HashMap<Box<str>, Arc<Channel>>,
    objects: HashMap<Key, Arc<Channel>>,
    fields: HashMap<Box<str>, HashMap<Box<str>, Arc<Channel>>>,
}

impl Routes {
    /// The channel of a route, made where it is missing.
    pub(super) fn channel(&mut self, route: Route) -> Arc<Channel> {
        const SWEEP_FROM: usize = 64;
        let channel = match route {
            Route::All => self.all.get_or_insert_with(Channel::new),
            Route::Namespace(namespace) => {
                sweep(&mut self.namespaces, SWEEP_FROM);
                self.namespaces.entry(namespace).or_insert_with(Channel::new)
            }
            Route::Object(key) => {
                sweep(&mut self.objects, SWEEP_FROM);
                self.objects.entry(key).or_insert_with(Channel::new)
            }
            Route::Field(label, value) => {
                let values = self.fields.entry(label).or_default();
                sweep(values, SWEEP_FROM);
                values.entry(value).or_insert_with(Channel::new)
            }
        };
        Arc::clone(channel)
    }

    /// Adds the event to every channel that is concerned; those where it waits for the pace, and no earlier one does,
    /// are added to `waiting`.
    pub(super) fn push(&mut self, event: &Arc<Event>, waiting: &mut Vec<Arc<Channel>>) {
        if self.all.as_ref().is_some_and(|channel| channel.is_idle()) {
            self.all = None;
        }
        let mut tell = |channel: &Arc<Channel>| {
            if channel.push(event) {
                waiting.push(Arc::clone(channel));
            }
        };
        self.all.as_ref().into_iter().for_each(&mut tell);
        if !self.namespaces.is_empty() {
            live(&mut self.namespaces, event.object.namespace()).into_iter().for_each(&mut tell);
        }
        if !self.objects.is_empty() {
            live(&mut self.objects, event.object.key()).into_iter().for_each(&mut tell);
        }
        for (label, values) in &mut self.fields {
            let value = |entry: &Entry| Box::<str>::from(entry.field(label).unwrap_or_default());
            let now = value(&event.object);
            let before = event.previous.as_deref().map(value).filter(|before| *before != now);
            for value in std::iter::once(now).chain(before) {
                live(values, &*value).into_iter().for_each(&mut tell);
            }
        }
        self.fields.retain(|_, values| !values.is_empty());
    }

    /// Ends all channels.
    pub(super) fn end(&mut self, ending: Ending) {
        let Self { all, namespaces, objects, fields } = std::mem::take(self);
        let fields = fields.into_values().flat_map(HashMap::into_values);
        for channel in all.into_iter().chain(namespaces.into_values()).chain(objects.into_values()).chain(fields) {
            channel.end(ending);
        }
    }
}

/// The channel, where somebody watches it.
fn live<'m, K, Q>(channels: &'m mut HashMap<K, Arc<Channel>>, key: &Q) -> Option<&'m Arc<Channel>>
where
    K: std::borrow::Borrow<Q> + Eq + std::hash::Hash,
    Q: Eq + std::hash::Hash + ?Sized,
{
    if channels.get(key).is_some_and(|channel| channel.is_idle()) {
        channels.remove(key);
    }
    channels.get(key)
}

/// Drops idle channels once there are as many as twice those that were live the last time, at least `from`.
fn sweep<K: Eq + std::hash::Hash>(channels: &mut HashMap<K, Arc<Channel>>, from: usize) {
    if channels.len() >= from && channels.len() == channels.capacity() {
        channels.retain(|_, channel| !channel.is_idle());
    }
}
