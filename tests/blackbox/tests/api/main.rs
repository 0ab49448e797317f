//! The API's answers, row by row, over real connections to one server.
//!
//! - `bad_input`: what is wrong with a request is answered with upstream's code, reason, causes and sentence.
//!
//! `HOWDAH_TEST_RECORD=DIR` writes what the server answers instead of comparing: pointed at an upstream server (see the
//! crate's documentation) it makes or renews the rows' expectations.

mod bad_input;

use std::sync::Arc;

use anyhow::{Context as _, Result};
use howdah_blackbox::{Client, Server, kubeconfig_of_the_environment};
use libtest_mimic::Arguments;

fn main() -> Result<()> {
    let arguments = Arguments::from_args();
    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build()?;
    let rows = bad_input::rows()?;
    if arguments.list {
        libtest_mimic::run(&arguments, bad_input::trials(rows, None)).exit_if_failed();
        return Ok(());
    }
    let (server, kubeconfig) = match kubeconfig_of_the_environment() {
        Some(kubeconfig) => (None, kubeconfig),
        None => {
            let server = Server::start(&[]).context("the suite's server")?;
            let kubeconfig = server.kubeconfig();
            (Some(server), kubeconfig)
        }
    };
    let client = runtime.block_on(Client::new(&kubeconfig))?;
    runtime.block_on(bad_input::set_up(&client))?;
    if let Some(folder) = std::env::var_os("HOWDAH_TEST_RECORD") {
        return runtime.block_on(bad_input::record(&client, rows, folder.as_ref()));
    }
    let with = bad_input::World { client, runtime: Arc::new(runtime) };
    let conclusion = libtest_mimic::run(&arguments, bad_input::trials(rows, Some(&with)));
    drop(server);
    conclusion.exit_if_failed();
    Ok(())
}
