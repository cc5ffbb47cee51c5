//! What tests share: fixtures, and a store's tables as text.

use std::path::{Path, PathBuf};

use sessionscope::core::{Finding, Query, ReadStore, Row, RowIndex, Selection, Table, Value};
use sessionscope::stores::sqlite::Clock;
use sessionscope::stores::{Examination, Opened, Options, open};

/// A moment at which all tests look: 2026-11-21T10:00:00Z.
pub const NOW_MS: i64 = 1_795_255_200_000;

pub fn options() -> Options {
    Options { clock: Clock::fixed(NOW_MS), ..Options::default() }
}

/// Opens a file that must open.
pub fn opened(path: &Path) -> Opened {
    open(path, &options()).unwrap_or_else(|e| panic!("{e}"))
}

/// What examining an open store finds.
pub fn examined(opened: &Opened) -> Vec<Finding> {
    let far = std::time::Instant::now() + std::time::Duration::from_secs(60);
    Examination::of(&opened.store, true).finish(&opened.store, far).expect("examined")
}

/// A file of the repository's own fixtures.
pub fn fixture(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/it/fixtures").join(name)
}

/// A new database made by SQL, in a folder that goes with the test.
pub fn database(name: &str, sql: &str) -> (tempfile::TempDir, PathBuf) {
    let folder = tempfile::tempdir().expect("a folder");
    let path = folder.path().join(name);
    let connection = rusqlite::Connection::open(&path).expect("a database");
    connection.execute_batch(sql).expect("valid SQL");
    (folder, path)
}

/// All rows of a query.
pub fn rows(store: &dyn ReadStore, query: &Query) -> Vec<Row> {
    let mut index = RowIndex::default();
    let mut sink = |piece| {
        index.append(piece);
        sessionscope::core::Flow::Continue
    };
    store.index(query, None, &mut sink).expect("an index");
    let keys: Vec<_> = (0..index.len()).filter_map(|i| index.get(i)).collect();
    store.rows(&query.table, &keys, &Selection::default()).expect("rows")
}

/// A table as text: a line a row, the columns that are asked for, separated by ` | `.
pub fn table(store: &dyn ReadStore, table: Table, columns: &[&str]) -> String {
    let all = store.columns(&table);
    let places: Vec<usize> = columns
        .iter()
        .map(|c| all.iter().position(|a| a.name == *c).unwrap_or_else(|| panic!("no column {c}")))
        .collect();
    let line = |row: &Row| places.iter().map(|p| show(&row.cells[*p].value)).collect::<Vec<_>>().join(" | ");
    rows(store, &Query::all(table)).iter().map(line).collect::<Vec<_>>().join("\n")
}

pub fn show(value: &Value) -> String {
    match value {
        Value::Null => "-".to_owned(),
        Value::Integer(n) => n.to_string(),
        Value::Real(n) => n.to_string(),
        Value::Text(text) => text.replace('\n', "⏎"),
        Value::BadText(bytes) | Value::Blob(bytes) => format!("x{}", sessionscope::core::hex(bytes)),
    }
}

/// A copy of a folder of the repository's own fixtures, which goes with the test.
pub fn copied(name: &str) -> (tempfile::TempDir, PathBuf) {
    copied_from(&fixture(name))
}

/// A copy of a folder, whole, so that opening it changes nothing of the original.
pub fn copied_from(folder: &Path) -> (tempfile::TempDir, PathBuf) {
    let home = tempfile::tempdir().expect("a folder");
    let to = home.path().join(folder.file_name().expect("a name"));
    copy_folder(folder, &to);
    (home, to)
}

fn copy_folder(from: &Path, to: &Path) {
    std::fs::create_dir_all(to).expect("a folder");
    for entry in std::fs::read_dir(from).unwrap_or_else(|e| panic!("{}: {e}", from.display())) {
        let entry = entry.expect("an entry");
        let (path, to) = (entry.path(), to.join(entry.file_name()));
        match path.is_dir() {
            true => copy_folder(&path, &to),
            false => {
                // Written anew, so that the copy may be changed though the original may not.
                std::fs::write(to, std::fs::read(path).expect("readable")).expect("written");
            }
        }
    }
}
