//! Ends an operation's undo: what it did stays known, what it takes to undo it goes.

use std::fs;

use rusqlite::Connection;

use super::{Log, TABLES, set};
use crate::core::repair::RepairError;
use crate::core::{Operation, OperationState};

/// What stays is a few lines: small pages, so that it takes next to nothing.
const SMALL: &str = "PRAGMA page_size = 512;";

impl Log {
    /// How many bytes forgetting an operation frees.
    pub fn freed_by(&self, operation: &Operation) -> Result<u64, RepairError> {
        let stays = self.staying(operation).map_err(|e| self.unwritable(e))?;
        Ok(operation.size_bytes.saturating_sub(stays))
    }

    /// What will be left of an operation's file: made once in memory, to be told exactly.
    fn staying(&self, operation: &Operation) -> rusqlite::Result<u64> {
        let small = Connection::open_in_memory()?;
        small.execute_batch(&format!("{SMALL} {TABLES}"))?;
        let file = self.connect(&operation.id, false)?;
        let mut facts = file.prepare("SELECT name, value FROM operation")?;
        let mut rows = facts.query([])?;
        while let Some(row) = rows.next()? {
            let text = |at| row.get_ref(at).map(|v| v.as_str().unwrap_or_default().to_owned());
            set(&small, &text(0)?, &text(1)?)?;
        }
        mark(&small, operation)?;
        small.execute_batch("VACUUM")?;
        let count = |pragma| small.pragma_query_value(None, pragma, |r| r.get::<_, i64>(0));
        Ok((count("page_count")? * count("page_size")?).unsigned_abs())
    }

    /// Ends an operation's undo, and frees the space that it takes; says how many bytes that were.
    pub fn forget(&self, id: &str) -> Result<u64, RepairError> {
        let operation = self.operation(id)?;
        match operation.state {
            OperationState::Running => {
                let reason = "it is being applied right now".to_owned();
                return Err(RepairError::CannotUndo { operation: id.to_owned(), reason, backup: None });
            }
            OperationState::Forgotten => return Ok(0),
            _ => {}
        }
        let clear = || -> rusqlite::Result<()> {
            let connection = self.connect(id, true)?;
            connection.execute_batch(
                "PRAGMA secure_delete = ON; BEGIN IMMEDIATE; DELETE FROM edits; DELETE FROM left_alone; DELETE FROM batches",
            )?;
            mark(&connection, &operation)?;
            connection.execute_batch(&format!("COMMIT; {SMALL} VACUUM"))
        };
        clear().map_err(|e| self.unwritable(e))?;
        if let Err(error) = fs::remove_file(self.backup_file(id))
            && error.kind() != std::io::ErrorKind::NotFound
        {
            return Err(self.unwritable(error));
        }
        let now = fs::metadata(self.file(id)).map_or(0, |m| m.len());
        Ok(operation.size_bytes.saturating_sub(now))
    }
}

/// Writes down that it is forgotten, and what cannot be counted any more.
fn mark(connection: &Connection, operation: &Operation) -> rusqlite::Result<()> {
    set(connection, "done", &operation.done.to_string())?;
    set(connection, "state", OperationState::Forgotten.as_str())
}
