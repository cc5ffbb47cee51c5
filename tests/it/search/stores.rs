use sessionscope::core::MASK;
use sessionscope::core::search::Mode;
use sessionscope::stores::sqlite::Cancel;

use super::{found, found_as, hits_of, lines, parsed};
use crate::stores::agent_mcp::{PYTHON, SCHEMA};
use crate::stores::session_do::SHIP;
use crate::support::{copied, database, fixture, opened};

/// Messages of every kind, and what is in them.
const MORE: &str = r#"
INSERT INTO messages VALUES
 ('m1', 'user', 'Das Café schließt', NULL, 1777593600),
 ('m2', 'assistant', '[{"type":"text","text":"caf\u00e9 \"Central\"\nline two"},{"type":"thinking","thinking":"hm, maybe"}]', NULL, 1777593601),
 ('m3', 'assistant', 'Look: ```rust
let x = 1;
```', '[{"type":"tool-call","toolCallId":"toolu_77","toolName":"grep","toolInput":{"pattern":"f\u00f6\u00f6\tbar"},"state":"complete"}]', 1777593602),
 ('m4', 'tool', '', '[{"type":"tool_result","tool_use_id":"toolu_77","content":"no such file","is_error":true}]', 1777593603),
 ('m5', 'user', '[{"type":"image","source":{"type":"base64","media_type":"image/png","data":"iVBORw0KGgo="}},{"type":"text","text":"a picture"}]', NULL, 1777593604),
 ('m6', 'assistant', CAST(x'62726f6b656e20ff206279746573' AS TEXT), NULL, 1777593605),
 ('m7', 'user', '{"double": "{\"inner\":\"\\u00fcber\"}"}', NULL, 1777593606);
"#;

fn ship() -> (tempfile::TempDir, std::path::PathBuf) {
    database("69f1.sqlite", &format!("{SHIP}{MORE}"))
}

#[test]
fn text_is_found_as_it_reads_and_as_it_is_stored() {
    let (_folder, path) = ship();
    assert_eq!(found(&path, "CAFÉ"), ["messages m1", "messages m2"]);
    assert_eq!(found(&path, r#"Central" two"#), [""; 0]);
    assert_eq!(found(&path, r#"café "Central""#), ["messages m2"]);
    assert_eq!(found(&path, "föö"), ["messages m3"]);
    assert_eq!(found(&path, "ÜBER"), ["messages m7"]);
    // As it is stored, a tool's id, a word of the thinking, broken bytes and what is around them.
    assert_eq!(found(&path, r"caf\u00e9"), ["messages m2"]);
    assert_eq!(found(&path, "toolu_77"), ["messages m3", "messages m4"]);
    assert_eq!(found(&path, "hm, maybe"), ["messages m2"]);
    assert_eq!(found(&path, "BYTES"), ["messages m6"]);
    assert_eq!(found(&path, "nowhere"), [""; 0]);
}

#[test]
fn words_are_found_across_the_marks_of_markdown_and_the_ends_of_lines() {
    let more = r#"INSERT INTO messages VALUES
      ('k1', 'user', 'the **quick** _brown_ `fox` of snake_case
and [a link](https://example.org/x) here', NULL, 1),
      ('k2', 'user', '[{"type":"text","text":"over the **lazy**\nold *dog*"}]', NULL, 2),
      ('k3', 'user', 'thequick brown', NULL, 3);"#;
    let (_folder, path) = database("69f1.sqlite", &format!("{SHIP}{}", more.replace("\\\\n", "\\n")));
    assert_eq!(found(&path, "Quick brown fox"), ["messages k1"]);
    assert_eq!(found(&path, "snake_case and a link here"), ["messages k1"]);
    assert_eq!(found(&path, "quick   brown"), ["messages k1", "messages k3"]);
    assert_eq!(found(&path, "the lazy old dog"), ["messages k2"]);
    assert_eq!(lines(&path, "brown fox"), ["the quick [brown fox] of snake_case and a link here"]);
    assert_eq!(lines(&path, "lazy old"), ["over the [lazy old] dog"]);
    // As it is written it is found too; a pattern is taken at its word.
    assert_eq!(found(&path, "**quick** _brown_"), ["messages k1"]);
    assert_eq!(found_as(&path, "quick brown", Mode { case: false, regex: true }), ["messages k3"]);
}

#[test]
fn the_names_of_a_message_s_own_fields_are_not_what_it_says() {
    let (_folder, path) = ship();
    assert_eq!(found(&path, "toolName"), [""; 0]);
    assert_eq!(found(&path, "text table:messages"), ["messages m2", "messages m5"], "as the value of `type`");
    assert_eq!(found(&path, r#""toolName":"grep""#), ["messages m3"]);
    // An entry's names may be anybody's.
    let entry = "INSERT INTO session_meta VALUES ('files', '{\"src/m\\u00e4in.rs\":1}')";
    let (_folder, path) = database("69f1.sqlite", &format!("{SHIP}{entry}"));
    assert_eq!(found(&path, "mäin.rs table:state"), ["state files"]);
}

#[test]
fn what_was_said_in_a_transcript_is_found_in_its_line() {
    let (_folder, root) = copied("claude-transcript");
    let path = root.join("3f0d5a52-7c1e-4b8e-9d36-5a1c0e7b2f41.jsonl");
    assert_eq!(found(&path, "two newhavens"), ["messages 00000001-1111-4222-8333-000000000001"]);
    assert_eq!(lines(&path, "TWO newhavens"), ["Which of the [two Newhavens] does the tide table show?"]);
    // What every line has: names of fields, its folder, its branch. They are in the session, or nowhere.
    let every = found(&path, "table:messages -role:nobody").len();
    for common in ["parentUuid", "isSidechain", "tidewatch", "harbour-names"] {
        assert!(found(&path, &format!("{common} table:messages")).len() < every / 2, "{common}");
    }
    let with_tools = found(&path, "role:assistant has:tool");
    assert!(!with_tools.is_empty() && with_tools.len() < found(&path, "role:assistant").len());
}

#[test]
fn a_hit_shows_the_line_that_a_reader_sees() {
    let (_folder, path) = ship();
    assert_eq!(lines(&path, "central"), [r#"café "[Central]" line two"#]);
    assert_eq!(lines(&path, "föö"), ["grep {\"pattern\":\"[föö]\\tbar\"}"]);
    assert_eq!(lines(&path, "bytes"), ["broken ‹xFF› [bytes]"]);
    assert_eq!(lines(&path, "no such"), ["[no such] file"]);
    // What a reader does not see is shown as it is stored.
    assert_eq!(
        lines(&path, "toolu_77 has:error"),
        [r#"[{"type":"tool_result","tool_use_id":"[toolu_77]","content":"no such file","is_error":true}]"#]
    );
}

#[test]
fn case_and_patterns_are_chosen() {
    let (_folder, path) = ship();
    let exact = Mode { case: true, regex: false };
    let pattern = Mode { case: false, regex: true };
    assert_eq!(found_as(&path, "café", exact), ["messages m2"]);
    assert_eq!(found_as(&path, "CAF.", pattern), ["messages m1", "messages m2"]);
    assert_eq!(found_as(&path, r"caf\w\b", Mode { case: true, regex: true }), ["messages m2"]);
    assert_eq!(found_as(&path, r"^line \w+", pattern), ["messages m2"]);
    assert_eq!(found_as(&path, r"\bwhy\?$", pattern), ["messages z"]);
}

#[test]
fn every_table_is_looked_through_in_its_order() {
    let (_folder, path) = ship();
    assert_eq!(found(&path, "a question"), ["sessions 69f1", "state title"]);
    assert_eq!(found(&path, "write it"), ["tasks t1"]);
    assert_eq!(found(&path, "branch_name"), ["sessions 69f1", "state branch_name"]);
    assert_eq!(found(&path, "0001_create"), ["migrations 1"].map(String::from));
    // The rows of a session are found by a filter: its id would find them all.
    assert_eq!(found(&path, "69f1"), ["sessions 69f1"]);
    assert_eq!(found(&path, "session:69f1 why"), ["messages z"]);
}

#[test]
fn filters_choose_the_rows() {
    let (_folder, path) = ship();
    assert_eq!(found(&path, "has:thinking"), ["messages m2"]);
    assert_eq!(found(&path, "has:error"), ["messages m4"]);
    assert_eq!(found(&path, "has:image"), ["messages m5"]);
    assert_eq!(found(&path, "has:code"), ["messages m3"]);
    assert_eq!(found(&path, "has:tool role:assistant"), ["messages b", "messages a", "messages m3"]);
    assert_eq!(found(&path, "has:tool has:error"), ["messages m4"]);
    assert_eq!(
        found(&path, "role:user role:tool after:2026-05-01"),
        ["messages m1", "messages m4", "messages m5", "messages m7"]
    );
    assert_eq!(found(&path, "role:user before:2026-05-01"), ["messages z"]);
    assert_eq!(found(&path, "role:user after:2026-05-01T00:00:05Z"), ["messages m7"]);
    assert_eq!(found(&path, "-role:user -has:tool table:messages"), ["messages m2", "messages m6"]);
    assert_eq!(found(&path, "kind:tool role:tool"), ["messages m4"]);
    assert_eq!(found(&path, "status:complete"), ["tasks t1"]);
    assert_eq!(found(&path, "session:nobody caf"), [""; 0]);
    assert_eq!(found(&path, "store:session-do why"), ["messages z"]);
    assert_eq!(found(&path, "store:agent why"), [""; 0]);
    assert_eq!(found(&path, "-path:69F1 why"), [""; 0]);
    assert_eq!(found(&path, "table:native:messages why"), ["native:messages 1"]);
}

#[test]
fn a_secret_is_neither_found_nor_told_by_a_hit() {
    let (_folder, path) = database("mcp_state.db", &format!("{SCHEMA}{PYTHON}"));
    for secret in [
        "tok-live",
        "adm-live",
        "ctx-live",
        MASK,
        "tok-live table:native:agents",
        "live table:native:admin_config",
    ] {
        assert_eq!(found(&path, secret), [""; 0], "{secret}");
    }
    assert_eq!(found(&path, "ship it"), ["state goal"]);
    assert_eq!(found(&path, "worker-1"), ["state worker-1"]);
    assert_eq!(found(&path, "admin_token").len(), 2, "the names of secrets are none");
    let entry = |key: &str| format!("INSERT INTO _cf_KV VALUES ('{key}', x'ff0f220a686964652d6d652d3132');");
    let (_folder, path) = database(
        "0a.sqlite",
        &format!(
            "CREATE TABLE _cf_KV (key TEXT PRIMARY KEY, value BLOB) WITHOUT ROWID; {}{}",
            entry("access_token"),
            entry("note")
        ),
    );
    assert_eq!(found(&path, "HIDE-ME"), ["state note"]);
    assert_eq!(found(&path, "hide-me table:native:_cf_KV").len(), 1);
}

#[test]
fn decoded_entries_documents_and_configurations_are_searched() {
    let (_folder, root) = copied("durable");
    let objects = root.join("mcp-agent/executor-cloud-McpSessionDO");
    let path = objects.join("a5414753420873b9092c112df629eb197b3cead777e41c324ef3630e5b458120.sqlite");
    assert!(found(&path, "ünï").iter().any(|f| f.starts_with("state ")), "{:?}", found(&path, "ünï"));
    let document = fixture("session-document.json");
    assert!(!found(&document, "role:user table:messages").is_empty());
    // A copy: looking at a database in write-ahead mode leaves files beside it.
    let (_folder, maps) = copied("sessions-json");
    assert!(!found(&maps.join("sessions.json"), "forgejo").is_empty());
    assert!(!found(&maps.join("claude-hooks.db"), "forgejo").is_empty());
    let config = fixture("wrangler/4-deployed.jsonc");
    assert!(!found(&config, "new_sqlite_classes").is_empty());
    let (_folder, manager) = copied("durable/session-worker-SessionManager");
    let files = std::fs::read_dir(manager).expect("files").flatten().map(|e| e.path());
    let files: Vec<_> = files.filter(|p| p.extension().is_some_and(|e| e == "sqlite")).collect();
    assert!(files.iter().any(|f| found(f, "has:code").len() + found(f, "role:user").len() > 0));
}

#[test]
fn tables_of_nobody_are_searched_and_those_of_somebody_not_twice() {
    let (_folder, path) = database(
        "other.db",
        r#"CREATE TABLE notes (id INTEGER PRIMARY KEY, body, extra);
        INSERT INTO notes VALUES (7, 'Plain words', 12345), (8, '{"t":"gr\u00fc\u00dfe"}', 1.5), (9, x'00776f7264ff', NULL);
        CREATE TABLE pairs (a TEXT, b INTEGER, v TEXT, PRIMARY KEY (a, b)) WITHOUT ROWID;
        INSERT INTO pairs VALUES ('x', 1, 'one word'), ('x', 2, 'two');
        CREATE VIRTUAL TABLE find USING fts5(body, content='notes', content_rowid='id');
        CREATE VIRTUAL TABLE own USING fts5(body);
        INSERT INTO own VALUES ('a word of its own');
        CREATE VIEW all_words AS SELECT body FROM notes;"#,
    );
    assert_eq!(
        found(&path, "WORD"),
        ["native:notes 7", "native:notes 9", "native:own 1", r#"native:pairs ["x",1]"#]
    );
    assert_eq!(found(&path, "grüße"), ["native:notes 8"]);
    assert_eq!(found(&path, "234"), ["native:notes 7"]);
    assert_eq!(found(&path, "1.5"), ["native:notes 8"]);
    let (_folder, path) = ship();
    assert_eq!(found(&path, "because"), ["messages b"]);
}

#[test]
fn a_large_table_is_searched_in_order_by_several_threads() {
    let sql = format!(
        "{SHIP} WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 60000)
         INSERT INTO messages SELECT 'n' || i, 'user', CASE WHEN i % 1000 = 0 THEN 'a Needle' ELSE 'hay' END, NULL, i FROM n;
         DELETE FROM messages WHERE rowid BETWEEN 20000 AND 29999;
         INSERT INTO messages(rowid, id, role, content, created_at) VALUES (9223372036854775807, 'last', 'user', 'needle', 1),
           (-9223372036854775808, 'first', 'user', 'needle', 1);"
    );
    let (_folder, path) = database("69f1.sqlite", &sql);
    let keys = found(&path, "needle");
    assert_eq!(keys.len(), 52);
    assert_eq!((keys[0].as_str(), keys[51].as_str()), ("messages first", "messages last"));
    let numbers: Vec<u32> =
        keys[1..51].iter().map(|k| k.trim_start_matches("messages n").parse().expect("a number")).collect();
    assert!(numbers.is_sorted(), "{numbers:?}");
    let (hits, ended) = hits_of(&opened(&path), &parsed("needle", Mode::default()), &{
        let cancelled = Cancel::default();
        cancelled.cancel();
        cancelled
    });
    assert!(hits.is_empty() && ended.is_err_and(|e| matches!(e, sessionscope::core::StoreError::Cancelled)));
}
