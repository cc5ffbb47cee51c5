//! The session table that took the file's place.

use rusqlite::functions::FunctionFlags;
use rusqlite::types::ValueRef;

use super::{Counts, PACE, heartbeat, keys, status};
use crate::core::migration::{Body, Step};
use crate::core::{Finding, KNOWN_FORGES, ResumeKey, StoreError, Table};
use crate::stores::migrations::sql_step;
use crate::stores::sqlite::{
    Context, Mapping, Part, SqliteAdapter, TableInfo, detail, lossy, raw_order_is_time, sqlite_error, time,
};

pub const ADAPTER: SqliteAdapter = SqliteAdapter {
    id: "claude-hooks-db",
    recognises,
    map,
    examine: keys::scans,
    steps: &[
        sql_step!("claude-hooks-db", 1, "0001_create_claude_sdk_sessions"),
        // The program's own migration 013: the entries of the file that the table took the place of.
        Step { store: "claude-hooks-db", version: 2, name: "0002_import_sessions_json", body: Body::Code },
    ],
    repairs: &super::DatabaseRepairs,
};

pub const TABLE: &str = "claude_sdk_sessions";
/// Only so many rows are looked through for what is worth saying.
const MOST_ROWS: usize = 100_000;

fn recognises(context: &Context<'_>) -> bool {
    context.schema.has(TABLE, &["key", "session_id"])
}

fn map(context: &Context<'_>) -> Result<Mapping, StoreError> {
    let mut mapping = Mapping::default();
    let Some(table) = context.schema.table(TABLE) else { return Ok(mapping) };
    let fail = |e| sqlite_error(e, &context.file.path);
    install(context).map_err(fail)?;
    let raw_order = raw_order_is_time(context.connection, table, "last_used_at");
    mapping.add(Table::Sessions, sessions(table, raw_order));
    mapping.add(Table::Heartbeats, heartbeats(table, raw_order));
    mapping.names_transcripts = true;
    mapping.pace = Some(&PACE);
    // Rows that cannot be read are no reason to show none.
    mapping.findings.extend(unusual(context).unwrap_or_default());
    Ok(mapping)
}

/// Adds `resume_key_part(key, part)`, null where the key is ambiguous or lacks the part.
fn install(context: &Context<'_>) -> rusqlite::Result<()> {
    let pure = FunctionFlags::SQLITE_UTF8 | FunctionFlags::SQLITE_DETERMINISTIC;
    context.connection.create_scalar_function("resume_key_part", 2, pure, |call| {
        let (key, part) = (call.get_raw(0), call.get_raw(1));
        let key = text(key).and_then(|key| ResumeKey::parse(key, KNOWN_FORGES));
        Ok(key.and_then(|key| match text(part)? {
            "forge" => key.forge.map(str::to_owned),
            "agent" => Some(key.agent.to_owned()),
            "repo" => Some(key.repo.to_owned()),
            "issue" => Some(key.issue.to_owned()),
            _ => None,
        }))
    })
}

fn text(value: ValueRef<'_>) -> Option<&str> {
    value.as_str().ok()
}

fn column(table: &TableInfo, name: &str) -> String {
    if table.has(name) { format!("s.{name}") } else { "NULL".to_owned() }
}

/// SQL for a session's status, and for the time of its last use.
fn state(table: &TableInfo) -> (String, String) {
    let last = format!("time_ms({})", column(table, "last_used_at"));
    let malformed = "typeof(s.session_id) <> 'text' OR s.session_id = ''";
    (format!("CASE WHEN {malformed} THEN 'malformed' ELSE {} END", status(&last)), last)
}

fn sessions(table: &TableInfo, raw_order: bool) -> Part {
    let shown = ["key", "last_used_at", "created_at"];
    let is_shown = |c: &str| shown.iter().any(|s| s.eq_ignore_ascii_case(c));
    let rest: Vec<&str> = table.columns.iter().map(String::as_str).filter(|c| !is_shown(c)).collect();
    let mut part = Part::over(table, "s").set("id", "s.key").set("status", state(table).0);
    for name in ["forge", "agent", "repo", "issue"] {
        part = part.set(name, format!("resume_key_part(s.key, '{name}')"));
    }
    part.set("created_at", time(&column(table, "created_at"), false))
        .set("last_active_at", time(&column(table, "last_used_at"), raw_order))
        .set("detail", detail("s", &rest))
}

fn heartbeats(table: &TableInfo, raw_order: bool) -> Part {
    let (status, last) = state(table);
    let created = format!("time_ms({})", column(table, "created_at"));
    heartbeat(Part::over(table, "s"), "s.key", &status, &last, &created)
        .set("last_heartbeat_at", time(&column(table, "last_used_at"), raw_order))
}

/// Looks through the first rows for keys and ids that are worth knowing of.
fn unusual(context: &Context<'_>) -> rusqlite::Result<Vec<Finding>> {
    let sql = format!("SELECT key, session_id FROM main.{TABLE} LIMIT {MOST_ROWS}");
    let mut counts = Counts::default();
    let mut select = context.connection.prepare(&sql)?;
    let mut rows = select.query([])?;
    while let Some(row) = rows.next()? {
        let key = lossy(row.get_ref(0)?);
        counts.key(&key, ResumeKey::parse(&key, KNOWN_FORGES).as_ref());
        if text(row.get_ref(1)?).is_none_or(str::is_empty) {
            counts.malformed.add(|| (key, String::new()));
        }
    }
    Ok(counts.findings())
}
