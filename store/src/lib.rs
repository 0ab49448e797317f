//! Howdah's store: Postgres as a revisioned, watchable key-value history, and the only SQL in the house.
//!
//! - Writing: [`Store::write`] and [`Store::transact`] compare what a caller saw with what stands and apply all or
//!   nothing. Waiting writes are committed in groups, each group one statement under the one row that holds the
//!   revision (`batcher`, `migrations/0001_store.sql`).
//! - Reading: [`Store::get`], [`Store::list`] (newest or at an exact revision, in pages), [`Store::history`],
//!   [`Store::revision`] (`read`).
//! - Watching: [`Store::watch`] gives every change behind a revision, once, in order (`feed`).
//! - Forgetting: `compaction`. The embedded default's own server: [`PrivatePostgres`].
//!
//! Invariants. Revisions are dense and in commit order; a jump is a recorded skip. A watcher never goes backwards,
//! never misses, never sees twice. An acknowledged write is never lost. An unknown outcome is resolved before the
//! caller is answered, or answered as unknown at the deadline.
//!
//! Deliberately absent: knowledge of kinds (payloads are opaque JSON with a place for the resourceVersion), caches of
//! objects (the server's watch hub has them), and any leader among the servers: the row lock orders them.

mod backoff;
mod batcher;
mod compaction;
mod database;
mod error;
mod feed;
mod metrics;
mod migration;
mod object;
mod options;
mod pool;
mod private_postgres;
mod read;
mod revision;
mod row;
mod sql_runtime;
mod store;
mod write;

pub use database::Database;
pub use error::{DatabaseError, OpenError, ReadError, WatchError, WriteError};
pub use feed::Watch;
pub use object::{BatchId, Change, MAX_PAYLOAD_BYTES, Object, Payload, PayloadError, WatchEvent};
pub use options::{Retention, StoreOptions};
pub use private_postgres::{PrivatePostgres, PrivatePostgresError, PrivatePostgresOptions, StartOutcome};
pub use read::{At, List, Page, Past};
pub use revision::Revision;
pub use store::Store;
pub use write::{Deadline, Operation, Write};
