//! A run: writers, informers, and the judgement at the end.

use std::sync::Arc;
use std::sync::atomic::AtomicU64;
use std::time::{Duration, Instant};

use anyhow::{Context as _, Result, ensure};
use howdah_blackbox::follow::{History, State, check};
use tokio::sync::watch;
use tokio::task::JoinSet;

use crate::change::{Kind, Slot, Writer};
use crate::informer::{Informer, Selection};
use crate::world::{Outage, Place, clear, namespaces};

/// How many write at the same time.
const WRITERS: usize = 16;
/// The objects of a writer: of each kind, in each namespace.
const OBJECTS: usize = 10;
/// How long a run may take.
const PATIENCE: Duration = Duration::from_secs(900);
/// The name of the objects that last; of each kind in the first namespace.
const LASTING: &str = "lasting";

/// The informers of a whole run: all namespaces and one, labels and fields, listed and streamed, with watches that last
/// and such that the server ends all the time.
pub(crate) const SELECTIONS: [Selection; 14] = [
    Selection::all(Kind::ConfigMap, false),
    Selection::all(Kind::ConfigMap, true),
    Selection { timeout: Some(2), ..Selection::all(Kind::ConfigMap, false) },
    Selection { is_namespaced: true, ..Selection::all(Kind::ConfigMap, false) },
    Selection { is_namespaced: true, timeout: Some(2), ..Selection::all(Kind::ConfigMap, true) },
    Selection { labels: "side=left", picks: |state, _| state.side == "left", ..Selection::all(Kind::ConfigMap, false) },
    Selection {
        labels: "side notin (right)",
        picks: |state, _| state.side != "right",
        ..Selection::all(Kind::ConfigMap, true)
    },
    Selection {
        is_namespaced: true,
        fields: "metadata.name=lasting",
        picks: |state, _| state.name == LASTING,
        ..Selection::all(Kind::ConfigMap, false)
    },
    Selection {
        fields: "metadata.namespace={a}",
        picks: |state, namespace| state.namespace == namespace,
        ..Selection::all(Kind::ConfigMap, true)
    },
    Selection::all(Kind::Pod, false),
    Selection { timeout: Some(2), ..Selection::all(Kind::Pod, true) },
    Selection { labels: "side=left", picks: |state, _| state.side == "left", ..Selection::all(Kind::Pod, true) },
    Selection {
        fields: "status.phase=Running",
        picks: |state, _| state.phase == "Running",
        ..Selection::all(Kind::Pod, false)
    },
    Selection {
        is_namespaced: true,
        labels: "side!=right",
        fields: "status.phase!=Pending",
        picks: |state, _| state.phase != "Pending" && state.side != "right",
        ..Selection::all(Kind::Pod, true)
    },
];

/// Writers and informers on one server or several.
pub(crate) struct Run {
    place: Place,
    namespaces: [String; 2],
    pub(crate) outage: watch::Sender<Outage>,
    done: watch::Sender<usize>,
    writers: Vec<Writer>,
    history: History,
    pub(crate) informers: Vec<Informer>,
    begun: Instant,
}

impl Run {
    /// Sets out on `places`, between which the writers are shared out; those of the first go over to the second where
    /// the first fails and `takes_refuge` is set.
    pub(crate) async fn new(places: &[Place], takes_refuge: bool) -> Result<Self> {
        let place = places.last().context("a run needs a place")?.clone();
        let namespaces = namespaces(&place).await?;
        let (outage, done) = (watch::Sender::new(Outage::default()), watch::Sender::new(0));
        let numbers = Arc::new(AtomicU64::new(1));
        let mut writers = Vec::new();
        for writer in 0..WRITERS {
            let mut slots = Vec::new();
            for at in 0..OBJECTS {
                for (kind, namespace) in [Kind::ConfigMap, Kind::ConfigMap, Kind::Pod].into_iter().zip([0, 1, at % 2]) {
                    let name = format!("w{writer}-{at}");
                    slots.push(Slot::new(kind, &namespaces[namespace], &name, false));
                }
            }
            if writer + 1 == WRITERS {
                for kind in [Kind::ConfigMap, Kind::Pod] {
                    slots.push(Slot::new(kind, &namespaces[0], LASTING, true));
                }
            }
            let at = writer % places.len();
            let refuge = (takes_refuge && at == 0).then(|| place.clone());
            let counters = (Arc::clone(&numbers), done.clone());
            let seed = u64::try_from(writer)? + 1;
            writers.push(Writer::new(&places[at], refuge, outage.subscribe(), counters, (seed, slots)).await?);
        }
        let (history, informers) = (History::default(), Vec::new());
        Ok(Self { place, namespaces, outage, done, writers, history, informers, begun: Instant::now() })
    }

    /// Adds an informer of each selection at `place`.
    pub(crate) async fn inform(&mut self, place: &Place, selections: &[Selection]) -> Result<()> {
        for selection in selections {
            let lasting = format!("{}/{}/{LASTING}", selection.kind.plural(), self.namespaces[0]);
            self.informers.push(Informer::start(place, *selection, &self.namespaces, lasting).await?);
        }
        Ok(())
    }

    /// Starts `count` changes, shared out among the writers.
    pub(crate) fn write(&mut self, count: usize) -> Writing {
        let mut tasks = JoinSet::new();
        let writers = self.writers.len();
        for (at, mut writer) in self.writers.drain(..).enumerate() {
            let own = count / writers + usize::from(at < count % writers);
            tasks.spawn(async move { writer.run(own).await.map(|()| writer) });
        }
        let before = *self.done.borrow();
        Writing { tasks, ended: Vec::new(), done: self.done.subscribe(), before }
    }

    /// Waits for all changes of `writing`.
    pub(crate) async fn finish(&mut self, mut writing: Writing) -> Result<()> {
        let all = async {
            while let Some(ended) = writing.tasks.join_next().await {
                writing.ended.push(ended??);
            }
            anyhow::Ok(())
        };
        tokio::time::timeout(PATIENCE, all).await.context("the writers did not finish")??;
        self.writers.append(&mut writing.ended);
        Ok(())
    }

    /// Makes a last change that all selections see, and waits until all informers have seen it.
    pub(crate) async fn catch_up(&mut self) -> Result<()> {
        let mut closed = Vec::new();
        for writer in &mut self.writers {
            closed.extend(writer.close().await?);
        }
        for informer in &mut self.informers {
            let own = closed.iter().find(|(key, _)| key.starts_with(informer.selection.kind.plural()));
            informer.until(own.context("an object of each kind lasts")?.1).await?;
        }
        Ok(())
    }

    /// Waits for the last change and judges all informers. `excuses` says which troubles on the way are none.
    pub(crate) async fn judge(&mut self, excuses: impl Fn(&str) -> bool) -> Result<()> {
        self.catch_up().await?;
        for writer in &mut self.writers {
            self.history.append(writer.take_history());
        }
        let steps: Vec<_> = self.informers.iter().map(Informer::steps).collect();
        for steps in &steps {
            self.history.learn(steps).map_err(anyhow::Error::msg)?;
        }
        let (mut events, mut lists) = (0, 0);
        for (informer, steps) in self.informers.iter().zip(&steps) {
            let selects = |key: &str, state: &State| informer.picks(key, state);
            let name = format!("{:?}", informer.selection);
            let troubles: Vec<String> = informer.troubles().into_iter().filter(|trouble| !excuses(trouble)).collect();
            ensure!(troubles.is_empty(), "{name}: {}", troubles.join("\n"));
            let summary = check(&self.history, &selects, steps).map_err(|error| anyhow::anyhow!("{name}:\n{error}"))?;
            let remaining = self.history.remaining(&selects);
            ensure!(informer.contents() == remaining, "{name}: its store is not what was written last");
            ensure!(informer.list(&self.place).await? == remaining, "{name}: the list is not what was written last");
            (events, lists) = (events + summary.events, lists + summary.lists);
        }
        let (changes, informers) = (self.history.len(), self.informers.len());
        let seconds = self.begun.elapsed().as_secs_f64();
        println!("\n{changes} changes in {seconds:.1} s; {informers} informers: {lists} lists, {events} events");
        clear(&self.place, &self.namespaces).await
    }

    /// The namespaces of the run.
    pub(crate) fn namespaces(&self) -> &[String; 2] {
        &self.namespaces
    }
}

/// Changes that are being made.
pub(crate) struct Writing {
    tasks: JoinSet<Result<Writer>>,
    ended: Vec<Writer>,
    done: watch::Receiver<usize>,
    before: usize,
}

impl Writing {
    /// Waits until `count` of them are acknowledged, or a writer fails.
    pub(crate) async fn until(&mut self, count: usize) -> Result<()> {
        let enough = self.before + count;
        let reached = async {
            loop {
                tokio::select! {
                    reached = self.done.wait_for(|done| *done >= enough) => return reached.map(|_| ()).map_err(Into::into),
                    Some(ended) = self.tasks.join_next() => self.ended.push(ended??),
                }
            }
        };
        tokio::time::timeout(PATIENCE, reached).await.context("the writers got stuck")?
    }
}
