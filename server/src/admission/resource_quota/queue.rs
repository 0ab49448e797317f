//! The writes of a namespace, judged together by one task at a time.
//!
//! The first write of a namespace starts its task, which ends when none is waiting. Each round takes all that wait,
//! judges them in order against the quotas as they would then stand, and charges them all at once. Where a quota was
//! overtaken, the round begins anew with the newest ones, until its deadline. The task outlives the request that
//! started it, so that nobody who waits depends on another's client.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use howdah_store::Revision;
use serde_json::Value;
use tokio::sync::oneshot;
use tokio::time::{Instant, timeout_at};

use super::check::{Running, check};
use super::evaluator::Evaluator;
use crate::admission::lister::{Age, Charge, Charged, Lister, Quota};
use crate::authentication::user::UserInfo;
use crate::registry::admission_seam::{Attributes, Operation};
use crate::registry::route::Served;
use crate::status::ApiError;

/// How many writes of one namespace wait at most.
const MAX_WAITING: usize = 4096;

/// A write that is to be judged.
#[derive(Clone)]
pub(super) struct Ask {
    pub(super) evaluator: Evaluator,
    pub(super) user: Arc<UserInfo>,
    pub(super) served: &'static Served,
    pub(super) subresource: String,
    pub(super) operation: Operation,
    pub(super) namespace: String,
    pub(super) name: String,
    pub(super) object: Value,
    pub(super) old: Option<Value>,
    pub(super) dry_run: bool,
    /// Seconds since 1970.
    pub(super) now: i64,
}

impl Ask {
    pub(super) fn attributes(&self) -> Attributes<'_> {
        Attributes {
            user: &self.user,
            served: self.served,
            subresource: &self.subresource,
            operation: self.operation,
            namespace: &self.namespace,
            name: &self.name,
            old: self.old.as_ref(),
            dry_run: self.dry_run,
        }
    }
}

type Reply = oneshot::Sender<Result<(), ApiError>>;
type Waiting = HashMap<String, Vec<(Ask, Reply)>>;

/// The queue. A namespace has an entry as long as a task works for it.
pub(super) struct Queue {
    lister: Arc<dyn Lister>,
    /// How long a write waits for its judgement.
    patience: Duration,
    waiting: Mutex<Waiting>,
    /// The last charge of this process: caches that are older than that are waited for.
    charged: Mutex<Revision>,
}

impl Queue {
    pub(super) fn new(lister: Arc<dyn Lister>, patience: Duration) -> Self {
        Self { lister, patience, waiting: Mutex::default(), charged: Mutex::new(Revision::ZERO) }
    }

    /// Waits for the judgement of a write. Needs a tokio runtime.
    pub(super) async fn submit(self: &Arc<Self>, ask: Ask) -> Result<(), ApiError> {
        let (reply, judgement) = oneshot::channel();
        let deadline = Instant::now() + self.patience;
        let namespace = ask.namespace.clone();
        let is_first = {
            let mut waiting = self.waiting();
            match waiting.get_mut(&namespace) {
                Some(waiting) if waiting.len() >= MAX_WAITING => {
                    return Err(ApiError::TooManyRequests(Duration::from_secs(1)));
                }
                Some(waiting) => {
                    waiting.push((ask, reply));
                    false
                }
                None => {
                    waiting.insert(namespace.clone(), vec![(ask, reply)]);
                    true
                }
            }
        };
        if is_first {
            let task = Task { queue: Arc::clone(self), namespace, is_through: false };
            tokio::spawn(async move { task.run().await });
        }
        match timeout_at(deadline, judgement).await {
            Ok(Ok(judgement)) => judgement,
            Ok(Err(_)) => Err(ApiError::ServiceUnavailable("apiserver is shutting down".to_owned())),
            Err(_) => Err(timed_out()),
        }
    }

    fn waiting(&self) -> std::sync::MutexGuard<'_, Waiting> {
        self.waiting.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn charged(&self) -> std::sync::MutexGuard<'_, Revision> {
        self.charged.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// The work for one namespace. However it ends, the namespace's entry goes with it.
struct Task {
    queue: Arc<Queue>,
    namespace: String,
    /// Whether the entry is gone already.
    is_through: bool,
}

impl Task {
    async fn run(mut self) {
        while let Some(asked) = self.take() {
            let (asks, replies): (Vec<Ask>, Vec<Reply>) = asked.into_iter().unzip();
            let judgements = self.judge(&asks, Instant::now() + self.queue.patience).await;
            for (reply, judgement) in replies.into_iter().zip(judgements) {
                // Who no longer waits was told that it took too long.
                let _ = reply.send(judgement);
            }
        }
    }

    /// All that wait; `None`, and the namespace's entry is gone, where nothing does.
    fn take(&mut self) -> Option<Vec<(Ask, Reply)>> {
        let mut waiting = self.queue.waiting();
        let asked = waiting.get_mut(&self.namespace).map(std::mem::take).filter(|asked| !asked.is_empty());
        if asked.is_none() {
            waiting.remove(&self.namespace);
            self.is_through = true;
        }
        asked
    }

    async fn judge(&self, asks: &[Ask], deadline: Instant) -> Vec<Result<(), ApiError>> {
        let all = |error: &ApiError| asks.iter().map(|_| Err(error.clone())).collect();
        let mut age = Age::AtLeast(*self.queue.charged());
        while Instant::now() < deadline {
            let quotas = match self.queue.lister.quotas(&self.namespace, age).await {
                Ok(quotas) => quotas,
                Err(error) => return all(&error),
            };
            let Round { mut judgements, charges, charged } = round(&quotas, asks);
            if age != Age::Newest && judgements.iter().any(Result::is_err) {
                age = Age::Newest;
                continue;
            }
            if charges.is_empty() {
                return judgements;
            }
            match self.queue.lister.charge(charges).await {
                Ok(Charged::At(revision)) => {
                    let mut last = self.queue.charged();
                    *last = revision.max(*last);
                    return judgements;
                }
                Ok(Charged::Overtaken) => age = Age::Newest,
                Err(error) => {
                    charged.iter().for_each(|&index| judgements[index] = Err(error.clone()));
                    return judgements;
                }
            }
        }
        all(&timed_out())
    }
}

impl Drop for Task {
    fn drop(&mut self) {
        // A task that was cut off leaves nobody waiting in vain, and room for the next one.
        if !self.is_through {
            self.queue.waiting().remove(&self.namespace);
        }
    }
}

fn timed_out() -> ApiError {
    ApiError::Internal("resource quota evaluation timed out".to_owned())
}

/// What came of judging all that wait.
struct Round {
    judgements: Vec<Result<(), ApiError>>,
    /// The quotas that change.
    charges: Vec<Charge>,
    /// Whose admission changes them.
    charged: Vec<usize>,
}

/// Judges the writes in order. Pure.
fn round(quotas: &[Quota], asks: &[Ask]) -> Round {
    let before: Vec<Running> = quotas.iter().map(Running::from).collect();
    let mut running = before.clone();
    let (mut judgements, mut charged) = (Vec::with_capacity(asks.len()), Vec::new());
    for (index, ask) in asks.iter().enumerate() {
        let judgement = check(&running, ask).map(|next| {
            let changes = next.iter().zip(&running).any(|(next, running)| next.used != running.used);
            if changes && !ask.dry_run {
                charged.push(index);
                running = next;
            }
        });
        judgements.push(judgement);
    }
    let charges = quotas
        .iter()
        .zip(before.iter().zip(running))
        .filter(|(_, (before, after))| before.used != after.used)
        .map(|(quota, (_, after))| Charge { quota: quota.clone(), used: after.used })
        .collect();
    Round { judgements, charges, charged }
}
