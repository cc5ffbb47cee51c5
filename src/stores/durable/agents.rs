//! The tables that Cloudflare's Agents SDK keeps in an object: state, tasks, runs and chats.
//!
//! Source: `cloudflare/agents` (`packages/agents`, `packages/ai-chat`), schema versions 0 to 11. Units are mixed: seconds in
//! schedules, queues and workflows, milliseconds in runs and fibers, text in chats; older files lack columns and tables.

use crate::core::{Finding, Table};
use crate::stores::sqlite::{
    Context, Expr, Mapping, Part, Schema, Secret, TableInfo, detail, literal, quote, time,
};

/// A table whose rows are tasks; the names are columns, or SQL over the alias `t`.
struct Tasks {
    table: &'static str,
    id: &'static str,
    title: &'static str,
    status: &'static str,
    mode: &'static str,
    /// Columns for `created_at`, `updated_at` and `completed_at`; empty where there is none.
    times: [&'static str; 3],
}

const TASKS: &[Tasks] = &[
    Tasks {
        table: "cf_agents_schedules",
        id: "id",
        title: "callback",
        status: "CASE WHEN t.running THEN 'running' WHEN time_ms(t.time) < now_ms() THEN 'due' ELSE 'scheduled' END",
        mode: "t.type",
        times: ["created_at", "execution_started_at", ""],
    },
    Tasks {
        table: "cf_agents_queues",
        id: "id",
        title: "callback",
        status: "'queued'",
        mode: "'queue'",
        times: ["created_at", "", ""],
    },
    Tasks {
        table: "cf_agents_workflows",
        id: "workflow_id",
        title: "workflow_name",
        status: "t.status",
        mode: "'workflow'",
        times: ["created_at", "updated_at", "completed_at"],
    },
    Tasks {
        table: "cf_agents_fibers",
        id: "fiber_id",
        title: "name",
        status: "t.status",
        mode: "'fiber'",
        times: ["created_at", "started_at", "completed_at"],
    },
];

/// Tables whose rows are state entries: table, key and time.
const RECORDS: &[(&str, &str, &str)] = &[
    ("cf_agents_mcp_servers", "id", ""),
    ("cf_agents_runs", "id", "created_at"),
    ("cf_agents_facet_runs", "run_id", "created_at"),
    ("cf_agents_sub_agents", "name", "created_at"),
    ("cf_agent_tool_runs", "run_id", "completed_at"),
    ("cf_ai_chat_agent_tool_runs", "run_id", "completed_at"),
    ("cf_ai_chat_stream_metadata", "id", "created_at"),
    ("cf_ai_chat_request_context", "key", ""),
    ("cf_agents_context_blocks", "label", "updated_at"),
    ("assistant_compactions", "id", "created_at"),
    ("assistant_sessions", "id", "updated_at"),
    ("assistant_config", "key", ""),
    ("think_config", "key", ""),
];

/// A server's options may hold its headers, and its authorisation URL a one-time state.
const SERVER_OPTIONS: &str =
    "(server_options LIKE '%header%' OR server_options LIKE '%auth%' OR server_options LIKE '%token%')";
const AUTH_URL: &str = "(coalesce(auth_url, '') <> '')";
const SERVER: &str = "(coalesce(auth_url, '') <> '' OR server_options LIKE '%header%' OR server_options LIKE '%auth%' OR server_options LIKE '%token%')";

/// A table whose rows are messages, with what its columns hold as SQL over the alias `m`.
struct Chat {
    table: &'static str,
    columns: &'static [&'static str],
    role: &'static str,
    content: &'static str,
    parts: &'static str,
    created_at: &'static str,
    detail: &'static str,
}

const CHATS: &[Chat] = &[
    Chat {
        table: "cf_ai_chat_agent_messages",
        columns: &["id", "message"],
        role: "CASE WHEN json_valid(m.message) THEN json_extract(m.message, '$.role') END",
        content: "NULL",
        parts: "m.message",
        created_at: "created_at",
        detail: "CASE WHEN json_valid(m.message) THEN CASE json_type(m.message) WHEN 'object'
                 THEN json_remove(m.message, '$.id', '$.role', '$.parts', '$.content') ELSE '{}' END ELSE '{}' END",
    },
    Chat {
        table: "assistant_messages",
        columns: &["id", "role", "content"],
        role: "m.role",
        content: "m.content",
        parts: "NULL",
        created_at: "created_at",
        detail: "",
    },
    Chat {
        table: "cf_voice_messages",
        columns: &["id", "role", "text"],
        role: "m.role",
        content: "m.text",
        parts: "NULL",
        created_at: "timestamp",
        detail: "",
    },
];

/// The tables that hold an object's messages and tasks, to be counted.
#[derive(Debug, Default)]
pub struct Held {
    pub messages: Vec<String>,
    pub tasks: Vec<String>,
    /// SQL for the time of the newest message of each.
    pub newest: Vec<String>,
}

/// Adds what the SDK's tables hold to the session `id`.
pub fn add(context: &Context<'_>, id: &str, mapping: &mut Mapping) -> Held {
    let schema = context.schema;
    let mut held = Held::default();
    for chat in CHATS.iter().filter(|c| schema.has(c.table, c.columns)) {
        let Some(table) = schema.table(chat.table) else { continue };
        mapping.add(Table::Messages, chat_part(chat, table, id));
        held.messages.push(from(table));
        if let (Some(rowid), true) = (table.rowid_name(), table.has(chat.created_at)) {
            held.newest.push(format!(
                "(SELECT time_ms(o.{}) FROM main.{} AS o ORDER BY o.{rowid} DESC LIMIT 1)",
                chat.created_at, chat.table
            ));
        }
    }
    for tasks in TASKS.iter().filter(|t| schema.has(t.table, &[t.id, t.title])) {
        let Some(table) = schema.table(tasks.table) else { continue };
        mapping.add(Table::Tasks, task_part(tasks, table, id));
        held.tasks.push(from(table));
    }
    if let Some(table) = schema.table("cf_agents_state").filter(|t| t.has_all(&["id", "state"])) {
        let part = entry(table, id).set("key", "r.id").set("value", "r.state");
        mapping.add(Table::State, part);
        state_findings(context, mapping);
    }
    for (name, key, time_column) in RECORDS.iter().filter(|(name, key, _)| schema.has(name, &[key])) {
        let Some(table) = schema.table(name) else { continue };
        let columns: Vec<&str> = table.columns.iter().map(String::as_str).collect();
        let mut value = detail("r", &columns);
        if is_servers(table) {
            value = value.secret_if(SERVER);
        }
        let updated =
            if table.has(time_column) { time(&format!("r.{time_column}"), false) } else { "NULL".into() };
        let part = entry(table, id)
            .set("key", format!("CAST(r.{} AS TEXT)", quote(key)))
            .set("value", value)
            .set("updated_at", updated);
        mapping.add(Table::State, part);
    }
    if schema.table("cf_agents_mcp_servers").is_some_and(is_servers) {
        for (column, condition) in [("server_options", SERVER_OPTIONS), ("auth_url", AUTH_URL)] {
            mapping.secrets.push(Secret { table: "cf_agents_mcp_servers", column, condition });
        }
    }
    held
}

/// Whether any of the SDK's own tables is there.
pub fn has_tables(schema: &Schema) -> bool {
    schema.has("cf_agents_state", &["id", "state"])
        || CHATS.iter().any(|c| c.table.starts_with("cf_") && schema.has(c.table, c.columns))
}

fn is_servers(table: &TableInfo) -> bool {
    table.name.eq_ignore_ascii_case("cf_agents_mcp_servers") && table.has_all(&["server_options", "auth_url"])
}

fn from(table: &TableInfo) -> String {
    format!("main.{}", quote(&table.name))
}

fn entry(table: &TableInfo, id: &str) -> Part {
    Part::over(table, "r").set("session_id", literal(id)).set("owner", literal(&table.name))
}

fn chat_part(chat: &Chat, table: &TableInfo, id: &str) -> Part {
    let others: Vec<&str> = table
        .columns
        .iter()
        .map(String::as_str)
        .filter(|c| ![chat.created_at, "id", "role", "content", "text"].contains(c))
        .collect();
    let rest = if chat.detail.is_empty() { detail("m", &others) } else { Expr::from(chat.detail) };
    let created = match table.has(chat.created_at) {
        true => format!("time_ms(m.{})", chat.created_at),
        false => "NULL".to_owned(),
    };
    let body = format!("{}, {}, {}", chat.role, chat.content, chat.parts);
    Part::over(table, "m")
        .set("id", "CAST(m.id AS TEXT)")
        .set("session_id", literal(id))
        .set("role", chat.role)
        .set("kind", format!("message_kind({body})"))
        .set("text", format!("message_text({body})"))
        .set("created_at", created.clone())
        .set("detail", rest)
        .order(created)
        .body(chat.role, chat.content, chat.parts)
}

fn task_part(tasks: &Tasks, table: &TableInfo, id: &str) -> Part {
    // An older file may lack a column that the status or the mode names.
    let sql = |expr: &'static str| {
        let columns = ["running", "time", "type", "status"];
        let lacks = columns.iter().any(|c| expr.contains(&format!("t.{c}")) && !table.has(c));
        if lacks { "NULL" } else { expr }
    };
    let column = |name: &str| if table.has(name) { format!("t.{name}") } else { "NULL".to_owned() };
    let mut shown = vec![tasks.id, tasks.title];
    shown.extend(tasks.times);
    let rest: Vec<&str> = table.columns.iter().map(String::as_str).filter(|c| !shown.contains(c)).collect();
    let mut part = Part::over(table, "t")
        .set("id", format!("CAST(t.{} AS TEXT)", tasks.id))
        .set("session_id", literal(id))
        .set("title", column(tasks.title))
        .set("status", sql(tasks.status))
        .set("mode", sql(tasks.mode))
        .set("detail", detail("t", &rest));
    for (name, from) in ["created_at", "updated_at", "completed_at"].into_iter().zip(tasks.times) {
        part = part.set(name, time(&column(from), false));
    }
    part.order(format!("time_ms({})", column(tasks.times[0])))
}

/// The newest version of the schema that is known: of agents 0.16.2 to 0.21.0.
const NEWEST_SCHEMA: i64 = 11;

/// What the SDK's own state row tells: the version of its schema, and whether the state can be read at its next start.
fn state_findings(context: &Context<'_>, mapping: &mut Mapping) {
    let row = |id: &str, sql: &str| -> Option<String> {
        let sql = format!("SELECT {sql} FROM main.cf_agents_state WHERE id = ?");
        context.connection.query_row(&sql, [id], |r| r.get(0)).ok().flatten()
    };
    if let Some(version) = row("cf_schema_version", "CAST(state AS TEXT)") {
        if version.trim().parse::<i64>().is_ok_and(|version| version > NEWEST_SCHEMA) {
            let message = format!(
                "The Agents SDK's schema has the version {version}, and {NEWEST_SCHEMA} is the newest that is known here"
            );
            let finding = Finding::info("agents-schema-newer", message)
                .at("native:cf_agents_state", "cf_schema_version");
            mapping.findings.push(finding.suggest("What came with it is shown under Tables as it is stored. A newer sessionscope may know more of it."));
        }
        mapping.facts.push(("Agents schema".into(), version));
    }
    if row("cf_state_row_id", "CASE WHEN json_valid(state) THEN NULL ELSE 'broken' END").is_some() {
        mapping.findings.push(
            Finding::warning(
                "state-broken-json",
                "The agent's state is no valid JSON; when the object next starts, the Agents SDK puts the initial state in its place",
            )
            .at("native:cf_agents_state", "cf_state_row_id")
            .suggest("Copy the file with its -wal before the program runs again."),
        );
    }
}
