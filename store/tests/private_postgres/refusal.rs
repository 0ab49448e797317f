//! What a start refuses, with which words, and that it touches nothing then.

use std::fs::{self, File};
use std::os::unix::fs::chown;
use std::os::unix::process::CommandExt as _;
use std::process::{Command, Stdio};

use howdah_store::{PrivatePostgres, PrivatePostgresError, PrivatePostgresOptions};
use rustix::process::Signal;

use crate::home::{Ending, Home, NOBODY, bounded, is_root, kill, listing, postgres_user, until};

#[tokio::test]
async fn data_of_a_version_that_is_not_installed_are_refused_and_untouched() {
    for (version, parts) in [
        ("9.6", ["PostgreSQL 9.6", "14 or newer", "pg_upgrade", "nothing was changed"]),
        ("99", ["PostgreSQL 99", "installed: ", "pg_upgrade", "postgresql-99"]),
    ] {
        let home = Home::new();
        fs::create_dir_all(home.postgres()).unwrap();
        home.write("PG_VERSION", &format!("{version}\n"));
        home.write("postgresql.conf", "# mine\n");
        if is_root() {
            let (uid, gid) = postgres_user();
            chown(home.postgres(), Some(uid), Some(gid)).unwrap();
        }
        let before = listing(&home.postgres());
        let error = home.refusal().await;
        let (PrivatePostgresError::MajorVersion { major, .. } | PrivatePostgresError::OldData { major, .. }) = &error
        else {
            panic!("{error:?}")
        };
        assert_eq!(major, version);
        let message = error.to_string();
        for part in parts.into_iter().chain(home.postgres().to_str()) {
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
    chown(home.postgres(), Some(NOBODY), Some(NOBODY)).unwrap();
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
