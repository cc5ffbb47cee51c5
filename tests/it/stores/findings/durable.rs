//! The defects of a Durable Object and of the Agents SDK's tables. The clock stands at 2026-11-21T10:00:00Z.

use super::super::durable::KV;
use super::check;
use crate::support::NOW_MS;

const FILE: &str = "625e62fe98da62e87a653f03a476e0cf6b00af325bfbc5f9550eaa59ec6dda84.sqlite";

const DAY_MS: i64 = 86_400_000;

/// The SDK's tables, as far as they are asked about.
const AGENTS: &str = "
    CREATE TABLE cf_agents_state (id TEXT PRIMARY KEY NOT NULL, state TEXT);
    CREATE TABLE cf_agents_schedules (id TEXT PRIMARY KEY NOT NULL, callback TEXT, payload TEXT, type TEXT NOT NULL, time INTEGER,
      delayInSeconds INTEGER, cron TEXT, created_at INTEGER DEFAULT (unixepoch()), running INTEGER DEFAULT 0,
      execution_started_at INTEGER);
    CREATE TABLE cf_agents_queues (id TEXT PRIMARY KEY NOT NULL, payload TEXT, callback TEXT, created_at INTEGER, retry_options TEXT);
    CREATE TABLE cf_agents_fibers (fiber_id TEXT PRIMARY KEY NOT NULL, name TEXT, status TEXT, created_at INTEGER, started_at INTEGER,
      completed_at INTEGER, snapshot TEXT, metadata_json TEXT);
    CREATE TABLE cf_agents_mcp_servers (id TEXT PRIMARY KEY NOT NULL, name TEXT NOT NULL, server_url TEXT NOT NULL,
      callback_url TEXT NOT NULL, client_id TEXT, auth_url TEXT, server_options TEXT);
    CREATE TABLE cf_agents_workflows (workflow_id TEXT PRIMARY KEY NOT NULL, workflow_name TEXT, status TEXT, created_at INTEGER, metadata TEXT);
    CREATE TABLE cf_agent_tool_runs (run_id TEXT PRIMARY KEY, status TEXT, started_at INTEGER, completed_at INTEGER, output_json TEXT);
    CREATE TABLE cf_ai_chat_agent_tool_runs (run_id TEXT PRIMARY KEY, status TEXT, input_json TEXT, output_json TEXT);
    CREATE TABLE cf_ai_chat_agent_messages (id TEXT PRIMARY KEY, message TEXT NOT NULL, created_at DATETIME DEFAULT CURRENT_TIMESTAMP);
    CREATE TABLE cf_ai_chat_stream_metadata (id TEXT PRIMARY KEY, request_id TEXT NOT NULL, status TEXT NOT NULL DEFAULT 'streaming',
      created_at INTEGER NOT NULL, completed_at INTEGER);";

/// An entry under the key `v`.
fn entry(value: &str) -> String {
    format!("INSERT INTO _cf_KV VALUES ('v', {value})")
}

/// A text as V8 writes it, of so many bytes in all.
fn text(bytes: usize) -> String {
    let length = bytes - 6;
    let varint = [length & 0x7f | 0x80, length >> 7 & 0x7f | 0x80, length >> 14].map(|b| format!("{b:02X}"));
    format!("x'FF0F22{}{}'", varint.concat(), "61".repeat(length))
}

/// So many messages of a stream.
fn events(stream: &str, count: u32) -> String {
    format!(
        "INSERT INTO _cf_KV WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < {count})
         SELECT '__mcp_event__:{stream}:' || printf('%04d', i), x'FF0F54' FROM n; "
    )
}

fn all(schema: &str, cases: &[(&str, String, &str)]) {
    let cases: Vec<_> = cases.iter().map(|(what, sql, found)| (*what, sql.as_str(), *found)).collect();
    check(FILE, schema, &cases);
}

#[test]
fn entries() {
    let undecoded = "info value-not-decoded v";
    all(
        KV,
        &[
            ("near 128 KiB", entry(&text(120 << 10)), "info value-large v"),
            ("not so near 128 KiB", entry(&text((120 << 10) - 1)), ""),
            ("near 2 MB", entry(&text(1_900_000)), "warning value-too-large v"),
            ("not so near 2 MB", entry(&text(1_899_999)), "info value-large v"),
            ("cut off", entry("x'FF0F22056162'"), undecoded),
            ("no value of V8's", entry("x'00'"), undecoded),
            ("whole", entry("x'FF0F22026162'"), ""),
            ("true", entry("x'FF0F54'"), ""),
            ("no bytes at all but a text", entry("'plain'"), ""),
            ("nothing", entry("NULL"), ""),
            (
                "a thousand messages of the standing stream",
                events("_GET_stream", 1_000),
                "info events-accumulate __mcp_event__:_GET_stream:0001",
            ),
            (
                "one fewer, and many of others",
                events("_GET_stream", 999) + &events("_GET_streams", 600) + &events("9e0c", 600),
                "",
            ),
        ],
    );
}

#[test]
fn alarms() {
    let alarm = |key: i64, late_ms: i64| {
        format!("INSERT INTO _cf_METADATA VALUES ({key}, {})", (NOW_MS - late_ms) * 1_000_000)
    };
    all(
        KV,
        &[
            ("more than a minute late", alarm(1, 60_001), "info alarm-overdue alarm"),
            ("a minute late", alarm(1, 60_000), ""),
            ("due tomorrow", alarm(1, -DAY_MS), ""),
            ("no alarm but another entry", alarm(2, DAY_MS), ""),
            ("none set", "INSERT INTO _cf_METADATA VALUES (1, NULL)".to_owned(), ""),
        ],
    );
}

#[test]
fn what_the_sdk_left() {
    let schema = format!("{KV}{AGENTS}");
    let now = NOW_MS / 1000;
    let schedule = |late: i64| {
        let (time, created) = (now - late, now - 86_400);
        format!(
            "INSERT INTO cf_agents_schedules VALUES ('x', 'f', '{{}}', 'interval', {time}, NULL, NULL, {created}, 0, NULL)"
        )
    };
    // It is late, and began so long ago.
    let running = |ago: i64| {
        format!(
            "{}; UPDATE cf_agents_schedules SET running = 1, execution_started_at = {}",
            schedule(3_600),
            now - ago
        )
    };
    let stream = |status: &str, age: i64| {
        format!(
            "INSERT INTO cf_ai_chat_stream_metadata VALUES ('x', 'r', '{status}', {}, NULL)",
            NOW_MS - age
        )
    };
    let fiber = |status: &str, age: i64| {
        format!(
            "INSERT INTO cf_agents_fibers VALUES ('x', 'f', '{status}', {}, NULL, NULL, NULL, NULL)",
            NOW_MS - age
        )
    };
    let run = |status: &str, age: i64| {
        format!("INSERT INTO cf_agent_tool_runs VALUES ('x', '{status}', {}, NULL, NULL)", NOW_MS - age)
    };
    let abandoned = "info stream-abandoned x";
    let interrupted = "info fiber-interrupted x";
    let left = "info tool-run-left x";
    all(
        &schema,
        &[
            ("more than a minute late", schedule(61), "info schedule-overdue x"),
            ("a minute late", schedule(60), ""),
            ("late, and runs just now", running(60), ""),
            ("late, and hangs", running(61), "info schedule-overdue x"),
            ("streaming for more than an hour", stream("streaming", 3_600_001), abandoned),
            ("streaming for an hour", stream("streaming", 3_600_000), ""),
            ("streamed long ago", stream("completed", DAY_MS), ""),
            ("interrupted just now", fiber("interrupted", 0), interrupted),
            ("running for more than a day", fiber("running", DAY_MS + 1), interrupted),
            ("pending for more than a day", fiber("pending", DAY_MS + 1), interrupted),
            ("running for a day", fiber("running", DAY_MS), ""),
            ("completed long ago", fiber("completed", 9 * DAY_MS), ""),
            ("an agent's run of more than a day", run("running", DAY_MS + 1), left),
            ("it never began", run("starting", DAY_MS + 1), left),
            ("a run of a day", run("running", DAY_MS), ""),
            ("a run that ended long ago", run("completed", 9 * DAY_MS), ""),
        ],
    );
}

#[test]
fn json() {
    let schema = format!("{KV}{AGENTS}");
    let broken = "warning broken-json x";
    let tables = [
        ("cf_agents_mcp_servers (id, name, server_url, callback_url, server_options)", "'x', 'n', '', '', "),
        ("cf_agents_queues (id, retry_options)", "'x', "),
        ("cf_agents_workflows (workflow_id, metadata)", "'x', "),
        ("cf_agents_fibers (fiber_id, snapshot)", "'x', "),
        ("cf_agents_fibers (fiber_id, metadata_json)", "'x', "),
        ("cf_agent_tool_runs (run_id, output_json)", "'x', "),
        ("cf_ai_chat_agent_tool_runs (run_id, input_json)", "'x', "),
        ("cf_ai_chat_agent_tool_runs (run_id, output_json)", "'x', "),
        ("cf_ai_chat_agent_messages (id, message)", "'x', "),
    ];
    let cases: Vec<(&str, String, &str)> = tables
        .iter()
        .flat_map(|(into, values)| {
            let insert = |json: &str| format!("INSERT INTO {into} VALUES ({values}'{json}')");
            [
                (*into, insert(r#"{"a":[1,2}"#), broken),
                (*into, insert(r#"{"a":[1,2]}"#), ""),
                (*into, insert(""), ""),
            ]
        })
        .collect();
    all(&schema, &cases);
}
