//! What is wrong with the rows, most of it by defects of the program itself (stores.md §3.4).

use super::vitals::BEAT;
use super::{Native, heartbeats};
use crate::core::repair::Offer;
use crate::core::{Defect, NativeKind, Severity};
use crate::stores::examine::{Scan, json};
use crate::stores::sqlite::{Context, TableInfo, quote};

/// A session that was taken up again and is silent for so long is not coming back.
const SILENT_MS: i64 = 86_400_000;

/// A task at which nobody works for so long was forgotten.
const FORGOTTEN_MS: i64 = 7 * 86_400_000;

/// The program's own name for whoever administers it; no agent's row.
const ADMIN: &str = "admin";

pub fn scans(context: &Context<'_>) -> Vec<Scan> {
    let table = |name: &str| context.schema.table(name).filter(|t| t.kind == NativeKind::Table);
    let mut scans = Vec::new();
    if let Some(sessions) = table("mcp_session_persistence") {
        scans.push(self::sessions(context, sessions));
    }
    if let Some(state) = table("agent_session_state").filter(|t| t.has_all(&["mcp_session_id", "state_key"]))
    {
        scans.push(self::state(context, state));
    }
    if let Some(tasks) = table("tasks").filter(|t| t.has_all(&["task_id", "status"])) {
        scans.push(self::tasks(context, tasks));
    }
    if let Some(agents) = table("agents").filter(|t| t.has_all(&["agent_id"])) {
        scans.push(self::agents(context, agents));
    }
    for (name, id, columns, shown) in [
        ("agent_actions", "action_id", &["details"][..], "messages"),
        ("claude_code_sessions", "session_id", &["git_commits", "metadata"], "sessions"),
    ] {
        if let Some(table) = table(name).filter(|t| t.has(id)) {
            // As the messages name an action.
            let name = if shown == "messages" { format!("'action-' || r.{id}") } else { format!("r.{id}") };
            let nouns = if shown == "messages" { ["action", "actions"] } else { ["session", "sessions"] };
            scans.push(json(Scan::of(table, name).shown_in(shown), table, nouns, columns));
        }
    }
    scans
}

fn sessions(context: &Context<'_>, table: &TableInfo) -> Scan {
    let scan = Scan::of(table, "r.mcp_session_id").shown_in("sessions");
    let scan = broken(scan, context);
    if !table.has("last_heartbeat") {
        return scan;
    }
    let age = "(now_ms() - time_ms(r.last_heartbeat))";
    let beat = format!("'last beat ' || rough(max({age}, 0)) || ' ago'");
    let defect = Defect::new(
        Severity::Warning,
        "expired-but-beating",
        "session is called expired and lives",
        "sessions are called expired and live",
    )
    .suggest("Leave them alone: a beat does not extend the grace period, so the clean-up calls a living session expired; its next beat makes it active again.");
    let lives = format!("abs({age}) < {}", BEAT.fresh_ms);
    let scan = scan.wrong(defect, format!("CASE WHEN r.status = 'expired' AND {lives} THEN {beat} END"));
    let defect = Defect::new(
        Severity::Info,
        "recovered-and-silent",
        "session was recovered and has been silent for more than a day",
        "sessions were recovered and have been silent for more than a day",
    )
    .suggest("The program's clean-up passes over recovered sessions, so they stay for ever. Pruning marks them expired.")
    .fix(Offer::Prune);
    let days = format!("rough({age})");
    let scan = scan
        .wrong(defect, format!("CASE WHEN r.status = 'recovered' AND {age} > {SILENT_MS} THEN {days} END"));
    if !table.has("grace_period_expires") {
        return scan;
    }
    let defect = Defect::new(
        Severity::Info,
        "alive-without-grace",
        "session lives and could not be recovered now, since its grace period is over",
        "sessions live and could not be recovered now, since their grace period is over",
    )
    .suggest("A beat does not extend the grace period. It can be recovered again once it was marked as disconnected.");
    scan.wrong(
        defect,
        format!(
            "CASE WHEN r.status = 'active' AND {lives} AND time_ms(r.grace_period_expires) < now_ms() THEN {beat} END"
        ),
    )
}

/// `recoverSession` writes `recovered` and counts the attempt before it parses what is broken.
fn broken(scan: Scan, context: &Context<'_>) -> Scan {
    let table = Native::of(context, "mcp_session_persistence", "r");
    let Some(sql) = table.as_ref().and_then(heartbeats::unreadable) else { return scan };
    let defect = Defect::new(
        Severity::Warning,
        "broken-transport-state",
        "session has state that is not valid JSON: recovering it fails after its row was already changed",
        "sessions have state that is not valid JSON: recovering them fails after their rows were already changed",
    )
    .suggest("Do not let the program recover it; its client has to begin a new session.")
    .fix_each(Offer::DeleteSessions);
    scan.wrong(defect, sql)
}

/// SQL for whether another table lacks a value; none where asking would take a scan of it for every row.
fn lacks(context: &Context<'_>, value: &str, table: &str, column: &str) -> Option<String> {
    let info = context.schema.table(table).filter(|t| t.kind == NativeKind::Table && t.is_indexed(column))?;
    Some(format!(
        "NOT EXISTS (SELECT 1 FROM main.{} AS o WHERE o.{} = {value})",
        quote(&info.name),
        quote(column)
    ))
}

fn state(context: &Context<'_>, table: &TableInfo) -> Scan {
    let mut scan = Scan::of(table, "r.state_key").shown_in("state");
    if let Some(lacks) = lacks(context, "r.mcp_session_id", "mcp_session_persistence", "mcp_session_id") {
        let defect = Defect::new(
            Severity::Warning,
            "state-without-session",
            "state entry belongs to a session that is not there",
            "state entries belong to sessions that are not there",
        )
        .suggest("Nothing reads them any more. Whoever deleted the session did so without its state, with foreign keys turned off; the entries can be removed with the sqlite3 shell.");
        let whose = "'of ' || coalesce(r.mcp_session_id, 'no session')";
        let own = "r.mcp_session_id IS NOT 'default'";
        scan = scan.wrong(defect, format!("CASE WHEN {own} AND {lacks} THEN {whose} END"));
        let defect = Defect::new(
            Severity::Warning,
            "state-of-default",
            "state entry was saved without a session, under the name default",
            "state entries were saved without a session, under the name default",
        )
        .suggest("With foreign keys the program cannot save such state, and reports success all the same: have the tool name its session.");
        scan = scan.wrong(
            defect,
            format!("CASE WHEN r.mcp_session_id = 'default' AND {lacks} THEN coalesce(r.agent_id, '') END"),
        );
    }
    if table.has("expires_at") {
        let defect = Defect::new(
            Severity::Info,
            "state-expired",
            "state entry has run out",
            "state entries have run out",
        )
        .suggest("The program removes them only when it is asked to. Pruning does.")
        .fix(Offer::Prune);
        scan = scan.wrong(defect, "CASE WHEN time_ms(r.expires_at) < now_ms() THEN r.expires_at END");
    }
    scan
}

fn tasks(context: &Context<'_>, table: &TableInfo) -> Scan {
    let mut scan = Scan::of(table, "r.task_id").shown_in("tasks");
    scan = json(scan, table, ["task", "tasks"], &["child_tasks", "depends_on_tasks", "notes"]);
    if let Some(lacks) =
        lacks(context, "r.assigned_to", "agents", "agent_id").filter(|_| table.has("assigned_to"))
    {
        let defect = Defect::new(
            Severity::Warning,
            "task-of-nobody",
            "task is open and assigned to an agent that is not there",
            "tasks are open and assigned to agents that are not there",
        )
        .suggest("Assign them to an agent that there is, or cancel them, in the program.");
        let open = "r.status IN ('pending', 'in_progress')";
        scan = scan.wrong(
            defect,
            format!(
                "CASE WHEN {open} AND r.assigned_to <> '' AND lower(r.assigned_to) <> '{ADMIN}' AND {lacks} THEN r.assigned_to END"
            ),
        );
    }
    let mut missing = |column: &'static str, sql: &dyn Fn(&str) -> String| {
        if let Some(lacks) = lacks(context, "t.id", "tasks", "task_id").filter(|_| table.has(column)) {
            let mut defect = Defect::new(Severity::Warning, "task-missing", "", "").suggest(
                "The program waits for a task that never comes, or shows it in no tree: correct it there.",
            );
            let said = |noun| format!("{noun} a {column} that is not there").into();
            defect.said = [said("task has"), said("tasks have")];
            let scanned = std::mem::replace(&mut scan, Scan::of(table, "r.task_id"));
            scan = scanned.wrong(defect, sql(&lacks));
        }
    };
    missing("parent_task", &|lacks| {
        format!("(SELECT t.id FROM (SELECT r.parent_task AS id) AS t WHERE t.id <> '' AND {lacks})")
    });
    missing("depends_on_tasks", &|lacks| {
        format!(
            "CASE WHEN json_valid(r.depends_on_tasks) AND json_type(r.depends_on_tasks) = 'array' THEN
               (SELECT t.id FROM (SELECT value AS id FROM json_each(r.depends_on_tasks)) AS t
                WHERE typeof(t.id) = 'text' AND {lacks} LIMIT 1) END"
        )
    });
    if table.has("updated_at") {
        let defect = Defect::new(
            Severity::Info,
            "task-forgotten",
            "task is in progress and nothing came of it for more than a week",
            "tasks are in progress and nothing came of them for more than a week",
        )
        .suggest("Its agent may be gone. Set its status in the program.");
        let age = "(now_ms() - time_ms(r.updated_at))";
        scan = scan.wrong(
            defect,
            format!("CASE WHEN r.status = 'in_progress' AND {age} > {FORGOTTEN_MS} THEN rough({age}) END"),
        );
    }
    scan
}

fn agents(context: &Context<'_>, table: &TableInfo) -> Scan {
    let scan = Scan::of(table, "r.agent_id").shown_in("state");
    let mut scan = json(scan, table, ["agent", "agents"], &["capabilities"]);
    if let Some(lacks) =
        lacks(context, "r.current_task", "tasks", "task_id").filter(|_| table.has("current_task"))
    {
        let defect = Defect::new(
            Severity::Warning,
            "agent-task-missing",
            "agent works at a task that is not there",
            "agents work at tasks that are not there",
        )
        .suggest("Give it another task in the program.");
        scan =
            scan.wrong(defect, format!("CASE WHEN r.current_task <> '' AND {lacks} THEN r.current_task END"));
    }
    scan
}
