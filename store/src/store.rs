//! The store's handle: opening, and one method for each thing it can do.

use std::error::Error;
use std::sync::Arc;
use std::time::Duration;

use howdah_api::Key;
use prometheus_client::registry::Registry;
use tokio::sync::{Mutex, Notify};
use tokio::task::{AbortHandle, JoinHandle};
use tokio::time::Instant;
use uuid::Uuid;

use crate::backoff::Backoff;
use crate::batcher::{self, Batcher, Connector};
use crate::compaction::Compactor;
use crate::feed::reader::Announcements;
use crate::feed::{Feed, Watch, listener, reader};
use crate::metrics::Metrics;
use crate::migration::migrate;
use crate::pool::Pool;
use crate::read::{self, List, Page, Past, RevisionReader};
use crate::sql_runtime::SqlRuntime;
use crate::{DatabaseError, Deadline, Object, OpenError, ReadError, Revision, StoreOptions, Write, WriteError};

/// The most connections that lists, gets and catching-up watchers use at once.
const READERS: usize = 8;

/// The feed's own reading connection, so that no list holds it up; it listens on another.
const FEED_READERS: usize = 1;

/// An open store. Clones share it; it closes when the last one goes, or at [`Store::close`].
#[derive(Debug, Clone)]
pub struct Store(Arc<Inner>);

#[derive(Debug)]
struct Inner {
    batcher: Batcher,
    feed: Arc<Feed>,
    revisions: RevisionReader,
    pool: Pool,
    feed_pool: Pool,
    patience: Duration,
    sql: SqlRuntime,
    metrics: Arc<Metrics>,
    tasks: Tasks,
}

/// The tasks behind a store. They end with it.
#[derive(Debug)]
struct Tasks {
    batcher: Mutex<JoinHandle<()>>,
    abort: AbortHandle,
    others: Vec<JoinHandle<()>>,
    closing: Arc<Notify>,
}

impl Drop for Tasks {
    fn drop(&mut self) {
        self.abort.abort();
        self.others.iter().for_each(JoinHandle::abort);
    }
}

impl Store {
    /// Opens the store: waits for the database, migrates it under a lock, enters this process as a replica.
    ///
    /// # Errors
    /// [`OpenError`], which says what to do.
    pub async fn open(options: StoreOptions) -> Result<Self, OpenError> {
        let sql = SqlRuntime::start().map_err(|source| OpenError::Runtime { source })?;
        let runtime = sql.clone();
        let opened = sql.run(open(options, runtime)).await;
        opened.expect("the store's runtime outlives this call, and opening does not panic")
    }

    /// Applies one write and waits for its outcome until `deadline`. Gives the object as written, or as it last was.
    ///
    /// # Errors
    /// [`WriteError`]; all but [`WriteError::Unknown`] mean that nothing was or will be applied.
    pub async fn write(&self, write: Write, deadline: Deadline) -> Result<Object, WriteError> {
        let written = self.0.batcher.submit(vec![write], deadline).await?;
        Ok(written.into_iter().next().expect("a write that is no check gives one object"))
    }

    /// Applies all of `writes` or none, at adjacent revisions, and waits for the outcome until `deadline`. Gives one
    /// object for each write that is not a check, in order.
    ///
    /// # Errors
    /// [`WriteError`]; all but [`WriteError::Unknown`] mean that nothing was or will be applied.
    pub async fn transact(&self, writes: Vec<Write>, deadline: Deadline) -> Result<Vec<Object>, WriteError> {
        self.0.batcher.submit(writes, deadline).await
    }

    /// The object at `key`, as it stands at some moment during the call (linearizable).
    ///
    /// # Errors
    /// [`ReadError::Database`] where the database stays away.
    pub async fn get(&self, key: &Key) -> Result<Option<Object>, ReadError> {
        let (pool, patience, key) = (self.0.pool.clone(), self.0.patience, key.clone());
        database(self.0.sql.run(async move { read::get(&pool, patience, &key).await }).await)
    }

    /// One page of a list, or the whole of it, in one snapshot.
    ///
    /// # Errors
    /// [`ReadError::Compacted`] and [`ReadError::Future`] for revisions that can't be listed.
    pub async fn list(&self, list: List) -> Result<Page, ReadError> {
        let (pool, patience) = (self.0.pool.clone(), self.0.patience);
        self.0.sql.run(async move { read::list(&pool, patience, &list).await }).await.unwrap_or(Err(ReadError::Closed))
    }

    /// The newest `limit` changes of the object at `key`, newest first, as far back as history is kept.
    ///
    /// # Errors
    /// [`ReadError::Database`] where the database stays away.
    pub async fn history(&self, key: &Key, limit: usize) -> Result<Vec<Past>, ReadError> {
        let (pool, patience, key) = (self.0.pool.clone(), self.0.patience, key.clone());
        database(self.0.sql.run(async move { read::history(&pool, patience, &key, limit).await }).await)
    }

    /// The newest revision at some moment during the call (linearizable). Calls that coincide share one query.
    ///
    /// # Errors
    /// [`ReadError::Database`] where the database stays away.
    pub async fn revision(&self) -> Result<Revision, ReadError> {
        database(self.0.revisions.newest().await)
    }

    /// A watcher of every change behind `after`.
    #[must_use]
    pub fn watch(&self, after: Revision) -> Watch {
        let inner = &self.0;
        Watch::new(Arc::clone(&inner.feed), inner.sql.clone(), inner.pool.clone(), inner.patience, after)
    }

    /// Names the store's metrics in `registry`.
    pub fn register_metrics(&self, registry: &mut Registry) {
        self.0.metrics.register(registry);
    }

    /// Closes the store for all its clones: watches end, waiting writes are still committed if that is soon possible.
    pub async fn close(self) {
        const PATIENCE: Duration = Duration::from_secs(5);
        let tasks = &self.0.tasks;
        // The batcher takes this replica out at its end; whoever looks after the replica's presence goes before.
        tasks.others.iter().for_each(JoinHandle::abort);
        tasks.closing.notify_one();
        let mut batcher = tasks.batcher.lock().await;
        if !batcher.is_finished() && tokio::time::timeout(PATIENCE, &mut *batcher).await.is_err() {
            tracing::warn!("the store closes with writes whose outcome is open");
            tasks.abort.abort();
        }
        self.0.feed.close();
        self.0.pool.close();
        self.0.feed_pool.close();
    }
}

/// The part of opening that runs on the store's own threads.
async fn open(options: StoreOptions, sql: SqlRuntime) -> Result<Store, OpenError> {
    let metrics = Arc::new(Metrics::default());
    let feed = Arc::new(Feed::new(options.ring_bytes, Arc::clone(&metrics)));
    let (replica, patience) = (Uuid::new_v4(), options.reply_timeout);
    let (batcher, mut connector, waiting) =
        Batcher::new(options.database.clone(), replica, Arc::clone(&feed), Arc::clone(&metrics), patience);
    prepare(&options, &mut connector).await?;

    let pool = Pool::new(options.database.clone(), READERS, patience);
    let feed_pool = Pool::new(options.database.clone(), FEED_READERS, patience);
    let announcements = Arc::new(Announcements::default());
    let (revisions, answering) = RevisionReader::new(pool.clone(), patience);
    let compactor = Compactor {
        pool: pool.clone(),
        replica,
        feed: Arc::clone(&feed),
        retention: options.retention,
        interval: options.tick_interval,
        patience,
        metrics: Arc::clone(&metrics),
    };
    let reading = reader::run(
        Arc::clone(&feed),
        feed_pool.clone(),
        Arc::clone(&announcements),
        Arc::clone(&metrics),
        options.poll_interval,
        patience,
    );
    let listening =
        listener::run(Arc::clone(&feed), options.database, feed_pool.clone(), announcements, replica, patience);
    let closing = Arc::new(Notify::new());
    let batching = sql.spawn(batcher::run(connector, waiting, Arc::clone(&closing)));
    let others = vec![sql.spawn(answering), sql.spawn(reading), sql.spawn(listening), sql.spawn(compactor.run())];
    let tasks = Tasks { abort: batching.abort_handle(), batcher: Mutex::new(batching), others, closing };
    Ok(Store(Arc::new(Inner { batcher, feed, revisions, pool, feed_pool, patience, sql, metrics, tasks })))
}

/// Connects, migrates and attaches, again and again while the database is merely away.
async fn prepare(options: &StoreOptions, connector: &mut Connector) -> Result<(), OpenError> {
    let give_up = Instant::now() + options.open_timeout;
    let mut backoff = Backoff::new(Duration::from_millis(10), Duration::from_secs(1));
    loop {
        let source = match try_to_prepare(options, connector).await {
            Ok(()) => return Ok(()),
            Err(Attempt::Final(error)) => return Err(error),
            Err(Attempt::Failed(source)) if !source.is_passing() => return Err(OpenError::Refused { source }),
            Err(Attempt::Failed(source)) => source,
        };
        if Instant::now() > give_up {
            return Err(OpenError::Unreachable { seconds: options.open_timeout.as_secs(), source });
        }
        tracing::debug!(error = &source as &dyn Error, "the database is not there yet; trying again");
        backoff.sleep().await;
    }
}

/// Why one try at opening failed.
enum Attempt {
    /// Trying again would not help.
    Final(OpenError),
    /// The database could not be reached, or not used.
    Failed(DatabaseError),
}

async fn try_to_prepare(options: &StoreOptions, connector: &mut Connector) -> Result<(), Attempt> {
    // A first connection tells whether the database is there at all.
    drop(options.database.connect("howdah-opening", options.reply_timeout).await.map_err(Attempt::Failed)?);
    let pool = options.database.driver_pool(options.reply_timeout);
    // It may be another server's migration that this one waits for.
    let migrated = tokio::time::timeout(options.open_timeout, migrate(&pool)).await;
    drop(tokio::time::timeout(options.reply_timeout, pool.close()).await);
    match migrated {
        Ok(Ok(())) => connector.attach().await.map_err(Attempt::Failed),
        Ok(Err(error)) => Err(Attempt::Final(error)),
        Err(_) => Err(Attempt::Failed(DatabaseError::Silent { seconds: options.open_timeout.as_secs() })),
    }
}

/// What a read on the store's threads came to.
fn database<T>(outcome: Option<Result<T, DatabaseError>>) -> Result<T, ReadError> {
    outcome.ok_or(ReadError::Closed)?.map_err(|source| ReadError::Database { source })
}
