//! How commands end, and what they say where something is wrong.

use std::fs;
use std::path::Path;
use std::process::Command;

use rusqlite::Connection;

use super::{sessionscope, text};
use crate::stores::session_do::{SHIP, apart};
use crate::support::database;

/// Checks a command's status, and that it says one line with this in it.
fn check(arguments: &[&str], status: i32, said: &str) {
    let ended = sessionscope(arguments);
    assert_eq!(ended.status, status, "{arguments:?}: {}", ended.err);
    assert!(ended.err.contains(said), "{arguments:?}: {}", ended.err);
    assert_eq!(ended.err.lines().count(), 1, "{arguments:?}: {}", ended.err);
}

#[test]
fn what_cannot_be_read_is_1() {
    let folder = tempfile::tempdir().expect("a folder");
    let missing = folder.path().join("missing.db");
    check(&["inspect", text(&missing)], 1, "There is no file or folder");
    check(&["rows", text(&missing), "messages"], 1, "Check the path.");
    check(&["inspect", text(folder.path())], 1, "There is no store in this folder");
    check(&["rows", text(folder.path()), "messages"], 1, "There is no store in this folder");
    let notes = folder.path().join("notes.txt");
    fs::write(&notes, "only words").expect("a file");
    check(&["inspect", text(&notes)], 1, "This is no store that is known");
    let pipe = folder.path().join("pipe");
    if Command::new("mkfifo").arg(&pipe).status().is_ok_and(|s| s.success()) {
        check(&["inspect", text(&pipe)], 1, "A pipe, socket or device cannot be opened as a store");
        check(&["rows", text(&pipe), "messages"], 1, "A pipe, socket or device");
    }
}

#[test]
fn wrong_usage_is_2_and_says_what_there_is() {
    let (_folder, path) = database("69f1.sqlite", SHIP);
    let path = text(&path);
    check(&["rows", path, "mesages"], 2, "The tables are sessions, messages, tasks,");
    check(&["rows", path, "native:nope"], 2, "native:messages, native:session_meta, native:tasks");
    check(&["rows", path, "messages", "--sort", "age"], 2, "Its columns are id, session_id, role,");
    check(&["rows", path, "native:tasks", "--sort", "age"], 2, "Its columns are id, title,");
    for wrong in [
        &["rows", path, "messages", "--format", "xml"][..],
        &["rows", path, "messages", "--limit", "-1"],
        &["rows", path],
        &["inspect"],
        &["inspect", path, "--yaml"],
    ] {
        let ended = sessionscope(wrong);
        assert_eq!(ended.status, 2, "{wrong:?}");
        assert!(ended.err.starts_with("sessionscope: ") && ended.out.is_empty(), "{}", ended.err);
        assert!(ended.err.lines().count() == 1 && ended.err.contains("sessionscope help"), "{}", ended.err);
    }
    check(&["rows", path, "messages", "--format", "xml"], 2, "possible values: table, json, jsonl, csv, md.");
    check(&["delete-issue", path], 2, "not provided: --forge <FORGE>, --repo <REPO>, --issue <ISSUE>.");
    check(&["prune", path, "--older-than", "-1d"], 2, "An age cannot be negative.");
    check(&["prune", path, "--older-than", "a while"], 2, "An age is a number and s, m, h, d or w");
    assert_eq!(sessionscope(&["--help"]).status, 0);
    assert_eq!(sessionscope(&["--version"]).out, concat!("sessionscope ", env!("CARGO_PKG_VERSION"), "\n"));
}

#[test]
fn a_mistyped_command_opens_no_window() {
    check(&["bogus"], 2, "There is no file or folder bogus, and no command of that name.");
    check(&["delete-isue", "store.db"], 2, "There is no file or folder delete-isue");
}

#[cfg(target_os = "linux")]
#[test]
fn without_a_display_the_window_says_in_one_line_what_to_do() {
    let (_folder, path) = database("69f1.sqlite", SHIP);
    let mut command = super::command(&[text(&path)]);
    command.env_remove("DISPLAY").env_remove("WAYLAND_DISPLAY").env_remove("WAYLAND_SOCKET");
    let ended = super::ended(command.output().expect("the program starts"));
    assert_eq!((ended.status, ended.err.lines().count()), (1, 1), "{}", ended.err);
    assert!(ended.err.contains("Check that a display") && !ended.err.contains(".rs"), "{}", ended.err);
}

#[test]
fn an_empty_file_is_3() {
    let folder = tempfile::tempdir().expect("a folder");
    let path = folder.path().join("empty.sqlite");
    fs::write(&path, "").expect("a file");
    check(&["inspect", text(&path)], 3, "it is empty (0 bytes)");
    check(&["rows", text(&path), "messages"], 3, "Restore it from a backup");
}

#[test]
fn of_several_paths_the_others_are_read_and_the_worst_counts() {
    let (folder, path) = database("69f1.sqlite", &apart());
    let empty = folder.path().join("empty.sqlite");
    fs::write(&empty, "").expect("a file");
    let ended = sessionscope(&["inspect", "--json", "/nowhere.db", text(&empty), text(&path)]);
    assert_eq!(ended.status, 1);
    // A program that reads the answers gets one for each path.
    let answers: Vec<serde_json::Value> =
        ended.out.lines().map(|line| serde_json::from_str(line).expect("JSON")).collect();
    let codes: Vec<_> = answers.iter().map(|a| a["findings"][0]["code"].as_str()).collect();
    assert_eq!(codes, [Some("file-unreadable"), Some("file-damaged"), None]);
    assert_eq!(
        (answers[1]["path"].as_str(), answers[1]["counts"]["sessions"].as_u64()),
        (Some(text(&empty)), Some(0))
    );
    assert_eq!(ended.err.lines().count(), 2);
    let plain = sessionscope(&["inspect", text(&empty)]);
    assert_eq!((plain.out.as_str(), plain.err.lines().count()), ("", 1));
    let ended = sessionscope(&["inspect", "--json", text(&empty), text(&path)]);
    assert_eq!(ended.status, 3);
    // A folder names the broken file among its files.
    let ended = sessionscope(&["inspect", "--json", text(folder.path())]);
    let json: serde_json::Value = serde_json::from_str(&ended.out).expect("JSON");
    assert_eq!(ended.status, 3);
    assert_eq!(json["files"][0]["findings"], serde_json::json!([]));
    assert_eq!(json["files"][1]["name"], "empty.sqlite");
    assert_eq!(json["files"][1]["findings"][0]["code"], "file-damaged");
}

#[test]
fn a_folder_that_may_not_be_written_and_a_log_are_read_as_a_copy() {
    let (folder, path) = database("69f1.sqlite", SHIP);
    let broken = folder.path().join("hot.sqlite");
    hot_journal(&path, &broken);
    let before = fs::read(&broken).expect("bytes");
    let ended = sessionscope(&["rows", text(&broken), "messages", "--format", "csv"]);
    assert_eq!(ended.status, 0, "{}", ended.err);
    assert!(ended.err.contains("A private copy of it is read instead"), "{}", ended.err);
    // The broken-off transaction is rolled back, in the copy only.
    assert_eq!(ended.out.lines().count(), 4);
    assert_eq!(fs::read(&broken).expect("bytes"), before);
    assert!(broken.with_file_name("hot.sqlite-journal").exists());
}

/// Copies a database in the middle of a transaction that has spilled to disk, with its journal.
fn hot_journal(path: &Path, to: &Path) {
    let connection = Connection::open(path).expect("a database");
    connection
        .execute_batch(
            "PRAGMA cache_size = 1; BEGIN IMMEDIATE;
             WITH RECURSIVE n(i) AS (SELECT 0 UNION ALL SELECT i + 1 FROM n WHERE i < 999)
             INSERT INTO messages SELECT 'new' || i, 'user', hex(zeroblob(500)), NULL, 1 FROM n;
             UPDATE messages SET content = 'changed' WHERE id IN ('a', 'b', 'z');",
        )
        .expect("an open transaction");
    fs::copy(path, to).expect("a copy");
    fs::copy(path.with_file_name("69f1.sqlite-journal"), to.with_file_name("hot.sqlite-journal"))
        .expect("its journal");
}

#[test]
fn a_log_that_was_left_behind_is_a_warning() {
    let (folder, path) = database("69f1.sqlite", "PRAGMA journal_mode = WAL; PRAGMA wal_autocheckpoint = 0;");
    let connection = Connection::open(&path).expect("a database");
    connection.execute_batch("PRAGMA wal_autocheckpoint = 0;").expect("no checkpoint");
    connection.execute_batch(SHIP).expect("valid SQL");
    let alone = folder.path().join("alone.sqlite");
    fs::copy(&path, &alone).expect("a copy without its log");
    for _ in 0..2 {
        // The second time, the empty log that looking made is there.
        let ended = sessionscope(&["inspect", "--json", text(&alone)]);
        let json: serde_json::Value = serde_json::from_str(&ended.out).expect("JSON");
        assert_eq!(json["findings"][0]["code"], "wal-missing");
        assert_eq!((json["findings"][0]["severity"].as_str(), ended.status), (Some("warning"), 0));
    }
}

/// A database of 4,000 messages, and how many bytes it has.
fn large() -> (tempfile::TempDir, std::path::PathBuf, usize) {
    let sql = format!(
        "{SHIP} DELETE FROM messages;
         WITH RECURSIVE n(i) AS (SELECT 0 UNION ALL SELECT i + 1 FROM n WHERE i < 3999)
         INSERT INTO messages SELECT 'm' || i, 'user', hex(zeroblob(50)), NULL, 1769972640 + i FROM n;"
    );
    let (folder, path) = database("69f1.sqlite", &sql);
    let length = fs::metadata(&path).expect("its size").len() as usize;
    (folder, path, length)
}

fn printed(path: &Path) -> usize {
    let ended = sessionscope(&["rows", text(path), "messages", "--format", "jsonl"]);
    assert_eq!(ended.status, 3, "{}", ended.err);
    assert_eq!(ended.err.lines().count(), 1, "{}", ended.err);
    ended.out.lines().count()
}

#[test]
fn of_a_truncated_database_what_is_left_is_printed() {
    let (_folder, path, length) = large();
    let bytes = fs::read(&path).expect("bytes");
    fs::write(&path, &bytes[..length / 2]).expect("half of it");
    // Its index is gone with the second half; the table's first half is there.
    let rows = printed(&path);
    assert!((1000..3000).contains(&rows), "{rows}");
    let ended = sessionscope(&["inspect", "--json", text(&path)]);
    let json: serde_json::Value = serde_json::from_str(&ended.out).expect("JSON");
    assert_eq!((json["findings"][0]["severity"].as_str(), ended.status), (Some("error"), 3));
}

#[test]
fn a_damaged_page_costs_its_rows_and_no_more() {
    let (_folder, path, length) = large();
    let mut bytes = fs::read(&path).expect("bytes");
    // A leaf of the table: the page in which message 2000 is.
    let at = bytes.windows(9).position(|w| w == b"m2000user").expect("the message") / 4096 * 4096;
    bytes[at..at + 4096].fill(0xa5);
    assert_eq!(bytes.len(), length);
    fs::write(&path, &bytes).expect("a damaged database");
    let rows = printed(&path);
    assert!((3900..4000).contains(&rows), "{rows}");
    // Opening does not touch that page: the check of `inspect` does.
    let ended = sessionscope(&["inspect", "--json", text(&path)]);
    let json: serde_json::Value = serde_json::from_str(&ended.out).expect("JSON");
    assert_eq!((json["findings"][0]["code"].as_str(), ended.status), (Some("database-damaged"), 3));
}

#[test]
fn a_database_whose_list_of_tables_is_gone_says_so() {
    let tables: String = (0..200)
        .map(|n| format!("CREATE TABLE a_table_with_a_long_name_{n} (a TEXT, b TEXT, c TEXT);"))
        .collect();
    let (_folder, path) = database("many.db", &tables);
    let bytes = fs::read(&path).expect("bytes");
    fs::write(&path, &bytes[..4096]).expect("its first page");
    let ended = sessionscope(&["inspect", text(&path)]);
    assert_eq!(ended.status, 3);
    assert!(ended.err.contains("it ends after 4,096 of "), "{}", ended.err);
    assert!(ended.err.contains("the list of its tables is in the part that is missing"), "{}", ended.err);
}
