//! On what a run took place: a figure without its machine says nothing.

use std::fs;
use std::path::Path;
use std::process::Command;

use anyhow::{Context as _, Result, ensure};
use serde::Serialize;

/// The machine and the versions of a run.
#[derive(Debug, Clone, Serialize)]
pub(crate) struct Machine {
    /// The CPU's model.
    pub(crate) cpu: String,
    /// The cores that this process may use.
    pub(crate) cores: usize,
    /// The memory in bytes.
    pub(crate) memory_bytes: u64,
    /// The kernel's release.
    pub(crate) kernel: String,
    /// The filesystem under the data.
    pub(crate) filesystem: String,
    /// The load average over a minute before the run.
    pub(crate) load_before: f64,
    /// What was measured, with versions.
    pub(crate) versions: Vec<String>,
}

/// A busier machine than this gives figures of little worth.
const BUSY: f64 = 0.5;

impl Machine {
    /// Says on standard error that the machine is busy, where it is.
    pub(crate) fn warn_if_busy(&self) {
        if self.load_before > BUSY {
            eprintln!("the load average is {:.2}: something else is running, which will show", self.load_before);
        }
    }

    /// Looks at the machine; `dir` is where the data will lie.
    ///
    /// # Errors
    /// Where `dir` lies in memory, or /proc can't be read.
    pub(crate) fn inspect(dir: &Path) -> Result<Self> {
        let read = |path: &str| fs::read_to_string(path).with_context(|| format!("reading {path}"));
        let filesystem = filesystem(&read("/proc/self/mountinfo")?, &dir.canonicalize().context("finding the data")?);
        let kind = filesystem.split(' ').next().unwrap_or_default();
        ensure!(
            !matches!(kind, "tmpfs" | "ramfs" | "devtmpfs"),
            "{} lies in memory ({kind}), where a commit costs nothing; give a directory on a disk with --dir",
            dir.display()
        );
        let (cpus, memory, load) = (read("/proc/cpuinfo")?, read("/proc/meminfo")?, read("/proc/loadavg")?);
        Ok(Self {
            cpu: field(&cpus, "model name").unwrap_or("unknown").to_owned(),
            cores: std::thread::available_parallelism().context("counting cores")?.get(),
            memory_bytes: field(&memory, "MemTotal").and_then(kibibytes).unwrap_or(0),
            kernel: read("/proc/sys/kernel/osrelease")?.trim().to_owned(),
            filesystem,
            load_before: load.split(' ').next().and_then(|load| load.parse().ok()).unwrap_or(0.0),
            versions: Vec::new(),
        })
    }
}

/// The version that the program of the running process `pid` gives of itself.
pub(crate) fn process_version(pid: u32) -> Result<String> {
    program_version(&fs::read_link(format!("/proc/{pid}/exe")).context("finding a program")?)
}

/// The version that a program gives of itself: the first line behind `--version`.
pub(crate) fn program_version(program: &Path) -> Result<String> {
    let output = Command::new(program).arg("--version").output().context("asking a program for its version")?;
    Ok(String::from_utf8_lossy(&output.stdout).lines().next().unwrap_or_default().trim().to_owned())
}

/// The value behind `name` and a colon.
fn field<'a>(text: &'a str, name: &str) -> Option<&'a str> {
    text.lines().find_map(|line| Some(line.strip_prefix(name)?.trim_start().strip_prefix(':')?.trim()))
}

fn kibibytes(text: &str) -> Option<u64> {
    Some(text.strip_suffix("kB")?.trim().parse::<u64>().ok()? * 1024)
}

/// The type and source of the filesystem of `dir`: the last mount (proc(5), mountinfo) with the longest matching point.
fn filesystem(mounts: &str, dir: &Path) -> String {
    let mount = |line: &str| {
        let (left, right) = line.split_once(" - ")?;
        let point = left.split(' ').nth(4)?.to_owned();
        let mut right = right.split(' ');
        Some((point, format!("{} on {}", right.next()?, right.next()?)))
    };
    let matching = mounts.lines().filter_map(mount).filter(|(point, _)| dir.starts_with(point));
    matching.max_by_key(|(point, _)| point.len()).map_or_else(|| "unknown".to_owned(), |(_, what)| what)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_filesystem_is_the_innermost_mount() {
        let mounts = "\
22 1 254:0 / / rw,relatime shared:1 - ext4 /dev/vda rw
23 22 0:5 / /tmp rw - tmpfs none rw
24 22 0:6 / /tmp2 rw - xfs /dev/vdb rw
";
        assert_eq!(filesystem(mounts, Path::new("/var/tmp/x")), "ext4 on /dev/vda");
        assert_eq!(filesystem(mounts, Path::new("/tmp/x")), "tmpfs on none");
        assert_eq!(filesystem(mounts, Path::new("/tmp2")), "xfs on /dev/vdb");
    }

    #[test]
    fn fields_of_proc_are_found() {
        assert_eq!(field("vendor\t: x\nmodel name\t: EPYC\n", "model name"), Some("EPYC"));
        assert_eq!(field("MemTotal:       2048 kB\n", "MemTotal").and_then(kibibytes), Some(2_097_152));
    }
}
