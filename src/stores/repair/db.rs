//! What an adapter's repairs read: the rows of a database, through a read-only connection.

use std::path::Path;
use std::rc::Rc;
use std::time::{Duration, Instant};

use rusqlite::{Connection, Row, params_from_iter};

use super::keys::Bound;
use super::relations;
use super::rows::{Shape, Shapes};
use crate::core::repair::{Dependant, Each, Edit, RepairError, Stored};
use crate::stores::sqlite::{Schema, quote, sqlite_error};

/// For so long a scan reads on before it lets go of the database.
///
/// In a rollback journal nobody's commit gets through while a row is being read; a scan of a million takes a second.
const PAGE: Duration = Duration::from_millis(20);
/// It looks at the clock after so many rows, and more often at first, where each may take long: to look after every one
/// of a million keys took half as long as reading them.
const ROWS: u32 = 64;

/// How far a scan is with its page.
struct Page {
    begun: Instant,
    rows: u32,
}

impl Default for Page {
    fn default() -> Self {
        Self { begun: Instant::now(), rows: 0 }
    }
}

impl Page {
    fn ends_here(&mut self) -> bool {
        self.rows += 1;
        (self.rows.is_power_of_two() || self.rows.is_multiple_of(ROWS)) && self.begun.elapsed() >= PAGE
    }
}

/// What an adapter's repairs work with: the database, read only.
pub struct Db<'a> {
    pub connection: &'a Connection,
    pub schema: &'a Schema,
    pub path: &'a Path,
    /// The file's name without its last extension.
    pub stem: &'a str,
    pub now_ms: i64,
    pub(super) shapes: &'a Shapes,
}

impl<'a> Db<'a> {
    /// A database that is of no kind yet.
    pub(super) fn over(
        connection: &'a Connection,
        schema: &'a Schema,
        path: &'a Path,
        now_ms: i64,
        shapes: &'a Shapes,
    ) -> Self {
        Db { connection, schema, path, stem: "", now_ms, shapes }
    }

    /// The shape of a table; none where there is no such table.
    pub fn shape(&self, table: &str) -> Result<Option<Rc<Shape>>, RepairError> {
        self.shapes.get(self.connection, table).map_err(|e| self.fail(e))
    }

    /// Hands out the rows of a table that `rest` (what follows FROM) selects: the rowid, then every column.
    pub fn each(
        &self,
        shape: &Shape,
        rest: &str,
        values: &[Stored<'_>],
        each: &mut dyn FnMut(&Row<'_>) -> Result<(), RepairError>,
    ) -> Result<(), RepairError> {
        let mut select =
            self.connection.prepare_cached(&shape.select_with_rowid(rest)).map_err(|e| self.fail(e))?;
        let values = values.iter().map(|v| Bound(*v));
        let mut rows = select.query(params_from_iter(values)).map_err(|e| self.fail(e))?;
        while let Some(row) = rows.next().map_err(|e| self.fail(e))? {
            each(row)?;
        }
        Ok(())
    }

    /// Hands out all rows of a table in pages, between which other programs may commit: the rowid, then every column.
    pub fn all(
        &self,
        shape: &Shape,
        each: &mut dyn FnMut(&Row<'_>) -> Result<(), RepairError>,
    ) -> Result<(), RepairError> {
        let Some(rowid) = shape.rowid() else { return self.each(shape, "", &[], each) };
        let mut last = None;
        loop {
            let from = if last.is_some() { format!("WHERE {rowid} > ?1") } else { String::new() };
            let sql = shape.select_with_rowid(&format!("{from} ORDER BY {rowid}"));
            let mut select = self.connection.prepare_cached(&sql).map_err(|e| self.fail(e))?;
            let mut rows = select.query(params_from_iter(last)).map_err(|e| self.fail(e))?;
            let mut page = Page::default();
            loop {
                let Some(row) = rows.next().map_err(|e| self.fail(e))? else { return Ok(()) };
                each(row)?;
                if page.ends_here() {
                    last = Some(row.get::<_, i64>(0).map_err(|e| self.fail(e))?);
                    break;
                }
            }
        }
    }

    /// Hands out the texts of a column in pages like [`Db::all`], by an index on it alone where there is one.
    pub fn texts(
        &self,
        shape: &Shape,
        column: &str,
        each: &mut dyn FnMut(&str) -> Result<(), RepairError>,
    ) -> Result<(), RepairError> {
        // To the letter, whatever the column says of itself; that is the order of its index unless it says otherwise.
        let order = format!("{} COLLATE BINARY", quote(column));
        let mut last: Option<String> = None;
        loop {
            let from = if last.is_some() { format!("WHERE {order} > ?1") } else { String::new() };
            let table = quote(&shape.table);
            let sql = format!("SELECT {} FROM main.{table} {from} ORDER BY {order}", quote(column));
            let mut select = self.connection.prepare_cached(&sql).map_err(|e| self.fail(e))?;
            let mut rows = select.query(params_from_iter(&last)).map_err(|e| self.fail(e))?;
            let mut page = Page::default();
            let mut end: Option<String> = None;
            loop {
                let Some(row) = rows.next().map_err(|e| self.fail(e))? else { return Ok(()) };
                // What is no text, or none in UTF-8, is nobody's name.
                let Ok(text) = row.get_ref(0).map_err(|e| self.fail(e))?.as_str() else { continue };
                // What a damaged or foreign table has twice is of one page.
                if end.as_ref().is_some_and(|end| end != text) {
                    break;
                }
                each(text)?;
                if end.is_none() && page.ends_here() {
                    end = Some(text.to_owned());
                }
            }
            last = end;
        }
    }

    /// Hands out the deletion of the rows that are a chosen session by its id in a column.
    pub fn chosen(
        &self,
        table: &str,
        column: &str,
        id: &str,
        each: &mut Each<'_, Dependant>,
    ) -> Result<(), RepairError> {
        let Some(shape) = self.shape(table)? else { return Ok(()) };
        let rest = format!("WHERE {} = ?", quote(column));
        self.each(&shape, &rest, &[Stored::Text(id.as_bytes())], &mut |row| {
            let edit = self.deletion(&shape, row)?;
            each(Dependant { edit, key: id.to_owned(), reason: "it was chosen".into() })
        })
    }

    /// Hands out the deletion of every row of a table, which all belong to a session or an object.
    pub fn belonging(
        &self,
        table: &str,
        reason: &str,
        each: &mut Each<'_, Dependant>,
    ) -> Result<(), RepairError> {
        let Some(shape) = self.shape(table)? else { return Ok(()) };
        self.all(&shape, &mut |row| {
            let edit = self.deletion(&shape, row)?;
            let key = relations::name_of(&shape, &edit);
            each(Dependant { edit, key, reason: reason.to_owned() })
        })
    }

    /// The edit that deletes a row that [`Db::each`] handed out.
    pub fn deletion(&self, shape: &Shape, row: &Row<'_>) -> Result<Edit, RepairError> {
        let read = || Ok(Edit::delete(&shape.table, shape.id(row)?, shape.record(row, 1)?));
        read().map_err(|e| self.fail(e))
    }

    pub fn fail(&self, error: rusqlite::Error) -> RepairError {
        RepairError::Store(sqlite_error(error, self.path))
    }
}
