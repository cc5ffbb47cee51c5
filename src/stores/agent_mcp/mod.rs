//! `agent-mcp`: sessions, agents, tasks and messages of Agent-MCP.
//!
//! Source: seed 002 (`rinadelph/Agent-MCP`, `agent-mcp-node/src/db/schema.ts` and `utils/sessionPersistence.ts`). Its Python
//! sibling keeps the same file without `mcp_session_persistence`, `agent_session_state` and `file_status`. Times are ISO
//! text in UTC; any column may be missing in another version.

mod examine;
mod findings;
mod heartbeats;
mod repairs;
mod state;
mod vitals;

use super::migrations::sql_step;
use super::sqlite::{
    Context, Expr, Mapping, Part, SqliteAdapter, TableInfo, detail, quote, raw_order_is_time, sqlite_error,
    time,
};
use crate::core::{NativeKind, StoreError, Table};

pub const ADAPTER: SqliteAdapter = SqliteAdapter {
    id: "agent-mcp",
    recognises,
    map,
    examine: examine::scans,
    // Only what its sessions need: the tables of agents and tasks are both siblings' own to make.
    steps: &[sql_step!("agent-mcp", 1, "0001_create_session_persistence")],
    repairs: &repairs::AgentMcpRepairs,
};

fn recognises(context: &Context<'_>) -> bool {
    let schema = context.schema;
    schema.has("mcp_session_persistence", &["mcp_session_id", "status"])
        || schema.has("agents", &["token", "agent_id"])
            && (schema.has("agent_actions", &["agent_id"])
                || schema.has("claude_code_sessions", &["session_id"]))
}

fn map(context: &Context<'_>) -> Result<Mapping, StoreError> {
    let mut mapping = Mapping::default();
    for table in [Table::Sessions, Table::Messages, Table::Tasks, Table::State] {
        mapping.keep(table);
    }
    heartbeats::install(context).map_err(|e| sqlite_error(e, &context.file.path))?;
    let sessions = Native::of(context, "mcp_session_persistence", "m");
    if let Some(table) = &sessions {
        mapping.add(Table::Sessions, table.session());
        mapping.add(Table::Heartbeats, heartbeats::part(table));
        mapping.pace = Some(&vitals::PACE);
    }
    if let Some(table) = Native::of(context, "claude_code_sessions", "c") {
        mapping.add(Table::Sessions, table.claude_session());
        mapping.add(Table::Heartbeats, heartbeats::claude_part(&table));
    }
    if let Some(table) = Native::of(context, "agent_messages", "m") {
        mapping.add(Table::Messages, table.message());
    }
    if let Some(table) = Native::of(context, "agent_actions", "a") {
        mapping.add(Table::Messages, table.action());
    }
    if let Some(table) = Native::of(context, "tasks", "t") {
        mapping.add(Table::Tasks, table.task());
    }
    state::add(context, &mut mapping);
    mapping.name = project(context);
    mapping.findings = findings::find(context, sessions.is_some());
    Ok(mapping)
}

/// A table of the store as it is in this file, and the alias under which it is read.
struct Native<'a> {
    context: &'a Context<'a>,
    table: &'a TableInfo,
    alias: &'static str,
}

impl<'a> Native<'a> {
    fn of(context: &'a Context<'a>, name: &str, alias: &'static str) -> Option<Self> {
        let table = context.schema.table(name).filter(|t| t.kind == NativeKind::Table)?;
        Some(Self { context, table, alias })
    }

    /// SQL for a column; null where this file lacks it.
    fn column(&self, name: &str) -> String {
        match self.table.has(name) {
            true => format!("{}.{}", self.alias, quote(name)),
            false => "NULL".to_owned(),
        }
    }

    fn text(&self, name: &str) -> String {
        format!("CAST({} AS TEXT)", self.column(name))
    }

    /// A time column, sorted as it is stored where that is in order.
    fn time(&self, name: &str) -> Expr {
        time(&self.column(name), raw_order_is_time(self.context.connection, self.table, name))
    }

    /// A JSON object of all columns but these.
    fn rest(&self, known: &[&str]) -> Expr {
        let is_known = |c: &str| known.iter().any(|k| k.eq_ignore_ascii_case(c));
        let rest: Vec<&str> =
            self.table.columns.iter().map(String::as_str).filter(|c| !is_known(c)).collect();
        detail(self.alias, &rest)
    }

    fn part(&self) -> Part {
        Part::over(self.table, self.alias)
    }

    /// The part in the order of a time column, by index where one serves it.
    fn part_by(&self, time: &str) -> Part {
        let expr = self.time(time);
        self.part().order(expr.sort.unwrap_or(expr.sql))
    }

    fn session(&self) -> Part {
        let known = ["mcp_session_id", "status", "created_at", "last_heartbeat", "working_directory"];
        self.part_by("created_at")
            .set("id", self.text("mcp_session_id"))
            .set("status", self.column("status"))
            .set("created_at", self.time("created_at"))
            .set("last_active_at", self.time("last_heartbeat"))
            .set("working_directory", self.column("working_directory"))
            .set("detail", self.rest(&known))
    }

    fn claude_session(&self) -> Part {
        let known =
            ["session_id", "status", "agent_id", "first_detected", "last_activity", "working_directory"];
        self.part_by("first_detected")
            .set("id", self.text("session_id"))
            .set("status", self.column("status"))
            .set("agent", self.column("agent_id"))
            .set("created_at", self.time("first_detected"))
            .set("last_active_at", self.time("last_activity"))
            .set("working_directory", self.column("working_directory"))
            .set("detail", self.rest(&known))
    }

    /// What one agent wrote to another; no session is kept with it.
    fn message(&self) -> Part {
        let (role, content) = (self.column("sender_id"), self.column("message_content"));
        let known = ["message_id", "sender_id", "message_type", "message_content", "timestamp"];
        // Its type is `text` unless the sender said otherwise.
        let kind = format!("coalesce(nullif({}, 'text'), 'message')", self.column("message_type"));
        self.part_by("timestamp")
            .set("id", self.text("message_id"))
            .set("role", role.as_str())
            .set("kind", kind)
            .set("text", format!("message_text({role}, {content}, NULL)"))
            .set("created_at", self.time("timestamp"))
            .set("detail", self.rest(&known))
            .body(&role, &content, "NULL")
            .search_too("sender", role.as_str())
    }

    /// What an agent did, as the program logs it, told among the messages.
    fn action(&self) -> Part {
        let part = self.part_by("timestamp");
        let id = if self.table.has("action_id") { self.column("action_id") } else { part.key[0].clone() };
        let role = self.column("agent_id");
        let columns = ["action_type", "task_id", "details"].map(|c| self.column(c)).join(", ");
        let text = format!("concat_ws(' · ', {columns})");
        let known = ["action_id", "agent_id", "action_type", "timestamp"];
        part.set("id", format!("'action-' || {id}"))
            .set("role", role.as_str())
            .set("kind", self.column("action_type"))
            .set("text", text.as_str())
            .set("created_at", self.time("timestamp"))
            .set("detail", self.rest(&known))
            .body(&role, &text, "NULL")
            .search_too("agent", role.as_str())
    }

    fn task(&self) -> Part {
        let known = ["task_id", "title", "status", "priority", "assigned_to", "created_at", "updated_at"];
        let mut part = self.part_by("created_at").set("id", self.text("task_id"));
        for name in ["title", "status", "priority", "assigned_to"] {
            part = part.set(name, self.column(name));
        }
        part.set("created_at", self.time("created_at"))
            .set("updated_at", self.time("updated_at"))
            .set("detail", self.rest(&known))
    }
}

/// The project's name: its folder, in which the file is `.agent/mcp_state.db`.
fn project(context: &Context<'_>) -> Option<String> {
    let folder = context.file.path.parent().filter(|f| f.file_name().is_some_and(|n| n == ".agent"))?;
    folder.parent()?.file_name().map(|n| n.to_string_lossy().into_owned())
}
