//! Writes down how far interrupted operations came.

use std::fs::{self, File};
use std::os::unix::fs::OpenOptionsExt as _;

use rusqlite::params;

use super::{Log, set, value};
use crate::core::repair::{Edit, EditKind, RepairError, Standing};
use crate::core::{Operation, OperationState, Timestamp};

impl Log {
    /// Interrupted operations, which nobody is applying any more.
    pub fn interrupted(&self) -> Vec<Operation> {
        self.operations().into_iter().filter(|o| o.state == OperationState::Pending).collect()
    }

    /// Writes down how far an interrupted operation came, by how the store stands to what is not noted yet.
    ///
    /// Batches are done one after the other: none was begun behind the first edit that is clearly not done. `from_nothing`
    /// says that what was noted is gone too.
    pub fn settle(
        &self,
        id: &str,
        now: Timestamp,
        from_nothing: bool,
        standing: &mut dyn FnMut(&Edit) -> Result<Standing, RepairError>,
    ) -> Result<Operation, RepairError> {
        let noted = match from_nothing {
            true => -1,
            false => self.noted(id).map_err(|e| self.unwritable(e))?,
        };
        let mut lines: Vec<u64> = Vec::new();
        let mut ended = false;
        self.edits(id, &format!("WHERE n > {noted} ORDER BY n"), &mut |n, _, _, _, edit| {
            if !ended {
                match standing(&edit)? {
                    Standing::After => lines.push(n),
                    Standing::Before => ended = true,
                    Standing::Changed(_) => {}
                }
            }
            Ok(())
        })?;
        let write = || -> rusqlite::Result<()> {
            let connection = self.connect(id, true)?;
            connection.execute_batch("PRAGMA synchronous = FULL; BEGIN IMMEDIATE")?;
            if from_nothing {
                connection.execute_batch("DELETE FROM batches; DELETE FROM left_alone")?;
            }
            {
                let mut insert = connection.prepare("INSERT INTO batches VALUES (?1, ?2)")?;
                for run in lines.chunk_by(|a, b| *b == a + 1) {
                    insert.execute(params![run[0] as i64, run[run.len() - 1] as i64])?;
                }
            }
            connection.execute_batch("COMMIT")
        };
        write().map_err(|e| self.unwritable(e))?;
        let operation = self.operation(id)?;
        let state = match operation.done {
            0 => OperationState::Nothing,
            done if done + operation.left >= operation.planned => OperationState::Applied,
            _ => OperationState::Partly,
        };
        let end = || -> rusqlite::Result<()> {
            let connection = self.connect(id, true)?;
            connection.execute_batch("PRAGMA synchronous = FULL; BEGIN IMMEDIATE")?;
            set(&connection, "state", state.as_str())?;
            set(&connection, "finished_at", &now.rfc3339())?;
            connection.execute_batch("COMMIT")
        };
        end().map_err(|e| self.unwritable(e))?;
        let _ = fs::remove_file(self.lock_file(id));
        self.operation(id)
    }

    /// The last line that is known to be done; -1 where none is.
    fn noted(&self, id: &str) -> rusqlite::Result<i64> {
        self.connect(id, false)?.query_row("SELECT coalesce(max(last), -1) FROM batches", [], |r| r.get(0))
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
