//! A proxy between a store and Postgres that can do to their connections what networks do.
//!
//! It listens on a port of 127.0.0.1 and speaks to the server by its address. Bytes are taken apart into the frames of
//! Postgres' protocol (after the first, a type byte and a length), so that one kind of message can be dropped, and the
//! answer of one statement swallowed. What a client sends up to a Sync goes on in one piece, as it does over a network
//! (but for the rare packet border, which [`Proxy::swallow_next_sync`] is for). Each direction of each connection is two tasks with a queue between them: the
//! first reads at all times, the second writes when the direction's [`Flow`] lets it.

mod frame;

use std::net::{Ipv4Addr, SocketAddr};
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use tokio::io::{AsyncRead, AsyncWrite, AsyncWriteExt as _};
use tokio::net::{TcpListener, TcpStream, UnixStream};
use tokio::sync::{mpsc, watch as signal};
use tokio::task::JoinHandle;

use crate::cluster::Address;
use frame::{Commits, ends_piece, is_fenced, is_notification, read_frame, read_startup, without_name};

/// How many frames of a direction wait at most: more than a run ever holds back.
const QUEUE: usize = 1 << 14;

/// What becomes of the bytes of one direction.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Flow {
    /// They go on.
    Pass,
    /// They vanish, and the connection stays open.
    Swallow,
    /// They wait.
    Hold,
    /// The connection is closed.
    Cut,
}

/// One direction, or both.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Way {
    /// From the store to the server.
    Up,
    /// From the server to the store.
    Down,
    /// Both.
    Both,
}

/// A running proxy. Dropping it closes everything.
#[derive(Debug)]
pub(crate) struct Proxy {
    /// The port on 127.0.0.1.
    pub(crate) port: u16,
    state: Arc<State>,
    accepting: JoinHandle<()>,
}

#[derive(Debug)]
struct State {
    /// Where new connections lead; none where they are refused.
    upstream: Mutex<Option<Address>>,
    /// The switches of all connections.
    connections: Mutex<Vec<Arc<Switches>>>,
    /// How many of the next commits lose their answers.
    deaf_commits: AtomicU64,
    swallowed_answers: AtomicU64,
    fenced_commits: AtomicU64,
    /// How many of the next commits lose their last message, the Sync.
    cut_commits: AtomicU64,
    cut_in_two: AtomicU64,
    drop_notifications: AtomicBool,
    dropped_notifications: AtomicU64,
    /// How long each frame waits, in microseconds.
    delay: AtomicU64,
    hide_names: AtomicBool,
}

/// The switches of one connection.
#[derive(Debug)]
struct Switches {
    up: signal::Sender<Flow>,
    down: signal::Sender<Flow>,
}

impl Switches {
    fn set(&self, way: Way, flow: Flow) {
        if way != Way::Down {
            self.up.send_replace(flow);
        }
        if way != Way::Up {
            self.down.send_replace(flow);
        }
    }
}

impl Drop for Proxy {
    fn drop(&mut self) {
        self.accepting.abort();
        self.all(Way::Both, Flow::Cut);
    }
}

impl Proxy {
    /// A proxy for the server at `upstream`.
    pub(crate) async fn start(upstream: Address) -> anyhow::Result<Self> {
        let listener = TcpListener::bind(SocketAddr::from((Ipv4Addr::LOCALHOST, 0))).await?;
        let port = listener.local_addr()?.port();
        let state = Arc::new(State {
            upstream: Mutex::new(Some(upstream)),
            connections: Mutex::default(),
            deaf_commits: AtomicU64::new(0),
            swallowed_answers: AtomicU64::new(0),
            fenced_commits: AtomicU64::new(0),
            cut_commits: AtomicU64::new(0),
            cut_in_two: AtomicU64::new(0),
            drop_notifications: AtomicBool::new(false),
            dropped_notifications: AtomicU64::new(0),
            delay: AtomicU64::new(0),
            hide_names: AtomicBool::new(false),
        });
        let accepting = tokio::spawn(accept(listener, Arc::clone(&state)));
        Ok(Self { port, state, accepting })
    }

    /// Does `flow` to every connection that is open now.
    pub(crate) fn all(&self, way: Way, flow: Flow) {
        lock(&self.state.connections).iter().for_each(|switches| switches.set(way, flow));
    }

    /// Where new connections lead from now on; none refuses them.
    pub(crate) fn lead_to(&self, upstream: Option<Address>) {
        *lock(&self.state.upstream) = upstream;
    }

    /// Lets the next commit happen and swallows its answer, and whatever else that connection would bring.
    pub(crate) fn swallow_next_answer(&self) {
        self.state.deaf_commits.fetch_add(1, Ordering::AcqRel);
    }

    /// How many commits have lost their answers.
    pub(crate) fn swallowed_answers(&self) -> u64 {
        self.state.swallowed_answers.load(Ordering::Acquire)
    }

    /// Lets the server execute the next commit and swallows the Sync behind it, so that the commit stays open, and
    /// whatever else that connection would send.
    pub(crate) fn swallow_next_sync(&self) {
        self.state.cut_commits.fetch_add(1, Ordering::AcqRel);
    }

    /// How many commits have lost their Sync.
    pub(crate) fn swallowed_syncs(&self) -> u64 {
        self.state.cut_in_two.load(Ordering::Acquire)
    }

    /// How many commits were refused because of their epoch.
    pub(crate) fn fenced_commits(&self) -> u64 {
        self.state.fenced_commits.load(Ordering::Acquire)
    }

    /// Whether notifications are dropped from now on.
    pub(crate) fn drop_notifications(&self, drop: bool) {
        self.state.drop_notifications.store(drop, Ordering::Release);
    }

    /// How many notifications were dropped.
    pub(crate) fn dropped_notifications(&self) -> u64 {
        self.state.dropped_notifications.load(Ordering::Acquire)
    }

    /// Keeps the application's name of new connections from the server, as connection poolers do.
    pub(crate) fn hide_names(&self) {
        self.state.hide_names.store(true, Ordering::Release);
    }

    /// How long each frame waits from now on.
    pub(crate) fn delay(&self, delay: Duration) {
        let micros = u64::try_from(delay.as_micros()).unwrap_or(u64::MAX);
        self.state.delay.store(micros, Ordering::Release);
    }
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

async fn accept(listener: TcpListener, state: Arc<State>) {
    while let Ok((client, _)) = listener.accept().await {
        let Some(upstream) = lock(&state.upstream).clone() else { continue };
        let switches =
            Arc::new(Switches { up: signal::Sender::new(Flow::Pass), down: signal::Sender::new(Flow::Pass) });
        let mut connections = lock(&state.connections);
        connections.retain(|switches| switches.up.receiver_count() + switches.down.receiver_count() > 0);
        connections.push(Arc::clone(&switches));
        drop(connections);
        let (up, down) = (switches.up.subscribe(), switches.down.subscribe());
        tokio::spawn(carry(client, upstream, Arc::clone(&state), switches, up, down));
    }
}

/// Carries one connection until both of its directions have ended.
async fn carry(
    client: TcpStream,
    upstream: Address,
    state: Arc<State>,
    switches: Arc<Switches>,
    up: signal::Receiver<Flow>,
    down: signal::Receiver<Flow>,
) {
    // Who can't be connected further is hung up on, as by a server that is not there.
    let _nodelay = client.set_nodelay(true);
    let (reader, writer) = client.into_split();
    match upstream {
        Address::Socket(path) => {
            let Ok(server) = UnixStream::connect(path).await else { return };
            let (server_reader, server_writer) = server.into_split();
            both(state, switches, (reader, writer, up), (server_reader, server_writer, down)).await;
        }
        Address::Tcp(address) => {
            let Ok(server) = TcpStream::connect(address).await else { return };
            let _nodelay = server.set_nodelay(true);
            let (server_reader, server_writer) = server.into_split();
            both(state, switches, (reader, writer, up), (server_reader, server_writer, down)).await;
        }
    }
}

/// Carries both directions.
async fn both<CR, CW, SR, SW>(
    state: Arc<State>,
    switches: Arc<Switches>,
    (mut from_client, mut to_client, up): (CR, CW, signal::Receiver<Flow>),
    (from_server, to_server, down): (SR, SW, signal::Receiver<Flow>),
) where
    CR: AsyncRead + Unpin + Send,
    CW: AsyncWrite + Unpin + Send,
    SR: AsyncRead + Unpin + Send,
    SW: AsyncWrite + Unpin + Send,
{
    let Ok(mut first) = read_startup(&mut from_client, &mut to_client).await else { return };
    if state.hide_names.load(Ordering::Acquire) {
        first = without_name(&first);
    }
    let (up_queue, up_frames) = mpsc::channel(QUEUE);
    let (down_queue, down_frames) = mpsc::channel(QUEUE);
    if up_queue.send(first).await.is_err() {
        return;
    }
    let mut commits = Commits::default();
    let (up_end, down_end) = (up.clone(), down.clone());
    tokio::join!(
        until_cut(up_end, async {
            // What a client sends in one piece, up to its Sync, goes on in one piece.
            let mut piece = Vec::new();
            let mut commits_now = false;
            while let Ok(frame) = read_frame(&mut from_client).await {
                if commits.is_commit(&frame) {
                    commits_now = true;
                    if take_one(&state.deaf_commits) {
                        switches.set(Way::Down, Flow::Swallow);
                        state.swallowed_answers.fetch_add(1, Ordering::AcqRel);
                    }
                }
                let whole = ends_piece(&frame);
                if frame[0] == b'S' && commits_now && take_one(&state.cut_commits) {
                    state.cut_in_two.fetch_add(1, Ordering::AcqRel);
                    if up_queue.send(std::mem::take(&mut piece)).await.is_err() {
                        break;
                    }
                    // The Sync vanishes, and so does all that follows.
                    while read_frame(&mut from_client).await.is_ok() {}
                    std::future::pending::<()>().await;
                }
                piece.extend(frame);
                if whole {
                    commits_now = false;
                    if up_queue.send(std::mem::take(&mut piece)).await.is_err() {
                        break;
                    }
                }
            }
            drop(up_queue);
        }),
        write_frames(&state, up_frames, to_server, up),
        until_cut(down_end, async {
            let mut from_server = from_server;
            while let Ok(frame) = read_frame(&mut from_server).await {
                if is_notification(&frame) && state.drop_notifications.load(Ordering::Acquire) {
                    state.dropped_notifications.fetch_add(1, Ordering::AcqRel);
                    continue;
                }
                if is_fenced(&frame) {
                    state.fenced_commits.fetch_add(1, Ordering::AcqRel);
                }
                if down_queue.send(frame).await.is_err() {
                    break;
                }
            }
            drop(down_queue);
        }),
        write_frames(&state, down_frames, to_client, down),
    );
}

/// Does `work` until it ends or the direction is cut.
async fn until_cut(mut flow: signal::Receiver<Flow>, work: impl Future<Output = ()>) {
    tokio::select! {
        () = work => {}
        _ = flow.wait_for(|flow| *flow == Flow::Cut) => {}
    }
}

/// Writes frames as the direction's flow says, until there are no more; closes the direction at its end, unless bytes
/// of it vanished: then the other side must not learn even that.
async fn write_frames(
    state: &State,
    mut frames: mpsc::Receiver<Vec<u8>>,
    mut to: impl AsyncWrite + Unpin,
    mut flow: signal::Receiver<Flow>,
) {
    let mut deaf = false;
    loop {
        let frame = tokio::select! {
            frame = frames.recv() => frame,
            _ = flow.wait_for(|flow| *flow == Flow::Cut) => return,
        };
        let Some(frame) = frame else { break };
        let delay = state.delay.load(Ordering::Acquire);
        if delay > 0 {
            tokio::time::sleep(Duration::from_micros(delay)).await;
        }
        // Bytes that waited go on; those that vanished make the rest worthless.
        let Ok(now) = flow.wait_for(|flow| *flow != Flow::Hold).await.map(|flow| *flow) else { return };
        match now {
            Flow::Cut => return,
            Flow::Swallow => deaf = true,
            Flow::Pass | Flow::Hold if deaf => {}
            Flow::Pass | Flow::Hold => {
                let written = tokio::select! {
                    written = to.write_all(&frame) => written,
                    _ = flow.wait_for(|flow| *flow == Flow::Cut) => return,
                };
                // The other side is gone: what follows has nowhere to go, and still must be taken.
                deaf |= written.is_err();
            }
        }
    }
    if deaf || *flow.borrow() == Flow::Swallow {
        let _cut = flow.wait_for(|flow| *flow == Flow::Cut).await;
    } else {
        let _closed = to.shutdown().await;
    }
}

/// One off `count`, where there is one.
fn take_one(count: &AtomicU64) -> bool {
    count.fetch_update(Ordering::AcqRel, Ordering::Acquire, |count| count.checked_sub(1)).is_ok()
}
