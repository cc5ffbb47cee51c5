use std::fs;
use std::path::Path;
use std::time::{Duration, Instant};

use rusqlite::Connection;
use sessionscope::core::{
    Change, Finding, KeyId, Learned, Query, ReadStore, RowKey, Sort, StoreError, Table,
};
use sessionscope::stores::sqlite::SqliteStore;

use super::session_do::SHIP;
use crate::support::{database, opened, rows};

fn writer(path: &Path) -> Connection {
    Connection::open(path).expect("a writer")
}

fn changed(store: &mut SqliteStore, whole: bool) -> Change {
    store.refresh(whole).unwrap_or_else(|e| panic!("{e}"))
}

fn messages(store: &SqliteStore) -> usize {
    rows(store, &Query::all(Table::Messages)).len()
}

const MORE: &str = "INSERT INTO messages VALUES ('n1', 'user', 'One more', NULL, 1770000000)";

#[test]
fn a_commit_of_another_program_is_noticed_once_with_and_without_a_log() {
    for mode in ["DELETE", "WAL"] {
        let (_folder, path) = database("69f1.sqlite", &format!("PRAGMA journal_mode = {mode}; {SHIP}"));
        let mut store = opened(&path).store;
        assert_eq!(changed(&mut store, false), Change::Same);
        let before = messages(&store);
        let writer = writer(&path);
        writer.execute_batch(MORE).expect("written");
        assert_eq!(changed(&mut store, false), Change::Rows, "{mode}");
        assert_eq!(messages(&store), before + 1);
        assert_eq!(changed(&mut store, false), Change::Same, "{mode}");
    }
}

#[test]
fn what_opening_tells_is_found_out_anew_after_a_while_or_at_once() {
    let (_folder, path) = database("69f1.sqlite", SHIP);
    let mut store = opened(&path).store;
    assert_eq!(store.is_behind(), None);
    writer(&path).execute_batch(MORE).expect("written");
    assert_eq!(changed(&mut store, false), Change::Rows);
    assert!(store.is_behind().is_some(), "so soon after it was opened");
    assert_eq!(changed(&mut store, true), Change::Rows);
    assert_eq!(store.is_behind(), None);
}

#[test]
fn a_table_that_another_program_makes_is_there_after_a_refresh() {
    let (_folder, path) = database("69f1.sqlite", SHIP);
    let mut store = opened(&path).store;
    writer(&path).execute_batch("CREATE TABLE added (n); INSERT INTO added VALUES (7)").expect("made");
    assert_eq!(changed(&mut store, false), Change::Schema);
    assert!(store.about().native.iter().any(|t| t.name == "added"));
    assert_eq!(rows(&store, &Query::all(Table::Native("added".to_owned()))).len(), 1);
}

#[test]
fn a_file_that_is_replaced_emptied_or_deleted_is_noticed_and_what_was_there_stays() {
    let (folder, path) = database("69f1.sqlite", SHIP);
    let mut store = opened(&path).store;
    let before = messages(&store);
    let other = folder.path().join("other.sqlite");
    fs::copy(&path, &other).expect("copied");
    fs::rename(&other, &path).expect("replaced");
    assert_eq!(changed(&mut store, false), Change::Replaced);
    assert_eq!(messages(&store), before);
    fs::remove_file(&path).expect("removed");
    assert_eq!(changed(&mut store, false), Change::Gone);
    assert_eq!(messages(&store), before);

    let (_folder, path) = database("69f1.sqlite", SHIP);
    let mut store = opened(&path).store;
    fs::OpenOptions::new().write(true).open(&path).and_then(|f| f.set_len(0)).expect("emptied");
    assert_eq!(changed(&mut store, false), Change::Truncated);

    let (_folder, path) = database("69f1.sqlite", SHIP);
    let mut store = opened(&path).store;
    fs::OpenOptions::new().write(true).open(&path).and_then(|f| f.set_len(4096)).expect("cut");
    assert_eq!(changed(&mut store, false), Change::Truncated);
}

#[test]
fn a_vacuum_makes_a_file_smaller_and_does_not_cut_it() {
    let fill = "CREATE TABLE bulk (b); INSERT INTO bulk VALUES (zeroblob(200000));";
    let (_folder, path) = database("69f1.sqlite", &format!("{SHIP}{fill}"));
    let mut store = opened(&path).store;
    let before = fs::metadata(&path).expect("there").len();
    writer(&path).execute_batch("DELETE FROM bulk; VACUUM").expect("done");
    assert!(fs::metadata(&path).expect("there").len() < before);
    // A VACUUM counts the schema's version up.
    assert_eq!(changed(&mut store, false), Change::Schema);
}

#[test]
fn a_lock_is_no_loss() {
    let (_folder, path) = database("69f1.sqlite", SHIP);
    let mut store = opened(&path).store;
    let writer = writer(&path);
    writer.execute_batch(&format!("BEGIN EXCLUSIVE; {MORE}")).expect("locked");
    assert!(matches!(store.refresh(false), Err(StoreError::Locked { .. })));
    writer.execute_batch("COMMIT").expect("let go");
    assert_eq!(changed(&mut store, false), Change::Rows);
}

#[test]
fn a_followed_log_can_be_cleared_and_no_writer_is_held_up() {
    let (_folder, path) = database("69f1.sqlite", &format!("PRAGMA journal_mode = WAL; {SHIP}"));
    let mut store = opened(&path).store;
    let writer = writer(&path);
    writer.busy_timeout(Duration::ZERO).expect("set");
    let before = messages(&store);
    for n in 0..50 {
        let sql = format!("INSERT INTO messages VALUES ('w{n}', 'user', 'x', NULL, 1770000000 + {n})");
        writer.execute_batch(&sql).expect("never busy");
        assert_eq!(changed(&mut store, false), Change::Rows);
        assert_eq!(messages(&store), before + n + 1);
        let busy: i64 =
            writer.query_row("PRAGMA wal_checkpoint(TRUNCATE)", [], |r| r.get(0)).expect("a checkpoint");
        assert_eq!(busy, 0);
    }
}

/// Writes a document with these sessions as its own program does: another file takes its place.
fn write_sessions(path: &Path, ids: &[&str]) {
    let entry = |(at, id): (usize, &&str)| {
        format!(
            "  \"coder:acme/app:{id}\": {{ \"id\": \"{id}\", \"last_used_at\": {} }}",
            1_794_996_000_000 + at
        )
    };
    let entries: Vec<String> = ids.iter().enumerate().map(entry).collect();
    let new = path.with_extension("tmp");
    fs::write(&new, format!("{{\n{}\n}}\n", entries.join(",\n"))).expect("written");
    fs::rename(new, path).expect("renamed");
}

fn keys(store: &SqliteStore) -> Vec<(String, String)> {
    let all = rows(store, &Query::all(Table::Sessions));
    let id = |row: &sessionscope::core::Row| row.cells[0].value.as_str().unwrap_or_default().to_owned();
    let mut keys: Vec<_> = all.iter().map(|row| (id(row), format!("{:?}", row.key))).collect();
    keys.sort();
    keys
}

#[test]
fn rows_of_a_document_that_is_written_anew_keep_their_keys() {
    let folder = tempfile::tempdir().expect("a folder");
    let path = folder.path().join("sessions.json");
    write_sessions(&path, &["11", "12", "13", "14"]);
    let first = opened(&path);
    let mut second = first.again(&Default::default()).expect("once more");
    let mut store = first.store;
    let before = keys(&store);
    assert_eq!(before.len(), 4);
    write_sessions(&path, &["11", "13", "14", "15"]);
    assert_eq!(changed(&mut store, false), Change::Rows);
    let after = keys(&store);
    let ids: Vec<_> = after.iter().map(|(id, _)| id.trim_start_matches("coder:acme/app:")).collect();
    assert_eq!(ids, ["11", "13", "14", "15"]);
    assert_eq!(after[..3], [before[0].clone(), before[2].clone(), before[3].clone()]);
    assert!(before.iter().all(|(_, key)| *key != after[3].1), "the new one is taken for none that was");
    // The other reader sees the same, and is told so once.
    assert_eq!(changed(&mut second, false), Change::Rows);
    assert_eq!(keys(&second), after);
    assert_eq!(changed(&mut second, false), Change::Same);
    assert_eq!(changed(&mut store, false), Change::Same);
}

#[test]
fn a_document_that_is_half_written_changes_nothing_until_it_stays_so() {
    let folder = tempfile::tempdir().expect("a folder");
    let path = folder.path().join("sessions.json");
    write_sessions(&path, &["11", "12", "13"]);
    let mut store = opened(&path).store;
    let before = keys(&store);
    let whole = fs::read(&path).expect("readable");
    fs::write(&path, &whole[..whole.len() / 2]).expect("half written");
    assert_eq!(changed(&mut store, false), Change::Unsettled);
    assert_eq!(keys(&store), before);
    fs::write(&path, &whole).expect("whole");
    assert!(changed(&mut store, false) == Change::Rows);
    assert_eq!(keys(&store), before);
    fs::write(&path, b"").expect("emptied");
    let end = Instant::now() + Duration::from_secs(20);
    while matches!(store.refresh(false), Ok(Change::Unsettled)) {
        assert!(Instant::now() < end, "it is never said");
        std::thread::sleep(Duration::from_millis(50));
    }
    assert_eq!(keys(&store), before);
}

#[test]
fn a_finding_is_the_same_row_for_every_reader_as_long_as_it_is_found() {
    let (_folder, path) = database("69f1.sqlite", SHIP);
    let mut stores = [opened(&path).store, opened(&path).store];
    let finding = |code, key: &str, said: &str| Finding::warning(code, said).at("messages", key);
    let keys = |store: &SqliteStore, said: &str| {
        let all = rows(store, &Query::all(Table::Findings));
        let of_that =
            |row: &&sessionscope::core::Row| row.cells.iter().any(|c| c.value.as_str() == Some(said));
        all.iter().filter(of_that).map(|row| row.key.clone()).collect::<Vec<_>>()
    };
    let new = vec![finding("one", "a", "first"), finding("one", "a", "second"), finding("two", "a", "third")];
    stores[0].learn(Learned { new: new.clone(), gone: Vec::new() });
    stores[1].learn(Learned { new: vec![finding("other", "", "before them")], gone: Vec::new() });
    stores[1].learn(Learned { new: new.clone(), gone: Vec::new() });
    let third = keys(&stores[0], "third");
    for said in ["first", "second", "third"] {
        let key = keys(&stores[0], said);
        assert_eq!((key.len(), &key), (1, &keys(&stores[1], said)), "{said}");
    }
    assert_ne!(keys(&stores[0], "first"), keys(&stores[0], "second"));
    // It is told with another number now, and the others hold no more.
    stores[0].learn(Learned { new: vec![finding("two", "a", "changed")], gone: new });
    assert_eq!(keys(&stores[0], "changed"), third);
    assert_eq!(rows(&stores[0], &Query::all(Table::Findings)).len(), 1);
}

#[test]
fn what_is_added_behind_the_newest_row_is_read_alone() {
    let (_folder, path) = database("69f1.sqlite", SHIP);
    let mut store = opened(&path).store;
    let sort = |column: &str, descending| Some(Sort { column: column.to_owned(), descending });
    let queries = [
        Query::all(Table::Messages),
        Query { sort: sort("created_at", true), ..Query::all(Table::Messages) },
        Query { sort: sort("role", false), ..Query::all(Table::Messages) },
        Query { search: Some("More".to_owned()), ..Query::all(Table::Messages) },
    ];
    let newest = queries.each_ref().map(|query| {
        let all = rows(&store, query);
        let descending = query.sort.as_ref().is_some_and(|sort| sort.descending);
        let newest = if descending { all.first() } else { all.last() };
        newest.map(|row| row.key.clone())
    });
    writer(&path)
        .execute_batch(
            "INSERT INTO messages VALUES ('n1', 'user', 'More 1', NULL, 1790000001), ('n3', 'user', 'Others', NULL, 1790000003),
               ('n2', 'system', 'More 2', NULL, 1790000002), ('old', 'user', 'More of old', NULL, 1);",
        )
        .expect("written");
    assert_eq!(changed(&mut store, false), Change::Rows);
    let ahead = |query: &Query, newest: &Option<RowKey>| {
        let newest = newest.as_ref().map_or_else(|| RowKey { part: 0, id: KeyId::Row(0) }, Clone::clone);
        store.ahead(query, &newest).expect("read").map(|index| {
            (0..index.len()).filter_map(|at| index.get(at)).map(|key| key.id.clone()).collect::<Vec<_>>()
        })
    };
    let ids = |ids: &[i64]| Some(ids.iter().map(|id| KeyId::Row(*id)).collect::<Vec<_>>());
    assert_eq!(
        ahead(&queries[0], &newest[0]),
        ids(&[4, 6, 5]),
        "in the order of time, the old one is not behind"
    );
    assert_eq!(ahead(&queries[1], &newest[1]), ids(&[5, 6, 4]), "the newest first");
    assert_eq!(
        ahead(&queries[2], &newest[2]),
        ids(&[4, 5, 7]),
        "behind the last by role, which was a user's"
    );
    assert_eq!(newest[3], None);
    assert_eq!(ahead(&queries[3], &newest[0]), ids(&[4, 6]), "of those that are searched for");
    let gone = Some(RowKey { part: 0, id: KeyId::Row(99) });
    assert_eq!(ahead(&queries[0], &gone), ids(&[]), "of a row that is gone nothing is told");
    let without = Query::all(Table::Native("w".to_owned()));
    writer(&path)
        .execute_batch("CREATE TABLE w (k TEXT PRIMARY KEY) WITHOUT ROWID; INSERT INTO w VALUES ('a')")
        .expect("made");
    let mut store = opened(&path).store;
    assert_eq!(changed(&mut store, false), Change::Same);
    let key = rows(&store, &without)[0].key.clone();
    assert_eq!(store.ahead(&without, &key).expect("read"), None);
}
