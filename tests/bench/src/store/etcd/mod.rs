//! The baseline: etcd as the API server of other clusters uses it.
//!
//! A write is a transaction that compares the key's mod revision and puts; watchers are watch streams over connections
//! of their own; pages after the first are read at the first one's revision.

mod rpc;
mod server;

use std::path::{Path, PathBuf};

use anyhow::{Context as _, Result, bail, ensure};
use bytes::Bytes;
use tonic::Streaming;

use crate::store::backend::{Backend, Feed, Listed, Seen, Vantage, Writer};
use rpc::{Client, Compare, PutRequest, RangeRequest, RequestOp, TARGET_MOD, TxnRequest, WatchCreateRequest};
pub(crate) use server::find;

const PREFIX: &str = "/registry/pods/bench/";
/// The first key behind those with [`PREFIX`].
const PREFIX_END: &str = "/registry/pods/bench0";
/// How many clients share a connection: an API server, too, has few connections to etcd for many requests.
const CLIENTS_PER_CONNECTION: usize = 16;
const WATCHERS: usize = 2;

/// A running etcd.
pub(crate) struct Etcd {
    server: server::Server,
    client: Client,
}

/// Where etcd runs from.
#[derive(Debug, Clone)]
pub(crate) struct Installation {
    /// Its binary.
    pub(crate) binary: PathBuf,
}

impl Etcd {
    /// Starts etcd with its data in `dir` and returns once it has answered a linearizable read.
    pub(crate) async fn start(installation: &Installation, dir: &Path) -> Result<Self> {
        let server = server::Server::start(&installation.binary, dir).await?;
        let client = server.connect().await?;
        Ok(Self { server, client })
    }

    /// etcd's own word for its version.
    pub(crate) async fn version(&self) -> Result<String> {
        Ok(self.client.clone().status().await.context("asking etcd for its version")?.version)
    }

    /// Ends etcd.
    pub(crate) async fn stop(self) -> Result<()> {
        self.server.stop().await
    }
}

impl Backend for Etcd {
    type Key = Bytes;
    type Writer = EtcdWriter;
    type Feed = EtcdFeed;

    fn key(&self, index: usize) -> Result<Bytes> {
        Ok(format!("{PREFIX}checkout-{index:06}").into())
    }

    async fn writers(&self, count: usize) -> Result<Vec<EtcdWriter>> {
        let mut writers = Vec::with_capacity(count);
        let mut client = self.server.connect().await?;
        for index in 0..count {
            if index > 0 && index % CLIENTS_PER_CONNECTION == 0 {
                client = self.server.connect().await?;
            }
            writers.push(EtcdWriter { client: client.clone() });
        }
        Ok(writers)
    }

    async fn feeds(&self) -> Result<Vec<(Vantage, EtcdFeed)>> {
        let mut feeds = Vec::with_capacity(WATCHERS);
        for _ in 0..WATCHERS {
            let mut client = self.server.connect().await?;
            let request = WatchCreateRequest { key: PREFIX.into(), range_end: PREFIX_END.into() };
            let mut stream = client.watch(request).await.context("opening an etcd watch")?;
            let first = stream.message().await.context("opening an etcd watch")?;
            ensure!(first.is_some_and(|answer| answer.created), "etcd did not confirm a watch");
            feeds.push((Vantage::Remote, EtcdFeed { stream }));
        }
        Ok(feeds)
    }

    async fn create(&self, objects: Vec<(Bytes, Bytes, usize)>) -> Result<Vec<i64>> {
        let (count, mut request) = (objects.len(), TxnRequest::default());
        for (key, value, _) in objects {
            request.compare.push(stands_at(key.clone(), 0));
            request.success.push(put(key, value));
        }
        let revision = commit(&mut self.client.clone(), request).await?;
        Ok(vec![revision; count])
    }

    async fn list(&self, page: Option<usize>) -> Result<Listed> {
        let mut client = self.client.clone();
        let mut request = RangeRequest { key: PREFIX.into(), range_end: PREFIX_END.into(), limit: 0, revision: 0 };
        request.limit = i64::try_from(page.unwrap_or(0)).context("a page is too large")?;
        let mut listed = Listed { objects: 0, bytes: 0 };
        loop {
            let answer = client.range(request.clone()).await.context("listing from etcd")?;
            listed.objects += answer.kvs.len();
            listed.bytes += answer.kvs.iter().map(|kv| kv.value.len()).sum::<usize>();
            let Some(last) = answer.kvs.last().filter(|_| answer.more) else {
                return Ok(listed);
            };
            if request.revision == 0 {
                request.revision = answer.header.context("etcd's answer has no header")?.revision;
            }
            request.key = [&last.key[..], &[0]].concat().into();
        }
    }

    fn pid(&self) -> Result<u32> {
        self.server.pid()
    }
}

/// A client of etcd that writes.
pub(crate) struct EtcdWriter {
    client: Client,
}

impl Writer for EtcdWriter {
    type Key = Bytes;

    async fn update(&mut self, key: &Bytes, expected: i64, json: Bytes, _splice: usize) -> Result<i64> {
        let request =
            TxnRequest { compare: vec![stands_at(key.clone(), expected)], success: vec![put(key.clone(), json)] };
        commit(&mut self.client, request).await
    }
}

/// A watch stream of etcd.
pub(crate) struct EtcdFeed {
    stream: Streaming<rpc::WatchResponse>,
}

impl Feed for EtcdFeed {
    async fn next(&mut self, seen: &mut Vec<Seen>) -> Result<()> {
        let answer = self.stream.message().await.context("watching etcd")?.context("etcd ended a watch")?;
        if answer.canceled {
            bail!("etcd cancelled a watch: {}", answer.cancel_reason);
        }
        let objects = answer.events.into_iter().filter_map(|event| event.kv);
        seen.extend(objects.map(|kv| Seen { revision: kv.mod_revision, bytes: kv.value.len() }));
        Ok(())
    }
}

fn stands_at(key: Bytes, revision: i64) -> Compare {
    Compare { result: 0, target: TARGET_MOD, key, mod_revision: Some(revision) }
}

fn put(key: Bytes, value: Bytes) -> RequestOp {
    RequestOp { request_put: Some(PutRequest { key, value }) }
}

async fn commit(client: &mut Client, request: TxnRequest) -> Result<i64> {
    let answer = client.txn(request).await.context("writing to etcd")?;
    ensure!(answer.succeeded, "etcd answered a conflict, though every key has one writer");
    Ok(answer.header.context("etcd's answer has no header")?.revision)
}
