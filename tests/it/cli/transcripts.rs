//! Transcripts, on their own and as what the sessions of claude-hooks name.

use std::fs;

use super::{command, ended, sessionscope, text};
use crate::support::fixture;

const SESSION: &str = "3f0d5a52-7c1e-4b8e-9d36-5a1c0e7b2f41";

#[test]
fn a_broken_line_is_damage_and_all_else_is_printed() {
    let folder = tempfile::tempdir().expect("a folder");
    let path = folder.path().join("talk.jsonl");
    let line = r#"{"type":"user","uuid":"a","sessionId":"s","message":{"role":"user","content":"High water at nine"}}"#;
    fs::write(&path, format!("{line}\n{{\"type\":\"us")).expect("written");
    let torn = sessionscope(&["inspect", text(&path), "--json"]);
    assert_eq!((torn.status, torn.err.as_str()), (0, ""));
    assert!(
        torn.out.contains(r#""stores":["claude-transcript"]"#) && torn.out.contains("torn-last-line"),
        "{torn:?}"
    );
    fs::write(&path, format!("{line}\n{{broken\n{line}\n")).expect("written");
    let broken = sessionscope(&["rows", text(&path), "messages", "--format", "jsonl"]);
    assert_eq!(broken.status, 3, "{broken:?}");
    let kinds: Vec<serde_json::Value> = broken
        .out
        .lines()
        .map(|l| serde_json::from_str::<serde_json::Value>(l).expect("JSON")["kind"].clone())
        .collect();
    assert_eq!(kinds, ["text", "broken line", "text"]);
    assert!(broken.out.contains(r#""text":"{broken""#), "{broken:?}");
}

#[test]
fn the_messages_of_a_key_are_printed_from_its_transcript() {
    let folder = tempfile::tempdir().expect("a folder");
    let store = folder.path().join("a/b/c/d/e/sessions.json");
    fs::create_dir_all(store.parent().expect("a folder")).expect("a folder");
    fs::write(&store, format!(r#"{{"forgejo:dev:acme/app:7":"{SESSION}","forgejo:dev:acme/app:8":"88aa5a52-7c1e-4b8e-9d36-5a1c0e7b2f42"}}"#)).expect("written");
    let rows = ["rows", text(&store), "messages", "--session", "forgejo:dev:acme/app:7", "--format", "jsonl"];
    let run = |arguments: &[&str], home: &str| {
        let output =
            command(arguments).env("HOME", folder.path().join(home)).env_remove("CLAUDE_CONFIG_DIR").output();
        ended(output.expect("the program starts"))
    };
    assert_eq!(run(&rows, "nobody").out, "");
    let mut here = rows.to_vec();
    let fixtures = fixture("claude-transcript");
    here.extend(["--transcripts", text(&fixtures)]);
    let printed = run(&here, "nobody");
    assert_eq!((printed.status, printed.out.lines().count()), (0, 23), "{printed:?}");
    // In the usual folder without being told.
    let usual = folder.path().join("ines/.claude/projects/-x");
    fs::create_dir_all(&usual).expect("a folder");
    fs::copy(fixtures.join(format!("{SESSION}.jsonl")), usual.join(format!("{SESSION}.jsonl")))
        .expect("a copy");
    assert_eq!(run(&rows, "ines").out, printed.out);
    let found = run(&["inspect", text(&store), "--json"], "ines");
    assert!(
        found.out.contains(r#""messages":0"#) && found.out.contains("key-without-transcript"),
        "{found:?}"
    );
    let nowhere = run(&["inspect", text(&store), "--json"], "nobody");
    assert!(!nowhere.out.contains("transcript"), "{nowhere:?}");
}
