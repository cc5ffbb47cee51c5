//! Verdicts on sessions, with the evidence that this machine gives: processes, and who has a file open.

use std::fs::File;
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use sessionscope::core::{Table, Timestamp};
use sessionscope::stores::sqlite::Clock;
use sessionscope::stores::{Options, open};

use super::agent_mcp::{PYTHON, SCHEMA};
use super::durable::KV;
use crate::repairs::Home;
use crate::support::{NOW_MS, database, opened, table};

const MINUTE: i64 = 60_000;

/// A process of a test's own, which ends with it.
struct Process(Child);

impl Process {
    fn new() -> Self {
        Self::with(Stdio::null())
    }

    /// A process that has a file open.
    fn holding(path: &Path) -> Self {
        Self::with(File::open(path).expect("a file").into())
    }

    fn with(input: Stdio) -> Self {
        Self(Command::new("sleep").arg("600").stdin(input).spawn().expect("a process"))
    }

    fn id(&self) -> u32 {
        self.0.id()
    }

    fn end(&mut self) {
        self.0.kill().expect("killed");
        self.0.wait().expect("ended");
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

fn now_ms() -> i64 {
    chrono::Utc::now().timestamp_millis()
}

fn iso(ms: i64) -> String {
    Timestamp(ms).rfc3339()
}

/// A session that began at a time, beat once then and has ten minutes of grace, in a process.
fn session(id: &str, began_ms: i64, status: &str, process: u32) -> String {
    format!(
        "INSERT INTO mcp_session_persistence (mcp_session_id, transport_state, created_at, last_heartbeat, status, grace_period_expires, metadata)
         VALUES ('{id}', '{{}}', '{began}', '{began}', '{status}', '{}', '{{\"node_process_pid\":{process}}}');",
        iso(began_ms + 10 * MINUTE),
        began = iso(began_ms),
    )
}

/// Liveness and reason of every session, as they are at a time.
fn verdicts(path: &Path, now_ms: i64) -> String {
    let options = Options { clock: Clock::fixed(now_ms), ..Options::default() };
    let store = open(path, &options).unwrap_or_else(|e| panic!("{e}")).store;
    table(&store, Table::Heartbeats, &["session_id", "liveness", "reason"])
}

/// Waits until the verdicts at a time say something: this machine is looked at now and then.
fn until(path: &Path, now_ms: i64, words: &[&str]) -> String {
    let end = Instant::now() + Duration::from_secs(20);
    loop {
        let said = verdicts(path, now_ms);
        if words.iter().all(|w| said.contains(w)) {
            return said;
        }
        assert!(Instant::now() < end, "not said: {words:?}, but: {said}");
        std::thread::sleep(Duration::from_millis(20));
    }
}

#[test]
fn a_session_whose_beats_stopped_is_not_called_dead_while_its_process_runs() {
    let began = now_ms();
    let mut process = Process::new();
    let id = process.id();
    let (_folder, path) = database("a.db", &format!("{SCHEMA}{}", session("s", began, "active", id)));
    let later = began + 15 * MINUTE;
    let runs = format!("process {id} runs since ");
    let said = until(&path, later, &["s | unknown | last beat 15 min ago (30 missed); ", &runs]);
    assert!(said.contains("but does not have the database open; "), "{said}");
    process.end();
    let gone = format!("process {id} is not running on this machine; ");
    until(&path, later, &["s | dead | last beat 15 min ago (30 missed); ", &gone]);
    // That it is gone here is no evidence against a beat that is fresh: it may run elsewhere.
    until(&path, began + 15_000, &["s | alive | last beat 15 s ago; ", &gone]);
    // And no evidence of death as long as the beats might only be late.
    until(&path, began + 5 * MINUTE, &["s | unknown | ", &gone]);
}

#[test]
fn a_session_that_was_cut_off_after_a_fresh_beat_is_neither_alive_nor_dead() {
    let began = now_ms();
    let sql = ["active", "disconnected"].map(|status| session(status, began, status, 4_194_304));
    let (_folder, path) = database("a.db", &format!("{SCHEMA}{}", sql.concat()));
    let later = began + 30_000;
    until(
        &path,
        later,
        &["active | alive | last beat 30 s ago", "disconnected | unknown | last beat 30 s ago"],
    );
    until(&path, began + 15 * MINUTE, &["disconnected | dead | last beat 15 min ago"]);
}

#[test]
fn a_process_that_began_after_its_session_is_another_one() {
    let process = Process::new();
    let began = now_ms() - 60 * MINUTE;
    let sql = format!("{SCHEMA}{}", session("s", began, "active", process.id()));
    let (_folder, path) = database("a.db", &sql);
    let another = format!("process {} on this machine is another one, begun ", process.id());
    until(&path, now_ms(), &["s | dead | last beat 60 min ago (120 missed); ", &another]);
}

#[test]
fn a_late_session_whose_process_has_the_store_open_lives() {
    let began = now_ms();
    let (_folder, path) = database("a.db", SCHEMA);
    let process = Process::holding(&path);
    let id = process.id();
    let sql = [("on", "active"), ("off", "disconnected")].map(|(s, status)| session(s, began, status, id));
    rusqlite::Connection::open(&path).and_then(|c| c.execute_batch(&sql.concat())).expect("written");
    let open = format!("process {id} runs since ");
    let said = until(&path, began + 5 * MINUTE, &["on | alive | last beat 5 min ago (10 missed); ", &open]);
    assert!(said.contains(" and has the database open; "), "{said}");
    // A server outlives the sessions in it.
    assert!(said.contains("off | unknown | last beat 5 min ago"), "{said}");
    until(&path, began + 15 * MINUTE, &["on | unknown | last beat 15 min ago (30 missed); "]);
}

#[test]
fn a_claude_session_lives_as_long_as_its_own_process() {
    let began = now_ms();
    let mut process = Process::new();
    let sql = format!(
        "{PYTHON} INSERT INTO claude_code_sessions (session_id, pid, parent_pid, first_detected, last_activity)
           VALUES ('cc', {}, 1, '{began}', '{began}');",
        process.id(),
        began = iso(began),
    );
    let (_folder, path) = database("a.db", &sql);
    let later = began + 60 * MINUTE;
    until(&path, later, &["cc | alive | last activity 60 min ago; process ", " runs since "]);
    process.end();
    until(
        &path,
        later,
        &["cc | dead | last activity 60 min ago; process ", " is not running on this machine"],
    );
}

#[test]
fn who_has_a_store_open_is_said() {
    let began = now_ms();
    let (_folder, path) = database("a.db", &format!("{SCHEMA}{}", session("s", began, "active", 4_194_304)));
    let process = Process::holding(&path);
    let open = format!("; sleep ({}) has the database open; ", process.id());
    until(&path, began + 15 * MINUTE, &["s | dead | ", &open]);
}

/// What is shown and what a prune does come from one verdict: here at every combination of what decides.
#[test]
fn nothing_is_pruned_but_what_is_shown_as_dead() {
    let began = now_ms();
    let process = Process::new();
    let mut sql = SCHEMA.to_owned();
    for status in ["active", "disconnected", "recovered", "expired"] {
        for age in [-60, -1, 0, 1, 3, 9, 11, 60, 50_000, 100_000] {
            for grace in [None, Some(-30), Some(30)] {
                for (place, id) in [("gone", 4_194_304), ("here", process.id())] {
                    let now = began + 120 * MINUTE;
                    let grace_ends =
                        grace.map_or("NULL".to_owned(), |g| format!("'{}'", iso(now + g * MINUTE)));
                    sql.push_str(&format!(
                        "INSERT INTO mcp_session_persistence (mcp_session_id, transport_state, created_at, last_heartbeat, status, grace_period_expires, metadata)
                         VALUES ('{status} {age} {grace:?} {place}', '{{}}', '{}', '{}', '{status}', {grace_ends}, '{{\"node_process_pid\":{id}}}');",
                        iso(began), iso(now - age * MINUTE)
                    ));
                }
            }
        }
    }
    let home = Home::new();
    let path = home.database("store.db", &sql);
    let now = began + 120 * MINUTE;
    let shown = verdicts(&path, now);
    let out = home
        .command(&["prune", "store.db", "--json"])
        .env("SESSIONSCOPE_NOW", iso(now))
        .output()
        .expect("it ran");
    let plan: serde_json::Value = serde_json::from_slice(&out.stdout).expect("JSON");
    let lines = plan["plan"].as_array().expect("lines");
    let mut deleted = 0;
    for line in shown.lines() {
        let [id, liveness, reason] = line.split(" | ").collect::<Vec<_>>()[..] else { panic!("{line}") };
        let line = lines.iter().find(|l| l["key"] == id).unwrap_or_else(|| panic!("no line for {id}"));
        match (line["action"].as_str(), liveness) {
            (Some("keep"), "alive") => {
                let why = line["reason"].as_str().expect("a reason");
                // The process's files are told or not as the moment has it.
                assert!(
                    why.starts_with(&format!("it lives: {}", &reason[..15])),
                    "{id}: {why}, not {reason}"
                );
            }
            (Some("delete"), "dead") => deleted += 1,
            (Some("keep" | "update"), "dead") | (Some("keep"), "unknown") => {}
            // The program's own rule: its grace period is over, and nothing of it is there.
            (Some("update"), "unknown") => assert!(id.ends_with("gone"), "{id}: {reason}"),
            (action, _) => panic!("{id} is {liveness} ({reason}), and the plan says {action:?}"),
        }
    }
    assert!(deleted > 0);
}

#[test]
fn an_alarm_that_only_the_namespace_keeps_is_the_objects() {
    let id = "0123456789abcdef".repeat(4);
    let (folder, path) = database(&format!("{id}.sqlite"), KV);
    let alarms = rusqlite::Connection::open(folder.path().join("metadata.sqlite")).expect("a database");
    let sql = "CREATE TABLE _cf_ALARM (actor_id TEXT PRIMARY KEY, scheduled_time INTEGER, actor_name TEXT) WITHOUT ROWID;";
    let due_ns = (NOW_MS - 300_000) * 1_000_000;
    alarms
        .execute_batch(&format!("{sql} INSERT INTO _cf_ALARM VALUES ('{id}', {due_ns}, NULL)"))
        .expect("written");
    drop(alarms);
    let beats =
        table(&opened(&path).store, Table::Heartbeats, &["session_id", "status", "liveness", "reason"]);
    let expected = format!(
        "{id} | alarm overdue | dead | its alarm was due 5 min ago and did not run; it keeps no beat"
    );
    assert!(beats.starts_with(&expected), "{beats}");
}
