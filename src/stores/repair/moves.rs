//! Files that move: put aside beside themselves, or into a holding folder on their own file system; never deleted.

use std::fs;
use std::io::Read as _;
use std::path::{Path, PathBuf};

use rustix::fs::{CWD, RenameFlags, renameat_with};
use sha2::{Digest, Sha256};

use super::guard;
use super::keys::text_key;
use crate::core::hex;
use crate::core::repair::{Edit, EditKind, Performed, Record, RepairError, Standing};

/// The table that lines about files are in.
pub const TABLE: &str = "files";
pub const NOUN: &str = "file";

/// An edit that moves a file as it is now.
pub fn edit(from: &Path, to: &Path, print: &str) -> Edit {
    let record = |path: &Path| Some(Record::of_texts(&[&path.to_string_lossy(), print]));
    Edit {
        kind: EditKind::Move,
        table: TABLE.into(),
        id: text_key(&from.to_string_lossy()),
        before: record(from),
        after: record(to),
    }
}

/// What is in a file, as a short text: its SHA-256.
pub fn print(path: &Path) -> std::io::Result<String> {
    let mut file = fs::File::open(path)?;
    let mut hash = Sha256::new();
    let mut piece = vec![0; 1 << 16];
    loop {
        match file.read(&mut piece)? {
            0 => return Ok(hex(&hash.finalize())),
            read => hash.update(&piece[..read]),
        }
    }
}

pub fn print_of(bytes: &[u8]) -> String {
    hex(&Sha256::digest(bytes))
}

fn ends(edit: &Edit) -> Option<(PathBuf, PathBuf, String)> {
    let (before, after) = (edit.before.as_ref()?, edit.after.as_ref()?);
    Some((before.text(0)?.into(), after.text(0)?.into(), before.text(1)?.to_owned()))
}

/// Whether the file is where it was, or where it goes.
pub fn standing(edit: &Edit) -> Standing {
    let Some((from, to, wanted)) = ends(edit) else {
        return Standing::Changed("its record cannot be read".into());
    };
    let is = |path: &Path| fs::symlink_metadata(path).is_ok_and(|m| m.is_file());
    match (is(&from), to.symlink_metadata().is_ok()) {
        (true, true) => Standing::Changed("its place is taken by another file".into()),
        (true, false) => match print(&from) {
            Ok(found) if found == wanted => Standing::Before,
            Ok(_) => Standing::Changed("the file was changed".into()),
            Err(error) => Standing::Changed(format!("it cannot be read ({error})")),
        },
        (false, true) => match print(&to) {
            Ok(found) if found == wanted => Standing::After,
            _ => Standing::Changed("the file was changed where it is now".into()),
        },
        (false, false) => Standing::Changed("the file is gone".into()),
    }
}

/// Moves the file, where it is as it was and nothing is in its way.
pub fn perform(edit: &Edit) -> Result<Performed, RepairError> {
    match standing(edit) {
        Standing::Before => {}
        Standing::After => return Ok(Performed::Left("it is done already".into())),
        Standing::Changed(how) => return Ok(Performed::Left(how)),
    }
    let Some((from, to, wanted)) = ends(edit) else {
        return Ok(Performed::Left("its record cannot be read".into()));
    };
    let fail = |error: std::io::Error, path: &Path| RepairError::Failed {
        reason: format!("The file cannot be moved ({error})"),
        hint: "Check that you may write its folder.",
        path: path.to_owned(),
    };
    let folder = guard::folder_of(&to);
    make_private(folder).map_err(|e| fail(e, folder))?;
    match move_new(&from, &to) {
        Ok(()) => {}
        Err(error) if error.kind() == std::io::ErrorKind::AlreadyExists => {
            return Ok(Performed::Left("its place is taken by another file".into()));
        }
        Err(error) => return Err(fail(error, &from)),
    }
    // What was moved is what was looked at, or it goes back: its program may have put another in its place just then.
    if print(&to).is_ok_and(|found| found != wanted) {
        return match move_new(&to, &from) {
            Ok(()) => Ok(Performed::Left("the file was changed".into())),
            Err(error) => Err(fail(error, &to)),
        };
    }
    // It has moved; a folder that cannot be synced takes nothing back.
    let _ = sync_folder(folder);
    Ok(Performed::Done(1))
}

/// Gives a file another name where there is none of it yet.
pub fn move_new(from: &Path, to: &Path) -> std::io::Result<()> {
    match renameat_with(CWD, from, CWD, to, RenameFlags::NOREPLACE) {
        Ok(()) => Ok(()),
        // Some file systems know no such rename: a second name, and then the first goes.
        Err(rustix::io::Errno::INVAL | rustix::io::Errno::NOSYS | rustix::io::Errno::NOTSUP) => {
            fs::hard_link(from, to)?;
            fs::remove_file(from)
        }
        Err(error) => Err(error.into()),
    }
}

/// Makes a folder that only its owner may look into, with those above it.
pub fn make_private(folder: &Path) -> std::io::Result<()> {
    use std::os::unix::fs::DirBuilderExt as _;
    fs::DirBuilder::new().recursive(true).mode(0o700).create(folder)
}

/// Has the disk remember the names in a folder.
pub fn sync_folder(folder: &Path) -> std::io::Result<()> {
    fs::File::open(folder)?.sync_all()
}
