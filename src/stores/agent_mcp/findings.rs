//! What is wrong with the sessions, and how the file differs from the known schema.

use super::vitals::BEAT;
use super::{Native, heartbeats};
use crate::core::repair::Offer;
use crate::core::{Finding, NativeKind};
use crate::stores::sqlite::Context;

/// So many sessions are named in a finding each, and the others counted.
const MOST_NAMED: usize = 10;

/// Only so many sessions are looked through while the file is opened.
const MOST_SESSIONS: u32 = 100_000;

/// A table of the known schema that no migration of ours makes; of the others every store's history tells.
struct Known {
    table: &'static str,
    columns: &'static [&'static str],
    /// The Python sibling does not have it.
    node: bool,
}

const fn known(table: &'static str, columns: &'static [&'static str]) -> Known {
    Known { table, columns, node: false }
}

const fn node(table: &'static str, columns: &'static [&'static str]) -> Known {
    Known { table, columns, node: true }
}

#[rustfmt::skip]
const KNOWN: &[Known] = &[
    node("file_status", &["id", "filepath", "status", "agent_id", "locked_at", "released_at", "notes"]),
    known("agents", &["token", "agent_id", "capabilities", "created_at", "status", "current_task",
        "working_directory", "color", "terminated_at", "updated_at"]),
    known("tasks", &["task_id", "title", "description", "assigned_to", "created_by", "status", "priority",
        "created_at", "updated_at", "parent_task", "child_tasks", "depends_on_tasks", "notes"]),
    known("agent_actions", &["action_id", "agent_id", "action_type", "task_id", "timestamp", "details"]),
    known("agent_messages", &["message_id", "sender_id", "recipient_id", "message_content", "message_type",
        "priority", "timestamp", "delivered", "read"]),
    known("claude_code_sessions", &["session_id", "pid", "parent_pid", "first_detected", "last_activity",
        "working_directory", "agent_id", "status", "git_commits", "metadata"]),
    known("project_context", &["context_key", "value", "last_updated", "updated_by", "description"]),
    known("admin_config", &["config_key", "config_value", "created_at", "updated_at", "description"]),
];

/// Looks for sessions that recovery would break, for ones that live though they are called expired, and at the schema.
pub fn find(context: &Context<'_>, sessions: Option<&Native<'_>>) -> Vec<Finding> {
    let mut findings = Vec::new();
    if let Some(sessions) = sessions {
        broken(sessions, &mut findings);
        beating(sessions, &mut findings);
    }
    differences(context, sessions.is_some(), &mut findings);
    findings
}

/// `recoverSession` writes `recovered` and counts the attempt before it parses these columns.
fn broken(sessions: &Native<'_>, findings: &mut Vec<Finding>) {
    let Some(said) = heartbeats::unreadable(sessions) else { return };
    let (named, more) = sessions_where(sessions, &said);
    for (id, columns) in named {
        findings.push(
            Finding::warning(
                "broken-transport-state",
                format!("The {columns} of session {id} is not valid JSON: recovering it fails after its row was already changed"),
            )
            .at("sessions", id)
            .suggest("Do not let the program recover it; its client has to begin a new session.")
            .fix(Offer::DeleteSessions),
        );
    }
    if more > 0 {
        findings.push(
            Finding::warning(
                "broken-transport-state",
                format!("{more} more sessions have state that is not valid JSON"),
            )
            .at("sessions", ""),
        );
    }
}

/// A beat does not move the end of the grace, so the clean-up calls a living session expired.
fn beating(sessions: &Native<'_>, findings: &mut Vec<Finding>) {
    if !sessions.table.has("last_heartbeat") {
        return;
    }
    let age = format!("(now_ms() - time_ms({}))", sessions.column("last_heartbeat"));
    let said = format!(
        "CASE WHEN {} = 'expired' AND abs({age}) < {fresh} THEN max({age}, 0) / 1000 END",
        sessions.column("status"),
        fresh = BEAT.fresh_ms,
    );
    let (named, more) = sessions_where(sessions, &format!("CAST({said} AS TEXT)"));
    for (id, seconds) in named {
        findings.push(
            Finding::warning(
                "expired-but-beating",
                format!("Session {id} is called expired, and its last beat was {seconds} s ago: it lives"),
            )
            .at("sessions", id)
            .suggest("Leave it alone; its next beat makes it active again."),
        );
    }
    if more > 0 {
        findings.push(
            Finding::warning(
                "expired-but-beating",
                format!("{more} more sessions are called expired and live"),
            )
            .at("sessions", ""),
        );
    }
}

/// The sessions for which an expression says something, the first with what it says; and how many more there are.
///
/// What cannot be read is passed over here: it is said where the rows are shown.
fn sessions_where(sessions: &Native<'_>, said: &str) -> (Vec<(String, String)>, usize) {
    let sql = format!(
        "SELECT id, said FROM (SELECT {id} AS id, {said} AS said FROM {from} LIMIT {MOST_SESSIONS}) WHERE said IS NOT NULL",
        id = sessions.text("mcp_session_id"),
        from = sessions.part().from,
    );
    let (mut named, mut more) = (Vec::new(), 0);
    let mut read = || -> rusqlite::Result<()> {
        let mut statement = sessions.context.connection.prepare(&sql)?;
        let mut rows = statement.query([])?;
        while let Some(row) = rows.next()? {
            if named.len() < MOST_NAMED {
                let text = |i| row.get_ref(i).map(crate::stores::sqlite::lossy);
                named.push((text(0)?, text(1)?));
            } else {
                more += 1;
            }
        }
        Ok(())
    };
    let _ = read();
    (named, more)
}

fn differences(context: &Context<'_>, is_node: bool, findings: &mut Vec<Finding>) {
    let mut differ = |table: &'static str, message: String| {
        findings.push(
            Finding::info("schema-differs", message)
                .at(table, "")
                .suggest("It is read all the same; repairs are not offered for it."),
        );
    };
    let mut absent = Vec::new();
    for known in KNOWN {
        let Some(table) = context.schema.table(known.table).filter(|t| t.kind == NativeKind::Table) else {
            if is_node || !known.node {
                absent.push(known.table);
            }
            continue;
        };
        let missing: Vec<&str> = known.columns.iter().copied().filter(|c| !table.has(c)).collect();
        let is_known = |c: &str| known.columns.iter().any(|k| k.eq_ignore_ascii_case(c));
        let more: Vec<&str> = table.columns.iter().map(String::as_str).filter(|c| !is_known(c)).collect();
        let said: Vec<String> = [("lacks", missing), ("has also", more)]
            .iter()
            .filter(|(_, columns)| !columns.is_empty())
            .map(|(how, columns)| format!("{how} {}", columns.join(", ")))
            .collect();
        if !said.is_empty() {
            let name = known.table;
            differ(name, format!("{name} differs from the known agent-mcp schema: it {}", said.join("; ")));
        }
    }
    if !absent.is_empty() {
        differ("", format!("Tables of an agent-mcp store are missing: {}", absent.join(", ")));
    }
}
