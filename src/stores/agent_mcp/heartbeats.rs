//! The sessions' signs of life as rows: each column named once, the verdict asked of `vitals`.

use rusqlite::functions::{Context as Call, FunctionFlags};
use rusqlite::types::{Value as Sql, ValueRef};

use super::Native;
use super::vitals::{BEAT, ClaudeSession, Session};
use crate::core::vitals::Recovery;
use crate::stores::sqlite::{Context, Part, lossy};
use crate::stores::vitals;

/// The columns that `recoverSession` parses after it has changed the row; of the last three an empty text is passed over.
const PARSED: [(&str, bool); 4] =
    [("transport_state", false), ("agent_context", true), ("conversation_state", true), ("metadata", true)];

/// Adds `mcp_session` and `claude_session` to a connection: what they are asked first, then columns as the store has them.
pub fn install(context: &Context<'_>) -> rusqlite::Result<()> {
    let flags = FunctionFlags::SQLITE_UTF8;
    let (clock, path) = (context.file.clock.clone(), context.file.path.clone());
    let arguments = i32::try_from(Session::COLUMNS.len() + 2).unwrap_or_default();
    context.connection.create_scalar_function("mcp_session", arguments, flags, move |call| {
        let mut session = Session::of(|column| argument(call, column));
        session.unreadable = Some(lossy(call.get_raw(call.len() - 1))).filter(|columns| !columns.is_empty());
        let now_ms = clock.now_ms();
        Ok(match call.get_raw(0).as_str().unwrap_or_default() {
            "liveness" => Sql::Text(session.verdict(now_ms, &path).liveness.word().to_owned()),
            "reason" => Sql::Text(session.reason(now_ms, &path)),
            "recoverable" => Sql::Integer(session.recovery(now_ms, &path).allowed().into()),
            _ => json(&session.recovery(now_ms, &path)),
        })
    })?;
    let columns = ClaudeSession::COLUMNS;
    let arguments = i32::try_from(columns.len()).unwrap_or_default();
    vitals::install(context, "claude_session", arguments, move |values, now_ms, weigh| {
        let at = |column: &str| columns.iter().position(|c| *c == column);
        let session = ClaudeSession::of(|column| {
            at(column).and_then(|at| values.get(at)).copied().unwrap_or(ValueRef::Null)
        });
        session.weigh(now_ms, weigh);
    })
}

/// The argument that holds a column; what is asked stands before the columns.
fn argument<'a>(call: &'a Call<'_>, column: &str) -> ValueRef<'a> {
    let at = Session::COLUMNS.iter().position(|c| *c == column);
    at.map_or(ValueRef::Null, |at| call.get_raw(at + 1))
}

fn json(recovery: &Recovery) -> Sql {
    serde_json::to_string(recovery).map_or(Sql::Null, Sql::Text)
}

/// One row per session, judged by its last beat, its process and its grace.
pub fn part(table: &Native<'_>) -> Part {
    let columns: Vec<String> = Session::COLUMNS.iter().map(|name| table.column(name)).collect();
    let ask =
        |what: &str, unreadable: &str| format!("mcp_session('{what}', {}, {unreadable})", columns.join(", "));
    let unreadable = unreadable(table).unwrap_or_else(|| "NULL".to_owned());
    let beat = format!("time_ms({})", table.column("last_heartbeat"));
    let age = format!("(now_ms() - {beat})");
    let known = table.table.has("grace_period_expires");
    let every = BEAT.every_ms.unwrap_or(i64::MAX);
    table
        .part()
        .set("session_id", table.text("mcp_session_id"))
        .set("status", table.column("status"))
        .set("last_heartbeat_at", beat.as_str())
        .set("age_seconds", format!("{age} / 1000"))
        .set("missed", format!("max({age} / {every}, 0)"))
        .set("grace_expires_at", format!("time_ms({})", table.column("grace_period_expires")))
        .set("disconnected_at", format!("time_ms({})", table.column("disconnected_at")))
        .set("recovery_attempts", table.column("recovery_attempts"))
        .set("liveness", ask("liveness", "NULL"))
        .set("recoverable", if known { ask("recoverable", "NULL") } else { "NULL".to_owned() })
        .set("reason", ask("reason", &unreadable))
        .set("since", format!("time_ms({})", table.column("created_at")))
        .set("recovery", if known { ask("recovery", &unreadable) } else { "NULL".to_owned() })
        .order(beat)
}

/// SQL for the columns of a session that recovery fails to parse, by name; null where there is none.
///
/// `recoverSession` writes `recovered` and counts the attempt before it parses them.
pub fn unreadable(table: &Native<'_>) -> Option<String> {
    let each: Vec<String> = PARSED
        .iter()
        .filter(|(column, _)| table.table.has(column))
        .map(|(name, may_be_empty)| {
            let text = table.text(name);
            let filled = if *may_be_empty { format!("{text} <> '' AND ") } else { String::new() };
            format!("CASE WHEN {filled}NOT json_valid({text}) THEN '{name}' END")
        })
        .collect();
    (!each.is_empty()).then(|| format!("nullif(concat_ws(', ', {}), '')", each.join(", ")))
}

/// One row per Claude session that was seen on this machine, judged by its own process.
pub fn claude_part(table: &Native<'_>) -> Part {
    let columns: Vec<String> = ClaudeSession::COLUMNS.iter().map(|name| table.column(name)).collect();
    let ask = |what: &str| format!("claude_session('{what}', {})", columns.join(", "));
    let active = format!("time_ms({})", table.column("last_activity"));
    table
        .part()
        .set("session_id", table.text("session_id"))
        .set("status", table.column("status"))
        .set("last_heartbeat_at", active.as_str())
        .set("age_seconds", format!("(now_ms() - {active}) / 1000"))
        .set("liveness", ask("liveness"))
        .set("reason", ask("reason"))
        .set("since", format!("time_ms({})", table.column("first_detected")))
        .order(active)
}
