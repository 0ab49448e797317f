//! The Unix socket for Howdah's own components.
//!
//! Its folder is 0700, so the socket is closed to others from the moment it exists; its own mode is 0700 too. It is
//! bound through the folder's descriptor, because a socket's path may have 107 bytes only.

use std::io;
use std::os::fd::AsRawFd as _;
use std::os::unix::fs::{DirBuilderExt as _, MetadataExt as _, PermissionsExt as _};
use std::path::Path;

use rustix::fs::{Mode, OFlags};
use tokio::net::{UnixListener, UnixStream};

use super::ListenError;
use super::peer::UnixCredentials;

/// Binds the socket; makes its folder when it isn't there, and takes the place of a socket nobody listens on.
pub(super) fn bind(path: &Path) -> Result<UnixListener, ListenError> {
    let failed = |source| ListenError::BindUnix { path: path.to_owned(), source };
    let missing = || failed(io::Error::from(io::ErrorKind::InvalidInput));
    let (Some(folder), Some(name)) = (path.parent(), path.file_name()) else { return Err(missing()) };
    match std::fs::DirBuilder::new().mode(0o700).create(folder) {
        Err(error) if error.kind() != io::ErrorKind::AlreadyExists => return Err(failed(error)),
        _ => {}
    }
    let directory = rustix::fs::open(folder, OFlags::PATH | OFlags::DIRECTORY | OFlags::CLOEXEC, Mode::empty())
        .map_err(|error| failed(error.into()))?;
    let through = Path::new("/proc/self/fd").join(directory.as_raw_fd().to_string());
    let metadata = std::fs::metadata(&through).map_err(failed)?;
    if metadata.mode() & 0o077 != 0 || metadata.uid() != rustix::process::geteuid().as_raw() {
        return Err(ListenError::OpenFolder(path.to_owned()));
    }
    let short = through.join(name);
    let listener = match UnixListener::bind(&short) {
        Err(error) if error.kind() == io::ErrorKind::AddrInUse && is_abandoned(&short) => {
            std::fs::remove_file(&short).and_then(|()| UnixListener::bind(&short))
        }
        other => other,
    };
    let listener = listener.map_err(failed)?;
    std::fs::set_permissions(&short, std::fs::Permissions::from_mode(0o700)).map_err(failed)?;
    Ok(listener)
}

/// Whether the socket is one that nobody listens on.
fn is_abandoned(path: &Path) -> bool {
    matches!(std::os::unix::net::UnixStream::connect(path), Err(error) if error.kind() == io::ErrorKind::ConnectionRefused)
}

/// Removes the socket of a listener that is gone.
pub(super) fn remove(path: &Path) {
    if let Err(error) = std::fs::remove_file(path) {
        tracing::debug!(%error, "the socket could not be removed");
    }
}

/// Who connected; `None` when that is neither this process' user nor root.
pub(super) fn credentials(stream: &UnixStream) -> io::Result<Option<UnixCredentials>> {
    let seen = stream.peer_cred()?;
    let welcome = seen.uid() == 0 || seen.uid() == rustix::process::geteuid().as_raw();
    Ok(welcome.then(|| UnixCredentials { uid: seen.uid(), gid: seen.gid(), pid: seen.pid() }))
}
