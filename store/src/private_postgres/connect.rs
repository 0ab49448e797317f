//! Howdah's own way into its Postgres: the address, waiting until connections are accepted, and making the role and
//! the database `howdah` where they lack.

use std::time::Duration;

use sqlx::postgres::{PgConnectOptions, PgConnection, PgSslMode};
use sqlx::{ConnectOptions as _, Connection as _, Row as _};
use tokio::time::Instant;

use super::PrivatePostgresError;
use super::directory::Directory;
use super::launch::Launcher;
use super::process::PidFile;
use super::settings::PORT;

/// How long a server may take to accept connections; recovery from a crash happens within it.
const READY_TIMEOUT: Duration = Duration::from_secs(60);
/// How long one connection may take.
const CONNECT_TIMEOUT: Duration = Duration::from_secs(10);
/// How often waiting is mentioned in the log.
const REPORT_INTERVAL: Duration = Duration::from_secs(5);
/// How often the server is looked at: at first, and after a while.
const FIRST_PAUSE: Duration = Duration::from_millis(2);
const LONGEST_PAUSE: Duration = Duration::from_millis(100);

/// The role that Howdah works under, and the database of the same name.
const HOWDAH: &str = "howdah";
/// The superuser and its database, used for nothing but making the former.
const SUPERUSER: &str = "postgres";

/// The address of the server in `home`, good for as long as the directory's handle is open.
pub(super) fn options(home: &Directory) -> PgConnectOptions {
    options_for(home, HOWDAH)
}

fn options_for(home: &Directory, role: &str) -> PgConnectOptions {
    // All that PG* variables could say is said here, but for PGOPTIONS, which is anyone's to set.
    let options = PgConnectOptions::new_without_pgpass().host("localhost").port(PORT).socket(home.own_path());
    options.username(role).database(role).password("").ssl_mode(PgSslMode::Disable).disable_statement_logging()
}

/// Waits until the server `pid` accepts connections by the role howdah, which is made first where it lacks: at once
/// on a `new` data directory, otherwise when the server says so.
pub(super) async fn until_ready(launcher: &Launcher, pid: u32, new: bool) -> Result<(), PrivatePostgresError> {
    let begun = Instant::now();
    let mut report = begun + REPORT_INTERVAL;
    let mut pause = FIRST_PAUSE;
    let ready = PidFile { pid, ready: true };
    loop {
        // Asking the pid file first spares the log a refusal for each look.
        let accepts = PidFile::read(&launcher.home).ok().flatten().as_ref() == Some(&ready);
        if accepts && enter(&launcher.home, new).await? {
            return Ok(());
        }
        if begun.elapsed() > READY_TIMEOUT {
            let seconds = READY_TIMEOUT.as_secs();
            let log_file = launcher.log_file();
            return Err(PrivatePostgresError::NotReady { seconds, log_file, log: launcher.log_tail() });
        }
        if Instant::now() > report {
            report += REPORT_INTERVAL;
            let log = launcher.log_tail();
            let newest = log.lines().last().unwrap_or_default();
            tracing::info!(seconds = begun.elapsed().as_secs(), newest, "Postgres does not accept connections yet");
        }
        tokio::time::sleep(pause).await;
        pause = (pause * 5 / 4).min(LONGEST_PAUSE);
    }
}

/// Connects once as howdah, after making the role and the database where needed. False when the server is not up to
/// it yet.
async fn enter(home: &Directory, new: bool) -> Result<bool, PrivatePostgresError> {
    if !new {
        match connect_and_leave(home).await {
            Ok(()) => return Ok(true),
            Err(error) if is_transient(&error) => return Ok(false),
            Err(error) if is_lack(&error) => {}
            Err(source) => return Err(PrivatePostgresError::Connect { source }),
        }
    }
    match provision(home).await {
        Ok(()) => {}
        Err(error) if is_transient(&error) => return Ok(false),
        Err(source) => return Err(PrivatePostgresError::Provision { source }),
    }
    match connect_and_leave(home).await {
        Ok(()) => Ok(true),
        Err(error) if is_transient(&error) => Ok(false),
        Err(source) => Err(PrivatePostgresError::Connect { source }),
    }
}

async fn connect_and_leave(home: &Directory) -> Result<(), sqlx::Error> {
    connect(home, HOWDAH).await?.close().await
}

async fn connect(home: &Directory, role: &str) -> Result<PgConnection, sqlx::Error> {
    let options = options_for(home, role);
    match tokio::time::timeout(CONNECT_TIMEOUT, PgConnection::connect_with(&options)).await {
        Ok(outcome) => outcome,
        Err(elapsed) => Err(sqlx::Error::Io(elapsed.into())),
    }
}

/// Whether the server is only not up to it yet: no answer, or one of `cannot_connect_now`, `admin_shutdown`,
/// `crash_shutdown`, `too_many_connections`.
fn is_transient(error: &sqlx::Error) -> bool {
    match code(error).as_deref() {
        Some(code) => matches!(code, "57P03" | "57P01" | "57P02" | "53300"),
        None => matches!(error, sqlx::Error::Io(_)),
    }
}

/// Whether the role or the database may lack: `invalid_authorization_specification`, `invalid_password`,
/// `invalid_catalog_name`.
fn is_lack(error: &sqlx::Error) -> bool {
    matches!(code(error).as_deref(), Some("28000" | "28P01" | "3D000"))
}

fn code(error: &sqlx::Error) -> Option<String> {
    Some(error.as_database_error()?.code()?.into_owned())
}

/// Makes the role and the database as far as they lack.
async fn provision(home: &Directory) -> Result<(), sqlx::Error> {
    const LOOK: &str = "SELECT (SELECT rolcanlogin FROM pg_roles WHERE rolname = 'howdah'),
                               EXISTS (SELECT FROM pg_database WHERE datname = 'howdah')";
    let mut connection = connect(home, SUPERUSER).await?;
    let row = sqlx::query(LOOK).fetch_one(&mut connection).await?;
    let (login, database): (Option<bool>, bool) = (row.try_get(0)?, row.try_get(1)?);
    match login {
        None => sqlx::raw_sql("CREATE ROLE howdah LOGIN").execute(&mut connection).await.map(drop)?,
        Some(false) => sqlx::raw_sql("ALTER ROLE howdah LOGIN").execute(&mut connection).await.map(drop)?,
        Some(true) => {}
    }
    if !database {
        sqlx::raw_sql("CREATE DATABASE howdah OWNER howdah").execute(&mut connection).await?;
    }
    tracing::info!("made the role and the database howdah");
    connection.close().await
}
