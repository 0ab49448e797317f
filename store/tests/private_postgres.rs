//! The private Postgres, against the installed one: life, death and resurrection, each in a directory of its own
//! that lies below a folder only this user can enter and has a path longer than a socket address can be.
//!
//! Some tests need a second process (a Howdah to be killed, a user who is not root): they run this program again, with
//! the ignored test `another_process`, which does what [`ROLE`] says.

use std::fs::{self, File};
use std::io::{BufRead as _, BufReader, Write as _};
use std::os::fd::AsRawFd as _;
use std::os::unix::fs::{MetadataExt as _, PermissionsExt as _};
use std::os::unix::process::CommandExt as _;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use howdah_store::{
    Deadline, PrivatePostgres, PrivatePostgresError, PrivatePostgresOptions, StartOutcome, Store, StoreOptions,
};
use rustix::process::{Pid, Signal};
use sqlx::postgres::{PgConnectOptions, PgConnection, PgSslMode};
use sqlx::{AssertSqlSafe, Connection as _};
use tempfile::TempDir;

/// What `another_process` is to do, and in which data directory.
const ROLE: &str = "HOWDAH_TEST_ROLE";
const DATA_DIR: &str = "HOWDAH_TEST_DATA_DIR";
/// The longest any test may take.
const LIMIT: Duration = Duration::from_secs(120);
/// The uid and gid that stand for "not root".
const NOBODY: u32 = 65534;

/// A data directory of one test's own. What still runs there is ended with it.
struct Home {
    _root: TempDir,
    data_dir: PathBuf,
}

impl Home {
    fn new() -> Self {
        let root = tempfile::tempdir().unwrap();
        assert_eq!(root.path().metadata().unwrap().permissions().mode() & 0o777, 0o700, "others may enter");
        let data_dir = root.path().canonicalize().unwrap().join("d".repeat(100)).join("e".repeat(100)).join("data");
        assert!(data_dir.as_os_str().len() >= 200);
        fs::create_dir_all(data_dir.parent().unwrap()).unwrap();
        Self { _root: root, data_dir }
    }

    fn options(&self) -> PrivatePostgresOptions {
        PrivatePostgresOptions::new(&self.data_dir)
    }

    async fn start(&self) -> Result<PrivatePostgres, PrivatePostgresError> {
        bounded(PrivatePostgres::start(self.options())).await
    }

    async fn refusal(&self) -> PrivatePostgresError {
        self.start().await.expect_err("the start should have failed")
    }

    fn postgres(&self) -> PathBuf {
        self.data_dir.join("postgres")
    }

    /// Writes a file into Postgres' directory that Postgres may read.
    fn write(&self, name: &str, content: &str) {
        let path = self.postgres().join(name);
        fs::write(&path, content).unwrap();
        fs::set_permissions(&path, PermissionsExt::from_mode(0o644)).unwrap();
    }

    async fn connect(&self, role: &str) -> Result<PgConnection, sqlx::Error> {
        let directory = File::open(self.postgres()).unwrap();
        let options = PgConnectOptions::new_without_pgpass()
            .socket(format!("/proc/self/fd/{}", directory.as_raw_fd()))
            .port(5432)
            .username(role)
            .database(role)
            .ssl_mode(PgSslMode::Disable);
        bounded(PgConnection::connect_with(&options)).await
    }

    async fn execute(&self, role: &str, sql: &str) {
        let mut connection = self.connect(role).await.unwrap();
        bounded(sqlx::raw_sql(AssertSqlSafe(sql)).execute(&mut connection)).await.unwrap();
        connection.close().await.unwrap();
    }

    /// The one text that `sql` gives.
    async fn ask(&self, sql: &str) -> String {
        let mut connection = self.connect("howdah").await.unwrap();
        bounded(sqlx::query_scalar(AssertSqlSafe(sql)).fetch_one(&mut connection)).await.unwrap()
    }

    async fn put_data(&self) {
        self.execute("howdah", "CREATE TABLE kept (what text); INSERT INTO kept VALUES ('treasure')").await;
    }

    async fn assert_data(&self) {
        assert_eq!(self.ask("SELECT what FROM kept").await, "treasure");
    }

    /// The processes of Postgres on this directory.
    fn processes(&self) -> Vec<u32> {
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
    fn another_process(&self, role: &str) -> Command {
        let mut command = Command::new("/proc/self/exe");
        command.args(["--exact", "another_process", "--ignored", "--nocapture", "--test-threads=1"]);
        command.env(ROLE, role).env(DATA_DIR, &self.data_dir).stdin(Stdio::null());
        command
    }
}

impl Drop for Home {
    fn drop(&mut self) {
        let deadline = Instant::now() + Duration::from_secs(10);
        loop {
            let left = self.processes();
            if left.is_empty() || Instant::now() > deadline {
                return;
            }
            left.iter().for_each(|&pid| kill(pid, Signal::KILL));
            std::thread::sleep(Duration::from_millis(5));
        }
    }
}

/// A process that ends with the test.
struct Ending(Child);

impl Drop for Ending {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

async fn bounded<T>(work: impl Future<Output = T>) -> T {
    tokio::time::timeout(LIMIT, work).await.expect("it takes too long")
}

/// Waits until `condition` holds.
async fn until(what: &str, mut condition: impl FnMut() -> bool) {
    let deadline = Instant::now() + Duration::from_secs(30);
    while !condition() {
        assert!(Instant::now() < deadline, "{what}: not within 30 s");
        tokio::time::sleep(Duration::from_millis(2)).await;
    }
}

/// Waits until the server is another one than `before` and answers.
async fn until_back(home: &Home, postgres: &PrivatePostgres, before: u32) -> u32 {
    until("a new server", || postgres.pid().is_some_and(|pid| pid != before)).await;
    let deadline = Instant::now() + Duration::from_secs(30);
    while let Err(error) = home.connect("howdah").await {
        assert!(Instant::now() < deadline, "no connection within 30 s: {error}");
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
    postgres.pid().unwrap()
}

fn kill(pid: u32, signal: Signal) {
    let pid = Pid::from_raw(pid.try_into().unwrap()).unwrap();
    let _ = rustix::process::kill_process(pid, signal);
}

fn is_root() -> bool {
    rustix::process::geteuid().is_root()
}

/// Everything in a directory: names, contents, times of change.
fn listing(directory: &Path) -> Vec<(PathBuf, Vec<u8>, i64)> {
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

#[tokio::test]
async fn data_outlive_a_stop_and_a_start() {
    let home = Home::new();
    let postgres = home.start().await.unwrap();
    assert_eq!(postgres.outcome(), StartOutcome::Initialised);
    home.put_data().await;
    bounded(postgres.stop()).await.unwrap();
    assert_eq!(home.processes(), [] as [u32; 0]);
    assert!(!home.postgres().join("postmaster.pid").exists());

    let postgres = home.start().await.unwrap();
    assert_eq!(postgres.outcome(), StartOutcome::Started);
    home.assert_data().await;
    bounded(postgres.stop()).await.unwrap();
}

#[tokio::test]
async fn it_runs_without_privileges_and_listens_nowhere_else() {
    let home = Home::new();
    let postgres = home.start().await.unwrap();
    assert_eq!(home.ask("SELECT rolsuper::text FROM pg_roles WHERE rolname = current_user").await, "false");
    assert_eq!(
        home.ask("SELECT concat_ws('/', current_user, current_database(), pg_get_userbyid(datdba)) FROM pg_database WHERE datname = current_database()").await,
        "howdah/howdah/howdah"
    );
    assert_eq!(home.ask("SHOW listen_addresses").await, "");
    for name in ["fsync", "full_page_writes", "synchronous_commit"] {
        assert_eq!(home.ask(&format!("SHOW {name}")).await, "on", "{name}");
    }
    let tcp: Vec<String> = ["/proc/net/tcp", "/proc/net/tcp6"]
        .iter()
        .flat_map(|table| fs::read_to_string(table).unwrap_or_default().lines().map(str::to_owned).collect::<Vec<_>>())
        .filter_map(|line| Some(format!("socket:[{}]", line.split_whitespace().nth(9)?)))
        .collect();
    let processes = home.processes();
    assert!(processes.contains(&postgres.pid().unwrap()) && processes.len() > 1, "{processes:?}");
    for pid in processes {
        let status = fs::read_to_string(format!("/proc/{pid}/status")).unwrap();
        let line = |name: &str| status.lines().find_map(|line| line.strip_prefix(name)).unwrap().trim().to_owned();
        assert!(line("Uid:").split_whitespace().all(|uid| uid != "0"), "{status}");
        assert!(line("Gid:").split_whitespace().all(|gid| gid != "0"), "{status}");
        assert_eq!(line("CapEff:").trim_start_matches('0'), "", "{status}");
        if is_root() {
            assert_eq!(line("Groups:"), "", "{status}");
        }
        for descriptor in fs::read_dir(format!("/proc/{pid}/fd")).unwrap().flatten() {
            let Ok(target) = fs::read_link(descriptor.path()) else { continue };
            assert!(!tcp.contains(&target.to_string_lossy().into_owned()), "{pid} has a TCP socket");
        }
    }
    for (path, mode) in [(home.postgres(), 0o700), (home.data_dir.join("postgres.log"), 0o600)] {
        assert_eq!(path.metadata().unwrap().permissions().mode() & 0o777, mode, "{}", path.display());
    }
    bounded(postgres.stop()).await.unwrap();
}

#[tokio::test]
async fn its_database_opens_a_store_that_outlives_a_crash() {
    let home = Home::new();
    let postgres = home.start().await.unwrap();
    let store = bounded(Store::open(StoreOptions::new(postgres.database()))).await.unwrap();
    let before = bounded(store.revision()).await.unwrap();
    let pid = postgres.pid().unwrap();
    kill(pid, Signal::KILL);
    until_back(&home, &postgres, pid).await;
    let deadline = Instant::now() + Duration::from_secs(30);
    let after = loop {
        match bounded(store.revision()).await {
            Ok(revision) => break revision,
            Err(error) => assert!(Instant::now() < deadline, "the store does not come back: {error}"),
        }
        tokio::time::sleep(Duration::from_millis(20)).await;
    };
    assert_eq!(after, before);
    bounded(store.close()).await;
    bounded(postgres.stop()).await.unwrap();
}

#[tokio::test]
async fn a_killed_server_comes_back() {
    let home = Home::new();
    let postgres = home.start().await.unwrap();
    home.put_data().await;
    let mut pid = postgres.pid().unwrap();
    for _ in 0..3 {
        let killed = Instant::now();
        kill(pid, Signal::KILL);
        pid = until_back(&home, &postgres, pid).await;
        println!("killed; answers again after {:?}", killed.elapsed());
        home.assert_data().await;
    }
    bounded(postgres.stop()).await.unwrap();
    assert_eq!(home.processes(), [] as [u32; 0]);
}

#[tokio::test]
async fn a_busy_process_of_a_killed_server_does_not_hold_up_the_next() {
    let home = Home::new();
    let postgres = home.start().await.unwrap();
    home.put_data().await;
    let mut busy = home.connect("howdah").await.unwrap();
    let worker: i32 = sqlx::query_scalar("SELECT pg_backend_pid()").fetch_one(&mut busy).await.unwrap();
    // It never waits for anything, so it does not notice that its server is gone.
    let work = tokio::spawn(async move {
        sqlx::query("DO $$ BEGIN LOOP END LOOP; END $$").execute(&mut busy).await.map(drop)
    });
    let state = format!("SELECT state FROM pg_stat_activity WHERE pid = {worker}");
    let deadline = Instant::now() + Duration::from_secs(30);
    while home.ask(&state).await != "active" {
        assert!(Instant::now() < deadline, "the query does not start");
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
    let pid = postgres.pid().unwrap();
    kill(pid, Signal::KILL);
    until_back(&home, &postgres, pid).await;
    home.assert_data().await;
    assert!(bounded(work).await.unwrap().is_err(), "the old process goes on");
    bounded(postgres.stop()).await.unwrap();
}

#[tokio::test]
async fn a_server_that_is_left_running_is_adopted_and_supervised() {
    let home = Home::new();
    let postgres = home.start().await.unwrap();
    home.put_data().await;
    let pid = postgres.pid().unwrap();
    drop(postgres);

    let postgres = home.start().await.unwrap();
    assert_eq!(postgres.outcome(), StartOutcome::Adopted);
    assert_eq!(postgres.pid(), Some(pid));
    home.assert_data().await;
    kill(pid, Signal::KILL);
    let pid = until_back(&home, &postgres, pid).await;
    home.assert_data().await;
    drop(postgres);

    let postgres = home.start().await.unwrap();
    assert_eq!(postgres.pid(), Some(pid));
    bounded(postgres.stop()).await.unwrap();
    assert_eq!(home.processes(), [] as [u32; 0]);
}

#[tokio::test]
async fn the_server_of_a_killed_howdah_is_adopted() {
    let home = Home::new();
    let mut howdah = Ending(home.another_process("start").stdout(Stdio::piped()).spawn().unwrap());
    let lines = BufReader::new(howdah.0.stdout.take().unwrap()).lines();
    let pid: u32 = lines.map_while(Result::ok).find_map(|line| line.strip_prefix("pid ")?.parse().ok()).unwrap();
    home.put_data().await;
    howdah.0.kill().unwrap();
    howdah.0.wait().unwrap();

    let postgres = home.start().await.unwrap();
    assert_eq!((postgres.outcome(), postgres.pid()), (StartOutcome::Adopted, Some(pid)));
    home.assert_data().await;
    kill(pid, Signal::KILL);
    until_back(&home, &postgres, pid).await;
    home.assert_data().await;
    bounded(postgres.stop()).await.unwrap();
}

#[tokio::test]
async fn a_howdah_killed_at_any_moment_of_its_first_start_leaves_nothing_in_the_way() {
    // Each path appears at another stage: initdb begins, has its catalogs, is done; the server starts.
    for stage in ["postgres.new", "postgres.new/base/1", "postgres.new/base/5", "postgres", "postgres/postmaster.pid"] {
        let home = Home::new();
        let mut howdah = Ending(home.another_process("start").stdout(Stdio::null()).spawn().unwrap());
        until(stage, || home.data_dir.join(stage).exists()).await;
        howdah.0.kill().unwrap();
        howdah.0.wait().unwrap();
        let postgres = home.start().await.unwrap_or_else(|error| panic!("after a kill at {stage}: {error}"));
        home.put_data().await;
        home.assert_data().await;
        assert!(!home.data_dir.join("postgres.new").exists());
        bounded(postgres.stop()).await.unwrap();
    }
}

#[tokio::test]
async fn changed_settings_restart_the_server_and_keep_the_data() {
    let home = Home::new();
    let postgres = home.start().await.unwrap();
    home.put_data().await;
    home.execute("postgres", "ALTER SYSTEM SET maintenance_work_mem = '77MB'").await;
    let pid = postgres.pid().unwrap();
    drop(postgres);

    home.write("custom.conf", "work_mem = 7MB\nwal_level = replica\nmax_wal_senders = 3\n");
    let postgres = home.start().await.unwrap();
    assert_eq!(postgres.outcome(), StartOutcome::Restarted);
    assert_ne!(postgres.pid(), Some(pid));
    for (name, value) in [("work_mem", "7MB"), ("wal_level", "replica"), ("maintenance_work_mem", "77MB")] {
        assert_eq!(home.ask(&format!("SHOW {name}")).await, value, "{name}");
    }
    home.assert_data().await;
    drop(postgres);

    let postgres = home.start().await.unwrap();
    assert_eq!(postgres.outcome(), StartOutcome::Adopted, "nothing changed");
    bounded(postgres.stop()).await.unwrap();
}

#[tokio::test]
async fn files_written_by_somebody_else_are_put_right_at_the_next_start() {
    let home = Home::new();
    bounded(home.start().await.unwrap().stop()).await.unwrap();
    home.write("postgresql.conf", "listen_addresses = '*'\n");
    home.write("pg_hba.conf", "host all all all trust\n");
    let postgres = home.start().await.unwrap();
    assert_eq!(home.ask("SHOW listen_addresses").await, "");
    assert!(fs::read_to_string(home.postgres().join("pg_hba.conf")).unwrap().contains("peer map=howdah"));
    bounded(postgres.stop()).await.unwrap();
}

#[tokio::test]
async fn pid_files_of_the_dead_are_no_obstacle() {
    let home = Home::new();
    bounded(home.start().await.unwrap().stop()).await.unwrap();
    let mut dead = Command::new("true").spawn().unwrap();
    dead.wait().unwrap();
    let mut sleeper = Command::new("sleep");
    sleeper.arg("300").stdin(Stdio::null());
    if is_root() {
        // Of the server's own user, so that Postgres would take it for a living server.
        let owner = home.postgres().metadata().unwrap();
        sleeper.uid(owner.uid()).gid(owner.gid());
    }
    let sleeper = Ending(sleeper.spawn().unwrap());
    for pid in [dead.id(), std::process::id(), sleeper.0.id()] {
        home.write("postmaster.pid", &format!("{pid}\n/proc/self/fd/3\n1\n5432\n.\n\n 1 2\nready   \n"));
        home.write(".s.PGSQL.5432.lock", &format!("{pid}\n/proc/self/fd/3\n1\n5432\n.\n"));
        let postgres = home.start().await.unwrap();
        assert_eq!(postgres.outcome(), StartOutcome::Started);
        assert_eq!(home.ask("SELECT 'up'").await, "up");
        bounded(postgres.stop()).await.unwrap();
    }
}

#[tokio::test]
async fn a_half_made_directory_is_made_anew() {
    let home = Home::new();
    let half = home.data_dir.join("postgres.new");
    fs::create_dir_all(half.join("base/1")).unwrap();
    fs::write(half.join("PG_VERSION"), "15\n").unwrap();
    let postgres = home.start().await.unwrap();
    assert_eq!(postgres.outcome(), StartOutcome::Initialised);
    assert!(!half.exists());
    bounded(postgres.stop()).await.unwrap();
}

#[tokio::test]
async fn data_of_a_version_that_is_not_installed_are_refused_and_untouched() {
    for version in ["9.6", "99"] {
        let home = Home::new();
        fs::create_dir_all(home.postgres()).unwrap();
        home.write("PG_VERSION", &format!("{version}\n"));
        home.write("postgresql.conf", "# mine\n");
        if is_root() {
            let (uid, gid) = postgres_user();
            std::os::unix::fs::chown(home.postgres(), Some(uid), Some(gid)).unwrap();
        }
        let before = listing(&home.postgres());
        let error = home.refusal().await;
        assert!(matches!(&error, PrivatePostgresError::MajorVersion { major, .. } if major == version), "{error:?}");
        let message = error.to_string();
        for part in [home.postgres().to_str().unwrap(), "installed: ", "pg_upgrade", &format!("postgresql-{version}")] {
            assert!(message.contains(part), "{part} is not in: {message}");
        }
        assert_eq!(listing(&home.postgres()), before);
    }
}

#[tokio::test]
async fn a_directory_of_something_else_is_refused_and_untouched() {
    let home = Home::new();
    fs::create_dir_all(home.postgres()).unwrap();
    home.write("letter", "dear reader");
    let before = listing(&home.postgres());
    let error = home.refusal().await;
    assert!(matches!(error, PrivatePostgresError::NotData { .. }), "{error:?}");
    assert_eq!(listing(&home.postgres()), before);
}

#[tokio::test]
async fn data_of_another_user_are_refused() {
    let home = Home::new();
    bounded(home.start().await.unwrap().stop()).await.unwrap();
    if !is_root() {
        return; // Only root can give a directory away.
    }
    std::os::unix::fs::chown(home.postgres(), Some(NOBODY), Some(NOBODY)).unwrap();
    let error = home.refusal().await;
    assert!(matches!(error, PrivatePostgresError::Owner { owner: NOBODY, .. }), "{error:?}");
}

#[tokio::test]
async fn a_second_howdah_is_refused() {
    let home = Home::new();
    let postgres = home.start().await.unwrap();
    let error = home.refusal().await;
    let own = std::process::id();
    assert!(matches!(error, PrivatePostgresError::Locked { holder: Some(pid), .. } if pid == own), "{error:?}");
    let message = error.to_string();
    assert!(message.contains(home.data_dir.to_str().unwrap()) && message.contains(&own.to_string()), "{message}");
    assert_eq!(home.ask("SELECT 'undisturbed'").await, "undisturbed");
    bounded(postgres.stop()).await.unwrap();
}

#[tokio::test]
async fn a_server_that_somebody_else_started_is_left_alone() {
    let home = Home::new();
    let postgres = home.start().await.unwrap();
    let program = fs::read_link(format!("/proc/{}/exe", postgres.pid().unwrap())).unwrap();
    bounded(postgres.stop()).await.unwrap();
    let mut command = Command::new("/bin/sh");
    command.args(["-c", r#"exec 3<&0 </dev/null; exec "$0" "$@""#]).arg(program).args(["-D", "/proc/self/fd/3"]);
    command.stdin(File::open(home.postgres()).unwrap()).stdout(Stdio::null()).stderr(Stdio::null()).current_dir("/");
    if is_root() {
        let (uid, gid) = postgres_user();
        command.uid(uid).gid(gid);
    }
    let mut foreign = Ending(command.spawn().unwrap());
    until("the pid file", || home.postgres().join("postmaster.pid").exists()).await;
    let pid = foreign.0.id();
    let error = home.refusal().await;
    assert!(matches!(error, PrivatePostgresError::ForeignServer { pid: found, .. } if found == pid), "{error:?}");
    assert!(foreign.0.try_wait().unwrap().is_none(), "it was ended");
    kill(pid, Signal::INT);
    foreign.0.wait().unwrap();
    bounded(home.start().await.unwrap().stop()).await.unwrap();
}

#[tokio::test]
async fn an_unknown_user_is_refused_by_name() {
    let home = Home::new();
    let options = PrivatePostgresOptions { user: "no-such-user".to_owned(), ..home.options() };
    let outcome = bounded(PrivatePostgres::start(options)).await;
    if is_root() {
        let error = outcome.expect_err("it should be refused");
        assert!(matches!(error, PrivatePostgresError::UnknownUser { .. }), "{error:?}");
        assert!(error.to_string().contains("no-such-user"), "{error}");
        assert!(!home.data_dir.exists(), "something was made all the same");
        let options = PrivatePostgresOptions { user: "root".to_owned(), ..home.options() };
        let error = bounded(PrivatePostgres::start(options)).await.expect_err("Postgres refuses root");
        assert!(matches!(error, PrivatePostgresError::RootUser { .. }), "{error:?}");
    } else {
        bounded(outcome.expect("only root changes users").stop()).await.unwrap();
    }
}

#[tokio::test]
async fn a_broken_setting_is_told_and_once_mended_it_starts() {
    let home = Home::new();
    bounded(home.start().await.unwrap().stop()).await.unwrap();
    home.write("custom.conf", "shared_buffers = nonsense\n");
    let error = home.refusal().await;
    assert!(matches!(error, PrivatePostgresError::Exited { .. }), "{error:?}");
    assert!(error.to_string().contains("nonsense"), "{error}");
    assert_eq!(home.processes(), [] as [u32; 0]);
    home.write("custom.conf", "");
    bounded(home.start().await.unwrap().stop()).await.unwrap();
}

#[tokio::test]
async fn supervision_does_not_give_up_and_ends_at_once_when_told() {
    let home = Home::new();
    let postgres = home.start().await.unwrap();
    home.put_data().await;
    home.write("custom.conf", "shared_buffers = nonsense\n");
    let pid = postgres.pid().unwrap();
    kill(pid, Signal::KILL);
    let log = home.data_dir.join("postgres.log");
    let failures = || fs::read_to_string(&log).unwrap().matches("configuration file").count();
    until("several failures", || failures() >= 4).await;
    home.write("custom.conf", "");
    until_back(&home, &postgres, pid).await;
    home.assert_data().await;

    home.write("custom.conf", "shared_buffers = nonsense\n");
    let before = failures();
    kill(postgres.pid().unwrap(), Signal::KILL);
    until("several failures", || failures() >= before + 4).await;
    bounded(postgres.stop()).await.unwrap();
    assert_eq!(home.processes(), [] as [u32; 0]);
}

#[tokio::test]
async fn lost_role_and_database_are_made_again() {
    let home = Home::new();
    let postgres = home.start().await.unwrap();
    let mut superuser = home.connect("postgres").await.unwrap();
    for sql in ["DROP DATABASE howdah", "DROP ROLE howdah"] {
        sqlx::raw_sql(sql).execute(&mut superuser).await.unwrap();
    }
    superuser.close().await.unwrap();
    drop(postgres);
    let postgres = home.start().await.unwrap();
    assert_eq!(postgres.outcome(), StartOutcome::Adopted);
    assert_eq!(home.ask("SELECT current_user::text").await, "howdah");
    bounded(postgres.stop()).await.unwrap();
}

#[tokio::test]
async fn somebody_who_is_not_root_runs_it_under_their_own_name() {
    let home = Home::new();
    if !is_root() {
        return; // Every other test shows it.
    }
    for directory in home.data_dir.ancestors().skip(1).take(3) {
        std::os::unix::fs::chown(directory, Some(NOBODY), Some(NOBODY)).unwrap();
    }
    let mut command = home.another_process("start and stop");
    command.uid(NOBODY).gid(NOBODY).current_dir("/").stdout(Stdio::piped()).stderr(Stdio::piped());
    let output = bounded(tokio::process::Command::from(command).kill_on_drop(true).output()).await.unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stdout));
    assert_eq!(home.postgres().metadata().unwrap().uid(), NOBODY);
}

/// Not a test of its own: what another process does for one of the others.
#[tokio::test]
#[ignore = "run by other tests, in a process of its own"]
async fn another_process() {
    let data_dir = std::env::var_os(DATA_DIR).expect("run by another test");
    let postgres = bounded(PrivatePostgres::start(PrivatePostgresOptions::new(data_dir))).await.unwrap();
    let mut output = std::io::stdout();
    writeln!(output, "\npid {}", postgres.pid().unwrap()).unwrap();
    output.flush().unwrap();
    match std::env::var(ROLE).unwrap().as_str() {
        "start" => tokio::time::sleep(LIMIT).await,
        "start and stop" => {
            let store = bounded(Store::open(StoreOptions::new(postgres.database()))).await.unwrap();
            assert!(bounded(store.get(&"/pods/default/absent".parse().unwrap())).await.unwrap().is_none());
            bounded(store.close()).await;
            bounded(postgres.stop()).await.unwrap();
        }
        role => panic!("unknown role {role}"),
    }
}

/// The uid and gid of the user `postgres`.
fn postgres_user() -> (u32, u32) {
    let passwd = fs::read_to_string("/etc/passwd").unwrap();
    let fields: Vec<&str> = passwd.lines().find(|line| line.starts_with("postgres:")).unwrap().split(':').collect();
    (fields[2].parse().unwrap(), fields[3].parse().unwrap())
}
