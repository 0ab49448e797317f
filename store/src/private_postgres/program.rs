//! How Postgres' programs are run: as the unprivileged user, with their data directory as descriptor 3.
//!
//! The directory is opened by Howdah and handed over on standard input; a line of shell moves it to descriptor 3 and
//! replaces itself by the program, whose data directory is then `/proc/self/fd/3`. So neither the length of its path
//! nor the folders above it matter. Children of Postgres inherit the descriptor, and can be told by it.
//!
//! Programs get a clean environment (no PG* variable, no secret of Howdah's), `/` as their working directory, and
//! their own process group, so that an interrupt typed at a terminal reaches Howdah alone. They are not tied to
//! Howdah's life: a Postgres that is left over is adopted.

use std::io;
use std::path::Path;
use std::process::Stdio;

use tokio::process::Command;

use super::account::Account;
use super::directory::Directory;

/// The data directory as the program sees it.
pub(super) const DATA: &str = "/proc/self/fd/3";

const SHELL: &str = "/bin/sh";
const SCRIPT: &str = r#"exec 3<&0 </dev/null; exec "$0" "$@""#;

/// A command that runs `program` as `account` on `directory`; arguments, standard output and error are the caller's.
pub(super) fn command(program: &Path, account: &Account, directory: &Directory) -> io::Result<Command> {
    let mut command = Command::new(SHELL);
    command.arg("-c").arg(SCRIPT).arg(program).args(["-D", DATA]);
    command.stdin(Stdio::from(directory.handle().try_clone()?));
    command.env_clear().env("LC_ALL", "C").current_dir("/").process_group(0);
    for name in ["PATH", "LD_LIBRARY_PATH"] {
        if let Some(value) = std::env::var_os(name) {
            command.env(name, value);
        }
    }
    if account.switch {
        // As root, this drops the supplementary groups too.
        command.uid(account.uid).gid(account.gid);
    }
    Ok(command)
}
