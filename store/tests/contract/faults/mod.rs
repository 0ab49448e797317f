//! What the store keeps of its promises while things break: Postgres, replicas, connections, announcements, the disk,
//! and the history itself.

mod connection;
mod disk;
mod history;
mod kill;
mod notification;
mod pause;

use std::sync::Arc;
use std::time::Duration;

use howdah_store::StoreOptions;

use crate::client::Client;
use crate::cluster::Place;
use crate::run::Run;
use crate::trial::{Suite, Trials};
use crate::watcher::Manner;

/// After how long without an answer a connection is given up.
const REPLY_TIMEOUT: Duration = Duration::from_secs(1);

/// How often the feed looks for what nobody announced.
const POLL_INTERVAL: Duration = Duration::from_millis(500);

/// How long it may take until writes are acknowledged again.
const RECOVERY: Duration = Duration::from_secs(30);

/// Adds the trials.
pub(crate) fn add(trials: &mut Trials) {
    kill::add(trials);
    connection::add(trials);
    notification::add(trials);
    pause::add(trials);
    disk::add(trials);
    history::add(trials);
}

/// A run with faults on `place`, and one replica, with load and watchers, for each of `urls`.
async fn begin(
    suite: &Arc<Suite>,
    place: Place,
    urls: &[String],
    timeout: Duration,
) -> anyhow::Result<(Run, Vec<Client>)> {
    const KEYS: usize = 120;
    let mut run = Run::new(suite.seed, place, KEYS)?;
    run.calm = false;
    run.timeout = timeout;
    let mut clients = Vec::new();
    for url in urls {
        let client = run.open(options(url)?).await?;
        run.watch(&client, Manner::Prompt, 0);
        run.watch(&client, Manner::Slow, 0);
        run.load(&client, 8, 2);
        clients.push(client);
    }
    run.progress(50, RECOVERY).await?;
    Ok((run, clients))
}

/// Options for a store that notices faults soon.
fn options(url: &str) -> anyhow::Result<StoreOptions> {
    let mut options = Run::options(url)?;
    options.reply_timeout = REPLY_TIMEOUT;
    options.poll_interval = POLL_INTERVAL;
    options.ring_bytes = 256 << 10;
    Ok(options)
}
