//! Several files in one order: each is sorted by its store, and the next row is always that of the file whose row comes first.

use std::cmp::Ordering;
use std::collections::VecDeque;
use std::io;

use super::pages::Pages;
use super::{Printer, Task};
use crate::core::{Flow, ReadStore, Row, RowIndex, Value};

/// How many stores stay open at a time; of more files, each is opened anew for a page.
const MOST_OPEN: usize = 64;

/// How far a file's rows are printed.
struct Cursor {
    /// Its place in [`Task::readable`].
    file: usize,
    keys: RowIndex,
    at: usize,
    page: VecDeque<Row>,
}

impl Cursor {
    /// The next row's value in a column.
    fn value(&self, place: usize) -> Option<&Value> {
        self.page.front().and_then(|row| row.cells.get(place)).map(|cell| &cell.value)
    }
}

impl Task {
    /// Prints the rows of all files in the order of one column.
    pub(super) fn merged(&mut self, printer: &mut Printer<'_>) -> io::Result<()> {
        let Some(sort) = self.query.sort.clone() else { return Ok(()) };
        let Some(place) = self.columns.iter().position(|c| c.name == sort.column) else { return Ok(()) };
        let mut cursors: Vec<Cursor> = Vec::new();
        for file in 0..self.readable.len() {
            if printer.is_full() {
                break;
            }
            let keys = self.keys_of(file, printer.wanted());
            let mut cursor = Cursor { file, keys, at: 0, page: VecDeque::new() };
            self.refill(&mut cursor);
            cursors.push(cursor);
        }
        while !printer.is_full() {
            let way = |order: Ordering| if sort.descending { order.reverse() } else { order };
            // Of equal rows the first file's comes first: `min_by` keeps the first of equals.
            let first = cursors
                .iter()
                .enumerate()
                .filter_map(|(i, cursor)| cursor.value(place).map(|v| (i, v)))
                .min_by(|(_, a), (_, b)| way(compare(a, b)))
                .map(|(i, _)| i);
            let Some(cursor) = first.and_then(|i| cursors.get_mut(i)) else { break };
            let row = cursor.page.pop_front();
            match row {
                Some(row) if printer.skip == 0 => {
                    printer.row(self.readable[cursor.file].0.name.as_deref().unwrap_or_default(), &row)?;
                }
                _ => printer.skip -= 1,
            }
            self.refill(cursor);
        }
        Ok(())
    }

    fn keys_of(&mut self, file: usize, wanted: Option<u64>) -> RowIndex {
        let mut keys = RowIndex::default();
        self.with_pages(file, |pages| {
            let query = pages.query.clone();
            let collected = pages.store.index(&query, wanted, &mut |piece| {
                keys.append(piece);
                Flow::Continue
            });
            pages.trouble = collected.err();
        });
        keys
    }

    fn refill(&mut self, cursor: &mut Cursor) {
        while cursor.page.is_empty() && cursor.at < cursor.keys.len() {
            let before = cursor.at;
            let Cursor { file, keys, at, page } = cursor;
            self.with_pages(*file, |pages| page.extend(pages.next(keys, at)));
            if cursor.at == before {
                // The file cannot be opened any more.
                cursor.at = cursor.keys.len();
            }
        }
    }

    /// Does something with a file's pages, and keeps what went wrong, once for each file.
    fn with_pages(&mut self, file: usize, work: impl FnOnce(&mut Pages<'_>)) {
        let Some(store) = self.take_store(file) else { return };
        let trouble = Pages::of(&store, self).and_then(|mut pages| {
            work(&mut pages);
            pages.trouble
        });
        let path = self.readable[file].0.path.clone();
        self.note(trouble, &path);
        if self.readable.len() <= MOST_OPEN {
            self.readable[file].1 = Some(store);
        }
    }
}

/// The order in which SQLite sorts: nulls, numbers, text by its bytes, blobs.
fn compare(a: &Value, b: &Value) -> Ordering {
    let rank = |value: &Value| match value {
        Value::Null => 0,
        Value::Integer(_) | Value::Real(_) => 1,
        Value::Text(_) | Value::BadText(_) => 2,
        Value::Blob(_) => 3,
    };
    let bytes = |value: &Value| match value {
        Value::Text(text) => text.as_bytes().to_vec(),
        Value::BadText(bytes) | Value::Blob(bytes) => bytes.clone(),
        _ => Vec::new(),
    };
    let number = |value: &Value| match value {
        Value::Integer(n) => *n as f64,
        Value::Real(n) => *n,
        _ => 0.0,
    };
    rank(a).cmp(&rank(b)).then_with(|| match (a, b) {
        (Value::Integer(a), Value::Integer(b)) => a.cmp(b),
        (Value::Text(a), Value::Text(b)) => a.cmp(b),
        _ if rank(a) == 1 => number(a).total_cmp(&number(b)),
        _ => bytes(a).cmp(&bytes(b)),
    })
}
