//! What Postgres is told: postgresql.conf, pg_hba.conf and pg_ident.conf, all written by Howdah and by nobody else,
//! and a stamp over everything that a running server would have to be restarted for.
//!
//! Users have two places of their own, which Howdah never writes: custom.conf, and ALTER SYSTEM.

use super::PrivatePostgresError;
use super::account::Account;
use super::directory::Directory;

/// The port, which on a socket is only part of its file's name.
pub(super) const PORT: u16 = 5432;
/// The user's own settings, beside ours.
const CUSTOM: &str = "custom.conf";
const CUSTOM_TEMPLATE: &str = "\
# Settings of your own, read after Howdah's. Howdah made this file, but never changes it; it applies what is written
# here when it next starts. Leave port and unix_socket_directories as they are.
";
const CONF: &str = "postgresql.conf";
const FOR: &str = "# For the server ";

/// The content of the three files, and their stamp.
#[derive(Debug)]
pub(super) struct Settings {
    conf: String,
    hba: &'static str,
    ident: String,
    stamp: String,
}

/// What of the server the settings depend on.
#[derive(Debug, Clone)]
pub(super) struct Server {
    /// What changes whenever another server binary is installed.
    pub(super) identity: String,
    /// The value for `wal_compression`.
    pub(super) wal_compression: WalCompression,
    /// Whether the kernel's `syncfs` can be relied upon.
    pub(super) syncfs: bool,
}

/// How full page images are compressed: by lz4 where the server can (from 15 on, where built with it).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum WalCompression {
    Lz4,
    Pglz,
}

impl WalCompression {
    const fn value(self) -> &'static str {
        match self {
            Self::Lz4 => "lz4",
            Self::Pglz => "on",
        }
    }
}

const HBA: &str = "\
# Written by Howdah at each start; changes made here are lost.
# Only the local socket, only the users that pg_ident.conf maps.
local all all peer map=howdah
local replication all peer map=howdah
";

const HEAD: &str = "\
# Written by Howdah at each start; changes made here are lost.
# Your own settings belong into custom.conf beside this file, which is read last and so wins, or into ALTER SYSTEM.
";

const BODY: &str = "
# Nothing listens on TCP; the socket lies in this directory, which is closed to others.
listen_addresses = ''
port = 5432
unix_socket_directories = '.'
unix_socket_permissions = 0700
cluster_name = 'howdah'

# Sized for one Howdah. WAL is bounded so that recovery after a crash takes about a second.
max_connections = 40
shared_buffers = 64MB
jit = off
max_wal_size = 512MB
min_wal_size = 64MB
wal_level = minimal
max_wal_senders = 0

# An acknowledged write is on disk: these three are what that rests on.
fsync = on
full_page_writes = on
synchronous_commit = on

# An idle Postgres sleeps. None of these delays a commit, for the committing process itself writes and flushes its WAL.
# The background writer would wake five times a second while anything is read; page writes are left to the
# checkpointer and, when all 64 MB are dirty, to whoever needs a page (a copy into the page cache, not a disk write).
bgwriter_lru_maxpages = 0
bgwriter_delay = 10s
# The WAL writer serves asynchronous commits, of which there are none.
wal_writer_delay = 10s
# Fewer checkpoints, so fewer full page images of the few pages that a quiet cluster keeps writing; under load
# max_wal_size triggers them sooner.
checkpoint_timeout = 15min
checkpoint_completion_target = 0.9
# No subscriptions, so no process that waits for them.
max_logical_replication_workers = 0
# One look a minute costs a few milliseconds, and keeps the tables small under load.
autovacuum = on
autovacuum_naptime = 1min

# The log is postgres.log beside this directory; Howdah turns it over at a start.
log_destination = 'stderr'
logging_collector = off
log_line_prefix = '%m [%p] '
log_checkpoints = off
log_timezone = 'UTC'
timezone = 'UTC'
datestyle = 'iso, ymd'
lc_messages = 'C'

include_if_exists = 'custom.conf'
";

impl Settings {
    /// The settings for `server`, run by `account` in `directory`, whose custom.conf goes into the stamp; where there
    /// is none yet, one without settings is made.
    pub(super) fn new(server: &Server, account: &Account, directory: &Directory) -> Result<Self, PrivatePostgresError> {
        let custom = match directory.read(CUSTOM) {
            Ok(Some(custom)) => custom,
            Ok(None) => {
                directory.write(CUSTOM, CUSTOM_TEMPLATE.as_bytes(), account)?;
                CUSTOM_TEMPLATE.as_bytes().to_vec()
            }
            // A link, for instance. Postgres reads it all the same; only its changes go unnoticed.
            Err(_) => Vec::new(),
        };
        Ok(Self::compose(server, account, &custom))
    }

    fn compose(server: &Server, account: &Account, custom: &[u8]) -> Self {
        let compression = server.wal_compression.value();
        let recovery_sync = if server.syncfs { "syncfs" } else { "fsync" };
        let conf = format!(
            "{HEAD}{FOR}{}\nwal_compression = {compression}\n\n\
             # What a crash left unwritten is synced before recovery: as a whole where the kernel reports errors then.\n\
             recovery_init_sync_method = {recovery_sync}\n{BODY}",
            server.identity
        );
        let mut ident = String::from("# Written by Howdah at each start; changes made here are lost.\n");
        let mut users = vec![account.howdah.replace('"', "\"\""), account.name.replace('"', "\"\"")];
        users.dedup();
        for user in users {
            for role in ["postgres", "howdah"] {
                ident.push_str(&format!("howdah \"{user}\" {role}\n"));
            }
        }
        let stamp = fnv1a([conf.as_bytes(), HBA.as_bytes(), ident.as_bytes(), custom]);
        Self { conf, hba: HBA, ident, stamp: format!("{stamp:016x}") }
    }

    /// What a server that runs with these settings carries on its command line.
    pub(super) fn stamp(&self) -> &str {
        &self.stamp
    }

    /// Writes the files that differ.
    pub(super) fn write(&self, directory: &Directory, account: &Account) -> Result<(), PrivatePostgresError> {
        directory.write(CONF, self.conf.as_bytes(), account)?;
        directory.write("pg_hba.conf", self.hba.as_bytes(), account)?;
        directory.write("pg_ident.conf", self.ident.as_bytes(), account)
    }
}

/// What the settings written last for this very server say about compression, so that the server is not asked again.
pub(super) fn known_wal_compression(directory: &Directory, identity: &str) -> Option<WalCompression> {
    let conf = String::from_utf8(directory.read(CONF).ok()??).ok()?;
    remembered(&conf, identity)
}

fn remembered(conf: &str, identity: &str) -> Option<WalCompression> {
    let mut lines = conf.lines().skip_while(|line| line.strip_prefix(FOR) != Some(identity)).skip(1);
    let value = lines.next()?.strip_prefix("wal_compression = ")?;
    [WalCompression::Lz4, WalCompression::Pglz].into_iter().find(|compression| compression.value() == value)
}

/// A hash that stays the same from one Howdah to the next (FNV-1a, 64 bits); the parts are told apart.
fn fnv1a<'a>(parts: impl IntoIterator<Item = &'a [u8]>) -> u64 {
    let step = |hash: u64, byte: u8| (hash ^ u64::from(byte)).wrapping_mul(0x0100_0000_01b3);
    parts.into_iter().fold(0xcbf2_9ce4_8422_2325, |hash, part| {
        let hash = part.iter().fold(hash, |hash, &byte| step(hash, byte));
        part.len().to_le_bytes().into_iter().fold(hash, step)
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn account(howdah: &str, name: &str) -> Account {
        Account { name: name.to_owned(), uid: 1, gid: 1, switch: false, howdah: howdah.to_owned() }
    }

    fn server() -> Server {
        Server { identity: "/x/postgres 1 2.0".to_owned(), wal_compression: WalCompression::Lz4, syncfs: true }
    }

    #[test]
    fn the_stamp_follows_everything_that_needs_a_restart() {
        let stamp = |server: &Server, account: &Account, custom: &[u8]| {
            Settings::compose(server, account, custom).stamp().to_owned()
        };
        let base = stamp(&server(), &account("root", "postgres"), b"");
        assert_eq!(base, stamp(&server(), &account("root", "postgres"), b""));
        assert_ne!(base, stamp(&server(), &account("root", "postgres"), b"work_mem = 8MB"));
        assert_ne!(base, stamp(&server(), &account("root", "somebody"), b""));
        let other = Server { identity: "/x/postgres 1 3.0".to_owned(), ..server() };
        assert_ne!(base, stamp(&other, &account("root", "postgres"), b""));
    }

    #[test]
    fn each_operating_system_user_is_mapped_once_to_each_role() {
        let lines = |settings: &Settings| settings.ident.lines().filter(|line| !line.starts_with('#')).count();
        assert_eq!(lines(&Settings::compose(&server(), &account("root", "postgres"), b"")), 4);
        let own = Settings::compose(&server(), &account("me", "me"), b"");
        assert_eq!(lines(&own), 2);
        assert!(own.ident.contains("howdah \"me\" howdah\n"), "{}", own.ident);
    }

    #[test]
    fn compression_is_remembered_for_the_same_server_only() {
        for compression in [WalCompression::Lz4, WalCompression::Pglz] {
            let server = Server { wal_compression: compression, ..server() };
            let conf = Settings::compose(&server, &account("me", "me"), b"").conf;
            assert_eq!(remembered(&conf, &server.identity), Some(compression));
            assert_eq!(remembered(&conf, "/x/postgres 1 3.0"), None);
        }
        assert_eq!(remembered("", "/x"), None);
    }

    #[test]
    fn the_port_is_the_one_the_client_uses() {
        assert!(BODY.contains(&format!("\nport = {PORT}\n")));
    }
}
