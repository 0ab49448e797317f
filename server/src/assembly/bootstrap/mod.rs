//! What every cluster begins with, brought about at a server's start: upstream's post-start hooks.
//!
//! Each hook completes what is there and may run on several servers at once, again and again. One that fails is tried
//! again, and `/readyz` says so meanwhile. Nothing that people changed is taken back, but for what upstream takes back.

mod object;
mod policy;
mod service;
mod writer;

use std::net::IpAddr;
use std::time::Duration;

use futures_util::future::BoxFuture;
use howdah_store::Store;
use k8s_openapi::jiff::Timestamp;
use tokio::task::JoinSet;
use tokio::time::sleep;

pub use writer::BootstrapError;

use super::health::Mark;
use service::Endpoints;
use writer::Writer;

const WHY_NOT: &str = "not finished";
const FIRST_PAUSE: Duration = Duration::from_millis(100);
const LONGEST_PAUSE: Duration = Duration::from_secs(10);

/// What the first objects tell of this server.
#[derive(Debug, Clone)]
pub(super) struct Facts {
    /// The address at which clients outside find this server; never a loopback address.
    pub(super) advertised: IpAddr,
    /// Its port.
    pub(super) port: u16,
    /// The first address of the service range.
    pub(super) service_address: IpAddr,
    /// The certificates of the cluster's authority, as PEM.
    pub(super) client_ca: String,
    /// The certificates of the front proxies' authority, as PEM.
    pub(super) front_proxy_ca: String,
}

/// The hooks, each with its mark in `/readyz`.
#[derive(Debug, Clone)]
pub(super) struct Hooks {
    namespaces: Mark,
    roles: Mark,
    priorities: Mark,
    authentication: Mark,
    service: Mark,
}

impl Hooks {
    pub(super) fn new() -> Self {
        let mark = |name| Mark::new(name, WHY_NOT);
        Self {
            namespaces: mark("poststarthook/start-system-namespaces-controller"),
            roles: mark("poststarthook/rbac/bootstrap-roles"),
            priorities: mark("poststarthook/scheduling/bootstrap-system-priority-classes"),
            authentication: mark("poststarthook/start-cluster-authentication-info-controller"),
            service: mark("poststarthook/bootstrap-controller"),
        }
    }

    /// The marks, in the order in which `/readyz` has them.
    pub(super) fn marks(&self) -> Vec<Mark> {
        let Self { namespaces, roles, priorities, authentication, service } = self.clone();
        vec![namespaces, authentication, roles, priorities, service]
    }

    /// Starts all hooks; those that keep something up to date go on.
    pub(super) fn start(&self, store: &Store, clock: fn() -> Timestamp, facts: &Facts, tasks: &mut JoinSet<()>) {
        let writer = Writer { store: store.clone(), clock };
        let hooks: [(&Mark, Hook); 4] = [
            (&self.namespaces, Box::new(|writer, _| Box::pin(object::namespaces(writer)))),
            (&self.roles, Box::new(|writer, _| Box::pin(policy::reconcile(writer)))),
            (&self.priorities, Box::new(|writer, _| Box::pin(object::priority_classes(writer)))),
            (&self.authentication, Box::new(|writer, facts| Box::pin(object::authentication(writer, facts)))),
        ];
        for (mark, hook) in hooks {
            let (mark, writer, facts) = (mark.clone(), writer.clone(), facts.clone());
            tasks.spawn(async move {
                until_done(&mark, || hook(&writer, &facts)).await;
            });
        }
        let (mark, endpoints) = (self.service.clone(), Endpoints::new(writer, facts));
        tasks.spawn(async move {
            until_done(&mark, || Box::pin(endpoints.reconcile())).await;
            loop {
                sleep(service::INTERVAL).await;
                if let Err(error) = endpoints.reconcile().await {
                    warn(&mark, &error);
                }
            }
        });
    }
}

type Hook = Box<dyn for<'a> Fn(&'a Writer, &'a Facts) -> BoxFuture<'a, Result<(), BootstrapError>> + Send + Sync>;

/// Takes this server out of the Service `kubernetes`, where it had got there.
pub(super) async fn leave(store: &Store, clock: fn() -> Timestamp, facts: &Facts) {
    let writer = Writer { store: store.clone(), clock };
    if let Err(error) = Endpoints::new(writer, facts).leave().await {
        let error = &error as &(dyn std::error::Error + 'static);
        tracing::warn!(error, "this server could not be taken out of the endpoints of default/kubernetes");
    }
}

/// Runs a hook until it succeeds, and marks it done.
async fn until_done<'h>(mark: &Mark, hook: impl Fn() -> BoxFuture<'h, Result<(), BootstrapError>>) {
    let mut pause = FIRST_PAUSE;
    while let Err(error) = hook().await {
        warn(mark, &error);
        sleep(pause).await;
        pause = (pause * 2).min(LONGEST_PAUSE);
    }
    mark.set(true);
}

fn warn(mark: &Mark, error: &BootstrapError) {
    let hook = crate::endpoint::health::Check::name(mark);
    tracing::warn!(hook, error = error as &(dyn std::error::Error + 'static), "a hook failed; trying again");
}
