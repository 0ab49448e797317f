//! Postgres' data directory, held open: every file in it is reached through the handle, never through a path.
//!
//! That serves two ends. The path may be longer than a socket address and lead through folders that only root may
//! enter; a handle passes both. And the directory belongs to a less privileged user than Howdah may be: nothing here
//! follows a symbolic link that this user could have planted, waits for a pipe, or reads without bound.

use std::fs::File;
use std::io::{self, Read as _, Write as _};
use std::os::fd::{AsFd, AsRawFd as _, BorrowedFd, OwnedFd};
use std::path::{Path, PathBuf};
use std::sync::Arc;

use rustix::fs::{AtFlags, Gid, Mode, OFlags, Uid};
use rustix::io::Errno;

use super::PrivatePostgresError;
use super::account::Account;

/// The most that is read of any file.
const READ_LIMIT: u64 = 1 << 20;

/// What tells a directory from all others on this machine: device and inode.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Identity {
    pub(super) device: u64,
    pub(super) inode: u64,
}

/// A directory, held open.
#[derive(Debug, Clone)]
pub(super) struct Directory {
    handle: Arc<OwnedFd>,
    path: PathBuf,
    identity: Identity,
    owner: u32,
}

impl Directory {
    /// Opens the directory at `path`.
    pub(super) fn open(path: &Path) -> Result<Self, PrivatePostgresError> {
        let failed = || PrivatePostgresError::file("open the directory", path);
        let flags = OFlags::RDONLY | OFlags::DIRECTORY | OFlags::CLOEXEC;
        let handle = rustix::fs::open(path, flags, Mode::empty()).map_err(failed())?;
        let stat = rustix::fs::fstat(&handle).map_err(failed())?;
        let identity = Identity { device: stat.st_dev, inode: stat.st_ino };
        Ok(Self { handle: Arc::new(handle), path: path.to_owned(), identity, owner: stat.st_uid })
    }

    /// The path that it was opened by, for messages.
    pub(super) fn path(&self) -> &Path {
        &self.path
    }

    /// What tells it from all other directories.
    pub(super) fn identity(&self) -> Identity {
        self.identity
    }

    /// The uid it belonged to when opened.
    pub(super) fn owner(&self) -> u32 {
        self.owner
    }

    /// The handle, to keep open whatever reaches the directory by [`Directory::own_path`].
    pub(super) fn handle(&self) -> &Arc<OwnedFd> {
        &self.handle
    }

    /// A short path to it that works in this process alone, and only while the handle is open.
    pub(super) fn own_path(&self) -> String {
        format!("/proc/self/fd/{}", self.handle.as_raw_fd())
    }

    /// The content of the file `name`, or `None` where there is no such file.
    pub(super) fn read(&self, name: &str) -> io::Result<Option<Vec<u8>>> {
        let flags = OFlags::RDONLY | OFlags::NOFOLLOW | OFlags::NONBLOCK | OFlags::CLOEXEC;
        let file = match rustix::fs::openat(&self.handle, name, flags, Mode::empty()) {
            Ok(file) => File::from(file),
            Err(Errno::NOENT) => return Ok(None),
            Err(error) => return Err(error.into()),
        };
        let mut content = Vec::new();
        file.take(READ_LIMIT).read_to_end(&mut content)?;
        Ok(Some(content))
    }

    /// Makes `content` the whole of the file `name`, at once and durably, as a file of `account`'s. A file that
    /// already reads so is left alone.
    pub(super) fn write(&self, name: &str, content: &[u8], account: &Account) -> Result<(), PrivatePostgresError> {
        if self.read(name).ok().flatten().as_deref() == Some(content) {
            return Ok(());
        }
        self.replace(name, content, account).map_err(PrivatePostgresError::file("write", self.path.join(name)))
    }

    fn replace(&self, name: &str, content: &[u8], account: &Account) -> io::Result<()> {
        let draft = format!("{name}.howdah");
        self.remove(&draft)?;
        let flags = OFlags::WRONLY | OFlags::CREATE | OFlags::EXCL | OFlags::NOFOLLOW | OFlags::CLOEXEC;
        let mut file = File::from(rustix::fs::openat(&self.handle, draft.as_str(), flags, Mode::RUSR | Mode::WUSR)?);
        give(file.as_fd(), account)?;
        file.write_all(content)?;
        file.sync_all()?;
        rustix::fs::renameat(&self.handle, draft.as_str(), &self.handle, name)?;
        rustix::fs::fsync(&self.handle)?;
        Ok(())
    }

    /// Removes the file `name`, where it is there.
    pub(super) fn remove(&self, name: &str) -> io::Result<()> {
        match rustix::fs::unlinkat(&self.handle, name, AtFlags::empty()) {
            Ok(()) | Err(Errno::NOENT) => Ok(()),
            Err(error) => Err(error.into()),
        }
    }
}

/// Gives an open file or directory to the user whom Postgres runs as.
pub(super) fn give(file: BorrowedFd<'_>, account: &Account) -> io::Result<()> {
    if account.switch {
        rustix::fs::fchown(file, Some(Uid::from_raw(account.uid)), Some(Gid::from_raw(account.gid)))?;
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn account() -> Account {
        let (name, howdah) = ("somebody".to_owned(), "somebody".to_owned());
        Account { name, uid: 0, gid: 0, switch: false, howdah }
    }

    #[test]
    fn files_are_replaced_whole_and_links_are_not_followed() {
        let temporary = tempfile::tempdir().unwrap();
        let outside = temporary.path().join("outside");
        std::fs::write(&outside, "precious").unwrap();
        let inside = temporary.path().join("inside");
        std::fs::create_dir(&inside).unwrap();
        for name in ["settings", "settings.howdah"] {
            std::os::unix::fs::symlink(&outside, inside.join(name)).unwrap();
        }
        let directory = Directory::open(&inside).unwrap();
        assert!(directory.read("settings").is_err(), "a link was followed");
        directory.write("settings", b"new", &account()).unwrap();
        assert_eq!(directory.read("settings").unwrap().as_deref(), Some(&b"new"[..]));
        assert_eq!(std::fs::read(&outside).unwrap(), b"precious");
        assert_eq!(directory.read("absent").unwrap(), None);
        directory.remove("absent").unwrap();
    }

    #[test]
    fn a_file_that_already_reads_so_is_left_alone() {
        let temporary = tempfile::tempdir().unwrap();
        let directory = Directory::open(temporary.path()).unwrap();
        directory.write("settings", b"same", &account()).unwrap();
        let inode = || rustix::fs::stat(temporary.path().join("settings")).unwrap().st_ino;
        let before = inode();
        directory.write("settings", b"same", &account()).unwrap();
        assert_eq!(inode(), before);
    }
}
