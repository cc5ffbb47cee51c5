use sessionscope::core::{Block, Query, ReadStore, RowKey, Selection, Table};
use sessionscope::stores::Opened;

use crate::support::{database, examined, opened, rows, show, table};

/// The two tables of seed 002, with their indexes, as its program makes them.
pub const SCHEMA: &str = "
CREATE TABLE mcp_session_persistence (mcp_session_id TEXT PRIMARY KEY, transport_state TEXT NOT NULL, agent_context TEXT,
  conversation_state TEXT, created_at TEXT NOT NULL, last_heartbeat TEXT NOT NULL, disconnected_at TEXT,
  recovery_attempts INTEGER DEFAULT 0, status TEXT NOT NULL DEFAULT 'active', grace_period_expires TEXT,
  working_directory TEXT, metadata TEXT);
CREATE TABLE agent_session_state (agent_id TEXT, mcp_session_id TEXT, state_key TEXT, state_value TEXT NOT NULL,
  last_updated TEXT NOT NULL, expires_at TEXT, PRIMARY KEY (agent_id, mcp_session_id, state_key),
  FOREIGN KEY (mcp_session_id) REFERENCES mcp_session_persistence(mcp_session_id));
CREATE INDEX idx_mcp_sessions_status_heartbeat ON mcp_session_persistence (status, last_heartbeat DESC);
CREATE INDEX idx_mcp_sessions_recovery ON mcp_session_persistence (status, grace_period_expires);
CREATE INDEX idx_agent_session_state_session ON agent_session_state (mcp_session_id, last_updated DESC);
CREATE INDEX idx_agent_session_state_expiry ON agent_session_state (expires_at);";

/// The tables that the Python sibling has too, and the files that agents hold.
pub const PYTHON: &str = "
CREATE TABLE file_status (id INTEGER PRIMARY KEY AUTOINCREMENT, filepath TEXT NOT NULL, status TEXT NOT NULL,
  agent_id TEXT NOT NULL, locked_at TEXT NOT NULL, released_at TEXT, notes TEXT);
CREATE TABLE agents (token TEXT PRIMARY KEY, agent_id TEXT UNIQUE NOT NULL, capabilities TEXT, created_at TEXT NOT NULL,
  status TEXT NOT NULL, current_task TEXT, working_directory TEXT NOT NULL, color TEXT, terminated_at TEXT, updated_at TEXT);
CREATE TABLE tasks (task_id TEXT PRIMARY KEY, title TEXT NOT NULL, description TEXT, assigned_to TEXT,
  created_by TEXT NOT NULL, status TEXT NOT NULL, priority TEXT NOT NULL, created_at TEXT NOT NULL,
  updated_at TEXT NOT NULL, parent_task TEXT, child_tasks TEXT, depends_on_tasks TEXT, notes TEXT);
CREATE TABLE agent_actions (action_id INTEGER PRIMARY KEY AUTOINCREMENT, agent_id TEXT NOT NULL,
  action_type TEXT NOT NULL, task_id TEXT, timestamp TEXT NOT NULL, details TEXT);
CREATE TABLE agent_messages (message_id TEXT PRIMARY KEY, sender_id TEXT NOT NULL, recipient_id TEXT NOT NULL,
  message_content TEXT NOT NULL, message_type TEXT NOT NULL DEFAULT 'text', priority TEXT NOT NULL DEFAULT 'normal',
  timestamp TEXT NOT NULL, delivered BOOLEAN NOT NULL DEFAULT 0, read BOOLEAN NOT NULL DEFAULT 0);
CREATE TABLE claude_code_sessions (session_id TEXT PRIMARY KEY, pid INTEGER NOT NULL, parent_pid INTEGER NOT NULL,
  first_detected TEXT NOT NULL, last_activity TEXT NOT NULL, working_directory TEXT, agent_id TEXT,
  status TEXT DEFAULT 'detected', git_commits TEXT, metadata TEXT);
CREATE INDEX idx_claude_sessions_activity ON claude_code_sessions (last_activity DESC);
CREATE TABLE project_context (context_key TEXT PRIMARY KEY, value TEXT NOT NULL, last_updated TEXT NOT NULL,
  updated_by TEXT NOT NULL, description TEXT);
CREATE TABLE admin_config (config_key TEXT PRIMARY KEY, config_value TEXT NOT NULL, created_at TEXT NOT NULL,
  updated_at TEXT NOT NULL, description TEXT);
INSERT INTO agents VALUES ('tok-live-1', 'worker-1', '[\"code\"]', '2026-11-21T09:00:00.000Z', 'active', NULL, '/srv', NULL, NULL, NULL);
INSERT INTO admin_config VALUES ('admin_token', 'adm-live-2', '2026-11-21T09:00:00.000Z', '2026-11-21T09:00:00.000Z', NULL);
INSERT INTO project_context VALUES ('goal', '\"ship it\"', '2026-11-21T09:00:00.000Z', 'admin', NULL),
  ('config_admin_token', '\"ctx-live-3\"', '2026-11-21T09:00:00.000Z', 'server_startup', NULL);";

/// A session at every stage. The clock stands at 10:00.
pub const SESSIONS: &str = r#"
INSERT INTO mcp_session_persistence (mcp_session_id, transport_state, created_at, last_heartbeat, disconnected_at, recovery_attempts, status, grace_period_expires, working_directory) VALUES
 ('beats',      '{"a":1}', '2026-11-21T09:55:00.000Z', '2026-11-21T09:59:50.000Z', NULL, 0, 'active',       '2026-11-21T10:05:00.000Z', '/w'),
 ('long',       '{}', '2026-11-21T08:00:00.000Z', '2026-11-21T09:59:35.000Z', NULL, 0, 'expired',      '2026-11-21T08:10:00.000Z', NULL),
 ('stale',      '{}', '2026-11-21T09:22:00.000Z', '2026-11-21T09:22:00.000Z', NULL, 0, 'expired',      '2026-11-21T09:32:00.000Z', NULL),
 ('cut',        '{}', '2026-11-21T09:50:00.000Z', '2026-11-21T09:55:00.000Z', '2026-11-21T09:55:10.000Z', 2, 'disconnected', '2026-11-21T10:05:10.000Z', NULL),
 ('thrice',     '{}', '2026-11-21T09:50:00.000Z', '2026-11-21T09:55:00.000Z', '2026-11-21T09:55:10.000Z', 3, 'disconnected', '2026-11-21T10:05:10.000Z', NULL),
 ('gone',       '{}', '2026-11-21T08:00:00.000Z', '2026-11-21T08:30:00.000Z', '2026-11-21T08:30:10.000Z', 0, 'disconnected', '2026-11-21T08:40:10.000Z', NULL),
 ('back',       '{}', '2026-11-21T09:40:00.000Z', '2026-11-21T09:59:00.000Z', NULL, 1, 'recovered',    '2026-11-21T09:50:00.000Z', NULL),
 ('lost',       '{}', '2026-11-18T09:40:00.000Z', '2026-11-18T09:45:00.000Z', NULL, 1, 'recovered',    '2026-11-18T09:50:00.000Z', NULL),
 ('quiet',      '{}', '2026-11-21T09:50:00.000Z', '2026-11-21T09:54:00.000Z', NULL, 0, 'active',       '2026-11-21T09:59:59.000Z', NULL),
 ('broken',     '{"sessionId": "cut of', '2026-11-21T09:50:00.000Z', '2026-11-21T09:54:00.000Z', NULL, 0, 'active', '2026-11-21T10:00:01.000Z', NULL),
 ('ahead',      '{}', '2026-11-21T10:50:00.000Z', '2026-11-21T10:50:00.000Z', NULL, 0, 'active',       '2026-11-21T11:00:00.000Z', NULL),
 ('no times',   '{}', '', 'CURRENT_TIMESTAMP', NULL, NULL, 'active', NULL, NULL);
INSERT INTO agent_session_state VALUES
 ('worker-1', 'beats', 'todo', '["a"]', '2026-11-21T09:58:00.000Z', '2026-11-22T09:58:00.000Z'),
 ('worker-1', 'beats', 'gitToken', '"st-live-4"', '2026-11-21T09:58:00.000Z', NULL);
INSERT INTO agent_messages VALUES ('m1', 'admin', 'worker-1', 'Please start.', 'text', 'high', '2026-11-21T09:56:00.000Z', 1, 0),
 ('m2', 'worker-1', 'admin', '{"done":true}', 'status_update', 'normal', '2026-11-21T09:58:00.000Z', 0, 0);
INSERT INTO agent_actions VALUES (7, 'worker-1', 'started_work', 't1', '2026-11-21T09:57:00.000Z', '{"n":1}'),
 (8, 'admin', 'created_agent', NULL, '2026-11-21T09:55:00.000Z', NULL);
INSERT INTO tasks VALUES ('t1', 'Write it', NULL, 'worker-1', 'admin', 'in_progress', 'high', '2026-11-21T09:55:00.000Z',
  '2026-11-21T09:57:00.000Z', NULL, '[]', NULL, NULL);
INSERT INTO file_status VALUES (1, '/srv/a.rs', 'in_use', 'worker-1', '2026-11-21T09:57:30.000Z', NULL, NULL);
INSERT INTO claude_code_sessions VALUES ('cc-1', 4194304, 40, '2026-11-21T09:30:00.000Z', '2026-11-21T09:45:00.000Z', '/home/ünï', 'worker-1', 'active', '[]', NULL);
"#;

fn node() -> (tempfile::TempDir, Opened) {
    let (folder, path) = database("mcp_state.db", &format!("{SCHEMA}{PYTHON}{SESSIONS}"));
    let opened = opened(&path);
    (folder, opened)
}

/// The one line of a table's text that begins so.
fn line<'a>(text: &'a str, start: &str) -> &'a str {
    text.lines().find(|l| l.starts_with(start)).unwrap_or_else(|| panic!("no {start} in\n{text}"))
}

#[test]
fn sessions_of_both_kinds_are_listed() {
    let (_folder, opened) = node();
    let store = opened.store;
    assert_eq!(store.about().stores, ["agent-mcp"]);
    let all = table(
        &store,
        Table::Sessions,
        &["id", "status", "agent", "created_at", "last_active_at", "working_directory", "messages", "detail"],
    );
    assert_eq!(all.lines().count(), 13, "{all}");
    assert_eq!(
        line(&all, "beats "),
        r#"beats | active | - | 1795254900000 | 1795255190000 | /w | - | {"transport_state":"{\"a\":1}","recovery_attempts":0,"grace_period_expires":"2026-11-21T10:05:00.000Z"}"#
    );
    assert_eq!(
        line(&all, "cc-1 "),
        r#"cc-1 | active | worker-1 | 1795253400000 | 1795254300000 | /home/ünï | - | {"pid":4194304,"parent_pid":40,"git_commits":"[]"}"#
    );
    assert!(line(&all, "no times ").starts_with("no times | active | - | - | - | -"), "{all}");
}

#[test]
fn a_beat_tells_whether_a_session_lives_and_can_be_recovered() {
    let (_folder, opened) = node();
    let columns = ["session_id", "age_seconds", "missed", "liveness", "recoverable", "reason"];
    let all = table(&opened.store, Table::Heartbeats, &columns);
    // Other tests begin processes, each of which has every file open for an instant.
    let openers = regex::Regex::new("; [^;|]* ha(s|ve) the database open").expect("a pattern");
    let all = openers.replace_all(&all, "");
    let mut lines: Vec<&str> = all.lines().collect();
    lines.sort_unstable();
    assert_eq!(
        lines,
        [
            "ahead | -3000 | 0 | unknown | 1 | last beat 50 min from now: the clocks differ; grace ends in 60 min; status active",
            "back | 60 | 2 | alive | 0 | last beat 60 s ago (2 missed); grace ended 10 min ago; status recovered",
            "beats | 10 | 0 | alive | 1 | last beat 10 s ago; grace ends in 5 min; status active",
            "broken | 360 | 12 | unknown | 1 | last beat 6 min ago (12 missed); grace ends in 1 s; status active; recovering it fails: the program changes its row before it parses transport_state, which is not valid JSON",
            "cc-1 | 900 | - | dead | - | last activity 15 min ago; process 4194304 is not running on this machine; status active",
            "cut | 300 | 10 | unknown | 1 | last beat 5 min ago (10 missed); grace ends in 5 min; status disconnected",
            "gone | 5400 | 180 | dead | 0 | last beat 90 min ago (180 missed); grace ended 79 min ago; status disconnected",
            "long | 25 | 0 | alive | 0 | last beat 25 s ago; grace ended 110 min ago; status expired; the program calls it expired all the same, since a beat does not extend the grace",
            "lost | 260100 | 8670 | dead | 0 | last beat 3 days ago (8670 missed); grace ended 3 days ago; status recovered",
            "no times | - | - | unknown | 0 | no beat is recorded; no grace is recorded; status active",
            "quiet | 360 | 12 | unknown | 0 | last beat 6 min ago (12 missed); grace ended 1 s ago; status active",
            "stale | 2280 | 76 | dead | 0 | last beat 38 min ago (76 missed); grace ended 28 min ago; status expired",
            "thrice | 300 | 10 | unknown | 0 | last beat 5 min ago (10 missed); grace ends in 5 min; status disconnected; 3 recoveries, of 3 at most",
        ]
    );
    let times = table(
        &opened.store,
        Table::Heartbeats,
        &["session_id", "grace_expires_at", "disconnected_at", "recovery_attempts"],
    );
    assert_eq!(line(&times, "cut "), "cut | 1795255510000 | 1795254910000 | 2");
}

#[test]
fn sessions_that_recovery_breaks_or_that_live_on_are_warned_of() {
    let (_folder, opened) = node();
    let findings = examined(&opened);
    let found: Vec<(&str, &str)> = findings.iter().map(|f| (f.code, f.key.as_str())).collect();
    for expected in [("broken-transport-state", "broken"), ("expired-but-beating", "long")] {
        assert!(found.contains(&expected), "{findings:?}");
    }
    let said = findings.iter().find(|f| f.code == "expired-but-beating").map(|f| f.message.as_str());
    assert!(said.is_some_and(|said| said.ends_with(" s ago)") && said.contains("(last beat ")), "{said:?}");
}

#[test]
fn only_ten_of_many_broken_sessions_are_named() {
    let many = "WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 25)
        INSERT INTO mcp_session_persistence (mcp_session_id, transport_state, created_at, last_heartbeat) SELECT 's' || i, '{', '', '' FROM n;";
    let (_folder, path) = database("mcp_state.db", &format!("{SCHEMA}{PYTHON}{many}"));
    let mut findings = examined(&opened(&path));
    findings.retain(|f| f.code == "broken-transport-state");
    assert_eq!(findings.len(), 11);
    assert!(findings[10].message.starts_with("15 sessions"), "{:?}", findings[10]);
}

#[test]
fn messages_and_actions_are_told_together_by_time() {
    let (_folder, opened) = node();
    assert_eq!(
        table(&opened.store, Table::Messages, &["id", "session_id", "role", "kind", "text", "detail"]),
        r#"action-8 | - | admin | created_agent | created_agent | {}
m1 | - | admin | message | Please start. | {"recipient_id":"worker-1","priority":"high","delivered":1,"read":0}
action-7 | - | worker-1 | started_work | started_work · t1 · {"n":1} | {"task_id":"t1","details":"{\"n\":1}"}
m2 | - | worker-1 | status_update | {"done":true} | {"recipient_id":"admin","priority":"normal","delivered":0,"read":0}"#
    );
    let all = rows(&opened.store, &Query::all(Table::Messages));
    let blocks: Vec<_> = all.iter().map(|r| opened.store.blocks(&r.key).expect("blocks")).collect();
    assert_eq!(blocks[0], [Block::Text("created_agent".into())]);
    assert_eq!(blocks[1], [Block::Text("Please start.".into())]);
}

#[test]
fn tasks_and_state_are_mapped() {
    let (_folder, opened) = node();
    let store = opened.store;
    assert_eq!(
        table(
            &store,
            Table::Tasks,
            &[
                "id",
                "session_id",
                "title",
                "status",
                "priority",
                "assigned_to",
                "created_at",
                "updated_at",
                "completed_at",
                "detail"
            ]
        ),
        r#"t1 | - | Write it | in_progress | high | worker-1 | 1795254900000 | 1795255020000 | - | {"created_by":"admin","child_tasks":"[]"}"#
    );
    let state =
        table(&store, Table::State, &["session_id", "owner", "key", "value", "updated_at", "expires_at"]);
    assert_eq!(state.lines().count(), 7, "{state}");
    assert!(state.contains(r#"beats | worker-1 | todo | ["a"] | 1795255080000 | 1795341480000"#), "{state}");
    assert!(state.contains(r#"- | agents | worker-1 | {"agent_id":"worker-1","capabilities":"#), "{state}");
    assert!(state.contains(r#"- | project_context | goal | "ship it" | 1795251600000 | -"#), "{state}");
    assert!(state.contains(r#"- | file_status | /srv/a.rs | {"id":1,"status":"in_use""#), "{state}");
    let one = Query { session: Some("beats".into()), ..Query::all(Table::State) };
    assert_eq!(rows(&store, &one).len(), 2);
}

#[test]
fn tokens_are_masked_everywhere_until_revealed() {
    let (_folder, opened) = node();
    let store = opened.store;
    // Which table shows each once it is revealed, beside its own table.
    let secrets = [
        ("tok-live-1", None, "agents"),
        ("adm-live-2", Some(Table::State), "admin_config"),
        ("ctx-live-3", Some(Table::State), "project_context"),
        ("st-live-4", Some(Table::State), "agent_session_state"),
    ];
    let mut tables = Table::CANONICAL.to_vec();
    tables.extend(store.about().native.iter().map(|n| Table::Native(n.name.clone())));
    for (secret, canonical, native) in secrets {
        let mut revealed = Vec::new();
        for table in &tables {
            let query = Query::all(table.clone());
            let keys: Vec<RowKey> = rows(&store, &query).into_iter().map(|r| r.key).collect();
            let shows = |reveal| {
                let selection = Selection { reveal, ..Selection::default() };
                let rows = store.rows(table, &keys, &selection).expect("rows");
                rows.iter().flat_map(|r| &r.cells).any(|c| show(&c.value).contains(secret))
            };
            assert!(!shows(false), "{secret} in {}", table.name());
            if shows(true) {
                revealed.push(table.clone());
            }
            let search = Query { search: Some(secret.into()), ..query };
            assert_eq!(store.count(&search).expect("a count"), 0, "{secret} found in {}", table.name());
        }
        let mut expected: Vec<Table> = canonical.into_iter().collect();
        expected.push(Table::Native(native.into()));
        assert_eq!(revealed, expected, "{secret}");
    }
}

#[test]
fn the_python_siblings_file_is_read_without_its_sessions_tables() {
    let (_folder, path) = database("mcp_state.db", PYTHON);
    let store = opened(&path).store;
    assert_eq!(store.about().stores, ["agent-mcp"]);
    assert_eq!(store.about().findings, []);
    // Claude sessions name their processes there too.
    assert!(store.about().keeps.contains(&Table::Heartbeats));
    assert_eq!(rows(&store, &Query::all(Table::State)).len(), 4);
}

#[test]
fn another_versions_columns_are_read_and_named() {
    let sql = "CREATE TABLE mcp_session_persistence (mcp_session_id TEXT PRIMARY KEY, status TEXT, node TEXT) WITHOUT ROWID;
        CREATE TABLE agents (token TEXT PRIMARY KEY, agent_id TEXT, model TEXT); CREATE TABLE agent_messages (x); CREATE TABLE tasks (y);
        CREATE TABLE agent_actions (agent_id TEXT); CREATE TABLE project_context (value); CREATE TABLE admin_config (z);
        CREATE TABLE agent_session_state (state_value); CREATE TABLE file_status (w); CREATE VIEW claude_code_sessions AS SELECT 1 AS session_id;
        INSERT INTO mcp_session_persistence VALUES ('a', 'active', 'n1'); INSERT INTO agents VALUES ('t', 'w', 'm');
        INSERT INTO agent_messages VALUES (1); INSERT INTO tasks VALUES (1); INSERT INTO agent_actions VALUES ('w');
        INSERT INTO project_context VALUES (1); INSERT INTO admin_config VALUES (1); INSERT INTO agent_session_state VALUES (1); INSERT INTO file_status VALUES (1);";
    let (_folder, path) = database("mcp_state.db", sql);
    super::durable::use_every_column(&path);
    let store = opened(&path).store;
    assert_eq!(table(&store, Table::Sessions, &["id", "status", "detail"]), r#"a | active | {"node":"n1"}"#);
    assert_eq!(
        table(&store, Table::Heartbeats, &["session_id", "liveness", "recoverable"]),
        "a | unknown | -"
    );
    assert_eq!(table(&store, Table::Messages, &["id", "role"]), "- | -\naction-1 | w");
    let findings: Vec<&str> = store.about().findings.iter().map(|f| f.message.as_str()).collect();
    assert!(
        findings.iter().any(|f| f
            .contains("agents differs from the known agent-mcp schema: it lacks capabilities, created_at")
            && f.ends_with("; has also model")),
        "{findings:?}"
    );
    assert!(
        findings.contains(&"Tables of an agent-mcp store are missing: claude_code_sessions"),
        "{findings:?}"
    );
    assert!(
        findings.iter().any(|f| f.starts_with(
            "mcp_session_persistence differs from the known agent-mcp schema: it lacks transport_state, agent_context"
        ) && f.contains("; has also node; ")),
        "{findings:?}"
    );
    // The tables that migrations make and the others are compared in two places, and each is told once.
    let tables: Vec<&str> = store.about().findings.iter().map(|f| f.table.as_ref()).collect();
    assert!((1..tables.len()).all(|i| !tables[i..].contains(&tables[i - 1])), "{tables:?}");
    let codes = ["schema-differs", "schema-drift"];
    assert!(store.about().findings.iter().all(|f| codes.contains(&f.code)), "{findings:?}");
}

#[test]
fn the_store_is_named_after_its_project() {
    let (folder, path) = database("mcp_state.db", PYTHON);
    let home = folder.path().join("acme/.agent");
    std::fs::create_dir_all(&home).expect("a folder");
    std::fs::rename(path, home.join("mcp_state.db")).expect("moved");
    assert_eq!(opened(&home.join("mcp_state.db")).store.about().name.as_deref(), Some("acme"));
}

#[test]
fn every_column_of_a_full_file_can_be_sorted_and_searched() {
    let (_folder, path) = database("mcp_state.db", &format!("{SCHEMA}{PYTHON}{SESSIONS}"));
    super::durable::use_every_column(&path);
}

#[test]
fn the_real_file_shows_its_sessions_its_state_and_what_is_wrong() {
    let Some((_folder, root)) = super::durable::outside("agent-mcp") else { return };
    let path = root.join("mcp_state.db");
    super::durable::use_every_column(&path);
    let store = opened(&path).store;
    assert_eq!(store.about().stores, ["agent-mcp"]);
    let count = |table| store.count(&Query::all(table)).expect("a count");
    assert_eq!((count(Table::Sessions), count(Table::State), count(Table::Heartbeats)), (12, 34, 12));
    let found: Vec<(&str, &str)> =
        store.about().findings.iter().map(|f| (f.code, f.table.as_ref())).collect();
    assert_eq!(found, [("module-missing", "native:rag_embeddings")]);
    let beats = table(&store, Table::Heartbeats, &["liveness", "recoverable"]);
    assert!(beats.lines().all(|l| l == "dead | 0"), "{beats}");
}
