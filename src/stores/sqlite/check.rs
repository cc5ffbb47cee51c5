//! Looks for damage, and keeps what was found among the findings.

use std::collections::HashMap;
use std::collections::hash_map::DefaultHasher;
use std::hash::{Hash, Hasher};
use std::time::{Duration, Instant};

use rusqlite::{ErrorCode, params};

use super::{Expr, Part, SqliteStore, literal, sqlite_error};
use crate::core::{Column, Finding, Learned, StoreError, Table, table_columns};
use crate::stores::Examination;

/// The code of what says that the file is damaged.
const DAMAGED: &str = "database-damaged";

/// SQL for the order in which findings are listed: the worst first.
const WORST_FIRST: &str =
    "CASE t.severity WHEN 'error' THEN 0 WHEN 'warning' THEN 1 ELSE 2 END * 1000000 + t.place";

/// How many complaints of SQLite's check are read: harmless ones must not hide a bad one.
const MOST_COMPLAINTS: u32 = 50;

/// What SQLite's check came to.
pub enum Checked {
    /// Nothing, or what is wrong.
    Says(Vec<Finding>),
    /// There was not time enough.
    TooLong,
}

impl SqliteStore {
    /// Has SQLite look the whole database over, until the deadline; notes what it finds.
    pub fn check(&mut self, deadline: Instant) -> Result<(), StoreError> {
        if self.about.user_version.is_none() {
            // A document, read into memory: there is no database file.
            return Ok(());
        }
        match self.quick_check(None, deadline.saturating_duration_since(Instant::now()))? {
            Checked::Says(findings) => findings.into_iter().for_each(|finding| self.note(finding)),
            Checked::TooLong => {
                let message =
                    "The database is large: the time for looking it over for damage did not suffice";
                self.note(Finding::info("check-unfinished", message).suggest(
                    "Run `PRAGMA quick_check` in the sqlite3 shell on a copy to have the whole of it looked over.",
                ));
            }
        }
        Ok(())
    }

    /// Has SQLite check the database, or one of its tables, for no longer than this.
    ///
    /// # Errors
    /// Where it cannot be read, or was cancelled.
    pub fn quick_check(&self, table: Option<&str>, most: Duration) -> Result<Checked, StoreError> {
        match self.cancel.within(Instant::now() + most, || self.complaints(table)) {
            Ok(complaints) => Ok(Checked::Says(self.say(&complaints))),
            Err(rusqlite::Error::SqliteFailure(code, _))
                if code.code == ErrorCode::OperationInterrupted && !self.cancel.is_cancelled() =>
            {
                Ok(Checked::TooLong)
            }
            Err(error) => Err(sqlite_error(error, &self.path)),
        }
    }

    /// Examines the store until the deadline; notes what it finds.
    pub fn examine(&mut self, deadline: Instant) -> Result<(), StoreError> {
        let found = Examination::of(self, false).finish(self, deadline)?;
        found.into_iter().for_each(|finding| self.note(finding));
        Ok(())
    }

    /// Adds a finding; one of damage marks the store as damaged.
    pub fn note(&mut self, finding: Finding) {
        match finding.code == DAMAGED {
            true => self.note_broken(finding),
            false => self.about.findings.push(finding),
        }
    }

    /// Marks the store as damaged, with the error that showed it; further damage of a damaged store adds nothing.
    pub fn note_damage(&mut self, error: &StoreError, table: &str) {
        let finding = Finding::error(DAMAGED, error.to_string()).suggest(error.hint());
        self.note_broken(finding.at(table.to_owned(), ""));
    }

    /// Takes what an examination came to; what opening told stays.
    pub fn learn(&mut self, learned: Learned) {
        let mut noted = self.noted();
        learned.bring(&mut noted);
        noted.into_iter().for_each(|finding| self.note(finding));
    }

    fn note_broken(&mut self, finding: Finding) {
        if !self.about.damaged {
            self.about.damaged = true;
            self.about.findings.push(finding);
        }
    }

    fn complaints(&self, table: Option<&str>) -> rusqlite::Result<Vec<String>> {
        let of = table.map_or_else(|| MOST_COMPLAINTS.to_string(), literal);
        let mut statement = self.connection.prepare(&format!("PRAGMA main.quick_check({of})"))?;
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

    fn say(&self, complaints: &[String]) -> Vec<Finding> {
        let broken = complaints.iter().find(|c| c.as_str() != "ok" && !is_about_content(c));
        if let Some(complaint) = broken {
            let complaint =
                complaint.trim_start_matches("*** in database main ***").trim().replace('\n', " ");
            let (message, table) = match self.of_tree(&complaint) {
                Some((kind, name)) => {
                    let message = format!("The {kind} {name} is damaged. SQLite's check says: {complaint}");
                    (message, if kind == "table" { format!("native:{name}") } else { String::new() })
                }
                None => (format!("SQLite's check says: {complaint}"), String::new()),
            };
            let suggestion = "Restore it from a backup; the rest of it can still be read.";
            return vec![Finding::error(DAMAGED, message).suggest(suggestion).at(table, "")];
        }
        let about_content = complaints.iter().find(|c| is_about_content(c));
        let finding = about_content.map(|complaint| {
            let message = format!("A rule of the schema does not hold: {complaint}");
            Finding::warning("constraint-broken", message)
                .suggest("The file is sound; the program that wrote it may stumble over such rows.")
        });
        finding.into_iter().collect()
    }

    /// What the tree is that SQLite names by the page at its root: a table or an index, and its name.
    fn of_tree(&self, complaint: &str) -> Option<(String, String)> {
        let number = complaint.split("Tree ").nth(1)?.split(|c: char| !c.is_ascii_digit()).next()?;
        let sql = "SELECT type, name FROM main.sqlite_schema WHERE rootpage = ?";
        let root: i64 = number.parse().ok()?;
        self.connection
            .query_row(sql, [root], |row| Ok((super::lossy(row.get_ref(0)?), super::lossy(row.get_ref(1)?))))
            .ok()
    }

    /// The findings as a table: a temporary one, so that they are searched and sorted like every other.
    pub(super) fn findings_part(&self) -> Result<(Vec<Part>, Vec<Column>), StoreError> {
        let columns = table_columns(&Table::Findings).to_vec();
        self.fill_findings().map_err(|e| sqlite_error(e, &self.path))?;
        let part = Part::by_rowid("temp.sessionscope_findings AS t", "t.rowid").order(WORST_FIRST);
        let part = columns.iter().fold(part, |part, c| {
            let expr = Expr::from(format!("t.\"{}\"", c.name));
            part.set(&c.name, if c.name == "severity" { expr.sorted_by(WORST_FIRST) } else { expr })
        });
        Ok((vec![part], columns))
    }

    fn fill_findings(&self) -> rusqlite::Result<()> {
        let (connection, findings) = (&self.connection, &self.about.findings);
        let filled = hash(findings);
        if self.filled.get() == Some(filled) {
            return Ok(());
        }
        connection.execute_batch(
            "CREATE TEMP TABLE IF NOT EXISTS sessionscope_findings (severity, code, \"table\", \"key\", message, suggestion, place);
             DELETE FROM temp.sessionscope_findings",
        )?;
        let sql = "INSERT INTO temp.sessionscope_findings
            (rowid, severity, code, \"table\", \"key\", message, suggestion, place) VALUES (?, ?, ?, ?, ?, ?, ?, ?)";
        let mut insert = connection.prepare_cached(sql)?;
        let mut alike: HashMap<i64, u32> = HashMap::new();
        for (place, f) in findings.iter().enumerate() {
            // The same on every connection, and as long as it is found: also with another count or other examples.
            let name = hash(&(f.code, &f.table, &f.key));
            let nth = alike.entry(name).or_default();
            let (id, place) = (hash(&(name, *nth)), i64::try_from(place).unwrap_or(i64::MAX));
            *nth += 1;
            let severity = f.severity.as_str();
            insert.execute(params![id, severity, f.code, f.table, f.key, f.message, f.suggestion, place])?;
        }
        self.filled.set(Some(filled));
        Ok(())
    }
}

/// A number that stands for a thing, never negative.
fn hash(thing: &(impl Hash + ?Sized)) -> i64 {
    let mut hasher = DefaultHasher::new();
    thing.hash(&mut hasher);
    (hasher.finish() >> 1).cast_signed()
}

/// Whether a complaint is about what rows hold, or what a module could not look at, rather than about the file.
fn is_about_content(complaint: &str) -> bool {
    ["NULL value in ", "NUMERIC value in ", "TEXT value in ", "CHECK constraint failed", "unable to validate"]
        .iter()
        .any(|start| complaint.starts_with(start))
        || complaint.starts_with("non-") && complaint.contains(" value in ")
}
