//! Imports: of session files into the table that took their place, of documents and key-value entries.

use std::fs;

use super::stores::{hooks, state};
use super::{Home, lines};

const IMPORT: &[&str] = &["import", "sessions.json", "--into", "store.db"];
const EMPTY: &str = "CREATE TABLE claude_sdk_sessions (key TEXT PRIMARY KEY, session_id TEXT NOT NULL,
  last_used_at INTEGER NOT NULL, created_at INTEGER NOT NULL);";

/// The rows of the session table, a line each.
fn sessions(home: &Home) -> String {
    let connection = rusqlite::Connection::open(home.at("store.db")).expect("a database");
    let sql = "SELECT key || ' ' || session_id || ' ' || last_used_at || ' ' || created_at FROM claude_sdk_sessions ORDER BY rowid";
    let mut select = connection.prepare(sql).expect("a table");
    let rows = select.query_map([], |r| r.get::<_, String>(0)).expect("rows");
    rows.map(|r| format!("\n{}", r.expect("a row"))).collect()
}

fn names(home: &Home) -> Vec<String> {
    let mut names: Vec<String> = fs::read_dir(home.at(""))
        .expect("the folder")
        .map(|e| e.expect("an entry").file_name().to_string_lossy().into_owned())
        .collect();
    names.sort();
    names
}

/// Imports a text into a database, and gives the plan and the rows.
fn imported(sql: &str, text: &str, more: &[&str]) -> (Home, String, String) {
    let home = Home::new();
    if !sql.is_empty() {
        home.database("store.db", sql);
    }
    home.file("sessions.json", text);
    let arguments = [IMPORT, more].concat();
    let plan = lines(&home.json(&arguments));
    home.apply(&arguments);
    let rows = sessions(&home);
    (home, plan, rows)
}

#[test]
fn every_whole_file_of_the_fixtures_is_imported_and_comes_back() {
    for name in [
        "sessions.json",
        "sessions.mixed-legacy.json",
        "sessions.strings.json",
        "sessions.versioned-wrapper.json",
    ] {
        for sql in ["", EMPTY] {
            let home = Home::new();
            if !sql.is_empty() {
                home.database("store.db", sql);
            }
            home.fixture(&format!("sessions-json/{name}"), "sessions.json");
            let before = state(&home);
            let plan = home.json(IMPORT);
            let rejected = plan["summary"]["reject"].as_u64().expect("a number");
            let id = home.apply(IMPORT);
            let rows = sessions(&home).lines().count() as u64 - 1;
            assert_eq!(plan["summary"]["insert"], rows, "{name}");
            let text = fs::read_to_string(crate::support::fixture("sessions-json").join(name)).expect("text");
            let json: serde_json::Value = serde_json::from_str(&text).expect("JSON");
            let entries = json.get("sessions").unwrap_or(&json).as_object().expect("an object").len() as u64;
            assert_eq!(rows + rejected, entries, "{name}: {}", lines(&plan));
            assert!(!names(&home).contains(&"sessions.json".to_owned()));
            home.apply(&["undo", &id]);
            assert_eq!(sessions(&home), "", "{name}");
            assert_eq!(fs::read_to_string(home.at("sessions.json")).expect("it is back"), text, "{name}");
            if !sql.is_empty() {
                assert_eq!(state(&home), before, "{name}");
            }
        }
    }
}

#[test]
fn entries_are_normalised_and_each_says_what_becomes_of_it() {
    let (home, plan, rows) = imported(
        &format!(
            "{EMPTY} INSERT INTO claude_sdk_sessions VALUES ('github:coder:o/r:1', 'theirs', 7, 7), ('github:coder:o/r:2', 'same', 1795255000000, 7),
               ('github:coder:o/r:3', 'same', 5, 7);"
        ),
        r#"{"github:coder:o/r:1": {"id": "ours", "last_used_at": 1795255000000},
            "github:coder:o/r:2": {"id": "same", "last_used_at": 1795255000000},
            "github:coder:o/r:3": {"id": "same", "last_used_at": 1795255000000},
            "coder:o/r:4": {"id": "new", "last_used_at": 1795255000000, "created_at": 1795000000000},
            "github:foreman:o/r:5": {"session_id": "boss", "last_used_at": 1795255000000},
            "foreman:o/r:6": "bare",
            "github:coder:o/r:7": {"id": "old", "last_used_at": 1795000000000},
            "odd:coder:o/r:8": "who",
            "github:coder:o/r:9": {"last_used_at": 1}}"#,
        &[],
    );
    assert_eq!(plan, "
keep sessions github:coder:o/r:1: conflict: the database has session theirs under it, and wins
keep sessions github:coder:o/r:2: already there
keep sessions github:coder:o/r:3: already there, with another time; the database wins
insert claude_sdk_sessions forgejo:coder:o/r:4: renamed from coder:o/r:4
insert claude_sdk_sessions github:architect:o/r:5: renamed from github:foreman:o/r:5
insert claude_sdk_sessions forgejo:architect:o/r:6: renamed from foreman:o/r:6; already stale: no last use is recorded, so it counts as expired
insert claude_sdk_sessions github:coder:o/r:7: new; already stale: last used 2 d 22 h ago
reject sessions odd:coder:o/r:8: its key cannot be told apart into forge, agent, repository and issue for certain
reject sessions github:coder:o/r:9: the entry names no session
rename files sessions.json: once the database holds its sessions, as sessions.json.imported-20261121T100000000Z; unless it was changed meanwhile");
    assert_eq!(
        rows,
        "
github:coder:o/r:1 theirs 7 7
github:coder:o/r:2 same 1795255000000 7
github:coder:o/r:3 same 5 7
forgejo:coder:o/r:4 new 1795255000000 1795000000000
github:architect:o/r:5 boss 1795255000000 1795255000000
forgejo:architect:o/r:6 bare 0 1795255200000
github:coder:o/r:7 old 1795000000000 1795000000000"
    );
    assert_eq!(names(&home), ["sessions.json.imported-20261121T100000000Z", "store.db"]);
}

#[test]
fn the_forge_of_keys_that_name_none_can_be_chosen() {
    let (_home, plan, rows) = imported(
        EMPTY,
        r#"{"coder:o/r:1": "a", "gitea:coder:o/r:2": "b", "forgejo:coder:o/r:3": "c"}"#,
        &["--forge", "gitea"],
    );
    assert_eq!(plan, "
insert claude_sdk_sessions gitea:coder:o/r:1: renamed from coder:o/r:1; already stale: no last use is recorded, so it counts as expired
insert claude_sdk_sessions gitea:coder:o/r:2: new; already stale: no last use is recorded, so it counts as expired
insert claude_sdk_sessions forgejo:coder:o/r:3: new; already stale: no last use is recorded, so it counts as expired
rename files sessions.json: once the database holds its sessions, as sessions.json.imported-20261121T100000000Z; unless it was changed meanwhile");
    assert_eq!(
        rows,
        "
gitea:coder:o/r:1 a 0 1795255200000
gitea:coder:o/r:2 b 0 1795255200000
forgejo:coder:o/r:3 c 0 1795255200000"
    );
}

#[test]
fn of_two_keys_that_become_one_the_newest_counts() {
    for (first, second) in
        [(1_795_255_000_000_i64, 1_795_254_000_000_i64), (1_795_254_000_000, 1_795_255_000_000)]
    {
        let text = format!(
            r#"{{"coder:o/r:1": {{"id": "first", "last_used_at": {first}}}, "forgejo:coder:o/r:1": {{"id": "second", "last_used_at": {second}}}}}"#
        );
        let (_home, plan, rows) = imported(EMPTY, &text, &[]);
        let winner = if first > second { "first" } else { "second" };
        assert!(rows.starts_with(&format!("\nforgejo:coder:o/r:1 {winner} {}", first.max(second))), "{rows}");
        assert_eq!(rows.lines().count(), 2, "{rows}");
        assert!(plan.contains("another entry becomes forgejo:coder:o/r:1 too, and is newer"), "{plan}");
    }
}

#[test]
fn a_second_run_finds_nothing_to_do() {
    let (home, _, rows) = imported("", r#"{"coder:o/r:1": "a", "github:foreman:o/r:2": "b"}"#, &[]);
    let before = names(&home);
    // The program wrote the same file again, as some do from what they remember.
    fs::copy(home.at(&before[0]), home.at("sessions.json")).expect("a copy");
    let plan = home.json(IMPORT);
    assert_eq!(plan["summary"]["insert"], 0);
    home.command(&[IMPORT, &["--apply"]].concat())
        .env("SESSIONSCOPE_NOW", "2026-11-21T10:00:01Z")
        .output()
        .expect("it runs");
    assert_eq!(sessions(&home), rows);
    assert_eq!(names(&home).len(), before.len() + 1, "{:?}", names(&home));
}

#[test]
fn a_file_that_is_written_before_it_is_renamed_stays_and_says_so() {
    for at in ["start", "noted", "read-back"] {
        let home = Home::new();
        home.database("store.db", EMPTY);
        home.file("sessions.json", r#"{"github:coder:o/r:1": "a"}"#);
        let halted = home.halted(at, &[IMPORT, &["--apply"]].concat()).expect("it stands still");
        let newer = r#"{"github:coder:o/r:1": "a", "github:coder:o/r:2": "b"}"#;
        home.file("sessions.json", newer);
        let ended = halted.finish();
        assert_eq!(ended.status, 0, "{at}: {}", ended.err);
        assert!(
            ended.err.contains("Left alone, since the file was changed: sessions.json"),
            "{at}: {}",
            ended.err
        );
        assert_eq!(fs::read_to_string(home.at("sessions.json")).expect("it stays"), newer, "{at}");
        // What was shown is done, and what is new waits for another plan.
        assert_eq!(sessions(&home).lines().count(), 2, "{at}");
        home.apply(IMPORT);
        assert_eq!(sessions(&home).lines().count(), 3, "{at}");
    }
}

#[test]
fn an_undo_leaves_the_file_aside_where_its_place_is_taken() {
    let (home, _, _) = imported(EMPTY, r#"{"github:coder:o/r:1": "a", "github:coder:o/r:2": "b"}"#, &[]);
    home.file("sessions.json", "{}");
    home.sql("store.db", "UPDATE claude_sdk_sessions SET last_used_at = 9 WHERE key LIKE '%:1'");
    let plan = lines(&home.json(&["undo", "1"]));
    home.apply(&["undo", "1"]);
    assert_eq!(plan, "
keep files sessions.json: changed since: its place is taken by another file
delete claude_sdk_sessions github:coder:o/r:2: takes back: new; already stale: no last use is recorded, so it counts as expired
keep claude_sdk_sessions github:coder:o/r:1: changed since: its last_used_at is another now");
    assert_eq!(fs::read_to_string(home.at("sessions.json")).expect("theirs"), "{}");
    assert_eq!(sessions(&home).lines().count(), 2);
}

#[test]
fn a_session_document_becomes_messages_and_facts() {
    let home = Home::new();
    home.fixture("sessions-json/session-document.json", "document.json");
    home.database("store.db", crate::stores::session_do::SHIP);
    let before = state(&home);
    let import = ["import", "document.json", "--into", "store.db"];
    let plan = home.json(&import);
    let id = home.apply(&import);
    let added = state(&home).len() - before.len();
    assert_eq!(plan["summary"]["insert"], added);
    assert!(added > 2, "{}", lines(&plan));
    assert!(home.at("document.json").exists(), "it is read, and stays");
    let again = home.json(&import);
    assert_eq!((&again["summary"]["insert"], &again["summary"]["keep"]), (&0.into(), &added.into()));
    home.apply(&["undo", &id]);
    assert_eq!(state(&home), before);
    let made = ["import", "document.json", "--into", "new.db"];
    assert_eq!(home.json(&made)["summary"]["insert"], added);
    home.apply(&made);
    assert_eq!(home.json(&made)["summary"]["insert"], 0);
}

#[test]
fn the_document_of_a_durable_object_becomes_messages_too() {
    let folder = crate::support::fixture("durable/session-worker-SessionManager");
    let home = Home::new();
    for entry in fs::read_dir(folder).expect("the fixture") {
        let path = entry.expect("an entry").path();
        let name = path
            .file_name()
            .expect("a name")
            .to_string_lossy()
            .replace("03d107ecaf04a744e042813fd7be3ffe66ffd0448736b3d69edbb6595b4dff35", "object");
        home.file(&name, fs::read(&path).expect("bytes"));
    }
    let import = ["import", "object.sqlite", "--into", "new.db"];
    let plan = home.json(&import);
    home.apply(&import);
    assert!(plan["summary"]["insert"].as_u64() > Some(0), "{plan}");
    assert_eq!(home.json(&import)["summary"]["insert"], 0);
}

#[test]
fn key_value_entries_move_from_one_object_to_another() {
    let kv = "CREATE TABLE _cf_KV (key TEXT PRIMARY KEY, value BLOB) WITHOUT ROWID;";
    let home = Home::new();
    home.database(
        "from.db",
        &format!(
            "{kv} INSERT INTO _cf_KV VALUES ('a', x'ff0f4901'), ('b', x'ff0f4902'), ('c', x'ff0f4903');"
        ),
    );
    home.database("store.db", &format!("{kv} INSERT INTO _cf_KV VALUES ('b', x'ff0f4902'), ('c', x'00');"));
    let before = state(&home);
    let import = ["import", "from.db", "--into", "store.db"];
    assert_eq!(
        lines(&home.json(&import)),
        "
insert _cf_KV a: new
keep _cf_KV b: already there
keep _cf_KV c: conflict: another row has its key; the database wins"
    );
    let id = home.apply(&import);
    home.apply(&["undo", &id]);
    assert_eq!(state(&home), before);
    assert_eq!(home.run(&["import", "from.db", "--into", "none.db", "--apply"]).status, 3);
    assert!(!home.at("none.db").exists());
}

#[test]
fn sessions_go_into_no_other_kind_of_database() {
    let home = Home::new();
    home.file("sessions.json", r#"{"github:coder:o/r:1": "a"}"#);
    home.database("store.db", "CREATE TABLE things (id INTEGER PRIMARY KEY)");
    home.database("other.db", &hooks(1, 0));
    let before = state(&home);
    let ended = home.run(&[IMPORT, &["--apply"]].concat());
    assert_eq!((ended.status, state(&home) == before), (3, true), "{}{}", ended.out, ended.err);
}
