//! The side under test: Howdah's store on a private Postgres.
//!
//! The store is a library, so its clients are tasks that share one [`Store`], as the requests of an API server do. With
//! one server the watchers hang on that store, as an API server's watch cache does. With two, they hang on a second
//! [`Store`]: what they see has come through Postgres (NOTIFY, then a read); one more hangs on the writing store.

use std::path::Path;
use std::time::{Duration, Instant};

use anyhow::{Context as _, Result};
use bytes::Bytes;
use howdah_api::{Key, KeyPrefix};
use howdah_store::{
    At, Deadline, List, Operation, Payload, PrivatePostgres, PrivatePostgresOptions, Revision, Store, StoreOptions,
    Watch, Write,
};

use crate::store::backend::{Backend, Feed, Listed, Seen, Vantage, Writer};

const NAMESPACE: &str = "bench";
const RESOURCE: &str = "pods";
const WRITE_TIMEOUT: Duration = Duration::from_secs(30);
const WATCHERS: usize = 2;

/// A running store on a running Postgres.
pub(crate) struct Howdah {
    postgres: PrivatePostgres,
    store: Store,
    replica: Option<Store>,
    postgres_start: Duration,
}

impl Howdah {
    /// Starts Postgres with its data in `dir`, opens the store on it, and returns once the store has answered a
    /// linearizable read.
    pub(crate) async fn start(dir: &Path) -> Result<Self> {
        let begin = Instant::now();
        let postgres = PrivatePostgres::start(PrivatePostgresOptions::new(dir)).await.context("starting Postgres")?;
        let postgres_start = begin.elapsed();
        match Self::open(&postgres).await {
            Ok(store) => Ok(Self { postgres, store, replica: None, postgres_start }),
            Err(error) => {
                postgres.stop().await.context("stopping Postgres")?;
                Err(error)
            }
        }
    }

    /// How long Postgres alone took from nothing to its first answer.
    pub(crate) fn postgres_start(&self) -> Duration {
        self.postgres_start
    }

    /// Opens the second store, which the remote watchers need.
    pub(crate) async fn open_replica(&mut self) -> Result<()> {
        self.replica = Some(Self::open(&self.postgres).await?);
        Ok(())
    }

    /// Closes the stores and ends Postgres.
    pub(crate) async fn stop(self) -> Result<()> {
        if let Some(replica) = self.replica {
            replica.close().await;
        }
        self.store.close().await;
        self.postgres.stop().await.context("stopping Postgres")
    }

    async fn open(postgres: &PrivatePostgres) -> Result<Store> {
        let store = Store::open(StoreOptions::new(postgres.database())).await.context("opening the store")?;
        store.revision().await.context("reading the store's revision")?;
        Ok(store)
    }
}

impl Backend for Howdah {
    type Key = Key;
    type Writer = HowdahWriter;
    type Feed = HowdahFeed;

    fn key(&self, index: usize) -> Result<Key> {
        Key::new("", RESOURCE, Some(NAMESPACE), &format!("checkout-{index:06}")).context("making a key")
    }

    async fn writers(&self, count: usize) -> Result<Vec<HowdahWriter>> {
        Ok((0..count).map(|_| HowdahWriter { store: self.store.clone() }).collect())
    }

    async fn feeds(&self) -> Result<Vec<(Vantage, HowdahFeed)>> {
        let revision = self.store.revision().await.context("reading the store's revision")?;
        let local = || (Vantage::Local, HowdahFeed { watch: self.store.watch(revision) });
        let Some(replica) = &self.replica else { return Ok((0..WATCHERS).map(|_| local()).collect()) };
        let remote = (0..WATCHERS).map(|_| (Vantage::Remote, HowdahFeed { watch: replica.watch(revision) }));
        Ok(std::iter::once(local()).chain(remote).collect())
    }

    async fn create(&self, objects: Vec<(Key, Bytes, usize)>) -> Result<Vec<i64>> {
        let writes = objects
            .into_iter()
            .map(|(key, json, splice)| Ok(Write { key, operation: Operation::Create(Payload::new(json, splice)?) }));
        let writes = writes.collect::<Result<Vec<_>>>()?;
        let written =
            self.store.transact(writes, Deadline::after(WRITE_TIMEOUT)).await.context("creating in the store")?;
        Ok(written.iter().map(|object| object.revision.get()).collect())
    }

    async fn list(&self, page: Option<usize>) -> Result<Listed> {
        let prefix = KeyPrefix::new("", RESOURCE, Some(NAMESPACE)).context("making a prefix")?;
        let mut request = List { prefix, at: At::Newest, after: None, limit: page };
        let mut listed = Listed { objects: 0, bytes: 0 };
        loop {
            let answer = self.store.list(request.clone()).await.context("listing from the store")?;
            listed.objects += answer.objects.len();
            listed.bytes += answer.objects.iter().map(|object| object.wire.len()).sum::<usize>();
            let Some(last) = answer.objects.last().filter(|_| answer.remaining > 0) else {
                return Ok(listed);
            };
            request.at = At::Exact(answer.revision);
            request.after = Some(last.key.clone());
        }
    }

    fn pid(&self) -> Result<u32> {
        self.postgres.pid().context("Postgres has ended")
    }
}

/// A client of the store that writes.
pub(crate) struct HowdahWriter {
    store: Store,
}

impl Writer for HowdahWriter {
    type Key = Key;

    async fn update(&mut self, key: &Key, expected: i64, json: Bytes, splice: usize) -> Result<i64> {
        let expected = Revision::new(expected).context("a revision is negative")?;
        let operation = Operation::Update { expected, payload: Payload::new(json, splice)? };
        let write = Write { key: key.clone(), operation };
        let object = self.store.write(write, Deadline::after(WRITE_TIMEOUT)).await.context("writing to the store")?;
        Ok(object.revision.get())
    }
}

/// A watcher of the store.
pub(crate) struct HowdahFeed {
    watch: Watch,
}

impl Feed for HowdahFeed {
    async fn next(&mut self, seen: &mut Vec<Seen>) -> Result<()> {
        let events = self.watch.next().await.context("watching the store")?;
        seen.extend(events.iter().map(|event| Seen { revision: event.revision.get(), bytes: event.wire.len() }));
        Ok(())
    }
}
