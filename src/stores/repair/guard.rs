//! Whether a file may be written at all, and whose it is.

use std::collections::HashSet;
use std::fs::{self, Metadata};
use std::os::unix::fs::MetadataExt as _;
use std::path::Path;

use crate::core::repair::RepairError;
use crate::stores::sqlite::beside;

/// Which file a path named when it was looked at.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct Identity {
    device: u64,
    inode: u64,
}

impl Identity {
    pub fn of(meta: &Metadata) -> Self {
        Self { device: meta.dev(), inode: meta.ino() }
    }

    /// As a text, to be compared with later ones.
    pub fn words(self) -> String {
        format!("{}:{}", self.device, self.inode)
    }

    /// The file that a path names now, through links.
    pub fn read(path: &Path) -> Option<Self> {
        fs::metadata(path).ok().map(|meta| Self::of(&meta))
    }
}

/// Refuses a symbolic link before anything behind it is looked at.
pub fn ensure_no_link(path: &Path) -> Result<(), RepairError> {
    match fs::symlink_metadata(path) {
        Ok(meta) if meta.is_symlink() => ensure_plain(path, None),
        _ => Ok(()),
    }
}

/// Refuses a path that the operation log, which is text, could not find again: nothing there could be undone.
pub fn ensure_findable(path: &Path) -> Result<(), RepairError> {
    match path.to_str() {
        Some(_) => Ok(()),
        None => Err(RepairError::MayNotWrite {
            reason: "The path is not UTF-8, and could not be found again from the log".into(),
            hint: "Rename it, or the folder that it is in.",
            path: path.to_owned(),
        }),
    }
}

/// Refuses what is no plain file of one name in a folder that may be written.
///
/// Permission bits count for the superuser too: who took them away did not want the file changed.
pub fn ensure_plain(path: &Path, known: Option<Identity>) -> Result<(), RepairError> {
    ensure_findable(path)?;
    let may_not = |reason: &str, hint: &'static str| {
        Err(RepairError::MayNotWrite { reason: reason.to_owned(), hint, path: path.to_owned() })
    };
    let meta = match fs::symlink_metadata(path) {
        Ok(meta) => meta,
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => {
            return Err(RepairError::Replaced { path: path.to_owned() });
        }
        Err(error) => {
            return may_not(
                &format!("The file cannot be looked at ({error})"),
                "Check that you may read it.",
            );
        }
    };
    if meta.is_symlink() {
        return may_not(
            "It is a symbolic link, and a repair changes no file behind a link",
            "Open the file that the link points to.",
        );
    }
    if !meta.is_file() {
        return may_not("It is no regular file", "Open the file itself.");
    }
    if meta.nlink() > 1 {
        return may_not(
            &format!(
                "The file has {} names (hard links), and a change under one would change or split the others",
                meta.nlink()
            ),
            "Copy it to a file of its own first.",
        );
    }
    if known.is_some_and(|known| known != Identity::of(&meta)) {
        return Err(RepairError::Replaced { path: path.to_owned() });
    }
    if meta.permissions().readonly() {
        return may_not("The file is read only", "Allow writing it, if it is yours to change.");
    }
    let folder = folder_of(path);
    match fs::metadata(folder) {
        Ok(meta) if meta.permissions().readonly() => {
            return may_not(
                "Its folder is read only, and a change needs a file beside it while it is made",
                "Allow writing the folder, if it is yours to change.",
            );
        }
        _ => {}
    }
    use rustix::fs::{Access, access};
    if access(path, Access::WRITE_OK).is_err() || access(folder, Access::WRITE_OK).is_err() {
        return may_not("You may not write the file or its folder", "Run this as its owner.");
    }
    if beside(path, "-tshm").exists() {
        return may_not(
            "Turso is coordinating access to it (there is a -tshm file), which SQLite would not respect",
            "Stop that program, and remove the -tshm file if it left it.",
        );
    }
    Ok(())
}

/// The folder that a file is in.
pub fn folder_of(path: &Path) -> &Path {
    path.parent().filter(|p| !p.as_os_str().is_empty()).unwrap_or(Path::new("."))
}

/// What a person should know of a file before it is changed.
pub fn warnings(path: &Path) -> Vec<String> {
    let mut warnings = Vec::new();
    let Ok(meta) = fs::metadata(path) else { return warnings };
    if meta.uid() != rustix::process::geteuid().as_raw() {
        warnings.push(format!(
            "The file belongs to another user ({}); its owner and permissions stay as they are.",
            meta.uid()
        ));
    }
    if fs::metadata(folder_of(path)).is_ok_and(|folder| folder.mode() & 0o1002 == 0o002) {
        warnings.push("Anybody may change the folder that it is in.".to_owned());
    }
    let holders = holders(path);
    if !holders.is_empty() {
        let names =
            holders.iter().map(|h| format!("{}, {}", h.name, h.process)).collect::<Vec<_>>().join("; ");
        warnings.push(format!(
            "Another program has this file open ({names}). It can go on writing; rows that it changes before you confirm are left alone."
        ));
    }
    warnings
}

/// A process that has a file open.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Holder {
    pub process: u32,
    pub name: String,
}

/// The other processes that have a file open, as far as this user may see; empty where the system does not tell.
pub fn holders(path: &Path) -> Vec<Holder> {
    let Some(wanted) = Identity::read(path) else { return Vec::new() };
    let Ok(processes) = fs::read_dir("/proc") else { return Vec::new() };
    let own = std::process::id();
    let number = |entry: fs::DirEntry| entry.file_name().to_str().and_then(|n| n.parse::<u32>().ok());
    let others = processes.flatten().filter_map(number).filter(|process| *process != own);
    let holds = |process: &u32| {
        fs::read_dir(format!("/proc/{process}/fd"))
            .is_ok_and(|files| files.flatten().any(|f| Identity::read(&f.path()) == Some(wanted)))
    };
    let name = |process| {
        let name = fs::read_to_string(format!("/proc/{process}/comm")).unwrap_or_default();
        Holder { process, name: name.trim().to_owned() }
    };
    others.filter(holds).map(name).collect()
}

/// The files that other processes have open, as far as this user may see.
pub fn open_elsewhere() -> HashSet<Identity> {
    let Ok(processes) = fs::read_dir("/proc") else { return HashSet::new() };
    let own = std::process::id().to_string();
    let others = processes.flatten().filter(|p| {
        let name = p.file_name();
        name.to_str().is_some_and(|n| n != own && n.bytes().all(|b| b.is_ascii_digit()))
    });
    let files = others.filter_map(|p| fs::read_dir(p.path().join("fd")).ok()).flatten().flatten();
    files.filter_map(|file| Identity::read(&file.path())).collect()
}

/// Refuses where a file system has less room than is needed, and a tenth.
pub fn ensure_space(folder: &Path, needed_bytes: u64) -> Result<(), RepairError> {
    let Ok(space) = rustix::fs::statvfs(folder) else { return Ok(()) };
    let free_bytes = space.f_bavail.saturating_mul(space.f_frsize);
    let needed_bytes = needed_bytes.saturating_add(needed_bytes / 10);
    match needed_bytes > free_bytes {
        true => Err(RepairError::NoSpace { needed_bytes, free_bytes, path: folder.to_owned() }),
        false => Ok(()),
    }
}
