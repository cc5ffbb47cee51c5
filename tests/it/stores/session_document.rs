use std::path::PathBuf;

use sessionscope::core::{Block, Query, ReadStore, StoreError, Table};
use sessionscope::stores::open;

use crate::support::{fixture, opened, options, rows, table};

/// A file of this content, in a folder that goes with the test.
fn file(content: impl AsRef<[u8]>) -> (tempfile::TempDir, PathBuf) {
    let folder = tempfile::tempdir().expect("a folder");
    let path = folder.path().join("s1.json");
    std::fs::write(&path, content).expect("written");
    (folder, path)
}

fn error(content: impl AsRef<[u8]>) -> StoreError {
    let (_folder, path) = file(content);
    match open(&path, &options()) {
        Ok(opened) => panic!("opened as {:?}", opened.store.about().stores),
        Err(error) => error,
    }
}

fn codes(store: &dyn ReadStore) -> String {
    store.about().findings.iter().map(|f| f.code).collect::<Vec<_>>().join(", ")
}

const TWO: &str = r#"{"messages": [{"role":"user","content":"Hi","timestamp":1751450400.5},
  {"role":"assistant","content":[{"type":"text","text":"Hello"},{"type":"tool_use","id":"c","name":"ls","input":{}}],"timestamp":1751450401,"model":"m"}],
 "metadata": {"title":"A talk","repository":"acme/app","n":[1]}, "created_at": 1751450400, "last_updated": null, "v": 2}"#;

#[test]
fn the_document_of_the_seed_has_its_messages_and_times() {
    let store = opened(&fixture("session-document.json")).store;
    assert_eq!(store.about().stores, ["session-document"]);
    assert_eq!(store.about().findings, []);
    assert_eq!(
        table(
            &store,
            Table::Sessions,
            &["id", "title", "repo", "created_at", "last_active_at", "messages", "tasks", "detail"]
        ),
        r#"session-document | - | acme/app | - | 1751450460751 | 3 | - | {"metadata":{"repository":"acme/app","branch":"main"}}"#
    );
    let messages =
        table(&store, Table::Messages, &["id", "session_id", "role", "kind", "text", "created_at", "detail"]);
    assert!(
        messages.starts_with("session-document:0 | session-document | user | text | Which function refreshes the token? | 1751450400123 | {}\n"),
        "{messages}"
    );
    assert!(messages.ends_with("session-document:2 | session-document | user | text | And when all retries fail? 🚢 | 1751450460750 | {}"), "{messages}");
    assert_eq!(
        table(&store, Table::State, &["session_id", "owner", "key", "value"]),
        "session-document | metadata | repository | \"acme/app\"\nsession-document | metadata | branch | \"main\""
    );
}

#[test]
fn blocks_and_other_fields_of_messages_are_kept() {
    let (_folder, path) = file(TWO);
    let store = opened(&path).store;
    assert_eq!(store.about().name.as_deref(), Some("A talk"));
    assert_eq!(
        table(&store, Table::Sessions, &["title", "created_at", "last_active_at", "detail"]),
        r#"A talk | 1751450400000 | 1751450401000 | {"metadata":{"title":"A talk","repository":"acme/app","n":[1]},"v":2}"#
    );
    assert_eq!(
        table(&store, Table::Messages, &["id", "kind", "text", "detail"]),
        "s1:0 | text | Hi | {}\ns1:1 | text + 1 tool | Hello | {\"model\":\"m\"}"
    );
    let all = rows(&store, &Query::all(Table::Messages));
    let blocks = store.blocks(&all[1].key).expect("blocks");
    assert_eq!(blocks[0], Block::Text("Hello".into()));
    assert!(matches!(&blocks[1], Block::ToolCall { name, .. } if name == "ls"), "{blocks:?}");
    super::durable::use_every_column(&path);
}

#[test]
fn a_byte_order_mark_and_a_string_of_json_are_accepted() {
    let in_a_string = serde_json::Value::String(TWO.to_owned()).to_string();
    for content in [format!("\u{feff}{TWO}"), in_a_string.clone(), format!("\u{feff} {in_a_string}\n")] {
        let (_folder, path) = file(&content);
        let store = opened(&path).store;
        assert_eq!(store.about().stores, ["session-document"]);
        assert_eq!(table(&store, Table::Sessions, &["id", "messages"]), "s1 | 2");
        // Python's parser refuses the mark.
        let marked = content.starts_with("\u{feff}{");
        assert_eq!(store.about().damaged, marked, "{content}");
        assert_eq!(codes(&store), if marked { "json-bom" } else { "" }, "{content}");
    }
}

#[test]
fn half_a_surrogate_pair_and_what_is_no_message_stay_visible() {
    let content = r#"{"metadata":{"a":"\ud83d\ude00"},"messages":[{"role":"user","content":"x \ud83d y \\ud83d \ud83d\ude00 \ude00"}, 7, {"n":1e999}]}"#;
    let (_folder, path) = file(content);
    let store = opened(&path).store;
    assert_eq!(
        table(&store, Table::Messages, &["id", "role", "text"]),
        "s1:0 | user | x \u{fffd} y \\ud83d 😀 \u{fffd}\ns1:1 | - | 7\ns1:2 | - | {\"n\":1e999}"
    );
    assert_eq!(table(&store, Table::State, &["value"]), "\"😀\"");
}

#[test]
fn a_broken_document_says_where_it_breaks() {
    let string = serde_json::Value::String(TWO.to_owned()).to_string();
    for content in [
        &TWO[..15],
        &string[..40],
        &TWO.replace("\"Hi\"", "Hi"),
        r#"{"metadata": {}, "messages": [{"role": "us"#,
    ] {
        let error = error(content);
        assert!(error.is_damage(), "{content}: {error}");
        assert!(error.to_string().contains(" at line 1, column "), "{error}");
    }
}

#[test]
fn a_document_cut_anywhere_shows_the_messages_before_the_cut() {
    let ends = [TWO.find("},\n").expect("an end") + 1, TWO.find("}],\n").expect("an end") + 1];
    for cut in TWO.find('[').expect("a list") + 1..TWO.len() {
        let (_folder, path) = file(&TWO[..cut]);
        let whole = ends.iter().filter(|end| **end <= cut).count();
        match open(&path, &options()) {
            Err(error) => assert!(error.is_damage() && whole == 0, "at {cut}: {error}"),
            Ok(opened) => {
                let about = opened.store.about();
                assert_eq!(about.stores, ["session-document"], "at {cut}");
                assert!(about.damaged, "at {cut}");
                assert_eq!(codes(&opened.store), "json-truncated", "at {cut}");
                assert_eq!(rows(&opened.store, &Query::all(Table::Messages)).len(), whole, "at {cut}");
                assert!(whole > 0, "at {cut}");
            }
        }
    }
    let (_folder, path) = file(&TWO[..ends[0] + 20]);
    let store = opened(&path).store;
    let finding = &store.about().findings[0];
    assert_eq!(
        (finding.message.as_str(), finding.suggestion.as_str()),
        (
            "The file breaks off at byte 89 (line 2, column 19), within messages",
            "1 message before it is shown. Restore the file from a backup; its program reads none of it."
        )
    );
}

#[test]
fn other_encodings_and_stray_bytes_are_read_and_said() {
    let utf16: Vec<u8> = TWO.encode_utf16().flat_map(u16::to_le_bytes).collect();
    let mut stray = TWO.as_bytes().to_vec();
    stray[TWO.find("Hi").expect("a text")] = 0xff;
    for (bytes, code, first) in [(utf16, "json-utf-16", "Hi"), (stray, "json-bad-utf-8", "\u{fffd}i")] {
        let (_folder, path) = file(bytes);
        let store = opened(&path).store;
        assert!(store.about().damaged, "{code}");
        assert_eq!(codes(&store), code);
        assert_eq!(table(&store, Table::Messages, &["text"]), format!("{first}\nHello"));
    }
}

#[test]
fn what_follows_the_document_is_said_and_the_document_shown() {
    let (_folder, path) = file(format!("{TWO}\nst of a longer one\"}}"));
    let store = opened(&path).store;
    assert!(store.about().damaged);
    let findings = &store.about().findings;
    assert_eq!(codes(&store), "json-trailing-bytes");
    assert!(findings[0].message.contains("(line 4, column 1)"), "{findings:?}");
    assert_eq!(rows(&store, &Query::all(Table::Messages)).len(), 2);
}

#[test]
fn other_json_is_not_taken_for_one() {
    for content in [
        r#"{"messages": [{"role":"user"}]}"#,
        r#"{"messages": [], "metadata": {}}"#.replace("metadata", "meta").as_str(),
        r#"{"messages": [], "created_at": 1}"#,
        r#"{"messages": ["a"], "metadata": {}, "created_at": 1}"#,
        r#"{"messages": {"a": 1}, "metadata": {}, "created_at": 1}"#,
        r#"[{"messages": [{}], "metadata": {}}]"#,
        r#""messages""#,
        "messages",
        "{\"a\": \"messages\"",
        "{",
    ] {
        let error = error(content);
        assert!(matches!(error, StoreError::NotRecognised { .. }), "{content}: {error}");
    }
}

#[test]
fn deep_nesting_does_not_overflow_the_stack() {
    let deep = format!("{}{}", "[".repeat(200_000), "]".repeat(200_000));
    let (_folder, path) =
        file(format!(r#"{{"messages":[{{"role":"user","content":{deep}}}],"metadata":{deep}}}"#));
    let store = opened(&path).store;
    assert_eq!(table(&store, Table::Messages, &["id", "kind"]), "s1:0 | text");
    assert!(error(format!(r#"{{"messages":[{}"#, "[".repeat(200_000))).is_damage());
}
