//! The defects of an agent-mcp store. The clock stands at 2026-11-21T10:00:00Z.

use super::super::agent_mcp::{PYTHON, SCHEMA};
use super::check;

/// One sound session, agent and task; no secret is kept.
fn sound() -> String {
    format!(
        "PRAGMA foreign_keys = OFF; {SCHEMA}{PYTHON} DELETE FROM agents; DELETE FROM admin_config; DELETE FROM project_context;
         INSERT INTO mcp_session_persistence VALUES ('s', '{{}}', NULL, NULL, '2026-11-21T09:00:00.000Z', '2026-11-21T09:59:50.000Z', NULL, 0,
           'active', '2026-11-21T10:05:00.000Z', NULL, NULL);
         INSERT INTO agents VALUES (NULL, 'worker', '[]', '2026-11-21T09:00:00.000Z', 'active', 'known', '/srv', NULL, NULL, NULL);
         INSERT INTO tasks VALUES ('known', 'x', NULL, 'worker', 'admin', 'in_progress', 'high', '2026-11-21T09:00:00.000Z',
           '2026-11-21T09:00:00.000Z', NULL, '[]', '[]', '[]');"
    )
}

/// Another session: status, last beat, end of grace.
fn session(status: &str, beat: &str, grace: &str) -> String {
    format!(
        "INSERT INTO mcp_session_persistence VALUES ('x', '{{}}', NULL, NULL, '2026-11-01T00:00:00.000Z', '2026-11-{beat}Z', NULL, 1,
         '{status}', '2026-11-{grace}Z', NULL, NULL)"
    )
}

/// A state entry: its session and its end, as SQL.
fn state(session: &str, expires: &str) -> String {
    format!(
        "INSERT INTO agent_session_state VALUES ('worker', {session}, 'k', '1', '2026-11-21T09:00:00.000Z', {expires})"
    )
}

/// The sound task as another, with other values in some columns.
fn task(set: &str) -> String {
    format!(
        "CREATE TEMP TABLE t AS SELECT * FROM tasks; UPDATE t SET task_id = 'x', {set}; INSERT INTO tasks SELECT * FROM t"
    )
}

#[test]
fn sessions() {
    let silent = "info recovered-and-silent x";
    let graceless = "info alive-without-grace x";
    let cases = [
        ("recovered, silent for a day", session("recovered", "20T09:59:59.999", "10T00:00:00.000"), silent),
        (
            "recovered, silent for not quite so long",
            session("recovered", "20T10:00:00.000", "10T00:00:00.000"),
            "",
        ),
        ("expired, silent for a day", session("expired", "20T09:59:59.999", "10T00:00:00.000"), ""),
        ("beats, its grace over", session("active", "21T09:59:50.000", "21T09:59:59.999"), graceless),
        ("beats, its grace about to be over", session("active", "21T09:59:50.000", "21T10:00:00.000"), ""),
        ("beats no more, its grace over", session("active", "21T09:50:00.000", "21T09:59:59.999"), ""),
        (
            "recovered and beats, its grace over",
            session("recovered", "21T09:59:50.000", "21T09:59:59.999"),
            "",
        ),
    ];
    check(
        "mcp_state.db",
        &sound(),
        &cases.each_ref().map(|(what, sql, found)| (*what, sql.as_str(), *found)),
    );
}

#[test]
fn state_entries() {
    let orphan = "warning state-without-session k";
    let default = "warning state-of-default k";
    let expired = "info state-expired k";
    let there = "INSERT INTO mcp_session_persistence SELECT 'default', transport_state, NULL, NULL, created_at, last_heartbeat,
        NULL, 0, status, grace_period_expires, NULL, NULL FROM mcp_session_persistence; ";
    let cases = [
        ("its session is there", state("'s'", "NULL"), ""),
        ("its session is not", state("'gone'", "NULL"), orphan),
        ("it has none", state("NULL", "NULL"), orphan),
        ("ids are told apart by case", state("'S'", "NULL"), orphan),
        ("of default", state("'default'", "NULL"), default),
        ("of default, which is there", format!("{there}{}", state("'default'", "NULL")), ""),
        ("ran out", state("'s'", "'2026-11-21T09:59:59.999Z'"), expired),
        ("runs out now", state("'s'", "'2026-11-21T10:00:00.000Z'"), ""),
        ("runs out in years, which is no time ahead", state("'s'", "'2031-11-21T10:00:00.000Z'"), ""),
        ("never runs out", state("'s'", "''"), ""),
    ];
    check(
        "mcp_state.db",
        &sound(),
        &cases.each_ref().map(|(what, sql, found)| (*what, sql.as_str(), *found)),
    );
}

#[test]
fn tasks() {
    let nobody = "warning task-of-nobody x";
    let missing = "warning task-missing x";
    let forgotten = "info task-forgotten x";
    let broken = "warning broken-json x";
    let cases = [
        ("pending, of nobody", "assigned_to = 'ghost', status = 'pending'", nobody),
        ("in progress, of nobody", "assigned_to = 'ghost'", nobody),
        ("completed, of nobody", "assigned_to = 'ghost', status = 'completed'", ""),
        ("of the administrator", "assigned_to = 'Admin'", ""),
        ("assigned to no one", "assigned_to = NULL", ""),
        ("assigned to an empty name", "assigned_to = ''", ""),
        ("its parent is not there", "parent_task = 'gone'", missing),
        ("its parent is there", "parent_task = 'known'", ""),
        ("no parent", "parent_task = ''", ""),
        ("one of two that it waits for is not there", r#"depends_on_tasks = '["known", "gone"]'"#, missing),
        ("all that it waits for are there", r#"depends_on_tasks = '["known", "x"]'"#, ""),
        ("no list", r#"depends_on_tasks = '{"a": "gone"}'"#, ""),
        ("a list of what is no id", "depends_on_tasks = '[7, null]'", ""),
        ("in progress for more than a week", "updated_at = '2026-11-14T09:59:59.999Z'", forgotten),
        ("in progress for a week", "updated_at = '2026-11-14T10:00:00.000Z'", ""),
        ("pending for more than a week", "updated_at = '2026-11-14T09:59:59.999Z', status = 'pending'", ""),
        ("children are no JSON", "child_tasks = '[\"a\"'", broken),
        ("what it waits for is no JSON", "depends_on_tasks = 'known'", broken),
        ("notes are no JSON", "notes = '[{]'", broken),
        ("JSON, or nothing", "child_tasks = '', depends_on_tasks = NULL, notes = 'null'", ""),
    ];
    let made: Vec<String> = cases.iter().map(|(_, set, _)| task(set)).collect();
    let cases: Vec<_> =
        cases.iter().zip(&made).map(|((what, _, found), sql)| (*what, sql.as_str(), *found)).collect();
    check("mcp_state.db", &sound(), &cases);
}

#[test]
fn agents_and_actions() {
    const TIME: &str = "'2026-11-21T09:00:00.000Z'";
    let agent = |capabilities: &str, task: &str| {
        format!(
            "INSERT INTO agents VALUES (NULL, 'x', {capabilities}, {TIME}, 'active', {task}, '/srv', NULL, NULL, NULL)"
        )
    };
    let action = |details: &str| {
        format!("INSERT INTO agent_actions VALUES (7, 'worker', 'a', NULL, {TIME}, {details})")
    };
    let claude = |commits: &str, metadata: &str| {
        format!(
            "INSERT INTO claude_code_sessions VALUES ('x', 4194304, 1, {TIME}, {TIME}, NULL, NULL, 'inactive', {commits}, {metadata})"
        )
    };
    let missing = "warning agent-task-missing x";
    let broken = "warning broken-json x";
    let cases = [
        ("its task is not there", agent("NULL", "'gone'"), missing),
        ("its task is there", agent("NULL", "'known'"), ""),
        ("no task", agent("NULL", "''"), ""),
        ("capabilities are no JSON", agent("'code'", "NULL"), broken),
        ("capabilities are JSON", agent("'\"code\"'", "NULL"), ""),
        ("an action's details are no JSON", action("'{'"), "warning broken-json action-7"),
        ("an action's details are JSON", action("'{}'"), ""),
        ("commits are no JSON", claude("'[1,]'", "NULL"), broken),
        ("metadata are no JSON", claude("'[]'", "'pid 4'"), broken),
        ("both are JSON, or nothing", claude("'[1]'", "''"), ""),
    ];
    check(
        "mcp_state.db",
        &sound(),
        &cases.each_ref().map(|(what, sql, found)| (*what, sql.as_str(), *found)),
    );
}
