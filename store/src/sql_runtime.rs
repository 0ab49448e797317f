//! The threads on which all SQL runs, apart from whichever runtime the callers live on.
//!
//! A request handler that is busy or cancelled never holds a connection, and a connection never waits for a handler.

use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};

use tokio::runtime::{Builder, Runtime};
use tokio::task::JoinHandle;

/// A handle of the store's own runtime.
#[derive(Debug, Clone)]
pub(crate) struct SqlRuntime(Arc<Owned>);

#[derive(Debug)]
struct Owned(Option<Runtime>);

impl SqlRuntime {
    /// Starts the threads.
    pub(crate) fn start() -> std::io::Result<Self> {
        const THREADS: usize = 2;
        let runtime =
            Builder::new_multi_thread().worker_threads(THREADS).thread_name("howdah-sql").enable_all().build()?;
        Ok(Self(Arc::new(Owned(Some(runtime)))))
    }

    /// Runs `work` on the store's threads and waits for it here; it ends where nobody waits any more.
    pub(crate) fn run<T: Send + 'static>(&self, work: impl Future<Output = T> + Send + 'static) -> Running<T> {
        Running(self.spawn(work))
    }

    /// Starts `work` on the store's threads.
    pub(crate) fn spawn<T: Send + 'static>(&self, work: impl Future<Output = T> + Send + 'static) -> JoinHandle<T> {
        self.0.0.as_ref().expect("the runtime is there until dropped").spawn(work)
    }
}

/// Work on the store's threads that somebody waits for. Gives `None` where it was stopped with them.
#[derive(Debug)]
pub(crate) struct Running<T>(JoinHandle<T>);

impl<T> Future for Running<T> {
    type Output = Option<T>;

    fn poll(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Self::Output> {
        Pin::new(&mut self.0).poll(context).map(Result::ok)
    }
}

impl<T> Drop for Running<T> {
    fn drop(&mut self) {
        self.0.abort();
    }
}

impl Drop for Owned {
    fn drop(&mut self) {
        // The last handle may go inside of an async task, where waiting for threads is forbidden.
        if let Some(runtime) = self.0.take() {
            runtime.shutdown_background();
        }
    }
}
