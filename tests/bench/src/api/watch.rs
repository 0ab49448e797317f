//! Watchers, cheap: each keeps the numbers of the writes that it saw and when, found by their bytes.
//!
//! An event is a line of JSON. A watcher asserts what a watch promises: resourceVersions only grow, and no write is
//! seen twice. Where the server ends a watch, the watcher goes on from the last resourceVersion that it saw, as a
//! client does, and counts that; a server that has forgotten that version fails the run. Whether every write arrived is
//! found where the receipts are joined with the writes.

use std::convert::Infallible;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use anyhow::{Context as _, Result, anyhow, bail, ensure};
use bytes::{Bytes, BytesMut};
use http_body_util::{BodyExt as _, Collected};
use memchr::memchr;
use tokio::sync::watch;
use tokio::task::JoinHandle;
use tokio::time::{sleep, timeout};

use super::connection::{Call, Client, Endpoint, quoted};
use super::object;

/// How many watchers share a connection: servers allow about a hundred streams on one.
const WATCHERS_PER_CONNECTION: usize = 50;
/// How long all watchers may take to be attached.
const ATTACH_PATIENCE: Duration = Duration::from_secs(120);
/// How often a watch may be ended by the server.
const MOST_ENDS: usize = 100;
/// How often the progress of the watchers is looked at.
const LOOK: Duration = Duration::from_millis(5);

/// A write as a watcher saw it.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Receipt {
    /// The number in the object's annotation.
    pub(crate) sequence: u32,
    /// When the event's bytes had been read.
    pub(crate) at: Instant,
}

/// Watchers at work; ended when dropped.
pub(crate) struct Watchers {
    watchers: Vec<Watcher>,
    tally: Arc<Tally>,
}

struct Watcher {
    receipts: Arc<Mutex<Vec<Receipt>>>,
    task: JoinHandle<Result<Infallible>>,
}

/// What all watchers count together.
#[derive(Default)]
struct Tally {
    events: AtomicUsize,
    bytes: AtomicUsize,
    ends: AtomicUsize,
}

/// What the watchers counted.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Counted {
    /// Events of writes.
    pub(crate) events: usize,
    /// The bytes of all that was read.
    pub(crate) bytes: usize,
    /// How often the server ended a watch.
    pub(crate) ends: usize,
}

impl Watchers {
    /// Attaches a watcher to each of `paths` (collections with a selector, or without), which sees what happens behind
    /// `version`; returns once the server has accepted them all.
    ///
    /// # Errors
    /// Where the server does not.
    pub(crate) async fn attach(endpoint: &Arc<Endpoint>, paths: Vec<String>, version: u64) -> Result<Self> {
        let connections = paths.len().div_ceil(WATCHERS_PER_CONNECTION);
        let clients = endpoint.clients(paths.len(), connections).await?;
        let tally: Arc<Tally> = Arc::default();
        let (attached, mut attachments) = watch::channel(0_usize);
        let count = paths.len();
        let mut watchers = Vec::with_capacity(count);
        for (path, client) in paths.into_iter().zip(clients) {
            let receipts = Arc::default();
            let follower = Follower {
                client,
                path,
                reader: Reader { version, rest: BytesMut::new() },
                receipts: Arc::clone(&receipts),
                tally: Arc::clone(&tally),
            };
            watchers.push(Watcher { receipts, task: tokio::spawn(follower.follow(attached.clone())) });
        }
        drop(attached);
        let mut attached = Self { watchers, tally };
        let all = timeout(ATTACH_PATIENCE, attachments.wait_for(|attached| *attached == count)).await;
        match all.map(|all| all.map(|_| ())) {
            Ok(Ok(())) => Ok(attached),
            Ok(Err(_)) => Err(attached.failure().await),
            Err(_) => {
                let missing = count - *attachments.borrow();
                let error = anyhow!("{missing} of {count} watchers were not attached in time");
                Err(attached.failed().await.unwrap_or(error))
            }
        }
    }

    /// Waits until the watchers have seen `events` events in all, at most `patience`; that they have not is no error.
    ///
    /// # Errors
    /// Where a watcher failed.
    pub(crate) async fn reach(&mut self, events: usize, patience: Duration) -> Result<()> {
        let deadline = Instant::now() + patience;
        while self.tally.events.load(Ordering::Relaxed) < events && Instant::now() < deadline {
            if let Some(error) = self.failed().await {
                return Err(error);
            }
            sleep(LOOK).await;
        }
        self.failed().await.map_or(Ok(()), Err)
    }

    /// What the watchers counted so far.
    pub(crate) fn counted(&self) -> Counted {
        Counted {
            events: self.tally.events.load(Ordering::Relaxed),
            bytes: self.tally.bytes.load(Ordering::Relaxed),
            ends: self.tally.ends.load(Ordering::Relaxed),
        }
    }

    /// What each watcher saw, in the order of the paths.
    pub(crate) fn receipts(&self) -> impl Iterator<Item = Vec<Receipt>> {
        let take =
            |watcher: &Watcher| std::mem::take(&mut *watcher.receipts.lock().unwrap_or_else(PoisonError::into_inner));
        self.watchers.iter().map(take)
    }

    /// Why a watcher's task ended, if one has.
    async fn failed(&mut self) -> Option<anyhow::Error> {
        let ended = self.watchers.iter().position(|watcher| watcher.task.is_finished())?;
        Some(match self.watchers.swap_remove(ended).task.await {
            Ok(Err(error)) => error,
            Err(error) => anyhow!(error).context("a watcher's task failed"),
        })
    }

    async fn failure(&mut self) -> anyhow::Error {
        self.failed().await.unwrap_or_else(|| anyhow!("a watcher has ended"))
    }
}

impl Drop for Watchers {
    fn drop(&mut self) {
        for watcher in &self.watchers {
            watcher.task.abort();
        }
    }
}

/// One watcher's task.
struct Follower {
    client: Client,
    path: String,
    reader: Reader,
    receipts: Arc<Mutex<Vec<Receipt>>>,
    tally: Arc<Tally>,
}

impl Follower {
    async fn follow(mut self, attached: watch::Sender<usize>) -> Result<Infallible> {
        let mut attached = Some(attached);
        for _ in 0..=MOST_ENDS {
            let separator = if self.path.contains('?') { '&' } else { '?' };
            let version = self.reader.version;
            let path = format!("{}{separator}watch=1&allowWatchBookmarks=true&resourceVersion={version}", self.path);
            let answer = self.client.open(Call::get(&path)).await?;
            let status = answer.status();
            let mut body = answer.into_body();
            if !status.is_success() {
                let text = body.collect().await.map(Collected::to_bytes).unwrap_or_default();
                bail!("GET {path}: {status}: {}", quoted(&text));
            }
            if let Some(attached) = attached.take() {
                attached.send_modify(|attached| *attached += 1);
            }
            // A connection that is cut ends a watch as much as an answer that ends.
            while let Some(Ok(frame)) = body.frame().await {
                if let Ok(data) = frame.into_data() {
                    self.take(data)?;
                }
            }
            self.reader.rest.clear();
            self.tally.ends.fetch_add(1, Ordering::Relaxed);
        }
        bail!("the server ended the watch of {} more than {MOST_ENDS} times", self.path)
    }

    fn take(&mut self, data: Bytes) -> Result<()> {
        let at = Instant::now();
        self.tally.bytes.fetch_add(data.len(), Ordering::Relaxed);
        let mut receipts = self.receipts.lock().unwrap_or_else(PoisonError::into_inner);
        let before = receipts.len();
        self.reader.take(data, |sequence| receipts.push(Receipt { sequence, at }))?;
        self.tally.events.fetch_add(receipts.len() - before, Ordering::Relaxed);
        Ok(())
    }
}

/// Takes a stream of events apart.
struct Reader {
    /// The last resourceVersion seen.
    version: u64,
    /// The beginning of an event whose end has not come.
    rest: BytesMut,
}

impl Reader {
    /// Takes a piece of the stream: the rest of an event, whole ones, and the beginning of one. Calls `seen` with the
    /// number of each write.
    fn take(&mut self, mut data: Bytes, mut seen: impl FnMut(u32)) -> Result<()> {
        while let Some(end) = memchr(b'\n', &data) {
            let line = data.split_to(end + 1);
            let sequence = if self.rest.is_empty() {
                self.event(&line)?
            } else {
                let mut whole = std::mem::take(&mut self.rest);
                whole.extend_from_slice(&line);
                let sequence = self.event(&whole)?;
                whole.clear();
                self.rest = whole;
                sequence
            };
            if let Some(sequence) = sequence {
                seen(sequence);
            }
        }
        self.rest.extend_from_slice(&data);
        Ok(())
    }

    /// Reads one event; answers the number of the write, if it is the event of one.
    fn event(&mut self, line: &[u8]) -> Result<Option<u32>> {
        let kind = line.strip_prefix(br#"{"type":""#).and_then(|rest| rest.split(|byte| *byte == b'"').next());
        let unreadable = || format!("a watcher received {}", quoted(line));
        match kind {
            Some(b"ADDED" | b"MODIFIED") => {
                let version = object::resource_version(line).with_context(unreadable)?;
                let last = self.version;
                ensure!(version > last, "a watcher at resourceVersion {last} received {version}");
                self.version = version;
                Ok(Some(object::sequence(line).with_context(unreadable)?))
            }
            Some(b"BOOKMARK") => {
                self.version = self.version.max(object::resource_version(line).with_context(unreadable)?);
                Ok(None)
            }
            _ => Err(anyhow!(unreadable())),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn event(kind: &str, version: u64, sequence: u32) -> String {
        format!(
            r#"{{"type":"{kind}","object":{{"metadata":{{"resourceVersion":"{version}","annotations":{{"bench/sequence":"{sequence:010}"}}}}}}}}"#
        ) + "\n"
    }

    fn read(version: u64, stream: &str, piece: usize) -> Result<(Vec<u32>, u64)> {
        let mut reader = Reader { version, rest: BytesMut::new() };
        let mut seen = Vec::new();
        for piece in stream.as_bytes().chunks(piece) {
            reader.take(Bytes::copy_from_slice(piece), |sequence| seen.push(sequence))?;
        }
        Ok((seen, reader.version))
    }

    #[test]
    fn events_are_read_however_the_stream_is_cut() {
        let stream = [event("ADDED", 8, 1), event("MODIFIED", 9, 2), event("BOOKMARK", 12, 0), event("ADDED", 13, 4)];
        for piece in [1, 7, 100, 1_000] {
            assert_eq!(read(7, &stream.concat(), piece).expect("readable"), (vec![1, 2, 4], 13));
        }
        let unfinished = stream.concat() + &event("ADDED", 14, 5).trim_end()[..40];
        assert_eq!(read(7, &unfinished, 64).expect("readable"), (vec![1, 2, 4], 13));
    }

    #[test]
    fn a_watch_that_breaks_its_promise_fails() {
        for (stream, expected) in [
            (event("MODIFIED", 7, 1), "a watcher at resourceVersion 7 received 7"),
            (event("ADDED", 9, 1) + &event("ADDED", 8, 2), "a watcher at resourceVersion 9 received 8"),
            (r#"{"type":"ERROR","object":{"code":410}}"#.to_owned() + "\n", "a watcher received {\"type\":\"ERROR\""),
            (event("DELETED", 9, 1), "a watcher received {\"type\":\"DELETED\""),
            ("{}\n".to_owned(), "a watcher received {}"),
        ] {
            let error = read(7, &stream, 50).expect_err(expected).to_string();
            assert!(error.starts_with(expected), "{error}");
        }
    }
}
