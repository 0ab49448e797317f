//! The threads that serve connections.
//!
//! Each has a runtime and an instance of the app of its own; a connection stays on the thread it was given to.

use std::cell::OnceCell;
use std::rc::Rc;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use actix_http::HttpService;
use actix_service::{IntoServiceFactory as _, ServiceFactory as _, boxed, fn_service, map_config};
use actix_web::App;
use actix_web::dev::{AppConfig, ServiceRequest, ServiceResponse};
use tokio::sync::{mpsc, oneshot};
use tokio::task::{JoinSet, LocalSet};

use super::accept::Accepted;
use super::gate_io::GateIo;
use super::shutdown::Shutdown;
use super::{Limits, ListenError, connection};
use crate::filter::Chain;

/// How many accepted connections may wait for a worker.
const QUEUE: usize = 1024;
/// How long a closing HTTP/1.1 connection waits for the client to read its last answer.
const LINGER: Duration = Duration::from_secs(2);

/// The way to a worker.
#[derive(Debug, Clone)]
pub(super) struct Queue {
    sender: mpsc::Sender<Accepted>,
    load: Arc<AtomicUsize>,
}

impl Queue {
    /// How many connections the worker has.
    pub(super) fn load(&self) -> usize {
        self.load.load(Ordering::Relaxed)
    }

    /// Hands a connection over; false when the worker has no room for it.
    pub(super) fn send(&self, accepted: Accepted) -> bool {
        self.load.fetch_add(1, Ordering::Relaxed);
        let sent = self.sender.try_send(accepted).is_ok();
        if !sent {
            self.load.fetch_sub(1, Ordering::Relaxed);
        }
        sent
    }
}

/// A worker thread, seen from outside.
#[derive(Debug)]
pub(super) struct Worker {
    queue: Option<Queue>,
    finished: Option<oneshot::Receiver<()>>,
    thread: std::thread::JoinHandle<()>,
}

impl Worker {
    /// Starts a thread and waits until it is able to serve.
    pub(super) async fn start(
        index: usize,
        limits: &Limits,
        chain: Arc<Chain>,
        shutdown: Shutdown,
    ) -> Result<Self, ListenError> {
        let (sender, receiver) = mpsc::channel(QUEUE);
        let (ready, is_ready) = oneshot::channel();
        let (done, finished) = oneshot::channel();
        let load = Arc::new(AtomicUsize::new(0));
        let runtime =
            tokio::runtime::Builder::new_current_thread().enable_all().build().map_err(ListenError::Worker)?;
        let (limits, served) = (limits.clone(), Arc::clone(&load));
        let thread = std::thread::Builder::new()
            .name(format!("http-{index}"))
            .spawn(move || {
                let over = shutdown.clone().over();
                let work = run(receiver, served, limits, chain, shutdown, ready, done);
                // What is left when it is over is dropped with the set.
                let local = LocalSet::new();
                runtime.block_on(local.run_until(async {
                    tokio::select! {
                        () = work => {}
                        () = over => {}
                    }
                }));
            })
            .map_err(ListenError::Worker)?;
        is_ready.await.map_err(|_gone| ListenError::Service)?;
        Ok(Self { queue: Some(Queue { sender, load }), finished: Some(finished), thread })
    }

    pub(super) fn queue(&self) -> Queue {
        self.queue.clone().expect("a worker's queue is closed by the shutdown only")
    }

    /// Lets go of the queue: when the accept loops have done so too, the worker finishes.
    pub(super) fn close_queue(&mut self) {
        self.queue = None;
    }

    /// Waits until all connections have ended.
    pub(super) async fn finished(&mut self) {
        if let Some(finished) = self.finished.take() {
            // A worker that is gone has finished too.
            let _gone = finished.await.is_err();
        }
    }

    /// Waits for the thread, which ends soon after the shutdown is over.
    pub(super) async fn join(self) {
        let joined = tokio::task::spawn_blocking(move || self.thread.join().is_ok()).await;
        if !matches!(joined, Ok(true)) {
            tracing::error!("a worker thread panicked");
        }
    }
}

/// The app: one service for every path, the chain.
fn app(chain: Arc<Chain>) -> boxed::BoxServiceFactory<(), actix_http::Request, ServiceResponse, actix_web::Error, ()> {
    let serve = fn_service(move |request: ServiceRequest| {
        let chain = Arc::clone(&chain);
        async move { Ok::<_, actix_web::Error>(chain.serve(request).await) }
    });
    boxed::factory(map_config(App::new().default_service(serve).into_factory(), |()| AppConfig::default()))
}

async fn run(
    mut receiver: mpsc::Receiver<Accepted>,
    load: Arc<AtomicUsize>,
    limits: Limits,
    chain: Arc<Chain>,
    shutdown: Shutdown,
    ready: oneshot::Sender<()>,
    done: oneshot::Sender<()>,
) {
    let draining = shutdown.clone();
    let http1 = HttpService::build()
        .keep_alive(limits.keep_alive)
        .client_request_timeout(limits.head)
        .client_disconnect_timeout(LINGER)
        .h1_allow_half_closed(true)
        // Hidden in the crate's documentation, and what its own HttpServer drains with.
        .graceful_shutdown_signal(move || draining.clone().draining())
        .on_connect_ext(|io: &GateIo, extensions| {
            extensions.insert(io.data().clone());
        })
        .finish(app(Arc::clone(&chain)))
        .new_service(())
        .await;
    let http2 = app(chain).new_service(()).await;
    let (Ok(http1), Ok(http2)) = (http1, http2) else { return };
    let services = Rc::new(connection::Services { http1, http2: Rc::new(http2) });
    if ready.send(()).is_err() {
        return;
    }
    let limits = Rc::new(limits);
    let mut connections = JoinSet::new();
    loop {
        tokio::select! {
            accepted = receiver.recv() => {
                let Some(Accepted { socket, slot }) = accepted else { break };
                let (services, limits) = (Rc::clone(&services), Rc::clone(&limits));
                let (shutdown, load) = (shutdown.clone(), Arc::clone(&load));
                connections.spawn_local(async move {
                    connection::serve(socket, &services, &limits, shutdown, Rc::new(OnceCell::new())).await;
                    load.fetch_sub(1, Ordering::Relaxed);
                    drop(slot);
                });
            }
            Some(ended) = connections.join_next() => report(ended, &load),
        }
    }
    while let Some(ended) = connections.join_next().await {
        report(ended, &load);
    }
    // Nobody may be waiting any more.
    let _unheard = done.send(()).is_err();
}

fn report(ended: Result<(), tokio::task::JoinError>, load: &AtomicUsize) {
    if let Err(error) = ended {
        load.fetch_sub(1, Ordering::Relaxed);
        tracing::error!(%error, "a connection's task panicked");
    }
}
