//! Runs a step and takes it back, always within a transaction of the caller's.

use rusqlite::{Connection, params};

use super::super::sqlite::{Clock, lossy, quote};
use super::{Entry, LEDGER, checksum, entries, has_ledger, is_empty};
use crate::core::Timestamp;
use crate::core::migration::{Object, Step};

/// What came of taking a step back.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Reversed {
    /// What was dropped.
    Done { dropped: Vec<Object> },
    /// Nothing was changed, for these reasons.
    Refused { blockers: Vec<String> },
}

/// Everything in the schema but SQLite's own.
pub fn objects(connection: &Connection) -> rusqlite::Result<Vec<Object>> {
    let sql = "SELECT type, name FROM main.sqlite_schema WHERE name NOT LIKE 'sqlite\\_%' ESCAPE '\\' ORDER BY 1, 2";
    let mut select = connection.prepare_cached(sql)?;
    let object =
        |row: &rusqlite::Row<'_>| Ok(Object { kind: lossy(row.get_ref(0)?), name: lossy(row.get_ref(1)?) });
    select.query_map([], object)?.collect()
}

/// What is there after, and was not before.
pub fn added(before: &[Object], after: &[Object]) -> Vec<Object> {
    after.iter().filter(|a| !before.iter().any(|b| b.is(a))).cloned().collect()
}

/// Runs a step that is SQL, and records it; makes the ledger where there is none. Returns what it really added.
///
/// A step that is in place already adds nothing and is recorded. `applied_at_ms` is the operation's time; `clock`
/// measures how long the step took.
///
/// # Errors
/// Where SQLite says so, and for a step that is code: whoever does its work calls [`record`].
pub fn run(
    connection: &Connection,
    step: &Step,
    applied_at_ms: i64,
    clock: &Clock,
) -> rusqlite::Result<Vec<Object>> {
    let Some(sql) = step.sql() else {
        let message = format!("the step {} is no SQL", step.recorded_name());
        return Err(rusqlite::Error::UserFunctionError(message.into()));
    };
    let before = objects(connection)?;
    let start = clock.now_ms();
    connection.execute_batch(sql)?;
    record(connection, step, applied_at_ms, (clock.now_ms() - start).max(0))?;
    Ok(added(&before, &objects(connection)?))
}

/// Records that a step was done; makes the ledger where there is none.
pub fn record(
    connection: &Connection,
    step: &Step,
    applied_at_ms: i64,
    duration_ms: i64,
) -> rusqlite::Result<()> {
    // Plain types and no STRICT: every SQLite that opens the database must be able to read its schema.
    connection.execute_batch(&format!(
        "CREATE TABLE IF NOT EXISTS main.{LEDGER} (version INTEGER NOT NULL, name TEXT PRIMARY KEY NOT NULL,
           checksum TEXT NOT NULL, applied_at TEXT NOT NULL, duration_ms INTEGER NOT NULL)"
    ))?;
    let sql = format!(
        "INSERT INTO main.{LEDGER}(version, name, checksum, applied_at, duration_ms) VALUES (?1, ?2, ?3, ?4, ?5)"
    );
    let applied_at = Timestamp(applied_at_ms).rfc3339();
    let values = params![step.version, step.recorded_name(), checksum(step), applied_at, duration_ms];
    connection.execute(&sql, values).map(|_| ())
}

/// Why a step may not be taken back: of the tables that it added, some are not empty any more, or a later step stands on it.
///
/// `added` is what [`run`] returned: what was there before the step is left alone, and so does not matter.
pub fn reverse_blockers(
    connection: &Connection,
    step: &Step,
    added: &[Object],
) -> rusqlite::Result<Vec<String>> {
    let mut blockers = Vec::new();
    for object in doomed(connection, step, added)?.iter().filter(|o| o.kind == "table") {
        if !is_empty(connection, &object.name)? {
            blockers.push(format!("the table {} is not empty any more", object.name));
        }
    }
    let later = |e: &&Entry| e.store() == Some(step.store) && e.version > step.version;
    for entry in entries(connection)?.iter().filter(later) {
        blockers.push(format!("{} was applied after it", entry.name));
    }
    Ok(blockers)
}

/// Drops what the step added and its record, and the ledger where nothing else is recorded; refuses where rows would be lost.
///
/// Of `added` only what the step's reverse names is dropped. Of several steps the last is taken back first.
pub fn run_reverse(connection: &Connection, step: &Step, added: &[Object]) -> rusqlite::Result<Reversed> {
    let blockers = reverse_blockers(connection, step, added)?;
    if !blockers.is_empty() {
        return Ok(Reversed::Refused { blockers });
    }
    let mut dropped = doomed(connection, step, added)?;
    for object in &dropped {
        let kind = object.kind.to_ascii_uppercase();
        connection.execute_batch(&format!("DROP {kind} main.{}", quote(&object.name)))?;
    }
    if has_ledger(connection)? {
        connection.execute(&format!("DELETE FROM main.{LEDGER} WHERE name = ?1"), [step.recorded_name()])?;
        if is_empty(connection, LEDGER)? {
            connection.execute_batch(&format!("DROP TABLE main.{LEDGER}"))?;
            dropped.push(Object { kind: "table".to_owned(), name: LEDGER.to_owned() });
        }
    }
    Ok(Reversed::Done { dropped })
}

/// What the step's reverse would drop, in its order, of what the step added and what is still there.
fn doomed(connection: &Connection, step: &Step, added: &[Object]) -> rusqlite::Result<Vec<Object>> {
    let there = objects(connection)?;
    let is_in = |all: &[Object], object: &Object| all.iter().any(|o| o.is(object));
    let named = dropped_by(step.reverse().unwrap_or_default());
    Ok(named.into_iter().filter(|o| is_in(added, o) && is_in(&there, o)).collect())
}

/// The objects that a reverse names: each of its statements is `DROP TABLE|INDEX IF EXISTS <name>`.
fn dropped_by(reverse: &str) -> Vec<Object> {
    let code: Vec<&str> = reverse.lines().filter(|line| !line.trim_start().starts_with("--")).collect();
    let statements = code.join("\n");
    let object = |statement: &str| match statement.split_whitespace().collect::<Vec<_>>()[..] {
        ["DROP", kind, "IF", "EXISTS", name] => {
            Some(Object { kind: kind.to_ascii_lowercase(), name: name.to_owned() })
        }
        _ => None,
    };
    statements.split(';').filter_map(object).collect()
}
