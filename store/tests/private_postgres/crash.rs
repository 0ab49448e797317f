//! Crashes, of the server and of Howdah, at any moment, and what they leave behind.

use std::fs;
use std::io::{BufRead as _, BufReader};
use std::os::unix::fs::MetadataExt as _;
use std::os::unix::process::CommandExt as _;
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use howdah_store::{StartOutcome, Store, StoreOptions};
use rustix::process::Signal;

use crate::home::{Ending, Home, bounded, is_root, kill, until, until_back};

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
    let work =
        tokio::spawn(
            async move { sqlx::query("DO $$ BEGIN LOOP END LOOP; END $$").execute(&mut busy).await.map(drop) },
        );
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
async fn supervision_does_not_give_up_and_ends_at_once_when_told() {
    let home = Home::new();
    let postgres = home.start().await.unwrap();
    home.put_data().await;
    home.write("custom.conf", "shared_buffers = nonsense\n");
    let pid = postgres.pid().unwrap();
    kill(pid, Signal::KILL);
    let log = home.data_dir.join("postgres.log");
    let failures = || fs::read_to_string(&log).unwrap().matches("contains errors").count();
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
