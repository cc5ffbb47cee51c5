//! `session-do`: `messages`, `tasks` and `session_meta` in a Durable Object's SQLite file.
//!
//! Source: seed 001 (`dylsteck/ship`, `apps/api/src/durable-objects/session.ts`), at its commit and later with `turns` and
//! `session_events`. Relatives that keep other columns beside the known ones, or several sessions in one file
//! (`session_id` in every table), are read too, and what differs is said.

use super::migrations::sql_step;
use super::sqlite::{
    Context, Mapping, Part, Schema, SqliteAdapter, TableInfo, detail, literal, lossy, raw_order_is_time,
    sqlite_error, time, time_ms,
};
use super::{machine, vitals};
use crate::core::vitals::{Pace, Rhythm, Says, Sign};
use crate::core::{Finding, StoreError, Table};

pub const ADAPTER: SqliteAdapter = SqliteAdapter {
    id: "session-do",
    recognises,
    map,
    examine: super::session_do_findings::scans,
    steps: &[
        sql_step!("session-do", 1, "0001_create_session_tables"),
        sql_step!("session-do", 2, "0002_add_turns_and_session_events"),
    ],
    repairs: &super::session_do_repairs::SessionDoRepairs,
};

fn recognises(context: &Context<'_>) -> bool {
    let schema = context.schema;
    // `messages` alone is other programs' too (goose); with `session_meta` it is this one.
    schema.has("messages", &["id", "role", "content", "created_at"])
        && schema.has("session_meta", &["key", "value"])
}

fn map(context: &Context<'_>) -> Result<Mapping, StoreError> {
    let schema = context.schema;
    let mut mapping = Mapping::default();
    let (Some(messages), Some(meta)) = (schema.table("messages"), schema.table("session_meta")) else {
        return Ok(mapping);
    };
    install(context).map_err(|e| sqlite_error(e, &context.file.path))?;
    let scope = Scope::of(context, messages, meta);
    mapping.add(Table::Sessions, sessions(&scope, schema, messages));
    mapping.add(Table::Messages, message_part(&scope, messages));
    if let Some(tasks) = schema.table("tasks") {
        mapping.add(Table::Tasks, task_part(&scope, tasks));
    }
    mapping.keep(Table::Tasks);
    mapping.add(Table::State, meta_part(&scope, meta));
    for (table, order) in [("turns", "started_at"), ("session_events", "occurred_at")] {
        if let Some(info) = schema.table(table).filter(|t| t.has(order)) {
            mapping.add(Table::State, record_part(&scope, info, order));
        }
    }
    mapping.add(Table::Heartbeats, heartbeat_part(&scope));
    mapping.pace = Some(&PACE);
    mapping.name = scope.title(context);
    mapping.findings.extend(several(&scope));
    Ok(mapping)
}

/// Whose rows the tables hold: one session's, or many's.
struct Scope {
    /// The one session's id; none where a column says whose a row is.
    one: Option<String>,
    /// `messages` has an index that begins with its time.
    timed: bool,
    raw_order: bool,
}

impl Scope {
    fn of(context: &Context<'_>, messages: &TableInfo, meta: &TableInfo) -> Self {
        let many = meta.has("session_id") && messages.has("session_id");
        Self {
            one: (!many).then(|| context.file.stem.clone()),
            timed: messages.is_indexed("created_at"),
            raw_order: raw_order_is_time(context.connection, messages, "created_at"),
        }
    }

    /// SQL for a row's session.
    fn id(&self, alias: &str) -> String {
        match &self.one {
            Some(id) => literal(id),
            None => format!("{alias}.session_id"),
        }
    }

    /// SQL for a value of `session_meta` of the session `s`.
    fn meta(&self, keys: &[&str]) -> String {
        let whose = if self.one.is_some() { "" } else { " AND v.session_id = s.id" };
        let values: Vec<String> = keys
            .iter()
            .map(|k| format!("(SELECT v.value FROM main.session_meta AS v WHERE v.key = '{k}'{whose})"))
            .collect();
        if values.len() == 1 { values[0].clone() } else { format!("coalesce({})", values.join(", ")) }
    }

    fn title(&self, context: &Context<'_>) -> Option<String> {
        self.one.as_ref()?;
        let sql = "SELECT value FROM main.session_meta WHERE key = 'title' AND value <> ''";
        context.connection.query_row(sql, [], |r| r.get(0)).ok()
    }
}

fn sessions(scope: &Scope, schema: &Schema, messages: &TableInfo) -> Part {
    let from = match &scope.one {
        Some(id) => format!("(SELECT {} AS id) AS s", literal(id)),
        // Every id of either table; the recursive part finds the distinct ones of an indexed column step by step.
        None if messages.is_indexed("session_id") => "(WITH RECURSIVE d(id) AS (
              SELECT min(session_id) FROM main.messages UNION ALL
              SELECT (SELECT min(m.session_id) FROM main.messages AS m WHERE m.session_id > d.id) FROM d WHERE d.id IS NOT NULL)
            SELECT id FROM d WHERE id IS NOT NULL UNION SELECT session_id FROM main.session_meta) AS s"
            .to_owned(),
        None => "(SELECT session_id AS id FROM main.messages UNION SELECT session_id FROM main.session_meta) AS s".to_owned(),
    };
    let own = |table: &str| match &scope.one {
        Some(_) => format!("main.{table} AS o"),
        None => format!("main.{table} AS o WHERE o.session_id = s.id"),
    };
    // The newest message's time: by index, or where there is none, of the row that was written last.
    let newest = match (&scope.one, scope.timed || messages.is_indexed("session_id")) {
        (Some(_), false) => {
            "(SELECT o.created_at FROM main.messages AS o ORDER BY o.rowid DESC LIMIT 1)".to_owned()
        }
        _ => format!("(SELECT max(o.created_at) FROM {})", own("messages")),
    };
    let owner = scope.meta(&["repoOwner"]);
    let name = scope.meta(&["repoName"]);
    let count = |table: &str| match schema.table(table) {
        Some(_) => format!("(SELECT count(*) FROM {})", own(table)),
        None => "NULL".to_owned(),
    };
    let whose = if scope.one.is_some() { "" } else { " WHERE v.session_id = s.id" };
    let detail = format!("(SELECT json_group_object(v.key, v.value) FROM main.session_meta AS v{whose})");
    Part::by_key(from, &["s.id"])
        .set("id", "s.id")
        .set("title", scope.meta(&["title"]))
        .set("status", scope.meta(&["sandbox_status", "status"]))
        .set("agent", scope.meta(&["agent_type"]))
        .set("repo", format!("coalesce({owner} || '/' || {name}, {name}, {})", scope.meta(&["repository"])))
        .set("issue", scope.meta(&["linearIssueId"]))
        .set("created_at", time(&scope.meta(&["createdAt", "created_at"]), false))
        .set(
            "last_active_at",
            format!(
                "nullif(max(coalesce(time_ms({}), 0), coalesce(time_ms({newest}), 0)), 0)",
                scope.meta(&["last_activity"])
            ),
        )
        .set("messages", count("messages"))
        .set("tasks", count("tasks"))
        .set("detail", detail)
}

fn message_part(scope: &Scope, messages: &TableInfo) -> Part {
    // Newer relatives keep tool calls in a column of that name.
    let parts = ["parts", "tool_calls"].into_iter().find(|c| messages.has(c));
    let parts = parts.map_or("NULL".to_owned(), |c| format!("m.{c}"));
    let rest: Vec<&str> = others(messages, &["id", "role", "content", "created_at"]);
    let order = if scope.raw_order { "m.created_at" } else { "time_ms(m.created_at)" };
    let part = Part::over(messages, "m");
    part.set("id", "m.id")
        .set("session_id", scope.id("m"))
        .set("role", "m.role")
        .set("kind", format!("message_kind(m.role, m.content, {parts})"))
        .set("text", format!("message_text(m.role, m.content, {parts})"))
        .set("created_at", time("m.created_at", scope.raw_order))
        .set("detail", detail("m", &rest))
        .order(order)
        .body("m.role", "m.content", &parts)
}

fn task_part(scope: &Scope, tasks: &TableInfo) -> Part {
    let column = |name: &str| if tasks.has(name) { format!("t.{name}") } else { "NULL".to_owned() };
    let known = [
        "id",
        "title",
        "status",
        "mode",
        "priority",
        "assigned_to",
        "created_at",
        "updated_at",
        "completed_at",
    ];
    let rest = others(tasks, &known);
    let mut part = Part::over(tasks, "t")
        .set("session_id", scope.id("t"))
        .set("id", format!("CAST({} AS TEXT)", column("id")))
        .set("detail", detail("t", &rest))
        .order("time_ms(t.created_at)");
    for name in ["title", "status", "mode", "priority", "assigned_to"] {
        part = part.set(name, column(name));
    }
    for name in ["created_at", "updated_at", "completed_at"] {
        part = part.set(name, time(&column(name), false));
    }
    part
}

fn meta_part(scope: &Scope, meta: &TableInfo) -> Part {
    Part::over(meta, "v")
        .set("session_id", scope.id("v"))
        .set("owner", "'session_meta'")
        .set("key", "v.key")
        .set("value", "v.value")
}

/// A table that only later versions have, each row as one state entry.
fn record_part(scope: &Scope, table: &TableInfo, time_column: &str) -> Part {
    let columns: Vec<&str> = table.columns.iter().map(String::as_str).collect();
    let key = if table.has("sequence") { "r.sequence" } else { "r.id" };
    let session =
        if table.has("session_id") && scope.one.is_none() { "r.session_id".into() } else { scope.id("r") };
    Part::over(table, "r")
        .set("session_id", session)
        .set("owner", literal(&table.name))
        .set("key", format!("CAST({key} AS TEXT)"))
        .set("value", detail("r", &columns))
        .set("updated_at", time(&format!("r.{time_column}"), false))
        .order(format!("r.{time_column}"))
}

/// How such a session shows that something is done in it; that nothing is done tells nothing.
const ACTIVITY: Rhythm = Rhythm { noun: "activity", every_ms: None, fresh_ms: 120_000, silent_ms: None };

const PACE: Pace =
    Pace { rhythm: ACTIVITY, grace: None, words: &["last activity", "sandbox status", "keeps no beat"] };

/// Adds `ship_session`, which weighs a session's last activity and its sandbox's status.
fn install(context: &Context<'_>) -> rusqlite::Result<()> {
    let path = context.file.path.clone();
    vitals::install(context, "ship_session", 2, move |values, now_ms, weigh| {
        let age_ms = time_ms(values[0]).map(|last| now_ms.saturating_sub(last));
        let status = lossy(values[1]);
        let (sandbox, says) = match status.as_str() {
            "" => (String::new(), Says::Nothing),
            "terminated" | "error" => (format!("its sandbox is {status}"), Says::Ended),
            _ => (format!("its sandbox is {status}"), Says::Nothing),
        };
        let last = Sign::Last { age_ms, rhythm: &ACTIVITY };
        // Who has the file open runs the object; it is worth asking only where nothing else tells.
        let asked = says != Says::Ended && last.says() != Says::Lives;
        let openers = asked.then(|| machine::openers(&path)).flatten().unwrap_or_default();
        let mut signs = vec![Sign::Said { words: &sandbox, says }, last];
        if !openers.is_empty() {
            signs.push(Sign::OpenedBy { openers: &openers, noun: "its file", says: Says::Remains });
        }
        signs.push(Sign::Said { words: "such a store keeps no beat", says: Says::Nothing });
        weigh(&signs);
    })
}

/// The signs of life of such a session: its last activity and its sandbox.
fn heartbeat_part(scope: &Scope) -> Part {
    let from = match &scope.one {
        Some(id) => format!("(SELECT {} AS id) AS s", literal(id)),
        None => "(SELECT DISTINCT session_id AS id FROM main.session_meta) AS s".to_owned(),
    };
    let raw = scope.meta(&["last_activity"]);
    let last = format!("time_ms({raw})");
    let status = scope.meta(&["sandbox_status"]);
    Part::by_key(from, &["s.id"])
        .filter(format!("{last} IS NOT NULL OR {status} IS NOT NULL"))
        .set("session_id", "s.id")
        .set("status", status.clone())
        .set("last_heartbeat_at", last.clone())
        .set("age_seconds", format!("(now_ms() - {last}) / 1000"))
        .set("liveness", format!("ship_session('liveness', {raw}, {status})"))
        .set("reason", format!("ship_session('reason', {raw}, {status})"))
        .set("since", format!("time_ms({})", scope.meta(&["createdAt", "created_at"])))
}

/// That the file is another program's kind of this store; how its tables differ is said of every store alike.
fn several(scope: &Scope) -> Option<Finding> {
    scope.one.is_none().then(|| {
        Finding::info("several-sessions", "The file keeps several sessions, told apart by session_id")
            .at("sessions", "")
            .suggest("It is read all the same.")
    })
}

fn others<'a>(table: &'a TableInfo, known: &[&str]) -> Vec<&'a str> {
    let known = |c: &&str| !known.iter().any(|k| k.eq_ignore_ascii_case(c));
    table.columns.iter().map(String::as_str).filter(known).collect()
}
