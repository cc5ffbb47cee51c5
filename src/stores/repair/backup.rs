//! Copies of whole databases, before a migration and for its trial.

use std::path::Path;
use std::time::{Duration, Instant};

use rusqlite::backup::{Backup, StepResult};
use rusqlite::{Connection, OpenFlags};

use super::{guard, writer};
use crate::core::repair::RepairError;

/// So many pages are copied at a time.
const BACKUP_PAGES: i32 = 2_000;
/// So often a copy is begun anew, or waits, because of other programs.
const MOST_BEGUN: u32 = 250;

/// Copies a database, consistent as of one moment, to a new file that only its owner may read.
///
/// Through a read-only connection of its own: through one that writes it would be refused.
pub fn backup(path: &Path, to: &Path) -> Result<(), RepairError> {
    use std::os::unix::fs::OpenOptionsExt as _;
    let fail = |error: rusqlite::Error| writer::failure(error, to);
    let from = crate::stores::sqlite::connect(path, &crate::stores::sqlite::Cancel::default())?;
    let count = |pragma: &str| from.pragma_query_value(None, pragma, |r| r.get::<_, i64>(0));
    let bytes = count("page_count").and_then(|pages| Ok(pages * count("page_size")?)).map_err(fail)?;
    guard::ensure_space(guard::folder_of(to), bytes.unsigned_abs())?;
    let file = std::fs::File::options().write(true).create_new(true).mode(0o600).open(to);
    file.map_err(|error| match error.kind() {
        std::io::ErrorKind::AlreadyExists => RepairError::MayNotWrite {
            reason: "There is a file of that name already".into(),
            hint: "Choose another name.",
            path: to.to_owned(),
        },
        _ => RepairError::MayNotWrite {
            reason: format!("The copy cannot be written ({error})"),
            hint: "Choose another folder, or make room.",
            path: to.to_owned(),
        },
    })?;
    let mut copy = Connection::open_with_flags(to, OpenFlags::SQLITE_OPEN_READ_WRITE).map_err(fail)?;
    let wal: String = from.pragma_query_value(None, "journal_mode", |r| r.get(0)).map_err(fail)?;
    if wal == "wal" {
        // One moment, whoever writes meanwhile; else every write would begin the copy anew.
        from.execute_batch("BEGIN; SELECT count(*) FROM main.sqlite_schema").map_err(fail)?;
    }
    copied(&Backup::new(&from, &mut copy).map_err(fail)?, path)?;
    // One file, with nothing beside it.
    copy.execute_batch("PRAGMA journal_mode = DELETE").map_err(fail)?;
    drop(copy);
    std::fs::File::open(to).and_then(|f| f.sync_all()).map_err(|error| RepairError::MayNotWrite {
        reason: format!("The copy cannot be kept ({error})"),
        hint: "Check the disk.",
        path: to.to_owned(),
    })
}

/// Copies page by page; a writer begins it anew, which cannot go on for ever.
fn copied(backup: &Backup<'_, '_>, path: &Path) -> Result<(), RepairError> {
    let locked = || RepairError::Locked { path: path.to_owned() };
    let (mut left, mut begun) = (i32::MAX, 0);
    loop {
        match backup.step(BACKUP_PAGES).map_err(|e| writer::failure(e, path))? {
            StepResult::Done => return Ok(()),
            StepResult::More => {
                let now = backup.progress().remaining;
                begun += u32::from(now > left);
                left = now;
            }
            _ => {
                begun += 1;
                std::thread::sleep(Duration::from_millis(20));
            }
        }
        if begun > MOST_BEGUN {
            return Err(locked());
        }
    }
}

/// How long something took, in milliseconds, told as at least one.
pub fn took_ms(start: Instant) -> u128 {
    start.elapsed().as_millis().max(1)
}
