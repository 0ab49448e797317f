//! Starts of Howdah's own server, to `/readyz`: from nothing, and on the data of a server that was stopped.

use std::path::Path;

use anyhow::Result;

use crate::api::server::Server;
use crate::api::settings::Settings;
use crate::result::{Goal, Metric, Results, Unit};

/// What is promised of a start from nothing, initdb included, in milliseconds.
const FRESH_GOAL_MILLISECONDS: f64 = 1_500.0;
/// What is promised of a start on existing data, in milliseconds.
const EXISTING_GOAL_MILLISECONDS: f64 = 300.0;

/// The figures of this part, in the report's order.
pub(crate) fn metrics() -> Vec<Metric> {
    let metric =
        |name: &str, label: &str, goal| Metric::new("Start", name, label, Unit::Milliseconds).with(Goal::AtMost(goal));
    vec![
        metric("start_fresh", "from nothing, with initdb, to /readyz (ms)", FRESH_GOAL_MILLISECONDS),
        metric("start_existing", "on the data of an empty server to /readyz (ms)", EXISTING_GOAL_MILLISECONDS),
    ]
}

/// Runs this part for the server in the column `column`, with data below `home`.
pub(crate) async fn run(
    binary: &Path,
    home: &Path,
    column: usize,
    settings: &Settings,
    results: &mut Results,
) -> Result<()> {
    for repetition in 0..settings.repetitions {
        let dir = home.join(format!("start{repetition}"));
        for figure in ["start_fresh", "start_existing"] {
            rustix::fs::sync();
            let server = Server::start(binary, &dir).await?;
            let took = server.start_time();
            server.stop().await?;
            eprintln!("{figure}: {} ms", took.as_millis());
            results.record(figure, column, took.as_secs_f64() * 1e3)?;
        }
        std::fs::remove_dir_all(&dir)?;
    }
    Ok(())
}
