//! The headless commands, from their arguments to what they print and how they end.

mod export;
mod formats;
mod hostile;
mod rows;
mod search;
mod status;
mod transcripts;

use std::ffi::OsStr;
use std::io::Write as _;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use sessionscope::cli::{Outcome, run};

use crate::stores::session_do::{SHIP, apart};
use crate::support::database;

/// What a command printed and how it ended.
#[derive(Debug)]
struct Ended {
    out: String,
    err: String,
    status: i32,
}

/// Runs the program with the tests' clock.
fn sessionscope<S: AsRef<OsStr>>(arguments: &[S]) -> Ended {
    let output = command(arguments).output().expect("the program starts");
    ended(output)
}

fn ended(output: std::process::Output) -> Ended {
    Ended {
        out: String::from_utf8(output.stdout).expect("UTF-8"),
        err: String::from_utf8_lossy(&output.stderr).into_owned(),
        // A signal has no code: it must not look like any.
        status: output.status.code().unwrap_or(-1),
    }
}

fn command<S: AsRef<OsStr>>(arguments: &[S]) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_sessionscope"));
    command.args(arguments).env("SESSIONSCOPE_NOW", "2026-11-21T10:00:00Z").stdin(Stdio::null());
    command
}

/// Runs the program, and ends it where it takes longer than that.
fn sessionscope_within(limit: Duration, arguments: &[&OsStr]) -> Option<Ended> {
    let mut out = tempfile::tempfile().expect("a file");
    let mut err = tempfile::tempfile().expect("a file");
    let mut child = command(arguments)
        .stdout(out.try_clone().expect("a handle"))
        .stderr(err.try_clone().expect("a handle"))
        .spawn()
        .expect("the program starts");
    let start = Instant::now();
    let status = loop {
        match child.try_wait().expect("its status") {
            Some(status) => break status,
            None if start.elapsed() > limit => {
                child.kill().expect("it ends");
                child.wait().expect("it has ended");
                return None;
            }
            None => std::thread::sleep(Duration::from_millis(2)),
        }
    };
    let read = |file: &mut std::fs::File| {
        use std::io::{Read as _, Seek as _};
        let mut bytes = Vec::new();
        file.rewind().and_then(|()| file.read_to_end(&mut bytes)).expect("the output");
        bytes
    };
    Some(ended(std::process::Output { status, stdout: read(&mut out), stderr: read(&mut err) }))
}

fn text(path: &Path) -> &str {
    path.to_str().expect("a UTF-8 path")
}

/// A folder with two stores and a file that is none.
fn folder() -> (tempfile::TempDir, PathBuf) {
    let (folder, path) = database("one.sqlite", SHIP);
    let (_other, second) = database("two.sqlite", &SHIP.replace("A question", "Another"));
    std::fs::create_dir(folder.path().join("deep")).expect("a folder");
    std::fs::copy(second, folder.path().join("deep/two.sqlite")).expect("a copy");
    let mut notes = std::fs::File::create(folder.path().join("notes.json")).expect("a file");
    notes.write_all(b"\"no store\"").expect("a note");
    let root = path.parent().expect("its folder").to_owned();
    (folder, root)
}

#[test]
fn a_path_named_like_a_command_opens_the_window_when_it_is_written_as_a_path() {
    let ask = |arguments: &[&str]| run(["sessionscope"].iter().chain(arguments).map(Into::into));
    assert_eq!(ask(&["./src"]), Outcome::Window(vec!["./src".into()]));
    assert_eq!(ask(&["Cargo.toml", "src"]), Outcome::Window(vec!["Cargo.toml".into(), "src".into()]));
    let folder = tempfile::tempdir().expect("a folder");
    let named = folder.path().join("inspect");
    std::fs::write(&named, "").expect("a file");
    assert_eq!(ask(&[text(&named)]), Outcome::Window(vec![named.clone()]));
    assert_eq!(ask(&[]), Outcome::Window(vec![]));
    assert_eq!(ask(&["inspect"]), Outcome::Exit(2));
}

#[test]
fn inspect_says_on_one_line_of_json_what_a_file_is() {
    let (_folder, path) = database("69f1.sqlite", &apart());
    let ended = sessionscope(&["inspect", text(&path), "--json"]);
    let expected = format!(
        r#"{{"path":"{}","stores":["session-do"],"counts":{{"sessions":1,"messages":3,"tasks":1,"heartbeats":0,"state":4,"migrations":2}},"findings":[]}}"#,
        path.display()
    );
    assert_eq!(ended.out, expected + "\n");
    assert_eq!((ended.err.as_str(), ended.status), ("", 0));
}

#[test]
fn inspect_without_json_is_a_summary_to_read() {
    let (_folder, path) = database("69f1.sqlite", &apart());
    let ended = sessionscope(&["inspect", text(&path)]);
    let expected = format!(
        "{}: session-do (A question)
  sessions 1, messages 3, tasks 1, heartbeats 0, state 4, migrations 2
  Tables: messages, session_meta, tasks
  Journal: delete
  Schema version: 0
  Page size: 4096 bytes
",
        path.display()
    );
    assert_eq!(ended.out, expected);
}

#[test]
fn inspect_of_a_folder_adds_its_files_up_and_lists_them() {
    let (_folder, root) = folder();
    let ended = sessionscope(&["inspect", "--json", text(&root)]);
    let json: serde_json::Value = serde_json::from_str(&ended.out).expect("JSON");
    assert_eq!(json["path"], text(&root));
    assert_eq!(json["stores"], serde_json::json!(["session-do"]));
    assert_eq!(json["counts"]["messages"], 6);
    let files = json["files"].as_array().expect("files");
    assert_eq!(files.iter().map(|f| &f["name"]).collect::<Vec<_>>(), ["deep/two.sqlite", "one.sqlite"]);
    assert_eq!(files[0]["counts"]["messages"], 3);
    assert_eq!(files[0]["path"], text(&root.join("deep/two.sqlite")));
    assert_eq!((ended.err.as_str(), ended.status), ("", 0));
}

#[test]
fn findings_of_inspect_are_the_rows_of_findings() {
    let sql = apart().replace("parts TEXT, created_at", "parts TEXT, extra, created_at").replace(
        "INSERT INTO messages VALUES",
        "INSERT INTO messages(id, role, content, parts, created_at) VALUES",
    );
    let (_folder, path) = database("69f1.sqlite", &sql);
    let inspected = sessionscope(&["inspect", "--json", text(&path)]);
    let inspected: serde_json::Value = serde_json::from_str(&inspected.out).expect("JSON");
    let rows = sessionscope(&["rows", text(&path), "findings", "--format", "json"]);
    let mut rows: Vec<serde_json::Value> = serde_json::from_str(&rows.out).expect("JSON");
    for row in &mut rows {
        assert!(row.as_object_mut().expect("an object").remove("row").is_some());
    }
    assert_eq!(rows.len(), 1);
    assert_eq!(rows[0]["code"], "schema-drift");
    assert_eq!(inspected["findings"], serde_json::Value::Array(rows));
}
