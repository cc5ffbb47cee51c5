//! How the file differs from the known schema.

use crate::core::{Finding, NativeKind};
use crate::stores::sqlite::Context;

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

/// Looks at the schema.
pub fn find(context: &Context<'_>, is_node: bool) -> Vec<Finding> {
    let mut findings = Vec::new();
    differences(context, is_node, &mut findings);
    findings
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
