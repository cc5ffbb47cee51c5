//! What an adapter's repairs read: the rows of a database, through a read-only connection.

use std::path::Path;
use std::rc::Rc;
use std::time::{Duration, Instant};

use rusqlite::{Connection, Row, params_from_iter};

use super::rows::{Bound, Shape, Shapes};
use crate::core::repair::{Edit, RepairError, Stored};
use crate::stores::sqlite::{Schema, quote, sqlite_error};

/// For so long a scan reads on before it lets go of the database.
///
/// In a rollback journal nobody's commit gets through while a row is being read; a scan of a million takes a second.
const PAGE: Duration = Duration::from_millis(20);

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
            let begun = Instant::now();
            loop {
                let Some(row) = rows.next().map_err(|e| self.fail(e))? else { return Ok(()) };
                each(row)?;
                if begun.elapsed() >= PAGE {
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
        // The rowid tells apart what a damaged or foreign table has twice.
        let order = shape.rowid().map_or(quote(column), |rowid| format!("{}, {rowid}", quote(column)));
        let mut last: Option<(String, Option<i64>)> = None;
        loop {
            let from = match &last {
                None => String::new(),
                Some((_, None)) => format!("WHERE {order} > ?1"),
                Some(_) => format!("WHERE ({order}) > (?1, ?2)"),
            };
            let sql = format!("SELECT {order} FROM main.{} {from} ORDER BY {order}", quote(&shape.table));
            let mut select = self.connection.prepare_cached(&sql).map_err(|e| self.fail(e))?;
            let mut rows = match &last {
                None => select.query([]),
                Some((text, None)) => select.query([text]),
                Some((text, Some(rowid))) => select.query(rusqlite::params![text, rowid]),
            }
            .map_err(|e| self.fail(e))?;
            let begun = Instant::now();
            loop {
                let Some(row) = rows.next().map_err(|e| self.fail(e))? else { return Ok(()) };
                // What is no text, or none in UTF-8, is nobody's name.
                let Ok(text) = row.get_ref(0).map_err(|e| self.fail(e))?.as_str() else { continue };
                each(text)?;
                if begun.elapsed() >= PAGE {
                    let rowid = shape.rowid().map(|_| row.get(1)).transpose().map_err(|e| self.fail(e))?;
                    last = Some((text.to_owned(), rowid));
                    break;
                }
            }
        }
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
