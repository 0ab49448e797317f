//! `howdah-bench store`: sets the run up, runs its parts, and reports.

use std::fs::{self, Permissions};
use std::os::unix::fs::PermissionsExt as _;

use anyhow::{Context as _, Result, bail};

use crate::StoreArguments;
use crate::backend::Backend as _;
use crate::etcd::{self, Installation};
use crate::interrupt::Interrupt;
use crate::machine::{Machine, program_version};
use crate::pair::{Pair, Site};
use crate::phase::write::Layout;
use crate::result::Results;
use crate::settings::Settings;
use crate::{phase, report};

/// A busier machine than this gives figures of little worth.
const BUSY: f64 = 0.5;

/// Runs the benchmark.
///
/// # Errors
/// Where it could not measure. Goals that are missed are no error.
pub(crate) async fn run(arguments: StoreArguments) -> Result<()> {
    let StoreArguments { rounds, seconds, quick, json, dir, etcd } = arguments;
    let settings = if quick { Settings::quick() } else { Settings::whole(rounds.into(), seconds.into()) };
    let interrupt = Interrupt::listen()?;
    let mut machine = Machine::inspect(&dir)?;
    if machine.load_before > BUSY {
        eprintln!("the load average is {:.2}: something else is running, which will show", machine.load_before);
    }
    let installation = match (etcd::find(etcd.as_deref()), etcd) {
        (None, Some(given)) => bail!("{} is no file; --etcd names etcd's binary", given.display()),
        (None, None) => {
            eprintln!("etcd is not in PATH (Debian's package is etcd-server), so Howdah alone is measured");
            None
        }
        (Some(binary), _) => Some(Installation { binary }),
    };
    let home = tempfile::Builder::new()
        .prefix("howdah-bench-")
        .permissions(Permissions::from_mode(0o755))
        .tempdir_in(&dir)
        .with_context(|| format!("making a directory in {}", dir.display()))?;
    let site = Site { dir: home.path().to_owned(), etcd: installation, interrupt };
    let mut results = Results::default();
    results.declare(phase::write::metrics(&settings, Layout::One));
    results.declare(phase::write::metrics(&settings, Layout::Two));
    results.declare(phase::list::metrics(&settings));
    results.declare(phase::start::metrics());
    let outcome = measure(&site, &settings, &mut machine, &mut results).await;
    home.close().context("removing the stores' data")?;
    let object_bytes = outcome?;
    if let Some(file) = json {
        let text = serde_json::to_string_pretty(&report::json(&machine, &settings, object_bytes, &results))?;
        fs::write(&file, text + "\n").with_context(|| format!("writing {}", file.display()))?;
    }
    println!("{}", report::markdown(&machine, &settings, object_bytes, &results));
    Ok(())
}

/// Runs every part; answers the mean length of an object in bytes.
async fn measure(site: &Site, settings: &Settings, machine: &mut Machine, results: &mut Results) -> Result<usize> {
    site.with_pair("version", async |pair| versions(pair, machine).await).await?;
    phase::start::run(site, settings, results).await?;
    let object_bytes = phase::write::run(site, settings, Layout::One, results).await?;
    phase::write::run(site, settings, Layout::Two, results).await?;
    phase::list::run(site, settings, results).await?;
    Ok(object_bytes)
}

async fn versions(pair: &Pair, machine: &mut Machine) -> Result<()> {
    machine.postgres = program_version(pair.howdah.pid()?)?;
    if let Some(etcd) = &pair.etcd {
        machine.etcd = Some(etcd.version().await?);
    }
    Ok(())
}
