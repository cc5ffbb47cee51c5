//! Temporary files, which hold rows as they are: what a program that was killed left of them is removed at the next start.
//!
//! Each has a folder of its own that only its owner may look into. Its lock is held as long as it is in use, and goes with
//! the program.

use std::fs::{self, File, Permissions};
use std::io;
use std::os::unix::fs::{MetadataExt as _, PermissionsExt as _};
use std::path::{Path, PathBuf};

use tempfile::TempDir;

use super::repair::guard::Identity;

const PREFIX: &str = "sessionscope-scratch-";
/// So often a new folder is made where somebody takes it for left over before it is locked.
const TRIES: usize = 5;

/// A folder for temporary files.
pub struct Scratch {
    folder: TempDir,
    _lock: File,
}

impl Scratch {
    pub fn new() -> io::Result<Self> {
        for _ in 0..TRIES {
            let mine = Permissions::from_mode(0o700);
            let folder = tempfile::Builder::new().prefix(PREFIX).permissions(mine).tempdir()?;
            // Until it is locked it may be taken for left over, and removed.
            let lock = match File::open(folder.path()) {
                Err(error) if error.kind() == io::ErrorKind::NotFound => continue,
                lock => lock?,
            };
            lock.lock()?;
            let locked = Identity::of(&lock.metadata()?);
            if Identity::read(folder.path()) == Some(locked) {
                return Ok(Self { folder, _lock: lock });
            }
        }
        Err(io::Error::other("another program removes it"))
    }

    pub fn path(&self) -> &Path {
        self.folder.path()
    }

    /// A file in it.
    pub fn file(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }
}

/// Removes what is left over of programs that were killed.
pub fn clear_up() {
    let Ok(entries) = fs::read_dir(std::env::temp_dir()) else { return };
    let own = rustix::process::geteuid().as_raw();
    for path in entries.flatten().map(|e| e.path()) {
        let ours = path.file_name().is_some_and(|n| n.to_string_lossy().starts_with(PREFIX))
            && fs::symlink_metadata(&path).is_ok_and(|m| m.is_dir() && m.uid() == own);
        if ours && let Some(_lock) = left(&path) {
            // What cannot be removed now is tried again at the next start.
            let _ = fs::remove_dir_all(&path);
        }
    }
}

/// The lock of a folder that nobody uses any more; to be held until it is gone.
fn left(path: &Path) -> Option<File> {
    let folder = File::open(path).ok()?;
    folder.try_lock().is_ok().then_some(folder)
}
