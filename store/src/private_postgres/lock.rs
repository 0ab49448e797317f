//! One Howdah a data directory: an exclusive lock, held for as long as somebody supervises Postgres there.
//!
//! The lock is the kernel's (`flock`), so it ends with the process however that ends; the file stays. Postgres itself
//! never inherits it.

use std::fs::{File, OpenOptions};
use std::io::{Read as _, Write as _};
use std::os::unix::fs::OpenOptionsExt as _;
use std::path::Path;
use std::time::Duration;

use rustix::fs::FlockOperation;
use rustix::io::Errno;
use tokio::time::Instant;

use super::PrivatePostgresError;

/// How long a lock that is taken is waited for: its holder may be just about to end.
const PATIENCE: Duration = Duration::from_millis(500);

/// Takes the lock on `data_dir`; it is held until the file is closed.
pub(super) async fn acquire(data_dir: &Path) -> Result<File, PrivatePostgresError> {
    let path = data_dir.join("postgres.lock");
    let failed = |action| PrivatePostgresError::file(action, &path);
    let mut options = OpenOptions::new();
    options.read(true).write(true).create(true).truncate(false).mode(0o600);
    let mut file = options.open(&path).map_err(failed("open"))?;
    let deadline = Instant::now() + PATIENCE;
    loop {
        match rustix::fs::flock(&file, FlockOperation::NonBlockingLockExclusive) {
            Ok(()) => break,
            Err(Errno::WOULDBLOCK) if Instant::now() < deadline => tokio::time::sleep(Duration::from_millis(10)).await,
            Err(Errno::WOULDBLOCK) => {
                let mut text = String::new();
                let holder = file.read_to_string(&mut text).ok().and_then(|_| text.trim().parse().ok());
                return Err(PrivatePostgresError::Locked { directory: data_dir.to_owned(), holder });
            }
            Err(error) => return Err(failed("lock")(error.into())),
        }
    }
    file.set_len(0).and_then(|()| writeln!(file, "{}", std::process::id())).map_err(failed("write"))?;
    Ok(file)
}
