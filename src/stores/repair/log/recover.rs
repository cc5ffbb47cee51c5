//! Writes down how far interrupted operations came.

use std::fs::{self, File};
use std::os::unix::fs::OpenOptionsExt as _;

use rusqlite::Connection;

use super::{Log, set, value};
use crate::core::repair::{Edit, EditKind, RepairError, Standing};
use crate::core::{Operation, OperationState, Timestamp};

impl Log {
    /// Interrupted operations, which nobody is applying any more.
    pub fn interrupted(&self) -> Vec<Operation> {
        self.operations().into_iter().filter(|o| o.state == OperationState::Pending).collect()
    }

    /// Writes down how far an interrupted operation came: whether its last commit, which was intended, was made.
    ///
    /// `from_nothing` says that what was noted is gone too.
    pub fn settle(
        &self,
        id: &str,
        now: Timestamp,
        from_nothing: bool,
        standing: &mut dyn FnMut(&Edit) -> Result<Standing, RepairError>,
    ) -> Result<Operation, RepairError> {
        let mut evidence = Evidence::default();
        if !from_nothing {
            let intended = "WHERE EXISTS (SELECT 1 FROM batches WHERE n BETWEEN first AND last AND NOT done)
                 AND NOT EXISTS (SELECT 1 FROM left_alone AS l WHERE l.n = e.n) ORDER BY n";
            self.edits(id, intended, &mut |_, _, _, _, edit| {
                if !evidence.is_certain() {
                    evidence.add(&edit, &standing(&edit)?);
                }
                Ok(())
            })?;
        }
        let made = evidence.says_made();
        self.rewrite(id, |connection| {
            if from_nothing {
                return connection.execute_batch("DELETE FROM batches; DELETE FROM left_alone");
            }
            if !made {
                connection.execute_batch(
                    "DELETE FROM left_alone WHERE EXISTS (SELECT 1 FROM batches WHERE n BETWEEN first AND last AND NOT done);
                     DELETE FROM batches WHERE NOT done",
                )?;
            }
            connection.execute_batch("UPDATE batches SET done = 1")
        })?;
        let operation = self.operation(id)?;
        let state = match operation.done {
            0 => OperationState::Nothing,
            done if done + operation.left >= operation.planned => OperationState::Applied,
            _ => OperationState::Partly,
        };
        self.rewrite(id, |connection| {
            set(connection, "state", state.as_str())?;
            set(connection, "finished_at", &now.rfc3339())
        })?;
        let _ = fs::remove_file(self.lock_file(id));
        self.operation(id)
    }

    fn rewrite(
        &self,
        id: &str,
        work: impl FnOnce(&Connection) -> rusqlite::Result<()>,
    ) -> Result<(), RepairError> {
        let write = || -> rusqlite::Result<()> {
            let connection = self.connect(id, true)?;
            connection.execute_batch("PRAGMA synchronous = FULL; BEGIN IMMEDIATE")?;
            work(&connection)?;
            connection.execute_batch("COMMIT")
        };
        write().map_err(|e| self.unwritable(e))
    }

    /// Whether an operation has edits besides files that move.
    pub fn touches_store(&self, id: &str) -> Result<bool, RepairError> {
        let sql = "SELECT EXISTS (SELECT 1 FROM edits WHERE kind <> ?1)";
        let read = || self.connect(id, false)?.query_row(sql, [EditKind::Move as i64], |r| r.get(0));
        read().map_err(|e: rusqlite::Error| self.unwritable(e))
    }

    /// Holds the lock of an operation that nobody is applying; none where somebody is.
    pub fn hold(&self, id: &str) -> Option<File> {
        let mut options = File::options();
        let lock =
            options.write(true).create(true).truncate(false).mode(0o600).open(self.lock_file(id)).ok()?;
        lock.try_lock().is_ok().then_some(lock)
    }

    /// Removes what killed programs left beside the operations: locks that nobody holds, and copies that nobody needs.
    pub fn clear_left(&self) {
        let entries = fs::read_dir(&self.folder).into_iter().flatten().flatten();
        for path in entries.map(|e| e.path()) {
            let name = path.file_name().unwrap_or_default().to_string_lossy();
            let Some((id, kind)) = name.split_once('.').filter(|(id, _)| id.parse::<u64>().is_ok()) else {
                continue;
            };
            if self.is_locked(id) {
                continue;
            }
            let operation = self.read(id).ok();
            let pending =
                operation.as_ref().map_or(self.file(id).exists(), |o| o.state == OperationState::Pending);
            let is_left = match kind {
                "lock" => !pending,
                "backup.sqlite" | "backup.sqlite-journal" => {
                    !pending
                        && operation.is_some_and(|o| o.backup.is_none() || o.state == OperationState::Nothing)
                }
                "sqlite-journal" => fs::metadata(&path).is_ok_and(|m| m.len() == 0),
                _ => false,
            };
            if is_left {
                // What cannot be removed now is tried again at the next start.
                let _ = fs::remove_file(&path);
            }
        }
    }

    /// Removes operations that were interrupted before their log was whole: nothing was changed by them.
    pub fn clear_unbegun(&self) {
        for id in self.ids().iter().map(u64::to_string) {
            if !self.is_locked(&id) && self.read(&id).is_err() {
                let begun = self.connect(&id, true).and_then(|c| value(&c, "state"));
                if matches!(&begun, Err(rusqlite::Error::SqliteFailure(_, Some(text))) if text.contains("no such table"))
                {
                    self.remove(&id);
                }
            }
        }
    }
}

/// What the rows of a commit tell of whether it was made.
///
/// A row that is exactly as it was, though it was to change or to go, says no; one that is exactly as it was to become
/// says yes. That a row is not there says little: its program may have taken it out, before or after.
#[derive(Default)]
struct Evidence {
    yes: bool,
    no: bool,
    gone: bool,
}

impl Evidence {
    fn add(&mut self, edit: &Edit, standing: &Standing) {
        match standing {
            Standing::Before if edit.before.is_some() => self.no = true,
            Standing::After if edit.after.is_some() => self.yes = true,
            // Deleted, as far as can be seen.
            Standing::After => self.gone = true,
            Standing::Before | Standing::Changed(_) => {}
        }
    }

    fn is_certain(&self) -> bool {
        self.no || self.yes
    }

    fn says_made(&self) -> bool {
        !self.no && (self.yes || self.gone)
    }
}
