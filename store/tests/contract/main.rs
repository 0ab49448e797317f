//! The store's contract, shown on a real Postgres: what it promises under load, and what it keeps of that under faults.
//!
//! Flow: `run` sets stores (replicas) on one database and load on them (`workload`, `watcher`), every call and every
//! event goes into a `journal`, and at the end `checker`, a pure function, compares the journal with the log that the
//! database holds. `contract` has the runs without faults, `faults` those with; there `replica` is a store in a process
//! of its own (this very program, told by its environment), and `proxy` stands between a store and Postgres.
//!
//! - Every run prints its seed; `HOWDAH_SEED` sets it. Choices follow from it; what they meet depends on the machine.
//! - `HOWDAH_TEST_DATABASE_URL` names a Postgres to use instead of a private one (its user must be allowed to make
//!   databases). Faults that need the server's files or processes are then passed over, and say so.
//! - Trials run one after the other unless `--test-threads` says otherwise. `RUST_LOG` shows the store's log.

mod checker;
mod client;
mod clock;
mod cluster;
mod contract;
mod dice;
mod faults;
mod journal;
mod payload;
mod pen;
mod proxy;
mod replica;
mod report;
mod run;
mod sql;
mod trial;
mod watcher;
mod workload;

use std::process::ExitCode;

use libtest_mimic::Arguments;

fn main() -> ExitCode {
    tracing_subscriber::fmt()
        .with_env_filter(tracing_subscriber::EnvFilter::try_from_default_env().unwrap_or_else(|_| "off".into()))
        .with_writer(std::io::stderr)
        .init();
    if replica::is_wanted() {
        return match replica::main() {
            Ok(()) => ExitCode::SUCCESS,
            Err(error) => {
                eprintln!("the replica failed: {error:#}");
                ExitCode::FAILURE
            }
        };
    }
    let mut arguments = Arguments::from_args();
    arguments.test_threads.get_or_insert(1);
    match trial::run(&arguments) {
        Ok(code) => code,
        Err(error) => {
            eprintln!("the suite can't run: {error:#}");
            ExitCode::FAILURE
        }
    }
}
