//! The write-ahead log of a database while it is written: on the disk before anybody relies on it, and never endless.

use std::fs::File;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicI32, Ordering};

use rusqlite::Connection;
use rusqlite::hooks::Wal;

use super::writer::failure;
use crate::core::repair::RepairError;
use crate::stores::sqlite::beside;

/// It may grow by so much before what is in it is brought into the database.
///
/// Half of a million sessions, deleted in batches, would leave a log of 1.6 GB behind, which every reader looks through
/// and the store's own program has to work off. In steps of 256 MB that takes a twentieth of the time, which writing
/// over what was brought over gives back.
const MOST_BYTES: i32 = 256 << 20;

/// As many pages as SQLite lets a log grow to of itself.
const SHARED_PAGES: i32 = 1000;

/// The log of a database in WAL mode.
pub struct WriteAhead {
    database: PathBuf,
    /// How many pages were in it after the last commit.
    pages: Arc<AtomicI32>,
    page_bytes: i32,
    /// With so many it is brought into the database again, where a reader stood in the way the last time.
    not_before: i32,
}

impl WriteAhead {
    /// Has commits not wait for the disk, while others wait for the lock: [`WriteAhead::sync`] does. None in another mode.
    pub fn of(connection: &mut Connection, database: &Path) -> rusqlite::Result<Option<Self>> {
        let mode: String = connection.query_row("PRAGMA main.journal_mode", [], |r| r.get(0))?;
        if !mode.eq_ignore_ascii_case("wal") {
            return Ok(None);
        }
        let page_bytes: i32 = connection.query_row("PRAGMA main.page_size", [], |r| r.get(0))?;
        connection.execute_batch("PRAGMA synchronous = NORMAL")?;
        let pages = Arc::new(AtomicI32::new(0));
        let counted = pages.clone();
        // In the place of SQLite's own hook, which brings the log over whenever a thousand pages are in it.
        connection.wal_hook(Some(move |_: &mut Wal, pages| {
            counted.store(pages, Ordering::Relaxed);
            Ok(())
        }))?;
        Ok(Some(Self { database: database.to_owned(), pages, page_bytes, not_before: 0 }))
    }

    /// Has the disk keep what was committed, and brings it into the database where it has become much.
    ///
    /// Where others write, that is after every batch: the next commit of theirs would do it, and wait for it.
    pub fn sync(&mut self, connection: &Connection, shared: bool) -> Result<(), RepairError> {
        let log = beside(&self.database, "-wal");
        // No lock of the database's is on this file, so that closing it takes none away.
        let kept = File::open(log).and_then(|file| file.sync_data());
        kept.map_err(|error| RepairError::Failed {
            reason: format!("The disk does not keep what was committed ({error})"),
            hint: "Check the disk, and look at the operation log.",
            path: self.database.clone(),
        })?;
        let pages = self.pages.load(Ordering::Relaxed);
        let most = if shared { SHARED_PAGES } else { MOST_BYTES / self.page_bytes.max(1) };
        if pages < most.max(self.not_before) {
            return Ok(());
        }
        // Passive: it waits for nobody, and nobody for it. What a reader still needs stays in the log.
        let left: i32 = connection
            .query_row("PRAGMA main.wal_checkpoint(PASSIVE)", [], |r| {
                Ok(r.get::<_, i32>(1)? - r.get::<_, i32>(2)?)
            })
            .map_err(|e| failure(e, &self.database))?;
        self.not_before = if left > 0 { pages.saturating_add(most) } else { 0 };
        Ok(())
    }
}
