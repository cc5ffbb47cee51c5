//! The lines of a plan, in a temporary database of their own: a plan of a million rows is not held in memory.

use std::cell::RefCell;
use std::collections::HashMap;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use rusqlite::types::{ToSql, ToSqlOutput, Value as Sql, ValueRef};
use rusqlite::{Connection, Row, params};

use super::scratch::Scratch;
use crate::core::repair::{Action, Draft, Edit, EditKind, Item, PlanItems, PlanLine, Record, RepairError};
use crate::core::{Flow, KeyId, StoreError};
use crate::stores::sqlite::sqlite_error;

/// `kind` is null where the line changes nothing. A key is a rowid, or the JSON of key values.
pub const TABLES: &str = "
    CREATE TABLE items (n INTEGER PRIMARY KEY, action TEXT, class TEXT, tbl TEXT, key TEXT, reason TEXT, at INTEGER,
      grp INTEGER, kind INTEGER, edits TEXT, id, before BLOB, after BLOB);";

/// The columns of an edit, as [`edit`] reads them from a place on.
pub const EDIT: &str = "kind, edits, id, before, after";

/// A draft that is being written.
pub struct DraftFile {
    connection: Connection,
    scratch: Scratch,
    path: PathBuf,
    lines: i64,
}

impl DraftFile {
    /// Makes an empty one, readable by its owner alone.
    pub fn new() -> Result<Self, RepairError> {
        let scratch = Scratch::new().map_err(|error| RepairError::MayNotWrite {
            reason: format!("The plan cannot be written to a temporary file ({error})"),
            hint: "Make room in the folder for temporary files, or set TMPDIR to another.",
            path: std::env::temp_dir(),
        })?;
        let path = scratch.file("plan.sqlite");
        let open = || -> rusqlite::Result<Connection> {
            let connection = Connection::open(&path)?;
            // Nobody else reads it, and it is gone with the program.
            connection.execute_batch(
                "PRAGMA journal_mode = OFF; PRAGMA synchronous = OFF; PRAGMA locking_mode = NORMAL;
                 PRAGMA temp_store = FILE; PRAGMA cache_size = -8000",
            )?;
            connection.execute_batch(TABLES)?;
            connection.execute_batch("BEGIN")?;
            Ok(connection)
        };
        let connection = open().map_err(|e| sqlite_error(e, &path))?;
        Ok(Self { connection, scratch, path, lines: 0 })
    }

    fn fail(&self, error: rusqlite::Error) -> StoreError {
        sqlite_error(error, &self.path)
    }
}

impl Draft for DraftFile {
    fn add(&mut self, item: &Item) -> Result<(), StoreError> {
        let Item { action, class, table, key, reason, at_ms, edit, group } = item;
        let write = || -> rusqlite::Result<usize> {
            let mut insert = self.connection.prepare_cached(
                "INSERT INTO items VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11, ?12, ?13)",
            )?;
            let (kind, edits, id, before, after) = match edit {
                None => (None, None, None, None, None),
                Some(edit) => {
                    let edits = (*edit.table != **table).then_some(&*edit.table);
                    (
                        Some(edit.kind as i64),
                        edits,
                        Some(IdSql(&edit.id)),
                        blob(&edit.before),
                        blob(&edit.after),
                    )
                }
            };
            insert.execute(params![
                self.lines,
                action.as_str(),
                class,
                &**table,
                key,
                reason,
                at_ms,
                *group as i64,
                kind,
                edits,
                id,
                before,
                after
            ])
        };
        write().map_err(|e| self.fail(e))?;
        self.lines += 1;
        Ok(())
    }

    fn finish(self: Box<Self>) -> Result<Box<dyn PlanItems>, StoreError> {
        self.connection.execute_batch("COMMIT").map_err(|e| self.fail(e))?;
        let Self { connection, scratch, path, .. } = *self;
        Ok(Box::new(Finished { connection, path, _scratch: scratch }))
    }
}

fn blob(record: &Option<Record>) -> Option<&[u8]> {
    record.as_ref().map(|r| r.0.as_slice())
}

struct IdSql<'a>(&'a KeyId);

impl ToSql for IdSql<'_> {
    fn to_sql(&self) -> rusqlite::Result<ToSqlOutput<'_>> {
        Ok(match self.0 {
            KeyId::Row(id) => ToSqlOutput::Borrowed(ValueRef::Integer(*id)),
            KeyId::Values(values) => ToSqlOutput::Borrowed(ValueRef::Text(values.as_bytes())),
        })
    }
}

/// Names that many rows share, each held once.
#[derive(Default)]
pub struct Names(RefCell<HashMap<String, Arc<str>>>);

impl Names {
    pub fn get(&self, name: &str) -> Arc<str> {
        if let Some(known) = self.0.borrow().get(name) {
            return known.clone();
        }
        let shared: Arc<str> = name.into();
        self.0.borrow_mut().insert(name.to_owned(), shared.clone());
        shared
    }
}

/// Reads an edit from a row whose columns are those of [`EDIT`] from a place on; `table` is what the line is about.
pub fn edit(row: &Row<'_>, at: usize, table: &str, names: &Names) -> rusqlite::Result<Edit> {
    let kind = match row.get::<_, i64>(at)? {
        1 => EditKind::Step,
        2 => EditKind::Move,
        _ => EditKind::Row,
    };
    let table = match row.get_ref(at + 1)? {
        ValueRef::Text(other) => names.get(&String::from_utf8_lossy(other)),
        _ => names.get(table),
    };
    let id = match row.get::<_, Sql>(at + 2)? {
        Sql::Integer(id) => KeyId::Row(id),
        Sql::Text(values) => KeyId::Values(values.into()),
        _ => KeyId::Values("[]".into()),
    };
    let record = |at| row.get::<_, Option<Vec<u8>>>(at).map(|bytes| bytes.map(Record));
    Ok(Edit { kind, table, id, before: record(at + 3)?, after: record(at + 4)? })
}

/// A plan's lines; the file goes with it.
struct Finished {
    connection: Connection,
    path: PathBuf,
    _scratch: Scratch,
}

impl PlanItems for Finished {
    fn lines(&self, each: &mut dyn FnMut(PlanLine<'_>) -> Flow) -> Result<(), StoreError> {
        let mut read = || -> rusqlite::Result<()> {
            let mut select =
                self.connection.prepare("SELECT action, tbl, key, reason FROM items ORDER BY n")?;
            let mut rows = select.query([])?;
            while let Some(row) = rows.next()? {
                let text = |at: usize| row.get_ref(at).map(|v| v.as_str().unwrap_or_default());
                let action = Action::parse(text(0)?).unwrap_or(Action::Keep);
                let line = PlanLine { action, table: text(1)?, key: text(2)?, reason: text(3)? };
                if each(line) == Flow::Stop {
                    break;
                }
            }
            Ok(())
        };
        read().map_err(|e| sqlite_error(e, &self.path))
    }

    fn edits(&self, from: u64, each: &mut dyn FnMut(u64, u64, Edit) -> Flow) -> Result<(), RepairError> {
        let mut read = || -> rusqlite::Result<()> {
            let names = Names::default();
            let sql = format!(
                "SELECT n, grp, tbl, {EDIT} FROM items WHERE n >= ?1 AND kind IS NOT NULL ORDER BY n"
            );
            let mut select = self.connection.prepare_cached(&sql)?;
            let mut rows = select.query([from as i64])?;
            while let Some(row) = rows.next()? {
                let (n, group): (i64, i64) = (row.get(0)?, row.get(1)?);
                let edit = edit(row, 3, row.get_ref(2)?.as_str().unwrap_or_default(), &names)?;
                if each(n.unsigned_abs(), group.unsigned_abs(), edit) == Flow::Stop {
                    break;
                }
            }
            Ok(())
        };
        read().map_err(|e| RepairError::Store(sqlite_error(e, &self.path)))
    }

    fn path(&self) -> &Path {
        &self.path
    }
}
