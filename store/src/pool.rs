//! Connections for reads: a bounded number, the one used last first.
//!
//! The driver's own pool asks a connection whether it still lives whenever it comes back: one more round trip for each
//! read, and where the network has gone silent, a place in the pool that is lost for ever. Here a connection comes back
//! only from whoever read its answer to the end, and is closed otherwise; and when one turns out to be dead, the idle
//! ones, which have most likely died with it, go too. The last one used is taken first, so that what the load does not
//! need grows old and is closed.

use std::sync::{Arc, Mutex};
use std::time::Duration;

use sqlx::postgres::PgConnection;
use tokio::sync::{OwnedSemaphorePermit, Semaphore};
use tokio::time::Instant;

use crate::database::within;
use crate::{Database, DatabaseError};

/// After how long an unused connection is closed.
const IDLE_FOR: Duration = Duration::from_secs(60);

/// A pool; clones share it.
#[derive(Debug, Clone)]
pub(crate) struct Pool(Arc<Shared>);

#[derive(Debug)]
struct Shared {
    database: Database,
    /// How long to wait for a place, and for a new connection.
    patience: Duration,
    places: Arc<Semaphore>,
    idle: Mutex<Vec<Idle>>,
}

/// A connection that nobody uses, the longest unused first.
#[derive(Debug)]
struct Idle {
    connection: PgConnection,
    since: Instant,
}

/// A connection in use. Unless it is given back it is closed: after an error, or when its reader was cancelled, nobody
/// shall inherit what is left on it.
#[derive(Debug)]
pub(crate) struct Lease {
    connection: PgConnection,
    pool: Pool,
    _place: OwnedSemaphorePermit,
}

impl Pool {
    /// A pool of at most `connections` to `database`. It connects when first used.
    pub(crate) fn new(database: Database, connections: usize, patience: Duration) -> Self {
        let (places, idle) = (Arc::new(Semaphore::new(connections)), Mutex::new(Vec::new()));
        Self(Arc::new(Shared { database, patience, places, idle }))
    }

    /// A connection, as soon as one is free.
    pub(crate) async fn lease(&self) -> Result<Lease, DatabaseError> {
        let shared = &self.0;
        let place = within(shared.patience, async {
            Arc::clone(&shared.places).acquire_owned().await.map_err(|_| sqlx::Error::PoolClosed.into())
        });
        let place = place.await?;
        let unused = self.with_idle(Vec::pop);
        let connection = match unused {
            Some(idle) => idle.connection,
            None => shared.database.connect("howdah-reader", shared.patience).await?,
        };
        Ok(Lease { connection, pool: self.clone(), _place: place })
    }

    /// Closes the idle connections: one of their kind has turned out to be dead.
    pub(crate) fn distrust(&self) {
        self.with_idle(Vec::clear);
    }

    /// Gives out nothing more and closes what is idle.
    pub(crate) fn close(&self) {
        self.0.places.close();
        self.with_idle(Vec::clear);
    }

    fn with_idle<T>(&self, work: impl FnOnce(&mut Vec<Idle>) -> T) -> T {
        work(&mut self.0.idle.lock().expect("no code panics while it holds the idle connections"))
    }
}

impl Lease {
    /// The connection.
    pub(crate) fn connection(&mut self) -> &mut PgConnection {
        &mut self.connection
    }

    /// Gives the connection back; its last answer has been read to the end.
    pub(crate) fn give_back(self) {
        let Self { connection, pool, _place } = self;
        if pool.0.places.is_closed() {
            return;
        }
        let since = Instant::now();
        pool.with_idle(|idle| {
            idle.retain(|unused| since - unused.since < IDLE_FOR);
            idle.push(Idle { connection, since });
        });
    }
}
