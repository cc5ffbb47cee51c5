//! Writes operations, as `core::repair::apply` goes along.

use std::fs::{self, File};
use std::os::unix::fs::OpenOptionsExt as _;
use std::path::{Path, PathBuf};

use rusqlite::{Connection, params};

use super::super::draft::EDIT;
use super::super::guard::{self, Identity};
use super::super::moves;
use super::{Log, Open, TABLES, set};
use crate::core::repair::{Plan, RepairError};
use crate::core::{LockTimes, Operation, OperationLog, OperationState, Timestamp};
use crate::stores::sqlite::beside;

/// What an operation's file must have room for, besides its edits.
const ROOM_BYTES: u64 = 1 << 20;

impl Log {
    fn opened(&self, id: &str) -> Result<&Connection, RepairError> {
        match &self.open {
            Some(open) if open.id == id => Ok(&open.connection),
            _ => Err(self.unwritable("the operation is not open")),
        }
    }

    fn transaction(
        &self,
        id: &str,
        work: impl FnOnce(&Connection) -> rusqlite::Result<()>,
    ) -> Result<(), RepairError> {
        let connection = self.opened(id)?;
        let all = || -> rusqlite::Result<()> {
            let transaction = connection.unchecked_transaction()?;
            work(&transaction)?;
            transaction.commit()
        };
        all().map_err(|e| self.unwritable(e))
    }

    fn write(&self, id: &str, facts: &[(&str, &str)]) -> Result<(), RepairError> {
        self.transaction(id, |connection| {
            facts.iter().try_for_each(|(name, value)| set(connection, name, value))
        })
    }

    /// Makes the next operation's file, and holds its lock.
    fn create(&self) -> std::io::Result<(String, File)> {
        moves::make_private(&self.folder)?;
        let new = |path: PathBuf| File::options().write(true).create_new(true).mode(0o600).open(path);
        let mut next = self.ids().last().map_or(1, |id| id + 1);
        loop {
            let id = next.to_string();
            // The lock first: a file without one is taken for interrupted.
            let made = new(self.lock_file(&id)).and_then(|lock| {
                lock.lock()?;
                // Somebody may have taken it for left over before it was locked.
                let locked = Identity::of(&lock.metadata()?);
                if Identity::read(&self.lock_file(&id)) != Some(locked) {
                    return Err(std::io::ErrorKind::AlreadyExists.into());
                }
                new(self.file(&id)).map(|_| lock).inspect_err(|_| {
                    let _ = fs::remove_file(self.lock_file(&id));
                })
            });
            match made {
                Ok(lock) => {
                    // A file system that does not know how is no reason to change nothing.
                    let _ = moves::sync_folder(&self.folder);
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
        // Not IMMEDIATE: with locks on both files SQLite would keep a journal of its own for the two.
        connection.execute_batch("BEGIN")?;
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

    fn intend(
        &mut self,
        id: &str,
        from: u64,
        to: u64,
        left: &[(u64, String)],
        facts: &[(&'static str, String)],
    ) -> Result<(), RepairError> {
        self.transaction(id, |connection| {
            let batch = params![from as i64, to as i64];
            connection.execute("INSERT INTO batches VALUES (?1, ?2, 0)", batch)?;
            for (line, how) in left {
                leave(connection, *line, how)?;
            }
            facts.iter().try_for_each(|(name, value)| set(connection, name, value))
        })
    }

    fn confirm(&mut self, id: &str, from: u64) -> Result<(), RepairError> {
        self.transaction(id, |connection| {
            connection.execute("UPDATE batches SET done = 1 WHERE first = ?1", [from as i64]).map(|_| ())
        })
    }

    fn withdraw(&mut self, id: &str, from: u64) -> Result<(), RepairError> {
        self.transaction(id, |connection| {
            connection.execute("DELETE FROM left_alone WHERE n >= ?1", [from as i64])?;
            connection.execute("DELETE FROM batches WHERE first = ?1", [from as i64]).map(|_| ())
        })
    }

    fn leave(&mut self, id: &str, line: u64, how: &str) -> Result<(), RepairError> {
        self.transaction(id, |connection| leave(connection, line, how))
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
        // The last thing that is written takes the journal away.
        self.opened(id)?.execute_batch("PRAGMA journal_mode = DELETE").map_err(|e| self.unwritable(e))?;
        self.write(id, &[("state", state.as_str()), ("finished_at", &now.rfc3339())])?;
        self.close();
        let _ = fs::remove_file(self.lock_file(id));
        self.operation(id)
    }

    fn release(&mut self) {
        self.close();
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
        for path in [beside(&file, "-journal"), self.backup_file(id), file, self.lock_file(id)] {
            // What is not there needs no removing; what stays is found at the next start, as an operation of nothing.
            let _ = fs::remove_file(path);
        }
    }
}

fn leave(connection: &Connection, line: u64, how: &str) -> rusqlite::Result<()> {
    let mut insert = connection.prepare_cached("INSERT OR REPLACE INTO left_alone VALUES (?1, ?2)")?;
    insert.execute(params![line as i64, how]).map(|_| ())
}
