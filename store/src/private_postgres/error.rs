//! Why the private Postgres could not be started or stopped. Each message says where to look and what to do;
//! causes are sources, so Display leaves them out.

use std::path::PathBuf;

/// Why the private Postgres could not be started or stopped.
#[derive(Debug, thiserror::Error)]
pub enum PrivatePostgresError {
    /// Another Howdah works on the data directory.
    #[error(
        "{} is in use by another Howdah{}; stop that one, or choose another data directory",
        directory.display(), holder.map(|pid| format!(" (process {pid})")).unwrap_or_default()
    )]
    Locked {
        /// Howdah's data directory.
        directory: PathBuf,
        /// The process that holds it, where it said so.
        holder: Option<u32>,
    },
    /// The operating system knows no such user.
    #[error("there is no user {user} on this system, under which Postgres is to run; create it, or name another")]
    UnknownUser {
        /// The name asked for.
        user: String,
    },
    /// Postgres refuses to run as root.
    #[error("Postgres refuses to run as root, and the user {user} is root; name an unprivileged user")]
    RootUser {
        /// The name asked for.
        user: String,
    },
    /// The uid that Howdah runs under has no name, and Postgres refuses such a uid.
    #[error("Howdah runs under uid {uid}, which has no entry in the user database, and Postgres refuses that; add one")]
    NamelessUser {
        /// The uid.
        uid: u32,
    },
    /// No usable Postgres is installed.
    #[error(
        "no PostgreSQL of version {oldest} or newer was found ({searched}); install one (on Debian: the package \
         postgresql), or set HOWDAH_POSTGRES_BIN to the directory that holds postgres and initdb"
    )]
    NotInstalled {
        /// The oldest major version that will do.
        oldest: u32,
        /// Where it was looked for, and what was there.
        searched: String,
    },
    /// The data belong to a major version that is not installed.
    #[error(
        "{} holds data of PostgreSQL {major}, which is not installed here (installed: {installed}); install \
         postgresql-{major}, or move the data to another version with pg_upgrade or pg_dump; nothing was changed",
        directory.display()
    )]
    MajorVersion {
        /// Postgres' data directory.
        directory: PathBuf,
        /// The major version that wrote it.
        major: String,
        /// What is installed.
        installed: String,
    },
    /// The data belong to a major version that is too old for Howdah.
    #[error(
        "{} holds data of PostgreSQL {major}, but Howdah needs {oldest} or newer; move the data to such a version with \
         pg_upgrade or pg_dump; nothing was changed",
        directory.display()
    )]
    OldData {
        /// Postgres' data directory.
        directory: PathBuf,
        /// The major version that wrote it.
        major: String,
        /// The oldest major version that will do.
        oldest: u32,
    },
    /// The program doesn't tell its version as Postgres does.
    #[error("{} does not say which PostgreSQL it is; it answered: {answer}", program.display())]
    StrangeVersion {
        /// The program that was asked.
        program: PathBuf,
        /// What it said.
        answer: String,
    },
    /// Something else lies where Postgres' data belong.
    #[error("{} is not empty and holds no Postgres data (no PG_VERSION); move it away", directory.display())]
    NotData {
        /// The directory.
        directory: PathBuf,
    },
    /// The data belong to another user.
    #[error(
        "{} belongs to uid {owner}, but Postgres is to run as {user} (uid {uid}); name the user it belongs to, or chown -R it",
        directory.display()
    )]
    Owner {
        /// Postgres' data directory.
        directory: PathBuf,
        /// Whose it is.
        owner: u32,
        /// The user who is to run Postgres.
        user: String,
        /// That user's uid.
        uid: u32,
    },
    /// A Postgres that Howdah did not start works on the data.
    #[error("{} is in use by a Postgres that Howdah did not start (process {pid}); stop it first", directory.display())]
    ForeignServer {
        /// Postgres' data directory.
        directory: PathBuf,
        /// The process.
        pid: u32,
    },
    /// Processes of an earlier Postgres won't end.
    #[error("processes of an earlier Postgres still use {} and can't be ended: {pids:?}", directory.display())]
    Leftover {
        /// Postgres' data directory.
        directory: PathBuf,
        /// The processes.
        pids: Vec<u32>,
    },
    /// `initdb` failed.
    #[error("initdb failed in {} ({exit}):\n{output}", directory.display())]
    Initdb {
        /// The directory that it was to fill.
        directory: PathBuf,
        /// How it ended.
        exit: String,
        /// The last lines it said.
        output: String,
    },
    /// Postgres ended again and again before it accepted connections.
    #[error("Postgres does not stay up ({exit}); the last lines of {}:\n{log}", log_file.display())]
    Exited {
        /// How it ended the last time.
        exit: String,
        /// Its log.
        log_file: PathBuf,
        /// What it logged last.
        log: String,
    },
    /// Postgres runs but did not accept connections in time. It is left running, for it may be recovering from a crash.
    #[error(
        "Postgres did not accept connections within {seconds} s; it goes on, and the next start will find it; \
         the last lines of {}:\n{log}",
        log_file.display()
    )]
    NotReady {
        /// How long it was waited for.
        seconds: u64,
        /// Its log.
        log_file: PathBuf,
        /// What it logged last.
        log: String,
    },
    /// Postgres refuses Howdah's own connection.
    #[error("the private Postgres refuses Howdah's connection")]
    Connect {
        /// Its words.
        #[source]
        source: sqlx::Error,
    },
    /// The role or the database could not be made.
    #[error("the role and the database howdah could not be made")]
    Provision {
        /// Postgres' words.
        #[source]
        source: sqlx::Error,
    },
    /// Postgres did not end when told to.
    #[error("Postgres (process {pid}) does not end; it was sent SIGINT and SIGQUIT")]
    StillRunning {
        /// The postmaster.
        pid: u32,
    },
    /// The supervising task is gone: the runtime that it ran on was shut down.
    #[error("the task that supervises Postgres is gone; Postgres may still run")]
    SupervisorGone,
    /// A program could not be run.
    #[error("{} could not be run", program.display())]
    Run {
        /// The program.
        program: PathBuf,
        /// What the system said.
        #[source]
        source: std::io::Error,
    },
    /// A file, directory or process could not be handled.
    #[error("can't {action} {}", path.display())]
    File {
        /// What was attempted.
        action: &'static str,
        /// On what.
        path: PathBuf,
        /// What the system said.
        #[source]
        source: std::io::Error,
    },
}

impl PrivatePostgresError {
    /// Turns an IO error into [`PrivatePostgresError::File`], for `map_err`.
    pub(super) fn file<E: Into<std::io::Error>>(
        action: &'static str,
        path: impl Into<PathBuf>,
    ) -> impl FnOnce(E) -> Self {
        let path = path.into();
        move |source| Self::File { action, path, source: source.into() }
    }
}
