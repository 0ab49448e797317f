//! Keys in a folder.
//!
//! One file an entry, 0600, in a folder of 0700. A write goes to a temporary file, is synced, renamed and the folder
//! synced, so that a crash leaves the old entry or the new one. Writers of all processes take turns by a lock on a file
//! in the folder; the kernel frees it when its holder dies, so nothing has to be cleaned up but temporary files, which
//! the next writer removes.

use std::fs::{self, File, OpenOptions};
use std::io::{self, Write as _};
use std::os::unix::fs::{DirBuilderExt as _, OpenOptionsExt as _, PermissionsExt as _};
use std::path::{Path, PathBuf};

use futures_util::future::BoxFuture;
use rustix::fs::{FlockOperation, flock};

use super::{KeyStore, KeyStoreError};

const LOCK: &str = ".lock";
const TEMPORARY: &str = ".new-";

/// A folder of keys.
#[derive(Debug, Clone)]
pub struct FileStore {
    folder: PathBuf,
}

impl FileStore {
    /// Opens the folder, and makes it when it isn't there. Its mode is set to 0700.
    ///
    /// # Errors
    /// When it can't be made or is no folder.
    pub fn open(folder: impl Into<PathBuf>) -> Result<Self, KeyStoreError> {
        let folder = folder.into();
        let failed = |source| failure("open the key folder", &folder.display().to_string(), source);
        fs::DirBuilder::new().recursive(true).mode(0o700).create(&folder).map_err(failed)?;
        fs::set_permissions(&folder, fs::Permissions::from_mode(0o700)).map_err(failed)?;
        Ok(Self { folder })
    }

    fn path(&self, name: &str) -> io::Result<PathBuf> {
        let plain = !name.is_empty() && !name.starts_with('.') && !name.contains(['/', '\0']);
        if plain { Ok(self.folder.join(format!("{name}.pem"))) } else { Err(io::ErrorKind::InvalidInput.into()) }
    }

    fn read(&self, name: &str) -> io::Result<Option<Vec<u8>>> {
        match fs::read(self.path(name)?) {
            Ok(bytes) => Ok(Some(bytes)),
            Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
            Err(error) => Err(error),
        }
    }

    /// Waits for the turn. Held until the file is dropped.
    fn lock(&self) -> io::Result<File> {
        let path = self.folder.join(LOCK);
        let file = OpenOptions::new().create(true).truncate(false).write(true).mode(0o600).open(path)?;
        flock(&file, FlockOperation::LockExclusive)?;
        Ok(file)
    }

    fn swap_now(&self, name: &str, expected: Option<&[u8]>, new: &[u8]) -> io::Result<Vec<u8>> {
        let path = self.path(name)?;
        let turn = self.lock()?;
        let present = self.read(name)?;
        if let Some(present) = present.as_deref()
            && Some(present) != expected
        {
            return Ok(present.to_vec());
        }
        self.remove_leftovers()?;
        write_atomically(&path, new)?;
        drop(turn);
        Ok(new.to_vec())
    }

    /// Removes what writers left that died. Only the holder of the turn may do so.
    fn remove_leftovers(&self) -> io::Result<()> {
        for entry in fs::read_dir(&self.folder)? {
            let entry = entry?;
            if entry.file_name().to_string_lossy().starts_with(TEMPORARY) {
                fs::remove_file(entry.path())?;
            }
        }
        Ok(())
    }
}

/// Puts a file of mode 0600 in place, whole and durably.
pub(super) fn write_atomically(path: &Path, bytes: &[u8]) -> io::Result<()> {
    let folder = path.parent().ok_or(io::ErrorKind::InvalidInput)?;
    let temporary = folder.join(format!("{TEMPORARY}{}", uuid::Uuid::new_v4()));
    let mut file = OpenOptions::new().create_new(true).write(true).mode(0o600).open(&temporary)?;
    let written = file.write_all(bytes).and_then(|()| file.sync_all()).and_then(|()| fs::rename(&temporary, path));
    if written.is_err() {
        // The error that matters is the one of writing.
        let _also_failed = fs::remove_file(&temporary).is_err();
    }
    written?;
    File::open(folder)?.sync_all()
}

fn failure(action: &'static str, name: &str, source: io::Error) -> KeyStoreError {
    KeyStoreError { action, name: name.to_owned(), source }
}

/// Runs blocking work off the async threads.
async fn blocking<T: Send + 'static>(work: impl FnOnce() -> io::Result<T> + Send + 'static) -> io::Result<T> {
    tokio::task::spawn_blocking(work).await.map_err(io::Error::other)?
}

impl KeyStore for FileStore {
    fn load<'a>(&'a self, name: &'a str) -> BoxFuture<'a, Result<Option<Vec<u8>>, KeyStoreError>> {
        Box::pin(async move {
            let (store, entry) = (self.clone(), name.to_owned());
            blocking(move || store.read(&entry)).await.map_err(|source| failure("read the key entry", name, source))
        })
    }

    fn swap<'a>(
        &'a self,
        name: &'a str,
        expected: Option<&'a [u8]>,
        new: &'a [u8],
    ) -> BoxFuture<'a, Result<Vec<u8>, KeyStoreError>> {
        Box::pin(async move {
            let (store, entry) = (self.clone(), name.to_owned());
            let (expected, new) = (expected.map(<[u8]>::to_vec), new.to_vec());
            blocking(move || store.swap_now(&entry, expected.as_deref(), &new))
                .await
                .map_err(|source| failure("write the key entry", name, source))
        })
    }
}
