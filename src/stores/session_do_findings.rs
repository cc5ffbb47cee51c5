//! What is wrong with the rows of a session's own tables, and what its program stumbles over (stores.md §2.3).

use std::collections::HashMap;

use rusqlite::Row;
use rusqlite::types::ValueRef;

use super::examine::{Probe, Scan, json, named};
use super::sqlite::{Context, TableInfo, time_ms};
use crate::core::{Defect, Finding, NativeKind, Severity, Tally};

/// A task or a turn that runs for so long was broken off.
const LONG_MS: i64 = 86_400_000;

/// So many events the program keeps under the key `session_events`, and drops older ones.
const MOST_EVENTS: usize = 500;

pub fn scans(context: &Context<'_>) -> Vec<Scan> {
    let schema = context.schema;
    let table = |name: &str| schema.table(name).filter(|t| t.kind == NativeKind::Table);
    let mut scans = Vec::new();
    let (Some(messages), Some(meta)) = (table("messages"), table("session_meta")) else { return scans };
    let has_meta = has_rows(context, "session_meta");
    let many = messages.has("session_id") && meta.has("session_id");
    scans.push(self::messages(messages, many, has_meta));
    scans.push(facts(meta));
    if let Some(tasks) = table("tasks").filter(|t| t.has_all(&["id", "status"])) {
        scans.push(self::tasks(tasks));
    }
    // `terminateSandbox` deletes messages, tasks and facts, and leaves these.
    let ended = !many && !has_meta && !has_rows(context, "messages");
    if let Some(turns) = table("turns").filter(|t| t.has_all(&["id", "status", "started_at"])) {
        let scan =
            json(Scan::of(turns, "r.id").shown_in("state"), turns, ["turn", "turns"], &["diff_summary"]);
        let scan = left_behind(scan, ended, "turn", "turns");
        scans.push(running_long(scan, "r.started_at", "turn", "turns"));
    }
    if let Some(events) = table("session_events").filter(|t| t.has("sequence")) {
        let scan = json(
            Scan::of(events, "CAST(r.sequence AS TEXT)").shown_in("state"),
            events,
            ["event", "events"],
            &["payload"],
        );
        scans.push(left_behind(scan, ended, "event", "events"));
    }
    scans
}

fn has_rows(context: &Context<'_>, table: &str) -> bool {
    let sql = format!("SELECT EXISTS (SELECT 1 FROM main.{table})");
    context.connection.query_row(&sql, [], |r| r.get(0)).unwrap_or(true)
}

fn messages(table: &TableInfo, many: bool, has_meta: bool) -> Scan {
    let mut scan = Scan::of(table, "CAST(r.id AS TEXT)").shown_in("messages");
    scan = json(scan, table, ["message", "messages"], &["parts", "tool_calls"]);
    if !has_meta && !many {
        let defect = Defect::new(
            Severity::Info,
            "message-without-session",
            "message is of a session of which nothing else is kept",
            "messages are of a session of which nothing else is kept",
        )
        .suggest(
            "Its session_meta is empty: whose it was, and of which repository, is told by nothing here.",
        );
        scan = scan.wrong(defect, "''");
    }
    let session = if many { "r.session_id" } else { "NULL" };
    scan.probe(SameSecond::new(session))
}

fn facts(table: &TableInfo) -> Scan {
    let broken = Defect::new(
        Severity::Warning,
        "broken-json",
        "fact of the session should be JSON and is none",
        "facts of the session should be JSON and are none",
    )
    .suggest("It is shown as it is stored. The program that reads it as JSON fails there.");
    let full = Defect::new(
        Severity::Info,
        "events-full",
        "list of events holds as many as the program keeps",
        "lists of events hold as many as the program keeps",
    )
    .suggest("Older events were dropped from it; the table session_events of later versions keeps all.");
    let json = "r.key IN ('diff_stats', 'session_events')";
    let length = "json_array_length(r.value)";
    Scan::of(table, "r.key")
        .shown_in("state")
        .wrong(broken, format!("CASE WHEN {json} AND r.value <> '' AND NOT json_valid(r.value) THEN '' END"))
        .wrong(
            full,
            format!(
                "CASE WHEN r.key = 'session_events' AND json_valid(r.value) AND {length} >= {MOST_EVENTS} THEN {length} END"
            ),
        )
}

fn tasks(table: &TableInfo) -> Scan {
    let mut scan = Scan::of(table, "CAST(r.id AS TEXT)").shown_in("tasks");
    if table.has("completed_at") {
        let defect = Defect::new(
            Severity::Info,
            "completion-time-lost",
            "task is complete and has no time of completion",
            "tasks are complete and have no time of completion",
        )
        .suggest("Setting a status again without the time erases it; when they were completed is not known any more.");
        scan = scan.wrong(defect, "CASE WHEN r.status = 'complete' AND r.completed_at IS NULL THEN '' END");
    }
    match table.has("created_at") {
        true => running_long(scan, "r.created_at", "task", "tasks"),
        false => scan,
    }
}

fn running_long(scan: Scan, since: &str, one: &'static str, many: &'static str) -> Scan {
    let mut defect = Defect::new(Severity::Info, "running-long", "", "")
        .suggest("What ran it was probably broken off; nothing sets its status any more.");
    defect.said = [
        format!("{one} has been running for more than a day").into(),
        format!("{many} have been running for more than a day").into(),
    ];
    let age = format!("(now_ms() - time_ms({since}))");
    scan.wrong(defect, format!("CASE WHEN r.status = 'running' AND {age} > {LONG_MS} THEN rough({age}) END"))
}

fn left_behind(scan: Scan, ended: bool, one: &'static str, many: &'static str) -> Scan {
    if !ended {
        return scan;
    }
    let mut defect = Defect::new(Severity::Info, "left-by-session", "", "").suggest(
        "That is as it should be: ending a session deletes its messages, tasks and facts, and keeps these.",
    );
    defect.said = [
        format!("{one} is left of a session that was ended").into(),
        format!("{many} are left of a session that was ended").into(),
    ];
    scan.wrong(defect, "''")
}

/// Messages of the same second: the program orders them by nothing else, and its paging passes over some.
struct SameSecond {
    session: &'static str,
    /// By session and time: how many.
    seen: HashMap<(u64, i64), u32>,
    hasher: std::hash::RandomState,
    tally: Tally,
}

impl SameSecond {
    fn new(session: &'static str) -> Self {
        let hasher = std::hash::RandomState::new();
        Self { session, seen: HashMap::new(), hasher, tally: Tally::default() }
    }
}

impl Probe for SameSecond {
    fn wants(&self) -> Vec<String> {
        vec!["r.created_at".to_owned(), self.session.to_owned()]
    }

    fn row(&mut self, name: ValueRef<'_>, row: &Row<'_>, at: usize) -> rusqlite::Result<()> {
        use std::hash::BuildHasher as _;
        let ValueRef::Integer(time) = row.get_ref(at)? else { return Ok(()) };
        let session = self.hasher.hash_one(row.get_ref(at + 1)?.as_bytes_or_null().ok().flatten());
        let seen = self.seen.entry((session, time)).or_default();
        *seen += 1;
        if *seen == 2 {
            let moment = time_ms(ValueRef::Integer(time)).map(|ms| crate::core::Timestamp(ms).rfc3339());
            self.tally.add(|| (named(name), moment.unwrap_or_default()));
        }
        Ok(())
    }

    fn findings(&self, table: &str) -> Vec<Finding> {
        let defect = Defect::new(
            Severity::Info,
            "same-second",
            "second has several messages, whose order the program does not keep",
            "seconds have several messages, whose order the program does not keep",
        )
        .suggest("They are shown in the order in which they were written. The program's own paging (before) passes over messages of the second that it stops at.");
        self.tally.findings(&defect, table)
    }
}
