//! The schemas that we know: their steps, and how far a database has come with them.
//!
//! A store's steps stand in its adapter, their text in `migrations/<store>/`. What a database should look like is what the
//! steps make of an empty one, so that the two cannot drift apart. That a step was run is recorded in the database itself,
//! in `sessionscope_migrations(version, name, checksum, applied_at, duration_ms)`. Several stores may share a file: the
//! name is `<store>/<step>`, such as `agent-mcp/0001_create_session_persistence`, and is the table's key.

mod run;
mod shape;
mod tab;

pub use run::{Reversed, added, objects, record, reverse_blockers, run, run_reverse};
pub(super) use tab::add;

use std::sync::OnceLock;

use rusqlite::Connection;
use sha2::{Digest as _, Sha256};

use super::sqlite::{lossy, quote, time_ms};
use super::sqlite_adapters;
use crate::core::hex;
use crate::core::migration::{Body, Difference, History, Step, StepState, StepStatus};
use shape::{Part, Shape};

/// The table in which the steps that were run are recorded.
pub const LEDGER: &str = "sessionscope_migrations";
const LEDGER_COLUMNS: [&str; 5] = ["version", "name", "checksum", "applied_at", "duration_ms"];

/// A longer history than this is nobody's.
const MOST_ENTRIES: usize = 1_000;
/// So many characters of a name, a checksum or a statement are read.
const MOST_TEXT: usize = 4_000;

/// Makes a [`Step`] of the two files that are its text.
macro_rules! sql_step {
    ($store:literal, $version:literal, $name:literal) => {
        $crate::core::migration::Step {
            store: $store,
            version: $version,
            name: $name,
            body: $crate::core::migration::Body::Sql {
                forward: include_str!(concat!(
                    env!("CARGO_MANIFEST_DIR"),
                    "/migrations/",
                    $store,
                    "/",
                    $name,
                    ".sql"
                )),
                reverse: include_str!(concat!(
                    env!("CARGO_MANIFEST_DIR"),
                    "/migrations/",
                    $store,
                    "/",
                    $name,
                    ".down.sql"
                )),
            },
        }
    };
}
pub(super) use sql_step;

/// The steps of a kind of store, in their order; none where its schema is not ours to make.
pub fn steps(store: &str) -> &'static [Step] {
    sqlite_adapters().iter().find(|a| a.id == store).map_or(&[], |a| a.steps)
}

/// The kinds of store that have steps.
pub fn stores() -> impl Iterator<Item = &'static str> {
    sqlite_adapters().iter().filter(|a| !a.steps.is_empty()).map(|a| a.id)
}

/// The checksum by which a step is known: SHA-256, in hexadecimal, of its text with plain line ends.
///
/// A checkout on Windows may turn the line ends, which must not make it another step. A step that is code has no text:
/// its name stands for it.
pub fn checksum(step: &Step) -> String {
    let text = match step.body {
        Body::Sql { forward, .. } => forward.replace("\r\n", "\n"),
        Body::Code => step.recorded_name(),
    };
    hex(&Sha256::digest(text))
}

/// How far the database has come with the steps of a store, and where its tables differ from what they make.
pub fn history(connection: &Connection, store: &str) -> rusqlite::Result<History> {
    match known()?.iter().find(|k| k.store == store) {
        Some(known) => known.history(connection, &entries(connection)?),
        None => Ok(History { store: "", steps: Vec::new(), differences: Vec::new(), newest_recorded: None }),
    }
}

/// What the steps of a store make, read once from a database in memory.
struct Known {
    store: &'static str,
    shape: Shape,
    steps: Vec<KnownStep>,
}

struct KnownStep {
    step: Step,
    checksum: String,
    /// What this step added to the steps before it.
    parts: Vec<Part>,
}

fn known() -> rusqlite::Result<&'static [Known]> {
    static KNOWN: OnceLock<Vec<Known>> = OnceLock::new();
    if let Some(known) = KNOWN.get() {
        return Ok(known);
    }
    let built = stores().map(Known::build).collect::<rusqlite::Result<Vec<_>>>()?;
    Ok(KNOWN.get_or_init(|| built))
}

impl Known {
    fn build(store: &'static str) -> rusqlite::Result<Self> {
        let connection = Connection::open_in_memory()?;
        let (mut shape, mut known) = (Shape::default(), Vec::new());
        for step in steps(store) {
            connection.execute_batch(step.sql().unwrap_or_default())?;
            let after = Shape::whole(&connection)?;
            let parts = after.parts().into_iter().filter(|p| !shape.has(p)).collect();
            known.push(KnownStep { step: *step, checksum: checksum(step), parts });
            shape = after;
        }
        Ok(Self { store, shape, steps: known })
    }

    fn history(&self, connection: &Connection, entries: &[Entry]) -> rusqlite::Result<History> {
        let actual = Shape::of(connection, &self.shape.names())?;
        let mut rest: Vec<&Entry> = entries.iter().filter(|e| e.may_be_of(self.store)).collect();
        let mut statuses = Vec::new();
        for (at, known) in self.steps.iter().enumerate() {
            let step = &known.step;
            // By its own name first: an entry without a store's name may be another's.
            let exact = rest.iter().position(|e| e.name == step.recorded_name());
            let entry = exact.or_else(|| rest.iter().position(|e| e.is_version(self.store, step.version)));
            let entry = entry.map(|at| rest.remove(at));
            let state = match entry {
                Some(entry) if entry.checksum.eq_ignore_ascii_case(&known.checksum) => StepState::Applied,
                Some(entry) => StepState::Edited { recorded_checksum: entry.checksum.clone() },
                None if self.is_in_place(connection, at, &actual)? => StepState::InPlace,
                None => StepState::Pending,
            };
            statuses.push(status(step.version, step.name, state, entry, Some(known)));
        }
        for entry in rest {
            statuses.push(status(entry.version, &entry.name, StepState::Unknown, Some(entry), None));
        }
        let recorded = |s: &&StepStatus| s.recorded_checksum.is_some();
        let newest_recorded = statuses.iter().filter(recorded).map(|s| s.version).max();
        let told = |s: &StepStatus| matches!(s.state, StepState::Edited { .. } | StepState::Unknown);
        if statuses.iter().any(told) {
            for (status, known) in statuses.iter_mut().zip(&self.steps) {
                status.actual = known.actual(connection)?;
            }
        }
        let differences = self.differences(&actual, &statuses);
        Ok(History { store: self.store, steps: statuses, differences, newest_recorded })
    }

    /// Whether everything is there that a step makes, as far as running it would make it.
    fn is_in_place(&self, connection: &Connection, at: usize, actual: &Shape) -> rusqlite::Result<bool> {
        let Some(known) = self.steps.get(at) else { return Ok(false) };
        if known.step.body != Body::Code {
            let own = |table: &str| known.parts.contains(&Part::table(table));
            // Running it would not add a column to a table that is there.
            let made = |p: &&Part| p.column.is_none() || !own(&p.table);
            return Ok(known.parts.iter().filter(made).all(|p| actual.has(p)));
        }
        // A step that moves data into tables is done, or needs not be, once there is any.
        let tables = self.steps.iter().take(at).flat_map(|k| &k.parts).filter(|p| p.is_table());
        for part in tables.filter(|p| actual.has(p)) {
            if !is_empty(connection, &part.table)? {
                return Ok(true);
            }
        }
        Ok(false)
    }

    /// The differences in what the recorded steps and those that are begun should have made.
    fn differences(&self, actual: &Shape, statuses: &[StepStatus]) -> Vec<Difference> {
        let mut differences = Vec::new();
        for (part, mut difference) in self.shape.differences(actual) {
            let owner = self.steps.iter().zip(statuses).find(|(known, _)| known.parts.contains(&part));
            let Some((known, status)) = owner else { continue };
            difference.recorded = status.recorded_checksum.is_some();
            if difference.recorded || known.parts.iter().any(|p| actual.has(p)) {
                differences.push(difference);
            }
        }
        differences
    }
}

impl KnownStep {
    /// The SQL of the tables of this step and of their indexes, as the database has it.
    fn actual(&self, connection: &Connection) -> rusqlite::Result<Vec<String>> {
        let mut select = connection.prepare_cached(
            "SELECT substr(sql, 1, ?2) FROM main.sqlite_schema
             WHERE tbl_name = ?1 COLLATE NOCASE AND type IN ('table', 'index') AND sql IS NOT NULL
             ORDER BY type DESC, name LIMIT 100",
        )?;
        let mut all = Vec::new();
        for part in self.parts.iter().filter(|p| p.is_table()) {
            let rows = select.query_map((&part.table, MOST_TEXT as i64), |r| r.get_ref(0).map(lossy))?;
            for sql in rows {
                all.push(sql?);
            }
        }
        Ok(all)
    }
}

fn status(
    version: i64,
    name: &str,
    state: StepState,
    entry: Option<&Entry>,
    known: Option<&KnownStep>,
) -> StepStatus {
    StepStatus {
        version,
        name: name.to_owned(),
        state,
        applied_at_ms: entry.and_then(|e| e.applied_at_ms),
        duration_ms: entry.and_then(|e| e.duration_ms),
        checksum: known.map(|k| k.checksum.clone()),
        recorded_checksum: entry.map(|e| e.checksum.clone()),
        step: known.map(|k| k.step),
        actual: Vec::new(),
    }
}

/// A row of the ledger.
struct Entry {
    version: i64,
    name: String,
    checksum: String,
    applied_at_ms: Option<i64>,
    duration_ms: Option<i64>,
}

impl Entry {
    /// The store whose step it records; none where no store that we know stands before its name.
    fn store(&self) -> Option<&'static str> {
        let (store, _) = self.name.split_once('/')?;
        stores().find(|known| *known == store)
    }

    /// Whether it is that store's, or nobody's: then no store of the file is understood, and so it is everybody's.
    fn may_be_of(&self, store: &str) -> bool {
        self.store().is_none_or(|own| own == store)
    }

    /// Whether it records a step of that number; one of a store that we do not know is none of ours.
    fn is_version(&self, store: &str, version: i64) -> bool {
        self.version == version && (self.store() == Some(store) || !self.name.contains('/'))
    }
}

/// The ledger's rows; none where there is no such table.
fn entries(connection: &Connection) -> rusqlite::Result<Vec<Entry>> {
    if !has_ledger(connection)? {
        return Ok(Vec::new());
    }
    let sql = format!(
        "SELECT CAST(version AS INTEGER), substr(name, 1, ?1), substr(checksum, 1, ?1), applied_at, duration_ms
         FROM main.{LEDGER} ORDER BY 1, 2 LIMIT {MOST_ENTRIES}"
    );
    let mut select = connection.prepare(&sql)?;
    let rows = select.query_map([MOST_TEXT as i64], |row| {
        Ok(Entry {
            version: row.get::<_, Option<i64>>(0)?.unwrap_or_default(),
            name: lossy(row.get_ref(1)?),
            checksum: lossy(row.get_ref(2)?),
            applied_at_ms: time_ms(row.get_ref(3)?),
            duration_ms: row.get_ref(4)?.as_i64().ok(),
        })
    })?;
    rows.collect()
}

/// Whether the database has the ledger, as a table with its columns.
fn has_ledger(connection: &Connection) -> rusqlite::Result<bool> {
    let shape = Shape::of(connection, &[LEDGER])?;
    Ok(LEDGER_COLUMNS.iter().all(|c| shape.has(&Part::column(LEDGER, c))))
}

fn is_empty(connection: &Connection, table: &str) -> rusqlite::Result<bool> {
    let sql = format!("SELECT NOT EXISTS (SELECT 1 FROM main.{})", quote(table));
    connection.query_row(&sql, [], |r| r.get(0))
}
