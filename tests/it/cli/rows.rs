//! Which rows are printed, and in which order.

use std::io::{BufRead as _, BufReader, Read as _};
use std::process::Stdio;
use std::time::{Duration, Instant};

use super::{command, folder, sessionscope, text};
use crate::stores::session_do::SHIP;
use crate::support::database;

/// Five thousand messages: more than one page, and more than the first piece of keys.
fn many() -> String {
    format!(
        "{SHIP} DELETE FROM messages;
         WITH RECURSIVE n(i) AS (SELECT 0 UNION ALL SELECT i + 1 FROM n WHERE i < 4999)
         INSERT INTO messages SELECT 'm' || i, 'user', 'text ' || i || ' ' || hex(zeroblob(50)), NULL, 1769972640 + i / 3 FROM n;"
    )
}

/// The values of one column, in order.
fn column(path: &str, arguments: &[&str], name: &str) -> Vec<String> {
    let all = [&["rows", path], arguments, &["--format", "json"]].concat();
    let ended = sessionscope(&all);
    assert_eq!((ended.err.as_str(), ended.status), ("", 0));
    let rows: Vec<serde_json::Value> = serde_json::from_str(&ended.out).expect("JSON");
    let show = |v: &serde_json::Value| v.as_str().map_or_else(|| v.to_string(), str::to_owned);
    rows.iter().map(|row| show(&row[name])).collect()
}

#[test]
fn pages_and_pieces_join_without_a_seam() {
    let (_folder, path) = database("69f1.sqlite", &many());
    let expected: Vec<String> = (0..5000).map(|i| format!("m{i}")).collect();
    assert_eq!(column(text(&path), &["messages"], "id"), expected);
    let page = column(text(&path), &["messages", "--offset", "990", "--limit", "700"], "id");
    assert_eq!(page, expected[990..1690]);
    assert_eq!(column(text(&path), &["messages", "--limit", "0"], "id"), [""; 0]);
    assert_eq!(column(text(&path), &["messages", "--offset", "4998"], "id"), expected[4998..]);
    let last = column(text(&path), &["messages", "--sort", "created_at:desc", "--limit", "2"], "id");
    assert_eq!(last, ["m4999", "m4998"]);
}

#[test]
fn search_and_session_choose_rows() {
    let (_folder, path) = database("69f1.sqlite", SHIP);
    assert_eq!(column(text(&path), &["messages", "--search", "BECAUSE"], "id"), ["b"]);
    assert_eq!(column(text(&path), &["messages", "--session", "69f1", "--search", "why"], "id"), ["z"]);
    assert_eq!(column(text(&path), &["messages", "--session", "other"], "id"), [""; 0]);
    assert_eq!(column(text(&path), &["sessions", "--session", "69f1"], "title"), ["A question"]);
}

#[test]
fn rows_of_a_folder_name_their_file() {
    let (_folder, root) = folder();
    let files = column(text(&root), &["sessions"], "file");
    assert_eq!(files, ["deep/two.sqlite", "one.sqlite"]);
    let some = column(text(&root), &["messages", "--offset", "2", "--limit", "2"], "file");
    assert_eq!(some, ["deep/two.sqlite", "one.sqlite"]);
    let csv = sessionscope(&["rows", text(&root), "sessions", "--format", "csv"]).out;
    assert!(csv.starts_with("file,id,title,"), "{csv}");
}

#[test]
fn sorted_rows_of_several_files_are_merged() {
    let (_folder, root) = folder();
    let sort = |arguments: &[&str], name: &str| column(text(&root), arguments, name);
    assert_eq!(sort(&["sessions", "--sort", "title"], "title"), ["A question", "Another"]);
    assert_eq!(sort(&["sessions", "--sort", "title:desc"], "title"), ["Another", "A question"]);
    assert_eq!(sort(&["messages", "--sort", "id"], "id"), ["a", "a", "b", "b", "z", "z"]);
    let page = ["messages", "--sort", "id:desc", "--offset", "1", "--limit", "3"];
    assert_eq!(sort(&page, "id"), ["z", "b", "b"]);
}

#[test]
fn files_of_a_folder_may_differ_in_a_native_table() {
    let (folder, _) = database("a.db", "CREATE TABLE t (x, y); INSERT INTO t VALUES (2, 'a');");
    let (_other, second) = database("b.db", "CREATE TABLE t (z, x); INSERT INTO t VALUES ('b', 1);");
    std::fs::copy(second, folder.path().join("b.db")).expect("a copy");
    let sorted = |name| column(text(folder.path()), &["native:t", "--sort", "x"], name);
    assert_eq!(sorted("x"), ["1", "2"]);
    assert_eq!(sorted("y"), ["null", "a"]);
    assert_eq!(sorted("z"), ["b", "null"]);
}

#[test]
fn a_reader_that_goes_away_is_no_failure() {
    let (_folder, path) = database("69f1.sqlite", &many());
    for format in ["table", "json", "jsonl", "csv", "md"] {
        let mut child = command(&["rows", text(&path), "messages", "--format", format])
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .expect("the program starts");
        let mut out = BufReader::new(child.stdout.take().expect("its output"));
        out.read_line(&mut String::new()).expect("a line");
        drop(out);
        let mut err = String::new();
        child.stderr.take().expect("its errors").read_to_string(&mut err).expect("text");
        let status = child.wait().expect("it ends");
        assert_eq!((err.as_str(), status.code()), ("", Some(0)), "{format}");
    }
}

#[test]
fn the_first_rows_of_a_large_table_do_not_wait_for_the_rest() {
    // Neither are all keys read before the first row, nor more keys than are wanted.
    let sql = many().replace("i < 4999", "i < 400000").replace("hex(zeroblob(50))", "''");
    let (_folder, path) = database("69f1.sqlite", &sql);
    let timed = |arguments: &[&str]| {
        let start = Instant::now();
        column(text(&path), arguments, "id");
        start.elapsed()
    };
    let first = timed(&["messages", "--limit", "10"]);
    let all = timed(&["messages", "--offset", "400000"]);
    assert!(first < Duration::from_secs(1) && first * 2 < all, "{first:?} of {all:?}");
}
