//! What repairs print, to the letter.

use super::Home;
use super::stores::{hooks, session_file};

fn home() -> Home {
    let home = Home::new();
    home.database("store.db", &hooks(1, 1));
    home.file("sessions.json", session_file(1, 0).replace("app:1", "app:7"));
    home
}

#[test]
fn a_plan_is_one_line_of_json_with_its_names_in_their_order() {
    let home = home();
    let lines = r#""plan":[{"action":"delete","table":"claude_sdk_sessions","key":"forgejo:coder:acme/app:1","reason":"not used for 24 h (25 h ago)"},{"action":"keep","table":"claude_sdk_sessions","key":"forgejo:coder:acme/app:2","reason":"used within 24 h (1 h ago)"}],"#;
    let start = r#"{"repair":"prune","path":"store.db","#;
    let counts = r#""summary":{"insert":0,"update":0,"delete":1,"keep":1,"reject":0},"#;
    let planned = r#""applied":false,"operation":null}"#;
    assert_eq!(home.text(&["prune", "store.db", "--json"]), format!("{start}{lines}{counts}{planned}\n"));
    assert_eq!(
        home.text(&["prune", "store.db", "--json", "--summary"]),
        format!("{start}{counts}{planned}\n")
    );
    assert_eq!(
        home.text(&["prune", "store.db", "--json", "--apply"]),
        format!("{start}{lines}{counts}\"applied\":true,\"operation\":\"1\"}}\n")
    );
    let nothing = r#""summary":{"insert":0,"update":0,"delete":0,"keep":1,"reject":0},"applied":false,"operation":null}"#;
    assert_eq!(
        home.text(&["prune", "store.db", "--json", "--apply", "--summary"]),
        format!("{start}{nothing}\n")
    );
    assert_eq!(
        home.text(&["undo", "1", "--json"]),
        r#"{"repair":"undo","path":"PATH","plan":[{"action":"insert","table":"claude_sdk_sessions","key":"forgejo:coder:acme/app:1","reason":"takes back: not used for 24 h (25 h ago)"}],"summary":{"insert":1,"update":0,"delete":0,"keep":0,"reject":0},"applied":false,"operation":null}
"#
        .replace("PATH", home.at("store.db").to_str().expect("UTF-8"))
    );
}

#[test]
fn every_action_has_its_word() {
    let home = home();
    let json = home.json(&["import", "sessions.json", "--into", "new.db"]);
    let words: Vec<&str> = json["plan"]
        .as_array()
        .expect("lines")
        .iter()
        .map(|l| l["action"].as_str().expect("a word"))
        .collect();
    assert_eq!(words, ["create", "insert", "rename"]);
    assert_eq!(
        json["summary"],
        serde_json::json!({"insert": 1, "update": 0, "delete": 0, "keep": 0, "reject": 0})
    );
    let reject = home.json(&["delete-session", "store.db", "none"]);
    assert_eq!(reject["plan"][0]["action"], "reject");
}

#[test]
fn a_plan_to_read_says_how_to_go_on() {
    let home = home();
    assert_eq!(
        home.text(&["prune", "store.db"]),
        "delete  claude_sdk_sessions  forgejo:coder:acme/app:1  (not used for 24 h (25 h ago))
keep    claude_sdk_sessions  forgejo:coder:acme/app:2  (used within 24 h (1 h ago))
delete 1, keep 1. Nothing has changed; add --apply to do it, and to keep about 20,480 bytes for its undo.
"
    );
    assert_eq!(
        home.text(&["prune", "store.db", "--summary"]),
        "delete 1, keep 1. Nothing has changed; add --apply to do it, and to keep about 20,480 bytes for its undo.\n"
    );
    let applied = home.text(&["prune", "store.db", "--summary", "--apply"]);
    assert!(
        applied.starts_with(
            "delete 1, keep 1. 1 change was made, 0 rows left alone; the write lock was held for "
        ),
        "{applied}"
    );
    assert!(applied.ends_with(" ms at most. Undo it with: sessionscope undo 1 --apply\n"), "{applied}");
    assert_eq!(
        home.text(&["prune", "store.db"]),
        "keep    claude_sdk_sessions  forgejo:coder:acme/app:2  (used within 24 h (1 h ago))\nkeep 1. There is nothing to change.\n"
    );
}

#[test]
fn operations_are_one_array_with_their_names_in_their_order() {
    let home = home();
    assert_eq!(home.text(&["operations", "--json"]), "[]\n");
    assert_eq!(home.text(&["operations"]), "No operations: nothing was changed from here.\n");
    home.apply(&["prune", "store.db"]);
    let size = home.operations()[0]["size_bytes"].clone();
    let expected = format!(
        r#"[{{"operation":"1","repair":"prune","path":"{}","state":"applied","started_at":"2026-11-21T10:00:00.000Z","finished_at":"2026-11-21T10:00:00.000Z","planned":1,"done":1,"left":0,"size_bytes":{size},"undoes":null,"undone_by":null,"backup":null}}]
"#,
        home.at("store.db").display()
    );
    assert_eq!(home.text(&["operations", "--json"]), expected);
}

#[test]
fn hidden_characters_are_shown_and_a_key_stays_on_its_line() {
    let home = Home::new();
    home.database("store.db", &hooks(1, 0));
    home.sql("store.db", "UPDATE claude_sdk_sessions SET key = 'a' || char(0x202e) || 'b' || char(10) || 'c' || char(27) || '[2J'");
    let text = home.text(&["prune", "store.db"]);
    assert_eq!(text.lines().count(), 2, "{text}");
    assert!(text.contains("a‹U+202E›b⏎c‹U+001B›[2J"), "{text}");
    let json = home.text(&["prune", "store.db", "--json"]);
    assert_eq!(json.lines().count(), 1);
    assert!(!json.contains('\u{202e}') && !json.contains('\u{1b}'), "{json}");
    let parsed: serde_json::Value = serde_json::from_str(&json).expect("JSON");
    assert_eq!(parsed["plan"][0]["key"], "a\u{202e}b\nc\u{1b}[2J");
}

#[test]
fn a_reader_that_goes_away_does_not_stop_a_repair() {
    let home = home();
    let mut command = home.command(&["prune", "store.db", "--apply"]);
    let mut child = command.stdout(std::process::Stdio::piped()).spawn().expect("it starts");
    drop(child.stdout.take());
    child.wait().expect("it ends");
    assert_eq!(home.operations()[0]["state"], "applied");
    assert_eq!(home.leftovers(), [""; 0]);
}
