//! What is wrong with the rows of the Agents SDK's tables (stores.md §6.1): its own data as the program left it.

use crate::core::{Defect, NativeKind, Severity};
use crate::stores::examine::{Scan, json};
use crate::stores::sqlite::{Context, TableInfo};

/// Columns of JSON: table, the column of its name, the columns.
const JSON: &[(&str, &str, &[&str])] = &[
    ("cf_agents_mcp_servers", "id", &["server_options"]),
    ("cf_agents_queues", "id", &["retry_options"]),
    ("cf_agents_workflows", "workflow_id", &["metadata"]),
    ("cf_agents_fibers", "fiber_id", &["snapshot", "metadata_json"]),
    ("cf_agent_tool_runs", "run_id", &["output_json"]),
    ("cf_ai_chat_agent_tool_runs", "run_id", &["input_json", "output_json"]),
    ("cf_ai_chat_agent_messages", "id", &["message"]),
];

/// An abandoned stream is cleared away an hour after its last piece.
const STREAM_MS: i64 = 3_600_000;

/// A schedule this late was not run.
const LATE_MS: i64 = 60_000;

/// A run that began so long ago was broken off.
const LONG_MS: i64 = 86_400_000;

pub fn scans(context: &Context<'_>) -> Vec<Scan> {
    let table = |name: &str| context.schema.table(name).filter(|t| t.kind == NativeKind::Table);
    let mut scans = Vec::new();
    for (name, id, columns) in JSON {
        let Some(table) = table(name).filter(|t| t.has(id)) else { continue };
        let scan = Scan::of(table, format!("CAST(r.{id} AS TEXT)")).shown_in(shown(name));
        let nouns = if shown(name) == "messages" { ["message", "messages"] } else { ["row", "rows"] };
        scans.push(json(scan, table, nouns, columns));
    }
    if let Some(table) = table("cf_agents_schedules").filter(|t| t.has_all(&["id", "time"])) {
        let late = "(now_ms() - time_ms(r.time))";
        let defect = Defect::new(
            Severity::Info,
            "schedule-overdue",
            "schedule was due and did not run to its end",
            "schedules were due and did not run to their ends",
        )
        .suggest(
            "Nothing runs the object. It runs when the object wakes, or not at all where its alarm was lost.",
        );
        // While it runs it keeps the time at which it was due; one that hangs is run anew.
        let runs = match table.has_all(&["running", "execution_started_at"]) {
            true => {
                format!("coalesce(r.running AND now_ms() - time_ms(r.execution_started_at) <= {LATE_MS}, 0)")
            }
            false => "0".to_owned(),
        };
        let scan = Scan::of(table, "CAST(r.id AS TEXT)").shown_in("tasks");
        scans.push(scan.wrong(
            defect,
            format!(
                "CASE WHEN {late} > {LATE_MS} AND NOT {runs} THEN 'due ' || rfc3339(time_ms(r.time)) END"
            ),
        ));
    }
    if let Some(table) =
        table("cf_ai_chat_stream_metadata").filter(|t| t.has_all(&["id", "status", "created_at"]))
    {
        let defect = Defect::new(
            Severity::Info,
            "stream-abandoned",
            "reply was being streamed and never ended",
            "replies were being streamed and never ended",
        )
        .suggest("The SDK clears such a stream and its pieces an hour after the last of them, once the object wakes. What it said so far is in cf_ai_chat_stream_chunks.");
        scans.push(aged(table, "state", "'streaming'", "r.created_at", STREAM_MS, defect));
    }
    if let Some(table) =
        table("cf_agents_fibers").filter(|t| t.has_all(&["fiber_id", "status", "created_at"]))
    {
        let defect = Defect::new(
            Severity::Info,
            "fiber-interrupted",
            "fiber was interrupted or has been running for more than a day",
            "fibers were interrupted or have been running for more than a day",
        )
        .suggest("The SDK recovers a fiber from its snapshot when the object wakes, where the agent's code provides for it.");
        let age = "(now_ms() - time_ms(r.created_at))";
        let scan = Scan::of(table, "CAST(r.fiber_id AS TEXT)").shown_in("tasks");
        scans.push(scan.wrong(
            defect,
            format!(
                "CASE WHEN r.status = 'interrupted' OR r.status IN ('running', 'pending') AND {age} > {LONG_MS} THEN r.status END"
            ),
        ));
    }
    if let Some(table) =
        table("cf_agent_tool_runs").filter(|t| t.has_all(&["run_id", "status", "started_at"]))
    {
        let defect = Defect::new(
            Severity::Info,
            "tool-run-left",
            "run of an agent as a tool began more than a day ago and has not ended",
            "runs of agents as tools began more than a day ago and have not ended",
        )
        .suggest("It was probably broken off with the object.");
        let scan = aged(table, "state", "'running', 'starting'", "r.started_at", LONG_MS, defect);
        scans.push(scan);
    }
    scans
}

/// Rows of a status that have had it for too long.
fn aged(
    table: &TableInfo,
    shown: &'static str,
    statuses: &str,
    since: &str,
    most_ms: i64,
    defect: Defect,
) -> Scan {
    let id = if table.has("run_id") { "r.run_id" } else { "r.id" };
    let age = format!("(now_ms() - time_ms({since}))");
    Scan::of(table, format!("CAST({id} AS TEXT)")).shown_in(shown).wrong(
        defect,
        format!(
            "CASE WHEN r.status IN ({statuses}) AND {age} > {most_ms} THEN 'since ' || rfc3339(time_ms({since})) END"
        ),
    )
}

fn shown(table: &str) -> &'static str {
    match table {
        "cf_ai_chat_agent_messages" => "messages",
        "cf_agents_queues" | "cf_agents_workflows" | "cf_agents_fibers" => "tasks",
        _ => "state",
    }
}
