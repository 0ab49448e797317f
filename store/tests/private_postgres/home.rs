//! What the tests stand on: a data directory of their own, ways to look into it, bounded waits.

use std::fs::{self, File};
use std::os::fd::AsRawFd as _;
use std::os::unix::fs::{MetadataExt as _, PermissionsExt as _};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use howdah_store::{PrivatePostgres, PrivatePostgresError, PrivatePostgresOptions};
use rustix::event::{PollFd, PollFlags, Timespec};
use rustix::process::{Pid, PidfdFlags, Signal};
use sqlx::postgres::{PgConnectOptions, PgConnection, PgSslMode};
use sqlx::{AssertSqlSafe, Connection as _};
use tempfile::TempDir;

/// What `another_process` is to do, and in which data directory.
pub(crate) const ROLE: &str = "HOWDAH_TEST_ROLE";
pub(crate) const DATA_DIR: &str = "HOWDAH_TEST_DATA_DIR";
/// The longest any test may take.
pub(crate) const LIMIT: Duration = Duration::from_secs(120);
/// The uid and gid that stand for "not root".
pub(crate) const NOBODY: u32 = 65534;

/// A data directory of one test's own. What still runs there is ended with it.
pub(crate) struct Home {
    _root: TempDir,
    pub(crate) data_dir: PathBuf,
}

impl Home {
    pub(crate) fn new() -> Self {
        let root = tempfile::Builder::new().permissions(fs::Permissions::from_mode(0o700)).tempdir().unwrap();
        let data_dir = root.path().canonicalize().unwrap().join("d".repeat(100)).join("e".repeat(100)).join("data");
        assert!(data_dir.as_os_str().len() >= 200);
        fs::create_dir_all(data_dir.parent().unwrap()).unwrap();
        Self { _root: root, data_dir }
    }

    pub(crate) fn options(&self) -> PrivatePostgresOptions {
        PrivatePostgresOptions::new(&self.data_dir)
    }

    pub(crate) async fn start(&self) -> Result<PrivatePostgres, PrivatePostgresError> {
        bounded(PrivatePostgres::start(self.options())).await
    }

    pub(crate) async fn refusal(&self) -> PrivatePostgresError {
        self.start().await.expect_err("the start should have failed")
    }

    pub(crate) fn postgres(&self) -> PathBuf {
        self.data_dir.join("postgres")
    }

    /// Writes a file into Postgres' directory that Postgres may read.
    pub(crate) fn write(&self, name: &str, content: &str) {
        let path = self.postgres().join(name);
        fs::write(&path, content).unwrap();
        fs::set_permissions(&path, fs::Permissions::from_mode(0o644)).unwrap();
    }

    pub(crate) async fn connect(&self, role: &str) -> Result<PgConnection, sqlx::Error> {
        let directory = File::open(self.postgres()).unwrap();
        let options = PgConnectOptions::new_without_pgpass()
            .socket(format!("/proc/self/fd/{}", directory.as_raw_fd()))
            .port(5432)
            .username(role)
            .database(role)
            .ssl_mode(PgSslMode::Disable);
        bounded(PgConnection::connect_with(&options)).await
    }

    pub(crate) async fn execute(&self, role: &str, sql: &str) {
        let mut connection = self.connect(role).await.unwrap();
        bounded(sqlx::raw_sql(AssertSqlSafe(sql)).execute(&mut connection)).await.unwrap();
        connection.close().await.unwrap();
    }

    /// The one text that `sql` gives.
    pub(crate) async fn ask(&self, sql: &str) -> String {
        let mut connection = self.connect("howdah").await.unwrap();
        bounded(sqlx::query_scalar(AssertSqlSafe(sql)).fetch_one(&mut connection)).await.unwrap()
    }

    pub(crate) async fn put_data(&self) {
        self.execute("howdah", "CREATE TABLE kept (what text); INSERT INTO kept VALUES ('treasure')").await;
    }

    pub(crate) async fn assert_data(&self) {
        assert_eq!(self.ask("SELECT what FROM kept").await, "treasure");
    }

    /// The processes of Postgres on this directory.
    pub(crate) fn processes(&self) -> Vec<u32> {
        let Ok(wanted) = self.postgres().metadata() else { return Vec::new() };
        let entries = fs::read_dir("/proc").unwrap().flatten();
        let pids = entries.filter_map(|entry| entry.file_name().to_str()?.parse().ok());
        pids.filter(|pid| {
            let name = fs::read_to_string(format!("/proc/{pid}/comm")).unwrap_or_default();
            let directory = fs::metadata(format!("/proc/{pid}/cwd"));
            let same = |found: fs::Metadata| (found.dev(), found.ino()) == (wanted.dev(), wanted.ino());
            name.trim_end() == "postgres" && directory.is_ok_and(same)
        })
        .collect()
    }

    /// Runs this program again to do `role` on this directory.
    pub(crate) fn another_process(&self, role: &str) -> Command {
        let mut command = Command::new("/proc/self/exe");
        command.args(["--exact", "another_process", "--ignored", "--nocapture", "--test-threads=1"]);
        command.env(ROLE, role).env(DATA_DIR, &self.data_dir).stdin(Stdio::null());
        command
    }
}

impl Drop for Home {
    fn drop(&mut self) {
        // The server first, so that it starts no more of them.
        for _ in 0..100 {
            let Some(&first) = self.processes().first() else { return };
            end(first);
        }
    }
}

/// Kills the process `pid` and waits for its end.
fn end(pid: u32) {
    let pid = Pid::from_raw(pid.try_into().unwrap()).unwrap();
    if let Ok(handle) = rustix::process::pidfd_open(pid, PidfdFlags::empty()) {
        let _ = rustix::process::pidfd_send_signal(&handle, Signal::KILL);
        let limit = Timespec { tv_sec: 10, tv_nsec: 0 };
        let _ = rustix::event::poll(&mut [PollFd::new(&handle, PollFlags::IN)], Some(&limit));
    }
}

/// A process that ends with the test.
pub(crate) struct Ending(pub(crate) Child);

impl Drop for Ending {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

pub(crate) async fn bounded<T>(work: impl Future<Output = T>) -> T {
    tokio::time::timeout(LIMIT, work).await.expect("it takes too long")
}

/// Waits until `condition` holds.
pub(crate) async fn until(what: &str, mut condition: impl FnMut() -> bool) {
    let deadline = Instant::now() + Duration::from_secs(30);
    while !condition() {
        assert!(Instant::now() < deadline, "{what}: not within 30 s");
        tokio::time::sleep(Duration::from_millis(2)).await;
    }
}

/// Waits until the server is another one than `before` and answers.
pub(crate) async fn until_back(home: &Home, postgres: &PrivatePostgres, before: u32) -> u32 {
    until("a new server", || postgres.pid().is_some_and(|pid| pid != before)).await;
    let deadline = Instant::now() + Duration::from_secs(30);
    while let Err(error) = home.connect("howdah").await {
        assert!(Instant::now() < deadline, "no connection within 30 s: {error}");
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
    postgres.pid().unwrap()
}

pub(crate) fn kill(pid: u32, signal: Signal) {
    let pid = Pid::from_raw(pid.try_into().unwrap()).unwrap();
    let _ = rustix::process::kill_process(pid, signal);
}

pub(crate) fn is_root() -> bool {
    rustix::process::geteuid().is_root()
}

/// Everything in a directory: names, contents, times of change.
pub(crate) fn listing(directory: &Path) -> Vec<(PathBuf, Vec<u8>, i64)> {
    let mut found: Vec<_> = fs::read_dir(directory)
        .unwrap()
        .map(|entry| {
            let path = entry.unwrap().path();
            let changed = path.metadata().unwrap().mtime_nsec();
            (path.clone(), fs::read(path).unwrap_or_default(), changed)
        })
        .collect();
    found.sort();
    found
}

/// The uid and gid of the user `postgres`.
pub(crate) fn postgres_user() -> (u32, u32) {
    let passwd = fs::read_to_string("/etc/passwd").unwrap();
    let fields: Vec<&str> = passwd.lines().find(|line| line.starts_with("postgres:")).unwrap().split(':').collect();
    (fields[2].parse().unwrap(), fields[3].parse().unwrap())
}
