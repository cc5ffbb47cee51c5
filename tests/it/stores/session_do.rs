use sessionscope::core::{ReadStore, Table};

use crate::support::{database, opened, table};

/// The schema of seed 001, with three messages in one second.
pub const SHIP: &str = r#"
CREATE TABLE messages (id TEXT PRIMARY KEY, role TEXT NOT NULL, content TEXT NOT NULL, parts TEXT, created_at INTEGER NOT NULL);
CREATE TABLE tasks (id TEXT PRIMARY KEY, title TEXT NOT NULL, description TEXT, status TEXT DEFAULT 'pending',
  mode TEXT DEFAULT 'build', created_at INTEGER NOT NULL, completed_at INTEGER);
CREATE TABLE session_meta (key TEXT PRIMARY KEY, value TEXT);
CREATE INDEX idx_messages_created ON messages(created_at);
CREATE INDEX idx_tasks_status ON tasks(status, created_at);
INSERT INTO messages VALUES
 ('z', 'user', 'Why?', NULL, 1769972640),
 ('b', 'assistant', 'Because.', '[{"type":"tool-call","toolCallId":"c1","toolName":"bash","toolInput":{"command":"ls"},"state":"complete"}]', 1769972640),
 ('a', 'assistant', '', '[{"type":"tool-result","toolCallId":"c1","toolName":"bash","toolOutput":"README.md"}]', 1769972640);
INSERT INTO tasks VALUES ('t1', 'Write it', NULL, 'complete', 'plan', 1769972641, 1769972642);
INSERT INTO session_meta VALUES ('title', 'A question'), ('repoOwner', 'acme'), ('repoName', 'app'), ('branch_name', 'main');
"#;

/// The same, with its messages a second apart.
pub fn apart() -> String {
    SHIP.replacen("NULL, 1769972640)", "NULL, 1769972638)", 1).replacen(
        r#""complete"}]', 1769972640)"#,
        r#""complete"}]', 1769972639)"#,
        1,
    )
}

#[test]
fn the_seed_schema_maps_to_the_canonical_tables() {
    let (_folder, path) = database("69f1.sqlite", SHIP);
    let store = opened(&path).store;
    assert_eq!(store.about().stores, ["session-do"]);
    assert_eq!(store.about().findings, []);
    assert_eq!(
        table(&store, Table::Sessions, &["id", "title", "repo", "messages", "tasks", "last_active_at"]),
        "69f1 | A question | acme/app | 3 | 1 | 1769972640000"
    );
    assert_eq!(
        table(&store, Table::Tasks, &["id", "session_id", "title", "status", "mode", "completed_at"]),
        "t1 | 69f1 | Write it | complete | plan | 1769972642000"
    );
}

#[test]
fn a_file_of_several_sessions_is_read_and_said() {
    let (_folder, path) = database(
        "many.sqlite",
        "CREATE TABLE messages (id TEXT PRIMARY KEY, session_id TEXT, role TEXT, content TEXT, created_at INTEGER);
         CREATE TABLE session_meta (session_id TEXT, key TEXT, value TEXT, PRIMARY KEY (session_id, key));
         INSERT INTO messages VALUES ('a', 's1', 'user', 'One', 1769972640), ('b', 's2', 'user', 'Two', 1769972641);",
    );
    let store = opened(&path).store;
    assert_eq!(table(&store, Table::Sessions, &["id", "messages"]), "s1 | 1\ns2 | 1");
    let findings: Vec<(&str, &str)> =
        store.about().findings.iter().map(|f| (f.code, f.table.as_ref())).collect();
    let drift = ["messages", "tasks", "session_meta"].map(|table| ("schema-drift", table));
    assert_eq!(findings, [&[("several-sessions", "sessions")][..], &drift].concat());
}

#[test]
fn messages_of_one_second_keep_the_order_in_which_they_were_written() {
    let (_folder, path) = database("69f1.sqlite", SHIP);
    let store = opened(&path).store;
    assert_eq!(
        table(&store, Table::Messages, &["id", "role", "kind", "text"]),
        "z | user | text | Why?\nb | assistant | text + 1 tool | Because.\na | assistant | tool result | bash → README.md"
    );
}
