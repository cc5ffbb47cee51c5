//! A writer that never stops, in another process: it loses nothing, and waits no longer than briefly.

use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use rusqlite::Connection;

use super::Home;
use super::stores::agent_mcp;

/// What the writer process is told by its environment: the database; and a file whose coming ends it.
const DATABASE: &str = "SESSIONSCOPE_TEST_WRITER";
const STOP: &str = "SESSIONSCOPE_TEST_WRITER_STOP";
/// The longest that the writer may wait for a lock, on a machine that does other things too.
const LONGEST: Duration = Duration::from_millis(1500);

/// Not a test by itself: it writes where the environment says so, as another program does.
///
/// Each round inserts a row, beats for a session and changes another, each in a transaction of its own.
#[test]
fn writes_where_it_is_told_to() {
    let (Some(path), Some(stop)) = (std::env::var_os(DATABASE), std::env::var_os(STOP)) else { return };
    let stop = std::path::PathBuf::from(stop);
    let connection = Connection::open(path).expect("a database");
    connection.busy_timeout(LONGEST).expect("a timeout");
    let mut rounds = 0_i64;
    let mut longest = Duration::ZERO;
    while !stop.exists() {
        rounds += 1;
        for sql in [
            "INSERT INTO agent_session_state VALUES ('writer', 'lives', 'k' || ?1, 'v', '2026-11-21T10:00:00.000Z', NULL)",
            "UPDATE mcp_session_persistence SET last_heartbeat = '2026-11-21T09:59:59.000Z', recovery_attempts = ?1 WHERE mcp_session_id = 'lives'",
            "UPDATE mcp_session_persistence SET metadata = 'round ' || ?1 WHERE mcp_session_id = 'lives'",
        ] {
            let start = Instant::now();
            connection.execute(sql, [rounds]).unwrap_or_else(|e| panic!("round {rounds}: {e}"));
            longest = longest.max(start.elapsed());
            // Often, and not so often that the disk is full of it before a test is over.
            std::thread::sleep(Duration::from_millis(1));
        }
    }
    std::fs::write(stop, format!("{rounds} rounds, {longest:?} at most")).expect("written");
}

pub struct Writer {
    child: Child,
    stop: std::path::PathBuf,
    said: std::path::PathBuf,
}

impl Writer {
    pub fn start(home: &Home) -> Self {
        let tmp = home.data().parent().expect("the home").join("tmp");
        let (stop, said) = (tmp.join(".stop"), tmp.join(".said"));
        let words = std::fs::File::create(&said).expect("a file");
        let child = Command::new(std::env::current_exe().expect("this program"))
            .args(["repairs::writers::writes_where_it_is_told_to", "--exact", "--nocapture"])
            .env(DATABASE, home.at("store.db"))
            .env(STOP, &stop)
            .stdout(Stdio::null())
            .stderr(words)
            .spawn()
            .expect("it starts");
        Self { child, stop, said }
    }

    /// Ends it, and gives how many rounds it made.
    pub fn stop(mut self) -> u64 {
        std::fs::write(&self.stop, "").expect("written");
        let ended = self.child.wait().expect("it ends");
        assert!(
            ended.success(),
            "the writer failed: {}",
            std::fs::read_to_string(&self.said).expect("its words")
        );
        let said = std::fs::read_to_string(&self.stop).expect("written");
        for path in [&self.stop, &self.said] {
            std::fs::remove_file(path).expect("removed");
        }
        let rounds = said.split(' ').next().and_then(|n| n.parse().ok());
        rounds.unwrap_or_else(|| panic!("the writer said {said}"))
    }
}

impl Drop for Writer {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

fn count(home: &Home, sql: &str) -> u64 {
    let mut connection = Connection::open(home.at("store.db")).expect("a database");
    // The writer leaves the lock only for moments, which SQLite's own pauses would miss.
    let often = |tries| {
        std::thread::sleep(Duration::from_millis(1));
        tries < 30_000
    };
    connection.busy_handler(Some(often)).expect("a handler");
    connection.query_row(sql, [], |r| r.get::<_, i64>(0)).expect("a number").unsigned_abs()
}

/// All repairs of a database, over and over, while the writer goes on.
fn repairs_beside_a_writer(journal: &str) {
    let home = Home::new();
    home.database("store.db", &format!("PRAGMA journal_mode = {journal}; {}", agent_mcp(100, 100)));
    let sessions = count(&home, "SELECT count(*) FROM mcp_session_persistence");
    let states = count(&home, "SELECT count(*) FROM agent_session_state");
    let writer = Writer::start(&home);
    while count(&home, "SELECT count(*) FROM agent_session_state") < states + 3 {
        std::thread::sleep(Duration::from_millis(5));
    }
    for _ in 0..2 {
        let id = home.apply(&["prune", "store.db"]);
        let pruned = home.operations().remove(0);
        assert_eq!((&pruned["state"], &pruned["left"]), (&"applied".into(), &0.into()), "{pruned}");
        let deleted = home.apply(&["delete-session", "store.db", "s150", "s151"]);
        home.apply(&["undo", &deleted]);
        home.apply(&["undo", &id]);
    }
    let rounds = writer.stop();
    // Every write of the writer is there, and every row that was taken has come back.
    assert_eq!(count(&home, "SELECT count(*) FROM mcp_session_persistence"), sessions);
    assert_eq!(count(&home, "SELECT count(*) FROM agent_session_state WHERE agent_id = 'writer'"), rounds);
    assert_eq!(count(&home, "SELECT count(*) FROM agent_session_state"), states + rounds);
    let last = format!(
        "SELECT count(*) FROM mcp_session_persistence WHERE recovery_attempts = {rounds} AND metadata = 'round {rounds}'"
    );
    assert_eq!(count(&home, &last), 1);
    assert!(home.operations().iter().all(|o| o["state"] == "applied" && o["done"] == o["planned"]));
    assert_eq!(home.leftovers(), [""; 0]);
}

#[test]
fn a_writer_with_a_write_ahead_log_goes_on() {
    repairs_beside_a_writer("WAL");
}

#[test]
fn a_writer_with_a_rollback_journal_goes_on() {
    repairs_beside_a_writer("DELETE");
}

#[test]
fn a_session_that_comes_back_between_plan_and_lock_keeps_its_state() {
    for (at, change) in [
        (
            "start",
            "UPDATE mcp_session_persistence SET last_heartbeat = '2026-11-21T09:59:59.000Z', status = 'active' WHERE mcp_session_id = 's1'",
        ),
        (
            "logged",
            "UPDATE agent_session_state SET state_value = 'new' WHERE mcp_session_id = 's1' AND agent_id = 'a1'",
        ),
        ("logged", "INSERT INTO agent_session_state VALUES ('new', 's1', 'k', 'v', '', NULL)"),
    ] {
        let home = Home::new();
        home.database("store.db", &agent_mcp(2, 0));
        let halted = home.halted(at, &["prune", "store.db", "--apply"]).expect("it stands still");
        home.sql("store.db", &format!("PRAGMA foreign_keys = ON; {change}"));
        let ended = halted.finish();
        assert_eq!(ended.status, 0, "{}", ended.err);
        assert!(ended.err.contains("Left alone, since "), "{}", ended.err);
        assert_eq!(
            count(&home, "SELECT count(*) FROM mcp_session_persistence WHERE mcp_session_id = 's1'"),
            1,
            "{change}"
        );
        assert!(
            count(&home, "SELECT count(*) FROM agent_session_state WHERE mcp_session_id = 's1'") >= 2,
            "{change}"
        );
        assert_eq!(
            count(&home, "SELECT count(*) FROM agent_session_state WHERE mcp_session_id = 's2'"),
            0,
            "{change}"
        );
        let operation = home.operations().remove(0);
        assert_eq!((&operation["done"], &operation["left"]), (&4.into(), &3.into()), "{change}: {operation}");
    }
}

#[test]
fn a_reader_that_stays_in_the_way_delays_a_commit_and_loses_nothing() {
    // With a rollback journal a reader keeps a writer from committing.
    let home = Home::new();
    home.database("store.db", &super::stores::hooks(3, 1));
    let reader = Connection::open(home.at("store.db")).expect("a database");
    let halted = home.halted("changed", &["prune", "store.db", "--apply"]).expect("it stands still");
    reader.execute_batch("BEGIN; SELECT * FROM claude_sdk_sessions").expect("reading");
    let waits = std::thread::spawn(move || halted.finish());
    std::thread::sleep(Duration::from_millis(300));
    reader.execute_batch("COMMIT").expect("read");
    let ended = waits.join().expect("it ends");
    assert_eq!(ended.status, 0, "{}", ended.err);
    let operation = home.operations().remove(0);
    assert_eq!((&operation["state"], &operation["done"]), (&"applied".into(), &3.into()), "{operation}");
    assert_eq!(count(&home, "SELECT count(*) FROM claude_sdk_sessions"), 1);
}
