//! The open loop: writes at a given pace, whatever the server does.
//!
//! Each write has a moment at which it is due. Workers take the writes in turn, wait for that moment and send; when all
//! of them wait for answers, writes are sent late, which is told ([`Paced::late`]) and not hidden: without it a server
//! that stalls would be asked less.

use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::{Duration, Instant};

use anyhow::{Context as _, Result};
use http::Method;
use tokio::task::JoinSet;
use tokio::time::{sleep_until, timeout};

use super::connection::{Call, Client, MERGE_PATCH};
use super::object;
use super::target::Target;
use crate::quantile::{Quantiles, count};

/// How many writes can be under way.
const WORKERS: usize = 64;
/// How much longer than its time the load may take.
const PATIENCE: Duration = Duration::from_secs(60);

/// One write as its client saw it.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Written {
    /// The object, by its place among the paths.
    pub(crate) object: usize,
    /// The number that it was stamped with.
    pub(crate) sequence: u32,
    /// When it was to be sent.
    due: Instant,
    /// Just before it was handed to HTTP.
    pub(crate) sent: Instant,
    /// When its answer had been read.
    pub(crate) acknowledged: Instant,
}

#[cfg(test)]
impl Written {
    /// A write that was due when it was sent.
    pub(crate) fn new(object: usize, sequence: u32, sent: Instant, acknowledged: Instant) -> Self {
        Self { object, sequence, due: sent, sent, acknowledged }
    }
}

/// What the load came to.
pub(crate) struct Paced {
    /// Every write, in the order of their numbers.
    pub(crate) written: Vec<Written>,
    /// Acknowledged writes a second, from the first one's due moment to the last acknowledgement.
    pub(crate) rate: f64,
    /// From sending to acknowledgement.
    pub(crate) latency: Quantiles,
    /// How long after its due moment a write was sent.
    pub(crate) late: Quantiles,
}

/// The writes that are to be made.
struct Plan {
    paths: Arc<[String]>,
    begin: Instant,
    rate: u32,
    total: u32,
    /// The first stamp; none before it was used on these objects.
    first: u32,
    next: AtomicU32,
}

/// Patches the objects at `paths` in turn, `rate` writes a second for `length`; the stamps begin with `first`.
///
/// # Errors
/// Where a write fails.
pub(crate) async fn write(
    target: &Target,
    paths: Arc<[String]>,
    rate: u32,
    length: Duration,
    first: u32,
    connections: usize,
) -> Result<Paced> {
    let total = rate.saturating_mul(u32::try_from(length.as_secs()).unwrap_or(u32::MAX)).max(1);
    let clients = target.endpoint.clients(WORKERS, connections).await?;
    let plan = Arc::new(Plan { paths, begin: Instant::now(), rate, total, first, next: AtomicU32::new(0) });
    let mut workers = JoinSet::new();
    for client in clients {
        workers.spawn(work(client, Arc::clone(&plan)));
    }
    let mut written = Vec::new();
    let finished = async {
        while let Some(worker) = workers.join_next().await {
            written.append(&mut worker.context("a client's task failed")??);
        }
        anyhow::Ok(())
    };
    timeout(length + PATIENCE, finished).await.context("the writers did not finish in time")??;
    written.sort_by_key(|write: &Written| write.sequence);
    let last = written.iter().map(|write| write.acknowledged).max().context("nothing was written")?;
    Ok(Paced {
        rate: count(written.len()) / (last - plan.begin).as_secs_f64(),
        latency: Quantiles::of(written.iter().map(|write| write.acknowledged - write.sent)),
        late: Quantiles::of(written.iter().map(|write| write.sent.saturating_duration_since(write.due))),
        written,
    })
}

async fn work(mut client: Client, plan: Arc<Plan>) -> Result<Vec<Written>> {
    let mut written = Vec::new();
    loop {
        let index = plan.next.fetch_add(1, Ordering::Relaxed);
        if index >= plan.total {
            return Ok(written);
        }
        let due = plan.begin + Duration::from_secs(index.into()) / plan.rate;
        let (object, sequence) = (index as usize % plan.paths.len(), plan.first + index);
        let body = object::patch(sequence);
        sleep_until(due.into()).await;
        let call = Call { body: Some((MERGE_PATCH, &body)), ..Call::send(&Method::PATCH, &plan.paths[object], &body) };
        let sent = Instant::now();
        client.call(call).await?;
        written.push(Written { object, sequence, due, sent, acknowledged: Instant::now() });
    }
}
