//! ResourceQuota: what a namespace's quotas don't cover is not stored, and what is stored is charged to them.
//!
//! Flow: the writes of one namespace are judged by one task at a time (`queue`), all that wait at once, so that they
//! don't take the quota from each other. `check` works out what each of them adds (`evaluator`) and what the quotas then
//! have in use; that is written in one transaction, on the condition that every quota still stands as it was seen, and
//! else everything is judged anew.
//!
//! Invariants. What is charged never exceeds what is allowed, whoever else writes: only the compare-and-swap admits.
//! A refusal rests on the newest quotas. A dry run charges nothing. Deliberately absent: credits; the quota controller
//! counts anew what is gone, and what was charged but then not stored.

mod check;
mod evaluator;
mod pod;
mod queue;

use std::sync::Arc;
use std::time::Duration;

use futures_util::future::LocalBoxFuture;
use k8s_openapi::jiff::Timestamp;
use serde_json::Value;

use self::evaluator::Evaluator;
use self::queue::{Ask, Queue};
use super::lister::Lister;
use super::tree::is_main;
use crate::registry::admission_seam::{Admission, Attributes, Operation};
use crate::status::ApiError;

/// How long a write waits for its judgement.
const PATIENCE: Duration = Duration::from_secs(10);

/// The plugin.
pub struct ResourceQuota {
    lister: Arc<dyn Lister>,
    queue: Arc<Queue>,
    clock: fn() -> Timestamp,
}

impl ResourceQuota {
    /// The plugin over these objects; the clock tells which deleted pods are overdue.
    #[must_use]
    pub fn new(lister: Arc<dyn Lister>, clock: fn() -> Timestamp) -> Self {
        Self::with_patience(lister, clock, PATIENCE)
    }

    pub(super) fn with_patience(lister: Arc<dyn Lister>, clock: fn() -> Timestamp, patience: Duration) -> Self {
        Self { queue: Arc::new(Queue::new(Arc::clone(&lister), patience)), lister, clock }
    }
}

impl Admission for ResourceQuota {
    fn validate<'a>(
        &'a self,
        attributes: Attributes<'a>,
        object: &'a Value,
    ) -> LocalBoxFuture<'a, Result<Vec<String>, ApiError>> {
        Box::pin(async move {
            let creates_namespace = is_main(&attributes, "namespaces") && attributes.operation == Operation::Create;
            let writes = matches!(attributes.operation, Operation::Create | Operation::Update);
            if !writes || attributes.namespace.is_empty() || creates_namespace {
                return Ok(Vec::new());
            }
            let row = attributes.served.row;
            let Some(evaluator) = Evaluator::of(&row.group, &row.plural) else { return Ok(Vec::new()) };
            if !evaluator.handles(&attributes, object) || !self.lister.has_quotas(attributes.namespace).await? {
                return Ok(Vec::new());
            }
            let ask = Ask {
                evaluator,
                user: Arc::clone(attributes.user),
                served: attributes.served,
                subresource: attributes.subresource.to_owned(),
                operation: attributes.operation,
                namespace: attributes.namespace.to_owned(),
                name: attributes.name.to_owned(),
                object: object.clone(),
                old: attributes.old.cloned(),
                dry_run: attributes.dry_run,
                now: (self.clock)().as_second(),
            };
            self.queue.submit(ask).await.map(|()| Vec::new())
        })
    }
}
