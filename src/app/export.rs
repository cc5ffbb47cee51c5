//! Rows to a file or to the clipboard, through the same writer as the headless commands.

use std::io::{BufWriter, Write};
use std::path::Path;

use crate::core::export::{Format, Sheet};
use crate::core::{Column, Flow, Query, ReadStore, Row, RowKey, Selection, Table};
use crate::stores::sqlite::{Cancel, SqliteStore};

/// So many rows are read at a time.
const PAGE_ROWS: usize = 256;

/// Rows as tab-separated text would lose line ends: JSON lines keep all.
pub fn as_text(store: &SqliteStore, table: &Table, keys: &[RowKey]) -> String {
    let mut out = Vec::new();
    let sheet = Sheet::new(Format::JsonLines, &store.columns(table), false);
    // Writing to memory cannot fail; a row that cannot be read is left out.
    let _ = write_keys(store, table, keys, &sheet, &mut 0, &mut out);
    String::from_utf8_lossy(&out).into_owned()
}

/// One row as JSON in lines.
pub fn row_as_json(columns: &[Column], row: &Row) -> String {
    let mut out = Vec::new();
    // Writing to memory cannot fail.
    let _ = Sheet::new(Format::JsonLines, columns, false).row(0, "", row, &mut out);
    crate::ui::format::pretty_json(&String::from_utf8_lossy(&out))
}

/// Writes the chosen rows, or all of a query, to a new file; gives their number.
///
/// An existing file is never overwritten.
pub fn to_file(
    store: &SqliteStore,
    path: &Path,
    format: &str,
    query: &Query,
    keys: Option<Vec<RowKey>>,
    cancel: &Cancel,
) -> Result<u64, String> {
    let format = match format {
        "json" => Format::Json,
        "jsonl" => Format::JsonLines,
        "md" => Format::Markdown,
        _ => Format::Csv,
    };
    let file = std::fs::File::create_new(path).map_err(|error| match error.kind() {
        std::io::ErrorKind::AlreadyExists => {
            format!("There is a file already; choose another name: {}", path.display())
        }
        _ => format!("The file cannot be written ({error}): {}", path.display()),
    })?;
    let mut out = BufWriter::new(file);
    let fail = |error: std::io::Error| format!("The export stopped ({error}): {}", path.display());
    let sheet = Sheet::new(format, &store.columns(&query.table), false);
    let mut written = 0;
    sheet.head(&mut out).map_err(fail)?;
    match keys {
        Some(keys) => write_keys(store, &query.table, &keys, &sheet, &mut written, &mut out)?,
        None => {
            let mut failed = None;
            let mut sink = |piece: crate::core::RowIndex| {
                let keys: Vec<RowKey> = (0..piece.len()).filter_map(|i| piece.get(i)).collect();
                failed = write_keys(store, &query.table, &keys, &sheet, &mut written, &mut out).err();
                if failed.is_some() || cancel.is_cancelled() { Flow::Stop } else { Flow::Continue }
            };
            store.index(query, None, &mut sink).map_err(|error| error.to_string())?;
            if let Some(error) = failed {
                return Err(error);
            }
        }
    }
    sheet.foot(written, &mut out).and_then(|()| out.flush()).map_err(fail)?;
    if cancel.is_cancelled() {
        return Err(format!("The export was cancelled after {written} rows: {}", path.display()));
    }
    Ok(written)
}

fn write_keys(
    store: &SqliteStore,
    table: &Table,
    keys: &[RowKey],
    sheet: &Sheet,
    written: &mut u64,
    out: &mut dyn Write,
) -> Result<(), String> {
    for page in keys.chunks(PAGE_ROWS) {
        let rows = store.rows(table, page, &Selection::default()).map_err(|error| error.to_string())?;
        for row in rows {
            sheet.row(*written, "", &row, out).map_err(|error| error.to_string())?;
            *written += 1;
        }
    }
    Ok(())
}
