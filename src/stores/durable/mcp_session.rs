//! `mcp-session-do`: an MCP session in a Durable Object.
//!
//! Source: `executor` (its first class keeps `transport`, the present one `session-meta` and `last-activity-ms`) and the
//! Agents SDK's `McpAgent`, on which the present one builds.

use serde_json::Value as Json;

use super::{identity, kv};
use crate::core::{StoreError, Table};
use crate::stores::sqlite::{Context, Mapping, Part, Schema, SqliteAdapter, literal};

pub const ADAPTER: SqliteAdapter = SqliteAdapter {
    id: "mcp-session-do",
    recognises,
    map,
    steps: &[],
    repairs: &super::repairs::ObjectRepairs,
};

/// Any of these keys makes an object an MCP session.
const KEYS: &str =
    "'transport', 'session-meta', 'last-activity-ms', 'initializeRequest', 'props', 'transportType'";

/// What the name of an MCP session begins with: its transport.
const NAMES: [&str; 3] = ["streamable-http:", "sse:", "rpc:"];

/// After so long without activity the session is over; after so much more its runtime has ended.
const SESSION_MS: i64 = 5 * 60_000;
const IDLE_MS: i64 = 35 * 60_000;

/// An alarm this late was not run: nothing runs the object.
const LATE_MS: i64 = 60_000;

fn recognises(context: &Context<'_>) -> bool {
    let keyed = kv::has_entries(context.schema)
        && {
            let sql = format!(
            "SELECT EXISTS (SELECT 1 FROM main._cf_KV WHERE key IN ({KEYS}))
              OR EXISTS (SELECT 1 FROM main._cf_KV WHERE key >= '__mcp_' AND key < '__mcp`')
              OR EXISTS (SELECT 1 FROM main._cf_KV WHERE key >= 'approval-response:' AND key < 'approval-response;')"
        );
            context.connection.query_row(&sql, [], |r| r.get(0)).unwrap_or(false)
        };
    keyed || identity::own_name(context).is_some_and(|name| NAMES.iter().any(|n| name.starts_with(n)))
}

fn map(context: &Context<'_>) -> Result<Mapping, StoreError> {
    let mut mapping = Mapping::default();
    mapping.add(Table::Heartbeats, heartbeat(context));
    mapping.facts = facts(context);
    Ok(mapping)
}

/// SQL for the time of a session's last activity; none where no entry could hold it.
pub fn last_activity(schema: &Schema) -> Option<String> {
    kv::has_entries(schema).then(|| format!("time_ms({})", kv::value("last-activity-ms")))
}

/// SQL for what else is known of the session, as names and values.
pub fn details(schema: &Schema) -> Vec<(&'static str, String)> {
    if !kv::has_entries(schema) {
        return Vec::new();
    }
    let of = |key: &str, path: &str| format!("json_extract({}, '{path}')", kv::value(key));
    let either = |path: &str| {
        format!(
            "coalesce({}, {})",
            of("initializeRequest", &format!("$.params.{path}")),
            of("transport", &format!("$.initializeParams.{path}"))
        )
    };
    vec![
        ("client", either("clientInfo.name")),
        ("clientVersion", either("clientInfo.version")),
        ("protocolVersion", either("protocolVersion")),
        ("transportSession", of("transport", "$.sessionId")),
        ("organization", of("session-meta", "$.organizationName")),
        ("user", of("session-meta", "$.userId")),
        ("resource", of("session-meta", "$.resource")),
    ]
}

fn heartbeat(context: &Context<'_>) -> Part {
    let last = last_activity(context.schema).unwrap_or_else(|| "NULL".into());
    let alarm = if kv::has_alarm(context.schema) { kv::alarm() } else { "NULL" };
    let id = literal(&context.file.stem);
    let from = format!("(SELECT {id} AS id, {last} AS last, {alarm} AS alarm) AS h");
    let ago = "(now_ms() - h.last)";
    let late = format!("now_ms() - h.alarm > {LATE_MS}");
    Part::by_key(from, &["h.id"])
        .set("session_id", "h.id")
        .set("status", alarm_status())
        .set("last_heartbeat_at", "h.last")
        .set("age_seconds", format!("{ago} / 1000"))
        .set("grace_expires_at", format!("h.last + {SESSION_MS}"))
        .set(
            "liveness",
            format!(
                "CASE WHEN {ago} BETWEEN 0 AND {SESSION_MS} THEN 'alive' WHEN {late} OR {ago} > {IDLE_MS} THEN 'dead' ELSE 'unknown' END"
            ),
        )
        .set(
            "reason",
            format!(
                "CASE WHEN {ago} BETWEEN 0 AND {SESSION_MS} THEN 'active ' || ({ago} / 1000) || ' s ago'
                   WHEN {late} THEN 'its alarm was due ' || ((now_ms() - h.alarm) / 1000) || ' s ago and did not run: nothing runs the object'
                   WHEN h.last IS NOT NULL THEN 'active ' || ({ago} / 1000) || ' s ago; a session ends after {} s without activity'
                   WHEN h.alarm IS NOT NULL THEN 'its alarm is due in ' || ((h.alarm - now_ms()) / 1000) || ' s; it keeps no beat'
                   ELSE 'neither activity nor an alarm is recorded' END",
                SESSION_MS / 1000
            ),
        )
}

/// SQL for the state of the alarm `h.alarm`.
pub fn alarm_status() -> String {
    format!(
        "CASE WHEN h.alarm IS NULL THEN 'no alarm' WHEN now_ms() - h.alarm > {LATE_MS} THEN 'alarm overdue'
           WHEN now_ms() >= h.alarm THEN 'alarm due' ELSE 'alarm set' END"
    )
}

fn facts(context: &Context<'_>) -> Vec<(String, String)> {
    let mut facts = Vec::new();
    let entry = |key| kv::has_entries(context.schema).then(|| kv::read(context.connection, key)).flatten();
    let client = entry("initializeRequest").map(|r| r["params"].clone());
    let client = client.or_else(|| entry("transport").map(|t| t["initializeParams"].clone()));
    if let Some(client) = client {
        let text = |json: &Json| json.as_str().unwrap_or_default().to_owned();
        let info = &client["clientInfo"];
        let name = format!("{} {}", text(&info["name"]), text(&info["version"]));
        if !name.trim().is_empty() {
            facts.push(("Client".into(), name.trim().to_owned()));
        }
        let protocol = text(&client["protocolVersion"]);
        if !protocol.is_empty() {
            facts.push(("MCP version".into(), protocol));
        }
    }
    facts
}
