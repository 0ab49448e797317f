//! What the processes under test take: memory and CPU time, read from /proc.
//!
//! A store or a server is its first process and all that descend from it (Postgres forks one a connection). Memory is
//! PSS, which shares shared pages out among their users, so that Postgres' shared buffers are counted once.

use std::collections::HashMap;
use std::fs;
use std::path::PathBuf;
use std::time::Duration;

use anyhow::{Context as _, Result};
use tokio::time::sleep;

/// The memory of processes, in bytes.
#[derive(Debug, Clone, Copy, Default)]
pub(crate) struct Memory {
    /// The proportional set size.
    pub(crate) pss: u64,
    /// Its part that is no page of a file: what the kernel can't take back by dropping caches.
    pub(crate) without_files: u64,
}

/// The processes that descend from `first`, itself included.
fn family(first: u32) -> Result<Vec<u32>> {
    let mut children: HashMap<u32, Vec<u32>> = HashMap::new();
    for entry in fs::read_dir("/proc").context("reading /proc")? {
        let name = entry.context("reading /proc")?.file_name();
        let Some(pid) = name.to_str().and_then(|name| name.parse::<u32>().ok()) else { continue };
        if let Some(stat) = stat(pid) {
            children.entry(stat.parent).or_default().push(pid);
        }
    }
    let (mut family, mut next) = (vec![first], 0);
    while let Some(pid) = family.get(next) {
        family.extend(children.remove(pid).unwrap_or_default());
        next += 1;
    }
    Ok(family)
}

/// The programs that the processes which descend from `first` run, each once.
pub(crate) fn programs(first: u32) -> Result<Vec<PathBuf>> {
    let mut programs = Vec::new();
    for pid in family(first)? {
        // A process that ended meanwhile runs nothing.
        let Ok(program) = fs::read_link(format!("/proc/{pid}/exe")) else { continue };
        if !programs.contains(&program) {
            programs.push(program);
        }
    }
    Ok(programs)
}

/// The memory of the processes that descend from `first`.
pub(crate) fn memory(first: u32) -> Result<Memory> {
    let mut sum = Memory::default();
    for pid in family(first)? {
        // A process that ended meanwhile takes nothing.
        let Ok(rollup) = fs::read_to_string(format!("/proc/{pid}/smaps_rollup")) else { continue };
        let field = |name: &str| {
            let line = rollup.lines().find_map(|line| line.strip_prefix(name))?;
            Some(line.trim().strip_suffix("kB")?.trim().parse::<u64>().ok()? * 1024)
        };
        sum.pss += field("Pss:").with_context(|| format!("process {pid} shows no PSS"))?;
        let anonymous = field("Pss_Anon:").context("the kernel does not divide PSS (Linux 5.4 or newer does)")?;
        sum.without_files += anonymous + field("Pss_Shmem:").unwrap_or(0);
    }
    Ok(sum)
}

/// The CPU time that the processes which descend from `first` have used; ended children count.
pub(crate) fn cpu(first: u32) -> Result<Duration> {
    let stats = family(first)?.into_iter().filter_map(stat);
    Ok(from_ticks(stats.map(|stat| stat.own_ticks + stat.reaped_ticks).sum()))
}

/// The CPU time that this process has used.
pub(crate) fn own_cpu() -> Result<Duration> {
    let stat = stat(std::process::id()).context("reading this process' own times")?;
    Ok(from_ticks(stat.own_ticks))
}

/// The CPU time that all of the machine has used, the kernel's own and what a hypervisor took included.
pub(crate) fn machine_cpu() -> Result<Duration> {
    let text = fs::read_to_string("/proc/stat").context("reading /proc/stat")?;
    Ok(from_ticks(busy_ticks(&text).context("/proc/stat has no line of all processors")?))
}

/// The ticks of the line of all processors (proc(5)), idle and waiting ones left out; guests are in user already.
fn busy_ticks(text: &str) -> Option<u64> {
    let fields = text.lines().next()?.strip_prefix("cpu ")?.split_ascii_whitespace();
    let ticks = fields.map(str::parse).collect::<Result<Vec<u64>, _>>().ok()?;
    Some([0, 1, 2, 5, 6, 7].iter().filter_map(|index| ticks.get(*index)).sum())
}

/// Waits until the stores are at rest, so that what one side left to do does not weigh on the other; not for ever, for
/// a store's housekeeping belongs to its costs.
pub(crate) async fn settle(firsts: &[u32]) -> Result<()> {
    const WINDOW: Duration = Duration::from_millis(200);
    const AT_REST: Duration = Duration::from_millis(10);
    const WINDOWS: usize = 15;
    rustix::fs::sync();
    for _ in 0..WINDOWS {
        let used = |_| firsts.iter().map(|first| cpu(*first)).sum::<Result<Duration>>();
        let before = used(())?;
        sleep(WINDOW).await;
        if used(())?.saturating_sub(before) <= AT_REST {
            break;
        }
    }
    Ok(())
}

struct Stat {
    parent: u32,
    own_ticks: u64,
    reaped_ticks: u64,
}

/// The process' line in /proc (proc(5)), or `None` where it has ended.
fn stat(pid: u32) -> Option<Stat> {
    parse(&fs::read_to_string(format!("/proc/{pid}/stat")).ok()?)
}

fn parse(line: &str) -> Option<Stat> {
    // The name, in parentheses, may contain spaces and parentheses.
    let fields: Vec<&str> = line[line.rfind(')')? + 1..].split_ascii_whitespace().collect();
    let number = |index: usize| fields.get(index)?.parse::<u64>().ok();
    Some(Stat {
        parent: fields.get(1)?.parse().ok()?,
        own_ticks: number(11)? + number(12)?,
        reaped_ticks: number(13)? + number(14)?,
    })
}

fn from_ticks(ticks: u64) -> Duration {
    Duration::from_millis(ticks * 1000 / rustix::param::clock_ticks_per_second())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_line_of_proc_is_read_behind_the_name() {
        let stat = parse("42 (a) b (c) S 7 42 42 0 -1 4194560 1 2 3 4 50 60 70 80 20 0 1").expect("a line");
        assert_eq!((stat.parent, stat.own_ticks, stat.reaped_ticks), (7, 110, 150));
    }

    #[test]
    fn idle_time_is_not_busy() {
        assert_eq!(busy_ticks("cpu  1 2 4 1000 1000 8 16 32 5 6\ncpu0 9 9 9 9\n"), Some(63));
        assert_eq!(busy_ticks("intr 1 2\n"), None);
    }

    #[test]
    fn this_process_has_memory_and_a_family() {
        let own = std::process::id();
        assert_eq!(family(own).expect("a family")[0], own);
        let memory = memory(own).expect("memory");
        assert!(memory.pss > 0 && memory.without_files <= memory.pss);
    }
}
