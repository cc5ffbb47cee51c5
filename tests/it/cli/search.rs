use std::io::{BufRead as _, BufReader};
use std::process::Stdio;

use super::{command, folder, sessionscope, text};
use crate::stores::session_do::SHIP;
use crate::support::{copied, database};

#[test]
fn a_hit_is_an_object_of_json_a_line() {
    let (_folder, path) = database("69f1.sqlite", SHIP);
    let path = text(&path);
    let ended = sessionscope(&["search", "because", path, "--json"]);
    let expected = format!(
        r#"{{"path":"{path}","table":"messages","key":"b","session_id":"69f1","created_at":"2026-02-01T19:04:00.000Z","snippet":"Because."}}"#
    );
    assert_eq!((ended.out.as_str(), ended.err.as_str(), ended.status), ((expected + "\n").as_str(), "", 0));
    let ended = sessionscope(&["search", "A QUESTION", path, "--json"]);
    let lines: Vec<serde_json::Value> =
        ended.out.lines().map(|line| serde_json::from_str(line).expect("JSON")).collect();
    assert_eq!(lines.len(), 2);
    assert_eq!((&lines[1]["table"], &lines[1]["key"]), (&"state".into(), &"title".into()));
    assert!(lines[1]["created_at"].is_null() && lines[1]["session_id"] == "69f1");
}

#[test]
fn without_json_a_hit_is_a_line_to_read() {
    let (_folder, path) = database("69f1.sqlite", SHIP);
    let path = text(&path);
    let ended = sessionscope(&["search", "because", path]);
    assert_eq!(ended.out, format!("{path}: messages: b 2026-02-01T19:04:00.000Z assistant: Because.\n"));
    let ended = sessionscope(&["search", "write it", path]);
    assert_eq!(ended.out, format!("{path}: tasks: t1 2026-02-01T19:04:01.000Z complete: Write it\n"));
}

#[test]
fn nothing_found_is_0_and_says_nothing() {
    let (_folder, path) = database("69f1.sqlite", SHIP);
    let ended = sessionscope(&["search", "nowhere", text(&path)]);
    assert_eq!((ended.out.as_str(), ended.err.as_str(), ended.status), ("", "", 0));
    let ended = sessionscope(&["search", "BECAUSE", text(&path), "--case"]);
    assert_eq!((ended.out.as_str(), ended.status), ("", 0));
}

#[test]
fn several_paths_and_folders_are_searched_in_their_order_up_to_the_limit() {
    let (_folder, root) = folder();
    let (_other, path) = database("9.sqlite", SHIP);
    let count = |arguments: &[&str]| {
        let ended = sessionscope(arguments);
        assert_eq!((ended.err.as_str(), ended.status), ("", 0));
        ended.out.lines().map(str::to_owned).collect::<Vec<_>>()
    };
    let all = count(&["search", "why", text(&root), text(&path)]);
    assert_eq!(all.len(), 3);
    assert!(
        all[0].starts_with(text(&root.join("deep/two.sqlite"))) && all[2].starts_with(text(&path)),
        "{all:?}"
    );
    assert_eq!(count(&["search", "why", text(&root), text(&path), "--limit", "2"]), all[..2]);
    assert_eq!(count(&["search", "wh[xy]", "--regex", text(&path)]), all[2..]);
    assert_eq!(count(&["search", "path:deep role:user", text(&root)]), all[..1]);
    assert_eq!(count(&["search", "why", text(&path), "--limit", "0"]), [""; 0]);
}

#[test]
fn what_is_wrong_is_said_and_the_rest_is_found() {
    let (_folder, path) = database("69f1.sqlite", SHIP);
    for (arguments, said) in [
        (&["search", "(", "--regex", text(&path)][..], "unclosed group"),
        (&["search", "has:nothing", text(&path)], "has:tool"),
        (&["search", " ", text(&path)], "There is nothing to look for"),
        (&["search", "x"], "not provided"),
    ] {
        let ended = sessionscope(arguments);
        assert!(ended.status == 2 && ended.out.is_empty(), "{arguments:?}");
        assert!(ended.err.contains(said) && ended.err.lines().count() == 1, "{}", ended.err);
    }
    let missing = path.with_file_name("missing.db");
    let ended = sessionscope(&["search", "why", text(&missing), text(&path)]);
    assert_eq!((ended.out.lines().count(), ended.status), (1, 1));
    let (_copy, root) = copied("sessions-json");
    let damaged = root.join("bad.truncated.json");
    let ended = sessionscope(&["search", "reviewer", text(&damaged), text(&path)]);
    assert!(ended.status == 3 && ended.out.lines().count() > 0, "{}", ended.out);
    assert!(ended.err.contains("breaks off") && ended.err.lines().count() == 1, "{}", ended.err);
}

#[test]
fn hits_are_printed_as_they_are_found_and_a_reader_may_go() {
    let many = "WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 50000)
      INSERT INTO messages SELECT 'n' || i, 'user', 'needle', NULL, i FROM n;";
    let (_folder, path) = database("69f1.sqlite", &format!("{SHIP}{many}"));
    let mut child =
        command(&["search", "needle", text(&path)]).stdout(Stdio::piped()).spawn().expect("it starts");
    let mut first = String::new();
    BufReader::with_capacity(64, child.stdout.take().expect("output")).read_line(&mut first).expect("a line");
    assert!(first.contains("messages: n1 "), "{first}");
    assert!(child.wait().expect("it ends").success());
}
