//! `mcp-session-do`: an MCP session in a Durable Object.
//!
//! Source: `executor` (its first class keeps `transport`, the present one `session-meta` and `last-activity-ms`) and the
//! Agents SDK's `McpAgent`, on which the present one builds.

use serde_json::Value as Json;

use super::{identity, kv};
use crate::core::vitals::{Pace, Rhythm, Says, Sign};
use crate::core::{StoreError, Table};
use crate::stores::sqlite::{Context, Mapping, Part, Schema, SqliteAdapter, literal, sqlite_error};
use crate::stores::{machine, vitals};

pub const ADAPTER: SqliteAdapter = SqliteAdapter {
    id: "mcp-session-do",
    recognises,
    map,
    examine: |_| Vec::new(),
    steps: &[],
    repairs: &super::repairs::ObjectRepairs,
};

/// Any of these keys makes an object an MCP session.
const KEYS: &str =
    "'transport', 'session-meta', 'last-activity-ms', 'initializeRequest', 'props', 'transportType'";

/// What the name of an MCP session begins with: its transport.
const NAMES: [&str; 3] = ["streamable-http:", "sse:", "rpc:"];

/// After so long without activity the session is over.
const SESSION_MS: i64 = 5 * 60_000;

/// What such a session does; after half an hour more without it, the program ends its runtime.
const ACTIVITY: Rhythm =
    Rhythm { noun: "activity", every_ms: None, fresh_ms: SESSION_MS, silent_ms: Some(35 * 60_000) };

const PACE: Pace = Pace {
    rhythm: ACTIVITY,
    grace: Some((SESSION_MS, "session 5 min")),
    words: &["session 5 min after its last activity", "idle runtime 30 min more", "alarm"],
};

/// Of an object that is no such session only its alarm tells.
pub const ALARM_PACE: Pace =
    Pace { rhythm: ACTIVITY, grace: None, words: &["alarm due or overdue", "keeps no beat"] };

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
    install(context).map_err(|e| sqlite_error(e, &context.file.path))?;
    mapping.add(Table::Heartbeats, heartbeat(context));
    mapping.pace = Some(&PACE);
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
    let alarm = kv::alarm(context.schema);
    let id = literal(&context.file.stem);
    let from = format!("(SELECT {id} AS id, {last} AS last, {alarm} AS alarm) AS h");
    signs_of_life(Part::by_key(from, &["h.id"]))
        .set("last_heartbeat_at", "h.last")
        .set("age_seconds", "(now_ms() - h.last) / 1000")
        .set("grace_expires_at", format!("h.last + {SESSION_MS}"))
}

/// The columns of heartbeats that an object's last activity `h.last` and its alarm `h.alarm` make.
pub fn signs_of_life(part: Part) -> Part {
    part.set("session_id", "h.id")
        .set(
            "status",
            format!(
                "CASE WHEN h.alarm IS NULL THEN 'no alarm' WHEN now_ms() - h.alarm > {LATE_MS} THEN 'alarm overdue'
                   WHEN now_ms() >= h.alarm THEN 'alarm due' ELSE 'alarm set' END"
            ),
        )
        .set("liveness", "object_life('liveness', h.last, h.alarm)")
        .set("reason", "object_life('reason', h.last, h.alarm)")
}

/// Adds `object_life`, which weighs an object's last activity and its alarm, both in milliseconds.
pub fn install(context: &Context<'_>) -> rusqlite::Result<()> {
    let path = context.file.path.clone();
    vitals::install(context, "object_life", 2, move |values, now_ms, weigh| {
        let time = |at: usize| values[at].as_i64_or_null().ok().flatten();
        let age_ms = time(0).map(|last| now_ms.saturating_sub(last));
        let last = Sign::Last { age_ms, rhythm: &ACTIVITY };
        let lives = last.says() == Says::Lives;
        // Whatever has the file open runs the object, whether its alarm is late or not.
        let openers = if lives { None } else { machine::openers(&path) };
        let runs = openers.as_ref().is_some_and(|openers| !openers.is_empty());
        let overdue = if lives || runs { Says::Nothing } else { Says::Ended };
        let no_beat = Sign::Said { words: "it keeps no beat", says: Says::Nothing };
        let mut signs = Vec::new();
        if let Some(alarm) = time(1) {
            let left_ms = alarm.saturating_sub(now_ms);
            signs.push(Sign::Alarm { left_ms, late_ms: LATE_MS, overdue });
        }
        // An object of another kind keeps no activity.
        let kept = age_ms.is_some() || signs.is_empty();
        match kept {
            true => signs.insert(0, last),
            false => signs.push(no_beat),
        }
        if let Some(openers) = &openers {
            signs.push(Sign::OpenedBy { openers, noun: "its file", says: Says::Remains });
        }
        weigh(&signs);
    })
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
