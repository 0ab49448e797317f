//! A proxy between a store and Postgres that can do to their connections what networks do.
//!
//! It listens on a port of 127.0.0.1 and speaks to the server by its address. Bytes are taken apart into the frames of
//! Postgres' protocol (after the first, a type byte and a length), so that one kind of message can be dropped, and the
//! answer of one statement swallowed. What a client sends up to a Sync goes on in one piece, as it does over a network
//! (but for the rare packet border, which [`Proxy::swallow_next_sync`] is for). Each direction of each connection is two tasks with a queue between them: the
//! first reads at all times, the second writes when the direction's [`Flow`] lets it.

use std::collections::HashSet;
use std::net::{Ipv4Addr, SocketAddr};
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use anyhow::Context as _;
use tokio::io::{AsyncRead, AsyncReadExt as _, AsyncWrite, AsyncWriteExt as _};
use tokio::net::{TcpListener, TcpStream, UnixStream};
use tokio::sync::{mpsc, watch as signal};
use tokio::task::JoinHandle;

use crate::cluster::Address;

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
    let Ok(first) = read_startup(&mut from_client, &mut to_client).await else { return };
    let (up_queue, up_frames) = mpsc::unbounded_channel();
    let (down_queue, down_frames) = mpsc::unbounded_channel();
    if up_queue.send(first).is_err() {
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
                let whole = matches!(frame[0], b'S' | b'Q' | b'X' | b'H' | b'p' | b'd' | b'c');
                if frame[0] == b'S' && commits_now && take_one(&state.cut_commits) {
                    state.cut_in_two.fetch_add(1, Ordering::AcqRel);
                    if up_queue.send(std::mem::take(&mut piece)).is_err() {
                        break;
                    }
                    // The Sync vanishes, and so does all that follows.
                    while read_frame(&mut from_client).await.is_ok() {}
                    std::future::pending::<()>().await;
                }
                piece.extend(frame);
                if whole {
                    commits_now = false;
                    if up_queue.send(std::mem::take(&mut piece)).is_err() {
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
                if frame[0] == b'A' && state.drop_notifications.load(Ordering::Acquire) {
                    state.dropped_notifications.fetch_add(1, Ordering::AcqRel);
                    continue;
                }
                if frame[0] == b'E' && frame.windows(6).any(|part| part == b"CHW001") {
                    state.fenced_commits.fetch_add(1, Ordering::AcqRel);
                }
                if down_queue.send(frame).is_err() {
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
    mut frames: mpsc::UnboundedReceiver<Vec<u8>>,
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

/// Reads the packet that opens a connection; encryption is declined.
async fn read_startup(
    from: &mut (impl AsyncRead + Unpin),
    to: &mut (impl AsyncWrite + Unpin),
) -> anyhow::Result<Vec<u8>> {
    const SSL_REQUEST: u32 = 80_877_103;
    const GSS_REQUEST: u32 = 80_877_104;
    loop {
        let length = from.read_u32().await?;
        let mut packet = length.to_be_bytes().to_vec();
        packet.resize(usize::try_from(length)?.max(4), 0);
        from.read_exact(&mut packet[4..]).await?;
        let code = packet.get(4..8).and_then(|code| code.try_into().ok()).map(u32::from_be_bytes);
        match code {
            Some(SSL_REQUEST | GSS_REQUEST) => to.write_all(b"N").await?,
            _ => return Ok(packet),
        }
    }
}

/// Reads one frame: its type, its length, and the rest.
async fn read_frame(from: &mut (impl AsyncRead + Unpin)) -> anyhow::Result<Vec<u8>> {
    let mut head = [0; 5];
    from.read_exact(&mut head).await?;
    let length = u32::from_be_bytes([head[1], head[2], head[3], head[4]]);
    let rest = usize::try_from(length)?.checked_sub(4).context("a frame is at least as long as its length")?;
    let mut frame = head.to_vec();
    frame.resize(5 + rest, 0);
    from.read_exact(&mut frame[5..]).await?;
    Ok(frame)
}

/// Which of a connection's prepared statements commit.
#[derive(Debug, Default)]
struct Commits(HashSet<Vec<u8>>);

impl Commits {
    /// Whether the frame starts a commit.
    fn is_commit(&mut self, frame: &[u8]) -> bool {
        let (kind, body) = (frame[0], frame.get(5..).unwrap_or_default());
        let mut texts = body.split(|byte| *byte == 0);
        let (first, second) = (texts.next().unwrap_or_default(), texts.next().unwrap_or_default());
        match kind {
            // Parse: the statement's name, then its text.
            b'P' => {
                if second.windows(12).any(|part| part == b"commit_batch") {
                    self.0.insert(first.to_vec());
                } else {
                    self.0.remove(first);
                }
                false
            }
            // Bind: the portal's name, then the statement's.
            b'B' => self.0.contains(second),
            _ => false,
        }
    }
}
