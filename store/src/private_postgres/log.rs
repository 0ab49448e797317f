//! Postgres' log, `postgres.log` beside its directory: opened by Howdah, written by Postgres, turned over at a start
//! once it is large (one old log stays). What Postgres said last goes into errors.

use std::fs::{File, OpenOptions};
use std::io::{self, Read as _, Seek as _, SeekFrom};
use std::os::unix::fs::OpenOptionsExt as _;
use std::path::{Path, PathBuf};

/// Above how many bytes a log is turned over.
const TURN_OVER_BYTES: u64 = 10 << 20;
/// How much of the log goes into an error.
const TAIL_BYTES: u64 = 4096;
const TAIL_LINES: usize = 12;

/// The log of `data_dir`'s Postgres.
pub(super) fn path(data_dir: &Path) -> PathBuf {
    data_dir.join("postgres.log")
}

/// Opens the log for appending, after turning it over where it is large. Returns it with its present length, from
/// which on everything will be the coming run's.
pub(super) fn open(path: &Path) -> io::Result<(File, u64)> {
    let length = path.symlink_metadata().map_or(0, |metadata| metadata.len());
    if length > TURN_OVER_BYTES {
        std::fs::rename(path, path.with_extension("log.1"))?;
    }
    let file = OpenOptions::new().append(true).create(true).mode(0o600).open(path)?;
    let length = file.metadata()?.len();
    Ok((file, length))
}

/// The last lines that the log holds behind byte `from`; a log that can't be read has none.
pub(super) fn tail(path: &Path, from: u64) -> String {
    let read = || -> io::Result<Vec<u8>> {
        let mut file = File::open(path)?;
        let length = file.metadata()?.len();
        file.seek(SeekFrom::Start(from.max(length.saturating_sub(TAIL_BYTES))))?;
        let mut bytes = Vec::new();
        file.take(TAIL_BYTES).read_to_end(&mut bytes)?;
        Ok(bytes)
    };
    last_lines(&String::from_utf8_lossy(&read().unwrap_or_default()))
}

/// The last lines of `text`.
pub(super) fn last_lines(text: &str) -> String {
    let lines: Vec<&str> = text.lines().collect();
    lines[lines.len().saturating_sub(TAIL_LINES)..].join("\n")
}

#[cfg(test)]
mod tests {
    use std::io::Write as _;

    use super::*;

    #[test]
    fn a_large_log_is_turned_over_and_the_tail_is_the_new_runs() {
        let directory = tempfile::tempdir().unwrap();
        let path = path(directory.path());
        let (mut file, from) = open(&path).unwrap();
        assert_eq!(from, 0);
        file.write_all(b"old\n").unwrap();
        let (mut file, from) = open(&path).unwrap();
        assert_eq!(from, 4);
        for line in 0..100 {
            writeln!(file, "line {line}").unwrap();
        }
        assert_eq!(tail(&path, from).lines().count(), TAIL_LINES);
        assert_eq!(tail(&path, from).lines().last(), Some("line 99"));
        assert_eq!(tail(&path, file.metadata().unwrap().len()), "");
        file.set_len(TURN_OVER_BYTES + 1).unwrap();
        let (_, from) = open(&path).unwrap();
        assert_eq!(from, 0);
        assert_eq!(directory.path().join("postgres.log.1").metadata().unwrap().len(), TURN_OVER_BYTES + 1);
    }
}
