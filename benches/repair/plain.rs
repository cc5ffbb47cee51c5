//! The same rows by rusqlite and serde_json alone, with SQLite's defaults, but that nobody checkpoints.

use std::collections::HashMap;
use std::fs;
use std::hint::black_box;
use std::path::Path;

use rusqlite::Connection;
use serde::Deserialize;
use sessionscope::stores::sqlite::{self, Cancel};

use super::data;

/// A connection that only reads, of the kind that the plans are made with: it checks every page that it comes across.
pub fn reader(path: &Path) -> Connection {
    sqlite::connect(path, &Cancel::default()).expect("the database opens")
}

/// Reads every key as text.
pub fn keys(connection: &Connection) {
    let mut select = connection.prepare("SELECT key FROM claude_sdk_sessions").expect("a statement");
    let mut rows = select.query([]).expect("rows");
    let mut bytes = 0;
    while let Some(row) = rows.next().expect("a row") {
        bytes += row.get_ref(0).expect("a value").as_str().expect("text").len();
    }
    assert!(black_box(bytes) > 0);
}

#[derive(Deserialize)]
struct Entry {
    id: String,
    last_used_at: i64,
}

/// Parses a session file into a map, and inserts it in one transaction.
pub fn import(file: &Path, into: &Path) {
    let bytes = fs::read(file).expect("the file");
    let entries: HashMap<String, Entry> = serde_json::from_slice(&bytes).expect("entries");
    let is_new = !into.exists();
    let mut connection = writer(into);
    let transaction = connection.transaction().expect("a transaction");
    if is_new {
        transaction.execute_batch(data::TABLE).expect("the table");
    }
    let mut insert = transaction
        .prepare("INSERT INTO claude_sdk_sessions VALUES (?1, ?2, ?3, ?3) ON CONFLICT DO NOTHING")
        .expect("an insert");
    for (key, entry) in &entries {
        insert.execute((key, &entry.id, entry.last_used_at)).expect("a row");
    }
    drop(insert);
    transaction.commit().expect("a commit");
}

/// Deletes what is older than a day.
pub fn prune(path: &Path) {
    let connection = writer(path);
    let deleted = connection
        .execute("DELETE FROM claude_sdk_sessions WHERE last_used_at < ?1", [data::oldest_kept_ms()])
        .expect("a deletion");
    assert!(deleted > 0);
}

fn writer(path: &Path) -> Connection {
    let connection = Connection::open(path).expect("the database opens");
    let no_checkpoint = rusqlite::config::DbConfig::SQLITE_DBCONFIG_NO_CKPT_ON_CLOSE;
    connection.set_db_config(no_checkpoint, true).expect("a setting");
    connection.execute_batch("PRAGMA wal_autocheckpoint = 0").expect("a setting");
    connection
}
