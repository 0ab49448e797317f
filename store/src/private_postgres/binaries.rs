//! Finds the installed Postgres. A directory named by the options or by HOWDAH_POSTGRES_BIN is taken as it is;
//! otherwise the newest of /usr/lib/postgresql/*/bin, then the `postgres` in PATH. Data that exist already decide the
//! major version: they are never opened by another, let alone converted.

use std::os::unix::fs::MetadataExt as _;
use std::path::{Path, PathBuf};
use std::process::Stdio;
use std::time::Duration;

use tokio::process::Command;

use super::PrivatePostgresError;
use super::directory::Directory;

/// The oldest major version that has what the store needs.
pub(super) const OLDEST: u32 = 14;
/// Where Debian and its kin install each major version, as N/bin.
const VERSIONED: &str = "/usr/lib/postgresql";
/// How long a program may take to say its version.
const VERSION_TIMEOUT: Duration = Duration::from_secs(10);

/// One installed Postgres.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Binaries {
    /// The directory that holds its programs.
    pub(super) directory: PathBuf,
    /// Its major version.
    pub(super) major: u32,
}

impl Binaries {
    /// The path of one of its programs.
    pub(super) fn program(&self, name: &str) -> PathBuf {
        self.directory.join(name)
    }

    /// What changes whenever another server binary is installed: path, size and time of change.
    pub(super) fn identity(&self) -> Result<String, PrivatePostgresError> {
        let program = self.program("postgres");
        let metadata = program.metadata().map_err(PrivatePostgresError::file("examine", &program))?;
        Ok(format!("{} {} {}.{:09}", program.display(), metadata.len(), metadata.mtime(), metadata.mtime_nsec()))
    }
}

/// The directory that the environment names, where it names one.
pub(super) fn from_environment() -> Option<PathBuf> {
    std::env::var_os("HOWDAH_POSTGRES_BIN").filter(|value| !value.is_empty()).map(PathBuf::from)
}

/// The binaries to use: `given`, or what is found; of the major version of `data`, where there are data already.
pub(super) async fn choose(given: Option<&Path>, data: Option<&Directory>) -> Result<Binaries, PrivatePostgresError> {
    let wanted = data.map(major_of_data).transpose()?;
    if let (Some(data), Some(major)) = (data, &wanted)
        && is_too_old(major)
    {
        let (directory, major) = (data.path().to_owned(), major.clone());
        return Err(PrivatePostgresError::OldData { directory, major, oldest: OLDEST });
    }
    let mut found = match given {
        Some(directory) => vec![examine(directory).await?],
        None => versioned(Path::new(VERSIONED)),
    };
    if let Some(binaries) = select(&found, wanted.as_deref()) {
        return Ok(binaries.clone());
    }
    if given.is_none()
        && let Some(directory) = in_path(std::env::var_os("PATH").unwrap_or_default().as_os_str())
        && let Ok(binaries) = examine(&directory).await
    {
        found.push(binaries);
        if let Some(binaries) = select(&found, wanted.as_deref()) {
            return Ok(binaries.clone());
        }
    }
    let listed: Vec<String> =
        found.iter().map(|binaries| format!("{} in {}", binaries.major, binaries.directory.display())).collect();
    match (data, wanted) {
        (Some(data), Some(major)) => Err(PrivatePostgresError::MajorVersion {
            directory: data.path().to_owned(),
            major,
            installed: if listed.is_empty() { "none".to_owned() } else { listed.join(", ") },
        }),
        _ => Err(PrivatePostgresError::NotInstalled {
            oldest: OLDEST,
            searched: if listed.is_empty() { format!("looked in {VERSIONED} and PATH") } else { listed.join(", ") },
        }),
    }
}

/// The major version that wrote `data`: "15", or "9.6" in the old days.
fn major_of_data(data: &Directory) -> Result<String, PrivatePostgresError> {
    let failed = PrivatePostgresError::file("read", data.path().join("PG_VERSION"));
    match data.read("PG_VERSION").map_err(failed)? {
        Some(bytes) => Ok(String::from_utf8_lossy(&bytes).trim().to_owned()),
        None => Err(PrivatePostgresError::NotData { directory: data.path().to_owned() }),
    }
}

/// Whether `major` is certainly older than the oldest that will do; the two-part versions of old all are.
fn is_too_old(major: &str) -> bool {
    major.split('.').next().and_then(|first| first.parse().ok()).is_some_and(|first: u32| first < OLDEST)
}

/// The newest of `found` that is new enough and, where one is `wanted`, of that major version.
fn select<'a>(found: &'a [Binaries], wanted: Option<&str>) -> Option<&'a Binaries> {
    let fits = |binaries: &&Binaries| {
        binaries.major >= OLDEST && wanted.is_none_or(|wanted| wanted == binaries.major.to_string())
    };
    found.iter().filter(fits).max_by_key(|binaries| binaries.major)
}

/// The versions installed side by side under `root`.
fn versioned(root: &Path) -> Vec<Binaries> {
    let entries = std::fs::read_dir(root).into_iter().flatten().flatten();
    let mut found: Vec<Binaries> = entries
        .filter_map(|entry| {
            let major = entry.file_name().to_str()?.parse().ok()?;
            let directory = entry.path().join("bin");
            directory.join("postgres").is_file().then_some(Binaries { directory, major })
        })
        .collect();
    found.sort_by_key(|binaries| binaries.major);
    found
}

/// The directory of the `postgres` that `path` leads to, links resolved, so that its other programs are beside it.
fn in_path(path: &std::ffi::OsStr) -> Option<PathBuf> {
    let program =
        std::env::split_paths(path).map(|directory| directory.join("postgres")).find(|file| file.is_file())?;
    Some(program.canonicalize().ok()?.parent()?.to_owned())
}

/// What is installed in `directory`. The name of a directory …/postgresql/N/bin says it; any other's program is asked.
async fn examine(directory: &Path) -> Result<Binaries, PrivatePostgresError> {
    let directory = directory.canonicalize().map_err(PrivatePostgresError::file("find", directory))?;
    let program = directory.join("postgres");
    program.metadata().map_err(PrivatePostgresError::file("find", &program))?;
    if let Some(major) = major_of_path(&directory) {
        return Ok(Binaries { directory, major });
    }
    let mut command = Command::new(&program);
    command.arg("--version").stdin(Stdio::null()).stderr(Stdio::null()).kill_on_drop(true);
    let answer = match tokio::time::timeout(VERSION_TIMEOUT, command.output()).await {
        Ok(Ok(output)) => String::from_utf8_lossy(&output.stdout).trim().to_owned(),
        Ok(Err(source)) => return Err(PrivatePostgresError::Run { program, source }),
        Err(_) => format!("nothing within {} s", VERSION_TIMEOUT.as_secs()),
    };
    match major_of_answer(&answer) {
        Some(major) => Ok(Binaries { directory, major }),
        None => Err(PrivatePostgresError::StrangeVersion { program, answer }),
    }
}

fn major_of_path(directory: &Path) -> Option<u32> {
    let mut parents = directory.iter().rev();
    let (bin, major, product) = (parents.next()?, parents.next()?, parents.next()?);
    if bin == "bin" && product == "postgresql" { major.to_str()?.parse().ok() } else { None }
}

/// The major version in an answer such as "postgres (PostgreSQL) 15.4 (Debian 15.4-1)" or "… 17beta1".
fn major_of_answer(answer: &str) -> Option<u32> {
    let version = answer.strip_prefix("postgres (PostgreSQL) ")?;
    let end = version.find(|character: char| !character.is_ascii_digit()).unwrap_or(version.len());
    version[..end].parse().ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_version_is_read_from_the_answer_or_the_path() {
        assert_eq!(major_of_answer("postgres (PostgreSQL) 15.18 (Debian 15.18-0+deb12u1)"), Some(15));
        assert_eq!(major_of_answer("postgres (PostgreSQL) 17beta1"), Some(17));
        assert_eq!(major_of_answer("postgres (PostgreSQL) 9.6.24"), Some(9));
        assert_eq!(major_of_answer("something else 15"), None);
        assert_eq!(major_of_path(Path::new("/usr/lib/postgresql/16/bin")), Some(16));
        assert_eq!(major_of_path(Path::new("/opt/16/bin")), None);
    }

    #[test]
    fn the_newest_fitting_version_is_selected() {
        let found: Vec<Binaries> =
            [9, 13, 14, 16].map(|major| Binaries { directory: PathBuf::from("/x"), major }).into();
        let major = |wanted| select(&found, wanted).map(|binaries| binaries.major);
        assert_eq!(major(None), Some(16));
        assert_eq!(major(Some("14")), Some(14));
        assert_eq!(major(Some("13")), None, "too old");
        assert_eq!(major(Some("15")), None, "not installed");
    }

    #[test]
    fn old_data_are_told_from_data_of_an_unknown_version() {
        assert_eq!(["9.6", "13", "14", "99", "?"].map(is_too_old), [true, true, false, false, false]);
    }

    #[test]
    fn versions_side_by_side_and_in_path_are_found() {
        let root = tempfile::tempdir().unwrap();
        for name in ["14/bin", "16/bin", "doc/bin", "17"] {
            std::fs::create_dir_all(root.path().join(name)).unwrap();
        }
        for name in ["14/bin", "16/bin", "doc/bin"] {
            std::fs::write(root.path().join(name).join("postgres"), "").unwrap();
        }
        let majors: Vec<u32> = versioned(root.path()).iter().map(|binaries| binaries.major).collect();
        assert_eq!(majors, [14, 16]);
        assert_eq!(versioned(&root.path().join("absent")), []);
        let links = root.path().join("links");
        std::fs::create_dir(&links).unwrap();
        std::os::unix::fs::symlink(root.path().join("16/bin/postgres"), links.join("postgres")).unwrap();
        let path = std::env::join_paths([root.path().join("17"), links]).unwrap();
        assert_eq!(in_path(&path), Some(root.path().canonicalize().unwrap().join("16/bin")));
    }
}
