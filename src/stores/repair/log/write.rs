//! Writes operations, as `core::repair::apply` goes along.

use std::fs::{self, File};
use std::os::unix::fs::OpenOptionsExt as _;
use std::path::{Path, PathBuf};

use rusqlite::{Connection, params};

use super::super::draft::EDIT;
use super::super::{guard, moves};
use super::{Log, Open, TABLES, set};
use crate::core::repair::{Plan, RepairError};
use crate::core::{LockTimes, Operation, OperationLog, OperationState, Timestamp};

/// What an operation's file must have room for, besides its edits.
const ROOM_BYTES: u64 = 1 << 20;

impl Log {
    fn opened(&self, id: &str) -> Result<&Connection, RepairError> {
        match &self.open {
            Some(open) if open.id == id => Ok(&open.connection),
            _ => Err(self.unwritable("the operation is not open")),
        }
    }

    fn write(&self, id: &str, facts: &[(&str, &str)]) -> Result<(), RepairError> {
        let connection = self.opened(id)?;
        let all = || -> rusqlite::Result<()> {
            connection.execute_batch("BEGIN")?;
            facts.iter().try_for_each(|(name, value)| set(connection, name, value))?;
            connection.execute_batch("COMMIT")
        };
        all().map_err(|e| self.unwritable(e))
    }

    /// Makes the next operation's file, and holds its lock.
    fn create(&self) -> std::io::Result<(String, File)> {
        moves::make_private(&self.folder)?;
        let new = |path: PathBuf| File::options().write(true).create_new(true).mode(0o600).open(path);
        let mut next = self.ids().last().map_or(1, |id| id + 1);
        loop {
            let id = next.to_string();
            // The lock first: a file without one is taken for interrupted.
            match new(self.lock_file(&id)) {
                Ok(lock) => {
                    lock.lock()?;
                    new(self.file(&id))?;
                    moves::sync_folder(&self.folder)?;
                    return Ok((id, lock));
                }
                Err(error) if error.kind() == std::io::ErrorKind::AlreadyExists => next += 1,
                Err(error) => return Err(error),
            }
        }
    }

    fn fill(&self, id: &str, plan: &Plan, now: Timestamp) -> rusqlite::Result<Connection> {
        let connection = self.connect(id, true)?;
        connection.execute_batch("PRAGMA journal_mode = TRUNCATE; PRAGMA synchronous = FULL")?;
        connection.execute("ATTACH ?1 AS plan", [plan.items.path().to_string_lossy()])?;
        connection.execute_batch("BEGIN IMMEDIATE")?;
        connection.execute_batch(TABLES)?;
        connection.execute_batch(&format!(
            "INSERT INTO edits SELECT n, action, key, reason, grp, tbl, {EDIT} FROM plan.items WHERE kind IS NOT NULL ORDER BY n"
        ))?;
        let repair = serde_json::to_string(&plan.repair).unwrap_or_default();
        let path = std::path::absolute(&plan.target.path).unwrap_or_else(|_| plan.target.path.clone());
        for (name, value) in [
            ("repair", repair.as_str()),
            ("path", &path.to_string_lossy()),
            ("stores", &plan.target.stores.join("+")),
            ("state", OperationState::Pending.as_str()),
            ("started_at", &now.rfc3339()),
            ("planned", &plan.summary.edits.to_string()),
            ("version", env!("CARGO_PKG_VERSION")),
        ] {
            set(&connection, name, value)?;
        }
        if !plan.target.exists {
            set(&connection, "makes_store", "1")?;
        }
        if let Some(undoes) = &plan.undoes {
            set(&connection, "undoes", undoes)?;
        }
        connection.execute_batch("COMMIT; DETACH plan")?;
        Ok(connection)
    }
}

impl OperationLog for Log {
    fn begin(&mut self, plan: &Plan, now: Timestamp) -> Result<String, RepairError> {
        let (id, lock) = self.create().map_err(|e| self.unwritable(e))?;
        let filled = guard::ensure_space(&self.folder, plan.summary.undo_bytes + ROOM_BYTES)
            .and_then(|()| self.fill(&id, plan, now).map_err(|e| self.unwritable(e)));
        match filled {
            Ok(connection) => {
                self.open = Some(Open { id: id.clone(), connection, lock });
                Ok(id)
            }
            Err(error) => {
                self.remove(&id);
                Err(error)
            }
        }
    }

    fn backup_path(&mut self, id: &str) -> Result<PathBuf, RepairError> {
        Ok(self.backup_file(id))
    }

    fn note_backup(&mut self, id: &str) -> Result<(), RepairError> {
        let path = self.backup_file(id);
        self.write(id, &[("backup", &path.to_string_lossy())])
    }

    fn note(&mut self, id: &str, from: u64, to: u64, left: &[(u64, String)]) -> Result<(), RepairError> {
        let connection = self.opened(id)?;
        let write = || -> rusqlite::Result<()> {
            connection.execute_batch("BEGIN")?;
            connection.execute("INSERT INTO batches VALUES (?1, ?2)", params![from as i64, to as i64])?;
            for (line, how) in left {
                connection
                    .prepare_cached("INSERT INTO left_alone VALUES (?1, ?2)")?
                    .execute(params![*line as i64, how])?;
            }
            connection.execute_batch("COMMIT")
        };
        write().map_err(|e| self.unwritable(e))
    }

    fn note_facts(&mut self, id: &str, facts: &[(&str, &str)]) -> Result<(), RepairError> {
        self.write(id, facts)
    }

    fn note_locks(&mut self, id: &str, locks_us: &[u64]) -> Result<(), RepairError> {
        match (locks_us.iter().max(), LockTimes::of(locks_us)) {
            (Some(longest), Some(locks)) => {
                let locks = serde_json::to_string(&locks).unwrap_or_default();
                self.write(id, &[("longest_lock_us", &longest.to_string()), ("locks", &locks)])
            }
            _ => Ok(()),
        }
    }

    fn finish(&mut self, id: &str, state: OperationState, now: Timestamp) -> Result<Operation, RepairError> {
        self.write(id, &[("state", state.as_str()), ("finished_at", &now.rfc3339())])?;
        self.close();
        let _ = fs::remove_file(self.lock_file(id));
        self.operation(id)
    }

    fn abandon(&mut self, id: &str) -> Result<(), RepairError> {
        self.close();
        self.remove(id);
        Ok(())
    }

    fn folder(&self) -> &Path {
        &self.folder
    }
}

impl Log {
    fn close(&mut self) {
        if let Some(Open { connection, lock, .. }) = self.open.take() {
            drop(connection);
            drop(lock);
        }
    }

    pub(super) fn remove(&self, id: &str) {
        let file = self.file(id);
        for path in [guard::beside(&file, "-journal"), self.backup_file(id), file, self.lock_file(id)] {
            // What is not there needs no removing; what stays is found at the next start, as an operation of nothing.
            let _ = fs::remove_file(path);
        }
    }
}
