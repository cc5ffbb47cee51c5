//! File after file: keys in pieces, rows in pages, each printed before the next is read.

use std::io;

use super::{Printer, Task};
use crate::core::{
    Cell, Column, Flow, Query, ReadStore, Row, RowIndex, RowKey, Selection, StoreError, Value,
};
use crate::stores::sqlite::SqliteStore;

/// Rows in a first page; later ones grow and shrink with what the rows weigh.
const FIRST_ROWS: usize = 64;
const MOST_ROWS: usize = 512;
/// What a page should weigh, so that rows of many megabytes do not pile up in memory.
const PAGE_BYTES: usize = 4 << 20;

impl Task {
    /// Prints file after file, each in the table's own order or the one that was asked for.
    pub(super) fn one_after_the_other(&mut self, printer: &mut Printer<'_>) -> io::Result<()> {
        for at in 0..self.readable.len() {
            if printer.is_full() {
                break;
            }
            let Some(store) = self.take_store(at) else { continue };
            let member = self.readable[at].0.clone();
            let Some(mut pages) = Pages::of(&store, self) else { continue };
            let printed = print_file(&mut pages, member.name.as_deref().unwrap_or_default(), printer);
            let trouble = pages.trouble;
            self.note(trouble, &member.path);
            printed?;
        }
        Ok(())
    }
}

fn print_file(pages: &mut Pages<'_>, file: &str, printer: &mut Printer<'_>) -> io::Result<()> {
    let (store, query) = (pages.store, pages.query.clone());
    let mut written = Ok(());
    let indexed = store.index(&query, printer.wanted(), &mut |keys| {
        let skipped = usize::try_from(printer.skip).unwrap_or(usize::MAX).min(keys.len());
        printer.skip -= skipped as u64;
        let mut at = skipped;
        while at < keys.len() && !printer.is_full() && written.is_ok() {
            written = print_page(pages.next(&keys, &mut at), file, printer);
        }
        if printer.is_full() || written.is_err() { Flow::Stop } else { Flow::Continue }
    });
    if let Err(error) = indexed {
        pages.trouble.get_or_insert(error);
    }
    written
}

fn print_page(rows: Vec<Row>, file: &str, printer: &mut Printer<'_>) -> io::Result<()> {
    for row in rows {
        if printer.is_full() {
            break;
        }
        printer.row(file, &row)?;
    }
    // What is read is shown at once, however slowly the rest comes.
    printer.out.flush()
}

/// The rows of one file, page by page.
pub(super) struct Pages<'a> {
    pub store: &'a SqliteStore,
    /// The query as this file can answer it.
    pub query: Query,
    selection: &'a Selection,
    /// Where this file has each column that is printed; files of a folder may differ in a native table.
    places: Vec<Option<usize>>,
    rows: usize,
    /// The first thing that went wrong.
    pub trouble: Option<StoreError>,
}

impl<'a> Pages<'a> {
    /// None where the file has no such table.
    pub fn of(store: &'a SqliteStore, task: &'a Task) -> Option<Self> {
        let own: Vec<Column> = store.columns(&task.query.table);
        if own.is_empty() {
            return None;
        }
        let place = |column: &Column| own.iter().position(|c| c == column);
        let places: Vec<Option<usize>> = task.columns.iter().map(place).collect();
        let mut query = task.query.clone();
        query.sort = query.sort.filter(|s| own.iter().any(|c| c.name == s.column));
        Some(Self { store, query, selection: &task.selection, places, rows: FIRST_ROWS, trouble: None })
    }

    /// Reads the next page of rows from `at` on.
    ///
    /// Where one row of a page is damaged, each is read by itself, so that only the damaged ones are missing.
    pub fn next(&mut self, keys: &RowIndex, at: &mut usize) -> Vec<Row> {
        let end = at.saturating_add(self.rows).min(keys.len());
        let page: Vec<RowKey> = (*at..end).filter_map(|i| keys.get(i)).collect();
        *at = end;
        let mut rows = match self.store.rows(&self.query.table, &page, self.selection) {
            Ok(rows) => rows,
            Err(error) if error.is_damage() => {
                self.trouble.get_or_insert(error);
                page.iter().flat_map(|key| self.single(key)).collect()
            }
            Err(error) => {
                self.trouble.get_or_insert(error);
                *at = keys.len();
                Vec::new()
            }
        };
        let weight: usize = rows.iter().map(weight).sum();
        self.rows = match weight {
            0..PAGE_BYTES => (self.rows * 2).min(MOST_ROWS),
            _ => (self.rows / 4).max(1),
        };
        rows.iter_mut().for_each(|row| self.place(row));
        rows
    }

    fn single(&self, key: &RowKey) -> Vec<Row> {
        self.store.rows(&self.query.table, std::slice::from_ref(key), self.selection).unwrap_or_default()
    }

    /// Puts the cells in the order of the columns that are printed.
    fn place(&self, row: &mut Row) {
        if self.places.iter().enumerate().all(|(i, place)| *place == Some(i)) {
            return;
        }
        let own = std::mem::take(&mut row.cells);
        let cell = |place: &Option<usize>| {
            place.and_then(|p| own.get(p).cloned()).unwrap_or_else(|| Cell::from(Value::Null))
        };
        row.cells = self.places.iter().map(cell).collect();
    }
}

fn weight(row: &Row) -> usize {
    let cell = |cell: &Cell| match &cell.value {
        Value::Text(text) => text.len(),
        Value::BadText(bytes) | Value::Blob(bytes) => bytes.len(),
        Value::Null | Value::Integer(_) | Value::Real(_) => 8,
    };
    row.cells.iter().map(cell).sum()
}
