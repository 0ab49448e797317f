//! The private Postgres, against the installed one: life, death and resurrection, each in a directory of its own
//! that lies below a folder only this user can enter and has a path longer than a socket address can be.
//!
//! Some tests need a second process (a Howdah to be killed, a user who is not root): they run this program again, with
//! the ignored test `another_process`, which does what `ROLE` says.

#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

mod crash;
mod home;
mod refusal;

use std::fs;
use std::io::Write as _;
use std::os::unix::fs::{MetadataExt as _, PermissionsExt as _};
use std::os::unix::process::CommandExt as _;
use std::process::Stdio;
use std::time::Instant;

use howdah_api::Key;
use howdah_store::{PrivatePostgres, PrivatePostgresOptions, StartOutcome, Store, StoreOptions};
use rustix::process::Signal;
use sqlx::Connection as _;

use home::{DATA_DIR, Home, LIMIT, NOBODY, ROLE, bounded, is_root, kill, until_back};

#[tokio::test]
async fn data_outlive_a_stop_and_a_start() {
    let home = Home::new();
    let begun = Instant::now();
    let postgres = home.start().await.unwrap();
    println!("made and started in {:?}", begun.elapsed());
    assert_eq!(postgres.outcome(), StartOutcome::Initialised);
    home.put_data().await;
    let begun = Instant::now();
    bounded(postgres.stop()).await.unwrap();
    println!("stopped in {:?}", begun.elapsed());
    assert_eq!(home.processes(), [] as [u32; 0]);
    assert!(!home.postgres().join("postmaster.pid").exists());

    let begun = Instant::now();
    let postgres = home.start().await.unwrap();
    println!("started in {:?}", begun.elapsed());
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
async fn a_server_that_is_left_running_is_adopted_and_supervised() {
    let home = Home::new();
    let postgres = home.start().await.unwrap();
    home.put_data().await;
    let pid = postgres.pid().unwrap();
    drop(postgres);

    let begun = Instant::now();
    let postgres = home.start().await.unwrap();
    println!("adopted in {:?}", begun.elapsed());
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
async fn a_data_directory_may_be_moved_while_the_server_runs() {
    let mut home = Home::new();
    drop(home.start().await.unwrap());
    home.put_data().await;
    let moved = home.data_dir.with_file_name("moved");
    fs::rename(&home.data_dir, &moved).unwrap();
    home.data_dir = moved;
    let postgres = home.start().await.unwrap();
    assert_eq!(postgres.outcome(), StartOutcome::Restarted, "its command line names the old place");
    home.assert_data().await;
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
            let absent = Key::new("", "pods", Some("default"), "absent").unwrap();
            assert!(bounded(store.get(&absent)).await.unwrap().is_none());
            bounded(store.close()).await;
            bounded(postgres.stop()).await.unwrap();
        }
        role => panic!("unknown role {role}"),
    }
}
