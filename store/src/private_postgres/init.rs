//! Makes Postgres' data directory where there is none: initdb fills `postgres.new`, which then becomes `postgres` by
//! one rename. Whatever an interrupted try left behind is ended and removed first, so that each step can be repeated.
//! Data that exist are never touched here.

use std::fs::File;
use std::io;
use std::os::fd::AsFd as _;
use std::os::unix::fs::DirBuilderExt as _;
use std::path::Path;
use std::process::Stdio;
use std::sync::Arc;
use std::time::Duration;

use rustix::process::Signal;
use tokio::time::Instant;

use super::PrivatePostgresError;
use super::account::Account;
use super::binaries::Binaries;
use super::directory::{Directory, give};
use super::{log, process, program, sync};

/// How long initdb may take; a second is usual.
const INITDB_TIMEOUT: Duration = Duration::from_secs(180);
/// How long killed processes may take to be gone.
const END_TIMEOUT: Duration = Duration::from_secs(10);

/// Whether `home` lacks data and may be filled: it is absent or empty. Something else's content is refused.
pub(super) fn is_needed(home: &Path) -> Result<bool, PrivatePostgresError> {
    let failed = PrivatePostgresError::file("read the directory", home);
    let mut entries = match std::fs::read_dir(home) {
        Ok(entries) => entries,
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(true),
        Err(error) => return Err(failed(error)),
    };
    if entries.next().is_none() {
        return Ok(true);
    }
    match home.join("PG_VERSION").symlink_metadata() {
        Ok(_) => Ok(false),
        Err(_) => Err(PrivatePostgresError::NotData { directory: home.to_owned() }),
    }
}

/// Makes the data directory `home` in `data_dir` with `binaries`, owned by `account`.
pub(super) async fn initialise(
    data_dir: &Path,
    home: &Path,
    binaries: &Binaries,
    account: &Account,
) -> Result<(), PrivatePostgresError> {
    let draft = data_dir.join("postgres.new");
    clear(&draft).await?;
    std::fs::DirBuilder::new().mode(0o700).create(&draft).map_err(PrivatePostgresError::file("create", &draft))?;
    let directory = Directory::open(&draft)?;
    give(directory.handle().as_fd(), account).map_err(PrivatePostgresError::file("change the owner of", &draft))?;
    run_initdb(&directory, binaries, account).await?;
    std::fs::rename(&draft, home).map_err(PrivatePostgresError::file("rename to its place", &draft))?;
    let synced = File::open(data_dir).and_then(|parent| parent.sync_all());
    synced.map_err(PrivatePostgresError::file("sync", data_dir))
}

/// Runs initdb. What it writes is synced when this returns.
async fn run_initdb(directory: &Directory, binaries: &Binaries, account: &Account) -> Result<(), PrivatePostgresError> {
    let program = binaries.program("initdb");
    let failed = |source| PrivatePostgresError::Run { program: program.clone(), source };
    let mut command = program::command(&program, account, directory).map_err(failed)?;
    command.args(["--username=postgres", "--auth-local=peer", "--auth-host=reject"]);
    command.args(["--encoding=UTF8", "--locale=C", "--no-instructions"]);
    let all_at_once = sync::is_reliable();
    if all_at_once {
        command.arg("--no-sync");
    }
    command.stdout(Stdio::piped()).stderr(Stdio::piped()).kill_on_drop(true);
    let (exit, said) = match tokio::time::timeout(INITDB_TIMEOUT, command.output()).await {
        Ok(output) => {
            let output = output.map_err(failed)?;
            if output.status.success() {
                if all_at_once {
                    let synced = sync::sync(Arc::clone(directory.handle())).await;
                    synced.map_err(PrivatePostgresError::file("sync", directory.path()))?;
                }
                return Ok(());
            }
            (output.status.to_string(), [output.stdout, output.stderr].concat())
        }
        Err(_) => (format!("not done within {} s", INITDB_TIMEOUT.as_secs()), Vec::new()),
    };
    let output = log::last_lines(&String::from_utf8_lossy(&said));
    Err(PrivatePostgresError::Initdb { directory: directory.path().to_owned(), exit, output })
}

/// Removes what an interrupted try left at `draft`, after ending an initdb that may still be at it.
async fn clear(draft: &Path) -> Result<(), PrivatePostgresError> {
    let failed = || PrivatePostgresError::file("remove", draft);
    match draft.symlink_metadata() {
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(()),
        Err(error) => return Err(failed()(error)),
        Ok(metadata) if !metadata.is_dir() => return std::fs::remove_file(draft).map_err(failed()),
        Ok(_) => {}
    }
    tracing::info!(path = %draft.display(), "removing what an interrupted initdb left behind");
    let directory = Directory::open(draft)?;
    let deadline = Instant::now() + END_TIMEOUT;
    loop {
        let left = process::occupants(directory.identity()).map_err(failed())?;
        if left.is_empty() {
            break;
        }
        if Instant::now() > deadline {
            return Err(PrivatePostgresError::Leftover { directory: draft.to_owned(), pids: left });
        }
        process::signal_occupants(&left, directory.identity(), Signal::KILL).map_err(failed())?;
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
    tokio::fs::remove_dir_all(draft).await.map_err(failed())
}
