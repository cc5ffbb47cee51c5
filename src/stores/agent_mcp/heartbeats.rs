//! Whether a session lives, and whether the program would take it up again.
//!
//! Source: seed 002. A beat comes every 30 s and does not move `grace_period_expires`, which is 10 min after the session's
//! beginning, or after `markSessionDisconnected`: a session that lives is `expired` between a clean-up and its next beat.

use super::Native;
use crate::stores::sqlite::Part;

/// Between two beats of a session that lives.
const BEAT_MS: i64 = 30_000;

/// A beat younger than this is a sign of life, four beats long.
pub const ALIVE_MS: i64 = 120_000;

/// How long a session that was cut off can be taken up again.
const GRACE_MS: i64 = 600_000;

/// The program takes a session up again only so often.
const MOST_ATTEMPTS: i64 = 3;

/// One row per session, judged by its last beat.
pub fn part(table: &Native<'_>) -> Part {
    let own = Part::over(table.table, table.alias);
    let keys: Vec<String> = own.key.iter().enumerate().map(|(i, key)| format!("{key} AS key{i}")).collect();
    // Each column is named once, as what it means, so that the rules below read as rules.
    let from = format!(
        "(SELECT {keys}, {id} AS id, {status} AS status, time_ms({beat}) AS beat, now_ms() - time_ms({beat}) AS age,
            time_ms({grace}) AS grace, time_ms({cut}) AS cut, {attempts} AS attempts FROM {table}) AS h",
        keys = keys.join(", "),
        id = table.text("mcp_session_id"),
        status = table.column("status"),
        beat = table.column("last_heartbeat"),
        grace = table.column("grace_period_expires"),
        cut = table.column("disconnected_at"),
        attempts = table.column("recovery_attempts"),
        table = own.from,
    );
    let key: Vec<String> = (0..keys.len()).map(|i| format!("h.key{i}")).collect();
    let mut part = match own.key_is_rowid {
        true => Part::by_rowid(from, key[0].as_str()),
        false => Part::by_key(from, &key.iter().map(String::as_str).collect::<Vec<_>>()),
    };
    let known = table.table.has("grace_period_expires");
    let columns = [
        ("session_id", "h.id".to_owned()),
        ("status", "h.status".to_owned()),
        ("last_heartbeat_at", "h.beat".to_owned()),
        ("age_seconds", "h.age / 1000".to_owned()),
        ("missed", missed()),
        ("grace_expires_at", "h.grace".to_owned()),
        ("disconnected_at", "h.cut".to_owned()),
        ("recovery_attempts", "h.attempts".to_owned()),
        ("liveness", liveness()),
        ("recoverable", if known { recoverable() } else { "NULL".to_owned() }),
        ("reason", reason()),
    ];
    for (name, sql) in columns {
        part = part.set(name, sql);
    }
    part.order("h.beat")
}

fn missed() -> String {
    format!("max(h.age / {BEAT_MS}, 0)")
}

fn liveness() -> String {
    // A clock that is a little behind the writer's makes a beat seem to come.
    format!(
        "CASE WHEN abs(h.age) < {ALIVE_MS} THEN 'alive'
           WHEN h.age > {GRACE_MS} AND coalesce(h.grace, CASE h.status WHEN 'expired' THEN 0 END) < now_ms() THEN 'dead'
           ELSE 'unknown' END"
    )
}

/// As `canRecoverSession` decides.
fn recoverable() -> String {
    format!(
        "(coalesce(h.status, '') IN ('disconnected', 'active') AND coalesce(h.grace, 0) > now_ms()
          AND CAST(coalesce(h.attempts, 0) AS INTEGER) < {MOST_ATTEMPTS})"
    )
}

/// The evidence: the last beat, the grace, the status, and what else decides.
fn reason() -> String {
    let beat = format!(
        "CASE WHEN h.beat IS NULL THEN 'no beat is recorded'
           WHEN h.age <= -{ALIVE_MS} THEN 'last beat ' || {ahead} || ' from now: the clocks differ'
           WHEN h.age < {BEAT_MS} THEN 'last beat ' || {ago} || ' ago'
           ELSE 'last beat ' || {ago} || ' ago (' || (h.age / {BEAT_MS}) || ' missed)' END",
        ahead = span("-h.age"),
        ago = span("max(h.age, 0)"),
    );
    let grace = format!(
        "CASE WHEN h.grace IS NULL THEN 'no grace is recorded'
           WHEN h.grace > now_ms() THEN 'grace ends in ' || {ahead}
           ELSE 'grace ended ' || {ago} || ' ago' END",
        ahead = span("(h.grace - now_ms())"),
        ago = span("(now_ms() - h.grace)"),
    );
    let attempts = format!(
        "CASE WHEN CAST(coalesce(h.attempts, 0) AS INTEGER) >= {MOST_ATTEMPTS}
           THEN '; ' || h.attempts || ' recoveries, of {MOST_ATTEMPTS} at most' ELSE '' END"
    );
    format!("{beat} || '; ' || {grace} || '; status ' || coalesce(h.status, 'not recorded') || {attempts}")
}

/// SQL for a span of milliseconds in words, in the largest unit that tells it well.
fn span(ms: &str) -> String {
    format!(
        "CASE WHEN {ms} < 120000 THEN ({ms} / 1000) || ' s' WHEN {ms} < 7200000 THEN ({ms} / 60000) || ' min'
           WHEN {ms} < 172800000 THEN ({ms} / 3600000) || ' h' ELSE ({ms} / 86400000) || ' days' END"
    )
}
