//! Informers as kube-rs has them: a watcher, and the store that a reflector keeps, with all that they were told.

use std::collections::BTreeMap;
use std::fmt::{self, Debug};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use anyhow::{Context as _, Result, bail};
use futures_util::StreamExt as _;
use howdah_blackbox::follow::{Sighting, State, Step};
use k8s_openapi::api::core::v1::{ConfigMap, Pod};
use kube::api::{Api, ListParams};
use kube::runtime::WatchStreamExt as _;
use kube::runtime::reflector::{self, Store};
use kube::runtime::utils::Backoff;
use kube::runtime::watcher::{self, Config, Event, watcher};
use kube::{Resource, ResourceExt as _};
use serde::de::DeserializeOwned;
use tokio::sync::watch;

use crate::change::Kind;
use crate::world::{NUMBER, Place};

/// How long an informer may lag behind the last write.
const LAG: Duration = Duration::from_secs(60);
/// How long it waits before it tries again.
const PAUSE: Duration = Duration::from_millis(100);
/// Objects on a page of a list; small, so that lists have many.
const PAGE: u32 = 50;

/// Each key's revision and number.
pub(crate) type Contents = BTreeMap<String, (u64, u64)>;

/// What an informer follows.
#[derive(Clone, Copy)]
pub(crate) struct Selection {
    pub(crate) kind: Kind,
    /// In the first namespace only.
    pub(crate) is_namespaced: bool,
    pub(crate) labels: &'static str,
    /// `{a}` stands for the first namespace.
    pub(crate) fields: &'static str,
    /// Whether a state belongs to it, given the first namespace.
    pub(crate) picks: fn(&State, &str) -> bool,
    /// Whether the list comes as a stream of events.
    pub(crate) is_streamed: bool,
    /// After how many seconds the server ends a watch.
    pub(crate) timeout: Option<u32>,
}

impl Selection {
    pub(crate) const fn all(kind: Kind, is_streamed: bool) -> Self {
        let picks = |_: &State, _: &str| true;
        Self { kind, is_namespaced: false, labels: "", fields: "", picks, is_streamed, timeout: None }
    }
}

impl Debug for Selection {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { kind, is_namespaced, labels, fields, picks: _, is_streamed, timeout } = self;
        let scope = if *is_namespaced { "one namespace" } else { "all namespaces" };
        let list = if *is_streamed { "streamed" } else { "paged" };
        write!(f, "{} of {scope}, labels {labels:?}, fields {fields:?}, {list}", kind.plural())?;
        timeout.map_or(Ok(()), |seconds| write!(f, ", {seconds} s a watch"))
    }
}

/// What an informer was told so far.
#[derive(Default)]
struct Journal {
    steps: Vec<Step>,
    troubles: Vec<String>,
    position: u64,
}

/// A running informer.
pub(crate) struct Informer {
    pub(crate) selection: Selection,
    namespaces: [String; 2],
    journal: Arc<Mutex<Journal>>,
    /// The newest number of the object that lasts.
    last: watch::Receiver<u64>,
    contents: Box<dyn Fn() -> Contents + Send + Sync>,
    task: tokio::task::JoinHandle<()>,
}

impl Drop for Informer {
    fn drop(&mut self) {
        self.task.abort();
    }
}

impl Informer {
    /// Starts one with connections of its own. `lasting` is the key of the object that tells how far it has come.
    pub(crate) async fn start(
        place: &Place,
        selection: Selection,
        namespaces: &[String; 2],
        lasting: String,
    ) -> Result<Self> {
        let client = place.client().await?.kube();
        match selection.kind {
            Kind::ConfigMap => Ok(Self::follow::<ConfigMap>(client, selection, namespaces, lasting)),
            Kind::Pod => Ok(Self::follow::<Pod>(client, selection, namespaces, lasting)),
        }
    }

    fn follow<K>(client: kube::Client, selection: Selection, namespaces: &[String; 2], lasting: String) -> Self
    where
        K: Resource<DynamicType = (), Scope = k8s_openapi::NamespaceResourceScope>
            + Clone
            + DeserializeOwned
            + Debug
            + Send
            + Sync
            + 'static,
    {
        let api: Api<K> = match selection.is_namespaced {
            true => Api::namespaced(client, &namespaces[0]),
            false => Api::all(client),
        };
        let mut config = Config::default().page_size(PAGE);
        if !selection.labels.is_empty() {
            config = config.labels(selection.labels);
        }
        if !selection.fields.is_empty() {
            config = config.fields(&selection.fields.replace("{a}", &namespaces[0]));
        }
        if selection.is_streamed {
            config = config.streaming_lists();
        }
        config.timeout = selection.timeout;
        let (store, writer) = reflector::store::<K>();
        let journal = Arc::new(Mutex::new(Journal::default()));
        let (last_seen, last) = watch::channel(0);
        let own = namespaces.clone();
        let task = tokio::spawn({
            let (journal, own) = (Arc::clone(&journal), own.clone());
            async move {
                let events = watcher(api, config).backoff(Steadily).reflect(writer);
                let mut events = std::pin::pin!(events);
                let mut listed = None;
                while let Some(event) = events.next().await {
                    // What is listed counts once the list is complete.
                    let reached = match Journal::note(&journal, event, &own) {
                        Some(Step::Listed(seen)) if seen.key == lasting => {
                            listed = Some(seen.number);
                            None
                        }
                        Some(Step::Synced) => listed.take(),
                        Some(Step::Applied(seen)) if seen.key == lasting => Some(seen.number),
                        _ => None,
                    };
                    if let Some(number) = reached {
                        last_seen.send_replace(number);
                    }
                }
            }
        });
        let contents = Box::new(move || contents(&store, &own));
        Self { selection, namespaces: namespaces.clone(), journal, last, contents, task }
    }

    /// Waits until it has seen the write `number` of the object that lasts, and with it all before.
    pub(crate) async fn until(&mut self, number: u64) -> Result<()> {
        match tokio::time::timeout(LAG, self.last.wait_for(|seen| *seen == number)).await {
            Ok(seen) => seen.map(|_| ()).context("the informer ended"),
            Err(_) => {
                let journal = self.journal.lock().unwrap_or_else(PoisonError::into_inner);
                let (at, trouble) = (journal.position, journal.troubles.last());
                let seconds = LAG.as_secs();
                bail!("{:?} is at revision {at}, {seconds} s after the last write; {trouble:?}", self.selection)
            }
        }
    }

    /// Everything that it was told.
    pub(crate) fn steps(&self) -> Vec<Step> {
        self.journal.lock().unwrap_or_else(PoisonError::into_inner).steps.clone()
    }

    /// What went wrong on the way.
    pub(crate) fn troubles(&self) -> Vec<String> {
        self.journal.lock().unwrap_or_else(PoisonError::into_inner).troubles.clone()
    }

    /// The newest revision that it was told of.
    pub(crate) fn position(&self) -> u64 {
        self.journal.lock().unwrap_or_else(PoisonError::into_inner).position
    }

    /// Whether it follows the object `key` in this state.
    pub(crate) fn picks(&self, key: &str, state: &State) -> bool {
        let Selection { kind, is_namespaced, picks, .. } = self.selection;
        let here = !is_namespaced || state.namespace == self.namespaces[0];
        key.starts_with(kind.plural()) && here && picks(state, &self.namespaces[0])
    }

    /// What its store holds.
    pub(crate) fn contents(&self) -> Contents {
        (self.contents)()
    }

    /// What the API lists for its selection now.
    pub(crate) async fn list(&self, place: &Place) -> Result<Contents> {
        let client = place.client().await?.kube();
        match self.selection.kind {
            Kind::ConfigMap => self.list_of::<ConfigMap>(client).await,
            Kind::Pod => self.list_of::<Pod>(client).await,
        }
    }

    async fn list_of<K>(&self, client: kube::Client) -> Result<Contents>
    where
        K: Resource<DynamicType = (), Scope = k8s_openapi::NamespaceResourceScope> + Clone + DeserializeOwned + Debug,
    {
        let api: Api<K> = match self.selection.is_namespaced {
            true => Api::namespaced(client, &self.namespaces[0]),
            false => Api::all(client),
        };
        let fields = self.selection.fields.replace("{a}", &self.namespaces[0]);
        let list = api.list(&ListParams::default().labels(self.selection.labels).fields(&fields)).await?;
        let own = list.items.iter().filter_map(|object| sighting(object, &self.namespaces));
        Ok(own.map(|seen| (seen.key, (seen.revision, seen.number))).collect())
    }
}

impl Journal {
    /// Writes down an event, unless it is of others' objects; gives what was told.
    fn note<K>(journal: &Mutex<Self>, event: Result<Event<K>, watcher::Error>, own: &[String; 2]) -> Option<Step>
    where
        K: Resource<DynamicType = ()>,
    {
        let mut journal = journal.lock().unwrap_or_else(PoisonError::into_inner);
        let step = match event {
            Ok(Event::Init) => Step::Started,
            Ok(Event::InitDone) => Step::Synced,
            Ok(Event::InitApply(object)) => Step::Listed(sighting(&object, own)?),
            Ok(Event::Apply(object)) => Step::Applied(sighting(&object, own)?),
            Ok(Event::Delete(object)) => Step::Deleted(sighting(&object, own)?),
            Err(error) => {
                journal.troubles.push(format!("{:#}", anyhow::Error::new(error)));
                return None;
            }
        };
        if let Step::Listed(seen) | Step::Applied(seen) | Step::Deleted(seen) = &step {
            journal.position = journal.position.max(seen.revision);
        }
        journal.steps.push(step.clone());
        Some(step)
    }
}

fn contents<K>(store: &Store<K>, own: &[String; 2]) -> Contents
where
    K: Resource<DynamicType = ()> + Clone + 'static,
{
    let seen = store.state().into_iter().filter_map(|object| sighting(&*object, own));
    seen.map(|seen| (seen.key, (seen.revision, seen.number))).collect()
}

/// An object of this run as it was seen. A resourceVersion or a number that is none counts as 0, which nobody wrote.
fn sighting<K: Resource<DynamicType = ()>>(object: &K, own: &[String; 2]) -> Option<Sighting> {
    let namespace = object.namespace().filter(|namespace| own.contains(namespace))?;
    let key = format!("{}/{namespace}/{}", K::plural(&()), object.name_any());
    let number = object.annotations().get(NUMBER).and_then(|number| number.parse().ok());
    let revision = object.resource_version().and_then(|revision| revision.parse().ok());
    Some(Sighting { key, revision: revision.unwrap_or(0), number: number.unwrap_or(0) })
}

/// The same pause between any two attempts.
struct Steadily;

impl Iterator for Steadily {
    type Item = Duration;

    fn next(&mut self) -> Option<Duration> {
        Some(PAUSE)
    }
}

impl Backoff for Steadily {
    fn reset(&mut self) {}
}
