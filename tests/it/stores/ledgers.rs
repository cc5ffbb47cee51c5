use sessionscope::core::{ReadStore, Table};

use crate::support::{database, opened, table};

/// The ledgers as the tools make them, each with one row or two.
const LEDGERS: &str = r#"
CREATE TABLE _sqlx_migrations (version BIGINT PRIMARY KEY, description TEXT NOT NULL, installed_on TIMESTAMP NOT NULL DEFAULT CURRENT_TIMESTAMP,
  success BOOLEAN NOT NULL, checksum BLOB NOT NULL, execution_time BIGINT NOT NULL);
INSERT INTO _sqlx_migrations VALUES (1, 'create stops', '2026-11-01 10:00:00', 1, x'00ff', 1200), (2, 'add lateness', '2026-11-02 10:00:00', 0, x'01', 900);
CREATE TABLE __drizzle_migrations (id INTEGER PRIMARY KEY, hash TEXT NOT NULL, created_at NUMERIC);
INSERT INTO __drizzle_migrations VALUES (1, 'abc', 1777000000000);
CREATE TABLE schema_migrations (version VARCHAR PRIMARY KEY);
INSERT INTO schema_migrations VALUES ('20261101'), ('20261102');
CREATE TABLE d1_migrations (id INTEGER PRIMARY KEY AUTOINCREMENT, name TEXT UNIQUE, applied_at TIMESTAMP DEFAULT CURRENT_TIMESTAMP NOT NULL);
INSERT INTO d1_migrations VALUES (1, '0001_init.sql', '2026-11-03 00:00:00');
CREATE TABLE knex_migrations (id INTEGER PRIMARY KEY AUTOINCREMENT, name VARCHAR(255), batch INTEGER, migration_time DATETIME);
INSERT INTO knex_migrations VALUES (1, '001.js', 1, 1777000000000);
CREATE TABLE _prisma_migrations (id TEXT PRIMARY KEY, checksum TEXT NOT NULL, finished_at DATETIME, migration_name TEXT NOT NULL, logs TEXT,
  rolled_back_at DATETIME, started_at DATETIME NOT NULL, applied_steps_count INTEGER NOT NULL DEFAULT 0);
INSERT INTO _prisma_migrations VALUES ('u1', 'c', 1777000000000, 'init', NULL, NULL, 1776999999000, 1), ('u2', 'c', NULL, 'broken', 'x', NULL, 1777000001000, 0);
CREATE TABLE refinery_schema_history (version INT4 PRIMARY KEY, name VARCHAR(255), applied_on VARCHAR(255), checksum VARCHAR(255));
INSERT INTO refinery_schema_history VALUES (1, 'initial', '2026-11-04T00:00:00.000000000Z', '123');
CREATE TABLE alembic_version (version_num VARCHAR(32) NOT NULL, CONSTRAINT alembic_version_pkc PRIMARY KEY (version_num));
INSERT INTO alembic_version VALUES ('ae1027a6acf');
CREATE TABLE django_migrations (id INTEGER PRIMARY KEY AUTOINCREMENT, app VARCHAR(255) NOT NULL, name VARCHAR(255) NOT NULL, applied DATETIME NOT NULL);
INSERT INTO django_migrations VALUES (1, 'auth', '0001_initial', '2026-11-05 00:00:00.123456');
CREATE TABLE schema_version (version INTEGER PRIMARY KEY, applied_at TIMESTAMP);
INSERT INTO schema_version VALUES (7, '2026-11-06 00:00:00');
PRAGMA user_version = 42;
"#;

const EXPECTED: &str = "\
_sqlx_migrations | 1 | 1 | create stops | applied | 1793527200000
_sqlx_migrations | 2 | 2 | add lateness | failed | 1793613600000
__drizzle_migrations | 1 | 1 | abc | applied | 1777000000000
schema_migrations | 1 | 20261101 | - | applied | -
schema_migrations | 2 | 20261102 | - | applied | -
d1_migrations | 1 | 1 | 0001_init.sql | applied | 1793664000000
knex_migrations | 1 | 1 | 001.js | applied | 1777000000000
_prisma_migrations | 1 | u1 | init | applied | 1777000000000
_prisma_migrations | 2 | u2 | broken | failed | -
refinery_schema_history | 1 | 1 | initial | applied | 1793750400000
alembic_version | 1 | ae1027a6acf | - | applied | -
django_migrations | 1 | 1 | 0001_initial | applied | 1793836800123
schema_version | 1 | 7 | - | applied | 1793923200000";

#[test]
fn every_known_ledger_is_read_in_any_database() {
    let (_folder, path) = database("app.db", LEDGERS);
    let store = opened(&path).store;
    assert_eq!(store.about().stores, ["sqlite"]);
    assert_eq!(store.about().user_version, Some(42));
    let columns = ["source", "ordinal", "version", "name", "status", "applied_at"];
    assert_eq!(table(&store, Table::Migrations, &columns), EXPECTED);
}

#[test]
fn a_ledger_beside_a_known_store_and_two_stores_in_one_file_are_all_shown() {
    let sql = format!(
        "{} CREATE TABLE claude_sdk_sessions (key TEXT PRIMARY KEY, session_id TEXT NOT NULL, last_used_at INTEGER NOT NULL, created_at INTEGER NOT NULL);
         INSERT INTO claude_sdk_sessions VALUES ('github:dev:acme/app:7', 'u', 1795250000000, 1795240000000);
         CREATE TABLE d1_migrations (id INTEGER PRIMARY KEY, name TEXT, applied_at TEXT);
         INSERT INTO d1_migrations VALUES (1, '0001_init.sql', '2026-11-03 00:00:00');",
        super::session_do::SHIP
    );
    let (_folder, path) = database("both.db", &sql);
    let store = opened(&path).store;
    assert_eq!(store.about().stores, ["session-do", "claude-hooks-db"]);
    assert_eq!(
        table(&store, Table::Sessions, &["id", "title", "repo", "issue"]),
        "both | A question | acme/app | -\ngithub:dev:acme/app:7 | - | acme/app | 7"
    );
    assert_eq!(
        table(&store, Table::Migrations, &["source", "ordinal", "name", "status"]),
        "sessionscope | 1 | session-do/0001_create_session_tables | in place\n\
         sessionscope | 2 | session-do/0002_add_turns_and_session_events | pending\n\
         sessionscope | 1 | claude-hooks-db/0001_create_claude_sdk_sessions | in place\n\
         sessionscope | 2 | claude-hooks-db/0002_import_sessions_json | in place\n\
         d1_migrations | 1 | 0001_init.sql | applied"
    );
}
