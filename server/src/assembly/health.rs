//! What `/livez` and `/readyz` look at, under upstream's names.

use std::sync::Arc;
use std::time::Duration;

use futures_util::future::BoxFuture;
use howdah_store::Store;
use tokio::sync::watch as signal;
use tokio::time::{Instant, timeout, timeout_at};

use super::rbac::Rbac;
use crate::endpoint::health::{Check, Health, Ping};

/// How long the database may take: upstream's for etcd.
const PATIENCE: Duration = Duration::from_secs(2);

/// Something that is done once or not yet, told by whoever does it.
#[derive(Debug, Clone)]
pub(super) struct Mark {
    name: &'static str,
    why_not: &'static str,
    done: signal::Sender<bool>,
}

impl Mark {
    /// Not done yet.
    pub(super) fn new(name: &'static str, why_not: &'static str) -> Self {
        Self { name, why_not, done: signal::Sender::new(false) }
    }

    pub(super) fn set(&self, done: bool) {
        self.done.send_replace(done);
    }

    /// Waits until it is done; false where the deadline passes before.
    pub(super) async fn wait(&self, deadline: Instant) -> bool {
        let mut done = self.done.subscribe();
        matches!(timeout_at(deadline, done.wait_for(|done| *done)).await, Ok(Ok(_)))
    }
}

impl Check for Mark {
    fn name(&self) -> &str {
        self.name
    }

    fn check(&self) -> BoxFuture<'_, Result<(), String>> {
        let done = *self.done.borrow();
        Box::pin(async move { if done { Ok(()) } else { Err(self.why_not.to_owned()) } })
    }
}

/// Whether the database answers.
struct Database {
    name: &'static str,
    store: Store,
}

impl Check for Database {
    fn name(&self) -> &str {
        self.name
    }

    fn check(&self) -> BoxFuture<'_, Result<(), String>> {
        Box::pin(async move {
            match timeout(PATIENCE, self.store.revision()).await {
                Ok(Ok(_)) => Ok(()),
                Ok(Err(error)) => Err(format!("the database failed: {error}")),
                Err(_) => Err(format!("the database did not answer within {} s", PATIENCE.as_secs())),
            }
        })
    }
}

/// Whether the caches that requests are decided by are filled.
struct Informers(Arc<Rbac>);

impl Check for Informers {
    fn name(&self) -> &str {
        "informer-sync"
    }

    fn check(&self) -> BoxFuture<'_, Result<(), String>> {
        let ready = self.0.is_ready();
        Box::pin(async move { if ready { Ok(()) } else { Err("caches are not filled yet".to_owned()) } })
    }
}

/// The log always takes what it is told.
struct Log;

impl Check for Log {
    fn name(&self) -> &str {
        "log"
    }

    fn check(&self) -> BoxFuture<'_, Result<(), String>> {
        Box::pin(async { Ok(()) })
    }
}

/// `/livez` and `/readyz` over these.
pub(super) fn endpoints(store: &Store, rbac: &Arc<Rbac>, hooks: &[Mark], running: &Mark) -> (Health, Health) {
    let database = |name| Arc::new(Database { name, store: store.clone() }) as Arc<dyn Check>;
    let common = || vec![Arc::new(Ping) as Arc<dyn Check>, Arc::new(Log), database("etcd")];
    let hooks = || hooks.iter().cloned().map(|hook| Arc::new(hook) as Arc<dyn Check>);
    let mut live = common();
    live.extend(hooks());
    let mut ready = common();
    ready.push(database("etcd-readiness"));
    ready.push(Arc::new(Informers(Arc::clone(rbac))));
    ready.extend(hooks());
    ready.push(Arc::new(running.clone()));
    (Health::new("livez", live), Health::new("readyz", ready))
}
