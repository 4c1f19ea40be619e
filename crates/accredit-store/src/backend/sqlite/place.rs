//! The files of an SQLite store: who may read them, and who has them now.
#![expect(clippy::disallowed_methods, reason = "the room that makes the database's files")]

use std::fs::{self, DirBuilder, File, OpenOptions, Permissions, TryLockError};
use std::io::{self, Read as _, Write as _};
use std::os::unix::fs::{DirBuilderExt as _, OpenOptionsExt as _, PermissionsExt as _};
use std::path::{Path, PathBuf};

use crate::error::StoreError;

/// A database file that is this process's own until this is dropped, or the process ends in whatever way: the lock is the
/// kernel's and dies with its owner.
#[derive(Debug)]
pub(super) struct Place {
    database: PathBuf,
    _lock: File,
}

// === impl Place ===

impl Place {
    /// Takes the database at `path`. Makes its folder (0700) and the file (0600) when they are missing, takes away what
    /// others may do with a file that is there, and refuses with [`StoreError::Locked`] what another process has.
    pub(super) fn take(path: &Path) -> Result<Self, StoreError> {
        let database = settle(path)?;
        // Beside the database and not on it: closing any other handle on the database would drop SQLite's own locks.
        let lock_path = beside(&database, ".lock");
        let lock = private().open(&lock_path).map_err(|error| cannot("open", &lock_path, &error))?;
        match lock.try_lock() {
            Ok(()) => {}
            Err(TryLockError::WouldBlock) => return Err(StoreError::Locked { path: database, holder: holder(&lock) }),
            Err(TryLockError::Error(error)) => return Err(cannot("lock", &lock_path, &error)),
        }
        sign(&lock).map_err(|error| cannot("write", &lock_path, &error))?;
        make_private(&database)?;
        Ok(Self { database, _lock: lock })
    }

    /// Whether there is a file.
    pub(super) fn is_there(path: &Path) -> bool {
        path.exists()
    }

    pub(super) fn database(&self) -> &Path {
        &self.database
    }
}

/// The one name of the database, however it was called, so that two ways to it meet at one lock.
fn settle(path: &Path) -> Result<PathBuf, StoreError> {
    let folder = match path.parent() {
        Some(folder) if folder.as_os_str().is_empty() => Path::new("."),
        Some(folder) => folder,
        None => return Err(cannot("use", path, &io::ErrorKind::IsADirectory.into())),
    };
    let name = path.file_name().ok_or_else(|| cannot("use", path, &io::ErrorKind::InvalidFilename.into()))?;
    if !folder.exists() {
        DirBuilder::new().recursive(true).mode(0o700).create(folder).map_err(|error| cannot("make", folder, &error))?;
    }
    let folder = fs::canonicalize(folder).map_err(|error| cannot("open", folder, &error))?;
    let database = folder.join(name);
    match fs::symlink_metadata(&database) {
        Ok(_) => {}
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(database),
        Err(error) => return Err(cannot("open", &database, &error)),
    }
    let database = fs::canonicalize(&database).map_err(|error| cannot("open", &database, &error))?;
    if database.is_file() { Ok(database) } else { Err(cannot("use", &database, &io::ErrorKind::InvalidInput.into())) }
}

fn make_private(database: &Path) -> Result<(), StoreError> {
    if !database.exists() {
        private().create_new(true).open(database).map_err(|error| cannot("make", database, &error))?;
        // The name must outlive a power failure too; SQLite syncs only what it makes itself.
        let folder = database.parent().unwrap_or(database);
        return File::open(folder).and_then(|folder| folder.sync_all()).map_err(|error| cannot("sync", folder, &error));
    }
    for path in [database.to_owned(), beside(database, "-wal"), beside(database, "-shm")] {
        match fs::metadata(&path) {
            Ok(found) if found.permissions().mode() & 0o077 != 0 => {
                fs::set_permissions(&path, Permissions::from_mode(0o600))
                    .map_err(|error| cannot("protect", &path, &error))?;
            }
            Ok(_) => {}
            Err(error) if error.kind() == io::ErrorKind::NotFound => {}
            Err(error) => return Err(cannot("open", &path, &error)),
        }
    }
    Ok(())
}

fn private() -> OpenOptions {
    let mut options = OpenOptions::new();
    options.read(true).write(true).create(true).truncate(false).mode(0o600);
    options
}

/// Writes down whose the lock is. Only a courtesy to whom it keeps out: the lock itself is the kernel's.
fn sign(mut lock: &File) -> io::Result<()> {
    lock.set_len(0)?;
    writeln!(lock, "{}", std::process::id())
}

fn holder(mut lock: &File) -> Option<u32> {
    let mut text = String::new();
    lock.read_to_string(&mut text).ok()?;
    text.trim().parse().ok()
}

fn beside(database: &Path, ending: &str) -> PathBuf {
    let mut name = database.as_os_str().to_owned();
    name.push(ending);
    name.into()
}

fn cannot(verb: &str, path: &Path, error: &io::Error) -> StoreError {
    StoreError::Unavailable { cause: format!("cannot {verb} `{}`: {error}", path.display()) }
}
