//! Replaces a text file by a new text in one step, and puts it back where somebody else wrote it meanwhile.
//!
//! Source: `renameat2(RENAME_EXCHANGE)`, Linux. A JSON file has no lock: what came out of the exchange shows whether it was
//! what the new text was made from.

use std::fs::{self, File};
use std::io::{Read as _, Write as _};
use std::os::unix::fs::{MetadataExt as _, OpenOptionsExt as _};
use std::path::{Path, PathBuf};

use rustix::fs::{CWD, RenameFlags, renameat_with};

use super::guard::{self, Identity};
use super::moves;
use crate::core::repair::{RepairError, Step, Watch};

/// A file larger than this is no session file.
const MOST_BYTES: u64 = 1 << 30;

/// A name beside a file for what takes its place; what was there before, for a moment after the exchange.
///
/// Another one each time, so that what an interruption leaves is in nobody's way.
pub fn prepared(path: &Path) -> PathBuf {
    let name = path.file_name().unwrap_or_default().to_string_lossy();
    let since = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH).unwrap_or_default();
    path.with_file_name(format!(".{name}.sessionscope-{}-{}", std::process::id(), since.as_nanos()))
}

/// Reads a plain file, and no other that has taken its place.
pub fn read(path: &Path, known: Option<Identity>) -> Result<Vec<u8>, RepairError> {
    guard::ensure_plain(path, known)?;
    let read = || -> std::io::Result<Vec<u8>> {
        let no_follow = rustix::fs::OFlags::NOFOLLOW.bits();
        let file = File::options().read(true).custom_flags(no_follow.cast_signed()).open(path)?;
        let mut bytes = Vec::new();
        file.take(MOST_BYTES).read_to_end(&mut bytes)?;
        Ok(bytes)
    };
    read().map_err(|error| failure(&error, "The file cannot be read", path))
}

/// Puts a new text in the place of an old one, whose owner and permissions it takes.
///
/// # Errors
/// Where nothing was changed; what comes after the exchange cannot fail it any more.
pub fn replace(
    path: &Path,
    beside: &Path,
    old: &[u8],
    new: &[u8],
    watch: &mut Watch<'_>,
) -> Result<(), RepairError> {
    let folder = guard::folder_of(path);
    guard::ensure_space(folder, new.len() as u64)?;
    let write = || -> std::io::Result<()> {
        let meta = fs::metadata(path)?;
        let mut file = File::options().write(true).create_new(true).mode(0o600).open(beside)?;
        file.write_all(new)?;
        let own = fs::metadata(beside)?;
        if (own.uid(), own.gid()) != (meta.uid(), meta.gid()) {
            std::os::unix::fs::chown(beside, Some(meta.uid()), Some(meta.gid()))?;
        }
        file.set_permissions(meta.permissions())?;
        file.sync_all()
    };
    let prepared =
        write().map_err(|error| failure(&error, "The new text cannot be written beside the file", path));
    let _ = watch(Step::Prepared);
    prepared.and_then(|()| exchange(beside, path)).inspect_err(|_| {
        let _ = fs::remove_file(beside);
    })?;
    let _ = watch(Step::Exchanged);
    let ours = moves::print_of(new);
    let came_out = moves::print(beside).unwrap_or_default();
    if came_out != moves::print_of(old) {
        // Somebody wrote it after it was read: theirs goes back.
        give_back(path, beside, ours, came_out)?;
        return Err(RepairError::Replaced { path: path.to_owned() });
    }
    // The exchange stands. A folder that cannot be synced, or a text that stays beside the file, changes nothing of it.
    let _ = moves::sync_folder(folder);
    let _ = fs::remove_file(beside);
    Ok(())
}

/// Exchanges until the newest text of others is in place, and what is beside it is older.
///
/// `placed` is the print of what was put in place last, `aside` of what came out. Whoever writes goes on doing so: what
/// comes out each time tells whether somebody wrote in between.
fn give_back(path: &Path, beside: &Path, placed: String, aside: String) -> Result<(), RepairError> {
    let (mut placed, mut aside) = (placed, aside);
    loop {
        exchange(beside, path)?;
        let came_out = moves::print(beside).unwrap_or_default();
        if came_out == placed {
            // Nobody wrote since: it is our own, or has been written over.
            let _ = fs::remove_file(beside);
            return Ok(());
        }
        (placed, aside) = (aside, came_out);
    }
}

fn exchange(one: &Path, other: &Path) -> Result<(), RepairError> {
    renameat_with(CWD, one, CWD, other, RenameFlags::EXCHANGE)
        .map_err(|errno| failure(&errno.into(), "The two texts cannot be exchanged in one step", other))
}

/// How a text and what is prepared beside it are found after an interruption.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Found {
    /// Nothing is beside the file any more.
    Clean,
    /// Somebody else's text is beside it: it cannot be told what became of it.
    Unclear,
}

/// Clears up after a replacement that was interrupted, by the prints of the old and the new text.
pub fn clear_up(path: &Path, beside: &Path, old: &str, new: &str) -> Result<Found, RepairError> {
    if !beside.exists() {
        return Ok(Found::Clean);
    }
    let print = |path: &Path| moves::print(path).unwrap_or_default();
    let aside = print(beside);
    if aside == old {
        // The exchange was made; whoever wrote the file since began with ours.
    } else if print(path) == new {
        // Killed before it was seen that somebody had written the file: theirs goes back.
        give_back(path, beside, new.to_owned(), aside)?;
        return Ok(Found::Clean);
    } else if aside != new && fs::metadata(beside).is_ok_and(|m| m.mode() & 0o777 != 0o600) {
        return Ok(Found::Unclear);
    }
    // Ours, whole or in part: the exchange was not made.
    fs::remove_file(beside)
        .map_err(|error| failure(&error, "What an interrupted repair left cannot be removed", beside))?;
    Ok(Found::Clean)
}

pub fn failure(error: &std::io::Error, what: &str, path: &Path) -> RepairError {
    if error.kind() == std::io::ErrorKind::StorageFull {
        return RepairError::DiskFull { path: path.to_owned() };
    }
    RepairError::Failed {
        reason: format!("{what} ({error})"),
        hint: "Check the file, its folder and the disk.",
        path: path.to_owned(),
    }
}
