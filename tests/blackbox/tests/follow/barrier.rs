//! A way to a server that can be barred: what goes through breaks off, and nothing more gets through until it opens.

use std::net::{Ipv4Addr, SocketAddr};

use anyhow::Result;
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::watch;
use tokio::task::{JoinHandle, JoinSet};

/// The way; it ends with this value.
pub(crate) struct Barrier {
    port: u16,
    open: watch::Sender<bool>,
    task: JoinHandle<()>,
}

impl Barrier {
    /// An open way to `server`, from a port of its own.
    pub(crate) async fn before(server: SocketAddr) -> Result<Self> {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await?;
        let port = listener.local_addr()?.port();
        let (open, is_open) = watch::channel(true);
        let task = tokio::spawn(async move {
            // Ends with the task, and so do the connections in it.
            let mut connections = JoinSet::new();
            while let Ok((inner, _)) = listener.accept().await {
                let mut is_open = is_open.clone();
                connections.spawn(async move {
                    tokio::select! {
                        _ = is_open.wait_for(|open| !open) => {}
                        _ = join(inner, server) => {}
                    }
                });
                while connections.try_join_next().is_some() {}
            }
        });
        Ok(Self { port, open, task })
    }

    pub(crate) fn port(&self) -> u16 {
        self.port
    }

    pub(crate) fn set_open(&self, open: bool) {
        self.open.send_replace(open);
    }
}

impl Drop for Barrier {
    fn drop(&mut self) {
        self.task.abort();
    }
}

async fn join(mut inner: TcpStream, server: SocketAddr) -> std::io::Result<()> {
    let mut outer = TcpStream::connect(server).await?;
    tokio::io::copy_bidirectional(&mut inner, &mut outer).await.map(|_| ())
}
