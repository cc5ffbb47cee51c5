//! Looks for damage, and keeps what was found among the findings.

use std::time::Instant;

use rusqlite::{ErrorCode, params};

use super::{Part, SqliteStore, sqlite_error};
use crate::core::{Column, Finding, StoreError, Table, table_columns};

/// How many complaints of SQLite's check are read: harmless ones must not hide a bad one.
const MOST_COMPLAINTS: u32 = 50;

impl SqliteStore {
    /// Has SQLite look the whole database over, until the deadline; notes what it finds.
    pub fn check(&mut self, deadline: Instant) -> Result<(), StoreError> {
        if self.about.user_version.is_none() {
            // A document, read into memory: there is no database file.
            return Ok(());
        }
        let cancel = self.cancel.clone();
        let stop = move || cancel.is_cancelled() || Instant::now() >= deadline;
        self.connection.progress_handler(1000, Some(stop)).map_err(|e| sqlite_error(e, &self.path))?;
        let checked = self.quick_check();
        let cancel = self.cancel.clone();
        self.connection
            .progress_handler(1000, Some(move || cancel.is_cancelled()))
            .map_err(|e| sqlite_error(e, &self.path))?;
        match checked {
            Ok(complaints) => self.note_complaints(&complaints),
            Err(rusqlite::Error::SqliteFailure(code, _))
                if code.code == ErrorCode::OperationInterrupted && !self.cancel.is_cancelled() =>
            {
                let message =
                    "The database is large: the time for looking it over for damage did not suffice";
                self.note(Finding::info("check-unfinished", message).suggest(
                    "Run `PRAGMA quick_check` in the sqlite3 shell on a copy to have the whole of it looked over.",
                ));
            }
            Err(error) => return Err(sqlite_error(error, &self.path)),
        }
        Ok(())
    }

    /// Adds a finding.
    pub fn note(&mut self, finding: Finding) {
        self.about.findings.push(finding);
    }

    /// Marks the store as damaged, with the error that showed it; further damage of a damaged store adds nothing.
    pub fn note_damage(&mut self, error: &StoreError, table: &str) {
        self.note_broken(error.to_string(), error.hint(), table);
    }

    fn note_broken(&mut self, message: String, suggestion: &str, table: &str) {
        if !self.about.damaged {
            self.about.damaged = true;
            let finding = Finding::error("database-damaged", message).suggest(suggestion);
            self.about.findings.insert(0, finding.at(table.to_owned(), ""));
        }
    }

    fn quick_check(&self) -> rusqlite::Result<Vec<String>> {
        let mut statement =
            self.connection.prepare(&format!("PRAGMA main.quick_check({MOST_COMPLAINTS})"))?;
        let mut complaints = Vec::new();
        let mut rows = statement.query([])?;
        loop {
            match rows.next() {
                Ok(Some(row)) => complaints.push(super::lossy(row.get_ref(0)?)),
                Ok(None) => return Ok(complaints),
                Err(_) if !complaints.is_empty() => return Ok(complaints),
                Err(error) => return Err(error),
            }
        }
    }

    fn note_complaints(&mut self, complaints: &[String]) {
        let broken = complaints.iter().find(|c| c.as_str() != "ok" && !is_about_content(c));
        if let Some(complaint) = broken {
            let message = format!("SQLite's check says: {}", complaint.replace('\n', " "));
            self.note_broken(message, "Restore it from a backup; the rest of it can still be read.", "");
        } else if let Some(complaint) = complaints.iter().find(|c| is_about_content(c)) {
            let message = format!("A rule of the schema does not hold: {complaint}");
            self.note(
                Finding::warning("constraint-broken", message)
                    .suggest("The file is sound; the program that wrote it may stumble over such rows."),
            );
        }
    }

    /// The findings as a table: a temporary one, so that they are searched and sorted like every other.
    pub(super) fn findings_part(&self) -> Result<(Vec<Part>, Vec<Column>), StoreError> {
        let columns = table_columns(&Table::Findings).to_vec();
        self.fill_findings().map_err(|e| sqlite_error(e, &self.path))?;
        let part = Part::by_rowid("temp.sessionscope_findings AS t", "t.rowid");
        let part = columns.iter().fold(part, |part, c| part.set(&c.name, format!("t.\"{}\"", c.name)));
        Ok((vec![part], columns))
    }

    fn fill_findings(&self) -> rusqlite::Result<()> {
        let (connection, findings) = (&self.connection, &self.about.findings);
        connection.execute_batch(
            "CREATE TEMP TABLE IF NOT EXISTS sessionscope_findings (severity, code, \"table\", \"key\", message, suggestion)",
        )?;
        let mut count = connection.prepare_cached("SELECT count(*) FROM temp.sessionscope_findings")?;
        if count.query_row([], |r| r.get::<_, i64>(0))? == i64::try_from(findings.len()).unwrap_or_default() {
            return Ok(());
        }
        connection.execute("DELETE FROM temp.sessionscope_findings", [])?;
        let mut insert =
            connection.prepare_cached("INSERT INTO temp.sessionscope_findings VALUES (?, ?, ?, ?, ?, ?)")?;
        for f in findings {
            insert.execute(params![f.severity.as_str(), f.code, f.table, f.key, f.message, f.suggestion])?;
        }
        Ok(())
    }
}

/// Whether a complaint is about what rows hold, or what a module could not look at, rather than about the file.
fn is_about_content(complaint: &str) -> bool {
    ["NULL value in ", "NUMERIC value in ", "TEXT value in ", "CHECK constraint failed", "unable to validate"]
        .iter()
        .any(|start| complaint.starts_with(start))
        || complaint.starts_with("non-") && complaint.contains(" value in ")
}
