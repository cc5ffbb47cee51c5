//! Schemas that we know: how far a database has come with them, and running a step and taking it back.

mod files;
mod running;

use rusqlite::Connection;
use sessionscope::core::migration::{Body, DifferenceKind, History, Object, Refusal, Step, StepState};
use sessionscope::core::{Finding, ReadStore, Severity, Table};
use sessionscope::stores::migrations::{LEDGER, checksum, history, record, run, steps};
use sessionscope::stores::sqlite::Clock;

use super::agent_mcp::PYTHON;
use super::session_do::SHIP;
use crate::support::{NOW_MS, database, opened, table};

const COLUMNS: [&str; 6] = ["source", "ordinal", "version", "name", "status", "applied_at"];

fn memory(sql: &str) -> Connection {
    let connection = Connection::open_in_memory().expect("a database");
    connection.execute_batch(sql).expect("valid SQL");
    connection
}

fn clock() -> Clock {
    Clock::fixed(NOW_MS)
}

/// Runs every step that is SQL and records every other, in one transaction; returns what each added.
fn migrate(connection: &Connection, store: &str) -> Vec<Vec<Object>> {
    let transaction = connection.unchecked_transaction().expect("a transaction");
    let each = |step: &Step| match step.body {
        Body::Sql { .. } => run(&transaction, step, NOW_MS, &clock()).expect("a step that runs"),
        Body::Code => {
            record(&transaction, step, NOW_MS, 7).expect("a record");
            Vec::new()
        }
    };
    let all = steps(store).iter().map(each).collect();
    transaction.commit().expect("committed");
    all
}

fn read(connection: &Connection, store: &str) -> History {
    history(connection, store).expect("a history")
}

fn states(connection: &Connection, store: &str) -> String {
    read(connection, store).steps.iter().map(|s| s.state.as_str()).collect::<Vec<_>>().join(", ")
}

/// The differences, a line each.
fn differences(connection: &Connection, store: &str) -> Vec<String> {
    read(connection, store).differences.iter().map(|d| format!("{} {}", d.table, d.clause())).collect()
}

/// The whole schema as SQLite has it, its own tables aside.
fn schema(connection: &Connection) -> Vec<(String, String)> {
    let sql = "SELECT name, coalesce(sql, '') FROM sqlite_schema WHERE name NOT LIKE 'sqlite\\_%' ESCAPE '\\' ORDER BY 1";
    let mut select = connection.prepare(sql).expect("valid SQL");
    let rows = select.query_map([], |r| Ok((r.get(0)?, r.get(1)?))).expect("rows");
    rows.collect::<Result<_, _>>().expect("rows")
}

/// What opening a database says of its schema.
fn said(sql: &str) -> Vec<Finding> {
    let (_folder, path) = database("store.db", sql);
    let findings = opened(&path).store.about().findings.clone();
    findings.into_iter().filter(|f| f.code.starts_with("schema") || f.code.starts_with("migration")).collect()
}

fn ledger(rows: &str) -> String {
    format!(
        "CREATE TABLE {LEDGER} (version INTEGER, name TEXT, checksum TEXT, applied_at TEXT, duration_ms INTEGER);
         INSERT INTO {LEDGER} VALUES {rows};"
    )
}

/// The SQL of all steps of a store.
fn whole(store: &str) -> String {
    steps(store).iter().filter_map(Step::sql).collect()
}

#[test]
fn a_schema_that_the_stores_own_program_made_is_in_place() {
    assert_eq!(states(&memory(SHIP), "session-do"), "in place, pending");
    let connection = memory(&whole("session-do"));
    assert_eq!(states(&connection, "session-do"), "in place, in place");
    assert_eq!(read(&connection, "session-do").newest_recorded, None);
    // The file's entries have been moved, or need not be, once the table has any.
    let table = whole("claude-hooks-db");
    assert_eq!(states(&memory(&table), "claude-hooks-db"), "in place, pending");
    let filled = format!("{table} INSERT INTO claude_sdk_sessions VALUES ('a:b/c:1', 's', 1, 1);");
    assert_eq!(states(&memory(&filled), "claude-hooks-db"), "in place, in place");
    // Running it records it and changes nothing else.
    let before = schema(&connection);
    let added = migrate(&connection, "session-do");
    let ledger = Object { kind: "table".into(), name: LEDGER.into() };
    assert_eq!(added, [vec![ledger], vec![]]);
    assert_eq!(states(&connection, "session-do"), "applied, applied");
    let after: Vec<_> =
        schema(&connection).into_iter().filter(|(name, _)| name != LEDGER && !name.is_empty()).collect();
    assert_eq!(after, before);
}

#[test]
fn how_a_statement_is_written_makes_no_difference() {
    let connection = memory(
        "create  table [Messages](\"ID\" text primary key, `role` Text not null, content TEXT NOT NULL, parts TEXT,
           created_at integer not null);
         CREATE TABLE tasks (id TEXT, title TEXT NOT NULL, description TEXT, status TEXT DEFAULT \"pending\",
           mode TEXT DEFAULT ('build'), created_at INTEGER NOT NULL, completed_at INTEGER, PRIMARY KEY (id));
         CREATE TABLE session_meta (value TEXT, key TEXT PRIMARY KEY);
         CREATE INDEX \"IDX_messages_created\" ON messages ( [created_at] ASC );
         CREATE INDEX under_another_name ON tasks(status COLLATE BINARY, created_at);",
    );
    assert_eq!(differences(&connection, "session-do"), [""; 0]);
    assert_eq!(states(&connection, "session-do"), "in place, pending");
}

#[test]
fn a_python_siblings_file_lacks_nothing() {
    let (_folder, path) = database("mcp_state.db", PYTHON);
    let store = opened(&path).store;
    assert_eq!(store.about().stores, ["agent-mcp"]);
    assert_eq!(
        table(&store, Table::Migrations, &COLUMNS),
        "sessionscope | 1 | 1 | agent-mcp/0001_create_session_persistence | pending | -"
    );
    assert_eq!(said(PYTHON), []);
    assert_eq!(read(&memory(PYTHON), "agent-mcp").differences, []);
}

#[test]
fn an_edited_step_is_refused_with_all_texts() {
    let edited = ledger("(1, 'session-do/0001_create_session_tables', 'feed', '2026-11-20T10:00:00Z', 3)");
    let connection = memory(&format!("{SHIP}{edited}"));
    assert_eq!(states(&connection, "session-do"), "edited, pending");
    let Some(Refusal::Edited { recorded, ours, actual, .. }) = read(&connection, "session-do").refusal()
    else {
        panic!("it is refused");
    };
    let step = &steps("session-do")[0];
    assert_eq!((recorded.checksum.as_str(), ours.checksum), ("feed", checksum(step)));
    assert_eq!(ours.sql, step.sql());
    assert!(
        actual.iter().any(|sql| sql.starts_with("CREATE TABLE messages (id TEXT PRIMARY KEY, role")),
        "{actual:?}"
    );
    assert!(actual.iter().any(|sql| sql.starts_with("CREATE INDEX idx_tasks_status")), "{actual:?}");
    let findings = said(&format!("{SHIP}{edited}"));
    let [finding] = findings.as_slice() else { panic!("{findings:?}") };
    assert_eq!((finding.severity, finding.code), (Severity::Warning, "migration-edited"));
    for text in
        ["checksum feed", &checksum(step), "CREATE TABLE IF NOT EXISTS messages", "CREATE TABLE messages (id"]
    {
        assert!(finding.message.contains(text), "{text} in {}", finding.message);
    }
}

#[test]
fn a_newer_database_is_refused_and_its_steps_are_shown() {
    for name in ["session-do/0007_fold_turns", "0007_fold_turns", "goose/0001_create_threads"] {
        let version = if name.ends_with("turns") { 7 } else { 1 };
        let newer = ledger(&format!("({version}, '{name}', 'abba', 1795250000000, 3)"));
        let (_folder, path) = database("69f1.sqlite", &format!("{SHIP}{newer}"));
        let store = opened(&path).store;
        assert_eq!(
            table(&store, Table::Migrations, &COLUMNS),
            format!(
                "sessionscope | 1 | 1 | session-do/0001_create_session_tables | in place | -\n\
                 sessionscope | 2 | 2 | session-do/0002_add_turns_and_session_events | pending | -\n\
                 sessionscope | 3 | {version} | {name} | unknown | 1795250000000"
            )
        );
        let findings = said(&format!("{SHIP}{newer}"));
        let [finding] = findings.as_slice() else { panic!("{findings:?}") };
        assert_eq!(
            (finding.severity, finding.code, finding.key.as_str()),
            (Severity::Warning, "schema-too-new", name)
        );
        for text in [name, "abba", "0002_add_turns_and_session_events", "CREATE TABLE messages (id"] {
            assert!(finding.message.contains(text), "{text} in {}", finding.message);
        }
        let connection = memory(&format!("{SHIP}{newer}"));
        let history = read(&connection, "session-do");
        assert_eq!(history.newest_recorded, Some(version));
        assert!(
            matches!(history.refusal(), Some(Refusal::Newer { recorded, .. }) if recorded[0].name == name)
        );
    }
}

#[test]
fn drift_is_told_table_by_table() {
    let connection = memory("");
    migrate(&connection, "agent-mcp");
    connection
        .execute_batch(
            "DROP INDEX idx_mcp_sessions_recovery; ALTER TABLE mcp_session_persistence DROP COLUMN metadata;
             ALTER TABLE mcp_session_persistence ADD COLUMN node TEXT; DROP TABLE agent_session_state;",
        )
        .expect("valid SQL");
    let history = read(&connection, "agent-mcp");
    assert_eq!(history.steps[0].state, StepState::Applied);
    assert!(history.differences.iter().all(|d| d.recorded));
    assert_eq!(
        differences(&connection, "agent-mcp"),
        [
            "mcp_session_persistence lacks metadata",
            "mcp_session_persistence has also node",
            "mcp_session_persistence lacks the index idx_mcp_sessions_recovery",
            "agent_session_state is missing",
        ]
    );
    // A column that is gone makes it another table than the one that steps are written for.
    assert!(matches!(history.refusal(), Some(Refusal::Differs { differences, .. })
        if differences.len() == 1 && differences[0].kind == DifferenceKind::MissingColumn { column: "metadata".into() }));
    let sql = "SELECT group_concat(sql, ';' ORDER BY rowid) || ';' FROM sqlite_schema";
    let dump: String = connection.query_row(sql, [], |r| r.get(0)).expect("the schema");
    let checksum = checksum(&steps("agent-mcp")[0]);
    let row =
        format!("(1, 'agent-mcp/0001_create_session_persistence', '{checksum}', '2026-11-20T10:00:00Z', 3)");
    let findings = said(&format!("{dump} INSERT INTO {LEDGER} VALUES {row};"));
    let told: Vec<String> = findings
        .iter()
        .filter(|f| f.code == "schema-drift")
        .map(|f| format!("{} {}", f.severity.as_str(), f.message))
        .collect();
    assert_eq!(
        told,
        [
            "warning mcp_session_persistence differs from the known agent-mcp schema: it lacks metadata; lacks the index idx_mcp_sessions_recovery; has also node",
            "warning The table agent_session_state of the known agent-mcp schema is missing",
        ]
    );
}

#[test]
fn types_keys_indexes_and_references_are_compared() {
    let connection = memory(
        "CREATE TABLE mcp_session_persistence (mcp_session_id TEXT, transport_state BLOB NOT NULL, agent_context TEXT,
           conversation_state TEXT, created_at TEXT NOT NULL, last_heartbeat TEXT NOT NULL, disconnected_at TEXT,
           recovery_attempts INTEGER DEFAULT 1, status TEXT NOT NULL DEFAULT 'active', grace_period_expires TEXT UNIQUE,
           working_directory TEXT, metadata TEXT);
         CREATE VIEW agent_session_state AS SELECT 1 AS agent_id;
         CREATE INDEX idx_mcp_sessions_status_heartbeat ON mcp_session_persistence (status, last_heartbeat);
         CREATE UNIQUE INDEX idx_mcp_sessions_recovery ON mcp_session_persistence (status COLLATE NOCASE, grace_period_expires) WHERE status <> 'x';",
    );
    assert_eq!(
        differences(&connection, "agent-mcp"),
        [
            "mcp_session_persistence declares transport_state as BLOB NOT NULL, not as TEXT NOT NULL",
            "mcp_session_persistence declares recovery_attempts as INTEGER DEFAULT 1, not as INTEGER DEFAULT 0",
            "mcp_session_persistence has the primary key none, not mcp_session_id",
            "mcp_session_persistence has the index idx_mcp_sessions_recovery on unique (status COLLATE NOCASE, grace_period_expires) of some rows, not on (status, grace_period_expires)",
            "mcp_session_persistence has the index idx_mcp_sessions_status_heartbeat on (status, last_heartbeat), not on (status, last_heartbeat DESC)",
            "mcp_session_persistence has the unique columns (grace_period_expires), (status COLLATE NOCASE, grace_period_expires) of some rows instead of no unique columns but its key",
            "agent_session_state is no table",
        ]
    );
    let without = whole("agent-mcp").replace(
        " REFERENCES mcp_session_persistence(mcp_session_id)",
        " REFERENCES agents(token) ON DELETE CASCADE",
    );
    assert_eq!(
        differences(&memory(&without), "agent-mcp"),
        [
            "agent_session_state has the foreign key mcp_session_id → agents(token) ON DELETE CASCADE instead of the foreign key mcp_session_id → mcp_session_persistence(mcp_session_id)"
        ]
    );
}

#[test]
fn a_ledger_is_shown_in_a_file_without_its_stores() {
    let sql = ledger("(1, 'agent-mcp/0001_create_session_persistence', 'c', '2026-11-20T10:00:00Z', 3)");
    let (_folder, path) = database("plain.db", &sql);
    let store = opened(&path).store;
    assert_eq!(store.about().stores, ["sqlite"]);
    assert_eq!(
        table(&store, Table::Migrations, &["name", "status"]),
        "agent-mcp/0001_create_session_persistence | edited"
    );
    let (_folder, path) = database("plain.db", &ledger("(1, 'goose/0001_x', 'c', 'no time', 'y')"));
    assert_eq!(
        table(&opened(&path).store, Table::Migrations, &COLUMNS),
        "sessionscope | 1 | 1 | goose/0001_x | unknown | -"
    );
}

#[test]
fn a_ledger_that_is_none_or_holds_anything_is_no_reason_to_fail() {
    let odd = ledger(
        "(NULL, NULL, NULL, NULL, NULL), ('x', x'00ff', 1.5, x'', x''), (1, 'a' || char(0) || 'b', CAST(x'ff' AS TEXT), 1e300, -1)",
    );
    let (_folder, path) = database("odd.db", &format!("{SHIP}{odd}"));
    let store = opened(&path).store;
    assert_eq!(table(&store, Table::Migrations, &["status"]), "edited\npending\nunknown\nunknown");
    for none in [
        format!(
            "CREATE VIEW {LEDGER} AS SELECT 1 AS version, 'x' AS name, 'c' AS checksum, 1 AS applied_at, 1 AS duration_ms;"
        ),
        format!("CREATE TABLE {LEDGER} (version, name);"),
        ledger("(1, 'x', 'y', 1, 1)").replace("VALUES", "SELECT * FROM (VALUES") + ") WHERE false;",
    ] {
        let none = none.replace(";) WHERE", ") WHERE");
        assert_eq!(states(&memory(&format!("{SHIP}{none}")), "session-do"), "in place, pending", "{none}");
    }
}

#[test]
fn the_details_of_a_step_hold_its_text() {
    let (_folder, path) = database("69f1.sqlite", SHIP);
    let details = table(&opened(&path).store, Table::Migrations, &["detail"]).replace('⏎', "\n");
    let first: serde_json::Value =
        serde_json::from_str(details.lines().next().expect("a row")).expect("JSON");
    let step = &steps("session-do")[0];
    assert_eq!(first["sql"].as_str(), step.sql());
    assert_eq!(first["reverse"].as_str(), step.reverse());
    assert_eq!(first["checksum"], checksum(step));
    assert_eq!(first["store"], "session-do");
    assert_eq!(first.get("recorded_checksum"), None);
}
